//! Spreadsheets on pages: tried, applied with what was tried, their codes shown once, and taken back.

use crate::console::html;
use crate::spreadsheets::csv;
use domain::access::Role;
use server::testing::{Answer, TestOffice, TestPerson};

const BRANCHES: &[&[&str]] = &[
    &["codigo", "nombre", "zona_horaria", "codigo_region", "nombre_region"],
    &["001", "Centro <b>", "America/Mexico_City", "N", "Norte"],
    &["002", "Oriente", "America/Nowhere", "N", "Norte"],
    &["003", "=1+1", "America/Tijuana", "", ""],
];

async fn read(office: &TestOffice, by: &TestPerson, address: &str) -> String {
    html(&office.get(address).header("Cookie", &format!("veedor_session={}", by.token)).send().await)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split(before).nth(1).unwrap_or_else(|| panic!("{before} in {text}")).split(after).next().unwrap()
}

async fn csrf(office: &TestOffice, by: &TestPerson) -> String {
    between(&read(office, by, "/imports").await, "name=\"csrf\" value=\"", "\"").to_owned()
}

async fn upload(office: &TestOffice, by: &TestPerson, kind: &str, rows: &[&[&str]]) -> Answer {
    let mut body = String::new();
    for (name, value) in [("csrf", csrf(office, by).await.as_str()), ("kind", kind), ("sheet", "")] {
        body.push_str(&format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"lista.csv\"\r\n\r\n");
    let mut body = body.into_bytes();
    body.extend(csv(rows));
    body.extend(b"\r\n--edge--\r\n");
    let call = office.post("/imports").header("Cookie", &format!("veedor_session={}", by.token));
    call.header("Content-Type", "multipart/form-data; boundary=edge").body(body).send().await
}

async fn post(office: &TestOffice, by: &TestPerson, address: &str, form: &str) -> Answer {
    let call = office.post(address).header("Cookie", &format!("veedor_session={}", by.token));
    let call = call.header("Content-Type", "application/x-www-form-urlencoded");
    call.body(format!("csrf={}&{form}", csrf(office, by).await)).send().await
}

#[actix_web::test]
async fn a_file_is_tried_on_a_page_applied_as_it_was_tried_and_taken_back() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let tried = upload(&office, &manager, "branches", BRANCHES).await;
    assert_eq!(tried.status.as_u16(), 200);
    let text = html(&tried);
    for expected in
        ["lista.csv", "no se guardó nada", "America/Nowhere", "nombre: Centro &#60;b&#62;", "y 1 región"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let hash = between(&text, "name=\"hash\" value=\"", "\"").to_owned();
    // All of them is not what was offered, and it stores nothing.
    let all = post(&office, &manager, "/imports/apply", &format!("hash={hash}&rows=all")).await;
    assert_eq!(all.status.as_u16(), 422);
    assert!(html(&all).contains("Fila 3, columna «zona_horaria»"), "{}", html(&all));
    let good = post(&office, &manager, "/imports/apply", &format!("hash={hash}&rows=good")).await;
    assert_eq!(good.status.as_u16(), 201, "{}", html(&good));
    let import = between(&html(&good), "href=\"/imports/", "\"").to_owned();
    let again = post(&office, &manager, "/imports/apply", &format!("hash={hash}&rows=good")).await;
    assert_eq!(again.status.as_u16(), 422);
    assert!(html(&again).contains("ya se aplicó"));
    let list = read(&office, &manager, "/imports?lang=en").await;
    assert!(list.contains(&format!("/imports/{import}")) && list.contains("applied"), "{list}");
    let shown = read(&office, &manager, &format!("/imports/{import}")).await;
    assert!(shown.contains("Sucursal") && shown.contains("Región") && shown.contains("001"), "{shown}");
    let undone = post(&office, &manager, &format!("/imports/{import}/undo"), "").await;
    assert_eq!(undone.status.as_u16(), 303);
    let shown = read(&office, &manager, &format!("/imports/{import}?said=import-undone")).await;
    assert!(shown.contains("Esta importación se deshizo") && !shown.contains("/undo"), "{shown}");
    let branches = office.get("/api/v1/branches").by(&manager).send().await.expect_json();
    assert_eq!(branches["items"].as_array().unwrap().len(), 0);
}

#[actix_web::test]
async fn people_who_are_imported_on_a_page_get_codes_that_are_shown_once() {
    let office = TestOffice::open().await;
    let admin = office.person(Role::Admin);
    let rows: &[&[&str]] = &[&["usuario", "nombre", "rol"], &["ana", "Ana", "reviewer"]];
    let tried = html(&upload(&office, &admin, "users", rows).await);
    let hash = between(&tried, "name=\"hash\" value=\"", "\"").to_owned();
    assert!(!tried.contains("class=\"code\""));
    let done = post(&office, &admin, "/imports/apply", &format!("hash={hash}&rows=all")).await;
    let code = between(&html(&done), "<span class=\"code\">", "</span>").to_owned();
    let form = format!("organization=acme&code={code}&password=a+long+enough+password&second_factor=");
    let call = office.post("/sign-in/password").header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(call.body(form).send().await.status.as_u16(), 303);
    // Who signed in since stays: the page says why, and offers the rest.
    let import = between(&html(&done), "href=\"/imports/", "\"").to_owned();
    let blocked = post(&office, &admin, &format!("/imports/{import}/undo"), "").await;
    assert_eq!(blocked.status.as_u16(), 409);
    assert!(html(&blocked).contains("la persona ya entró"), "{}", html(&blocked));
    let rest = post(&office, &admin, &format!("/imports/{import}/undo"), "rest=on").await;
    assert_eq!(rest.status.as_u16(), 303);
    let shown = read(&office, &admin, &format!("/imports/{import}")).await;
    assert!(shown.contains("se dejó: la persona ya entró"), "{shown}");
}

#[actix_web::test]
async fn what_cannot_be_read_or_is_not_theirs_is_refused_beside_the_form() {
    let office = TestOffice::open().await;
    let (manager, reviewer) = (office.person(Role::ProgrammeManager), office.person(Role::Reviewer));
    let wrong = upload(&office, &manager, "branches", &[&["nada"], &["1"]]).await;
    assert_eq!(wrong.status.as_u16(), 422);
    assert!(html(&wrong).contains("role=\"alert\"") && html(&wrong).contains("codigo"), "{}", html(&wrong));
    let users = upload(&office, &manager, "users", &[&["usuario", "nombre"], &["ana", "Ana"]]).await;
    assert_eq!(users.status.as_u16(), 403);
    let cookie = format!("veedor_session={}", reviewer.token);
    assert_eq!(office.get("/imports").header("Cookie", &cookie).send().await.status.as_u16(), 403);
    // A file of somebody else is nobody's.
    let tried = html(&upload(&office, &manager, "branches", BRANCHES).await);
    let hash = between(&tried, "name=\"hash\" value=\"", "\"").to_owned();
    let other = office.person(Role::ProgrammeManager);
    let stolen = post(&office, &other, "/imports/apply", &format!("hash={hash}&rows=good")).await;
    assert_eq!(stolen.status.as_u16(), 422);
}
