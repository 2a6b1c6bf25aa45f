//! Payout runs, from draft to locked, over the real routes.

use crate::databases::Database;
use db::{
    Micros,
    audits::{Audit, VisitKind},
    observations::{KpiObservation, KpiScope, StandardAssessment},
    reference::{Branch, Region, Shift, Staff, StaffAbsence},
    scores::ScoreVersion,
};
use domain::access::{Role, Scope};
use domain::date::Date;
use domain::ids::{AssessmentId, AuditId, BranchId, KpiId, RegionId, StaffId, UserId};
use domain::lifecycle::State;
use serde_json::{Value, json};
use server::testing::{TestOffice, TestPerson};
use sync_core::{DeviceId, Hash};

crate::on_both![
    three_people_are_paid_from_draft_to_locked_by_two_persons,
    frozen_inputs_give_the_same_bytes_again_and_later_changes_do_not_reach_them,
    shares_of_a_pool_add_up_to_it_to_the_cent,
    nobody_changes_what_was_locked,
    a_run_that_is_calculated_many_times_at_once_is_calculated_once,
];

pub(crate) const RUNS: &str = "/api/v1/payout-runs";

/// An office with a branch, its staff and somebody for each role.
pub(crate) struct World {
    pub(crate) office: TestOffice,
    pub(crate) branch: BranchId,
    pub(crate) region: RegionId,
    pub(crate) auditor: UserId,
    pub(crate) analyst: TestPerson,
    pub(crate) approver: TestPerson,
}

