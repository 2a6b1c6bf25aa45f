//! The review in the console: the queue with its filters, and many visits approved at once.

use crate::field::{CRITICAL, FAIR, Field, GOOD};
use domain::{
    access::{Role, Scope},
    ids::AuditId,
};
use serde_json::json;
use server::testing::{Answer, TestPerson};

pub(crate) const DAY: &str = "2026-11-10";

pub(crate) fn text_of(answer: &Answer) -> String {
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.len() < 61_440, "{} bytes", text.len());
    assert!(!text.contains(" style=") && !text.contains(" onclick="), "{text}");
    text
}

pub(crate) async fn page(field: &Field, address: &str, by: &TestPerson) -> (u16, String) {
    let answer =
        field.office.get(address).header("Cookie", &format!("veedor_session={}", by.token)).send().await;
    (answer.status.as_u16(), text_of(&answer))
}

/// Sends a form as a browser does; `csrf` is that of the page it stands on.
pub(crate) async fn send(field: &Field, address: &str, by: &TestPerson, csrf: &str, fields: &str) -> Answer {
    let call = field.office.post(address).header("Cookie", &format!("veedor_session={}", by.token));
    let call = call.header("Content-Type", "application/x-www-form-urlencoded");
    call.body(format!("csrf={csrf}&{fields}")).send().await
}

/// What stands in a hidden field of a page.
pub(crate) fn hidden(text: &str, name: &str) -> String {
    let after = text.split(&format!("name=\"{name}\" value=\"")).nth(1);
    after.unwrap_or_else(|| panic!("no {name} in {text}")).split('"').next().unwrap().to_owned()
}

fn shows(text: &str, visit: AuditId) -> bool {
    text.contains(&format!("href=\"/visits/{visit}\""))
}

#[actix_web::test]
async fn the_queue_shows_what_waits_and_is_narrowed_by_its_address() {
    let field = Field::open().await;
    let (one, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
    let empty = page(&field, "/visits", &one).await.1;
    assert!(empty.contains("Nada espera revisión"), "{empty}");
    let (north, south) = (field.submitted(field.north, DAY, &GOOD), field.submitted(field.south, DAY, &FAIR));
    let conflict = field.in_conflict(field.south, DAY);
    let published = field.published(&[(field.north, DAY, &GOOD)]).await[0];
    field.review(&one, north, "claim", json!({})).await.expect_json();
    field.office.clock.advance_seconds(26 * 3_600);
    // Sessions ended meanwhile.
    let again = |it: TestPerson| TestPerson { token: field.office.session_of(field.office.org, it.id), ..it };
    let (one, other) = (again(one), again(other));
    let late = field.submitted(field.north, DAY, &GOOD);
    let all = [north, south, conflict, published, late];
    for (query, shown) in [
        ("", vec![north, south, conflict, late]),
        ("?state=&branch=&wave=&late=&after=", vec![]),
        ("?state=&branch=&wave=&late=", vec![north, south, conflict, late]),
        ("?state=in_review", vec![north]),
        ("?state=published", vec![published]),
        ("?branch=south", vec![south, conflict]),
        ("?branch=south&look=yes", vec![conflict]),
        ("?late=24", vec![north, south, conflict]),
        ("?late=48", vec![]),
        ("?late=4294967295", vec![]),
        ("?mine=yes", vec![north]),
        ("?wave=0190dead-0000-7000-8000-000000000000", vec![]),
    ] {
        let (status, text) = page(&field, &format!("/visits{query}"), &one).await;
        if query.ends_with("after=") {
            assert_eq!(status, 422, "{query}");
            continue;
        }
        assert_eq!(status, 200, "{query}");
        let found: Vec<AuditId> = all.into_iter().filter(|it| shows(&text, *it)).collect();
        assert_eq!(found, shown, "{query}");
    }
    let (_, text) = page(&field, "/visits", &one).await;
    assert!(
        text.contains("1 día") && text.contains("menos de un minuto") && text.contains("1 conflicto"),
        "{text}"
    );
    assert!(text.contains("<strong>usted</strong>") && text.contains("Test auditor"), "{text}");
    let (_, text) = page(&field, "/visits?mine=yes", &other).await;
    assert!(text.contains("Ninguna visita cumple el filtro"), "{text}");
    let (status, text) = page(&field, "/visits?branch=moon&state=in_review", &one).await;
    assert_eq!(status, 422);
    assert!(text.contains("id=\"e-branch\"") && text.contains("value=\"moon\""), "{text}");
    assert!(text.contains("value=\"in_review\" selected"), "{text}");
}

#[actix_web::test]
async fn the_queue_goes_by_pages_and_costs_the_same_however_long_it_is() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    field.submitted(field.north, DAY, &GOOD);
    page(&field, "/visits", &reviewer).await;
    field.office.app.db.statements_read();
    page(&field, "/visits", &reviewer).await;
    let few = field.office.app.db.statements_read();
    for _ in 0..59 {
        field.submitted(field.south, DAY, &GOOD);
    }
    let (_, first) = page(&field, "/visits?late=", &reviewer).await;
    let many = field.office.app.db.statements_read();
    assert!(few == many && many <= 14, "{few} statements for one, {many} for fifty");
    assert_eq!(first.matches("data-step").count(), 50);
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (_, second) = page(&field, &next.replace("&#38;", "&"), &reviewer).await;
    assert_eq!(second.matches("data-step").count(), 10);
    assert!(!second.contains("rel=\"next\"") && second.contains("href=\"/visits?late=\""), "{second}");
}

