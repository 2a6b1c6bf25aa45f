//! The console page: in both languages, without scripts, and never more than the person may see.

use crate::field::{CRITICAL, FAIR, Field, GOOD};
use domain::access::{Role, Scope};
use server::testing::{Answer, TestPerson};

pub(crate) fn html(answer: &Answer) -> String {
    assert_eq!(answer.headers.get("content-type").unwrap(), "text/html; charset=utf-8");
    let policy = answer.headers.get("content-security-policy").unwrap().to_str().unwrap();
    // With `no-referrer` a browser sends `Origin: null` with a form, which is refused.
    assert_eq!(answer.headers.get("referrer-policy").unwrap(), "same-origin");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    for script in text.split("<script").skip(1) {
        assert!(script.starts_with(&format!(" nonce=\"{nonce}\" src=\"/assets/")), "{script}");
    }
    assert!(!text.contains(" style=") && !text.contains(" onclick="), "{text}");
    text
}

pub(crate) async fn page(field: &Field, address: &str, by: &TestPerson) -> (u16, String) {
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
    let branch = field.office.get(&format!("/scorecards/{}", field.north)).send().await;
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
    assert_eq!((right.status.as_u16(), right.headers.get("location").unwrap().to_str().unwrap()), (303, "/"));
    let cookie = right.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let home = field.office.get("/?lang=en").header("Cookie", pair).send().await;
    assert!(html(&home).contains("<h1>Home</h1>"));
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
    let (status, home) = page(&field, "/scorecards?lang=en&from=2026-10-01&to=2026-12-31", &reviewer).await;
    assert_eq!(status, 200);
    for text in ["Branch north", "87.50", "39.99", "a single visit", "<caption>"] {
        assert!(home.contains(text), "{text}: {home}");
    }
    let org = field.office.org;
    let manager = field.office.person_of(org, &[(Role::BranchManager, Scope::Branch(field.north))]);
    let address = format!("/scorecards/{}?lang=es&from=2026-10-01&to=2026-12-31", field.north);
    let (status, own) = page(&field, &address, &manager).await;
    assert_eq!(status, 200);
    for text in ["Puntos de contacto", "Acceso", "87.50", "2026-11-05"] {
        assert!(own.contains(text), "{text}: {own}");
    }
    assert!(!own.contains(&field.auditor.id.to_string()) && !own.contains(&field.auditor.login));
    let (status, _) = page(&field, &format!("/scorecards/{}", field.south), &manager).await;
    assert_eq!(status, 403);
    let (status, refused) = page(&field, "/scorecards?from=x&to=y", &reviewer).await;
    assert_eq!(status, 422);
    assert!(refused.contains("no es una fecha"));
}

#[actix_web::test]
async fn what_cannot_be_read_is_told_as_a_page() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let (status, refused) = page(&field, "/scorecards?region=7", &reviewer).await;
    assert_eq!(status, 400);
    assert!(refused.contains("No se entiende la dirección"), "{refused}");
    let (status, _) = page(&field, "/scorecards/7", &reviewer).await;
    assert_eq!(status, 404);
    let form = field.office.post("/sign-in").header("Content-Type", "application/x-www-form-urlencoded");
    let answer = form.body("organization=acme&login=%C3%28").send().await;
    assert_eq!(answer.status.as_u16(), 401);
    assert!(html(&answer).contains("value=\"acme\""));
}

#[actix_web::test]
async fn an_address_that_is_not_there_is_a_page_for_a_browser_and_a_problem_for_a_program() {
    let field = Field::open().await;
    let ask = |address: &str, accepted: &str| field.office.get(address).header("Accept", accepted).send();
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let missing = ask("/no-such-page", browser).await;
    assert_eq!(missing.status.as_u16(), 404);
    assert!(html(&missing).contains("<h1>No existe</h1>"), "{}", html(&missing));
    for (address, accepted) in [("/no-such-page", "*/*"), ("/api/v1/no-such-thing", browser)] {
        let missing = ask(address, accepted).await;
        assert_eq!(missing.outcome(), (404, "not_found".to_owned()), "{address}");
    }
}