pub(crate) fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::over(Database::Sqlite).await
    }

    async fn over(database: Database) -> Self {
        Self::of(database.office().await)
    }

    pub(crate) fn of(office: TestOffice) -> Self {
        let auditor = office.person(Role::Auditor).id;
        let (analyst, approver) = (office.person(Role::HrAnalyst), office.person(Role::HrApprover));
        let region = RegionId(office.app.environment.new_id());
        let branch = BranchId(office.app.environment.new_id());
        let world = Self { office, branch, region, auditor, analyst, approver };
        let north = Region { region_id: region, parent_id: None, code: "N".into(), name: "Norte".into() };
        world.write(move |tx, org| db::reference::upsert_regions(tx, org, std::slice::from_ref(&north)));
        world.add_branch(branch, "001");
        world
    }

    pub(crate) fn write(
        &self,
        mut job: impl FnMut(&mut db::Tx<'_>, domain::ids::OrgId) -> Result<(), db::DbError> + Send + 'static,
    ) {
        self.office
            .app
            .act_as("test", self.office.org, move |tx, office| Ok(job(tx, office.org())?))
            .unwrap();
    }

    pub(crate) fn add_branch(&self, branch_id: BranchId, code: &str) {
        let branch = Branch {
            branch_id,
            region_id: Some(self.region),
            code: code.into(),
            name: format!("Sucursal {code}"),
            latitude_e7: None,
            longitude_e7: None,
            zone: "America/Mexico_City".into(),
            target_hundredths: None,
            active: true,
        };
        self.write(move |tx, org| db::reference::upsert_branches(tx, org, std::slice::from_ref(&branch)));
    }

    pub(crate) fn staff(&self, employee_no: &str, from: &str, factor: Option<&str>) -> StaffId {
        let staff_id = StaffId(self.office.app.environment.new_id());
        let staff = Staff {
            staff_id,
            employee_no: employee_no.into(),
            name: format!("Persona {employee_no}"),
            position: "ejecutivo".into(),
            role_factor: factor.map(Into::into),
            branch_id: self.branch,
            employed_from: day(from),
            employed_to: None,
            target_minor: None,
        };
        self.write(move |tx, org| db::reference::upsert_staff(tx, org, std::slice::from_ref(&staff)));
        staff_id
    }

    pub(crate) fn visit(&self, date: &str, hundredths: i64, critical_failed: u32, state: State) -> AuditId {
        let audit_id = AuditId(self.office.app.environment.new_id());
        let audit = Audit {
            audit_id,
            branch_id: self.branch,
            auditor_id: self.auditor,
            assignment_id: None,
            template_id: "ms-banco-sucursal".into(),
            template_version: 1,
            template_hash: Hash::of(b"checklist"),
            state,
            round: 0,
            kind: VisitKind::Visit,
            visit_date: Some(day(date)),
            zone: "America/Mexico_City".into(),
            submitted_at: Some(Micros(1)),
            decided_at: Some(Micros(2)),
            decided_by: None,
            open_conflicts: 0,
            late_ops: 0,
            claimed_by: None,
            external_ref: None,
            updated_at: Micros(3),
        };
        self.write(move |tx, org| db::audits::upsert(tx, org, std::slice::from_ref(&audit)));
        self.score(audit_id, 1, hundredths, critical_failed);
        audit_id
    }

    pub(crate) fn score(&self, audit_id: AuditId, version: u32, hundredths: i64, critical_failed: u32) {
        let score = ScoreVersion {
            audit_id,
            version,
            submit_dev: DeviceId([1; 16]),
            submit_dseq: 1,
            template_hash: Hash::of(b"checklist"),
            scorer_version: "1".into(),
            raw_hundredths: Some(hundredths),
            final_hundredths: Some(hundredths),
            band: None,
            critical_failed,
            doc: "{}".into(),
            created_at: Micros(i64::from(version)),
            reason: "approve".into(),
        };
        self.write(move |tx, org| db::scores::append(tx, org, std::slice::from_ref(&score)));
    }

    pub(crate) fn kpi(
        &self,
        metric: &str,
        scope: KpiScope,
        period: (&str, &str),
        value: &str,
        n: Option<u32>,
    ) {
        let kpi = KpiObservation {
            kpi_id: KpiId(self.office.app.environment.new_id()),
            scope,
            metric: metric.into(),
            definition: "encuesta".into(),
            period_from: day(period.0),
            period_to: day(period.1),
            value: value.into(),
            n,
            numerator: None,
            denominator: None,
            source: "test".into(),
            observed_at: Micros(5),
            entered_by: self.auditor,
        };
        self.write(move |tx, org| db::observations::append_kpis(tx, org, std::slice::from_ref(&kpi)));
    }

    pub(crate) fn assessed(&self, band: &str, period: (&str, &str)) {
        let assessment = StandardAssessment {
            assessment_id: AssessmentId(self.office.app.environment.new_id()),
            branch_id: self.branch,
            standard_id: "cem-1000".into(),
            standard_version: 1,
            standard_hash: Hash::of(b"standard"),
            period_from: day(period.0),
            period_to: day(period.1),
            inputs: "{}".into(),
            result: "{}".into(),
            total_hundredths: 88_000,
            band: band.into(),
            assessed_by: self.auditor,
            assessed_at: Micros(6),
        };
        self.write(move |tx, org| db::observations::append_assessment(tx, org, &assessment));
    }

    pub(crate) fn body(&self, plan: &str, from: &str, to: &str) -> Value {
        json!({
            "plan": {"id": plan, "version": 1},
            "period": {"from": from, "to": to},
            "unit": {"kind": "branch", "ids": [self.branch]},
            "mode": "live",
        })
    }

    pub(crate) async fn draft(&self, body: &Value) -> String {
        let run = self.office.post(RUNS).by(&self.analyst).json(body).send().await.expect_json();
        assert_eq!(run["state"], "draft");
        run["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn step(&self, by: &TestPerson, run: &str, step: &str) -> server::testing::Answer {
        self.office.post(&format!("{RUNS}/{run}/{step}")).by(by).send().await
    }

    pub(crate) async fn read(&self, run: &str, what: &str) -> Value {
        self.office.get(&format!("{RUNS}/{run}{what}")).by(&self.approver).send().await.expect_json()
    }

    /// A quarter of three people under the plan of DOMAIN.md 4.5.
    pub(crate) fn quarter(&self) -> AuditId {
        let people =
            [("E01", "2026-04-21", "82.45"), ("E02", "2020-01-01", "85"), ("E03", "2020-01-01", "82.45")];
        for (person, from, quality) in people {
            let id = self.staff(person, from, None);
            self.kpi("calidad", KpiScope::Staff(id), QUARTER, quality, None);
            if person == "E03" {
                let away = |from: &str, to: &str| StaffAbsence {
                    staff_id: id,
                    absent_from: day(from),
                    absent_to: day(to),
                    kind: "secret-illness".into(),
                };
                let absences = [away("2026-05-01", "2026-05-15"), away("2026-05-10", "2026-05-20")];
                self.write(move |tx, org| db::reference::append_absences(tx, org, &absences));
            }
        }
        self.kpi("csat", KpiScope::Branch(self.branch), ("2026-04-01", "2026-04-30"), "1.00", None);
        self.kpi("csat", KpiScope::Branch(self.branch), QUARTER, "4.29", None);
        self.visit("2026-05-20", 1_000, 0, State::Submitted);
        self.visit("2026-03-31", 1_000, 0, State::Approved);
        self.visit("2026-04-15", 8_880, 0, State::Published);
        self.visit("2026-06-30", 8_800, 0, State::Approved)
    }

    pub(crate) async fn quarter_run(&self) -> String {
        let run = self.draft(&self.body("sucursal-individual", QUARTER.0, QUARTER.1)).await;
        let run_now = self.step(&self.analyst, &run, "calculate").await.expect_json();
        assert_eq!(run_now["state"], "calculated");
        run
    }
}

pub(crate) const QUARTER: (&str, &str) = ("2026-04-01", "2026-06-30");

fn pairs(items: &Value, name: &str, amount: &str) -> Vec<(String, String)> {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    items.as_array().unwrap().iter().map(|it| (text(&it[name]), text(&it[amount]))).collect()
}

pub(crate) fn payable(run: &Value) -> Vec<(String, String)> {
    let mut all = pairs(&run["totals"], "person", "payable");
    all.sort();
    all
}

fn amounts(lines: &Value) -> Vec<(String, String)> {
    pairs(&lines["items"], "component", "amount")
}

pub(crate) fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, amount)| ((*name).to_owned(), (*amount).to_owned())).collect()
}

