//! From a plan file to its plans; what is wrong is told and a stand-in goes on.

use std::collections::BTreeMap;

use domain::incentive::{
    AttainmentForm, Axis, BandProtection, Component, HalfUp, InsufficientSample, Modifier, MoneyRules,
    PayGate, PercentRules, PeriodKind, Plan, Proration, Recognition, Remainder, ResultLevel, RoundAt, Split,
    SplitBy, Table, Tie,
};

use crate::{
    figures::{points, required_rule},
    read::Cursor,
};

/// What all plans of a file share.
struct Shared {
    schema: String,
    version: u32,
    currency: String,
    money: MoneyRules,
    percent: PercentRules,
    tables: BTreeMap<String, Table>,
}

pub(super) fn plans(cursor: &Cursor<'_>) -> Vec<Plan> {
    let mut fields = cursor.fields();
    let shared = Shared {
        schema: fields.required("schema", Cursor::text),
        version: fields.optional("version", Cursor::integer).unwrap_or(1),
        currency: fields.required("currency", Cursor::text),
        money: fields.required("money", money),
        percent: fields.required("percent", percent),
        tables: fields.required("tables", |it| it.entries(table)),
    };
    let plans = fields.required("plans", |it| it.list(|it| plan(it, &shared)));
    fields.finish();
    plans
}

fn half_up(cursor: &Cursor<'_>) -> HalfUp {
    cursor.choice(&[("half_up", HalfUp::HalfUp)], HalfUp::HalfUp)
}

fn money(cursor: &Cursor<'_>) -> MoneyRules {
    let mut fields = cursor.fields();
    let rules = MoneyRules {
        minor_units: fields.required("minor_units", Cursor::integer),
        rounding: fields.required("rounding", half_up),
        round_at: fields.required("round_at", |it| it.choice(&[("line", RoundAt::Line)], RoundAt::Line)),
    };
    fields.finish();
    rules
}

fn percent(cursor: &Cursor<'_>) -> PercentRules {
    let mut fields = cursor.fields();
    let rules = PercentRules {
        decimals: fields.required("decimals", Cursor::integer),
        rounding: fields.required("rounding", half_up),
    };
    fields.finish();
    rules
}

fn table(cursor: &Cursor<'_>) -> Table {
    const AXES: [(&str, Axis); 2] = [("attainment_pct", Axis::AttainmentPct), ("value", Axis::Value)];
    let mut fields = cursor.fields();
    let is_step = fields.required("kind", |it| it.choice(&[("linear", false), ("step", true)], true));
    let x = fields.required("x", |it| it.choice(&AXES, Axis::Value));
    let table = if is_step {
        Table::Step { x, steps: fields.required("steps", points) }
    } else {
        Table::Linear {
            x,
            knots: fields.required("knots", points),
            below: fields.required("below", Cursor::exact),
            above: fields.required("above", Cursor::exact),
        }
    };
    fields.finish();
    table
}

fn plan(cursor: &Cursor<'_>, shared: &Shared) -> Plan {
    const PERIODS: [(&str, PeriodKind); 5] = [
        ("month", PeriodKind::Month),
        ("bimester", PeriodKind::Bimester),
        ("quarter", PeriodKind::Quarter),
        ("semester", PeriodKind::Semester),
        ("year", PeriodKind::Year),
    ];
    let mut fields = cursor.fields();
    let plan = Plan {
        schema: shared.schema.clone(),
        id: fields.required("id", Cursor::text),
        version: fields.optional("version", Cursor::integer).unwrap_or(shared.version),
        title: fields.optional("title", Cursor::local_text),
        currency: shared.currency.clone(),
        money: shared.money.clone(),
        percent: shared.percent.clone(),
        period: fields.required("period", |it| it.choice(&PERIODS, PeriodKind::Month)),
        target: fields.optional("target", Cursor::exact),
        components: fields.optional("components", |it| it.list(component)).unwrap_or_default(),
        insufficient_sample: fields.optional("insufficient_sample", insufficient_sample),
        accelerators: fields.optional("accelerators", |it| it.list(modifier)).unwrap_or_default(),
        decelerators: fields.optional("decelerators", |it| it.list(modifier)).unwrap_or_default(),
        gates: fields.optional("gates", |it| it.list(gate)).unwrap_or_default(),
        proration: fields.optional("proration", |it| {
            it.choice(&[("calendar_days", Proration::CalendarDays)], Proration::CalendarDays)
        }),
        cap_total_pct: fields.optional("cap_total_pct", Cursor::exact),
        base_per_head: fields.optional("base_per_head", Cursor::exact),
        table: fields.optional("table", Cursor::text),
        min_n: fields.optional("min_n", Cursor::integer),
        band_multiplier: fields
            .optional("band_multiplier", |it| it.entries(Cursor::exact))
            .unwrap_or_default(),
        pool_cap_pct: fields.optional("pool_cap_pct", Cursor::exact),
        split: fields.optional("split", split),
        recognitions: fields.optional("recognitions", |it| it.list(recognition)).unwrap_or_default(),
        recovery_cap_pct_of_variable: fields.optional("recovery_cap_pct_of_variable", Cursor::exact),
        tables: shared.tables.clone(),
    };
    fields.finish();
    plan
}

