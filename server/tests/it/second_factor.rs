//! The second factor: set up before anything else where a role asks for it, given at the door, taken once, proved anew where pay is
//! approved, and taken away only by somebody else.

use crate::devices;
use domain::access::{Role, Scope};
use serde_json::{Value, json};
use server::{
    SecondFactor,
    testing::{Answer, TestOffice, TestPerson},
};
use totp_rs::Builder;

const PASSWORD: &str = "correct horse battery";
const OWN: &str = "/api/v1/sessions/current/second-factor";

async fn demanding() -> TestOffice {
    TestOffice::open().await.with(|it| it.second_factor = SecondFactor::Demanded).await
}

/// The code that an authenticator app shows.
fn code_at(office: &TestOffice, secret: &str) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
    totp.generate(u64::try_from(office.app.now().0 / 1_000_000).unwrap()).to_string()
}

/// The code of the next half minute: one is taken once.
pub(crate) fn next_code(office: &TestOffice, secret: &str) -> String {
    office.clock.advance_seconds(30);
    code_at(office, secret)
}

async fn post(office: &TestOffice, by: &TestPerson, address: &str, body: &Value) -> Answer {
    office.post(address).by(by).json(body).send().await
}

/// Sets one up; gives the secret and the recovery codes.
pub(crate) async fn set_up(office: &TestOffice, person: &TestPerson) -> (String, Vec<String>) {
    let offer = post(office, person, OWN, &json!({})).await.expect_json();
    let secret = offer["secret"].as_str().unwrap().to_owned();
    let code = next_code(office, &secret);
    let confirmed = post(office, person, &format!("{OWN}/confirm"), &json!({"code": code})).await;
    let codes = confirmed.expect_json()["recovery_codes"].as_array().unwrap().clone();
    (secret, codes.iter().map(|it| it.as_str().unwrap().to_owned()).collect())
}

async fn sign_in(office: &TestOffice, login: &str, code: Option<&str>) -> Answer {
    let body = json!({"organization": "acme", "login": login, "password": PASSWORD, "code": code});
    office.post("/api/v1/sessions").json(&body).send().await
}

fn refused(answer: &Answer) -> (u16, String) {
    let (status, code) = answer.outcome();
    (status, answer.fields().first().map_or(code, |(_, inner)| inner.clone()))
}

#[actix_web::test]
async fn who_decides_logins_or_pay_does_nothing_before_a_second_factor_is_set_up() {
    let office = demanding().await;
    for role in Role::ALL {
        let person = office.person(*role);
        let own = office.get(&format!("/api/v1/users/{}", person.id)).by(&person).send().await;
        if !role.asks_second_factor() {
            own.expect_json();
            continue;
        }
        assert_eq!(refused(&own), (403, "second_factor_not_set_up".to_owned()), "{role}");
        let standing = office.get(OWN).by(&person).send().await.expect_json();
        assert_eq!((&standing["is_asked"], &standing["since"]), (&json!(true), &Value::Null));
        let (secret, codes) = set_up(&office, &person).await;
        assert_eq!((secret.len(), codes.len()), (32, 8));
        office.get(&format!("/api/v1/users/{}", person.id)).by(&person).send().await.expect_json();
        let standing = office.get(OWN).by(&person).send().await.expect_json();
        assert_eq!((standing["recovery_codes"].as_u64(), standing["since"].is_string()), (Some(8), true));
    }
}