async fn three_people_are_paid_from_draft_to_locked_by_two_persons(database: Database) {
    let world = World::over(database).await;
    world.quarter();
    let run = world.quarter_run().await;
    let detail = world.read(&run, "").await;
    // Hired on 21 April (71 of 91 days): the worked example; away for 20 days, however often noted, weighs the same.
    assert_eq!(payable(&detail), named(&[("E01", "4609.15"), ("E02", "6065.00"), ("E03", "4609.15")]));
    assert_eq!((&detail["payable"], &detail["people"]), (&json!("15283.30"), &json!(3)));
    let lines = world.read(&run, "/lines?person=E01").await;
    assert_eq!(
        amounts(&lines),
        named(&[("ms_index", "2059.78"), ("calidad", "1515.58"), ("csat", "1033.79")])
    );
    let index = &lines["items"][0];
    let mut scores: Vec<&str> =
        index["visits"].as_array().unwrap().iter().map(|it| it["score"].as_str().unwrap()).collect();
    scores.sort_unstable();
    assert_eq!(scores, ["88.00", "88.80"]);
    assert_eq!(index["explanation"]["attainment_pct"], "104.0000");
    let statement = world.read(&run, "/statements/E01").await;
    assert_eq!((&statement["payable"], &statement["lines"]), (&json!("4609.15"), &lines["items"]));
    for (by, step, state) in [
        (&world.analyst, "submit", "in_approval"),
        (&world.approver, "approve", "approved"),
        (&world.approver, "lock", "locked"),
    ] {
        assert_eq!(world.step(by, &run, step).await.expect_json()["state"], state);
    }
    let locked = world.read(&run, "").await;
    assert_eq!(locked["result_hash"], detail["result_hash"]);
    assert_eq!(locked["locked_by"], json!(world.approver.id));
    for (by, step) in [(&world.analyst, "calculate"), (&world.approver, "approve"), (&world.approver, "lock")]
    {
        assert_eq!(world.step(by, &run, step).await.outcome(), (409, "wrong_state".to_owned()), "{step}");
    }
    let back = world.office.post(&format!("{RUNS}/{run}/back-to-draft")).by(&world.analyst);
    let back = back.json(&json!({"reason": "late correction"})).send().await;
    assert_eq!(back.outcome(), (409, "wrong_state".to_owned()));
    let listed = world.office.get(RUNS).by(&world.analyst).send().await.expect_json();
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["state"]), (&json!(run), &json!("locked")));
}

