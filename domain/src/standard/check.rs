//! What is wrong with the content of a standard: every problem in one pass, at JSON Pointers into it.

use super::{
    Criterion, Gate, GateCondition, LEVEL_DIMENSION, Part, PartRules, STANDARD_SCHEMA, Section, Standard,
};
use crate::{Exact, FieldProblem, problem::pointer};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeSet;

/// Figures that a `ko_rule` may name.
const KNOCK_OUT_FIGURES: &[&str] = &["value", "confirmed"];

type Problems = Vec<FieldProblem>;

impl Standard {
    /// Every rule of content that it breaks; empty for sound content.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if self.schema != STANDARD_SCHEMA {
            let (es, en) = (format!("debe ser {STANDARD_SCHEMA}"), format!("must be {STANDARD_SCHEMA}"));
            problems.push(FieldProblem::new("/schema", "unknown_schema", es, en));
        }
        if self.version == 0 {
            problems.push(FieldProblem::new(
                "/version",
                "out_of_range",
                "las versiones empiezan en 1",
                "versions begin at 1",
            ));
        }
        texts(&mut problems, "/title", &self.title.es, &self.title.en);
        part(&mut problems, "/rating/enablers", &self.rating.enablers, Part::Enablers);
        part(&mut problems, "/rating/results", &self.rating.results, Part::Results);
        self.bands_problems(&mut problems);
        self.gates_problems(&mut problems);
        let sum: u64 = self.sections.iter().map(|it| u64::from(it.points)).sum();
        sum_of(&mut problems, "/total_points", sum, self.total_points);
        let mut sections = BTreeSet::new();
        let mut criteria = BTreeSet::new();
        for (index, it) in self.sections.iter().enumerate() {
            let at = format!("/sections/{index}");
            unique(&mut problems, &at, &it.id, &mut sections);
            section(&mut problems, &at, it, &mut criteria);
        }
        problems
    }

    fn bands_problems(&self, problems: &mut Problems) {
        let mut seen = BTreeSet::new();
        let mut previous: Option<u32> = None;
        for (index, band) in self.bands.iter().enumerate() {
            let at = format!("/bands/{index}");
            unique(problems, &at, &band.id, &mut seen);
            texts(problems, &at, &band.es, &band.en);
            let ascends = previous.map_or(band.min == 0, |it| it < band.min);
            if !ascends || band.min > self.total_points {
                problems.push(FieldProblem::new(
                    pointer(&at, "min"),
                    "bands_not_ascending",
                    "los mínimos empiezan en 0 y suben hasta el total de puntos",
                    "minimums begin at 0 and rise, up to the total points",
                ));
            }
            previous = Some(band.min);
        }
        if self.bands.is_empty() {
            problems.push(FieldProblem::new(
                "/bands",
                "missing",
                "faltan las categorías",
                "bands are missing",
            ));
        }
    }

    fn gates_problems(&self, problems: &mut Problems) {
        let mut seen = BTreeSet::new();
        for (index, gate) in self.gates.iter().enumerate() {
            let at = format!("/gates/{index}");
            unique(problems, &at, &gate.id, &mut seen);
            texts(problems, &at, &gate.es, &gate.en);
            gate_numbers(problems, &at, gate, self.total_points);
        }
    }
}

fn gate_numbers(problems: &mut Problems, at: &str, gate: &Gate, total: u32) {
    if gate.max_points > total {
        problems.push(FieldProblem::new(
            pointer(at, "max_points"),
            "out_of_range",
            format!("el tope no puede superar {total} puntos"),
            format!("the cap cannot exceed {total} points"),
        ));
    }
    let fits = match (gate.when, gate.pct) {
        (GateCondition::AnySectionBelowPct, Some(pct)) => (1..=100).contains(&pct),
        (GateCondition::AnySectionBelowPct, None) => false,
        (_, pct) => pct.is_none(),
    };
    if !fits {
        problems.push(FieldProblem::new(
            pointer(at, "pct"),
            "gate_pct",
            "pct va de 1 a 100 y sólo acompaña a any_section_below_pct",
            "pct lies in 1 to 100 and goes with any_section_below_pct only",
        ));
    }
}

fn part(problems: &mut Problems, at: &str, rules: &PartRules, part: Part) {
    let mut seen = BTreeSet::new();
    for (index, it) in rules.dimensions.iter().enumerate() {
        unique(problems, &format!("{at}/dimensions/{index}"), &it.id, &mut seen);
    }
    let sum: u64 = rules.dimensions.iter().map(|it| u64::from(it.weight)).sum();
    sum_of(problems, &format!("{at}/dimensions"), sum, 100);
    let ascending = rules.levels.windows(2).all(|it| it.first() < it.last());
    if !ascending || rules.levels.last().is_some_and(|it| *it > 100) {
        problems.push(FieldProblem::new(
            format!("{at}/levels"),
            "levels_not_ascending",
            "los niveles suben y van de 0 a 100",
            "levels rise and lie in 0 to 100",
        ));
    }
    if (part == Part::Results) != seen.contains(LEVEL_DIMENSION) {
        problems.push(FieldProblem::new(
            format!("{at}/dimensions"),
            "level_dimension",
            format!("la dimensión {LEVEL_DIMENSION} sale de la curva: va en los resultados y sólo ahí"),
            format!("the dimension {LEVEL_DIMENSION} comes from the curve: results have it, enablers do not"),
        ));
    }
}

