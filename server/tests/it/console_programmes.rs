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

/// An office with a wave of November, two branches and an auditor.
struct Planned {
    office: TestOffice,
    manager: TestPerson,
    auditor: TestPerson,
    /// The address of the wave.
    at: String,
}

async fn planned() -> Planned {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let auditor = office.person(Role::Auditor);
    let programme = json!({"code": "P1", "name": "Caja"});
    let made = office.post("/api/v1/programmes").by(&manager).json(&programme).send().await.expect_json();
    let programme = made["id"].as_str().unwrap();
    let wave = json!({"name": "Noviembre", "window_from": "2026-11-02", "window_to": "2026-11-22"});
    let waves = format!("/api/v1/programmes/{programme}/waves");
    let made = office.post(&waves).by(&manager).json(&wave).send().await.expect_json();
    let at = format!("/waves/{}", made["id"].as_str().unwrap());
    let rows = json!([
        {"code": "B1", "name": "=Centro <b>", "zone": "America/Bogota"},
        {"code": "B2", "name": "Norte", "zone": "America/Bogota"},
    ]);
    office.put("/api/v1/branches").by(&manager).json(&rows).send().await.expect_json();
    Planned { office, manager, auditor, at }
}

impl Planned {
    async fn offer(&self, branch: &str, from: &str, to: &str) -> Answer {
        let form = format!(
            "branch={branch}&auditor={}&checklist=ms-banco-sucursal%401&window_from={from}&window_to={to}",
            self.auditor.login
        );
        post(&self.office, &self.manager, &format!("{}/assignments", self.at), &form).await
    }

    async fn page(&self) -> String {
        read(&self.office, &self.manager, &self.at).await
    }

    async fn stored(&self) -> Vec<Value> {
        let found = self.office.get("/api/v1/assignments").by(&self.manager).send().await.expect_json();
        found["items"].as_array().unwrap().clone()
    }
}

