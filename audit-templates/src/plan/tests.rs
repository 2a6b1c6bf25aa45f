//! Reading plan files: the released ones, files with several plans, and every kind of mistake at its place.

use super::*;

const CALLS: &str = include_str!("../../content/plans/centro_contacto_individual.yaml");
const POOL: &str = include_str!("../../content/plans/sucursal_bolsa_equipo.yaml");

#[track_caller]
fn problems(text: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut text = text.to_string();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let told = read_plans("changed.yaml", &text).expect_err("the file has problems");
    told.into_iter().map(|it| (it.path, it.code)).collect()
}

#[track_caller]
fn holds_all(found: &[(String, String)], expected: &[(&str, &str)]) {
    for (path, code) in expected {
        assert!(found.contains(&((*path).to_string(), (*code).to_string())), "{path} {code}: {found:#?}");
    }
}

#[test]
fn each_released_plan_is_complete_in_itself() {
    for it in plans() {
        assert_eq!(it.content.problems(), []);
        assert_eq!(serde_json::from_str::<Plan>(&it.canonical_json).unwrap(), it.content);
    }
    let tables = |id: &str| find_plan(id, None).unwrap().content.tables.keys().cloned().collect::<Vec<_>>();
    assert_eq!(tables("sucursal-individual"), ["lineal_80_120"]);
    assert_eq!(tables("centro-contacto-individual"), ["escalones_banda", "lineal_80_120"]);
}

#[test]
fn a_file_may_hold_several_plans_over_shared_tables() {
    let pool = POOL.split_once("plans:\n").unwrap().1.split_once("tables:\n").unwrap();
    let (head, calls) = CALLS.split_once("tables:\n").unwrap();
    let text = format!("{head}{}tables:\n{}{calls}", pool.0, pool.1);
    let both = read_plans("both.yaml", &text).unwrap();
    let ids: Vec<&str> = both.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["centro-contacto-individual", "sucursal-bolsa-equipo"]);
    for plan in &both {
        assert_eq!(plan, &find_plan(&plan.id, None).unwrap().content, "only its own tables");
    }
}

#[test]
fn every_mistake_of_a_persons_plan_is_told_at_its_place_in_one_pass() {
    let found = problems(
        CALLS,
        &[
            ("currency: MXN", "currency: peso"),
            ("period: month", "period: fortnight"),
            ("weight: \"0.50\"", "weight: \"0.51\""),
            ("table: escalones_banda", "table: escalones"),
            ("goal: \"0.75\"", "goal: \"0\""),
            ("    insufficient_sample: redistribute_weight\n", ""),
            ("when: \"confirmed_critical >= 2\"", "when: \"confirmed_critical => 2\""),
            ("[[\"80\", \"50\"], [\"100\", \"100\"]", "[[\"80\", \"50\"], [\"80\", \"100\"]"),
            ("recovery_cap_pct_of_variable: \"30\"", "recovery_cap: \"30\""),
        ],
    );
    holds_all(
        &found,
        &[
            ("currency", "unknown_currency"),
            ("plans[0].period", "unknown_value"),
            ("plans[0].components", "sum_differs"),
            ("plans[0].components[0].table", "unknown_table"),
            ("plans[0].components[1].goal", "goal_and_base"),
            ("plans[0].insufficient_sample", "sample_rule"),
            ("plans[0].decelerators[0].when", "bad_rule"),
            ("plans[0].recovery_cap", "unknown_key"),
            ("tables.lineal_80_120.knots", "table_not_ascending"),
        ],
    );
}

#[test]
fn every_mistake_of_a_pool_is_told_at_its_place_in_one_pass() {
    let found = problems(
        POOL,
        &[
            ("id: sucursal-bolsa-equipo", "id: Sucursal"),
            ("base_per_head: \"2500.00\"", "base_per_head: \"-1\""),
            ("by: \"role_factor * days\"", "by: salary"),
            ("visit_score >= 97", "score >= 97"),
            ("competente: \"1.00\"", "competente: mucho"),
        ],
    );
    holds_all(
        &found,
        &[
            ("plans[0].id", "bad_id"),
            ("plans[0].base_per_head", "out_of_range"),
            ("plans[0].split.by", "unknown_value"),
            ("plans[0].recognitions[0].when", "unknown_figure"),
            ("plans[0].band_multiplier.competente", "wrong_type"),
        ],
    );
}

#[test]
fn two_plans_of_one_id_and_a_file_without_plans_are_refused() {
    let plan = POOL.split_once("plans:\n").unwrap().1.split_once("tables:").unwrap().0;
    let found = problems(POOL, &[("tables:", &format!("{plan}tables:"))]);
    holds_all(&found, &[("plans[1].id", "repeated_id")]);
    let found = problems(POOL, &[(&format!("plans:\n{plan}"), "plans: []\n")]);
    holds_all(&found, &[("plans", "missing")]);
}
