//! What may be observed: the metrics that the standard and the plans know, with the range a value can have. Owns the
//! ranges; where a metric is used is decided by the standard and the plan.

use domain::{Exact, FieldProblem};

/// A metric with the values that it can take.
struct Metric {
    id: &'static str,
    low: i64,
    high: i64,
    es: &'static str,
    en: &'static str,
}

/// Everything known by name; other metrics are free numbers.
const METRICS: &[Metric] = &[
    share("service_level", "proporción atendida a tiempo", "share answered in time"),
    share("abandonment", "proporción de abandono", "share abandoned"),
    share("fcr", "proporción resuelta al primer contacto", "share resolved at first contact"),
    share("csat_t2b", "proporción en las dos casillas superiores", "share in the top two boxes"),
    share("ces_t3b", "proporción de 5 a 7", "share of 5 to 7"),
    share("occupancy", "proporción ocupada", "share occupied"),
    between("aht_dev", 0, 100, "desvío relativo, 0.18 es 18 %", "relative deviation, 0.18 is 18%"),
    between("nps", -100, 100, "puntos de NPS", "NPS points"),
    between("csat", 0, 5, "media de 1 a 5, o proporción", "mean of 1 to 5, or a share"),
    between("ces", 1, 7, "media de 1 a 7", "mean of 1 to 7"),
    between("complaints_per_1000", 0, 1000, "quejas por mil atenciones", "complaints per thousand contacts"),
    between("calidad", 0, 100, "porcentaje de calidad", "quality percentage"),
    between("quality", 0, 100, "porcentaje de calidad", "quality percentage"),
];

/// Metrics that are computed from visits: entering them by hand would replace what was audited.
const FROM_VISITS: &[&str] =
    &["min_pillar", "critical_rate", "transparency_rate", "improper_count", "evidence_rate"];

const fn share(id: &'static str, es: &'static str, en: &'static str) -> Metric {
    between(id, 0, 1, es, en)
}

const fn between(id: &'static str, low: i64, high: i64, es: &'static str, en: &'static str) -> Metric {
    Metric { id, low, high, es, en }
}

/// Whether a metric is the opinion of an auditor: shown beside the customers' own, never in their place.
pub(crate) fn is_auditors_opinion(metric: &str) -> bool {
    metric.starts_with("auditor_")
}

/// Whether a metric is computed from visits.
pub(crate) fn is_from_visits(metric: &str) -> bool {
    metric.starts_with("ms_") || FROM_VISITS.contains(&metric)
}

/// Whether a name can be a metric: snake case, starting with a letter, at most 60 characters.
pub(crate) fn is_metric_name(metric: &str) -> bool {
    metric.len() <= 60
        && metric.starts_with(|it: char| it.is_ascii_lowercase())
        && metric.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
}

/// Every reason why a metric cannot have a value.
pub(crate) fn problems(parent: &str, metric: &str, value: &Exact) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if !is_metric_name(metric) {
        problems.push(FieldProblem::new(
            format!("{parent}/metric"),
            "metric_name",
            format!("«{metric}» no sirve de nombre; use minúsculas, cifras y guion bajo, como csat_t2b."),
            format!(
                "\"{metric}\" is not a metric name; use lower case, digits and underscore, such as csat_t2b"
            ),
        ));
    } else if is_from_visits(metric) || is_auditors_opinion(metric) {
        problems.push(FieldProblem::new(
            format!("{parent}/metric"),
            "metric_from_visits",
            format!("«{metric}» se calcula de las visitas y no se captura."),
            format!("\"{metric}\" is computed from visits and cannot be entered"),
        ));
    }
    if let Some(known) = METRICS.iter().find(|it| it.id == metric) {
        let (low, high) = (Exact::from(known.low), Exact::from(known.high));
        if *value < low || *value > high {
            problems.push(FieldProblem::new(
                format!("{parent}/value"),
                "out_of_range",
                format!("{metric} ({}) va de {low} a {high}; se recibió {value}.", known.es),
                format!("{metric} ({}) lies between {low} and {high}; got {value}", known.en),
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(metric: &str, value: &str) -> Vec<String> {
        problems("/observations/0", metric, &Exact::parse(value).unwrap())
            .into_iter()
            .map(|it| format!("{} {}", it.field, it.code))
            .collect()
    }

    #[test]
    fn a_share_given_as_a_percentage_is_refused() {
        assert_eq!(codes("fcr", "72"), ["/observations/0/value out_of_range"]);
        assert!(codes("fcr", "0.72").is_empty());
        assert!(codes("nps", "-12").is_empty());
        assert_eq!(codes("nps", "-112"), ["/observations/0/value out_of_range"]);
    }

    #[test]
    fn what_visits_measure_and_what_auditors_felt_cannot_be_entered() {
        for metric in ["ms_index", "critical_rate", "auditor_csat"] {
            assert_eq!(codes(metric, "1"), ["/observations/0/metric metric_from_visits"]);
        }
        assert_eq!(codes("Área", "1"), ["/observations/0/metric metric_name"]);
        assert!(codes("mystery_emails", "1").is_empty());
    }
}
