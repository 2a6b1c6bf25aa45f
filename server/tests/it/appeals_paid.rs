//! What an appeal does to pay: while it is open the lower amount is paid and the difference is held; what is decided goes into a later run, once.

use crate::databases::Database;
use crate::payouts::{QUARTER, RUNS, World, named, payable};
use db::{Micros, appeals::Appeal, observations::KpiScope};
use domain::appeal::AppealState;
use domain::ids::{AppealId, AuditId};
use domain::lifecycle::State;
use serde_json::{Value, json};

crate::on_both![
    the_difference_is_held_while_an_appeal_is_open_and_paid_once_it_is_granted,
    an_adjustment_is_made_by_one_run_alone,
];

pub(crate) const NEXT: (&str, &str) = ("2026-07-01", "2026-09-30");
pub(crate) const LAST: (&str, &str) = ("2026-10-01", "2026-12-31");

/// One person with 85.00 and 4.50 in every quarter, and a visit of 85.00 in each but the first.
pub(crate) async fn world(database: Database) -> World {
    let world = World::of(database.office().await);
    let id = world.staff("E01", "2020-01-01", None);
    for quarter in [QUARTER, NEXT, LAST] {
        world.kpi("calidad", KpiScope::Staff(id), quarter, "85.00", None);
        world.kpi("csat", KpiScope::Branch(world.branch), quarter, "4.50", None);
    }
    world.visit("2026-07-15", 8_500, 0, State::Published);
    world.visit("2026-10-15", 8_500, 0, State::Published);
    world
}

impl World {
    /// An open appeal against a visit, to be decided by a day.
    pub(crate) fn appealed(&self, visit: AuditId, decide_by: &str) -> AppealId {
        let id = AppealId(self.office.app.environment.new_id());
        let appeal = Appeal {
            appeal_id: id,
            audit_id: visit,
            branch_id: self.branch,
            score_version: 1,
            appellant: self.analyst.id,
            created_at: Micros(1),
            decide_by: decide_by.parse().unwrap(),
            state: AppealState::Open,
            decided_by: None,
            decided_at: None,
            reason: None,
            new_version: None,
        };
        self.write(move |tx, org| {
            let from = db::audits::find(tx, org, visit)?.unwrap().state;
            if from != State::Appealed {
                db::audits::set_state(tx, org, visit, (from, State::Appealed), Micros(1))?;
            }
            db::appeals::append(tx, org, &appeal, &[])
        });
        id
    }

    /// Decides an appeal: with another score, or as it was.
    pub(crate) fn decided(&self, id: AppealId, visit: AuditId, hundredths: Option<i64>) {
        if let Some(hundredths) = hundredths {
            self.score(visit, 2, hundredths, 0);
        }
        self.write(move |tx, org| {
            let open = db::appeals::find(tx, org, id)?.unwrap();
            let state = if hundredths.is_some() { AppealState::Upheld } else { AppealState::Dismissed };
            let new_version = hundredths.map(|_| 2);
            let closed = Appeal { state, decided_at: Some(Micros(2)), new_version, ..open };
            db::appeals::close(tx, org, &closed, &[])?;
            db::audits::set_state(tx, org, visit, (State::Appealed, State::Published), Micros(2))
        });
    }

    /// Annuls a visit that is appealed.
    pub(crate) fn annulled(&self, id: AppealId, visit: AuditId) {
        self.write(move |tx, org| {
            let open = db::appeals::find(tx, org, id)?.unwrap();
            let ended = Appeal { state: AppealState::Void, decided_at: Some(Micros(2)), ..open };
            db::appeals::close(tx, org, &ended, &[])?;
            db::audits::set_state(tx, org, visit, (State::Appealed, State::Void), Micros(2))
        });
    }

    pub(crate) async fn calculated(&self, quarter: (&str, &str)) -> String {
        let run = self.draft(&self.body("sucursal-individual", quarter.0, quarter.1)).await;
        self.step(&self.analyst, &run, "calculate").await.expect_json();
        run
    }

    pub(crate) async fn lock(&self, run: &str) {
        self.step(&self.analyst, run, "submit").await.expect_json();
        self.step(&self.approver, run, "approve").await.expect_json();
        self.step(&self.approver, run, "lock").await.expect_json();
    }

    pub(crate) async fn line(&self, run: &str, component: &str) -> Value {
        let lines = self.read(run, "/lines?person=E01").await;
        let lines = lines["items"].as_array().unwrap().clone();
        lines.into_iter().find(|it| it["component"] == component).unwrap_or(Value::Null)
    }

    /// The first quarter, locked with 80.00 and a disputed 90.00.
    pub(crate) async fn locked_with_a_dispute(&self) -> (AppealId, AuditId) {
        self.visit("2026-04-15", 8_000, 0, State::Published);
        let visit = self.visit("2026-05-15", 9_000, 0, State::Published);
        let appeal = self.appealed(visit, "2026-07-08");
        let run = self.calculated(QUARTER).await;
        self.lock(&run).await;
        (appeal, visit)
    }
}

