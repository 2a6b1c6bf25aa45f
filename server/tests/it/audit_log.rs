//! The audit log: what was done is in it, in order, and nobody can change it unseen.

use domain::access::{Role, Scope};
use serde_json::{Value, json};
use server::testing::{TestOffice, TestPerson};

async fn entries(office: &TestOffice, admin: &TestPerson, query: &str) -> Vec<Value> {
    let found = office.get(&format!("/api/v1/audit-log{query}")).by(admin).send().await.expect_json();
    found["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn what_was_done_is_in_the_log_with_who_and_what() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let body = json!({"login": "ana", "name": "Ana", "password": "a long enough password"});
    let created = office.post("/api/v1/users").by(&admin).json(&body).send().await.expect_json();
    let id = created["id"].as_str().unwrap();
    office.post(&format!("/api/v1/users/{id}/deactivate")).by(&admin).send().await.expect_json();
    let found = entries(&office, &admin, &format!("?subject_kind=user&subject={id}")).await;
    let actions: Vec<&str> = found.iter().map(|it| it["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["user_created", "user_deactivated"]);
    assert_eq!(found[0]["actor"], format!("user:{}", admin.id));
    assert_eq!(found[0]["detail"], json!({"login": "ana", "name": "Ana", "roles": []}));
    assert_eq!(found[0]["at"], "2026-11-21T12:00:00Z");
    let all = entries(&office, &admin, "").await;
    assert!(!serde_json::to_string(&all).unwrap().contains("a long enough password"));
}

#[actix_web::test]
async fn a_refused_request_leaves_nothing_in_the_log() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let before = entries(&office, &admin, "").await;
    office.post(&format!("/api/v1/users/{}/deactivate", admin.id)).by(&admin).send().await;
    office.post("/api/v1/users").by(&admin).json(&json!({"login": "ana"})).send().await;
    assert_eq!(entries(&office, &admin, "").await, before);
}

#[actix_web::test]
async fn each_entry_is_chained_to_the_one_before_and_the_check_says_so() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let found = entries(&office, &admin, "").await;
    assert_eq!(found[0]["prev_hash"], "0".repeat(64));
    for (number, pair) in found.windows(2).enumerate() {
        assert_eq!(pair[1]["prev_hash"], pair[0]["hash"]);
        assert_eq!(pair[1]["seq"], number + 2);
    }
    let check = office.get("/api/v1/audit-log/verification").by(&admin).send().await.expect_json();
    let last = found.last().unwrap();
    assert_eq!(check, json!({"intact": true, "entries": last["seq"], "hash": last["hash"]}));
}

#[actix_web::test]
async fn the_log_is_read_by_page_and_only_that_of_the_own_organization() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let other = office.other_organization("other");
    let stranger = office.person_of(other, &[(Role::Admin, Scope::Organization)]);
    let first = office.get("/api/v1/audit-log?limit=1").by(&admin).send().await.expect_json();
    assert_eq!((first["items"][0]["seq"].as_u64(), first["next"].as_str()), (Some(1), Some("1")));
    let subject = office.org.to_string();
    let foreign = entries(&office, &stranger, &format!("?subject_kind=organization&subject={subject}")).await;
    assert!(foreign.is_empty());
    let answer = office.get("/api/v1/audit-log?subject=x").by(&admin).send().await;
    assert_eq!(answer.fields(), [("/subject".to_owned(), "half_a_subject".to_owned())]);
}
