//! What is wrong with the content of a plan: every problem in one pass, at JSON Pointers into it; and what is allowed
//! but unwise.

use super::{
    AttainmentForm, Axis, Component, InsufficientSample, Modifier, PLAN_SCHEMA, Plan, ResultLevel, Table,
};
use crate::{Exact, FieldProblem, Rule, problem::pointer};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeSet;

type Problems = Vec<FieldProblem>;

/// Something allowed but unwise, in the shape of a problem.
pub type Warning = FieldProblem;

/// Figures that rules on components may name.
const COMPONENT_FIGURES: &[&str] = &["value", "n", "confirmed_critical", "attainment_pct", "payout_pct"];
/// Figures that gates before all components may name.
const GATE_FIGURES: &[&str] = &["value", "n", "confirmed_critical"];
/// Figures that recognitions may name.
const VISIT_FIGURES: &[&str] = &["visit_score"];
/// Most decimals of a currency and of percentages.
const MAX_MINOR_UNITS: u32 = 4;
const MAX_PERCENT_DECIMALS: u32 = 6;

impl Plan {
    /// Every rule of content that it breaks; empty for sound content.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        self.frame(&mut problems);
        for (name, table) in &self.tables {
            check_table(&mut problems, &pointer("/tables", name), table);
        }
        if self.is_pool() {
            self.pool(&mut problems)
        } else {
            self.individual(&mut problems)
        }
        for (index, it) in self.recognitions.iter().enumerate() {
            let at = format!("/recognitions/{index}");
            figures(&mut problems, &pointer(&at, "when"), &it.when, VISIT_FIGURES);
            not_negative(&mut problems, &pointer(&at, "amount"), it.amount.as_ref());
        }
        unique(&mut problems, "/recognitions", self.recognitions.iter().map(|it| it.id.as_str()));
        problems
    }

    /// What is allowed but unwise (DOMAIN.md 4.3, 4.4 and 10.4).
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (index, it) in self.components.iter().enumerate() {
            let mean = it.goal.as_ref().is_some_and(|it| *it > Exact::one() && *it <= Exact::from(5));
            if mean && it.form == AttainmentForm::Ratio {
                push(
                    &mut warnings,
                    format!("/components/{index}/form"),
                    "ratio_on_a_mean",
                    "la meta parece una media de 1 a 5, cuyo cero no es cero: use form: range con base: 1",
                    "the goal looks like a mean from 1 to 5, whose zero is not zero: use form: range with base: 1",
                );
            }
            unwise_of_visits(&mut warnings, &format!("/components/{index}"), it);
            if it.min_n.is_some_and(|it| it < 3) {
                push(
                    &mut warnings,
                    format!("/components/{index}/min_n"),
                    "small_min_n",
                    "menos de 3 visitas dejan el pago a una sola visita",
                    "fewer than 3 visits leave pay to a single visit",
                );
            }
        }
        for (index, it) in self.recognitions.iter().enumerate().filter(|(_, it)| it.amount.is_some()) {
            push(
                &mut warnings,
                format!("/recognitions/{index}"),
                "single_visit_recognition",
                format!("«{}» paga a personas por una sola visita", it.id),
                format!("\"{}\" pays people for a single visit", it.id),
            );
        }
        warnings
    }

    fn frame(&self, problems: &mut Problems) {
        if self.schema != PLAN_SCHEMA {
            let (es, en) = (format!("debe ser {PLAN_SCHEMA}"), format!("must be {PLAN_SCHEMA}"));
            push(problems, "/schema", "unknown_schema", es, en);
        }
        if self.version == 0 {
            let (es, en) = ("las versiones empiezan en 1", "versions begin at 1");
            push(problems, "/version", "out_of_range", es, en);
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|it| it.is_ascii_uppercase()) {
            let (es, en) = ("use el código ISO 4217, como MXN", "use the ISO 4217 code, such as MXN");
            push(problems, "/currency", "unknown_currency", es, en);
        }
        for (field, decimals, most) in [
            ("/money/minor_units", self.money.minor_units, MAX_MINOR_UNITS),
            ("/percent/decimals", self.percent.decimals, MAX_PERCENT_DECIMALS),
        ] {
            if decimals > most {
                push(
                    problems,
                    field,
                    "out_of_range",
                    format!("va de 0 a {most}"),
                    format!("lies in 0 to {most}"),
                );
            }
        }
        for (field, value) in [
            ("/target", &self.target),
            ("/base_per_head", &self.base_per_head),
            ("/cap_total_pct", &self.cap_total_pct),
            ("/pool_cap_pct", &self.pool_cap_pct),
            ("/recovery_cap_pct_of_variable", &self.recovery_cap_pct_of_variable),
        ] {
            not_negative(problems, field, value.as_ref());
        }
        if self.recovery_cap_pct_of_variable.as_ref().is_some_and(|it| *it > Exact::from(100)) {
            let (es, en) = ("va de 0 a 100", "lies in 0 to 100");
            push(problems, "/recovery_cap_pct_of_variable", "out_of_range", es, en);
        }
    }

    fn table_at(&self, problems: &mut Problems, field: String, name: &str) -> Option<&Table> {
        let table = self.tables.get(name);
        if table.is_none() {
            let (es, en) = (format!("la tabla «{name}» no existe"), format!("there is no table \"{name}\""));
            push(problems, field, "unknown_table", es, en);
        }
        table
    }

    fn pool(&self, problems: &mut Problems) {
        if self.base_per_head.is_none() {
            missing(problems, "/base_per_head");
        }
        match &self.table {
            None => missing(problems, "/table"),
            Some(name) => {
                let table = self.table_at(problems, "/table".to_string(), name);
                if table.is_some_and(|it| it.axis() != Axis::Value) {
                    let (es, en) =
                        ("la tabla de una bolsa va por value", "the table of a pool is entered by value");
                    push(problems, "/table", "table_axis", es, en);
                }
            }
        }
        for (band, factor) in &self.band_multiplier {
            not_negative(problems, &pointer("/band_multiplier", band), Some(factor));
        }
        let rule = self.insufficient_sample;
        let usable = matches!(rule, Some(InsufficientSample::HoldHarmless | InsufficientSample::Zero));
        if self.min_n.is_some() != rule.is_some() || (rule.is_some() && !usable) {
            let (es, en) = (
                "una bolsa con min_n lleva insufficient_sample: hold_harmless o zero",
                "a pool with min_n has insufficient_sample: hold_harmless or zero",
            );
            push(problems, "/insufficient_sample", "sample_rule", es, en);
        }
        for (field, present) in [
            ("/components", !self.components.is_empty()),
            ("/target", self.target.is_some()),
            ("/proration", self.proration.is_some()),
            ("/cap_total_pct", self.cap_total_pct.is_some()),
            ("/accelerators", !self.accelerators.is_empty()),
            ("/decelerators", !self.decelerators.is_empty()),
            ("/gates", !self.gates.is_empty()),
        ] {
            if present {
                misplaced(problems, field);
            }
        }
    }

    fn individual(&self, problems: &mut Problems) {
        if self.components.is_empty() {
            let (es, en) = (
                "faltan los componentes (o split, para una bolsa)",
                "components (or split, for a pool) are missing",
            );
            push(problems, "/components", "missing", es, en);
        }
        unique(problems, "/components", self.components.iter().map(|it| it.id.as_str()));
        let sum: Exact = self.components.iter().map(|it| &it.weight).sum();
        if sum != Exact::one() && !self.components.is_empty() {
            let (es, en) =
                (format!("los pesos suman {sum}, no 1"), format!("weights add up to {sum}, not 1"));
            push(problems, "/components", "sum_differs", es, en);
        }
        for (index, it) in self.components.iter().enumerate() {
            self.component_at(problems, &format!("/components/{index}"), it);
        }
        let sampled = self.components.iter().any(|it| it.min_n.is_some());
        if sampled != self.insufficient_sample.is_some() {
            let (es, en) = (
                "insufficient_sample va con min_n: sin regla no se sabe qué hacer, sin min_n nunca se aplica",
                "insufficient_sample goes with min_n: without a rule nobody knows what to do, without min_n it never applies",
            );
            push(problems, "/insufficient_sample", "sample_rule", es, en);
        }
        self.modifiers(problems, "/accelerators", &self.accelerators, &|it| it >= &Exact::one());
        self.modifiers(problems, "/decelerators", &self.decelerators, &|it| {
            !it.is_negative() && it <= &Exact::one()
        });
        self.pay_gates(problems);
        for (field, present) in [
            ("/base_per_head", self.base_per_head.is_some()),
            ("/table", self.table.is_some()),
            ("/min_n", self.min_n.is_some()),
            ("/band_multiplier", !self.band_multiplier.is_empty()),
            ("/pool_cap_pct", self.pool_cap_pct.is_some()),
        ] {
            if present {
                misplaced(problems, field);
            }
        }
    }

    fn component_at(&self, problems: &mut Problems, at: &str, it: &Component) {
        if it.weight <= Exact::zero() {
            let (es, en) = ("debe ser mayor que 0", "must be above 0");
            push(problems, pointer(at, "weight"), "out_of_range", es, en);
        }
        not_negative(problems, &pointer(at, "cap_pct"), it.cap_pct.as_ref());
        goal(problems, at, it);
        level(problems, at, it);
        let Some(table) = self.table_at(problems, pointer(at, "table"), &it.table) else { return };
        if table.axis() == Axis::AttainmentPct && it.goal.is_none() {
            let (es, en) = (
                "la tabla va por attainment_pct: falta la meta",
                "the table is entered by attainment_pct: a goal is missing",
            );
            push(problems, pointer(at, "goal"), "missing", es, en);
        }
        let Some(protection) = &it.protect_band_by_ci else { return };
        let at = pointer(at, "protect_band_by_ci");
        let level = &protection.level;
        if *level < Exact::scaled(5, 1) || *level > Exact::scaled(999, 3) {
            let (es, en) = ("va de 0.5 a 0.999", "lies in 0.5 to 0.999");
            push(problems, pointer(&at, "level"), "out_of_range", es, en);
        }
        if !matches!(table, Table::Step { x: Axis::Value, .. }) {
            let (es, en) = (
                "sólo una tabla por escalones y value tiene categorías",
                "only a step table entered by value has bands",
            );
            push(problems, at, "table_axis", es, en);
        }
    }

    fn modifiers(
        &self,
        problems: &mut Problems,
        list: &str,
        modifiers: &[Modifier],
        fits: &dyn Fn(&Exact) -> bool,
    ) {
        for (index, it) in modifiers.iter().enumerate() {
            let at = format!("{list}/{index}");
            self.known_component(problems, &at, &it.component);
            figures(problems, &pointer(&at, "when"), &it.when, COMPONENT_FIGURES);
            if !fits(&it.factor) {
                let (es, en) = (
                    "un acelerador es 1 o más; un desacelerador va de 0 a 1",
                    "an accelerator is 1 or more; a decelerator lies in 0 to 1",
                );
                push(problems, pointer(&at, "factor"), "out_of_range", es, en);
            }
        }
    }

    fn pay_gates(&self, problems: &mut Problems) {
        unique(problems, "/gates", self.gates.iter().map(|it| it.id.as_str()));
        for (index, it) in self.gates.iter().enumerate() {
            let at = format!("/gates/{index}");
            self.known_component(problems, &at, &it.component);
            let known = if it.all { GATE_FIGURES } else { COMPONENT_FIGURES };
            figures(problems, &pointer(&at, "require"), &it.require, known);
            let factor = it.otherwise.clone().unwrap_or_default();
            if factor.is_negative() || factor > Exact::one() {
                let (es, en) = ("va de 0 a 1", "lies in 0 to 1");
                push(problems, pointer(&at, "otherwise"), "out_of_range", es, en);
            }
        }
    }

    fn known_component(&self, problems: &mut Problems, at: &str, id: &str) {
        if self.component(id).is_none() {
            let (es, en) =
                (format!("el componente «{id}» no existe"), format!("there is no component \"{id}\""));
            push(problems, pointer(at, "component"), "unknown_component", es, en);
        }
    }
}

