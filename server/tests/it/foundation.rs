//! What holds for every route: sessions, bodies, headers, repeats, the audit log.

use domain::access::Role;
use serde_json::{Value, json};
use server::testing::TestOffice;

#[actix_web::test]
async fn an_address_that_does_not_exist_is_a_problem() {
    let office = TestOffice::open().await;
    let answer = office.get("/api/v1/nothing").send().await;
    assert_eq!(answer.outcome(), (404, "not_found".to_owned()));
    assert_eq!(answer.headers.get("content-type").unwrap(), "application/problem+json");
}

#[actix_web::test]
async fn a_method_that_the_address_does_not_take_is_told_with_those_it_takes() {
    let office = TestOffice::open().await;
    let answer = office.delete("/api/v1/users").send().await;
    assert_eq!(answer.outcome(), (405, "method_not_allowed".to_owned()));
    assert_eq!(answer.headers.get("allow").unwrap(), "GET, POST");
}

#[actix_web::test]
async fn a_step_of_the_address_that_is_no_id_is_told_by_name() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    for (address, field) in [
        ("/api/v1/users/12", "/user"),
        ("/api/v1/payout-runs/7/statements/E01", "/run"),
        ("/api/v1/branches/x/scorecard?from=2026-01-01&to=2026-03-31", "/branch"),
    ] {
        let answer = office.get(address).by(&admin).send().await;
        assert_eq!(answer.outcome(), (422, "invalid_input".to_owned()), "{address}");
        assert_eq!(answer.fields(), [(field.to_owned(), "wrong_shape".to_owned())]);
    }
}

#[actix_web::test]
async fn every_parameter_of_the_address_that_is_at_fault_is_named() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    for (address, expected) in [
        ("/api/v1/users?limit=abc&shoe=1", vec!["/limit wrong_shape", "/shoe unknown_field"]),
        ("/api/v1/users?limit=1&limit=2", vec!["/limit repeated_field"]),
        ("/api/v1/scorecards/network?to=2026-03-31", vec!["/from missing_field"]),
        ("/api/v1/visits?from=2026-02-30&branch=7", vec!["/branch wrong_shape", "/from wrong_shape"]),
        ("/api/v1/assignments?state=lost", vec!["/state wrong_shape"]),
    ] {
        let answer = office.get(address).by(&admin).send().await;
        assert_eq!(answer.outcome(), (422, "invalid_input".to_owned()), "{address}");
        let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
        assert_eq!(found, expected, "{address}");
    }
}

#[actix_web::test]
async fn a_body_is_told_every_field_that_is_at_fault_in_one_answer() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let body =
        r#"{"login":"a b","password":7,"shoe":4,"roles":[{"role":"owner","scope":{"kind":"shop","id":1}}]}"#;
    let answer = office.post("/api/v1/users").by(&admin).body(body.to_owned()).send().await;
    let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    let expected = [
        "/login bad_login",
        "/name missing_field",
        "/password wrong_shape",
        "/roles/0/role wrong_shape",
        "/roles/0/scope/id wrong_shape",
        "/roles/0/scope/kind wrong_shape",
        "/shoe unknown_field",
    ];
    assert_eq!(found, expected);
    assert_eq!(answer.outcome(), (422, "invalid_input".to_owned()));
}

#[actix_web::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    let office = TestOffice::open().await;
    for address in ["/healthz", "/readyz", "/api/v1/nothing", "/api/v1/users", "/api/openapi.json"] {
        let answer = office.get(address).send().await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.headers.get(name).unwrap(), value, "{address}");
        }
        assert_eq!(answer.headers.get("x-request-id").unwrap().len(), 36, "{address}");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
    }
}

#[actix_web::test]
async fn a_session_is_needed_and_must_be_known_and_open() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Admin);
    let whoami = || office.get("/api/v1/sessions/current");
    assert_eq!(whoami().send().await.outcome(), (401, "no_session".to_owned()));
    assert_eq!(
        whoami().header("Authorization", "Basic eDp5").send().await.outcome(),
        (401, "no_session".to_owned())
    );
    assert_eq!(whoami().bearer("nobody's").send().await.outcome(), (401, "session_unknown".to_owned()));
    let answer = whoami().by(&person).send().await.expect_json();
    assert_eq!(answer["user"], person.id.to_string());
    assert_eq!(answer["roles"], json!([{"role": "admin", "scope": {"kind": "organization"}}]));
    office.clock.advance_seconds(12 * 3600);
    assert_eq!(whoami().by(&person).send().await.outcome(), (401, "session_expired".to_owned()));
}

#[actix_web::test]
async fn a_closed_session_and_one_of_somebody_who_left_are_unknown() {
    let office = TestOffice::open().await;
    let (admin, person) = (office.person(Role::Admin), office.person(Role::Reviewer));
    let other_session = office.session_of(office.org, person.id);
    let closed = office.delete("/api/v1/sessions/current").by(&person).send().await;
    assert_eq!(closed.outcome(), (204, String::new()));
    let answer = office.get("/api/v1/sessions/current").by(&person).send().await;
    assert_eq!(answer.outcome(), (401, "session_unknown".to_owned()));
    office.post(&format!("/api/v1/users/{}/deactivate", person.id)).by(&admin).send().await.expect_json();
    let answer = office.get("/api/v1/sessions/current").bearer(&other_session).send().await;
    assert_eq!(answer.outcome(), (401, "session_unknown".to_owned()));
}