#[actix_web::test]
async fn the_door_opens_with_password_and_code_and_a_code_serves_once() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    office.set_password(&admin.login, PASSWORD);
    let admin = TestPerson { token: office.session_of(office.org, admin.id), ..admin };
    let (secret, _) = set_up(&office, &admin).await;
    let without = sign_in(&office, &admin.login, None).await;
    assert_eq!(refused(&without), (401, "second_factor_needed".to_owned()));
    let used = code_at(&office, &secret);
    assert_eq!(refused(&sign_in(&office, &admin.login, Some(&used)).await).1, "wrong_second_factor");
    let code = next_code(&office, &secret);
    sign_in(&office, &admin.login, Some(&code)).await.expect_json();
    assert_eq!(refused(&sign_in(&office, &admin.login, Some(&code)).await).1, "wrong_second_factor");
    let stale = code_at(&office, &secret);
    office.clock.advance_seconds(90);
    assert_eq!(refused(&sign_in(&office, &admin.login, Some(&stale)).await).1, "wrong_second_factor");
}

#[actix_web::test]
async fn five_wrong_codes_lock_and_a_right_password_does_not_forget_them() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    office.set_password(&admin.login, PASSWORD);
    let admin = TestPerson { token: office.session_of(office.org, admin.id), ..admin };
    let (secret, _) = set_up(&office, &admin).await;
    let mut last = Vec::new();
    for _ in 0..5 {
        last.push(refused(&sign_in(&office, &admin.login, Some("000000")).await).0);
    }
    let right = next_code(&office, &secret);
    last.push(refused(&sign_in(&office, &admin.login, Some(&right)).await).0);
    assert_eq!(last, [422, 422, 422, 422, 422, 429]);
    let proved = post(&office, &admin, &format!("{OWN}/prove"), &json!({"code": right})).await;
    assert_eq!(refused(&proved), (429, "locked_out".to_owned()));
    office.clock.advance_seconds(15 * 60);
    let right = next_code(&office, &secret);
    sign_in(&office, &admin.login, Some(&right)).await.expect_json();
}

#[actix_web::test]
async fn a_recovery_code_opens_once_however_it_is_typed_and_only_for_its_person() {
    let office = demanding().await;
    let (admin, other) = (office.person(Role::Admin), office.person(Role::Admin));
    office.set_password(&admin.login, PASSWORD);
    office.set_password(&other.login, PASSWORD);
    let admin = TestPerson { token: office.session_of(office.org, admin.id), ..admin };
    let other = TestPerson { token: office.session_of(office.org, other.id), ..other };
    let (_, codes) = set_up(&office, &admin).await;
    set_up(&office, &other).await;
    let typed = codes[0].to_lowercase().replace('-', " ");
    assert_eq!(refused(&sign_in(&office, &other.login, Some(&typed)).await).1, "wrong_second_factor");
    sign_in(&office, &admin.login, Some(&typed)).await.expect_json();
    assert_eq!(refused(&sign_in(&office, &admin.login, Some(&typed)).await).1, "wrong_second_factor");
    let standing = office.get(OWN).by(&admin).send().await.expect_json();
    assert_eq!(standing["recovery_codes"], 7);
}

#[actix_web::test]
async fn a_one_time_code_for_the_password_does_not_go_around_the_second_factor() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    let (secret, _) = set_up(&office, &admin).await;
    let boss = office.person(Role::Admin);
    set_up(&office, &boss).await;
    let issued = post(&office, &boss, &format!("/api/v1/users/{}/code", admin.id), &json!({})).await;
    let code = issued.expect_json()["code"].as_str().unwrap().to_owned();
    let by_code = |second: Option<String>| {
        let body =
            json!({"organization": "acme", "code": code, "password": PASSWORD, "second_factor": second});
        office.post("/api/v1/sessions/by-code").json(&body).send()
    };
    assert_eq!(refused(&by_code(None).await), (401, "second_factor_needed".to_owned()));
    assert_eq!(refused(&by_code(Some("000000".to_owned())).await).1, "wrong_second_factor");
    // Nothing of it was taken: the code for the password serves still.
    let right = next_code(&office, &secret);
    by_code(Some(right)).await.expect_json();
}

