//! What keeps a run from paying somebody twice, and from paying by what one person decided alone.

use crate::payouts::{BIMESTER, QUARTER, RUNS, World, team};
use crate::second_factor::{next_code, set_up};
use domain::access::{Role, Scope};
use serde_json::{Value, json};
use server::testing::{Answer, TestOffice};

impl World {
    /// A run that waits to be locked.
    async fn approved(&self, body: &Value) -> String {
        let run = self.submitted(body).await;
        self.step(&self.approver, &run, "approve").await.expect_json();
        run
    }

    /// A run that waits to be approved.
    async fn submitted(&self, body: &Value) -> String {
        let run = self.draft(body).await;
        self.step(&self.analyst, &run, "calculate").await.expect_json();
        self.step(&self.analyst, &run, "submit").await.expect_json();
        run
    }

    async fn create(&self, body: &Value) -> Answer {
        self.office.post(RUNS).by(&self.analyst).json(body).send().await
    }

    /// The codes of the exceptions of each person of a run, without repeats.
    async fn codes_of_people(&self, run: &str) -> Vec<String> {
        let detail = self.read(run, "").await;
        let totals = detail["totals"].as_array().unwrap().iter();
        let exceptions = totals.flat_map(|it| it["exceptions"].as_array().cloned().unwrap_or_default());
        let mut codes: Vec<String> = exceptions.map(|it| it["code"].as_str().unwrap().to_owned()).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

#[actix_web::test]
async fn nobody_is_paid_twice_by_two_live_runs_of_a_plan() {
    let world = World::open().await;
    world.quarter();
    let body = world.body("sucursal-individual", QUARTER.0, QUARTER.1);
    let first = world.approved(&body).await;
    assert!(world.codes_of_people(&first).await.is_empty());
    // The same people by way of their region.
    let mut again = body.clone();
    again["unit"] = json!({"kind": "region", "ids": [world.region]});
    let second = world.submitted(&again).await;
    assert_eq!(world.codes_of_people(&second).await, ["in_another_run"]);
    assert_eq!(world.read(&second, "").await["with_exceptions"], 3);
    let refused = world.step(&world.approver, &second, "approve").await;
    assert_eq!(refused.outcome(), (409, "paid_in_another_run".to_owned()));
    world.step(&world.approver, &first, "lock").await.expect_json();
    let refused = world.step(&world.approver, &second, "approve").await;
    assert_eq!(refused.outcome(), (409, "paid_in_another_run".to_owned()));
    let people = ["E01", "E02", "E03"].map(|it| (format!("/people/{it}"), "paid_in_another_run".to_owned()));
    assert_eq!(refused.fields(), people);
    assert!(refused.json()["errors"][0]["message_en"].as_str().unwrap().contains(&first));
    // It is taken out of the way, so that it marks nobody of a later run.
    let back = world.office.post(&format!("{RUNS}/{second}/back-to-draft")).by(&world.analyst);
    let back = back.json(&json!({"reason": "the first run pays them"})).send().await.expect_json();
    assert_eq!(back["state"], "draft");
}

#[actix_web::test]
async fn a_shadow_run_pays_nobody_and_may_be_repeated() {
    let world = World::open().await;
    world.quarter();
    let mut body = world.body("sucursal-individual", QUARTER.0, QUARTER.1);
    let live = world.approved(&body).await;
    world.step(&world.approver, &live, "lock").await.expect_json();
    body["mode"] = json!("shadow");
    for _ in 0..2 {
        let shadow = world.approved(&body).await;
        assert!(world.codes_of_people(&shadow).await.is_empty());
        world.step(&world.approver, &shadow, "lock").await.expect_json();
    }
}

#[actix_web::test]
async fn of_two_runs_approved_at_the_same_moment_one_is_refused_over_postgresql() {
    let office = TestOffice::open_at(test_postgres::cluster().database(|_| {})).await;
    let world = World::of(office);
    world.quarter();
    let body = world.body("sucursal-individual", QUARTER.0, QUARTER.1);
    let (one, other) = (world.submitted(&body).await, world.submitted(&body).await);
    let approve = |run| world.step(&world.approver, run, "approve");
    let (first, second) = tokio::join!(approve(&one), approve(&other));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[actix_web::test]
async fn a_live_run_is_over_one_whole_period_of_its_plan() {
    let world = World::open().await;
    world.quarter();
    for period in [("2026-04-01", "2026-04-01"), ("2026-04-01", "2026-04-30"), ("2026-04-02", "2026-06-30")] {
        let mut body = world.body("sucursal-individual", period.0, period.1);
        let refused = world.create(&body).await;
        assert_eq!(refused.status.as_u16(), 422);
        assert_eq!(refused.fields(), [("/period".to_owned(), "period_length".to_owned())]);
        body["mode"] = json!("shadow");
        let run = world.create(&body).await.expect_json();
        assert_eq!(run["exceptions"][0]["code"], "period_length");
    }
    let whole = world.create(&world.body("sucursal-individual", QUARTER.0, QUARTER.1)).await.expect_json();
    assert_eq!(whole.get("exceptions"), None);
}

/// A run of the team's pool whose band somebody gives.
fn by_hand(world: &World) -> Value {
    let mut body = world.body("sucursal-bolsa-equipo", BIMESTER.0, BIMESTER.1);
    body["unit"]["bands"] = json!({world.branch.to_string(): "competente"});
    body["unit"]["bands_reason"] = json!("the branch moved in April");
    body
}

#[actix_web::test]
async fn bands_by_hand_need_a_reason_and_a_unit_of_the_run() {
    let world = World::open().await;
    let good = by_hand(&world);
    for reason in [Value::Null, json!(""), json!("x"), json!("          "), json!("  a few    ")] {
        let mut body = good.clone();
        body["unit"]["bands_reason"] = reason;
        let refused = world.create(&body).await;
        assert_eq!(refused.status.as_u16(), 422);
        assert_eq!(refused.fields(), [("/unit/bands_reason".to_owned(), "reason_missing".to_owned())]);
    }
    let mut body = good.clone();
    body["unit"]["bands"][world.region.to_string()] = json!("excelencia");
    body["unit"]["bands_reason"] = json!("x");
    let outside = (format!("/unit/bands/{}", world.region), "unknown_unit".to_owned());
    let both = [outside, ("/unit/bands_reason".to_owned(), "reason_missing".to_owned())];
    assert_eq!(world.create(&body).await.fields(), both);
    let mut body = good;
    body["unit"] = json!({
        "kind": "organization",
        "bands": {world.office.org.to_string(): "competente"},
        "bands_reason": "one band for all of it",
    });
    world.create(&body).await.expect_json();
}

#[actix_web::test]
async fn who_gave_bands_by_hand_neither_approves_nor_locks() {
    let world = World::open().await;
    team(&world);
    let both = &[(Role::HrAnalyst, Scope::Organization), (Role::HrApprover, Scope::Organization)];
    let decider = world.office.person_of(world.office.org, both);
    let created = world.office.post(RUNS).by(&decider).json(&by_hand(&world)).send().await.expect_json();
    assert_eq!(created["exceptions"][0]["code"], "bands_by_hand");
    let run = created["id"].as_str().unwrap();
    world.step(&world.analyst, run, "calculate").await.expect_json();
    world.step(&world.analyst, run, "submit").await.expect_json();
    let own = |it: Answer| (it.status.as_u16(), it.fields()[0].1.clone());
    assert_eq!(own(world.step(&decider, run, "approve").await), (422, "own_calculation".to_owned()));
    world.step(&world.approver, run, "approve").await.expect_json();
    assert_eq!(own(world.step(&decider, run, "lock").await), (422, "own_calculation".to_owned()));
    let shown = world.read(run, "").await;
    assert_eq!(
        (&shown["state"], &shown["exceptions"][0]["code"]),
        (&json!("approved"), &json!("bands_by_hand"))
    );
    assert!(shown["exceptions"][0]["message_en"].as_str().unwrap().contains("the branch moved in April"));
    world.step(&world.approver, run, "lock").await.expect_json();
}

#[actix_web::test]
async fn who_only_created_a_run_may_approve_it() {
    let world = World::open().await;
    world.quarter();
    let both = &[(Role::HrAnalyst, Scope::Organization), (Role::HrApprover, Scope::Organization)];
    let creator = world.office.person_of(world.office.org, both);
    let body = world.body("sucursal-individual", QUARTER.0, QUARTER.1);
    let created = world.office.post(RUNS).by(&creator).json(&body).send().await.expect_json();
    let run = created["id"].as_str().unwrap();
    world.step(&world.analyst, run, "calculate").await.expect_json();
    world.step(&world.analyst, run, "submit").await.expect_json();
    assert_eq!(world.step(&creator, run, "approve").await.expect_json()["state"], "approved");
}

#[actix_web::test]
async fn who_approves_proves_to_be_themselves_within_five_minutes() {
    let world = World::open().await;
    world.quarter();
    let run = world.submitted(&world.body("sucursal-individual", QUARTER.0, QUARTER.1)).await;
    let (secret, _) = set_up(&world.office, &world.approver).await;
    world.office.clock.advance_seconds(301);
    let refused = world.step(&world.approver, &run, "approve").await;
    assert_eq!(refused.outcome(), (403, "second_factor_not_fresh".to_owned()));
    assert_eq!(world.read(&run, "").await["state"], "in_approval");
    let code = json!({"code": next_code(&world.office, &secret)});
    let prove = "/api/v1/sessions/current/second-factor/prove";
    let proved = world.office.post(prove).by(&world.approver).json(&code).send().await;
    assert_eq!(proved.status, 204);
    world.office.clock.advance_seconds(300);
    world.step(&world.approver, &run, "approve").await.expect_json();
    // Locking follows what was approved, and asks for nothing more.
    world.office.clock.advance_seconds(300);
    world.step(&world.approver, &run, "lock").await.expect_json();
}