async fn frozen_inputs_give_the_same_bytes_again_and_later_changes_do_not_reach_them(database: Database) {
    let world = World::over(database).await;
    let visit = world.quarter();
    let run = world.quarter_run().await;
    let before = world.read(&run, "/bundle").await;
    let text = String::from_utf8(
        world.office.get(&format!("{RUNS}/{run}/bundle")).by(&world.approver).send().await.body.to_vec(),
    )
    .unwrap();
    world.score(visit, 2, 10_000, 0);
    world.kpi("csat", KpiScope::Branch(world.branch), ("2026-06-01", "2026-06-30"), "5.00", None);
    world.staff("E04", "2020-01-01", None);
    let after = world.read(&run, "/bundle").await;
    assert_eq!(before, after);
    assert_eq!(payable(&world.read(&run, "").await).len(), 3);
    // The documents stand in the answer byte for byte.
    let slice = |from: &str, to: &str| {
        let start = text.find(from).unwrap() + from.len();
        text[start..start + text[start..].find(to).unwrap()].to_owned()
    };
    let plan = slice("\"plan\":", ",\"plan_hash\"");
    let inputs = slice("\"inputs\":", ",\"inputs_hash\"");
    assert_eq!(Hash::of(plan.as_bytes()).to_string(), before["plan_hash"]);
    assert_eq!(Hash::of(inputs.as_bytes()).to_string(), before["inputs_hash"]);
    let result = server::app::payouts::recompute(&plan, &inputs).unwrap();
    assert_eq!(Hash::of(&result).to_string(), before["result_hash"]);
    for secret in [world.auditor.to_string(), "secret-illness".to_owned(), "Persona".to_owned()] {
        assert!(!text.contains(&secret), "{secret}");
    }
    // A new calculation takes the changes in.
    let silent = world.step(&world.approver, &run, "back-to-draft").await;
    assert_eq!(silent.fields()[0].1, "reason_missing");
    let back = world.office.post(&format!("{RUNS}/{run}/back-to-draft")).by(&world.approver);
    back.json(&json!({"reason": "a visit was scored again"})).send().await.expect_json();
    let draft = world.read(&run, "").await;
    assert_eq!((&draft["state"], draft.get("people")), (&json!("draft"), None));
    assert_eq!(world.read(&run, "/lines").await["items"], json!([]));
    let answer = world.office.get(&format!("{RUNS}/{run}/bundle")).by(&world.approver).send().await;
    assert_eq!(answer.outcome(), (409, "not_calculated".to_owned()));
    let missing = world.step(&world.analyst, &run, "calculate").await;
    assert_eq!(missing.fields(), [("/people/E04/results/calidad".to_owned(), "missing_result".to_owned())]);
}

#[actix_web::test]
async fn who_calculated_neither_approves_nor_locks() {
    let world = World::open().await;
    world.quarter();
    let both = &[(Role::HrAnalyst, Scope::Organization), (Role::HrApprover, Scope::Organization)];
    let one = world.office.person_of(world.office.org, both);
    let run = world.draft(&world.body("sucursal-individual", QUARTER.0, QUARTER.1)).await;
    world.step(&one, &run, "calculate").await.expect_json();
    world.step(&one, &run, "submit").await.expect_json();
    let own = |it: server::testing::Answer| (it.status.as_u16(), it.fields()[0].1.clone());
    assert_eq!(own(world.step(&one, &run, "approve").await), (422, "own_calculation".to_owned()));
    world.step(&world.approver, &run, "approve").await.expect_json();
    assert_eq!(own(world.step(&one, &run, "lock").await), (422, "own_calculation".to_owned()));
    assert_eq!(world.read(&run, "").await["state"], "approved");
}