#[actix_web::test]
async fn another_secret_counts_only_once_it_is_confirmed_and_asks_for_the_one_before() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    let (first, _) = set_up(&office, &admin).await;
    office.clock.advance_seconds(301);
    let unproved = post(&office, &admin, OWN, &json!({})).await;
    assert_eq!(refused(&unproved), (403, "second_factor_not_fresh".to_owned()));
    let code = next_code(&office, &first);
    assert_eq!(post(&office, &admin, &format!("{OWN}/prove"), &json!({"code": code})).await.status, 204);
    let second = post(&office, &admin, OWN, &json!({})).await.expect_json()["secret"].clone();
    let second = second.as_str().unwrap();
    assert_ne!(first, second);
    let code = next_code(&office, &first);
    assert_eq!(post(&office, &admin, &format!("{OWN}/prove"), &json!({"code": code})).await.status, 204);
    let wrong = next_code(&office, &first);
    let confirm = format!("{OWN}/confirm");
    let answer = post(&office, &admin, &confirm, &json!({"code": wrong})).await;
    assert_eq!(refused(&answer).1, "wrong_second_factor");
    let right = next_code(&office, second);
    post(&office, &admin, &confirm, &json!({"code": right})).await.expect_json();
    let gone = next_code(&office, &first);
    let answer = post(&office, &admin, &format!("{OWN}/prove"), &json!({"code": gone})).await;
    assert_eq!(refused(&answer).1, "wrong_second_factor");
}

#[actix_web::test]
async fn a_second_factor_is_taken_away_by_somebody_else_only_and_sessions_end_with_it() {
    let office = demanding().await;
    let (admin, boss) = (office.person(Role::Admin), office.person(Role::Admin));
    set_up(&office, &admin).await;
    set_up(&office, &boss).await;
    let reset = |of: &TestPerson| format!("/api/v1/users/{}/second-factor/reset", of.id);
    let own = post(&office, &admin, &reset(&admin), &json!({})).await;
    assert_eq!(refused(&own).1, "own_second_factor");
    assert_eq!(post(&office, &boss, &reset(&admin), &json!({})).await.status, 204);
    let ended = office.get(OWN).by(&admin).send().await;
    assert_eq!(refused(&ended).0, 401);
    let again = TestPerson { token: office.session_of(office.org, admin.id), ..admin };
    let standing = office.get(OWN).by(&again).send().await.expect_json();
    assert_eq!((&standing["since"], &standing["recovery_codes"]), (&Value::Null, &json!(0)));
}

async fn prove(office: &TestOffice, person: &TestPerson, secret: &str) {
    let code = next_code(office, secret);
    assert_eq!(post(office, person, &format!("{OWN}/prove"), &json!({"code": code})).await.status, 204);
}

#[actix_web::test]
async fn who_gives_or_opens_access_gives_a_code_of_the_last_five_minutes() {
    let office = demanding().await;
    let (boss, admin) = (office.person(Role::Admin), office.person(Role::Admin));
    let (auditor, gone) = (office.person(Role::Auditor), office.person(Role::HrAnalyst));
    let (secret, _) = set_up(&office, &boss).await;
    let user = |step: &str| format!("/api/v1/users/{}/{step}", auditor.id);
    let new = |login: &str, role: &str| json!({"login": login, "name": "Eva", "roles": [{"role": role}]});
    let asking = [
        (user("code"), json!({})),
        (user("roles"), json!({"role": "hr_approver"})),
        ("/api/v1/users".to_owned(), new("eva", "admin")),
        ("/api/v1/devices/codes".to_owned(), json!({"user": auditor.id, "kind": "phone"})),
        (format!("/api/v1/users/{}/second-factor/reset", admin.id), json!({})),
        (user("roles"), json!({"role": "hr_analyst"})),
        (user("roles"), json!({"role": "incident_custodian"})),
        ("/api/v1/users".to_owned(), new("ivo", "hr_analyst")),
        (format!("/api/v1/users/{}/activate", gone.id), json!({})),
    ];
    // Closing access needs none.
    post(&office, &boss, &format!("/api/v1/users/{}/deactivate", gone.id), &json!({})).await.expect_json();
    office.clock.advance_seconds(301);
    for (address, body) in &asking {
        let late = post(&office, &boss, address, body).await;
        assert_eq!(refused(&late), (403, "second_factor_not_fresh".to_owned()), "{address}");
    }
    // What decides neither logins nor pay is given without.
    post(&office, &boss, &user("roles"), &json!({"role": "reviewer"})).await.expect_json();
    post(&office, &boss, "/api/v1/users", &new("ana", "reviewer")).await.expect_json();
    prove(&office, &boss, &secret).await;
    for (address, body) in &asking {
        let proved = post(&office, &boss, address, body).await;
        assert!(proved.status.is_success(), "{address}: {:?}", proved.outcome());
    }
}