fn goal(problems: &mut Problems, at: &str, it: &Component) {
    let fits = match (it.form, &it.goal, &it.base) {
        (AttainmentForm::Ratio, None, None) => true,
        (AttainmentForm::Ratio, Some(goal), None) => *goal > Exact::zero(),
        (AttainmentForm::Range, Some(goal), Some(base)) => goal > base,
        (AttainmentForm::Inverse, Some(goal), Some(base)) => goal < base,
        _ => false,
    };
    if !fits {
        push(
            problems,
            pointer(at, "goal"),
            "goal_and_base",
            "ratio: meta mayor que 0 y sin base; range: base menor que la meta; inverse: base mayor que la meta",
            "ratio: goal above 0 and no base; range: base below the goal; inverse: base above the goal",
        );
    }
}

/// Visits are of branches: a wider level would be paid by the branch's visits all the same.
fn level(problems: &mut Problems, at: &str, it: &Component) {
    if it.is_of_visits() && matches!(it.level, Some(ResultLevel::Region | ResultLevel::Organization)) {
        push(
            problems,
            pointer(at, "level"),
            "level_of_visits",
            "un componente «ms_» se paga por las visitas de la sucursal: use level: branch, u otro id y una observación KPI",
            "an \"ms_\" component is paid by the visits to the branch: use level: branch, or another id and a KPI observation",
        );
    }
}