#[actix_web::test]
async fn the_cookie_opens_reading_and_nothing_else() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let cookie = format!("veedor_session={}", admin.token);
    office.get("/api/v1/sessions/current").header("Cookie", &cookie).send().await.expect_json();
    let answer = office.post("/api/v1/users").header("Cookie", &cookie).json(&json!({})).send().await;
    assert_eq!(answer.outcome(), (401, "no_session".to_owned()));
}

#[actix_web::test]
async fn a_body_that_cannot_be_read_is_told_where_it_fails() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let create = |body: &str| office.post("/api/v1/users").by(&admin).body(body.to_owned());
    assert_eq!(create("{\"login\":").send().await.outcome(), (400, "malformed".to_owned()));
    let answer = create(r#"{"login":"ana","name":"Ana","shoe":4}"#).send().await;
    assert_eq!(answer.outcome(), (422, "invalid_input".to_owned()));
    assert_eq!(answer.fields(), [("/shoe".to_owned(), "unknown_field".to_owned())]);
    let answer = create(r#"{"login":"a b","name":"","password":"short"}"#).send().await;
    let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    assert_eq!(found, ["/login bad_login", "/name length", "/password password_length"]);
    assert!(!String::from_utf8_lossy(&answer.body).contains("short"));
    let huge = format!("{{\"login\":\"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(create(&huge).send().await.outcome(), (413, "body_too_large".to_owned()));
    let users = office.get("/api/v1/users").by(&admin).send().await.expect_json();
    assert_eq!(users["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_repeated_request_is_answered_with_the_first_reply_and_done_once() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let body = json!({"login": "ana", "name": "Ana", "password": "a long enough password"});
    let create = |body: &Value| office.post("/api/v1/users").by(&admin).key("k1").json(body);
    let first = create(&body).send().await;
    let second = create(&body).send().await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!(first.json(), second.json());
    assert!(first.headers.get("idempotency-replayed").is_none());
    assert_eq!(second.headers.get("idempotency-replayed").unwrap(), "true");
    let other = json!({"login": "eva", "name": "Eva", "password": "a long enough password"});
    assert_eq!(create(&other).send().await.outcome(), (422, "invalid_input".to_owned()));
    assert_eq!(create(&other).send().await.fields()[0].1, "idempotency_key_reused");
    // The same key of another person is another key.
    let another = office.person(Role::Admin);
    office.post("/api/v1/users").by(&another).key("k1").json(&other).send().await.expect_json();
}

#[actix_web::test]
async fn a_refused_request_is_not_remembered() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let grant = json!({"role": "reviewer", "scope": {"kind": "branch", "id": admin.id}});
    let address = format!("/api/v1/users/{}/roles", admin.id);
    let call = || office.post(&address).by(&admin).key("k").json(&grant);
    assert_eq!(call().send().await.fields(), [("/scope/id".to_owned(), "unknown_scope".to_owned())]);
    assert_eq!(call().send().await.fields(), [("/scope/id".to_owned(), "unknown_scope".to_owned())]);
}

#[actix_web::test]
async fn a_secret_is_told_once_and_not_kept_for_a_repeat() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let address = format!("/api/v1/users/{}/code", admin.id);
    let call = || office.post(&address).by(&admin).key("k");
    let code = call().send().await.expect_json()["code"].as_str().unwrap().to_owned();
    assert_eq!(code.len(), 14);
    assert_eq!(call().send().await.outcome(), (409, "reply_was_secret".to_owned()));
}

#[actix_web::test]
async fn an_idempotency_key_has_limits() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let address = format!("/api/v1/users/{}/code", admin.id);
    let answer = office.post(&address).by(&admin).key(&"k".repeat(201)).send().await;
    assert_eq!(answer.fields()[0].1, "idempotency_key_malformed");
}

#[actix_web::test]
async fn a_reply_is_kept_two_days_and_a_session_that_ended_a_month() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let body = json!({"name": "Acme", "locale": "es", "zone": "UTC"});
    let change = |token: &str| office.put("/api/v1/organization").bearer(token).key("k").json(&body);
    change(&admin.token).send().await.expect_json();
    let still = |hours: i64| {
        office.clock.advance_seconds(hours * 3600);
        office.app.tidy().unwrap();
        office.session_of(office.org, admin.id)
    };
    let answer = change(&still(47)).send().await;
    assert!(answer.headers.get("idempotency-replayed").is_some());
    let whoami = office.get("/api/v1/sessions/current").by(&admin).send().await;
    assert_eq!(whoami.outcome(), (401, "session_expired".to_owned()));
    let answer = change(&still(2)).send().await;
    assert!(answer.headers.get("idempotency-replayed").is_none());
    still(31 * 24);
    let whoami = office.get("/api/v1/sessions/current").by(&admin).send().await;
    assert_eq!(whoami.outcome(), (401, "session_unknown".to_owned()));
}