#[actix_web::test]
async fn the_session_of_a_phone_opens_nothing_that_asks_for_a_code() {
    let office = demanding().await;
    let boss = office.person(Role::Admin);
    set_up(&office, &boss).await;
    let everywhere = [Role::Auditor, Role::Admin, Role::HrApprover, Role::HrAnalyst];
    let person = office.person_of(office.org, &everywhere.map(|it| (it, Scope::Organization)));
    let code = devices::code(&office, &boss, &person, "phone").await;
    let request = devices::request(&devices::key(1), &code, "phone");
    let enrolled = devices::enrol(&office, &request).await.expect_json();
    let token = enrolled["token"].as_str().unwrap().to_owned();
    let phone = TestPerson { token, ..person };
    office.get("/api/v1/payout-runs").by(&phone).send().await.expect_json();
    let people = office.get("/api/v1/users").by(&phone).send().await;
    assert_eq!(refused(&people), (403, "forbidden".to_owned()));
    for (address, body) in [
        (OWN.to_owned(), json!({})),
        (format!("{OWN}/confirm"), json!({"code": "000000"})),
        (format!("{OWN}/prove"), json!({"code": "000000"})),
    ] {
        let answer = post(&office, &phone, &address, &body).await;
        assert_eq!(refused(&answer), (403, "not_by_device".to_owned()), "{address}");
    }
}

#[actix_web::test]
async fn a_secret_that_was_shown_waits_a_quarter_of_an_hour_and_for_whom_it_was_shown() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    let confirm = format!("{OWN}/confirm");
    let offer = post(&office, &admin, OWN, &json!({})).await.expect_json();
    office.clock.advance_seconds(901);
    let code = next_code(&office, offer["secret"].as_str().unwrap());
    let late = post(&office, &admin, &confirm, &json!({"code": code})).await;
    assert_eq!(refused(&late), (409, "second_factor_not_offered".to_owned()));
    let (first, _) = set_up(&office, &admin).await;
    let second = post(&office, &admin, OWN, &json!({})).await.expect_json()["secret"].clone();
    let second = second.as_str().unwrap();
    office.clock.advance_seconds(301);
    let code = next_code(&office, second);
    let unproved = post(&office, &admin, &confirm, &json!({"code": code})).await;
    assert_eq!(refused(&unproved), (403, "second_factor_not_fresh".to_owned()));
    let cookie = format!("veedor_session={}", admin.token);
    let shown = async || text(&office.get("/account/second-factor").header("Cookie", &cookie).send().await);
    assert!(!shown().await.contains("otpauth://"), "the new secret is shown to whoever holds the session");
    prove(&office, &admin, &first).await;
    assert!(shown().await.contains("otpauth://"));
    let code = next_code(&office, second);
    post(&office, &admin, &confirm, &json!({"code": code})).await.expect_json();
}

#[actix_web::test]
async fn nobody_who_is_at_the_door_locks_the_codes_of_another() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    office.set_password(&admin.login, PASSWORD);
    let admin = TestPerson { token: office.session_of(office.org, admin.id), ..admin };
    let (secret, _) = set_up(&office, &admin).await;
    for _ in 0..6 {
        for name in [format!("code {}", admin.id), format!("{} code", admin.login)] {
            assert_eq!(refused(&sign_in(&office, &name, None).await), (401, "wrong_credentials".to_owned()));
        }
    }
    let code = next_code(&office, &secret);
    sign_in(&office, &admin.login, Some(&code)).await.expect_json();
}

