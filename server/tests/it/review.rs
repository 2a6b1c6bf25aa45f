//! Review: who may do what with a visit, what an approval freezes, and what each role sees.

use crate::databases::Database;
use crate::field::{CRITICAL, FAIR, Field, GOOD};
use domain::access::{Role, Scope};
use serde_json::{Value, json};

crate::on_both![
    a_visit_is_claimed_approved_published_and_scored,
    many_visits_are_approved_at_once_and_what_is_not_clean_is_left,
    a_repeated_bulk_approval_changes_nothing,
    a_frozen_score_is_never_edited_and_scoring_the_same_again_changes_nothing,
];

const DAY: &str = "2026-11-10";

async fn a_visit_is_claimed_approved_published_and_scored(database: Database) {
    let field = Field::over(database).await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.submitted(field.north, DAY, &CRITICAL);
    let claimed = field.review(&reviewer, visit, "claim", json!({})).await.expect_json();
    assert_eq!(claimed["state"], "in_review");
    let approved = field.review(&reviewer, visit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["state"], "approved");
    assert_eq!(
        (&approved["final"], &approved["band"], &approved["version"]),
        (&json!("39.99"), &json!("low"), &json!(1))
    );
    let published = field.review(&reviewer, visit, "publish", json!({})).await.expect_json();
    assert_eq!(published["state"], "published");
    let seen = field.office.get(&format!("/api/v1/visits/{visit}")).by(&reviewer).send().await.expect_json();
    assert_eq!(seen["auditor"], json!(field.auditor.id));
    assert_eq!(
        seen["sections"][1]["items"][0],
        json!({"id": "E01", "q": {"es": "E01", "en": "E01"}, "type": "yes_no", "weight": 1, "critical": true, "answer": "no"})
    );
    let commands: Vec<&str> =
        seen["events"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["claim", "approve", "publish"]);
    let scores =
        field.office.get(&format!("/api/v1/visits/{visit}/scores")).by(&reviewer).send().await.expect_json();
    assert_eq!(scores[0]["raw"], "75.00");
    assert_eq!(scores[0]["score"]["critical_failed"], json!(["E01"]));
    assert!(scores[0]["score"]["explain"].as_array().unwrap().iter().any(|it| it["step"] == "critical"));
}

#[actix_web::test]
async fn the_auditor_of_a_visit_never_reviews_it() {
    let field = Field::open().await;
    let org = field.office.org;
    // The same person, who is also a reviewer.
    let both = field.auditor.id;
    field.write(move |tx, org| {
        let grant = db::users::RoleGrant {
            user_id: both,
            role: Role::Reviewer,
            scope: Scope::Organization,
            granted_by: None,
            granted_at: db::Micros(0),
        };
        db::users::grant_role(tx, org, &grant)
    });
    let token = field.office.session_of(org, both);
    let visit = field.submitted(field.north, DAY, &GOOD);
    let refused = field.office.post(&format!("/api/v1/visits/{visit}/claim")).bearer(&token).send().await;
    assert_eq!(refused.outcome(), (403, "own_visit".to_owned()));
    let body = json!({"visits": [visit]});
    let bulk =
        field.office.post("/api/v1/visits/approve").bearer(&token).json(&body).send().await.expect_json();
    assert_eq!(bulk["outcomes"][0]["problem"]["code"], "own_visit");
}

#[actix_web::test]
async fn an_open_conflict_keeps_a_visit_from_approval() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.in_conflict(field.north, DAY);
    field.review(&reviewer, visit, "claim", json!({})).await.expect_json();
    let refused = field.review(&reviewer, visit, "approve", json!({})).await;
    assert_eq!(refused.outcome(), (422, "guard_failed".to_owned()));
    assert!(refused.fields().iter().any(|(_, code)| code == "conflicts_open"), "{:?}", refused.fields());
    let seen = field.office.get(&format!("/api/v1/visits/{visit}")).by(&reviewer).send().await.expect_json();
    assert_eq!((&seen["state"], &seen["scores"]), (&json!("in_review"), &json!([])));
    assert!(
        seen["conflicts"].as_array().unwrap().iter().any(|it| it["field"] == "A01" && it["open"] == true)
    );
}