async fn the_difference_is_held_while_an_appeal_is_open_and_paid_once_it_is_granted(database: Database) {
    let world = world(database).await;
    world.visit("2026-04-15", 8_000, 0, State::Published);
    let visit = world.visit("2026-05-15", 9_000, 0, State::Published);
    let appeal = world.appealed(visit, "2026-07-08");
    let run = world.calculated(QUARTER).await;
    // With it the mean is 85.00, which pays 100 %; without it 80.00, which pays 85.2940 %.
    let detail = world.read(&run, "").await;
    assert_eq!(payable(&detail), named(&[("E01", "5647.06")]));
    let told = &detail["totals"][0]["exceptions"][0];
    assert_eq!(told["code"], "disputed");
    assert!(told["message_es"].as_str().unwrap().contains("352.94 retenido"), "{told}");
    assert!(told["message_es"].as_str().unwrap().contains("2026-07-08"), "{told}");
    let held = world.line(&run, "held").await;
    assert_eq!((&held["amount"], &held["visits"][0]["visit"]), (&json!("0.00"), &json!(visit)));
    assert_eq!(
        (&held["explanation"]["amount"], &held["explanation"]["with"], &held["explanation"]["decision_due"]),
        (&json!("352.94"), &json!("6000.00"), &json!("2026-07-08"))
    );
    world.lock(&run).await;
    // As long as it waits nothing is settled.
    let waiting = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&waiting, "").await), named(&[("E01", "6000.00")]));
    // Granted: 100.00 makes a mean of 90.00, which would have paid 6352.94.
    world.decided(appeal, visit, Some(10_000));
    let next = world.calculated(NEXT).await;
    let detail = world.read(&next, "").await;
    assert_eq!(payable(&detail), named(&[("E01", "6705.88")]));
    assert_eq!(detail["totals"][0]["exceptions"][0]["code"], "appeal_decided");
    let line = world.line(&next, "adjustment:retro").await;
    assert_eq!((&line["amount"], &line["explanation"]["period"]), (&json!("705.88"), &json!("2026-04")));
    let reason = line["explanation"]["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("{visit}: 90.00 -> 100.00")) && reason.contains(&run), "{reason}");
    world.lock(&next).await;
    // And once only.
    let last = world.calculated(LAST).await;
    assert_eq!(payable(&world.read(&last, "").await), named(&[("E01", "6000.00")]));
}

#[actix_web::test]
async fn a_dismissed_appeal_pays_what_was_held() {
    let world = world(Database::Sqlite).await;
    let (appeal, visit) = world.locked_with_a_dispute().await;
    world.decided(appeal, visit, None);
    let next = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&next, "").await), named(&[("E01", "6352.94")]));
    assert_eq!(world.line(&next, "adjustment:retro").await["amount"], "352.94");
}

#[actix_web::test]
async fn an_appeal_that_came_after_the_lock_changes_what_was_paid_only_once_it_is_granted() {
    let world = world(Database::Sqlite).await;
    let visit = world.visit("2026-05-15", 8_500, 0, State::Published);
    let run = world.calculated(QUARTER).await;
    world.lock(&run).await;
    let appeal = world.appealed(visit, "2026-07-20");
    let open = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&open, "").await), named(&[("E01", "6000.00")]));
    world.decided(appeal, visit, Some(10_000));
    let next = world.calculated(NEXT).await;
    // 100.00 is 117.6471 % of the goal and pays 144.1178 %: 2400 x 44.1178 %.
    assert_eq!(world.line(&next, "adjustment:retro").await["amount"], "1058.83");
}

#[actix_web::test]
async fn a_disputed_visit_that_is_annulled_counts_in_no_period() {
    let world = world(Database::Sqlite).await;
    let (appeal, visit) = world.locked_with_a_dispute().await;
    world.annulled(appeal, visit);
    // What was paid was paid without it already.
    let next = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&next, "").await), named(&[("E01", "6000.00")]));
}

async fn an_adjustment_is_made_by_one_run_alone(database: Database) {
    let world = world(database).await;
    let (appeal, visit) = world.locked_with_a_dispute().await;
    world.decided(appeal, visit, None);
    let (next, last) = (world.calculated(NEXT).await, world.calculated(LAST).await);
    assert_eq!(payable(&world.read(&last, "").await), named(&[("E01", "6352.94")]));
    world.lock(&next).await;
    world.step(&world.analyst, &last, "submit").await.expect_json();
    let refused = world.step(&world.approver, &last, "approve").await;
    assert_eq!(refused.outcome(), (409, "adjusted_in_another_run".to_owned()));
    let back = world.office.post(&format!("{RUNS}/{last}/back-to-draft")).by(&world.analyst);
    back.json(&json!({"reason": "otra vez"})).send().await.expect_json();
    world.step(&world.analyst, &last, "calculate").await.expect_json();
    assert_eq!(payable(&world.read(&last, "").await), named(&[("E01", "6000.00")]));
    world.lock(&last).await;
}

#[actix_web::test]
async fn questioning_a_critical_failure_never_raises_pay() {
    let world = World::of(Database::Sqlite.office().await);
    let id = world.staff("E01", "2020-01-01", None);
    let month = ("2026-04-01", "2026-04-30");
    for (metric, value, n) in
        [("csat", "90", Some(50)), ("fcr", "0.80", Some(50)), ("calidad", "95.00", Some(50))]
    {
        world.kpi(metric, KpiScope::Staff(id), month, value, n);
        world.kpi(metric, KpiScope::Branch(world.branch), month, value, n);
    }
    let mut visits = Vec::new();
    for (day, critical) in [("03", 1), ("06", 1), ("09", 0), ("12", 0), ("15", 0)] {
        visits.push(world.visit(&format!("2026-04-{day}"), 9_500, critical, State::Published));
    }
    let pays = async || {
        let run = world.draft(&world.body("centro-contacto-individual", month.0, month.1)).await;
        world.step(&world.analyst, &run, "calculate").await.expect_json();
        payable(&world.read(&run, "").await)
    };
    let before = pays().await;
    world.appealed(visits[0], "2026-05-08");
    assert_eq!(pays().await, before);
}
