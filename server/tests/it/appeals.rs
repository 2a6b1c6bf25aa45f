//! Appeals: what a branch may question until when, who decides, what a decision changes, and what each side sees.

use crate::databases::Database;
use crate::field::{CRITICAL, FAIR, Field};
use domain::access::{Role, Scope};
use domain::ids::AuditId;
use serde_json::{Value, json};
use server::testing::{Answer, TestPerson, photos};

crate::on_both![
    a_granted_item_gives_a_new_score_and_what_was_recorded_stays,
    of_two_decisions_at_once_one_is_told_that_it_came_late,
    the_same_request_again_makes_no_second_appeal,
];

pub(crate) const DAY: &str = "2026-11-10";

/// A branch with its manager, somebody who reviewed, and somebody who did not.
pub(crate) struct World {
    pub(crate) field: Field,
    pub(crate) manager: TestPerson,
    pub(crate) reviewer: TestPerson,
    pub(crate) other: TestPerson,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::over(Database::Sqlite).await
    }

    pub(crate) async fn over(database: Database) -> Self {
        let field = Field::over(database).await;
        let scope = [(Role::BranchManager, Scope::Branch(field.north))];
        let manager = field.office.person_of(field.office.org, &scope);
        let (reviewer, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
        Self { field, manager, reviewer, other }
    }

    /// A visit to the branch that the reviewer approved and published.
    pub(crate) async fn published(&self, answers: &[(&str, &str)]) -> AuditId {
        let visit = self.field.submitted(self.field.north, DAY, answers);
        for command in ["claim", "approve", "publish"] {
            self.field.review(&self.reviewer, visit, command, json!({})).await.expect_json();
        }
        visit
    }

    pub(crate) async fn appeal(&self, by: &TestPerson, visit: AuditId, items: &[&str]) -> Answer {
        let items: Vec<Value> =
            items.iter().map(|it| json!({"item": it, "reason": format!("motivo de {it}")})).collect();
        let address = format!("/api/v1/visits/{visit}/appeals");
        self.field.office.post(&address).by(by).json(&json!({"items": items})).send().await
    }

    /// The id of an appeal that was just made.
    pub(crate) async fn appealed(&self, visit: AuditId, items: &[&str]) -> String {
        let opened = self.appeal(&self.manager, visit, items).await.expect_json();
        opened["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn step(&self, by: &TestPerson, appeal: &str, step: &str, body: Value) -> Answer {
        self.field.office.post(&format!("/api/v1/appeals/{appeal}/{step}")).by(by).json(&body).send().await
    }

    pub(crate) async fn read(&self, by: &TestPerson, address: &str) -> Answer {
        self.field.office.get(&format!("/api/v1/{address}")).by(by).send().await
    }

    /// Where a visit stands, by a session that is still open however much later it is.
    pub(crate) async fn state(&self, visit: AuditId) -> String {
        let reviewer = self.field.office.person(Role::Reviewer);
        let seen = self.read(&reviewer, &format!("visits/{visit}")).await.expect_json();
        seen["state"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn attach(&self, by: &TestPerson, appeal: &str, item: &str, bytes: Vec<u8>) -> Answer {
        let address = format!("/api/v1/appeals/{appeal}/items/{item}/evidence");
        self.field.office.post(&address).by(by).body(bytes).send().await
    }
}

pub(crate) fn upheld(item: &str, answer: Value) -> Value {
    json!({"items": [{"item": item, "decision": "upheld", "answer": answer, "reason": "se ve en la foto"}]})
}

pub(crate) fn codes(answer: &Answer) -> Vec<String> {
    answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect()
}

async fn a_granted_item_gives_a_new_score_and_what_was_recorded_stays(database: Database) {
    let world = World::over(database).await;
    let visit = world.published(&FAIR).await;
    let opened = world.appeal(&world.manager, visit, &["A02", "E02"]).await.expect_json();
    let id = opened["id"].as_str().unwrap().to_owned();
    assert_eq!((&opened["state"], &opened["score_version"]), (&json!("open"), &json!(1)));
    // Published on the 21st of November in Mexico: a week to decide.
    assert_eq!((&opened["decide_by"], &opened["before"]["final"]), (&json!("2026-11-28"), &json!("75.00")));
    assert_eq!(world.state(visit).await, "appealed");
    let queue = world.read(&world.other, "appeals?state=open").await.expect_json();
    assert_eq!((&queue["items"][0]["id"], &queue["items"][0]["may_decide"]), (&json!(id), &json!(true)));
    let own = world.read(&world.reviewer, "appeals").await.expect_json();
    assert_eq!(own["items"][0]["may_decide"], false);
    let order = json!({"reason": "parte", "items": [
        {"item": "A02", "decision": "upheld", "answer": "yes", "reason": "se ve el letrero"},
        {"item": "E02", "decision": "dismissed", "reason": "no se ve"},
    ]});
    let decided = world.step(&world.other, &id, "uphold", order).await.expect_json();
    assert_eq!(
        (&decided["state"], &decided["version"], &decided["final"]),
        (&json!("upheld"), &json!(2), &json!("100.00"))
    );
    assert_eq!(world.state(visit).await, "published");
    let seen = world.read(&world.manager, &format!("appeals/{id}")).await.expect_json();
    assert_eq!(
        (&seen["before"]["final"], &seen["after"]["final"], &seen["reason"]),
        (&json!("75.00"), &json!("100.00"), &json!("parte"))
    );
    assert_eq!(
        (&seen["questions"][0]["decision"], &seen["questions"][0]["answer"]),
        (&json!("upheld"), &json!("yes"))
    );
    assert_eq!(
        (&seen["questions"][1]["decision"], &seen["questions"][1]["decision_reason"]),
        (&json!("dismissed"), &json!("no se ve"))
    );
    let sheet = world.read(&world.reviewer, &format!("visits/{visit}")).await.expect_json();
    assert_eq!(sheet["sections"][0]["items"][1]["answer"], "no", "what was recorded stays");
    let reasons: Vec<&Value> = sheet["scores"].as_array().unwrap().iter().map(|it| &it["reason"]).collect();
    assert_eq!(reasons, ["approved", "appeal"]);
    // The correction goes on counting: scoring again finds the same.
    let again = world.field.review(&world.reviewer, visit, "rescore", json!({"reason": "check"})).await;
    assert_eq!(again.outcome(), (409, "same_score".to_owned()));
}

#[actix_web::test]
async fn a_dismissed_appeal_leaves_the_score_and_tells_why() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let silent = world.step(&world.other, &id, "dismiss", json!({"reason": "  "})).await;
    assert_eq!(codes(&silent), [" reason_missing"]);
    let decided = world.step(&world.other, &id, "dismiss", json!({"reason": "no se ve"})).await.expect_json();
    assert_eq!((&decided["state"], &decided["reason"]), (&json!("dismissed"), &json!("no se ve")));
    assert_eq!(world.state(visit).await, "published");
    let scores = world.read(&world.reviewer, &format!("visits/{visit}/scores")).await.expect_json();
    assert_eq!(scores.as_array().unwrap().len(), 1);
    // What was decided once is not asked again; another item is.
    let again = world.appeal(&world.manager, visit, &["A02"]).await;
    assert_eq!(codes(&again), ["/items/0/item item_decided"]);
    assert_eq!(world.appeal(&world.manager, visit, &["E02"]).await.status, 201);
}

#[actix_web::test]
async fn whoever_appealed_takes_it_back_and_may_ask_again() {
    let world = World::open().await;
    let scope = [(Role::BranchManager, Scope::Branch(world.field.north))];
    let colleague = world.field.office.person_of(world.field.office.org, &scope);
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let not_own = world.step(&colleague, &id, "withdraw", json!({})).await;
    assert_eq!(codes(&not_own), [" not_the_appellant"]);
    let taken = world.step(&world.manager, &id, "withdraw", json!({})).await.expect_json();
    assert_eq!(taken["state"], "withdrawn");
    assert_eq!(world.state(visit).await, "published");
    assert_eq!(world.appeal(&colleague, visit, &["A02"]).await.status, 201);
}

#[actix_web::test]
async fn a_visit_is_appealed_until_the_last_day_of_its_window_in_the_branch_and_no_longer() {
    let world = World::open().await;
    let clock = world.field.office.clock.clone();
    // Published on 21 November at 06:00 in Mexico: the window ends with the 28th there, at 06:00Z of the 29th.
    let visit = world.published(&FAIR).await;
    let late = world.published(&FAIR).await;
    clock.advance_seconds(7 * 86_400 + 18 * 3_600 - 1);
    let scope = [(Role::BranchManager, Scope::Branch(world.field.north))];
    let manager = world.field.office.person_of(world.field.office.org, &scope);
    assert_eq!(world.appeal(&manager, visit, &["A02"]).await.status, 201);
    clock.advance_seconds(1);
    let refused = world.appeal(&manager, late, &["A02"]).await;
    assert_eq!(codes(&refused), [" appeal_window_closed"]);
    assert!(refused.json().to_string().contains("2026-11-28"), "{}", refused.json());
    assert_eq!(world.state(late).await, "published");
}

#[actix_web::test]
async fn a_programme_says_how_long_its_branches_may_appeal() {
    let world = World::open().await;
    let office = &world.field.office;
    let planner = office.person(Role::ProgrammeManager);
    let new = json!({"code": "P", "name": "P"});
    let made = office.post("/api/v1/programmes").by(&planner).json(&new).send().await.expect_json();
    assert_eq!(made["appeal_days"], 7);
    let address = format!("/api/v1/programmes/{}/appeal-window", made["id"].as_str().unwrap());
    let beyond = office.put(&address).by(&planner).json(&json!({"days": 91})).send().await;
    assert_eq!(codes(&beyond), ["/days range"]);
    let changed = office.put(&address).by(&planner).json(&json!({"days": 2})).send().await.expect_json();
    assert_eq!(changed["appeal_days"], 2);
    let visit = world.published(&FAIR).await;
    let programme = made["id"].as_str().unwrap().parse().map(domain::ids::ProgrammeId).unwrap();
    world.in_programme(visit, programme);
    office.clock.advance_seconds(3 * 86_400);
    let manager = office.person_of(office.org, &[(Role::BranchManager, Scope::Branch(world.field.north))]);
    let refused = world.appeal(&manager, visit, &["A02"]).await;
    assert_eq!(codes(&refused), [" appeal_window_closed"]);
    assert!(refused.json().to_string().contains("2026-11-23"), "{}", refused.json());
}

impl World {
    /// Lets a visit answer an assignment of a programme.
    fn in_programme(&self, visit: AuditId, programme: domain::ids::ProgrammeId) {
        use domain::ids::{AssignmentId, WaveId};
        let environment = self.field.office.app.environment.clone();
        let (wave, assignment) = (WaveId(environment.new_id()), AssignmentId(environment.new_id()));
        let (auditor, branch, now) = (self.field.auditor.id, self.field.north, self.field.office.app.now());
        self.field.write(move |tx, org| {
            let day = domain::Date::parse(DAY).unwrap();
            let row = db::programmes::Wave {
                wave_id: wave,
                programme_id: programme,
                name: "W".to_owned(),
                window_from: day,
                window_to: day,
                created_at: now,
            };
            db::programmes::append_wave(tx, org, &row)?;
            let mut audit = db::audits::find(tx, org, visit)?.unwrap();
            let row = db::programmes::Assignment {
                assignment_id: assignment,
                wave_id: Some(wave),
                branch_id: branch,
                auditor_id: auditor,
                template_id: audit.template_id.clone(),
                template_version: 1,
                template_hash: audit.template_hash,
                window_from: day,
                window_to: day,
                state: audit.state,
                audit_id: visit,
                created_at: now,
                declined_for: None,
            };
            db::programmes::append_assignments(tx, org, std::slice::from_ref(&row))?;
            audit.assignment_id = Some(assignment);
            db::audits::upsert(tx, org, std::slice::from_ref(&audit))
        });
    }
}

#[actix_web::test]
async fn a_visit_that_is_not_shown_or_of_another_branch_or_organization_is_not_there() {
    let world = World::open().await;
    let office = &world.field.office;
    let visit = world.published(&FAIR).await;
    let unpublished = world.field.submitted(world.field.north, DAY, &FAIR);
    let elsewhere = office.other_organization("other");
    let foreign = office.person_of(elsewhere, &[(Role::BranchManager, Scope::Organization)]);
    let southern = office.person_of(office.org, &[(Role::BranchManager, Scope::Branch(world.field.south))]);
    for (by, visit) in [(&world.manager, unpublished), (&foreign, visit), (&southern, visit)] {
        assert_eq!(world.appeal(by, visit, &["A02"]).await.outcome(), (404, "not_found".to_owned()));
    }
    let by_reviewer = world.appeal(&world.other, visit, &["A02"]).await;
    assert_eq!(by_reviewer.outcome(), (403, "forbidden".to_owned()));
    let id = world.appealed(visit, &["A02"]).await;
    let foreign_reviewer = office.person_of(elsewhere, &[(Role::Reviewer, Scope::Organization)]);
    for by in [&foreign, &southern, &foreign_reviewer] {
        let seen = world.read(by, &format!("appeals/{id}")).await;
        assert_eq!(seen.outcome(), (404, "not_found".to_owned()));
        let listed = world.read(by, "appeals").await.expect_json();
        assert_eq!(listed["items"], json!([]));
        let written = world.step(by, &id, "messages", json!({"text": "hola"})).await;
        assert_eq!(written.outcome(), (404, "not_found".to_owned()));
    }
    let taken = world.step(&southern, &id, "withdraw", json!({})).await;
    assert_eq!(taken.outcome(), (404, "not_found".to_owned()));
    let decided = world.step(&foreign_reviewer, &id, "dismiss", json!({"reason": "no"})).await;
    assert_eq!(decided.outcome(), (404, "not_found".to_owned()));
    let file = world.attach(&southern, &id, "A02", b"%PDF-1.7".to_vec()).await;
    assert_eq!(file.outcome(), (404, "not_found".to_owned()));
}

#[actix_web::test]
async fn only_items_that_counted_are_appealed_each_once_with_a_reason() {
    let world = World::open().await;
    let visit = world.published(&FAIR[..3]).await;
    let refused = world.appeal(&world.manager, visit, &["E02", "X99", "A02", "A02"]).await;
    assert_eq!(
        codes(&refused),
        ["/items/0/item item_not_counted", "/items/1/item unknown_item", "/items/3/item repeated_item"]
    );
    assert_eq!(codes(&world.appeal(&world.manager, visit, &[]).await), [" items_missing"]);
    let address = format!("/api/v1/visits/{visit}/appeals");
    let body =
        json!({"items": [{"item": "A02", "reason": "   "}, {"item": "A01", "reason": "x".repeat(2_001)}]});
    let silent = world.field.office.post(&address).by(&world.manager).json(&body).send().await;
    assert_eq!(codes(&silent), ["/items/0/reason blank", "/items/1/reason length"]);
    // Nothing of what was refused stays.
    assert_eq!(world.state(visit).await, "published");
    assert_eq!(world.read(&world.manager, "appeals").await.expect_json()["items"], json!([]));
}

#[actix_web::test]
async fn a_visit_has_one_open_appeal() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    world.appealed(visit, &["A02"]).await;
    let second = world.appeal(&world.manager, visit, &["E02"]).await;
    assert_eq!(second.outcome(), (409, "appeal_open".to_owned()));
}

async fn the_same_request_again_makes_no_second_appeal(database: Database) {
    let world = World::over(database).await;
    let visit = world.published(&FAIR).await;
    let address = format!("/api/v1/visits/{visit}/appeals");
    let body = json!({"items": [{"item": "A02", "reason": "hay letrero"}]});
    let send = || world.field.office.post(&address).by(&world.manager).key("k").json(&body).send();
    let (first, again) = (send().await.expect_json(), send().await.expect_json());
    assert_eq!(first, again);
    let all = world.read(&world.manager, "appeals").await.expect_json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn nobody_decides_who_reviewed_or_made_the_visit_or_appealed_it() {
    let world = World::open().await;
    let office = &world.field.office;
    let visit = world.published(&FAIR).await;
    // The auditor of the visit and its branch's manager, who are reviewers as well.
    for person in [world.field.auditor.id, world.manager.id] {
        world.field.write(move |tx, org| {
            let grant = db::users::RoleGrant {
                user_id: person,
                role: Role::Reviewer,
                scope: Scope::Organization,
                granted_by: None,
                granted_at: db::Micros(0),
            };
            db::users::grant_role(tx, org, &grant)
        });
    }
    let id = world.appealed(visit, &["A02"]).await;
    let session = |person: &TestPerson| TestPerson {
        token: office.session_of(office.org, person.id),
        ..person.clone()
    };
    let (auditor, manager) = (session(&world.field.auditor), session(&world.manager));
    for by in [&world.reviewer, &manager] {
        for (step, body) in [("dismiss", json!({"reason": "no"})), ("uphold", upheld("A02", json!("yes")))] {
            let refused = world.step(by, &id, step, body).await;
            assert_eq!(codes(&refused), [" same_reviewer"], "{step}");
        }
    }
    for step in ["dismiss", "messages"] {
        let body = if step == "dismiss" { json!({"reason": "no"}) } else { json!({"text": "no"}) };
        let refused = world.step(&auditor, &id, step, body).await;
        assert_eq!(refused.outcome(), (403, "own_visit".to_owned()));
    }
    let read = world.read(&auditor, &format!("appeals/{id}")).await;
    assert_eq!(read.outcome(), (403, "own_visit".to_owned()));
    let by_branch = world.step(&world.manager, &id, "dismiss", json!({"reason": "no"})).await;
    assert_eq!(codes(&by_branch), [" same_reviewer"]);
    assert_eq!(world.state(visit).await, "appealed");
}

#[actix_web::test]
async fn who_sees_pay_grants_nothing_that_changes_the_band() {
    let world = World::open().await;
    let office = &world.field.office;
    let roles = [(Role::Reviewer, Scope::Organization), (Role::HrAnalyst, Scope::Organization)];
    let sees_pay = office.person_of(office.org, &roles);
    let visit = world.published(&CRITICAL).await;
    let id = world.appealed(visit, &["E01"]).await;
    let refused = world.step(&sees_pay, &id, "uphold", upheld("E01", json!("yes"))).await;
    assert_eq!(codes(&refused), [" second_person_sees_pay"]);
    let decided = world.step(&world.other, &id, "uphold", upheld("E01", json!("yes"))).await.expect_json();
    assert_eq!(
        (&decided["after"]["band"], &decided["after"]["critical_failed"]),
        (&json!("high"), &json!(0))
    );
}

#[actix_web::test]
async fn a_decision_names_every_item_once_with_an_answer_that_the_item_takes() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02", "E02"]).await;
    let verdict = |item: &str, more: Value| {
        let mut it = json!({"item": item, "decision": "upheld", "reason": "visto"});
        it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        it
    };
    let no = |item: &str| json!({"item": item, "decision": "dismissed", "reason": "no"});
    for (items, expected) in [
        (json!([verdict("A02", json!({"answer": "yes"}))]), vec!["/items item_undecided"]),
        (
            json!([verdict("A01", json!({"answer": "no"})), no("A02"), no("E02")]),
            vec!["/items/0/item item_not_appealed"],
        ),
        (json!([no("A02"), no("E02"), no("E02")]), vec!["/items/2/item repeated_item"]),
        (json!([no("A02"), no("E02")]), vec!["/items nothing_upheld"]),
        (json!([verdict("A02", json!({})), no("E02")]), vec!["/items/0/answer answer_missing"]),
        (json!([verdict("A02", json!({"answer": "no"})), no("E02")]), vec!["/items/0/answer same_answer"]),
        (json!([verdict("A02", json!({"answer": "na"})), no("E02")]), vec!["/items/0/answer na_not_allowed"]),
        (json!([verdict("A02", json!({"answer": 3})), no("E02")]), vec!["/items/0/answer wrong_type"]),
        (
            json!([verdict("A02", json!({"answer": "yes", "leave_out": true})), no("E02")]),
            vec!["/items/0/answer answer_unwanted"],
        ),
        (
            json!([verdict("A02", json!({"answer": "yes", "decision": "dismissed"})), no("E02")]),
            vec!["/items/0/answer answer_unwanted"],
        ),
    ] {
        let refused = world.step(&world.other, &id, "uphold", json!({"items": items})).await;
        assert_eq!(codes(&refused), expected, "{items}");
    }
    assert_eq!(world.state(visit).await, "appealed");
}

#[actix_web::test]
async fn an_item_that_is_left_out_counts_no_more() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let order =
        json!({"items": [{"item": "A02", "decision": "upheld", "leave_out": true, "reason": "cerrado"}]});
    let decided = world.step(&world.other, &id, "uphold", order).await.expect_json();
    assert_eq!((&decided["final"], &decided["questions"][0]["answer"]), (&json!("100.00"), &Value::Null));
    let scores = world.read(&world.reviewer, &format!("visits/{visit}/scores")).await.expect_json();
    assert_eq!(scores[1]["score"]["excluded"], json!(["A02"]));
}

