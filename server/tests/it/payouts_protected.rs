//! Band protection over several runs: each person keeps the band of the period before, whichever run held their line.

use crate::payouts::{RUNS, World};
use db::{
    content::{ContentKind, ContentVersion},
    observations::KpiScope,
};
use domain::{
    ids::BranchId,
    lifecycle::{State, VersionState},
};
use serde_json::{Value, json};
use sync_core::Hash;

const PLAN: &str = "centro-contacto-individual";
const MARCH: (&str, &str) = ("2026-03-01", "2026-03-31");
const APRIL: (&str, &str) = ("2026-04-01", "2026-04-30");
const MAY: (&str, &str) = ("2026-05-01", "2026-05-31");
const JUNE: (&str, &str) = ("2026-06-01", "2026-06-30");
/// In the step that pays 100 %.
const GOOD: [i64; 4] = [7_600, 7_700, 7_800, 7_900];
/// In the step below, by less than the sample can prove.
const SLIGHTLY_LOWER: [i64; 4] = [7_000, 7_800, 7_200, 7_600];

impl World {
    /// What the branch shows in a month.
    fn month(&self, month: (&str, &str), scores: [i64; 4]) {
        for (index, hundredths) in scores.into_iter().enumerate() {
            self.visit(&format!("{}-2{index}", &month.0[..7]), hundredths, 0, State::Approved);
        }
        self.kpi("fcr", KpiScope::Branch(self.branch), month, "0.75", Some(240));
    }

    fn call_centre(&self, month: (&str, &str), branches: &[BranchId]) -> Value {
        let mut body = self.body(PLAN, month.0, month.1);
        body["unit"] = json!({"kind": "branch", "ids": branches});
        body
    }

    async fn locked(&self, body: &Value) -> String {
        let run = self.draft(body).await;
        self.step(&self.analyst, &run, "calculate").await.expect_json();
        self.step(&self.analyst, &run, "submit").await.expect_json();
        self.step(&self.approver, &run, "approve").await.expect_json();
        self.step(&self.approver, &run, "lock").await.expect_json();
        run
    }

    /// Whether the calls of a person were protected, by their statement.
    async fn protected(&self, run: &str, person: &str) -> bool {
        let statement = self.office.get(&format!("{RUNS}/{run}/statements/{person}")).by(&self.approver);
        let statement = statement.send().await.expect_json();
        assert_eq!(statement["lines"][0]["component"], "ms_call");
        statement["lines"][0]["explanation"]["protected"] == json!(true)
    }
}

/// Two branches with one person each.
async fn two_branches() -> (World, [BranchId; 2]) {
    let mut world = World::open().await;
    let (north, south) = (world.branch, BranchId(world.office.app.environment.new_id()));
    world.add_branch(south, "002");
    world.staff("E01", "2020-01-01", None);
    world.branch = south;
    world.staff("E02", "2020-01-01", None);
    (world, [north, south])
}

fn months(world: &mut World, branches: [BranchId; 2], months: &[((&str, &str), [i64; 4])]) {
    for branch in branches {
        world.branch = branch;
        for (month, scores) in months {
            world.month(*month, *scores);
        }
    }
}

#[actix_web::test]
async fn everybody_is_protected_whichever_run_of_the_period_before_paid_them() {
    let (mut world, [north, south]) = two_branches().await;
    months(&mut world, [north, south], &[(APRIL, GOOD), (MAY, SLIGHTLY_LOWER), (JUNE, SLIGHTLY_LOWER)]);
    world.locked(&world.call_centre(APRIL, &[north])).await;
    world.locked(&world.call_centre(APRIL, &[south])).await;
    let may = world.locked(&world.call_centre(MAY, &[north, south])).await;
    assert!(world.protected(&may, "E01").await && world.protected(&may, "E02").await);
    // The plan protects one period in a row.
    let june = world.locked(&world.call_centre(JUNE, &[north, south])).await;
    assert!(!world.protected(&june, "E01").await && !world.protected(&june, "E02").await);
}

#[actix_web::test]
async fn only_the_period_just_before_protects() {
    let (mut world, [north, south]) = two_branches().await;
    months(&mut world, [north, south], &[(MARCH, GOOD), (APRIL, GOOD), (MAY, SLIGHTLY_LOWER)]);
    world.locked(&world.call_centre(MARCH, &[north, south])).await;
    world.locked(&world.call_centre(APRIL, &[south])).await;
    let may = world.locked(&world.call_centre(MAY, &[north, south])).await;
    assert!(!world.protected(&may, "E01").await && world.protected(&may, "E02").await);
}

#[actix_web::test]
async fn a_run_that_was_never_locked_protects_nobody() {
    let (mut world, [north, south]) = two_branches().await;
    months(&mut world, [north, south], &[(APRIL, GOOD), (MAY, SLIGHTLY_LOWER)]);
    let open = world.draft(&world.call_centre(APRIL, &[north])).await;
    world.step(&world.analyst, &open, "calculate").await.expect_json();
    let mut shadow = world.call_centre(APRIL, &[south]);
    shadow["mode"] = json!("shadow");
    world.locked(&shadow).await;
    let may = world.locked(&world.call_centre(MAY, &[north, south])).await;
    assert!(!world.protected(&may, "E01").await && !world.protected(&may, "E02").await);
}

#[actix_web::test]
async fn a_plan_may_count_its_months_from_any_day() {
    let (mut world, [north, south]) = two_branches().await;
    let (first, next) = (("2026-03-15", "2026-04-14"), ("2026-04-15", "2026-05-14"));
    months(&mut world, [north, south], &[(first, GOOD), (next, SLIGHTLY_LOWER)]);
    world.locked(&world.call_centre(first, &[north, south])).await;
    let run = world.locked(&world.call_centre(next, &[north, south])).await;
    assert!(world.protected(&run, "E01").await && world.protected(&run, "E02").await);
}

#[actix_web::test]
async fn a_band_that_the_plan_no_longer_pays_protects_nobody_and_stops_nothing() {
    let (mut world, [north, south]) = two_branches().await;
    months(&mut world, [north, south], &[(APRIL, GOOD), (MAY, SLIGHTLY_LOWER)]);
    world.locked(&world.call_centre(APRIL, &[north, south])).await;
    let plan = &audit_templates::find_plan(PLAN, Some(1)).unwrap().content;
    let mut next = serde_json::to_value(plan).unwrap();
    next["version"] = json!(2);
    next["tables"]["escalones_banda"]["steps"][2][1] = json!("110");
    let (org, now) = (world.office.org, world.office.app.now());
    let canonical_json = audit_templates::released::canonical_json(&next);
    let version = ContentVersion {
        kind: ContentKind::Plan,
        content_id: PLAN.to_owned(),
        version: 2,
        hash: Hash::of(canonical_json.as_bytes()),
        canonical_json,
        state: VersionState::Released,
        created_at: now,
        released_at: Some(now),
    };
    world.office.app.db.write(move |tx| db::content::append(tx, org, &version)).unwrap();
    let mut body = world.call_centre(MAY, &[north, south]);
    body["plan"] = json!({"id": PLAN, "version": 2});
    let may = world.locked(&body).await;
    assert!(!world.protected(&may, "E01").await && !world.protected(&may, "E02").await);
}
