//! Rules of the review that stand behind the visible steps: who scores again, what is logged, what follows a visit.

use crate::databases::Database;
use crate::exchange::Scene;
use crate::field::{FAIR, Field, GOOD};
use domain::{
    access::{Role, Scope},
    ids::{AssignmentId, AuditId},
};
use serde_json::{Value, json};
use sync_core::{Bytes, Kind};

crate::on_both![a_band_changes_only_by_somebody_who_did_not_approve_and_sees_no_pay,];

const DAY: &str = "2026-11-12";

/// What the audit log tells of a visit.
async fn logged(field: &Field, visit: AuditId) -> Vec<String> {
    let admin = field.office.person(Role::Admin);
    let address = format!("/api/v1/audit-log?subject_kind=visit&subject={visit}");
    let log = field.office.get(&address).by(&admin).send().await.expect_json();
    log["items"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn every_step_of_a_review_is_in_the_audit_log() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.submitted(field.north, DAY, &GOOD);
    for command in ["claim", "approve", "publish"] {
        field.review(&reviewer, visit, command, json!({})).await.expect_json();
    }
    assert_eq!(logged(&field, visit).await, ["visit_claim", "visit_approve", "visit_publish"]);
}

#[actix_web::test]
async fn a_visit_that_was_sent_back_is_nobodys_to_review() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.submitted(field.north, DAY, &FAIR);
    let org = field.office.org;
    let claimed = || {
        let found = field.office.app.db.read(move |tx| db::audits::find(tx, org, visit)).unwrap();
        found.unwrap().claimed_by
    };
    field.review(&reviewer, visit, "claim", json!({})).await.expect_json();
    assert_eq!(claimed(), Some(reviewer.id));
    let order = json!({"items": [{"item": "A02", "reason": "why"}], "deadline": "2026-11-25T00:00:00Z"});
    field.review(&reviewer, visit, "return", order).await.expect_json();
    assert_eq!(claimed(), None);
}

#[actix_web::test]
async fn the_assignment_stands_where_its_visit_stands() {
    let field = Field::open().await;
    let (reviewer, manager) =
        (field.office.person(Role::Reviewer), field.office.person(Role::ProgrammeManager));
    let rows = json!([{
        "branch_id": field.north, "auditor_id": field.auditor.id, "template": {"id": "small", "version": 1},
        "window_from": "2026-11-01", "window_to": "2026-11-30",
    }]);
    let made = field.office.post("/api/v1/assignments").by(&manager).json(&rows).send().await.expect_json();
    let assignment: AssignmentId = made["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let visit = field.submitted(field.north, DAY, &GOOD);
    field.write(move |tx, org| {
        let mut row = db::audits::find(tx, org, visit)?.unwrap();
        row.assignment_id = Some(assignment);
        db::audits::upsert(tx, org, &[row])
    });
    for (command, state) in [("claim", "in_review"), ("approve", "approved"), ("publish", "published")] {
        field.review(&reviewer, visit, command, json!({})).await.expect_json();
        let all = field.office.get("/api/v1/assignments").by(&manager).send().await.expect_json();
        assert_eq!(all["items"][0]["state"], state);
    }
}

#[actix_web::test]
async fn a_visit_whose_photos_did_not_come_is_not_approved() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.with_photo(field.north, DAY);
    field.review(&reviewer, visit, "claim", json!({})).await.expect_json();
    let refused = field.review(&reviewer, visit, "approve", json!({})).await;
    assert_eq!(refused.fields(), [(String::new(), "blobs_missing".to_owned())]);
}

/// Stores a score of another band as the current one, as an older scorer could have left it.
fn score_otherwise(field: &Field, visit: AuditId) {
    field.write(move |tx, org| {
        let mut score = db::scores::find_current(tx, org, visit)?.unwrap();
        score.version += 1;
        score.band = Some("another".to_owned());
        score.doc = "{}".to_owned();
        db::scores::append(tx, org, &[score])
    });
}