/// The cells of a branch in the coverage of a page.
fn covered(page: &str, code: &str) -> Vec<String> {
    let table = between(page, "<caption id=\"coverage-caption\">", "</table>");
    let row = between(table, &format!("class=\"quiet\">{code}</span>"), "</tr>");
    row.split("<td class=\"n\">").skip(1).map(|it| it.split('<').next().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_visit_is_assigned_on_the_page_of_a_wave_and_shows_in_the_coverage() {
    let it = planned().await;
    let empty = it.page().await;
    assert!(empty.contains("Todavía no hay visitas asignadas"), "{empty}");
    assert!(empty.contains("name=\"window_from\" type=\"date\" value=\"2026-11-02\""), "{empty}");
    assert!(empty.contains("<option value=\"ms-banco-sucursal@1\">"), "{empty}");
    assert_eq!(covered(&empty, "B1"), ["", "", ""]);
    sent_to(&it.offer("B1", "2026-11-02", "2026-11-08").await);
    sent_to(&it.offer("B1", "2026-11-02", "2026-11-09").await);
    let stored = it.stored().await;
    assert_eq!((stored.len(), &stored[0]["auditor_id"]), (2, &json!(it.auditor.id)));
    assert!(it.at.ends_with(stored[0]["wave_id"].as_str().unwrap()));
    let shown = it.page().await;
    assert!(shown.contains("2026-11-02 – 2026-11-08") && shown.contains("ofrecida"), "{shown}");
    assert!(shown.contains("=Centro &#60;b&#62;") && !shown.contains("Centro <b>"), "{shown}");
    assert_eq!(covered(&shown, "B1"), ["0 de 1", "0 de 1", ""]);
    assert_eq!(covered(&shown, "B2"), ["", "", ""]);
    assert_eq!(shown.matches("sin visitas").count(), 1, "{shown}");
    let english = read(&it.office, &it.manager, &format!("{}?lang=en", it.at)).await;
    assert!(english.contains("0 of 1") && english.contains("offered"), "{english}");
}

#[actix_web::test]
async fn a_refused_assignment_names_each_field_and_keeps_what_was_typed() {
    let it = planned().await;
    let form = "branch=B9&auditor=nobody&checklist=none%401&window_from=2026-11-01&window_to=2026-11-08";
    let refused = post(&it.office, &it.manager, &format!("{}/assignments", it.at), form).await;
    assert_eq!(refused.status.as_u16(), 422);
    let text = html(&refused);
    for field in ["branch", "checklist", "window_from"] {
        assert!(text.contains(&format!("id=\"e-{field}\"")), "{field}: {text}");
    }
    assert!(text.contains("value=\"B9\"") && text.contains("value=\"nobody\""), "{text}");
    let form = form.replace("B9", "B1");
    let refused = post(&it.office, &it.manager, &format!("{}/assignments", it.at), &form).await;
    assert!(html(&refused).contains("id=\"e-auditor\""), "{}", html(&refused));
    assert_eq!(it.stored().await.len(), 0);
}

#[actix_web::test]
async fn an_assignment_is_withdrawn_with_a_reason_and_covers_nothing_then() {
    let it = planned().await;
    sent_to(&it.offer("B2", "2026-11-02", "2026-11-22").await);
    let shown = it.page().await;
    assert_eq!(covered(&shown, "B2"), ["", "", "0 de 1"]);
    let href = between(&shown, "/assignments/", "\"").to_owned();
    let href = format!("{}/assignments/{href}", it.at);
    assert!(read(&it.office, &it.manager, &href).await.contains("Norte (B2)"));
    let refused = post(&it.office, &it.manager, &href, "reason=").await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(html(&refused).contains("id=\"e-reason\""), "{}", html(&refused));
    assert_eq!(it.stored().await[0]["state"], "offered");
    // Not through another wave, nor by another organization.
    let elsewhere = href.replace(&it.at, "/waves/00000000-0000-0000-0000-000000000001");
    assert_eq!(post(&it.office, &it.manager, &elsewhere, "reason=x").await.status.as_u16(), 404);
    let other = it.office.other_organization("other");
    let stranger = it.office.person_of(other, &[(Role::ProgrammeManager, Scope::Organization)]);
    for address in [it.at.as_str(), &href, &format!("{}/assignments.csv", it.at)] {
        assert_eq!(get(&it.office, &stranger, address).await.status.as_u16(), 404, "{address}");
    }
    assert_eq!(it.stored().await[0]["state"], "offered");
    assert_eq!(sent_to(&post(&it.office, &it.manager, &href, "reason=obras").await), it.at);
    assert_eq!(it.stored().await[0]["state"], "void");
    let shown = it.page().await;
    assert_eq!(covered(&shown, "B2"), ["", "", ""]);
    assert!(!shown.contains("/withdraw"), "{shown}");
    let again = post(&it.office, &it.manager, &href, "reason=obras").await;
    assert_eq!(again.status.as_u16(), 409);
}

#[actix_web::test]
async fn the_file_of_a_wave_has_every_assignment_and_no_formula() {
    let it = planned().await;
    sent_to(&it.offer("B1", "2026-11-02", "2026-11-08").await);
    sent_to(&it.offer("B2", "2026-11-09", "2026-11-15").await);
    let file = get(&it.office, &it.manager, &format!("{}/assignments.csv?lang=en", it.at)).await;
    assert_eq!(file.headers.get("content-type").unwrap(), "text/csv; charset=utf-8");
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].starts_with("B1,'=Centro <b>,"), "{text}");
    assert!(lines[2].ends_with(",2026-11-09,2026-11-15,ms-banco-sucursal v1,offered,"), "{text}");
}

#[actix_web::test]
async fn who_plans_one_branch_sees_its_visits_and_its_coverage_only() {
    let it = planned().await;
    sent_to(&it.offer("B1", "2026-11-02", "2026-11-08").await);
    sent_to(&it.offer("B2", "2026-11-02", "2026-11-08").await);
    let stored = it.stored().await;
    let (one, two) = (&stored[0], &stored[1]);
    let branch = Scope::Branch(one["branch_id"].as_str().unwrap().parse().unwrap());
    let local = it.office.person_of(it.office.org, &[(Role::ProgrammeManager, branch)]);
    let shown = read(&it.office, &local, &it.at).await;
    assert!(shown.contains("Centro") && !shown.contains("Norte"), "{shown}");
    let at = |of: &Value| format!("{}/assignments/{}/withdraw", it.at, of["id"].as_str().unwrap());
    assert_eq!(get(&it.office, &local, &at(one)).await.status.as_u16(), 200);
    assert_eq!(get(&it.office, &local, &at(two)).await.status.as_u16(), 404);
    assert_eq!(post(&it.office, &local, &at(two), "reason=x").await.status.as_u16(), 404);
    let file = get(&it.office, &local, &format!("{}/assignments.csv", it.at)).await;
    assert!(!String::from_utf8_lossy(&file.body).contains("Norte"));
}