#[actix_web::test]
async fn styles_and_scripts_are_served_under_addresses_that_change_with_them() {
    let field = Field::open().await;
    let text = html(&field.office.get("/").send().await);
    let addresses: Vec<&str> =
        text.split("\"/assets/").skip(1).map(|it| it.split('"').next().unwrap()).collect();
    assert_eq!(addresses.len(), 3);
    for address in addresses {
        let answer = field.office.get(&format!("/assets/{address}")).send().await;
        assert_eq!(answer.status.as_u16(), 200, "{address}");
        assert!(answer.headers.get("cache-control").unwrap().to_str().unwrap().contains("immutable"));
        if address.ends_with(".css") {
            assert!(String::from_utf8_lossy(&answer.body).contains("prefers-color-scheme: dark"));
        }
    }
}

/// Sends a form as a browser does; `csrf` is that of the page it stands on.
pub(crate) async fn send(field: &Field, address: &str, by: &TestPerson, csrf: &str, fields: &str) -> Answer {
    let call = field.office.post(address).header("Cookie", &format!("veedor_session={}", by.token));
    let call = call.header("Content-Type", "application/x-www-form-urlencoded");
    call.body(format!("csrf={csrf}&{fields}")).send().await
}

pub(crate) async fn csrf_of(field: &Field, address: &str, by: &TestPerson) -> String {
    let (status, text) = page(field, address, by).await;
    assert_eq!(status, 200, "{text}");
    text.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[actix_web::test]
async fn somebody_is_added_by_a_form_and_gets_a_code_once() {
    let field = Field::open().await;
    let admin = field.office.person(Role::Admin);
    let csrf = csrf_of(&field, "/people/new", &admin).await;
    let scoped = "name=Eva+Sol&login=eva&role=branch_manager&scope=north";
    let added = send(&field, "/people/new", &admin, &csrf, scoped).await;
    assert_eq!(added.status.as_u16(), 201, "{}", html(&added));
    let code = html(&added).split("<p class=\"code\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(code.len() >= 8, "{code}");
    let (_, list) = page(&field, "/people", &admin).await;
    assert!(
        list.contains("Eva Sol") && list.contains("Gerencia de sucursal") && !list.contains(&code),
        "{list}"
    );
    let address = list
        .split("<a href=\"/people/")
        .find(|it| it.contains("Eva Sol"))
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let address = format!("/people/{address}");
    let (_, one) = page(&field, &address, &admin).await;
    assert!(one.contains("Sucursal: Branch north") && !one.contains(&code), "{one}");

    let ended = send(&field, &format!("{address}/access"), &admin, &csrf, "").await;
    assert_eq!(
        ended.headers.get("location").unwrap().to_str().unwrap(),
        format!("{address}?said=person-ended")
    );
    let (_, told) = page(&field, &format!("{address}?said=person-ended"), &admin).await;
    assert!(told.contains("La persona fue dada de baja."), "{told}");
    let (_, untold) = page(&field, &format!("{address}?said=%3Cscript%3E"), &admin).await;
    assert!(!untold.contains("role=\"status\""));
    let back = send(&field, &format!("{address}/access"), &admin, &csrf, "active=yes").await;
    assert_eq!(back.status.as_u16(), 303);
    let given = send(&field, &format!("{address}/roles"), &admin, &csrf, "role=analyst&scope=").await;
    assert_eq!(given.status.as_u16(), 303);
    let (_, two) = page(&field, &address, &admin).await;
    assert!(two.contains("Toda la organización"), "{two}");
}

#[actix_web::test]
async fn a_form_with_mistakes_keeps_what_was_typed_and_names_each_field() {
    let field = Field::open().await;
    let admin = field.office.person(Role::Admin);
    let csrf = csrf_of(&field, "/people/new", &admin).await;
    let typed = "name=%3Cscript%3Ealert(1)%3C/script%3E&login=no+spaces&role=reviewer&scope=";
    let refused = send(&field, "/people/new", &admin, &csrf, typed).await;
    let text = html(&refused);
    assert_eq!(refused.status.as_u16(), 422);
    assert!(
        text.contains("value=\"no spaces\"") && text.contains("<option value=\"reviewer\" selected>"),
        "{text}"
    );
    assert!(text.contains("&#60;script&#62;alert(1)") && !text.contains("<script>alert"), "{text}");
    assert!(text.contains("id=\"e-login\"") && text.contains("<a href=\"#login\">"), "{text}");
    assert!(!text.contains("id=\"e-name\""), "{text}");

    // Both parts of the form are told at once, also where one is of another use case.
    let both = send(&field, "/people/new", &admin, &csrf, "name=&login=eva&role=owner&scope=").await;
    let text = html(&both);
    assert!(text.contains("id=\"e-name\"") && text.contains("id=\"e-role\""), "{text}");
    let unknown =
        send(&field, "/people/new", &admin, &csrf, "name=Eva&login=eva&role=reviewer&scope=moon").await;
    assert!(html(&unknown).contains("No hay sucursal ni región con el código «moon»."));
    let (_, list) = page(&field, "/people", &admin).await;
    assert!(!list.contains("Eva"), "nothing was stored");
}

#[actix_web::test]
async fn a_form_of_twenty_megabytes_comes_back_with_the_field_named() {
    let field = Field::open().await;
    let admin = field.office.person(Role::Admin);
    let csrf = csrf_of(&field, "/people/new", &admin).await;
    let long = format!("name={}&login=eva&role=reviewer&scope=", "a".repeat(20_000_000));
    let refused = send(&field, "/people/new", &admin, &csrf, &long).await;
    assert_eq!(refused.status.as_u16(), 422);
    let text = html(&refused);
    assert!(
        text.contains("id=\"e-name\"") && text.contains("value=\"eva\"") && text.len() < 61_440,
        "{}",
        text.len()
    );
    let beyond = format!("name={}", "a".repeat(27_000_000));
    let refused = send(&field, "/people/new", &admin, &csrf, &beyond).await;
    assert_eq!(refused.status.as_u16(), 413);
    assert!(html(&refused).contains("Es demasiado grande"));
}

#[actix_web::test]
async fn a_form_without_the_mark_of_its_session_or_from_elsewhere_changes_nothing() {
    let field = Field::open().await;
    let admin = field.office.person(Role::Admin);
    let other = field.office.person(Role::Admin);
    let csrf = csrf_of(&field, "/people/new", &other).await;
    let fields = "name=Eva&login=eva&role=reviewer&scope=";
    for mark in ["", "x", csrf.as_str()] {
        let stale = send(&field, "/people/new", &admin, mark, fields).await;
        assert_eq!(stale.status.as_u16(), 409);
        assert!(html(&stale).contains("una sesión anterior"));
    }
    let own = csrf_of(&field, "/people/new", &admin).await;
    let call = field.office.post("/people/new").header("Cookie", &format!("veedor_session={}", admin.token));
    let call = call
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Sec-Fetch-Site", "cross-site");
    assert_eq!(call.body(format!("csrf={own}&{fields}")).send().await.status.as_u16(), 403);
    let (_, list) = page(&field, "/people", &admin).await;
    assert!(!list.contains("Eva"));
}

#[actix_web::test]
async fn whoever_administers_nobody_sees_no_people_and_no_way_to_them() {
    let field = Field::open().await;
    for role in Role::ALL.iter().filter(|it| **it != Role::Admin) {
        let person = field.office.person(*role);
        let (_, home) = page(&field, "/", &person).await;
        assert!(!home.contains("/people"), "{role}");
        for address in ["/people", "/people/new", &format!("/people/{}", person.id)] {
            assert_eq!(page(&field, address, &person).await.0, 403, "{role} {address}");
        }
    }
}

#[actix_web::test]
async fn after_signing_in_somebody_is_where_they_wanted_to_go_and_nowhere_else() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    field.office.set_password(&reviewer.login, "a long enough password");
    let text = html(&field.office.get("/scorecards?from=2026-01-01&to=2026-02-01").send().await);
    assert!(text.contains("name=\"next\" value=\"/scorecards?from=2026-01-01&#38;to=2026-02-01\""), "{text}");
    for (next, expected) in [
        ("/scorecards?from=2026-01-01", "/scorecards?from=2026-01-01"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/%09/evil.example", "/"),
        ("/%0A/evil.example", "/"),
        ("/ñ", "/"),
        ("", "/"),
    ] {
        let next = next.replace('?', "%3F").replace('=', "%3D");
        let body =
            format!("organization=acme&login={}&password=a+long+enough+password&next={next}", reviewer.login);
        let call = field.office.post("/sign-in").header("Content-Type", "application/x-www-form-urlencoded");
        let answer = call.body(body).send().await;
        assert_eq!(answer.headers.get("location").unwrap().to_str().unwrap(), expected, "{next}");
    }
}

#[actix_web::test]
async fn the_language_that_was_chosen_stays() {
    let field = Field::open().await;
    let answer = field.office.get("/?lang=en").header("Accept-Language", "es").send().await;
    let cookie =
        answer.headers.get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    let later = field.office.get("/").header("Accept-Language", "es").header("Cookie", &cookie).send().await;
    assert!(html(&later).contains("<html lang=\"en\">"));
}