#[actix_web::test]
async fn clean_visits_are_approved_together_after_a_look_at_what_becomes_of_each() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    let (good, critical) =
        (field.submitted(field.north, DAY, &GOOD), field.submitted(field.south, DAY, &CRITICAL));
    let conflict = field.in_conflict(field.north, DAY);
    let published = field.published(&[(field.north, DAY, &GOOD)]).await[0];
    let (_, queue) = page(&field, "/visits", &reviewer).await;
    assert!(queue.contains(&format!("name=\"visit\" value=\"{good}\"")));
    assert!(!queue.contains(&format!("name=\"visit\" value=\"{conflict}\"")));
    let csrf = hidden(&queue, "csrf");
    let fields = format!("visit={good}&visit={critical}&visit={conflict}&visit={published}");
    let asked = send(&field, "/visits/approve", &reviewer, &csrf, &fields).await;
    assert_eq!(asked.status.as_u16(), 200);
    let asked = text_of(&asked);
    assert!(asked.contains("<h1>Aprobar 2 visitas</h1>") && asked.contains("39.99"), "{asked}");
    assert!(asked.contains("hay respuestas en conflicto sin resolver"), "{asked}");
    assert!(asked.contains("no se puede aprobar en el estado «publicada»"), "{asked}");
    assert!(!asked.contains(&format!("name=\"visit\" value=\"{conflict}\"")), "{asked}");
    let untouched = page(&field, "/visits?state=submitted", &reviewer).await.1;
    assert_eq!(untouched.matches("data-step").count(), 3);

    // Somebody else was faster with one of them.
    let other = field.office.person(Role::Reviewer);
    for command in ["claim", "approve"] {
        field.review(&other, critical, command, json!({})).await.expect_json();
    }
    let fields_again = format!("confirm=yes&visit={good}&visit={critical}");
    let done = text_of(&send(&field, "/visits/approve", &reviewer, &csrf, &fields_again).await);
    assert!(done.contains("<h1>Se aprobó y publicó una visita</h1>") && done.contains("100.00"), "{done}");
    assert!(done.contains("no se puede aprobar en el estado «aprobada»"), "{done}");
    let seen = field.office.get(&format!("/api/v1/visits/{good}")).by(&reviewer).send().await.expect_json();
    assert_eq!(seen["state"], "published");

    let none = send(&field, "/visits/approve", &reviewer, &csrf, "").await;
    assert_eq!(none.status.as_u16(), 422);
    assert!(text_of(&none).contains("Marque al menos una visita."));
    let stale = send(&field, "/visits/approve", &reviewer, "x", &fields).await;
    assert_eq!(stale.status.as_u16(), 409);
}

#[actix_web::test]
async fn the_queue_is_for_the_office_and_of_the_own_scope() {
    let field = Field::open().await;
    let org = field.office.org;
    let (north, south) = (field.submitted(field.north, DAY, &GOOD), field.submitted(field.south, DAY, &GOOD));
    for role in Role::ALL.iter().filter(|it| !matches!(it, Role::Reviewer | Role::ProgrammeManager)) {
        let person = field.office.person(*role);
        assert_eq!(page(&field, "/visits", &person).await.0, 403, "{role}");
        assert!(!page(&field, "/", &person).await.1.contains("href=\"/visits\""), "{role}");
    }
    let regional = field.office.person_of(org, &[(Role::Reviewer, Scope::Region(field.region))]);
    let (_, text) = page(&field, "/visits", &regional).await;
    assert!(shows(&text, north) && !shows(&text, south), "{text}");
    assert_eq!(page(&field, "/visits?branch=south", &regional).await.0, 403);
    // Out of reach is told as not there, and by no name.
    let csrf = hidden(&text, "csrf");
    let asked = send(&field, "/visits/approve", &regional, &csrf, &format!("visit={south}")).await;
    let asked = text_of(&asked);
    assert!(asked.contains("Ninguna de estas visitas") && !asked.contains("Branch south"), "{asked}");
    // Who plans sees the queue and approves nothing.
    let manager = field.office.person(Role::ProgrammeManager);
    let (_, text) = page(&field, "/visits", &manager).await;
    assert!(shows(&text, south) && !text.contains("name=\"visit\""), "{text}");
    let other = field.office.other_organization("other");
    let stranger = field.office.person_of(other, &[(Role::Reviewer, Scope::Organization)]);
    let (_, text) = page(&field, "/visits", &stranger).await;
    assert!(!shows(&text, north), "{text}");
}