async fn many_visits_are_approved_at_once_and_what_is_not_clean_is_left(database: Database) {
    let field = Field::over(database).await;
    let reviewer = field.office.person(Role::Reviewer);
    let good = field.submitted(field.north, DAY, &GOOD);
    let conflict = field.in_conflict(field.north, DAY);
    let incomplete = field.submitted(field.south, DAY, &FAIR[..3]);
    let critical = field.submitted(field.south, DAY, &CRITICAL);
    let nowhere = field.office.app.environment.new_id();
    let body = json!({"visits": [good, conflict, incomplete, critical, nowhere, good]});
    let report =
        field.office.post("/api/v1/visits/approve").by(&reviewer).json(&body).send().await.expect_json();
    assert_eq!((&report["published"], &report["refused"]), (&json!(2), &json!(3)));
    let outcomes = report["outcomes"].as_array().unwrap();
    let told: Vec<&str> = outcomes.iter().map(|it| it["problem"]["code"].as_str().unwrap_or("-")).collect();
    assert_eq!(told, ["-", "guard_failed", "needs_a_look", "-", "not_found"]);
    assert_eq!((&outcomes[0]["final"], &outcomes[3]["final"]), (&json!("100.00"), &json!("39.99")));
    let list = field.office.get("/api/v1/visits?state=submitted").by(&reviewer).send().await.expect_json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    // One by one or together: the same score and the same events.
    let alone = field.submitted(field.north, DAY, &GOOD);
    for command in ["claim", "approve", "publish"] {
        field.review(&reviewer, alone, command, json!({})).await.expect_json();
    }
    let read = async |visit| {
        field.office.get(&format!("/api/v1/visits/{visit}/scores")).by(&reviewer).send().await.expect_json()
    };
    assert_eq!(read(good).await[0]["score"], read(alone).await[0]["score"]);
}

async fn a_repeated_bulk_approval_changes_nothing(database: Database) {
    let field = Field::over(database).await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.submitted(field.north, DAY, &GOOD);
    let body = json!({"visits": [visit]});
    let send = || field.office.post("/api/v1/visits/approve").by(&reviewer).key("k1").json(&body).send();
    let (first, again) = (send().await.expect_json(), send().await.expect_json());
    assert_eq!(first, again);
    let fresh =
        field.office.post("/api/v1/visits/approve").by(&reviewer).json(&body).send().await.expect_json();
    assert_eq!(fresh["outcomes"][0]["problem"]["code"], "wrong_state");
    let scores =
        field.office.get(&format!("/api/v1/visits/{visit}/scores")).by(&reviewer).send().await.expect_json();
    assert_eq!(scores.as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_return_names_items_of_the_checklist_and_a_deadline_to_come() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.submitted(field.north, DAY, &FAIR);
    field.review(&reviewer, visit, "claim", json!({})).await.expect_json();
    let bad = json!({"items": [{"item": "X99", "reason": "blurred"}], "deadline": "2026-11-01T00:00:00Z"});
    let refused = field.review(&reviewer, visit, "return", bad).await;
    let fields = [("/items/0/item", "unknown_item"), ("/deadline", "deadline_past")];
    assert_eq!(refused.fields(), fields.map(|(field, code)| (field.to_owned(), code.to_owned())));
    let good = json!({"items": [{"item": "A02", "reason": "say why"}], "deadline": "2026-11-25T00:00:00Z"});
    assert_eq!(field.review(&reviewer, visit, "return", good).await.expect_json()["state"], "returned");
    let again = field.review(&reviewer, visit, "approve", json!({})).await;
    assert_eq!(again.outcome(), (409, "wrong_state".to_owned()));
    // The order stands in the server's own log, from where the phone pulls it.
    let org = field.office.org;
    let bytes = field.office.app.db.read(move |tx| db::audits::find_ops(tx, org, visit)).unwrap().unwrap();
    let view = sync_core::AuditOps::decode(&bytes).unwrap().view();
    assert_eq!((view.rounds.current, view.lifecycle.len()), (2, 1));
}

#[actix_web::test]
async fn a_rejection_takes_two_reviewers() {
    let field = Field::open().await;
    let (one, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
    let visit = field.submitted(field.north, DAY, &GOOD);
    field.review(&one, visit, "claim", json!({})).await.expect_json();
    let missing = field.review(&one, visit, "reject", json!({})).await;
    assert_eq!(missing.fields(), [(String::new(), "reason_missing".to_owned())]);
    let asked = field.review(&one, visit, "reject", json!({"reason": "copied"})).await.expect_json();
    assert_eq!((&asked["state"], &asked["waiting_for"]), (&json!("in_review"), &json!("second_person")));
    let same = field.review(&one, visit, "reject", json!({"reason": "copied"})).await;
    assert_eq!(same.fields(), [(String::new(), "second_person_missing".to_owned())]);
    let agreed = field.review(&other, visit, "reject", json!({})).await.expect_json();
    assert_eq!((&agreed["state"], &agreed["waiting_for"]), (&json!("rejected"), &Value::Null));
}

#[actix_web::test]
async fn who_sees_pay_cannot_be_the_second_person_of_an_exclusion() {
    let field = Field::open().await;
    let manager = field.office.person(Role::ProgrammeManager);
    let org = field.office.org;
    let roles = [(Role::ProgrammeManager, Scope::Organization), (Role::HrAnalyst, Scope::Organization)];
    let sees_pay = field.office.person_of(org, &roles);
    let other = field.office.person(Role::ProgrammeManager);
    let visit = field.published(&[(field.north, DAY, &GOOD)]).await[0];
    field.review(&manager, visit, "exclude", json!({"reason": "fire drill"})).await.expect_json();
    let refused = field.review(&sees_pay, visit, "exclude", json!({})).await;
    assert_eq!(refused.fields(), [(String::new(), "second_person_sees_pay".to_owned())]);
    let done = field.review(&other, visit, "exclude", json!({})).await.expect_json();
    assert_eq!(done["state"], "excluded");
}

#[actix_web::test]
async fn a_branch_manager_never_sees_the_auditor_nor_what_is_not_published() {
    let field = Field::open().await;
    let org = field.office.org;
    let manager = field.office.person_of(org, &[(Role::BranchManager, Scope::Branch(field.north))]);
    let published = field.published(&[(field.north, DAY, &CRITICAL), (field.south, DAY, &GOOD)]).await;
    let waiting = field.submitted(field.north, DAY, &GOOD);
    let list = field.office.get("/api/v1/visits").by(&manager).send().await.expect_json();
    let ids: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&json!(published[0])]);
    for hidden in [published[1], waiting] {
        let answer = field.office.get(&format!("/api/v1/visits/{hidden}")).by(&manager).send().await;
        assert_eq!(answer.outcome(), (404, "not_found".to_owned()));
    }
    let visit = published[0];
    let period = "from=2026-01-01&to=2026-12-31";
    for address in [
        "/api/v1/visits".to_owned(),
        format!("/api/v1/visits/{visit}"),
        format!("/api/v1/visits/{visit}/scores"),
        format!("/api/v1/branches/{}/scorecard?{period}", field.north),
        format!("/api/v1/scorecards/network?{period}"),
    ] {
        let text = field.office.get(&address).by(&manager).send().await.expect_json().to_string();
        for secret in [field.auditor.id.to_string(), field.auditor.login.clone(), "Test auditor".to_owned()] {
            assert!(!text.contains(&secret), "{address} tells {secret}");
        }
    }
    let asked = format!("/api/v1/visits?auditor={}", field.auditor.id);
    assert_eq!(field.office.get(&asked).by(&manager).send().await.outcome(), (403, "forbidden".to_owned()));
}