#[actix_web::test]
async fn roles_and_organizations_keep_others_out() {
    let world = World::open().await;
    world.quarter();
    let run = world.quarter_run().await;
    let body = world.body("sucursal-individual", QUARTER.0, QUARTER.1);
    let outsiders = [
        Role::Auditor,
        Role::Reviewer,
        Role::ProgrammeManager,
        Role::BranchManager,
        Role::Admin,
        Role::Analyst,
    ];
    for role in outsiders {
        let person = world.office.person(role);
        let created = world.office.post(RUNS).by(&person).json(&body).send().await;
        assert_eq!(created.outcome(), (403, "forbidden".to_owned()), "{role}");
        for what in ["", "/lines", "/bundle"] {
            let answer = world.office.get(&format!("{RUNS}/{run}{what}")).by(&person).send().await;
            assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{role} {what}");
        }
    }
    for (by, step) in [
        (&world.approver, "calculate"),
        (&world.approver, "submit"),
        (&world.analyst, "approve"),
        (&world.analyst, "lock"),
    ] {
        assert_eq!(world.step(by, &run, step).await.outcome(), (403, "forbidden".to_owned()), "{step}");
    }
    let elsewhere = world.office.other_organization("other");
    let both = &[(Role::HrAnalyst, Scope::Organization), (Role::HrApprover, Scope::Organization)];
    let stranger = world.office.person_of(elsewhere, both);
    for step in ["calculate", "submit", "approve", "lock"] {
        assert_eq!(
            world.step(&stranger, &run, step).await.outcome(),
            (404, "not_found".to_owned()),
            "{step}"
        );
    }
    for what in ["", "/lines", "/bundle"] {
        let answer = world.office.get(&format!("{RUNS}/{run}{what}")).by(&stranger).send().await;
        assert_eq!(answer.outcome(), (404, "not_found".to_owned()), "{what}");
    }
    let created = world.office.post(RUNS).by(&stranger).json(&body).send().await.expect_json();
    let unknown = world.step(&stranger, created["id"].as_str().unwrap(), "calculate").await;
    assert_eq!(unknown.fields(), [("/unit/ids/0".to_owned(), "unknown_unit".to_owned())]);
    // Pay is of the whole organization: a grant on a region does not reach it.
    let near = world.office.person_of(world.office.org, &[(Role::HrAnalyst, Scope::Region(world.region))]);
    let answer = world.office.post(RUNS).by(&near).json(&body).send().await;
    assert_eq!(answer.outcome(), (403, "forbidden".to_owned()));
}

#[actix_web::test]
async fn everything_that_is_missing_is_told_at_once_and_nothing_is_stored() {
    let world = World::open().await;
    let run = world.draft(&world.body("sucursal-individual", QUARTER.0, QUARTER.1)).await;
    let nobody = world.step(&world.analyst, &run, "calculate").await;
    assert_eq!(nobody.fields(), [("/unit/ids".to_owned(), "nobody_to_pay".to_owned())]);
    world.staff("E01", "2020-01-01", None);
    let answer = world.step(&world.analyst, &run, "calculate").await;
    assert_eq!(answer.status.as_u16(), 422);
    let expected = ["ms_index", "calidad", "csat"]
        .map(|id| (format!("/people/E01/results/{id}"), "missing_result".to_owned()));
    assert_eq!(answer.fields(), expected);
    let text = answer.json()["errors"][2]["message_en"].as_str().unwrap().to_owned();
    assert!(["E01", "csat", "KPI", "2026-04-01"].iter().all(|it| text.contains(it)), "{text}");
    let detail = world.read(&run, "").await;
    assert_eq!((&detail["state"], detail.get("result_hash").unwrap()), (&json!("draft"), &Value::Null));
    assert_eq!(world.read(&run, "/lines").await["items"], json!([]));
}

