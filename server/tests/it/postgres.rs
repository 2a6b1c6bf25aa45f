//! People and repeated requests over PostgreSQL; the main line runs over both databases in its own files (`databases`).

use crate::databases::Database;
use domain::access::{Role, Scope};
use serde_json::json;

#[actix_web::test]
async fn people_sign_in_change_things_and_repeat_requests_over_postgresql() {
    let office = Database::Postgres.office().await;
    let admin = office.person(Role::Admin);
    let body = json!({"login": "ana", "name": "Ana", "password": "correct horse battery"});
    let create = || office.post("/api/v1/users").by(&admin).key("k").json(&body);
    let first = create().send().await.expect_json();
    assert_eq!(create().send().await.expect_json(), first);
    let taken = office.post("/api/v1/users").by(&admin).json(&body).send().await;
    assert_eq!(taken.outcome(), (409, "login_taken".to_owned()));
    let sign_in = |password: &str| {
        let body = json!({"organization": "acme", "login": "ana", "password": password});
        office.post("/api/v1/sessions").json(&body)
    };
    for _ in 0..4 {
        let refused = sign_in("wrong horse battery").send().await;
        assert_eq!(refused.outcome(), (401, "wrong_credentials".to_owned()));
    }
    let token = sign_in("correct horse battery").send().await.expect_json()["token"].clone();
    office.get("/api/v1/sessions/current").bearer(token.as_str().unwrap()).send().await.expect_json();
    let elsewhere = office.other_organization("other");
    let stranger = office.person_of(elsewhere, &[(Role::Admin, Scope::Organization)]);
    let id = first["id"].as_str().unwrap();
    let refused = office.get(&format!("/api/v1/users/{id}")).by(&stranger).send().await;
    assert_eq!(refused.outcome(), (404, "not_found".to_owned()));
    let check = office.get("/api/v1/audit-log/verification").by(&admin).send().await.expect_json();
    assert_eq!(check["intact"], true);
}

#[actix_web::test]
async fn one_key_sent_many_times_at_once_is_carried_out_once_over_postgresql() {
    let office = Database::Postgres.office().await;
    let admin = office.person(Role::Admin);
    let body = json!({"login": "ana", "name": "Ana", "password": "correct horse battery"});
    let call = || office.post("/api/v1/users").by(&admin).key("k").json(&body).send();
    let (first, second, third) = tokio::join!(call(), call(), call());
    for answer in [&first, &second, &third] {
        assert_eq!((answer.status.as_u16(), answer.json()), (201, first.json()));
    }
    let users = office.get("/api/v1/users").by(&admin).send().await.expect_json();
    assert_eq!(users["items"].as_array().unwrap().len(), 2);
}