// ---- on pages ----

/// What a browser holds: its cookies, by name.
#[derive(Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    async fn get(&self, office: &TestOffice, address: &str) -> Answer {
        office.get(address).header("Cookie", &self.cookies()).send().await
    }

    async fn send(&mut self, office: &TestOffice, address: &str, form: &str) -> Answer {
        let call = office.post(address).header("Cookie", &self.cookies());
        let call = call.header("Sec-Fetch-Site", "same-origin");
        let call = call.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = call.body(form.to_owned()).send().await;
        for set in answer.headers.get_all("set-cookie") {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            self.0.retain(|(held, _)| held != name);
            let value = rest.split(';').next().unwrap();
            if !value.is_empty() {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    fn cookies(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split(before).nth(1).unwrap_or_else(|| panic!("{before} in {text}")).split(after).next().unwrap()
}

fn location(answer: &Answer) -> &str {
    answer.headers.get("location").unwrap().to_str().unwrap()
}

#[actix_web::test]
async fn on_pages_a_second_factor_is_set_up_first_and_given_in_a_second_step() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    office.set_password(&admin.login, PASSWORD);
    let mut browser = Browser::default();
    let form =
        format!("organization=acme&login={}&password={PASSWORD}&next=%2Fpeople%3Fafter%3Dx", admin.login);
    assert_eq!(location(&browser.send(&office, "/sign-in", &form).await), "/people?after=x");
    assert_eq!(location(&browser.get(&office, "/people").await), "/account/second-factor");
    let page = text(&browser.get(&office, "/account/second-factor").await);
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"").to_owned();
    let begun = browser.send(&office, "/account/second-factor", &format!("csrf={csrf}")).await;
    assert_eq!(location(&begun), "/account/second-factor");
    let page = text(&browser.get(&office, "/account/second-factor").await);
    assert!(page.contains("<svg class=\"qr\"") && page.contains("otpauth://totp/"), "{page}");
    let secret = between(&page, "<span class=\"code\">", "</span>").replace(' ', "");
    let confirm = "/account/second-factor/confirm";
    let wrong = browser.send(&office, confirm, &format!("csrf={csrf}&code=000000")).await;
    assert_eq!(wrong.status, 422);
    assert!(text(&wrong).contains("ya se usó") && text(&wrong).contains("<svg class=\"qr\""));
    let code = next_code(&office, &secret);
    let confirmed = browser.send(&office, confirm, &format!("csrf={csrf}&code={code}")).await;
    assert_eq!(text(&confirmed).matches("<li>").count() - text(&confirmed).matches("<li><a").count(), 8);
    assert_eq!(browser.get(&office, "/people").await.status, 200);
    let again = text(&browser.get(&office, "/account/second-factor").await);
    assert!(!again.contains(&secret) && !again.contains("<svg class=\"qr\""), "the secret is shown once");

    let mut other = Browser::default();
    let half = other.send(&office, "/sign-in", &form).await;
    assert_eq!(location(&half), "/sign-in/step?next=/people%3Fafter%3Dx");
    assert_eq!(other.get(&office, "/people").await.status, 401);
    let step = text(&other.get(&office, location(&half)).await);
    assert!(step.contains("value=\"/people?after=x\""), "{step}");
    let wrong = other.send(&office, "/sign-in/step", "code=123456&next=%2Fpeople").await;
    assert!(wrong.status == 422 && text(&wrong).contains("ya se usó"), "{}", text(&wrong));
    let code = next_code(&office, &secret);
    let right = other.send(&office, "/sign-in/step", &format!("code={code}&next=%2Fpeople")).await;
    assert_eq!(location(&right), "/people");
    assert_eq!(other.get(&office, "/people").await.status, 200);
    assert!(!other.cookies().contains("veedor_step"));
}

#[actix_web::test]
async fn a_form_that_needs_a_code_asks_for_it_and_is_not_filled_in_twice() {
    let office = demanding().await;
    let admin = office.person(Role::Admin);
    office.set_password(&admin.login, PASSWORD);
    let admin = TestPerson { token: office.session_of(office.org, admin.id), ..admin };
    let (secret, _) = set_up(&office, &admin).await;
    let mut browser = Browser(vec![("veedor_session".to_owned(), admin.token.clone())]);
    let page = text(&browser.get(&office, "/people/new").await);
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"").to_owned();
    office.clock.advance_seconds(301);
    let form = format!("csrf={csrf}&name=Eva+%3Cb%3E&login=eva&role=admin&scope=");
    let asked = browser.send(&office, "/people/new", &form).await;
    assert_eq!(asked.status, 403);
    let page = text(&asked);
    assert!(page.contains("name=\"proof\"") && page.contains("action=\"/people/new\""), "{page}");
    assert!(page.contains("name=\"name\" value=\"Eva &#60;b&#62;\""), "{page}");
    assert_eq!(page.matches("name=\"csrf\"").count(), 1);
    let wrong = browser.send(&office, "/people/new", &format!("{form}&proof=000000")).await;
    assert_eq!(wrong.status, 422);
    assert!(text(&wrong).contains("ya se usó") && text(&wrong).contains("name=\"login\" value=\"eva\""));
    let code = next_code(&office, &secret);
    let right = browser.send(&office, "/people/new", &format!("{form}&proof={code}")).await;
    assert_eq!(right.status, 201, "{}", text(&right));
    // Within five minutes none is asked for again.
    let again = form.replace("login=eva", "login=eva2");
    assert_eq!(browser.send(&office, "/people/new", &again).await.status, 201);
}