#[actix_web::test]
async fn a_run_needs_a_released_plan_and_a_period_and_a_unit() {
    let world = World::open().await;
    let good = world.body("sucursal-individual", QUARTER.0, QUARTER.1);
    world.write(|tx, org| {
        use db::content::{ContentKind, append, find};
        let mut plan = find(tx, org, ContentKind::Plan, "sucursal-individual", 1)?.unwrap();
        plan.content_id = "a-draft".into();
        (plan.state, plan.released_at) = (domain::lifecycle::VersionState::Draft, None);
        append(tx, org, &plan)
    });
    let cases = [
        ("/plan", json!({"id": "nothing", "version": 1}), "/plan/id", "unknown_plan"),
        ("/plan", json!({"id": "sucursal-individual", "version": 9}), "/plan/id", "unknown_plan"),
        ("/plan", json!({"id": "a-draft", "version": 1}), "/plan/version", "plan_not_released"),
        ("/period", json!({"from": "2026-06-30", "to": "2026-04-01"}), "/period/to", "period_reversed"),
        ("/period", json!({"from": "2026-02-30", "to": "2026-04-01"}), "/period/from", "wrong_shape"),
        ("/unit", json!({"kind": "branch", "ids": []}), "/unit/ids", "unit_ids"),
        ("/unit", json!({"kind": "organization", "ids": [world.branch]}), "/unit/ids", "unit_ids"),
        ("/mode", json!("maybe"), "/mode", "wrong_shape"),
    ];
    for (at, value, field, code) in cases {
        let mut body = good.clone();
        *body.pointer_mut(at).unwrap() = value;
        let answer = world.office.post(RUNS).by(&world.analyst).json(&body).send().await;
        assert_eq!(answer.status.as_u16(), 422);
        assert_eq!(answer.fields(), [(field.to_owned(), code.to_owned())]);
    }
    let mut shadow = good;
    shadow.as_object_mut().unwrap().remove("mode");
    let run = world.office.post(RUNS).by(&world.analyst).json(&shadow).send().await.expect_json();
    assert_eq!(run["mode"], "shadow");
}

pub(crate) const BIMESTER: (&str, &str) = ("2026-03-01", "2026-04-30");

/// The team of DOMAIN.md 4.6.
pub(crate) fn team(world: &World) {
    let people = [
        ("E01", "2020-01-01", "1.5"),
        ("E02", "2020-01-01", "1"),
        ("E03", "2020-01-01", "1"),
        ("E04", "2026-03-08", "1"),
        ("E05", "2020-01-01", "0.75"),
    ];
    let ids = people.map(|(person, from, factor)| world.staff(person, from, Some(factor)));
    let visits = [
        ("2026-03-02", 9_325),
        ("2026-03-12", 8_810),
        ("2026-03-22", 9_640),
        ("2026-04-02", 9_175),
        ("2026-04-12", 9_005),
        ("2026-04-22", 9_730),
    ];
    for (date, hundredths) in visits {
        world.visit(date, hundredths, 0, State::Approved);
    }
    let branch_id = world.branch;
    let shift = move |staff_id| Shift {
        staff_id,
        work_date: day("2026-04-22"),
        begins: "09:00".into(),
        ends: "17:00".into(),
        branch_id,
    };
    let shifts = [shift(ids[1]), shift(ids[2])];
    world.write(move |tx, org| db::reference::append_shifts(tx, org, &shifts));
}

async fn shares_of_a_pool_add_up_to_it_to_the_cent(database: Database) {
    let world = World::over(database).await;
    team(&world);
    let run = world.draft(&world.body("sucursal-bolsa-equipo", BIMESTER.0, BIMESTER.1)).await;
    let answer = world.step(&world.analyst, &run, "calculate").await;
    assert_eq!(answer.fields(), [("/unit/ids/0".to_owned(), "missing_band".to_owned())]);
    world.assessed("competente", ("2025-01-01", "2025-12-31"));
    world.assessed("excelencia", ("2026-01-01", "2026-03-31"));
    world.assessed("no_conforme", ("2026-05-01", "2026-05-31"));
    world.step(&world.analyst, &run, "calculate").await.expect_json();
    let detail = world.read(&run, "").await;
    let expected =
        [("E01", "4746.61"), ("E02", "3464.41"), ("E03", "3464.40"), ("E04", "2801.28"), ("E05", "2373.30")];
    assert_eq!(payable(&detail), named(&expected));
    assert_eq!(detail["payable"], "16850.00");
    assert_eq!(detail["totals"][0]["exceptions"][0]["code"], "pool_capped");
    let lines = world.read(&run, "/lines?limit=1000").await;
    let of = |component: &str| -> i64 {
        let cents = |it: &String| it.replace('.', "").parse::<i64>().unwrap();
        amounts(&lines).iter().filter(|it| it.0 == component).map(|it| cents(&it.1)).sum()
    };
    assert_eq!((of("pool_share"), of("recognition")), (1_625_000, 60_000));
    let mine = world.read(&run, "/lines?person=E02").await;
    assert_eq!(amounts(&mine), named(&[("pool_share", "3164.41"), ("recognition", "300.00")]));
    assert_eq!(mine["items"][0]["visits"].as_array().unwrap().len(), 6);
    assert_eq!(mine["items"][1]["visits"].as_array().unwrap().len(), 1);
    assert_eq!(mine["items"][1]["visits"][0]["score"], "97.30");
    let (mut paged, mut next) = (Vec::new(), String::new());
    loop {
        let page = world.read(&run, &format!("/lines?limit=2{next}")).await;
        paged.extend(amounts(&page));
        match page["next"].as_str() {
            Some(after) => next = format!("&after={after}"),
            None => break,
        }
    }
    assert_eq!(paged, amounts(&lines));
}

