//! What a decided appeal changes of a locked period when the usual way is closed: the person is not there any more, or without the visit
//! nothing is left to calculate from. Neither is lost in silence, and neither stops a later run.

use crate::appeals_paid::{LAST, NEXT, world as one_person};
use crate::databases::Database;
use crate::payouts::{BIMESTER, QUARTER, RUNS, World, day, named, payable, team};
use db::{Micros, observations::KpiScope, reference::StaffAbsence};
use domain::ids::{AppealId, AuditId, BranchId, StaffId};
use domain::lifecycle::State;
use serde_json::{Value, json};
use sync_core::Hash;

crate::on_both![
    a_visit_that_was_the_whole_sample_and_is_annulled_stops_no_later_run,
    somebody_who_left_is_paid_once_what_an_appeal_granted,
];

const PLAN: &str = "sucursal-individual";

impl World {
    /// Changes the row of a member of staff.
    fn change(&self, id: StaffId, change: impl Fn(&mut db::reference::Staff) + Send + 'static) {
        self.write(move |tx, org| {
            let mut staff = db::reference::find_staff(tx, org, id)?.unwrap();
            change(&mut staff);
            db::reference::upsert_staff(tx, org, std::slice::from_ref(&staff))
        });
    }

    fn leaves(&self, id: StaffId, last: &'static str) {
        self.change(id, move |it| it.employed_to = Some(day(last)));
    }

    /// E02 beside E01, with 85.00 in the first quarter.
    fn second(&self) -> StaffId {
        let id = self.staff("E02", "2020-01-01", None);
        self.kpi("calidad", KpiScope::Staff(id), QUARTER, "85.00", None);
        id
    }

    /// A locked first quarter of two people, of whom each is due 352.94 by now; E02 is given back.
    async fn two_are_due(&self) -> StaffId {
        let id = self.second();
        let (appeal, visit) = self.locked_with_a_dispute().await;
        self.decided(appeal, visit, None);
        id
    }

    /// The codes of a person's exceptions in a run; none where the run does not have them.
    async fn codes(&self, run: &str, person: &str) -> Option<Vec<String>> {
        let detail = self.read(run, "").await;
        let total = detail["totals"].as_array().unwrap().iter().find(|it| it["person"] == person)?.clone();
        let all = total["exceptions"].as_array().cloned().unwrap_or_default();
        Some(all.iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect())
    }

    /// The bundle of a run gives its result again.
    async fn repeats(&self, run: &str) {
        let bundle = self.read(run, "/bundle").await;
        let (plan, inputs) = (bundle["plan"].to_string(), bundle["inputs"].to_string());
        let result = server::app::payouts::recompute(&plan, &inputs).unwrap();
        assert_eq!(Hash::of(&result).to_string(), bundle["result_hash"].as_str().unwrap());
    }

    async fn again(&self, run: &str) {
        let back = self.office.post(&format!("{RUNS}/{run}/back-to-draft")).by(&self.analyst);
        back.json(&json!({"reason": "otra vez"})).send().await.expect_json();
        self.step(&self.analyst, run, "calculate").await.expect_json();
    }

    async fn submitted_run(&self, body: &Value) -> String {
        let run = self.draft(body).await;
        self.step(&self.analyst, &run, "calculate").await.expect_json();
        self.step(&self.analyst, &run, "submit").await.expect_json();
        run
    }

    fn body_of(&self, branch: BranchId, quarter: (&str, &str)) -> Value {
        let mut body = self.body(PLAN, quarter.0, quarter.1);
        body["unit"] = json!({"kind": "branch", "ids": [branch]});
        body
    }

    /// A visit of 85.00 to another branch.
    fn visit_at(&self, branch: BranchId, date: &str) {
        let visit = self.visit(date, 8_500, 0, State::Published);
        self.write(move |tx, org| {
            let mut audit = db::audits::find(tx, org, visit)?.unwrap();
            (audit.branch_id, audit.updated_at) = (branch, Micros(9));
            db::audits::upsert(tx, org, std::slice::from_ref(&audit))
        });
    }

    /// An appeal against a visit of a locked run that ends with the visit annulled.
    fn appealed_and_annulled(&self, visit: AuditId) -> AppealId {
        let appeal = self.appealed(visit, "2026-07-20");
        self.annulled(appeal, visit);
        appeal
    }