#[actix_web::test]
async fn a_form_of_countless_fields_is_refused_and_large_ones_come_a_few_at_a_time() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let mut browser = Browser(vec![("veedor_session".to_owned(), admin.token.clone())]);
    let page = text(&browser.get(&office, "/people/new").await);
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"").to_owned();
    let form = format!("csrf={csrf}&name=Eva&login=eva&role=reviewer&scope=");
    let many = format!("{form}{}", "&a".repeat(5_000));
    assert_eq!(browser.send(&office, "/people/new", &many).await.status, 400);
    let large = format!("{form}&note={}", "x".repeat(300_000));
    let places = office.take_places_of_bodies();
    assert_eq!(browser.send(&office, "/people/new", &large).await.status, 503);
    drop(places);
    assert_eq!(browser.send(&office, "/people/new", &large).await.status, 201);
}

#[actix_web::test]
async fn on_a_page_somebody_sets_the_first_password_with_a_code() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let created = json!({"login": "ana", "name": "Ana", "roles": [{"role": "reviewer"}]});
    let created = post(&office, &admin, "/api/v1/users", &created).await.expect_json();
    let code = created["code"]["code"].as_str().unwrap();
    let mut browser = Browser::default();
    let short = format!("organization=acme&code={code}&password=short&second_factor=");
    let refused = browser.send(&office, "/sign-in/password", &short).await;
    assert!(refused.status == 422 && text(&refused).contains(&format!("value=\"{code}\"")));
    assert!(!text(&refused).contains("short\""), "a password is typed anew");
    let unknown = "organization=acme&code=AAAA&password=a+long+enough+password";
    assert_eq!(browser.send(&office, "/sign-in/password", unknown).await.status, 401);
    let good = format!("organization=acme&code={code}&password=a+long+enough+password&second_factor=");
    assert_eq!(location(&browser.send(&office, "/sign-in/password", &good).await), "/");
    assert_eq!(browser.get(&office, "/scorecards").await.status, 200);
}