async fn a_band_changes_only_by_somebody_who_did_not_approve_and_sees_no_pay(database: Database) {
    let field = Field::over(database).await;
    let org = field.office.org;
    let (approver, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
    let roles = [(Role::Reviewer, Scope::Organization), (Role::HrAnalyst, Scope::Organization)];
    let sees_pay = field.office.person_of(org, &roles);
    let visit = field.submitted(field.north, DAY, &FAIR);
    for command in ["claim", "approve", "publish"] {
        field.review(&approver, visit, command, json!({})).await.expect_json();
    }
    score_otherwise(&field, visit);
    let because = json!({"reason": "the rules were mended"});
    for (person, code) in [(&approver, "second_person_missing"), (&sees_pay, "second_person_sees_pay")] {
        let refused = field.review(person, visit, "rescore", because.clone()).await;
        assert_eq!(refused.fields(), [(String::new(), code.to_owned())]);
    }
    let done: Value = field.review(&other, visit, "rescore", because).await.expect_json();
    assert_eq!(done["version"], 3);
    assert_eq!(logged(&field, visit).await.last().unwrap(), "visit_rescored");
}

#[actix_web::test]
async fn a_visit_that_counts_no_more_is_not_scored_again() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.published(&[(field.north, DAY, &FAIR)]).await[0];
    for _ in 0..2 {
        let manager = field.office.person(Role::ProgrammeManager);
        field.review(&manager, visit, "exclude", json!({"reason": "fire drill"})).await.expect_json();
    }
    score_otherwise(&field, visit);
    let refused = field.review(&reviewer, visit, "rescore", json!({"reason": "check"})).await;
    assert_eq!(refused.outcome(), (409, "wrong_state".to_owned()));
}

/// Two phones of an auditor, of which one handed the first round in after the other had handed in the second.
async fn approve_what_came_later(is_named: bool) {
    let scene = Scene::open().await;
    let (mut phone, mut second, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    let order = json!({"items": [{"item": "A01", "reason": "why?"}], "deadline": "2026-11-25T00:00:00Z"});
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    scene.review(audit, "return", order.clone()).await.expect_json();
    phone.read(&scene).await;
    let handed_in = phone.submit(audit, 2);
    let request = phone.push();
    scene.done(&phone, &request).await;
    second.write(Kind::Note, audit, 1, "A01", Some(Bytes::from("the counter was closed")));
    second.submit(audit, 1);
    let request = second.push();
    scene.done(&second, &request).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    let refused = scene.review(audit, "approve", json!({})).await;
    assert_eq!(refused.outcome(), (422, "guard_failed".to_owned()));
    assert_eq!(refused.fields(), [(String::new(), "submission_has_not_seen_all".to_owned())]);
    if is_named {
        // Nobody may be left to hand it in again: whoever names the submission approves what that holds.
        let named = json!({"submit": format!("{}:{handed_in}", phone.dev())});
        let late = |visit: &Value| visit["late_ops"].clone();
        assert_eq!(late(&scene.visit(audit).await), 0);
        assert_eq!(scene.review(audit, "approve", named).await.expect_json()["state"], "approved");
        assert_eq!(late(&scene.visit(audit).await), 1);
        return;
    }
    scene.review(audit, "return", order).await.expect_json();
    phone.read(&scene).await;
    phone.submit(audit, 3);
    let request = phone.push();
    scene.done(&phone, &request).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    assert_eq!(scene.review(audit, "approve", json!({})).await.expect_json()["state"], "approved");
}

#[actix_web::test]
async fn what_whoever_handed_in_had_not_seen_is_not_approved_with_it_until_it_is_handed_in() {
    approve_what_came_later(false).await;
}

#[actix_web::test]
async fn what_whoever_handed_in_had_not_seen_stays_late_where_the_submission_is_named() {
    approve_what_came_later(true).await;
}
