//! Signing in: passwords, lock-out, one-time codes.

use domain::access::Role;
use serde_json::json;
use server::testing::{Answer, TestOffice};

const PASSWORD: &str = "correct horse battery";

async fn sign_in(office: &TestOffice, organization: &str, login: &str, password: &str) -> Answer {
    let body = json!({"organization": organization, "login": login, "password": password});
    office.post("/api/v1/sessions").json(&body).send().await
}

#[actix_web::test]
async fn the_right_password_opens_a_session_in_whatever_case_the_login_is_written() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Reviewer);
    office.set_password(&person.login, PASSWORD);
    let opened = sign_in(&office, "acme", &person.login.to_uppercase(), PASSWORD).await;
    assert!(opened.headers.get("set-cookie").is_none());
    let token = opened.expect_json()["token"].as_str().unwrap().to_owned();
    office.get("/api/v1/sessions/current").bearer(&token).send().await.expect_json();
}

#[actix_web::test]
async fn unknown_organization_unknown_login_wrong_password_and_no_password_are_told_alike() {
    let office = TestOffice::open().await;
    let (with, without) = (office.person(Role::Reviewer), office.person(Role::Reviewer));
    office.set_password(&with.login, PASSWORD);
    let answers = [
        sign_in(&office, "nobody", &with.login, PASSWORD).await,
        sign_in(&office, "acme", "nobody", PASSWORD).await,
        sign_in(&office, "acme", &with.login, "wrong horse battery").await,
        sign_in(&office, "acme", &without.login, "").await,
    ];
    for answer in &answers {
        assert_eq!(answer.outcome(), (401, "wrong_credentials".to_owned()));
        assert_eq!(answer.body, answers[0].body);
    }
}

#[actix_web::test]
async fn a_name_that_fails_five_times_is_locked_even_for_the_right_password_and_opens_later() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Reviewer);
    office.set_password(&person.login, PASSWORD);
    for login in [person.login.as_str(), "nobody"] {
        for _ in 0..5 {
            let answer = sign_in(&office, "acme", login, "wrong horse battery").await;
            assert_eq!(answer.outcome(), (401, "wrong_credentials".to_owned()));
        }
        let answer = sign_in(&office, "acme", login, PASSWORD).await;
        assert_eq!(answer.outcome(), (429, "locked_out".to_owned()), "{login}");
        assert_eq!(answer.headers.get("retry-after").unwrap(), "900");
    }
    office.clock.advance_seconds(15 * 60);
    sign_in(&office, "acme", &person.login, PASSWORD).await.expect_json();
}

#[actix_web::test]
async fn a_success_forgets_the_failures() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Reviewer);
    office.set_password(&person.login, PASSWORD);
    for _ in 0..3 {
        for _ in 0..4 {
            sign_in(&office, "acme", &person.login, "wrong horse battery").await;
        }
        sign_in(&office, "acme", &person.login, PASSWORD).await.expect_json();
    }
}

#[actix_web::test]
async fn one_address_knocks_sixty_times_a_minute_at_most() {
    let office = TestOffice::open().await;
    let body = json!({"organization": "nobody", "code": "x", "password": PASSWORD});
    let mut codes = Vec::new();
    for _ in 0..61 {
        let answer = office.post("/api/v1/sessions/by-code").json(&body).send().await;
        codes.push(answer.status.as_u16());
    }
    assert_eq!(codes.iter().filter(|it| **it == 401).count(), 60);
    assert_eq!(codes.last(), Some(&429));
    office.clock.advance_seconds(60);
    let answer = office.post("/api/v1/sessions/by-code").json(&body).send().await;
    assert_eq!(answer.outcome(), (401, "code_not_valid".to_owned()));
}

#[actix_web::test]
async fn the_cookie_is_set_only_where_it_is_asked_for_and_no_script_reads_it() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Reviewer);
    office.set_password(&person.login, PASSWORD);
    let body = json!({"organization": "acme", "login": person.login, "password": PASSWORD, "cookie": true});
    let answer = office.post("/api/v1/sessions").json(&body).send().await;
    let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
}

#[actix_web::test]
async fn a_code_sets_the_password_once() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let created = json!({"login": "ana", "name": "Ana", "roles": [{"role": "reviewer"}]});
    let created = office.post("/api/v1/users").by(&admin).json(&created).send().await.expect_json();
    let code = created["code"]["code"].as_str().unwrap().to_lowercase();
    let body = json!({"organization": "acme", "code": code, "password": PASSWORD});
    let call = || office.post("/api/v1/sessions/by-code").json(&body);
    let mut elsewhere = body.clone();
    elsewhere["organization"] = json!("nobody");
    let answer = office.post("/api/v1/sessions/by-code").json(&elsewhere).send().await;
    assert_eq!(answer.outcome(), (401, "code_not_valid".to_owned()));
    call().send().await.expect_json();
    assert_eq!(call().send().await.outcome(), (401, "code_not_valid".to_owned()));
    sign_in(&office, "acme", "ana", PASSWORD).await.expect_json();
}