#[actix_web::test]
async fn the_band_of_several_branches_is_a_decision_with_a_reason() {
    let world = World::open().await;
    team(&world);
    world.assessed("excelencia", ("2026-01-01", "2026-03-31"));
    world.add_branch(BranchId(world.office.app.environment.new_id()), "002");
    let mut body = world.body("sucursal-bolsa-equipo", BIMESTER.0, BIMESTER.1);
    body["unit"] = json!({"kind": "region", "ids": [world.region]});
    let run = world.draft(&body).await;
    let answer = world.step(&world.analyst, &run, "calculate").await;
    assert_eq!(answer.fields(), [("/unit/ids/0".to_owned(), "missing_band".to_owned())]);
    body["unit"]["bands"] = json!({world.region.to_string(): "sobresaliente"});
    body["unit"]["bands_reason"] = json!("the larger branch decides");
    let run = world.draft(&body).await;
    let answer = world.step(&world.analyst, &run, "calculate").await;
    assert_eq!(answer.fields()[0].1, "unknown_band");
    body["unit"]["bands"] = json!({world.region.to_string(): "competente"});
    let run = world.draft(&body).await;
    world.step(&world.analyst, &run, "calculate").await.expect_json();
    let bundle = world.read(&run, "/bundle").await;
    assert_eq!(bundle["inputs"]["unit"]["bands_reason"], "the larger branch decides");
    assert_eq!(world.read(&run, "").await["payable"], "15600.00");
}

#[actix_web::test]
async fn a_small_sample_is_an_exception_that_the_approver_sees_first() {
    let world = World::open().await;
    let month = ("2026-04-01", "2026-04-30");
    world.staff("E01", "2020-01-01", None);
    for (date, hundredths) in [("2026-04-02", 7_600), ("2026-04-09", 7_600), ("2026-04-16", 7_600)] {
        world.visit(date, hundredths, 1, State::Approved);
    }
    world.visit("2026-04-23", 7_600, 0, State::Approved);
    world.kpi("fcr", KpiScope::Branch(world.branch), month, "0.75", Some(240));
    let run = world.draft(&world.body("centro-contacto-individual", month.0, month.1)).await;
    world.step(&world.analyst, &run, "calculate").await.expect_json();
    let detail = world.read(&run, "").await;
    assert_eq!((&detail["people"], &detail["with_exceptions"]), (&json!(1), &json!(1)));
    let exception = &detail["totals"][0]["exceptions"][0];
    assert_eq!(
        (&exception["code"], &exception["component"]),
        (&json!("redistribute_weight"), &json!("csat"))
    );
    // Weights 0.625 and 0.375; two visits or more with a critical failure: three quarters of the calls' part.
    let lines = world.read(&run, "/lines?person=E01").await;
    assert_eq!(amounts(&lines), named(&[("ms_call", "1875.00"), ("fcr", "1500.00")]));
    let statement = world.read(&run, "/statements/E01").await;
    assert_eq!(statement["calculation"]["excluded_components"][0]["component"], "csat");
}