async fn of_two_decisions_at_once_one_is_told_that_it_came_late(database: Database) {
    let world = World::over(database).await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let third = world.field.office.person(Role::Reviewer);
    let (one, next) = tokio::join!(
        world.step(&world.other, &id, "uphold", upheld("A02", json!("yes"))),
        world.step(&third, &id, "dismiss", json!({"reason": "no"})),
    );
    let mut outcomes = [one.outcome(), next.outcome()];
    outcomes.sort();
    assert_eq!(outcomes, [(200, String::new()), (409, "appeal_closed".to_owned())]);
    assert_eq!(world.state(visit).await, "published");
}

#[actix_web::test]
async fn what_is_said_and_attached_reaches_both_sides_while_the_appeal_is_open() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let file = world.attach(&world.manager, &id, "A02", b"%PDF-1.7 recibo".to_vec()).await.expect_json();
    assert_eq!((&file["mime"], &file["size"]), (&json!("application/pdf"), &json!(15)));
    let photo = photos::jpeg(1, 60, 40);
    let picture = world.attach(&world.manager, &id, "A02", photo.clone()).await.expect_json();
    assert_eq!(picture["mime"], "image/jpeg");
    let again = world.attach(&world.manager, &id, "A02", photo.clone()).await.expect_json();
    assert_eq!(again, picture);
    world.step(&world.other, &id, "messages", json!({"text": "¿de qué día es?"})).await.expect_json();
    world.step(&world.manager, &id, "messages", json!({"text": "del mismo"})).await.expect_json();
    let seen = world.read(&world.manager, &format!("appeals/{id}")).await.expect_json();
    assert_eq!(seen["questions"][0]["evidence"].as_array().unwrap().len(), 2);
    let said = |seen: &Value| -> Vec<(String, bool)> {
        let all = seen["messages"].as_array().unwrap().iter();
        all.map(|it| (it["from"].as_str().unwrap().to_owned(), it.get("author").is_some())).collect()
    };
    assert_eq!(said(&seen), [("office".to_owned(), false), ("branch".to_owned(), false)]);
    let office = world.read(&world.other, &format!("appeals/{id}")).await.expect_json();
    assert_eq!(said(&office), [("office".to_owned(), true), ("branch".to_owned(), true)]);
    let address = format!("appeals/{id}/evidence/{}", picture["blob"].as_str().unwrap());
    for by in [&world.manager, &world.other] {
        let bytes = world.read(by, &address).await;
        assert_eq!((bytes.status.as_u16(), bytes.body.to_vec()), (200, photo.clone()));
        let policy = bytes.headers.get("content-security-policy").unwrap();
        assert_eq!(policy, "default-src 'none'; sandbox");
    }
    let unknown = world.read(&world.other, &format!("appeals/{id}/evidence/{}", "0".repeat(64))).await;
    assert_eq!(unknown.outcome(), (404, "not_found".to_owned()));
    world.step(&world.other, &id, "dismiss", json!({"reason": "no"})).await.expect_json();
    let late = world.step(&world.manager, &id, "messages", json!({"text": "pero"})).await;
    assert_eq!(late.outcome(), (409, "appeal_closed".to_owned()));
    let late = world.attach(&world.manager, &id, "A02", b"%PDF-1.7".to_vec()).await;
    assert_eq!(late.outcome(), (409, "appeal_closed".to_owned()));
}

