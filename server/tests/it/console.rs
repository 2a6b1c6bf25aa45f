//! The console page: in both languages, without scripts, and never more than the person may see.

use crate::field::{CRITICAL, FAIR, Field, GOOD};
use domain::access::{Role, Scope};
use server::testing::{Answer, TestPerson};

fn html(answer: &Answer) -> String {
    assert_eq!(answer.headers.get("content-type").unwrap(), "text/html; charset=utf-8");
    let policy = answer.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(!text.contains("<script") && !text.contains(" style="), "{text}");
    text
}

async fn page(field: &Field, address: &str, by: &TestPerson) -> (u16, String) {
    let cookie = format!("veedor_session={}", by.token);
    let answer = field.office.get(address).header("Cookie", &cookie).send().await;
    (answer.status.as_u16(), html(&answer))
}

#[actix_web::test]
async fn without_a_session_there_is_a_form_in_the_language_of_the_browser() {
    let field = Field::open().await;
    let spanish = field.office.get("/").send().await;
    assert!(html(&spanish).contains("<h1>Entrar</h1>"));
    let english = field.office.get("/").header("Accept-Language", "en-GB,en;q=0.9").send().await;
    assert!(html(&english).contains("<html lang=\"en\">"));
    let asked = field.office.get("/?lang=es").header("Accept-Language", "en").send().await;
    assert!(html(&asked).contains("<h1>Entrar</h1>"));
    let branch = field.office.get(&format!("/scorecard/{}", field.north)).send().await;
    assert_eq!(branch.status.as_u16(), 401);
}

#[actix_web::test]
async fn a_person_signs_in_with_the_form_and_out_again() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    field.office.set_password(&reviewer.login, "a long enough password");
    let form = |password: &str| format!("organization=acme&login={}&password={password}", reviewer.login);
    let send = |body: String, site: &str| {
        let call = field.office.post("/sign-in?lang=en").header("Sec-Fetch-Site", site);
        call.header("Content-Type", "application/x-www-form-urlencoded").body(body).send()
    };
    let wrong = send(form("wrong"), "same-origin").await;
    assert_eq!(wrong.status.as_u16(), 401);
    assert!(html(&wrong).contains("role=\"alert\"") && !html(&wrong).contains("wrong\""));
    let foreign = send(form("a+long+enough+password"), "cross-site").await;
    assert_eq!(foreign.status.as_u16(), 403);
    let right = send(form("a+long+enough+password"), "same-origin").await;
    assert_eq!(
        (right.status.as_u16(), right.headers.get("location").unwrap().to_str().unwrap()),
        (303, "/?lang=en")
    );
    let cookie = right.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let home = field.office.get("/?lang=en").header("Cookie", pair).send().await;
    assert!(html(&home).contains("<h1>Branch network</h1>"));
    let out = field.office.post("/sign-out").header("Cookie", pair).send().await;
    assert_eq!(out.status.as_u16(), 303);
    let gone = field.office.get("/?lang=en").header("Cookie", pair).send().await;
    assert!(html(&gone).contains("<h1>Sign in</h1>"));
}

#[actix_web::test]
async fn a_form_of_another_origin_is_refused_whatever_the_browser_tells_of_it() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    field.office.set_password(&reviewer.login, "a long enough password");
    let body = format!("organization=acme&login={}&password=a+long+enough+password", reviewer.login);
    let token = field.office.session_of(field.office.org, reviewer.id);
    let cookie = format!("veedor_session={token}");
    let own = "http://office.example:8080";
    for (site, origin, is_let_in) in [
        (None, None, true),
        (None, Some(own), true),
        (Some("same-origin"), Some(own), true),
        (Some("none"), None, true),
        (None, Some("http://office.example"), false),
        (None, Some("http://evil.example:8080"), false),
        (None, Some("null"), false),
        (Some("same-origin"), Some("http://evil.example"), false),
        (Some("same-site"), Some(own), false),
        (Some("cross-site"), None, false),
    ] {
        for address in ["/sign-in", "/sign-out"] {
            let mut call = field.office.post(address).header("Host", "office.example:8080");
            call = call.header("Content-Type", "application/x-www-form-urlencoded").body(body.clone());
            for (name, value) in [("Sec-Fetch-Site", site), ("Origin", origin)] {
                if let Some(value) = value {
                    call = call.header(name, value);
                }
            }
            let expected = if is_let_in { 303 } else { 403 };
            let cookie = if is_let_in { "" } else { &cookie };
            let answer = call.header("Cookie", cookie).send().await;
            assert_eq!(answer.status.as_u16(), expected, "{address} {site:?} {origin:?}");
        }
    }
    // The forms that were refused closed nothing.
    field.office.get("/api/v1/sessions/current").bearer(&token).send().await.expect_json();
}

#[actix_web::test]
async fn pages_show_the_figures_and_only_of_the_own_scope() {
    let field = Field::open().await;
    field
        .published(&[
            (field.north, "2026-10-05", &GOOD),
            (field.north, "2026-11-05", &FAIR),
            (field.south, "2026-11-06", &CRITICAL),
        ])
        .await;
    let reviewer = field.office.person(Role::Reviewer);
    let (status, home) = page(&field, "/?lang=en&from=2026-10-01&to=2026-12-31", &reviewer).await;
    assert_eq!(status, 200);
    for text in ["Branch north", "87.50", "39.99", "a single visit", "<caption>"] {
        assert!(home.contains(text), "{text}: {home}");
    }
    let org = field.office.org;
    let manager = field.office.person_of(org, &[(Role::BranchManager, Scope::Branch(field.north))]);
    let address = format!("/scorecard/{}?lang=es&from=2026-10-01&to=2026-12-31", field.north);
    let (status, own) = page(&field, &address, &manager).await;
    assert_eq!(status, 200);
    for text in ["Puntos de contacto", "Acceso", "87.50", "2026-11-05"] {
        assert!(own.contains(text), "{text}: {own}");
    }
    assert!(!own.contains(&field.auditor.id.to_string()) && !own.contains(&field.auditor.login));
    let (status, _) = page(&field, &format!("/scorecard/{}", field.south), &manager).await;
    assert_eq!(status, 403);
    let (status, refused) = page(&field, "/?from=x&to=y", &reviewer).await;
    assert_eq!(status, 422);
    assert!(refused.contains("no es una fecha"));
}

#[actix_web::test]
async fn what_cannot_be_read_is_told_as_a_page() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let (status, refused) = page(&field, "/?region=7", &reviewer).await;
    assert_eq!(status, 400);
    assert!(refused.contains("No se entiende lo que se envió"), "{refused}");
    let (status, _) = page(&field, "/scorecard/7", &reviewer).await;
    assert_eq!(status, 404);
    let form = field.office.post("/sign-in").header("Content-Type", "application/x-www-form-urlencoded");
    let answer = form.body("organization=acme").send().await;
    assert_eq!(answer.status.as_u16(), 400);
    html(&answer);
}

#[actix_web::test]
async fn the_stylesheet_serves_light_and_dark() {
    let field = Field::open().await;
    let answer = field.office.get("/console.css").send().await;
    assert_eq!(answer.headers.get("content-type").unwrap(), "text/css; charset=utf-8");
    assert!(String::from_utf8_lossy(&answer.body).contains("prefers-color-scheme: dark"));
}