fn insufficient_sample(cursor: &Cursor<'_>) -> InsufficientSample {
    const RULES: [(&str, InsufficientSample); 4] = [
        ("redistribute_weight", InsufficientSample::RedistributeWeight),
        ("hold_harmless", InsufficientSample::HoldHarmless),
        ("carry_forward", InsufficientSample::CarryForward),
        ("zero", InsufficientSample::Zero),
    ];
    cursor.choice(&RULES, InsufficientSample::RedistributeWeight)
}

fn component(cursor: &Cursor<'_>) -> Component {
    const LEVELS: [(&str, ResultLevel); 4] = [
        ("individual", ResultLevel::Individual),
        ("branch", ResultLevel::Branch),
        ("region", ResultLevel::Region),
        ("organization", ResultLevel::Organization),
    ];
    const FORMS: [(&str, AttainmentForm); 3] = [
        ("ratio", AttainmentForm::Ratio),
        ("range", AttainmentForm::Range),
        ("inverse", AttainmentForm::Inverse),
    ];
    let mut fields = cursor.fields();
    let component = Component {
        id: fields.required("id", Cursor::text),
        weight: fields.required("weight", Cursor::exact),
        level: fields.optional("level", |it| it.choice(&LEVELS, ResultLevel::Branch)),
        goal: fields.optional("goal", Cursor::exact),
        base: fields.optional("base", Cursor::exact),
        form: fields.optional("form", |it| it.choice(&FORMS, AttainmentForm::Ratio)).unwrap_or_default(),
        table: fields.required("table", Cursor::text),
        min_n: fields.optional("min_n", Cursor::integer),
        protect_band_by_ci: fields.optional("protect_band_by_ci", protection),
        cap_pct: fields.optional("cap_pct", Cursor::exact),
    };
    fields.finish();
    component
}

fn protection(cursor: &Cursor<'_>) -> BandProtection {
    let mut fields = cursor.fields();
    let protection = BandProtection {
        level: fields.required("level", Cursor::exact),
        max_consecutive: fields.required("max_consecutive", Cursor::integer),
    };
    fields.finish();
    protection
}

fn modifier(cursor: &Cursor<'_>) -> Modifier {
    let mut fields = cursor.fields();
    let modifier = Modifier {
        component: fields.required("component", Cursor::text),
        when: fields.required("when", required_rule),
        factor: fields.required("factor", Cursor::exact),
    };
    fields.finish();
    modifier
}

fn gate(cursor: &Cursor<'_>) -> PayGate {
    let mut fields = cursor.fields();
    let gate = PayGate {
        id: fields.required("id", Cursor::text),
        component: fields.required("component", Cursor::text),
        require: fields.required("require", required_rule),
        otherwise: fields.optional("otherwise", Cursor::exact),
        all: fields.flag("all"),
    };
    fields.finish();
    gate
}

fn split(cursor: &Cursor<'_>) -> Split {
    const WEIGHTS: [(&str, SplitBy); 4] = [
        ("role_factor * days", SplitBy::RoleFactorDays),
        ("role_factor", SplitBy::RoleFactor),
        ("days", SplitBy::Days),
        ("equal", SplitBy::Equal),
    ];
    let mut fields = cursor.fields();
    let split = Split {
        by: fields.required("by", |it| it.choice(&WEIGHTS, SplitBy::Equal)),
        remainder: fields.required("remainder", |it| {
            it.choice(&[("largest_remainder", Remainder::LargestRemainder)], Remainder::LargestRemainder)
        }),
        tie: fields
            .required("tie", |it| it.choice(&[("employee_id_asc", Tie::EmployeeIdAsc)], Tie::EmployeeIdAsc)),
    };
    fields.finish();
    split
}

fn recognition(cursor: &Cursor<'_>) -> Recognition {
    let mut fields = cursor.fields();
    let recognition = Recognition {
        id: fields.required("id", Cursor::text),
        when: fields.required("when", required_rule),
        amount: fields.optional("amount", Cursor::exact),
        outside_cap: fields.flag("outside_cap"),
    };
    fields.finish();
    recognition
}
