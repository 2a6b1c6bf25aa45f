//! The page of a visit: what it shows, each command by its form, who comes too late, and what is typed by whoever means ill.

use crate::{
    console_review::{DAY, hidden, page, send, text_of},
    databases::Database,
    exchange::Scene,
    field::{CRITICAL, FAIR, Field, GOOD},
};
use domain::{
    access::{Role, Scope},
    ids::AuditId,
};
use serde_json::{Value, json};
use server::testing::{Answer, TestPerson, photos::jpeg};
use sync_core::{Bytes, Kind, payload::CreateValue};

/// A page of a visit with what its forms need.
struct Desk<'a> {
    field: &'a Field,
    visit: AuditId,
    by: &'a TestPerson,
    text: String,
}

impl<'a> Desk<'a> {
    async fn at(field: &'a Field, visit: AuditId, by: &'a TestPerson) -> Self {
        let (status, text) = page(field, &format!("/visits/{visit}"), by).await;
        assert_eq!(status, 200, "{text}");
        Self { field, visit, by, text }
    }

    /// Sends a form of the page as it was shown.
    async fn send(&self, step: &str, fields: &str) -> Answer {
        let (csrf, mark) = (hidden(&self.text, "csrf"), hidden(&self.text, "mark"));
        let address = format!("/visits/{}/{step}", self.visit);
        send(self.field, &address, self.by, &csrf, &format!("mark={mark}&{fields}")).await
    }

    /// Sends a form that is taken, and shows the page that follows.
    async fn done(&self, step: &str, fields: &str) -> Self {
        let answer = self.send(step, fields).await;
        assert_eq!(answer.status.as_u16(), 303, "{step}: {}", text_of(&answer));
        let address = answer.headers.get("location").unwrap().to_str().unwrap().to_owned();
        let (_, text) = page(self.field, &address, self.by).await;
        assert!(text.contains("role=\"status\""), "{step} says nothing: {address}");
        Self { text, ..*self }
    }

    fn offers(&self, step: &str) -> bool {
        self.text.contains(&format!("action=\"/visits/{}/{step}\"", self.visit))
    }
}

async fn state_of(field: &Field, visit: AuditId) -> Value {
    let reviewer = field.office.person(Role::Reviewer);
    field.office.get(&format!("/api/v1/visits/{visit}")).by(&reviewer).send().await.expect_json()["state"]
        .clone()
}

#[actix_web::test]
async fn the_page_shows_answers_with_points_and_only_what_may_be_done() {
    let field = Field::open().await;
    let (reviewer, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
    let visit = field.submitted(field.north, DAY, &CRITICAL);
    let desk = Desk::at(&field, visit, &reviewer).await;
    for text in [
        "Branch north",
        "Test auditor",
        "39.99",
        "así quedaría",
        "1 de 1 puntos",
        "0 de 1 puntos",
        "crítica",
        "nadie la revisa",
    ] {
        assert!(desk.text.contains(text), "{text}: {}", desk.text);
    }
    assert!(
        desk.text.contains("completo e íntegro") && desk.text.contains("respondió 2 preguntas · Acceso"),
        "{}",
        desk.text
    );
    assert!(
        desk.offers("claim") && !desk.offers("approve") && !desk.offers("return") && !desk.offers("void")
    );
    let desk = desk.done("claim", "").await;
    assert!(desk.text.contains("la revisa usted"), "{}", desk.text);
    assert!(desk.offers("approve") && desk.offers("hold") && desk.offers("reject") && desk.offers("return"));
    // Somebody else sees in whose hands it is.
    let beside = Desk::at(&field, visit, &other).await;
    assert!(beside.text.contains("la revisa Test reviewer"), "{}", beside.text);
    let desk = desk.done("approve", "submit=").await;
    assert!(
        desk.text.contains("congelada") && desk.offers("publish") && !desk.offers("approve"),
        "{}",
        desk.text
    );
    let desk = desk.done("publish", "").await;
    assert!(!desk.offers("publish") && desk.text.contains("publicar → publicada"), "{}", desk.text);
    assert_eq!(state_of(&field, visit).await, "published");
}

#[actix_web::test]
async fn a_visit_goes_on_hold_and_back_and_what_lacks_a_reason_says_so_beside_the_field() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.submitted(field.north, DAY, &GOOD);
    let desk = Desk::at(&field, visit, &reviewer).await.done("claim", "").await;
    let refused = desk.send("hold", "reason=++").await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(text_of(&refused).contains("indique el motivo"), "{}", text_of(&refused));
    let long = desk.send("hold", &format!("reason={}", "a".repeat(2_001))).await;
    let long = text_of(&long);
    assert!(long.contains("id=\"e-hold-reason\"") && long.contains("aaaa"), "{long}");
    let desk = desk.done("hold", "reason=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E").await;
    assert!(
        desk.text.contains("&#60;img src=x onerror=alert(1)&#62;") && !desk.text.contains("<img src=x"),
        "{}",
        desk.text
    );
    let desk = desk.done("release", "").await;
    assert!(desk.offers("approve"));
}