    async fn lines_of(&self, run: &str, person: &str) -> Vec<(String, String)> {
        let lines = self.read(run, &format!("/lines?person={person}")).await;
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        lines["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (text(&it["component"]), text(&it["amount"])))
            .collect()
    }
}

async fn a_visit_that_was_the_whole_sample_and_is_annulled_stops_no_later_run(database: Database) {
    let world = one_person(database).await;
    let visit = world.visit("2026-05-15", 8_500, 0, State::Published);
    let locked = world.calculated(QUARTER).await;
    world.lock(&locked).await;
    world.appealed_and_annulled(visit);
    for quarter in [NEXT, LAST] {
        let run = world.calculated(quarter).await;
        let detail = world.read(&run, "").await;
        // The plan does not say what no visits pay, so that what was paid stands.
        assert_eq!(payable(&detail), named(&[("E01", "6000.00")]));
        let told = &detail["exceptions"][0];
        assert_eq!(told["code"], "cannot_recalculate");
        for text in ["message_es", "message_en"] {
            let text = told[text].as_str().unwrap();
            for part in ["E01", &visit.to_string(), &locked, "2026-04-01", "ms_index"] {
                assert!(text.contains(part), "{part} in {text}");
            }
        }
        assert!(told["message_es"].as_str().unwrap().contains("la muestra está vacía"), "{told}");
        world.repeats(&run).await;
        world.lock(&run).await;
    }
}

#[actix_web::test]
async fn a_disputed_visit_that_was_the_whole_sample_and_is_annulled_stops_no_later_run() {
    let world = one_person(Database::Sqlite).await;
    let visit = world.visit("2026-05-15", 8_500, 0, State::Published);
    let appeal = world.appealed(visit, "2026-07-08");
    let locked = world.calculated(QUARTER).await;
    // Without it nothing is measured, so that its component waits: 2,400.00.
    assert_eq!(payable(&world.read(&locked, "").await), named(&[("E01", "3600.00")]));
    world.lock(&locked).await;
    world.annulled(appeal, visit);
    for quarter in [NEXT, LAST] {
        let run = world.calculated(quarter).await;
        let detail = world.read(&run, "").await;
        assert_eq!(payable(&detail), named(&[("E01", "6000.00")]));
        assert_eq!(detail["exceptions"][0]["code"], "cannot_recalculate");
        world.lock(&run).await;
    }
}

#[actix_web::test]
async fn a_visit_that_was_mended_and_annulled_after_that_leaves_what_was_paid() {
    let world = one_person(Database::Sqlite).await;
    let visit = world.visit("2026-05-15", 8_500, 0, State::Published);
    let locked = world.calculated(QUARTER).await;
    world.lock(&locked).await;
    let appeal = world.appealed(visit, "2026-07-20");
    world.decided(appeal, visit, Some(10_000));
    let next = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&next, "").await), named(&[("E01", "7058.83")]));
    world.lock(&next).await;
    world.write(move |tx, org| {
        db::audits::set_state(tx, org, visit, (State::Published, State::Void), Micros(3))
    });
    let last = world.calculated(LAST).await;
    let detail = world.read(&last, "").await;
    assert_eq!(payable(&detail), named(&[("E01", "6000.00")]));
    assert_eq!(detail["exceptions"][0]["code"], "cannot_recalculate");
}

#[actix_web::test]
async fn what_cannot_be_calculated_again_is_told_where_its_people_are_or_were_and_nowhere_else() {
    let world = one_person(Database::Sqlite).await;
    let second = world.second();
    let visit = world.visit("2026-05-15", 8_500, 0, State::Published);
    let locked = world.calculated(QUARTER).await;
    world.lock(&locked).await;
    world.leaves(second, "2026-06-30");
    world.appealed_and_annulled(visit);
    let elsewhere = BranchId(world.office.app.environment.new_id());
    world.add_branch(elsewhere, "002");
    let third = world.staff("E03", "2020-01-01", None);
    world.change(third, move |it| it.branch_id = elsewhere);
    let run = world.calculated(NEXT).await;
    let detail = world.read(&run, "").await;
    assert_eq!(payable(&detail), named(&[("E01", "6000.00")]));
    assert_eq!(detail["exceptions"].as_array().unwrap().len(), 1);
    assert!(detail["exceptions"][0]["message_en"].as_str().unwrap().starts_with("E01, E02: "), "{detail}");
    world.kpi("calidad", KpiScope::Staff(third), NEXT, "85.00", None);
    world.kpi("csat", KpiScope::Branch(elsewhere), NEXT, "4.50", None);
    world.visit_at(elsewhere, "2026-08-15");
    let there = world.submitted_run(&world.body_of(elsewhere, NEXT)).await;
    assert_eq!(world.read(&there, "").await.get("exceptions"), None);
}