#[actix_web::test]
async fn a_disputed_visit_never_raises_pay_and_is_an_exception() {
    let world = World::open().await;
    world.quarter();
    world.visit("2026-06-01", 10_000, 0, State::Appealed);
    let run = world.quarter_run().await;
    let detail = world.read(&run, "").await;
    assert_eq!(payable(&detail), named(&[("E01", "4609.15"), ("E02", "6065.00"), ("E03", "4609.15")]));
    assert_eq!(detail["totals"][0]["exceptions"][0]["code"], "disputed");
}

async fn nobody_changes_what_was_locked(database: Database) {
    let world = World::over(database).await;
    world.quarter();
    let run = world.quarter_run().await;
    world.step(&world.analyst, &run, "submit").await.expect_json();
    world.step(&world.approver, &run, "approve").await.expect_json();
    world.step(&world.approver, &run, "lock").await.expect_json();
    let before = world.read(&run, "/lines").await;
    let id: domain::ids::RunId = run.parse().unwrap();
    let org = world.office.org;
    let attempt = |lines: Vec<db::payouts::PayoutLine>| {
        world.office.app.db.write(move |tx| db::payouts::replace_result(tx, org, id, &lines, &[]))
    };
    assert!(matches!(attempt(Vec::new()), Err(db::DbError::Refused { .. })));
    let line = db::payouts::PayoutLine {
        run_id: id,
        person: "E99".into(),
        line: 1,
        component: "gift".into(),
        amount_minor: 1,
        doc: "{}".into(),
    };
    assert!(matches!(attempt(vec![line]), Err(db::DbError::Refused { .. })));
    assert_eq!(world.read(&run, "/lines").await, before);
}

async fn a_run_that_is_calculated_many_times_at_once_is_calculated_once(database: Database) {
    let world = World::over(database).await;
    world.quarter();
    let run = world.draft(&world.body("sucursal-individual", QUARTER.0, QUARTER.1)).await;
    let step = || world.step(&world.analyst, &run, "calculate");
    let (one, two, three, four) = tokio::join!(step(), step(), step(), step());
    let mut told = [one, two, three, four].map(|it| it.outcome());
    told.sort();
    let refused = (409, "wrong_state".to_owned());
    assert_eq!(told, [(200, String::new()), refused.clone(), refused.clone(), refused]);
    assert_eq!(world.read(&run, "").await["payable"], "15283.30");
    assert_eq!(world.read(&run, "/lines").await["items"].as_array().unwrap().len(), 9);
}

#[actix_web::test]
async fn every_step_of_a_run_is_in_the_audit_log() {
    let world = World::open().await;
    world.quarter();
    let run = world.quarter_run().await;
    world.step(&world.analyst, &run, "submit").await.expect_json();
    world.step(&world.approver, &run, "approve").await.expect_json();
    world.step(&world.approver, &run, "lock").await.expect_json();
    let admin = world.office.person(Role::Admin);
    let address = format!("/api/v1/audit-log?subject_kind=payout_run&subject={run}");
    let log = world.office.get(&address).by(&admin).send().await.expect_json();
    let entries = log["items"].as_array().unwrap().iter();
    let told: Vec<&str> = entries.map(|it| it["action"].as_str().unwrap()).collect();
    let steps = ["calculated", "submitted", "approved", "locked"].map(|it| format!("payout_run_{it}"));
    assert_eq!(told[told.len() - 4..], steps);
}

#[actix_web::test]
async fn a_run_whose_result_does_not_come_out_again_is_not_locked() {
    let world = World::open().await;
    world.quarter();
    let run = world.quarter_run().await;
    let id: domain::ids::RunId = run.parse().unwrap();
    world.write(move |tx, org| {
        let mut stored = db::payouts::find_run(tx, org, id)?.unwrap();
        stored.result_hash = Some(Hash::of(b"another result"));
        db::payouts::update_run(tx, org, stored.state, &stored)
    });
    world.step(&world.analyst, &run, "submit").await.expect_json();
    world.step(&world.approver, &run, "approve").await.expect_json();
    let refused = world.step(&world.approver, &run, "lock").await;
    assert_eq!(refused.outcome(), (409, "result_differs".to_owned()));
    assert_eq!(world.read(&run, "").await["state"], "approved");
}