#[actix_web::test]
async fn a_return_ticks_items_where_they_are_answered_and_keeps_what_was_typed() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.submitted(field.north, DAY, &FAIR);
    let desk = Desk::at(&field, visit, &reviewer).await.done("claim", "").await;
    assert!(desk.text.contains("value=\"2026-11-22T07:00\""), "{}", desk.text);
    let script = "%3Cscript%3Ealert(1)%3C/script%3E";
    for (fields, told) in [
        ("deadline=2026-11-25T09:00".to_owned(), "Marque al menos una pregunta por corregir."),
        (format!("fix.A02=yes&why.A02={script}&deadline="), "Fije el día y la hora."),
        (format!("fix.A02=yes&why.A02={script}&deadline=2026-11-01T09:00"), "El plazo ya pasó"),
        (
            format!("fix.A02=yes&why.A02={script}&why.E01=late&deadline=2026-11-25T09:00"),
            "Marque la pregunta, o borre el motivo.",
        ),
        (
            format!("fix.A02=yes&why.A02={script}&fix.E01=yes&why.E01=&deadline=2026-11-25T09:00"),
            "id=\"e-E01\"",
        ),
        (
            format!("fix.A02=yes&why.A02={script}&fix.X99=yes&why.X99=x&deadline=2026-11-25T09:00"),
            "no tiene la pregunta «X99»",
        ),
    ] {
        let refused = desk.send("return", &fields).await;
        assert_eq!(refused.status.as_u16(), 422, "{fields}");
        let text = text_of(&refused);
        assert!(text.contains(told), "{fields}: {text}");
        assert!(!text.contains("<script>alert"), "{text}");
        let is_kept = text.contains("name=\"fix.A02\" value=\"yes\" form=\"send-back\" checked")
            && text.contains("value=\"&#60;script&#62;alert(1)");
        assert_eq!(is_kept, fields.contains("fix.A02"), "{fields}: {text}");
    }
    assert_eq!(state_of(&field, visit).await, "in_review");
    let fields = "fix.A02=yes&why.A02=say+why&fix.%40arrival=&deadline=2026-11-25T09:00&reason=look+again";
    let desk = desk.done("return", fields).await;
    assert!(desk.text.contains("devuelta") && desk.text.contains("look again"), "{}", desk.text);
    let org = field.office.org;
    let bytes = field.office.app.db.read(move |tx| db::audits::find_ops(tx, org, visit)).unwrap().unwrap();
    let view = sync_core::AuditOps::decode(&bytes).unwrap().view();
    let order: sync_core::payload::ReturnValue =
        sync_core::codec::from_cbor(view.lifecycle[0].value.as_ref().unwrap()).unwrap();
    assert_eq!((order.items.len(), order.items[0].field.as_str()), (1, "A02"));
    // Nine on the wall clock of the branch.
    assert_eq!(order.due_ms, Some(1_795_618_800_000));
}