#[actix_web::test]
async fn a_code_that_is_too_old_sets_nothing() {
    let office = TestOffice::open().await;
    let (admin, person) = (office.person(Role::Admin), office.person(Role::Reviewer));
    let address = format!("/api/v1/users/{}/code", person.id);
    let code = office.post(&address).by(&admin).send().await.expect_json()["code"].clone();
    office.clock.advance_seconds(72 * 3600);
    let body = json!({"organization": "acme", "code": code, "password": PASSWORD});
    let answer = office.post("/api/v1/sessions/by-code").json(&body).send().await;
    assert_eq!(answer.outcome(), (401, "code_not_valid".to_owned()));
}

#[actix_web::test]
async fn a_password_is_changed_with_the_old_one_and_ends_the_other_sessions() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Reviewer);
    office.set_password(&person.login, PASSWORD);
    let here = office.session_of(office.org, person.id);
    let other = office.session_of(office.org, person.id);
    let change = |current: &str| {
        let body = json!({"current": current, "new": "another horse battery"});
        office.put("/api/v1/sessions/current/password").bearer(&here).json(&body)
    };
    let answer = change("wrong horse battery").send().await;
    assert_eq!(answer.fields(), [("/current".to_owned(), "wrong_password".to_owned())]);
    assert_eq!(change(PASSWORD).send().await.outcome(), (204, String::new()));
    office.get("/api/v1/sessions/current").bearer(&here).send().await.expect_json();
    let answer = office.get("/api/v1/sessions/current").bearer(&other).send().await;
    assert_eq!(answer.outcome(), (401, "session_unknown".to_owned()));
    sign_in(&office, "acme", &person.login, "another horse battery").await.expect_json();
}

#[actix_web::test]
async fn a_code_opens_nothing_elsewhere_nor_for_somebody_who_left() {
    let office = TestOffice::open().await;
    let (admin, person) = (office.person(Role::Admin), office.person(Role::Reviewer));
    office.other_organization("other");
    let address = format!("/api/v1/users/{}/code", person.id);
    let code = office.post(&address).by(&admin).send().await.expect_json()["code"].clone();
    let take = async |organization: &str| {
        let body = json!({"organization": organization, "code": code, "password": PASSWORD});
        office.post("/api/v1/sessions/by-code").json(&body).send().await.outcome()
    };
    assert_eq!(take("other").await, (401, "code_not_valid".to_owned()));
    office.post(&format!("/api/v1/users/{}/deactivate", person.id)).by(&admin).send().await.expect_json();
    assert_eq!(take("acme").await, (401, "code_not_valid".to_owned()));
    office.post(&format!("/api/v1/users/{}/activate", person.id)).by(&admin).send().await.expect_json();
    assert_eq!(take("acme").await, (201, String::new()));
}

#[actix_web::test]
async fn who_left_does_not_sign_in_nor_go_on_with_an_open_session() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Reviewer);
    office.set_password(&person.login, PASSWORD);
    let token = office.session_of(office.org, person.id);
    let (org, user) = (office.org, person.id);
    // Without closing the sessions, as taking somebody out does: the door looks itself.
    office.app.db.write(move |tx| db::users::set_active(tx, org, user, false)).unwrap();
    let answer = sign_in(&office, "acme", &person.login, PASSWORD).await;
    assert_eq!(answer.outcome(), (401, "wrong_credentials".to_owned()));
    let answer = office.get("/api/v1/sessions/current").bearer(&token).send().await;
    assert_eq!(answer.outcome(), (401, "session_unknown".to_owned()));
}

#[actix_web::test]
async fn a_password_set_by_code_ends_the_sessions_that_were_open() {
    let office = TestOffice::open().await;
    let (admin, person) = (office.person(Role::Admin), office.person(Role::Reviewer));
    let address = format!("/api/v1/users/{}/code", person.id);
    let code = office.post(&address).by(&admin).send().await.expect_json()["code"].clone();
    let body = json!({"organization": "acme", "code": code, "password": PASSWORD});
    office.post("/api/v1/sessions/by-code").json(&body).send().await.expect_json();
    let answer = office.get("/api/v1/sessions/current").by(&person).send().await;
    assert_eq!(answer.outcome(), (401, "session_unknown".to_owned()));
}

#[actix_web::test]
async fn guessing_at_the_own_password_locks_as_at_the_door() {
    let office = TestOffice::open().await;
    let person = office.person(Role::Reviewer);
    office.set_password(&person.login, PASSWORD);
    let token = office.session_of(office.org, person.id);
    let change = async |current: &str| {
        let body = json!({"current": current, "new": "another horse battery"});
        office.put("/api/v1/sessions/current/password").bearer(&token).json(&body).send().await.outcome()
    };
    for _ in 0..5 {
        assert_eq!(change("wrong horse battery").await, (422, "invalid_input".to_owned()));
    }
    assert_eq!(change(PASSWORD).await, (429, "locked_out".to_owned()));
}