#[actix_web::test]
async fn where_the_plan_says_what_an_empty_sample_pays_it_is_paid_as_if_the_visits_had_never_been() {
    let world = World::of(Database::Sqlite.office().await);
    let id = world.staff("E01", "2020-01-01", None);
    let (month, next) = (("2026-04-01", "2026-04-30"), ("2026-05-01", "2026-05-31"));
    for month in [month, next] {
        world.kpi("csat", KpiScope::Staff(id), month, "0.85", Some(50));
        world.kpi("fcr", KpiScope::Staff(id), month, "0.75", Some(50));
    }
    let days = ["03", "06", "09", "12"];
    let visits = days.map(|it| world.visit(&format!("2026-04-{it}"), 9_500, 0, State::Published));
    let plan = "centro-contacto-individual";
    let run = world.draft(&world.body(plan, month.0, month.1)).await;
    world.step(&world.analyst, &run, "calculate").await.expect_json();
    assert_eq!(payable(&world.read(&run, "").await), named(&[("E01", "4600.00")]));
    world.lock(&run).await;
    for visit in visits {
        world.appealed_and_annulled(visit);
    }
    // Calculated anew, without a visit their weight goes to the others, which pay their target.
    let mut body = world.body(plan, month.0, month.1);
    body["mode"] = json!("shadow");
    let anew = world.draft(&body).await;
    world.step(&world.analyst, &anew, "calculate").await.expect_json();
    assert_eq!(payable(&world.read(&anew, "").await), named(&[("E01", "4000.00")]));
    let later = world.draft(&world.body(plan, next.0, next.1)).await;
    world.step(&world.analyst, &later, "calculate").await.expect_json();
    let detail = world.read(&later, "").await;
    assert_eq!(detail.get("exceptions"), None, "{detail}");
    assert_eq!(world.line(&later, "adjustment:retro").await["amount"], "-600.00");
}

#[actix_web::test]
async fn a_pool_that_cannot_be_calculated_again_stops_no_later_run_and_tells_of_its_people_together() {
    let world = World::of(Database::Sqlite.office().await);
    team(&world);
    world.assessed("excelencia", ("2026-01-01", "2026-03-31"));
    let plan = "sucursal-bolsa-equipo";
    let first = world.draft(&world.body(plan, BIMESTER.0, BIMESTER.1)).await;
    world.step(&world.analyst, &first, "calculate").await.expect_json();
    let counted = world.read(&first, "").await["visits"].as_array().unwrap().clone();
    world.lock(&first).await;
    for visit in counted {
        world.appealed_and_annulled(visit["visit"].as_str().unwrap().parse().unwrap());
    }
    world.visit("2026-05-15", 9_500, 0, State::Published);
    let next = world.draft(&world.body(plan, "2026-05-01", "2026-06-30")).await;
    world.step(&world.analyst, &next, "calculate").await.expect_json();
    let detail = world.read(&next, "").await;
    let told = detail["exceptions"][0]["message_en"].as_str().unwrap();
    assert_eq!(detail["exceptions"][0]["code"], "cannot_recalculate");
    assert!(told.starts_with("E01, E02, E03, E04, E05: "), "{told}");
    assert_eq!(detail["exceptions"].as_array().unwrap().len(), 1);
}

async fn somebody_who_left_is_paid_once_what_an_appeal_granted(database: Database) {
    let world = one_person(database).await;
    let second = world.two_are_due().await;
    world.leaves(second, "2026-06-30");
    let next = world.calculated(NEXT).await;
    let detail = world.read(&next, "").await;
    assert_eq!(payable(&detail), named(&[("E01", "6352.94"), ("E02", "352.94")]));
    assert_eq!(world.codes(&next, "E02").await.unwrap(), ["only_adjustments", "appeal_decided"]);
    assert_eq!(world.lines_of(&next, "E02").await, named(&[("adjustment:retro", "352.94")]));
    let statement = world.read(&next, "/statements/E02").await;
    assert_eq!(
        (&statement["payable"], &statement["calculation"]["eligible_days"]),
        (&json!("352.94"), &json!(0))
    );
    world.repeats(&next).await;
    world.lock(&next).await;
    let last = world.calculated(LAST).await;
    assert_eq!(payable(&world.read(&last, "").await), named(&[("E01", "6000.00")]));
    world.repeats(&last).await;
}

#[actix_web::test]
async fn somebody_who_is_away_for_a_whole_period_is_paid_what_is_due_all_the_same() {
    let world = one_person(Database::Sqlite).await;
    let staff_id = world.two_are_due().await;
    let (absent_from, absent_to, kind) = (day(NEXT.0), day(NEXT.1), "permiso".to_owned());
    let away = [StaffAbsence { staff_id, absent_from, absent_to, kind }];
    world.write(move |tx, org| db::reference::append_absences(tx, org, &away));
    let next = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&next, "").await), named(&[("E01", "6352.94"), ("E02", "352.94")]));
}