fn section(problems: &mut Problems, at: &str, section: &Section, seen: &mut BTreeSet<String>) {
    texts(problems, &pointer(at, "title"), &section.title.es, &section.title.en);
    if section.criteria.is_empty() {
        let field = pointer(at, "criteria");
        problems.push(FieldProblem::new(field, "missing", "faltan los criterios", "criteria are missing"));
    }
    let sum: u64 = section.criteria.iter().map(|it| u64::from(it.points)).sum();
    sum_of(problems, &pointer(at, "points"), sum, section.points);
    for (index, it) in section.criteria.iter().enumerate() {
        let at = format!("{at}/criteria/{index}");
        unique(problems, &at, &it.id, seen);
        texts(problems, &at, &it.es, &it.en);
        if it.points == 0 {
            problems.push(FieldProblem::new(
                pointer(&at, "points"),
                "out_of_range",
                "un criterio vale al menos 1 punto",
                "a criterion is worth at least 1 point",
            ));
        }
        criterion(problems, &at, it, section.part);
    }
}

fn criterion(problems: &mut Problems, at: &str, it: &Criterion, part: Part) {
    let (has_metric, has_curve) = (it.metric.is_some(), !it.curve.is_empty());
    let figures_fit = match part {
        Part::Enablers => !has_metric && !has_curve,
        Part::Results => has_metric && has_curve,
    };
    if !figures_fit {
        problems.push(FieldProblem::new(
            pointer(at, "curve"),
            "curve_misplaced",
            "un resultado lleva metric y curve; un habilitador, ninguno",
            "a result has metric and curve, an enabler has neither",
        ));
    }
    if it.ko_rule.is_some() != (it.ko && part == Part::Results) {
        problems.push(FieldProblem::new(
            pointer(at, "ko_rule"),
            "ko_rule_misplaced",
            "ko_rule acompaña a los resultados con ko: true, y sólo a ellos",
            "ko_rule goes with results that have ko: true, and with nothing else",
        ));
    }
    for name in it.ko_rule.iter().flat_map(|rule| rule.names()) {
        if !KNOCK_OUT_FIGURES.contains(&name) {
            problems.push(FieldProblem::new(
                pointer(at, "ko_rule"),
                "unknown_figure",
                format!("«{name}» no existe; use value o confirmed"),
                format!("\"{name}\" does not exist; use value or confirmed"),
            ));
        }
    }
    curve(problems, at, &it.curve);
}

fn curve(problems: &mut Problems, at: &str, knots: &[[Exact; 2]]) {
    let ascending = knots.windows(2).all(|it| matches!(it, [[a, _], [b, _]] if a < b));
    if !ascending || knots.len() == 1 {
        problems.push(FieldProblem::new(
            pointer(at, "curve"),
            "curve_not_ascending",
            "la curva tiene al menos dos puntos, por valor ascendente",
            "a curve has two knots or more, by ascending value",
        ));
    }
    if knots.iter().any(|[_, pct]| pct.is_negative() || *pct > Exact::from(100)) {
        problems.push(FieldProblem::new(
            pointer(at, "curve"),
            "out_of_range",
            "los porcentajes de la curva van de 0 a 100",
            "percentages of a curve lie in 0 to 100",
        ));
    }
}

fn unique(problems: &mut Problems, at: &str, id: &str, seen: &mut BTreeSet<String>) {
    if id.is_empty() || !seen.insert(id.to_string()) {
        problems.push(FieldProblem::new(
            pointer(at, "id"),
            "repeated_id",
            format!("el id «{id}» está vacío o repetido"),
            format!("the id \"{id}\" is empty or repeated"),
        ));
    }
}

fn texts(problems: &mut Problems, at: &str, es: &str, en: &str) {
    for (language, text) in [("es", es), ("en", en)] {
        if text.trim().is_empty() {
            let field = pointer(at, language);
            problems.push(FieldProblem::new(field, "text_missing", "falta el texto", "the text is missing"));
        }
    }
}

fn sum_of(problems: &mut Problems, field: &str, sum: u64, expected: u32) {
    if sum != u64::from(expected) {
        problems.push(FieldProblem::new(
            field,
            "sum_differs",
            format!("las partes suman {sum}, no {expected}"),
            format!("the parts add up to {sum}, not {expected}"),
        ));
    }
}
