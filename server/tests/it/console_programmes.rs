//! Programmes, waves and assignments on pages.

use crate::console::html;
use domain::access::{Role, Scope};
use serde_json::{Value, json};
use server::testing::{Answer, TestOffice, TestPerson};

pub(crate) async fn get(office: &TestOffice, by: &TestPerson, address: &str) -> Answer {
    office.get(address).header("Cookie", &format!("veedor_session={}", by.token)).send().await
}

async fn read(office: &TestOffice, by: &TestPerson, address: &str) -> String {
    let answer = get(office, by, address).await;
    assert_eq!(answer.status.as_u16(), 200, "{address}: {}", html(&answer));
    html(&answer)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split(before).nth(1).unwrap_or_else(|| panic!("{before} in {text}")).split(after).next().unwrap()
}

async fn post(office: &TestOffice, by: &TestPerson, address: &str, form: &str) -> Answer {
    let account = read(office, by, "/account").await;
    let csrf = between(&account, "name=\"csrf\" value=\"", "\"");
    let call = office.post(address).header("Cookie", &format!("veedor_session={}", by.token));
    let call = call.header("Content-Type", "application/x-www-form-urlencoded");
    call.body(format!("csrf={csrf}&{form}")).send().await
}

/// Where an answer sends the browser, without what it says there.
fn sent_to(answer: &Answer) -> String {
    assert_eq!(answer.status.as_u16(), 303, "{}", html(answer));
    let address = answer.headers.get("location").unwrap().to_str().unwrap();
    address.split('?').next().unwrap().to_owned()
}

async fn programmes(office: &TestOffice, by: &TestPerson) -> Vec<Value> {
    let found = office.get("/api/v1/programmes").by(by).send().await.expect_json();
    found["items"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn a_programme_is_created_on_a_page_with_what_it_stands_on() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let empty = read(&office, &manager, "/programmes").await;
    assert!(empty.contains("Todavía no hay programas") && empty.contains("/programmes/new"), "{empty}");
    let blank = read(&office, &manager, "/programmes/new").await;
    assert!(blank.contains("name=\"appeal_days\" type=\"number\" value=\"7\""), "{blank}");
    assert!(blank.contains("name=\"on_phones/covert\" type=\"checkbox\" value=\"yes\" checked"), "{blank}");
    let form = "code=P1&name=%3Cscript%3Ealert(1)%3C%2Fscript%3E&appeal_days=10&on_phones%2Faudio=yes\
                &grounds%2Fpurpose=Mejorar+la+caja&grounds%2Fnotice%2Ftext=Habr%C3%A1+visitas\
                &grounds%2Fnotice%2Fgiven_on=2026-11-01&grounds%2Fretention_days=730";
    let at = sent_to(&post(&office, &manager, "/programmes/new", form).await);
    let stored = &programmes(&office, &manager).await[0];
    assert_eq!(stored["appeal_days"], 10);
    let on_phones = json!({"preview_score": false, "covert": false, "audio": true, "files": false});
    assert_eq!(stored["on_phones"], on_phones);
    let grounds = json!({
        "purpose": "Mejorar la caja",
        "notice": {"text": "Habrá visitas", "given_on": "2026-11-01"},
        "retention_days": 730,
    });
    assert_eq!(stored["grounds"], grounds);
    for page in [at.as_str(), "/programmes"] {
        let shown = read(&office, &manager, page).await;
        assert!(shown.contains("&#60;script&#62;") && !shown.contains("<script>alert"), "{shown}");
    }
    let shown = read(&office, &manager, &at).await;
    for expected in ["Mejorar la caja", "Habrá visitas", "2026-11-01", "730", "Todavía no hay oleadas"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("No consta"), "{shown}");
}

#[actix_web::test]
async fn a_refused_programme_keeps_what_was_typed_and_says_every_problem_beside_its_field() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let form = "code=&name=Caja&appeal_days=muchos&grounds%2Fnotice%2Ftext=Aviso&grounds%2Fretention_days=29";
    let refused = post(&office, &manager, "/programmes/new", form).await;
    assert_eq!(refused.status.as_u16(), 422);
    let text = html(&refused);
    for field in ["code", "appeal_days", "grounds/notice/given_on", "grounds/retention_days"] {
        assert!(text.contains(&format!("id=\"e-{field}\"")), "{field}: {text}");
    }
    assert!(text.contains("value=\"Caja\"") && text.contains(">\nAviso</textarea>"), "{text}");
    assert!(text.contains("value=\"muchos\""), "{text}");
    assert!(!text.contains("name=\"on_phones/covert\" type=\"checkbox\" value=\"yes\" checked"), "{text}");
    let good = "code=P1&name=Caja&appeal_days=7";
    sent_to(&post(&office, &manager, "/programmes/new", good).await);
    let taken = post(&office, &manager, "/programmes/new", good).await;
    assert_eq!(taken.status.as_u16(), 409);
    assert!(html(&taken).contains("id=\"e-code\""), "{}", html(&taken));
    assert_eq!(programmes(&office, &manager).await.len(), 1);
}