#[actix_web::test]
async fn a_run_of_which_everybody_left_pays_what_is_due() {
    let world = one_person(Database::Sqlite).await;
    let second = world.two_are_due().await;
    world.leaves(second, "2026-06-30");
    let branch = world.branch;
    world.write(move |tx, org| {
        let mut first = db::reference::find_staff_by_employee_no(tx, org, "E01")?.unwrap();
        (first.employed_to, first.branch_id) = (Some(day("2026-06-30")), branch);
        db::reference::upsert_staff(tx, org, std::slice::from_ref(&first))
    });
    let next = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&next, "").await), named(&[("E01", "352.94"), ("E02", "352.94")]));
    world.lock(&next).await;
    let last = world.draft(&world.body(PLAN, LAST.0, LAST.1)).await;
    let nobody = world.step(&world.analyst, &last, "calculate").await;
    assert_eq!(nobody.fields(), [("/unit/ids".to_owned(), "nobody_to_pay".to_owned())]);
}

#[actix_web::test]
async fn what_somebody_who_left_is_due_is_in_no_two_runs() {
    let world = one_person(Database::Sqlite).await;
    let second = world.two_are_due().await;
    world.leaves(second, "2026-06-30");
    let (next, last) = (world.calculated(NEXT).await, world.calculated(LAST).await);
    assert!(world.codes(&last, "E02").await.is_some());
    world.lock(&next).await;
    world.step(&world.analyst, &last, "submit").await.expect_json();
    let refused = world.step(&world.approver, &last, "approve").await;
    let people = ["E01", "E02"].map(|it| (format!("/people/{it}"), "adjusted_in_another_run".to_owned()));
    assert_eq!(refused.fields(), people);
    world.again(&last).await;
    assert_eq!(payable(&world.read(&last, "").await), named(&[("E01", "6000.00")]));
    world.lock(&last).await;
}

#[actix_web::test]
async fn what_somebody_who_left_owes_is_told_in_each_run_and_taken_from_nothing() {
    let world = one_person(Database::Sqlite).await;
    let second = world.second();
    let visit = world.visit("2026-05-15", 9_000, 0, State::Published);
    let run = world.calculated(QUARTER).await;
    world.lock(&run).await;
    world.leaves(second, "2026-06-30");
    let appeal = world.appealed(visit, "2026-07-20");
    world.decided(appeal, visit, Some(8_500));
    for quarter in [NEXT, LAST] {
        let run = world.calculated(quarter).await;
        let detail = world.read(&run, "").await;
        let total = detail["totals"].as_array().unwrap().iter().find(|it| it["person"] == "E02").unwrap();
        assert_eq!(total["payable"], "0.00");
        let told = total["exceptions"][1]["message_en"].as_str().unwrap();
        assert!(told.contains("0.00, and still to recover 352.94"), "{told}");
        world.lock(&run).await;
    }
}