fn unwise_of_visits(warnings: &mut Problems, at: &str, it: &Component) {
    if it.is_of_visits() && it.level == Some(ResultLevel::Individual) {
        push(
            warnings,
            pointer(at, "level"),
            "visits_of_the_branch",
            "nadie tiene visitas propias: un componente «ms_» individual se paga por las visitas de la sucursal",
            "nobody has visits of their own: an individual \"ms_\" component is paid by the visits to the branch",
        );
    }
    if it.protect_band_by_ci.is_some() && !it.is_of_visits() {
        push(
            warnings,
            pointer(at, "protect_band_by_ci"),
            "protection_without_visits",
            "la protección necesita visitas, y un cálculo sólo las da a componentes cuyo id empieza con ms_",
            "protection needs visits, and a run gives them only to components whose id begins with ms_",
        );
    }
}

fn check_table(problems: &mut Problems, at: &str, table: &Table) {
    let points = table.points();
    let (key, fewest) = match table {
        Table::Linear { .. } => ("knots", 2),
        Table::Step { .. } => ("steps", 1),
    };
    let ascending = points.windows(2).all(|it| matches!(it, [[a, _], [b, _]] if a < b));
    if !ascending || points.len() < fewest {
        let (es, en) = (
            format!("{key}: al menos {fewest}, con x ascendente"),
            format!("{key}: {fewest} or more, by ascending x"),
        );
        push(problems, pointer(at, key), "table_not_ascending", es, en);
    }
    let mut percentages: Vec<&Exact> = points.iter().map(|[_, pct]| pct).collect();
    if let Table::Linear { below, above, .. } = table {
        percentages.extend([below, above]);
    }
    if percentages.iter().any(|it| it.is_negative()) {
        push(problems, at, "out_of_range", "un pago no puede ser negativo", "a payout cannot be negative");
    }
}