#[actix_web::test]
async fn a_programme_is_changed_and_gets_waves_on_its_page() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let at = sent_to(&post(&office, &manager, "/programmes/new", "code=P1&name=Caja&appeal_days=7").await);
    let shown = read(&office, &manager, &at).await;
    assert!(shown.contains("Falta escribir para qué") && shown.contains("No consta que se haya avisado"));
    let change = async |step: &str, form: &str| post(&office, &manager, &format!("{at}/{step}"), form).await;
    sent_to(&change("on-phones", "preview_score=yes&files=yes").await);
    sent_to(&change("appeal-window", "days=15").await);
    sent_to(&change("grounds", "purpose=Trato&notice%2Ftext=Aviso&notice%2Fgiven_on=2026-11-02").await);
    let stored = programmes(&office, &manager).await.remove(0);
    let on_phones = json!({"preview_score": true, "covert": false, "audio": false, "files": true});
    assert_eq!((&stored["on_phones"], &stored["appeal_days"]), (&on_phones, &json!(15)));
    assert_eq!(stored["grounds"]["notice"]["given_on"], "2026-11-02");
    let shown = read(&office, &manager, &at).await;
    assert!(shown.contains("name=\"days\" type=\"number\" value=\"15\""), "{shown}");
    assert!(shown.contains("name=\"files\" type=\"checkbox\" value=\"yes\" checked"), "{shown}");
    for (step, form, field) in [
        ("appeal-window", "days=91", "days"),
        ("grounds", "notice%2Fgiven_on=2026-11-02", "notice/text"),
        ("waves", "name=Nov&window_from=2026-11-30&window_to=2026-11-01", "window_to"),
        ("waves", "name=&window_from=2026-11-01&window_to=2026-11-31", "name"),
    ] {
        let refused = change(step, form).await;
        assert_eq!(refused.status.as_u16(), 422, "{step} {form}");
        assert!(html(&refused).contains(&format!("id=\"e-{field}\"")), "{step}: {}", html(&refused));
    }
    sent_to(&change("waves", "name=Noviembre&window_from=2026-11-01&window_to=2026-11-30").await);
    let shown = read(&office, &manager, &format!("{at}?lang=en")).await;
    assert!(shown.contains("Noviembre") && shown.contains("2026-11-30"), "{shown}");
    assert!(shown.contains("Waves of the programme, with their dates"), "{shown}");
}

#[actix_web::test]
async fn who_plans_a_region_looks_at_programmes_and_another_organization_does_not() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let at = sent_to(&post(&office, &manager, "/programmes/new", "code=P1&name=Caja&appeal_days=7").await);
    let branch = json!({"code": "B1", "name": "B1", "zone": "America/Bogota"});
    let made = office.post("/api/v1/branches").by(&manager).json(&branch).send().await.expect_json();
    let branch = Scope::Branch(made["id"].as_str().unwrap().parse().unwrap());
    let local = office.person_of(office.org, &[(Role::ProgrammeManager, branch)]);
    let shown = read(&office, &local, &at).await;
    assert!(shown.contains("Caja") && !shown.contains("/grounds"), "{shown}");
    assert!(!read(&office, &local, "/programmes").await.contains("/programmes/new"));
    assert_eq!(get(&office, &local, "/programmes/new").await.status.as_u16(), 403);
    let refused = post(&office, &local, &format!("{at}/appeal-window"), "days=9").await;
    assert_eq!(refused.status.as_u16(), 403);
    let other = office.other_organization("other");
    let stranger = office.person_of(other, &[(Role::ProgrammeManager, Scope::Organization)]);
    assert_eq!(get(&office, &stranger, &at).await.status.as_u16(), 404);
    let refused = post(&office, &stranger, &format!("{at}/appeal-window"), "days=9").await;
    assert_eq!(refused.status.as_u16(), 404);
}