#[actix_web::test]
async fn a_file_that_is_too_large_or_of_another_sort_or_for_no_item_is_refused() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let mut large = b"%PDF-1.7".to_vec();
    large.resize(10_000_001, b' ');
    let html = b"<!doctype html><script>alert(1)</script>".to_vec();
    for (item, bytes, code) in [
        ("A02", large, " file_too_large"),
        ("A02", Vec::new(), " empty_file"),
        ("A02", html, " media_type"),
        ("A02", b"ID3\x04".to_vec(), " media_type"),
        ("E02", b"%PDF-1.7".to_vec(), "/item item_not_appealed"),
    ] {
        assert_eq!(codes(&world.attach(&world.manager, &id, item, bytes).await), [code]);
    }
    let by_office = world.attach(&world.other, &id, "A02", b"%PDF-1.7".to_vec()).await;
    assert_eq!(by_office.outcome(), (403, "forbidden".to_owned()));
    for number in 0..10 {
        let file = format!("%PDF-1.7 {number}").into_bytes();
        assert_eq!(world.attach(&world.manager, &id, "A02", file).await.status, 201);
    }
    let more = world.attach(&world.manager, &id, "A02", b"%PDF-1.7 one too many".to_vec()).await;
    assert_eq!(more.outcome(), (409, "too_many_files".to_owned()));
}