fn figures(problems: &mut Problems, field: &str, rule: &Rule, known: &[&str]) {
    for name in rule.names().into_iter().filter(|it| !known.contains(it)) {
        let list = known.join(", ");
        let (es, en) =
            (format!("«{name}» no existe; use: {list}"), format!("\"{name}\" does not exist; use: {list}"));
        push(problems, field, "unknown_figure", es, en);
    }
}

fn unique<'a>(problems: &mut Problems, list: &str, ids: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for (index, id) in ids.enumerate() {
        if id.is_empty() || !seen.insert(id) {
            let (es, en) = (
                format!("el id «{id}» está vacío o repetido"),
                format!("the id \"{id}\" is empty or repeated"),
            );
            push(problems, format!("{list}/{index}/id"), "repeated_id", es, en);
        }
    }
}

fn not_negative(problems: &mut Problems, field: &str, value: Option<&Exact>) {
    if value.is_some_and(Exact::is_negative) {
        push(problems, field, "out_of_range", "no puede ser negativo", "cannot be negative");
    }
}

fn missing(problems: &mut Problems, field: &str) {
    push(problems, field, "missing", "falta esta clave", "this key is missing");
}

fn misplaced(problems: &mut Problems, field: &str) {
    push(
        problems,
        field,
        "misplaced_key",
        "esta clave no se aplica a esta clase de plan",
        "this key does not apply to this kind of plan",
    );
}

fn push(
    problems: &mut Problems,
    field: impl Into<String>,
    code: &str,
    es: impl Into<String>,
    en: impl Into<String>,
) {
    problems.push(FieldProblem::new(field, code, es, en));
}