#[actix_web::test]
async fn whoever_is_late_sees_the_visit_as_it_is_now_and_keeps_what_was_typed() {
    let field = Field::open().await;
    let (one, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
    let visit = field.submitted(field.north, DAY, &FAIR);
    let (first, second) = (Desk::at(&field, visit, &one).await, Desk::at(&field, visit, &other).await);
    let first = first.done("claim", "").await;
    let lost = second.send("claim", "").await;
    assert_eq!(lost.status.as_u16(), 409);
    let text = text_of(&lost);
    assert!(
        text.contains("no se puede tomar en el estado «en revisión»")
            && text.contains("la revisa Test reviewer"),
        "{text}"
    );

    let second = Desk::at(&field, visit, &other).await;
    first.done("hold", "reason=ask+the+branch").await;
    // The same form is still there for whoever looked before: it is as it was typed, over the visit as it is now.
    let lost = second.send("return", "fix.A02=yes&why.A02=wrong+day&deadline=2026-11-25T09:00").await;
    assert_eq!(lost.status.as_u16(), 409);
    let text = text_of(&lost);
    assert!(
        text.contains("La visita cambió mientras usted la miraba") && text.contains("value=\"wrong day\""),
        "{text}"
    );
    assert_eq!(state_of(&field, visit).await, "on_hold");

    // The form is gone: what was typed stands beside the words.
    let second = Desk::at(&field, visit, &other).await;
    let first = Desk::at(&field, visit, &one).await.done("release", "").await;
    first.done("approve", "submit=").await;
    let lost = second
        .send("return", "fix.A02=yes&why.A02=wrong+%3Cb%3Eday&deadline=2026-11-25T09:00&reason=all+of+it")
        .await;
    assert_eq!(lost.status.as_u16(), 409);
    let text = text_of(&lost);
    assert!(
        text.contains("Lo que usted escribió")
            && text.contains("wrong &#60;b&#62;day")
            && text.contains("all of it"),
        "{text}"
    );
    assert!(!text.contains("id=\"send-back\""), "{text}");
    assert_eq!(state_of(&field, visit).await, "approved");
}

#[actix_web::test]
async fn a_rejection_an_exclusion_and_an_annulment_wait_for_a_second_person() {
    let field = Field::open().await;
    let (one, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
    let visit = field.submitted(field.north, DAY, &GOOD);
    let desk = Desk::at(&field, visit, &one).await.done("claim", "").await;
    let desk = desk.done("reject", "reason=copied").await;
    assert!(!desk.offers("reject") && desk.text.contains("Usted pidió «rechazar»"), "{}", desk.text);
    let second = Desk::at(&field, visit, &other).await;
    assert!(
        second.text.contains("Test reviewer pidió «rechazar»") && second.text.contains("(copied)"),
        "{}",
        second.text
    );
    let second = second.done("reject", "reason=").await;
    assert!(second.text.contains("rechazada"), "{}", second.text);

    let (manager, colleague) =
        (field.office.person(Role::ProgrammeManager), field.office.person(Role::ProgrammeManager));
    let org = field.office.org;
    let roles = [(Role::ProgrammeManager, Scope::Organization), (Role::HrAnalyst, Scope::Organization)];
    let sees_pay = field.office.person_of(org, &roles);
    let visit = field.published(&[(field.north, DAY, &GOOD)]).await[0];
    let desk = Desk::at(&field, visit, &manager).await;
    assert!(desk.offers("exclude") && desk.offers("void") && !desk.offers("publish"), "{}", desk.text);
    desk.done("exclude", "reason=fire+drill").await;
    assert!(!Desk::at(&field, visit, &sees_pay).await.offers("exclude"));
    Desk::at(&field, visit, &colleague).await.done("exclude", "reason=").await;
    assert_eq!(state_of(&field, visit).await, "excluded");
    Desk::at(&field, visit, &manager).await.done("include", "reason=drill+was+another+day").await;
    Desk::at(&field, visit, &colleague).await.done("include", "reason=yes").await;
    assert_eq!(state_of(&field, visit).await, "published");
    let desk = Desk::at(&field, visit, &manager).await;
    let refused = desk.send("void", "reason=fraud").await;
    let text = text_of(&refused);
    assert!(
        refused.status.as_u16() == 422 && text.contains("id=\"e-sure\"") && text.contains("fraud"),
        "{text}"
    );
    desk.done("void", "reason=fraud&sure=yes").await;
    Desk::at(&field, visit, &colleague).await.done("void", "reason=fraud&sure=yes").await;
    assert_eq!(state_of(&field, visit).await, "void");
}

#[actix_web::test]
async fn a_conflict_is_settled_by_a_form_and_then_the_visit_is_approved() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.in_conflict(field.north, DAY);
    let desk = Desk::at(&field, visit, &reviewer).await.done("claim", "").await;
    assert!(
        desk.text.contains("Dos respuestas a la vez: A01") && desk.text.contains("Impide aprobar."),
        "{}",
        desk.text
    );
    assert!(desk.text.contains("hay respuestas en conflicto sin resolver"), "{}", desk.text);
    let refused = desk.send("resolve", "field=A01&stands=&reason=because+of+the+photo").await;
    let text = text_of(&refused);
    assert_eq!(refused.status.as_u16(), 422);
    assert!(text.contains("because of the photo") && text.contains("Elija cuál vale."), "{text}");
    let stands =
        desk.text.split("name=\"stands\" type=\"radio\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = format!("field=A01&stands={}&reason=because+of+the+photo", stands.replace(':', "%3A"));
    let desk = desk.done("resolve", &fields).await;
    assert!(
        !desk.text.contains("Impide aprobar.") && desk.text.contains("resolvió 1 conflicto"),
        "{}",
        desk.text
    );
    // Whoever handed in had not seen both answers: which submission is approved is said.
    let refused = desk.send("approve", "submit=").await;
    if refused.status.as_u16() == 422 {
        let named = desk.text.split("<select id=\"submit\"").nth(1).unwrap();
        let named = named.split("<option value=\"").nth(2).unwrap().split('"').next().unwrap();
        desk.done("approve", &format!("submit={}", named.replace(':', "%3A"))).await;
    }
    assert_eq!(state_of(&field, visit).await, "approved");
}

#[actix_web::test]
async fn the_auditor_of_a_visit_sees_it_and_decides_nothing() {
    let field = Field::open().await;
    let org = field.office.org;
    let both = field.auditor.id;
    field.write(move |tx, org| {
        let grant = db::users::RoleGrant {
            user_id: both,
            role: Role::Reviewer,
            scope: Scope::Organization,
            granted_by: None,
            granted_at: db::Micros(0),
        };
        db::users::grant_role(tx, org, &grant)
    });
    let both = TestPerson { token: field.office.session_of(org, both), ..field.auditor.clone() };
    let reviewer = field.office.person(Role::Reviewer);
    let visit = field.in_conflict(field.north, DAY);
    let (_, own) = page(&field, &format!("/visits/{visit}"), &both).await;
    assert!(own.contains("Usted hizo esta visita") && !own.contains("name=\"mark\""), "{own}");
    // A form of her own making is refused too.
    let mark = hidden(&Desk::at(&field, visit, &reviewer).await.text, "mark");
    let csrf = hidden(&page(&field, "/visits", &both).await.1, "csrf");
    let forged = send(&field, &format!("/visits/{visit}/claim"), &both, &csrf, &format!("mark={mark}")).await;
    assert_eq!(forged.status.as_u16(), 403);
    assert_eq!(state_of(&field, visit).await, "submitted");
}

#[actix_web::test]
async fn nobody_but_the_office_of_that_scope_comes_to_a_visit() {
    let field = Field::open().await;
    let org = field.office.org;
    let published = field.published(&[(field.north, DAY, &GOOD)]).await[0];
    let manager = field.office.person_of(org, &[(Role::BranchManager, Scope::Branch(field.north))]);
    let regional = field.office.person_of(org, &[(Role::Reviewer, Scope::Region(field.region))]);
    let stranger = {
        let other = field.office.other_organization("other");
        field.office.person_of(other, &[(Role::Reviewer, Scope::Organization)])
    };
    let south = field.submitted(field.south, DAY, &GOOD);
    field.submitted(field.north, DAY, &GOOD);
    for (visit, by, expected) in [
        (published, &manager, 403),
        (published, &regional, 200),
        (south, &regional, 404),
        (published, &stranger, 404),
        (published, &field.auditor, 403),
    ] {
        for address in [format!("/visits/{visit}"), format!("/visits/{visit}/proof")] {
            let (status, text) = page(&field, &address, by).await;
            assert_eq!(status, expected, "{address} {}", by.login);
            assert!(expected == 200 || !text.contains("Branch "), "{text}");
        }
    }
    let csrf = hidden(&page(&field, "/visits", &regional).await.1, "csrf");
    let beyond = send(&field, &format!("/visits/{south}/claim"), &regional, &csrf, "mark=x").await;
    assert_eq!(beyond.status.as_u16(), 404);
    let unknown = send(&field, &format!("/visits/{published}/steal"), &regional, &csrf, "mark=x").await;
    assert_eq!(unknown.status.as_u16(), 404);
    let stale = send(&field, &format!("/visits/{published}/void"), &regional, "x", "mark=x").await;
    assert_eq!(stale.status.as_u16(), 409);
    // Who may not decide is refused, whatever the form looks like.
    let refused =
        send(&field, &format!("/visits/{published}/void"), &regional, &csrf, "mark=x&sure=yes&reason=x")
            .await;
    assert_eq!(refused.status.as_u16(), 403);
}

#[actix_web::test]
async fn a_page_of_a_visit_costs_the_same_however_much_is_on_it() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let (small, large) =
        (field.submitted(field.north, DAY, &GOOD[..1]), field.submitted(field.north, DAY, &GOOD));
    Desk::at(&field, small, &reviewer).await;
    let cost = async |visit| {
        field.office.app.db.statements_read();
        Desk::at(&field, visit, &reviewer).await;
        field.office.app.db.statements_read()
    };
    let (few, many) = (cost(small).await, cost(large).await);
    assert!(few == many && many <= 50, "{few} and {many} statements");
}

const ARRIVED: &str = r#"{"at_ms":1795262390000,"local":"2026-11-21T06:59","zone":"America/Bogota","position":{"source":"live","lat_e7":46097100,"lon_e7":-740817500,"accuracy_mm":12000,"at_ms":1795262386000}}"#;

#[actix_web::test]
async fn evidence_stands_beside_the_answers_with_place_and_flags_and_its_proof_is_checked() {
    let scene = Scene::over(Database::Sqlite).await;
    let rows = json!([{"code": "b1", "name": "b1", "zone": "America/Bogota", "latitude": "4.6097100", "longitude": "-74.0917500"}]);
    let put = scene.office.put("/api/v1/branches").by(&scene.manager).json(&rows).send().await.expect_json();
    let branch = put["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let mut phone = scene.phone(1).await;
    let photo = scene.upload(&phone, &jpeg(1, 640, 480)).await;
    let text = scene.upload(&phone, b"a locked door").await;
    let mut visits = Vec::new();
    for _ in 0..2 {
        let audit = scene.new_audit();
        phone.ops = sync_core::AuditOps::new();
        phone.create(audit, &CreateValue { branch, ..scene.pin() });
        phone.write(Kind::Set, audit, 1, "@arrival", Some(Bytes::from(ARRIVED)));
        phone.set(audit, 1, "A01", "yes");
        phone.attach(audit, "A01#photo", &photo, "image/jpeg");
        phone.attach(audit, "A02#photo", &text, "image/jpeg");
        phone.submit(audit, 1);
        scene.push(&mut phone).await;
        visits.push(audit);
    }
    scene.office.app.read_photos().unwrap();
    let look = async |address: &str, by: &TestPerson| {
        let call = scene.office.get(address).header("Cookie", &format!("veedor_session={}", by.token));
        let answer = call.send().await;
        assert_eq!(answer.status.as_u16(), 200, "{address}");
        text_of(&answer)
    };
    let (one, other) = (visits[0], visits[1]);
    let page = look(&format!("/visits/{one}"), &scene.reviewer).await;
    let view = format!("/api/v1/visits/{one}/evidence/{}/view", photo.id);
    assert!(page.contains(&format!("href=\"{view}\" data-photo")), "{page}");
    assert!(page.contains(&format!("<a href=\"/visits/{other}\">")), "{page}");
    for told in [
        "La misma foto ya es evidencia en otro lugar.",
        "foto ya usada",
        "No se puede mostrar",
        "Llegó a 1108 m",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // Square and dot are drawn, and the same is told in words.
    assert!(page.contains("<svg class=\"map\"") && page.contains("aria-hidden=\"true\""), "{page}");
    let shown = scene
        .office
        .get(&view)
        .header("Cookie", &format!("veedor_session={}", scene.reviewer.token))
        .send()
        .await;
    assert_eq!(shown.status.as_u16(), 200);
    // Who plans may read the visit, and not its photos.
    let planned = look(&format!("/visits/{one}"), &scene.manager).await;
    assert!(
        planned.contains("La evidencia la ven quienes revisan.") && !planned.contains("/evidence/"),
        "{planned}"
    );
    let proof = look(&format!("/visits/{one}/proof"), &scene.reviewer).await;
    assert!(
        proof.contains("Todas las firmas, cadenas y acuses son válidos.") && proof.contains("teléfono"),
        "{proof}"
    );
}