#[actix_web::test]
async fn a_branch_is_never_told_who_visited_reviewed_or_decided() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    world.step(&world.other, &id, "messages", json!({"text": "veamos"})).await.expect_json();
    world.step(&world.other, &id, "uphold", upheld("A02", json!("yes"))).await.expect_json();
    for address in [
        "appeals".to_owned(),
        format!("appeals/{id}"),
        format!("visits/{visit}"),
        format!("visits/{visit}/scores"),
    ] {
        let text = world.read(&world.manager, &address).await.expect_json().to_string();
        for person in [&world.field.auditor, &world.reviewer, &world.other] {
            for secret in [person.id.to_string(), person.login.clone()] {
                assert!(!text.contains(&secret), "{address} tells {secret}");
            }
        }
        assert!(!text.contains("may_decide"), "{address}");
    }
}

#[actix_web::test]
async fn a_visit_that_is_annulled_ends_its_appeal() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    for _ in 0..2 {
        let manager = world.field.office.person(Role::ProgrammeManager);
        world.field.review(&manager, visit, "void", json!({"reason": "copied"})).await.expect_json();
    }
    let org = world.field.office.org;
    let open = world.field.office.app.db.read(move |tx| db::appeals::find_open(tx, org, visit)).unwrap();
    assert_eq!(open, None);
    let seen = world.read(&world.manager, &format!("appeals/{id}")).await.expect_json();
    assert_eq!(seen["state"], "void");
}

#[actix_web::test]
async fn every_step_stands_in_the_audit_log_without_the_words_of_the_branch() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    world.attach(&world.manager, &id, "A02", b"%PDF-1.7".to_vec()).await.expect_json();
    world.step(&world.manager, &id, "messages", json!({"text": "secreto de familia"})).await.expect_json();
    world.step(&world.other, &id, "uphold", upheld("A02", json!("yes"))).await.expect_json();
    let admin = world.field.office.person(Role::Admin);
    let log = world.read(&admin, "audit-log?limit=1000").await.expect_json();
    let actions: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
    for expected in [
        "visit_appeal",
        "appeal_opened",
        "appeal_file_attached",
        "appeal_message_written",
        "visit_uphold",
        "appeal_upheld",
    ] {
        assert!(actions.contains(&expected), "{expected} is not in {actions:?}");
    }
    let text = log.to_string();
    assert!(!text.contains("secreto de familia") && !text.contains("motivo de"));
}
