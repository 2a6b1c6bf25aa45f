//! People and their roles.

use domain::access::{Role, Scope};
use serde_json::json;
use server::testing::TestOffice;

#[actix_web::test]
async fn people_are_created_listed_by_page_and_read() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    for login in ["ana", "Eva", "leo"] {
        let body = json!({"login": login, "name": login, "roles": [{"role": "auditor"}]});
        let created = office.post("/api/v1/users").by(&admin).json(&body).send().await.expect_json();
        assert_eq!(created["login"], login.to_lowercase());
        assert_eq!(created["roles"], json!([{"role": "auditor", "scope": {"kind": "organization"}}]));
    }
    let first = office.get("/api/v1/users?limit=2").by(&admin).send().await.expect_json();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = format!("/api/v1/users?limit=2&after={}", first["next"].as_str().unwrap());
    let second = office.get(&next).by(&admin).send().await.expect_json();
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    assert!(second.get("next").is_none());
    for (query, code) in [("limit=0", "range"), ("after=x", "bad_cursor")] {
        let answer = office.get(&format!("/api/v1/users?{query}")).by(&admin).send().await;
        assert_eq!((answer.status.as_u16(), answer.fields()[0].1.as_str()), (422, code));
    }
    let answer = office.get("/api/v1/users?shoe=1").by(&admin).send().await;
    assert_eq!(answer.fields(), [("/shoe".to_owned(), "unknown_field".to_owned())]);
}

#[actix_web::test]
async fn a_login_is_taken_once_in_an_organization() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let body = |login: &str| json!({"login": login, "name": "Ana"});
    office.post("/api/v1/users").by(&admin).json(&body("ana")).send().await.expect_json();
    let answer = office.post("/api/v1/users").by(&admin).json(&body("ANA")).send().await;
    assert_eq!(answer.outcome(), (409, "login_taken".to_owned()));
    assert_eq!(answer.fields(), [("/login".to_owned(), "login_taken".to_owned())]);
    let elsewhere = office.other_organization("other");
    let other = office.person_of(elsewhere, &[(Role::Admin, Scope::Organization)]);
    office.post("/api/v1/users").by(&other).json(&body("ana")).send().await.expect_json();
}

#[actix_web::test]
async fn people_of_another_organization_do_not_exist() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let elsewhere = office.other_organization("other");
    let stranger = office.person_of(elsewhere, &[(Role::Auditor, Scope::Organization)]);
    let at = |what: &str| format!("/api/v1/users/{}{what}", stranger.id);
    let grant = json!({"role": "admin"});
    let answers = [
        office.get(&at("")).by(&admin).send().await,
        office.post(&at("/deactivate")).by(&admin).send().await,
        office.post(&at("/activate")).by(&admin).send().await,
        office.post(&at("/code")).by(&admin).send().await,
        office.post(&at("/roles")).by(&admin).json(&grant).send().await,
        office.post(&at("/roles/revoke")).by(&admin).json(&grant).send().await,
    ];
    for answer in answers {
        assert_eq!(answer.outcome(), (404, "not_found".to_owned()));
    }
}

#[actix_web::test]
async fn roles_are_given_and_taken_and_the_last_administrator_stays() {
    let office = TestOffice::open().await;
    let (admin, person) = (office.person(Role::Admin), office.person(Role::Auditor));
    let at = |who: &server::testing::TestPerson, what: &str| format!("/api/v1/users/{}{what}", who.id);
    let role = json!({"role": "admin"});
    let refuse = office.post(&at(&admin, "/roles/revoke")).by(&admin).json(&role).send().await;
    assert_eq!(refuse.outcome(), (409, "last_admin".to_owned()));
    let refuse = office.post(&at(&admin, "/deactivate")).by(&admin).send().await;
    assert_eq!(refuse.outcome(), (409, "last_admin".to_owned()));
    for _ in 0..2 {
        let given = office.post(&at(&person, "/roles")).by(&admin).json(&role).send().await.expect_json();
        assert_eq!(given["roles"].as_array().unwrap().len(), 2);
    }
    office.post(&at(&admin, "/deactivate")).by(&person).send().await.expect_json();
    let answer = office.get("/api/v1/sessions/current").by(&admin).send().await;
    assert_eq!(answer.outcome(), (401, "session_unknown".to_owned()));
    let refuse = office.post(&at(&person, "/roles/revoke")).by(&person).json(&role).send().await;
    assert_eq!(refuse.outcome(), (409, "last_admin".to_owned()));
    let unknown = json!({"role": "owner"});
    let answer = office.post(&at(&person, "/roles")).by(&person).json(&unknown).send().await;
    assert_eq!(answer.fields(), [("/role".to_owned(), "wrong_shape".to_owned())]);
}

#[actix_web::test]
async fn who_is_no_administrator_sees_only_oneself() {
    let office = TestOffice::open().await;
    let (one, other) = (office.person(Role::Reviewer), office.person(Role::Reviewer));
    office.get(&format!("/api/v1/users/{}", one.id)).by(&one).send().await.expect_json();
    let answer = office.get(&format!("/api/v1/users/{}", other.id)).by(&one).send().await;
    assert_eq!(answer.outcome(), (403, "forbidden".to_owned()));
}

#[actix_web::test]
async fn the_organization_is_read_by_all_and_changed_by_administrators() {
    let office = TestOffice::open().await;
    let (admin, person) = (office.person(Role::Admin), office.person(Role::Auditor));
    let found = office.get("/api/v1/organization").by(&person).send().await.expect_json();
    assert_eq!((&found["slug"], &found["zone"]), (&json!("acme"), &json!("America/Mexico_City")));
    let change = json!({"name": "Acme", "locale": "es-CO", "zone": "America/Bogota"});
    let changed = office.put("/api/v1/organization").by(&admin).json(&change).send().await.expect_json();
    assert_eq!(changed["zone"], "America/Bogota");
    let bad = json!({"name": "", "locale": "xx", "zone": "Mars/Olympus"});
    let answer = office.put("/api/v1/organization").by(&admin).json(&bad).send().await;
    let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    assert_eq!(found, ["/locale unknown_locale", "/name length", "/zone unknown_zone"]);
    let answer = office.put("/api/v1/organization").by(&person).json(&change).send().await;
    assert_eq!(answer.outcome(), (403, "forbidden".to_owned()));
}