#[actix_web::test]
async fn the_visits_of_another_organization_do_not_exist() {
    let field = Field::open().await;
    let other = field.office.other_organization("other");
    let stranger = field.office.person_of(other, &[(Role::Reviewer, Scope::Organization)]);
    let visit = field.submitted(field.north, DAY, &GOOD);
    let seen = field.office.get(&format!("/api/v1/visits/{visit}")).by(&stranger).send().await;
    assert_eq!(seen.outcome(), (404, "not_found".to_owned()));
    let claimed = field.review(&stranger, visit, "claim", json!({})).await;
    assert_eq!(claimed.outcome(), (404, "not_found".to_owned()));
    let body = json!({"visits": [visit]});
    let bulk =
        field.office.post("/api/v1/visits/approve").by(&stranger).json(&body).send().await.expect_json();
    assert_eq!(bulk["outcomes"][0]["problem"]["code"], "not_found");
}

async fn a_frozen_score_is_never_edited_and_scoring_the_same_again_changes_nothing(database: Database) {
    let field = Field::over(database).await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.published(&[(field.north, DAY, &FAIR)]).await[0];
    let again = field.review(&reviewer, visit, "rescore", json!({"reason": "check"})).await;
    assert_eq!(again.outcome(), (409, "same_score".to_owned()));
    let org = field.office.org;
    let current =
        field.office.app.db.read(move |tx| db::scores::find_current(tx, org, visit)).unwrap().unwrap();
    let twice =
        field.office.app.db.write(move |tx| db::scores::append(tx, org, std::slice::from_ref(&current)));
    assert!(matches!(twice, Err(db::DbError::Duplicate { .. })));
}

#[actix_web::test]
async fn a_reviewer_of_one_region_reviews_only_there() {
    let field = Field::open().await;
    let org = field.office.org;
    let reviewer = field.office.person_of(org, &[(Role::Reviewer, Scope::Region(field.region))]);
    let (inside, outside) =
        (field.submitted(field.north, DAY, &GOOD), field.submitted(field.south, DAY, &GOOD));
    let body = json!({"visits": [inside, outside]});
    let report =
        field.office.post("/api/v1/visits/approve").by(&reviewer).json(&body).send().await.expect_json();
    assert_eq!(
        (&report["published"], &report["outcomes"][1]["problem"]["code"]),
        (&json!(1), &json!("not_found"))
    );
    let claimed = field.review(&reviewer, outside, "claim", json!({})).await;
    assert_eq!(claimed.outcome(), (403, "forbidden".to_owned()));
    let list = field.office.get("/api/v1/visits").by(&reviewer).send().await.expect_json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}