#[actix_web::test]
async fn somebody_who_left_a_team_gets_what_is_due_and_no_share_of_its_pool() {
    let world = World::of(Database::Sqlite.office().await);
    team(&world);
    world.assessed("excelencia", ("2026-01-01", "2026-03-31"));
    let plan = "sucursal-bolsa-equipo";
    let disputed = world.visit("2026-04-28", 3_000, 0, State::Published);
    let run = world.draft(&world.body(plan, BIMESTER.0, BIMESTER.1)).await;
    world.step(&world.analyst, &run, "calculate").await.expect_json();
    let paid = payable(&world.read(&run, "").await);
    world.lock(&run).await;
    let appeal = world.appealed(disputed, "2026-07-20");
    world.decided(appeal, disputed, Some(9_700));
    let next = ("2026-05-01", "2026-06-30");
    world.visit("2026-05-15", 8_500, 0, State::Published);
    let shares = async || {
        let run = world.draft(&world.body(plan, next.0, next.1)).await;
        world.step(&world.analyst, &run, "calculate").await.expect_json();
        run
    };
    world.write(|tx, org| {
        let mut left = db::reference::find_staff_by_employee_no(tx, org, "E05")?.unwrap();
        left.employed_to = Some(day("2026-04-30"));
        db::reference::upsert_staff(tx, org, std::slice::from_ref(&left))
    });
    let later = shares().await;
    assert_eq!(world.codes(&later, "E05").await.unwrap(), ["only_adjustments", "appeal_decided"]);
    let lines = world.lines_of(&later, "E05").await;
    assert_eq!((lines.len(), lines[0].0.as_str()), (1, "adjustment:retro"));
    // 85.00 pays the base of four heads, with the factor of the band.
    let all = world.read(&later, "/lines?limit=1000").await;
    let cents = |it: &Value| it["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    let pool: i64 =
        all["items"].as_array().unwrap().iter().filter(|it| it["component"] == "pool_share").map(cents).sum();
    assert_eq!(pool, 1_100_000);
    // What they get in both periods is what the first would have paid with the visit as decided.
    world.repeats(&later).await;
    world.lock(&later).await;
    let mut body = world.body(plan, BIMESTER.0, BIMESTER.1);
    body["mode"] = json!("shadow");
    let anew = world.draft(&body).await;
    world.step(&world.analyst, &anew, "calculate").await.expect_json();
    let of = |all: &[(String, String)]| -> i64 {
        all.iter().find(|it| it.0 == "E05").unwrap().1.replace('.', "").parse().unwrap()
    };
    let adjusted: i64 = lines[0].1.replace('.', "").parse().unwrap();
    assert_eq!(of(&paid) + adjusted, of(&payable(&world.read(&anew, "").await)));
}

/// E02 works at another branch from July on, whose run of the plan pays their days.
async fn moved(world: &World) -> BranchId {
    let second = world.two_are_due().await;
    let elsewhere = BranchId(world.office.app.environment.new_id());
    world.add_branch(elsewhere, "002");
    world.change(second, move |it| it.branch_id = elsewhere);
    world.kpi("calidad", KpiScope::Staff(second), NEXT, "85.00", None);
    world.kpi("csat", KpiScope::Branch(elsewhere), NEXT, "4.50", None);
    world.visit_at(elsewhere, "2026-08-15");
    elsewhere
}

#[actix_web::test]
async fn who_moved_is_adjusted_by_the_run_that_pays_their_days() {
    let world = one_person(Database::Sqlite).await;
    let elsewhere = moved(&world).await;
    let there = world.submitted_run(&world.body_of(elsewhere, NEXT)).await;
    assert_eq!(payable(&world.read(&there, "").await), named(&[("E02", "6352.94")]));
    let here = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&here, "").await), named(&[("E01", "6352.94")]));
    world.step(&world.approver, &there, "approve").await.expect_json();
    world.lock(&here).await;
}

#[actix_web::test]
async fn who_moved_is_adjusted_where_they_were_if_no_run_pays_their_days_yet_and_once() {
    let world = one_person(Database::Sqlite).await;
    let elsewhere = moved(&world).await;
    let here = world.calculated(NEXT).await;
    assert_eq!(payable(&world.read(&here, "").await), named(&[("E01", "6352.94"), ("E02", "352.94")]));
    let there = world.submitted_run(&world.body_of(elsewhere, NEXT)).await;
    assert_eq!(payable(&world.read(&there, "").await), named(&[("E02", "6352.94")]));
    world.lock(&here).await;
    let refused = world.step(&world.approver, &there, "approve").await;
    assert_eq!(refused.fields(), [("/people/E02".to_owned(), "adjusted_in_another_run".to_owned())]);
    world.again(&there).await;
    assert_eq!(payable(&world.read(&there, "").await), named(&[("E02", "6000.00")]));
    // Being there for an adjustment is not being paid for the same days.
    world.lock(&there).await;
}

#[actix_web::test]
async fn shadow_runs_of_one_period_that_adjust_the_same_count_once() {
    let world = one_person(Database::Sqlite).await;
    let shadow = |mut body: Value| {
        body["mode"] = json!("shadow");
        body
    };
    let locked = async |body: Value| {
        let run = world.submitted_run(&shadow(body)).await;
        world.step(&world.approver, &run, "approve").await.expect_json();
        world.step(&world.approver, &run, "lock").await.expect_json();
        payable(&world.read(&run, "").await)
    };
    let second = world.second();
    world.visit("2026-04-15", 8_000, 0, State::Published);
    let visit = world.visit("2026-05-15", 9_000, 0, State::Published);
    let appeal = world.appealed(visit, "2026-07-08");
    locked(world.body_of(world.branch, QUARTER)).await;
    world.decided(appeal, visit, None);
    world.leaves(second, "2026-06-30");
    for _ in 0..2 {
        let paid = locked(world.body_of(world.branch, NEXT)).await;
        assert_eq!(paid, named(&[("E01", "6352.94"), ("E02", "352.94")]));
    }
    assert_eq!(locked(world.body_of(world.branch, LAST)).await, named(&[("E01", "6000.00")]));
}
