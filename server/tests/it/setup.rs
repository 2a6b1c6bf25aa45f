//! The first start: an empty installation, a code that the operator sees, one form, and the door closed behind it.

use crate::console::html;
use domain::ids::OrgId;
use server::{
    App, Config, Environment,
    app::{organizations, setup},
    testing::{Answer, TestClock, TestEntropy, TestOffice},
};

struct Empty {
    office: TestOffice,
    code: String,
    _folder: tempfile::TempDir,
}

impl Empty {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::default();
        let config = Config {
            database_url: format!("sqlite:{}", folder.path().join("veedor.db").display()),
            blob_folder: Some(folder.path().join("blobs")),
            ..Config::default()
        };
        let app = App::open(config, Environment::new(clock.clone(), TestEntropy::default())).unwrap();
        let code = setup::begin(&app).unwrap().expect("an empty database is set up");
        let office = TestOffice::over(app, clock, OrgId(uuid::Uuid::nil())).await;
        Self { office, code, _folder: folder }
    }

    fn form(&self) -> Vec<(&'static str, String)> {
        [
            ("code", self.code.as_str()),
            ("organization/name", "Banco <b>"),
            ("organization/slug", "banco"),
            ("organization/locale", "es-MX"),
            ("organization/zone", "America/Mexico_City"),
            ("person/name", "Ana"),
            ("person/login", "ana"),
            ("person/password", "a-long-enough-password"),
            ("does_all", "on"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
    }

    /// Sends the form with some fields otherwise.
    async fn send(&self, other: &[(&'static str, &str)]) -> Answer {
        let mut form = self.form();
        for (name, value) in other {
            form.iter_mut().find(|it| it.0 == *name).unwrap().1 = (*value).to_owned();
        }
        let encoded = |it: &str| it.replace('/', "%2F").replace('<', "%3C").replace('>', "%3E");
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let call = self.office.post("/setup").header("Sec-Fetch-Site", "same-origin");
        let call = call.header("Content-Type", "application/x-www-form-urlencoded");
        call.body(body.join("&")).send().await
    }
}

fn location(answer: &Answer) -> &str {
    answer.headers.get("location").unwrap().to_str().unwrap()
}

#[actix_web::test]
async fn an_empty_installation_is_set_up_once_with_the_code_that_was_printed() {
    let empty = Empty::open().await;
    assert_eq!(location(&empty.office.get("/").send().await), "/setup");
    let form = html(&empty.office.get(&format!("/setup?code={}", empty.code)).send().await);
    assert!(form.contains(&format!("value=\"{}\"", empty.code)), "{form}");
    let done = empty.send(&[]).await;
    assert_eq!(
        (done.status.as_u16(), location(&done)),
        (303, "/"),
        "{}",
        String::from_utf8_lossy(&done.body)
    );
    let cookie =
        done.headers.get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    // Who administers sets a second factor up before anything else.
    let home = empty.office.get("/").header("Cookie", &cookie).send().await;
    assert_eq!(location(&home), "/account/second-factor");
    let page = empty.office.get("/account/second-factor").header("Cookie", &cookie).send().await;
    assert!(html(&page).contains("Banco &#60;b&#62;"));
    for answer in [empty.office.get("/setup").send().await, empty.send(&[]).await] {
        assert_eq!(answer.status.as_u16(), 404);
    }
    assert!(!html(&empty.office.get("/").send().await).contains("setup"), "the door again");
    assert_eq!(setup::begin(&empty.office.app).unwrap(), None);
    let signed_in = serde_json::json!({
        "organization": "banco", "login": "ana", "password": "a-long-enough-password"
    });
    let opened = empty.office.post("/api/v1/sessions").json(&signed_in).send().await.expect_json();
    let roles: Vec<&str> =
        opened["roles"].as_array().unwrap().iter().filter_map(|it| it["role"].as_str()).collect();
    assert_eq!(roles, ["admin", "programme_manager", "reviewer"]);
}

#[actix_web::test]
async fn what_is_wrong_with_the_first_form_is_told_beside_its_field_and_nothing_is_stored() {
    let empty = Empty::open().await;
    for (field, value, text) in [
        ("code", "AAAA-BBBB-CCCC", "No es el código"),
        ("organization/slug", "Banco Grande", "minúsculas"),
        ("organization/zone", "Mexico", "zona horaria"),
        ("organization/name", "", "organization"),
        ("person/login", "ana maria", "letras"),
        ("person/password", "short", "password"),
    ] {
        let refused = empty.send(&[(field, value)]).await;
        let page = html(&refused);
        assert_eq!(refused.status.as_u16(), 422, "{field}: {page}");
        assert!(page.contains(&format!("id=\"e-{field}\"")), "{field}: {page}");
        assert!(page.contains(text), "{field}: {page}");
        assert!(
            page.contains("Banco &#60;b&#62;") || field == "organization/name",
            "{field} loses what was typed"
        );
        assert!(!page.contains("a-long-enough-password"), "a password is typed anew");
    }
    assert_eq!(empty.send(&[]).await.status.as_u16(), 303);
}

#[actix_web::test]
async fn an_organization_that_the_operator_makes_beside_it_closes_the_door_too() {
    let empty = Empty::open().await;
    let new = serde_json::json!({"slug": "acme", "name": "Acme", "locale": "es", "zone": "UTC"});
    organizations::create(&empty.office.app, serde_json::from_value(new).unwrap()).unwrap();
    assert_eq!(empty.office.get("/").send().await.status.as_u16(), 200);
    assert_eq!(empty.office.get("/setup").send().await.status.as_u16(), 404);
    assert_eq!(empty.send(&[]).await.status.as_u16(), 404);
}

#[actix_web::test]
async fn an_installation_with_an_organization_has_no_first_start() {
    let office = TestOffice::open().await;
    assert_eq!(setup::begin(&office.app).unwrap(), None);
    assert_eq!(office.get("/setup").send().await.status.as_u16(), 404);
    assert_eq!(office.post("/setup").body("code=").send().await.status.as_u16(), 404);
}

#[actix_web::test]
async fn an_administrator_changes_name_language_and_clock_of_the_organization_on_a_page() {
    let office = TestOffice::open().await;
    let admin = office.person(domain::access::Role::Admin);
    let cookie = format!("veedor_session={}", admin.token);
    let page = html(&office.get("/organization").header("Cookie", &cookie).send().await);
    assert!(
        page.contains("value=\"Organization acme\"") && page.contains("value=\"es-MX\" selected"),
        "{page}"
    );
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let send = async |zone: &str| {
        let call = office.post("/organization").header("Cookie", &cookie);
        let call = call.header("Content-Type", "application/x-www-form-urlencoded");
        let zone = zone.replace('/', "%2F");
        call.body(format!("csrf={csrf}&name=Banco+%3Cb%3E&locale=es-CO&zone={zone}")).send().await
    };
    let refused = send("Bogota").await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(html(&refused).contains("id=\"e-zone\"") && html(&refused).contains("Banco &#60;b&#62;"));
    let stored = async || office.get("/api/v1/organization").by(&admin).send().await.expect_json();
    assert_eq!(stored().await["zone"], "America/Mexico_City");
    assert_eq!(send("America/Bogota").await.status.as_u16(), 303);
    let now = stored().await;
    assert_eq!(
        (&now["name"], &now["locale"], &now["zone"]),
        (&"Banco <b>".into(), &"es-CO".into(), &"America/Bogota".into())
    );
}
