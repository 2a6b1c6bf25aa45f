//! Appeals as pages: a branch questions items with a form, adds files and messages, and somebody else decides with another.

use crate::console::{csrf_of, html, page, send};
use crate::field::{FAIR, Field};
use domain::access::{Role, Scope};
use domain::ids::AuditId;
use serde_json::json;
use server::testing::{Answer, TestPerson, photos};

struct World {
    field: Field,
    manager: TestPerson,
    reviewer: TestPerson,
    other: TestPerson,
    visit: AuditId,
}

impl World {
    async fn open() -> Self {
        let field = Field::open().await;
        let scope = [(Role::BranchManager, Scope::Branch(field.north))];
        let manager = field.office.person_of(field.office.org, &scope);
        let (reviewer, other) = (field.office.person(Role::Reviewer), field.office.person(Role::Reviewer));
        let visit = field.submitted(field.north, "2026-11-10", &[FAIR[0], FAIR[1], FAIR[2], ("E02", "no")]);
        for command in ["claim", "approve", "publish"] {
            field.review(&reviewer, visit, command, json!({})).await.expect_json();
        }
        Self { field, manager, reviewer, other, visit }
    }

    fn form(&self) -> String {
        format!("/branches/visits/{}/appeal", self.visit)
    }

    async fn send(&self, by: &TestPerson, form: &str, address: &str, fields: &str) -> Answer {
        let csrf = csrf_of(&self.field, form, by).await;
        send(&self.field, address, by, &csrf, fields).await
    }

    /// The address of an appeal that was just made.
    async fn appealed(&self) -> String {
        let fields = "tick-A02=yes&reason-A02=hay+letrero&tick-E02=yes&reason-E02=hay+folleto";
        let opened = self.send(&self.manager, &self.form(), &self.form(), fields).await;
        assert_eq!(opened.status.as_u16(), 303, "{}", String::from_utf8_lossy(&opened.body));
        place(&opened)
    }

    async fn read(&self, by: &TestPerson, address: &str) -> String {
        let (status, text) = page(&self.field, address, by).await;
        assert_eq!(status, 200, "{address}: {text}");
        text
    }

    async fn attach(&self, appeal: &str, item: &str, bytes: &[u8]) -> Answer {
        let csrf = csrf_of(&self.field, appeal, &self.manager).await;
        let mut body = Vec::new();
        for (name, value) in [("csrf", csrf.as_str()), ("item", item)] {
            body.extend(
                format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .bytes(),
            );
        }
        let head = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.exe\"\r\nContent-Type: text/html\r\n\r\n";
        body.extend(head.bytes().chain(bytes.iter().copied()).chain(*b"\r\n--edge--\r\n"));
        let call = self.field.office.post(&format!("{appeal}/files"));
        let call = call.header("Cookie", &format!("veedor_session={}", self.manager.token));
        call.header("Content-Type", "multipart/form-data; boundary=edge").body(body).send().await
    }
}

fn place(answer: &Answer) -> String {
    let address = answer.headers.get("location").unwrap().to_str().unwrap();
    address.split('?').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_branch_appeals_with_a_form_and_somebody_else_decides_with_another() {
    let world = World::open().await;
    let appeal = world.appealed().await;
    let own = world.read(&world.manager, &format!("{appeal}?lang=es&said=appeal-opened")).await;
    for expected in ["abierta", "hay letrero", "La apelación fue enviada", "2026-11-28", "50.00"] {
        assert!(own.contains(expected), "{expected}: {own}");
    }
    assert!(!own.contains("/decision"), "{own}");

    let list = world.read(&world.other, "/appeals?lang=es&state=open&branch=").await;
    assert!(list.contains(&appeal) && list.contains("usted puede decidir"), "{list}");
    let decision = format!("{appeal}/decision");
    let fields =
        "verdict-A02=correct&answer-A02=yes&reason-A02=se+ve&verdict-E02=dismiss&reason-E02=no+se+ve&reason=";
    let decided = world.send(&world.other, &decision, &decision, fields).await;
    assert_eq!(decided.status.as_u16(), 303, "{}", String::from_utf8_lossy(&decided.body));
    let after = world.read(&world.manager, &format!("{appeal}?lang=es")).await;
    for expected in ["aceptada", "75.00", "→ Sí", "no se ve"] {
        assert!(after.contains(expected), "{expected}: {after}");
    }
    assert!(!after.contains(&world.other.id.to_string()) && !after.contains(&world.reviewer.id.to_string()));
    let result = world.read(&world.manager, &format!("/branches/visits/{}?lang=es", world.visit)).await;
    assert!(result.contains("Calificación anterior") && result.contains("<b>50.00</b>"), "{result}");
}

#[actix_web::test]
async fn whoever_reviewed_is_told_before_trying_and_refused_when_trying() {
    let world = World::open().await;
    let appeal = world.appealed().await;
    let text = world.read(&world.reviewer, &format!("{appeal}?lang=es")).await;
    assert!(text.contains("decide otra persona") && !text.contains("/decision\""), "{text}");
    let decision = format!("{appeal}/decision");
    let form = world.read(&world.reviewer, &format!("{decision}?lang=es")).await;
    assert!(form.contains("decide otra persona") && !form.contains("verdict-A02"), "{form}");
    let fields = "verdict-A02=dismiss&reason-A02=no&verdict-E02=dismiss&reason-E02=no&reason=no";
    let refused = world.send(&world.reviewer, &appeal, &decision, fields).await;
    assert_eq!(refused.status.as_u16(), 422, "{}", html(&refused));
    let (status, _) = page(&world.field, &decision, &world.manager).await;
    assert_eq!(status, 403, "a branch decides nothing");
    let open = world.read(&world.manager, &format!("{appeal}?lang=es")).await;
    assert!(open.contains("abierta"), "{open}");
}

#[actix_web::test]
async fn an_appeal_with_mistakes_keeps_what_was_typed_and_names_each_field() {
    let world = World::open().await;
    let typed = "tick-A02=yes&reason-A02=&reason-E02=%3Cscript%3E";
    let refused = world.send(&world.manager, &world.form(), &world.form(), typed).await;
    let text = html(&refused);
    assert_eq!(refused.status.as_u16(), 422);
    assert!(text.contains("id=\"e-reason-A02\"") && text.contains("&#60;script&#62;"), "{text}");
    assert!(text.contains("value=\"yes\" checked"), "{text}");
    let unknown = world.send(&world.manager, &world.form(), &world.form(), "tick-Z99=yes&reason-Z99=x").await;
    assert_eq!(unknown.status.as_u16(), 422);
    assert!(html(&unknown).contains("no tiene la pregunta «Z99»"), "{}", html(&unknown));
    let none = world.send(&world.manager, &world.form(), &world.form(), "").await;
    assert_eq!(none.status.as_u16(), 422, "{}", html(&none));

    let appeal = world.appealed().await;
    let decision = format!("{appeal}/decision");
    let half = "verdict-A02=correct&answer-A02=no&reason-A02=x&verdict-E02=dismiss&reason-E02=&reason=";
    let refused = world.send(&world.other, &decision, &decision, half).await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(html(&refused).contains("id=\"e-reason-E02\""), "{}", html(&refused));
    let same = half.replace("reason-E02=", "reason-E02=y");
    let refused = world.send(&world.other, &decision, &decision, &same).await;
    assert!(html(&refused).contains("id=\"e-answer-A02\""), "{}", html(&refused));
    let undecided = world.send(&world.other, &decision, &decision, "reason=x").await;
    assert!(html(&undecided).contains("href=\"#verdict-A02\""), "{}", html(&undecided));
}

#[actix_web::test]
async fn when_nothing_is_upheld_each_item_keeps_its_reason_and_the_whole_needs_one() {
    let world = World::open().await;
    let appeal = world.appealed().await;
    let decision = format!("{appeal}/decision");
    let fields =
        "verdict-A02=dismiss&reason-A02=motivo+uno&verdict-E02=dismiss&reason-E02=motivo+dos&reason=";
    let silent = world.send(&world.other, &decision, &decision, fields).await;
    assert_eq!(silent.status.as_u16(), 422);
    let decided = world.send(&world.other, &decision, &decision, &format!("{fields}en+total")).await;
    assert_eq!(decided.status.as_u16(), 303, "{}", html(&decided));
    let text = world.read(&world.manager, &appeal).await;
    for expected in ["motivo uno", "motivo dos", "en total", "desestimada"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[actix_web::test]
async fn files_and_messages_are_added_within_their_bounds() {
    let world = World::open().await;
    let appeal = world.appealed().await;
    let written =
        world.send(&world.manager, &appeal, &format!("{appeal}/messages"), "text=%3Cb%3Ehola").await;
    assert_eq!(written.status.as_u16(), 303);
    let blank = world.send(&world.manager, &appeal, &format!("{appeal}/messages"), "text=++").await;
    assert_eq!(blank.status.as_u16(), 422);
    assert!(html(&blank).contains("id=\"e-text\""), "{}", html(&blank));

    let attached = world.attach(&appeal, "A02", &photos::jpeg(1, 64, 48)).await;
    assert_eq!(attached.status.as_u16(), 303, "{}", String::from_utf8_lossy(&attached.body));
    let text = world.read(&world.other, &appeal).await;
    assert!(
        text.contains("&#60;b&#62;hola") && text.contains("/evidence/") && text.contains("image/jpeg"),
        "{text}"
    );
    for (item, bytes, expected) in [
        ("A02", b"<html>no".to_vec(), "debe ser una foto"),
        ("A02", Vec::new(), "está vacío"),
        ("A02", vec![0; 10_000_001], "pasa de 10 MB"),
        ("A01", photos::jpeg(1, 64, 48), "no nombra esa pregunta"),
    ] {
        let refused = world.attach(&appeal, item, &bytes).await;
        assert_eq!(refused.status.as_u16(), 422, "{expected}");
        assert!(html(&refused).contains(expected), "{expected}: {}", html(&refused));
    }
    let large = world.attach(&appeal, "A02", &vec![0; 11_000_000]).await;
    assert!(html(&large).contains("pasa de 10 MB"), "{}", html(&large));

    let withdrawn = world.send(&world.manager, &appeal, &format!("{appeal}/withdraw"), "").await;
    assert_eq!(withdrawn.status.as_u16(), 303);
    let text = world.read(&world.manager, &appeal).await;
    assert!(text.contains("retirada") && !text.contains("name=\"text\""), "{text}");
}

#[actix_web::test]
async fn a_foreign_or_stale_upload_is_refused_and_an_appeal_out_of_reach_is_not_there() {
    let world = World::open().await;
    let appeal = world.appealed().await;
    let call = world.field.office.post(&format!("{appeal}/files"));
    let call = call.header("Cookie", &format!("veedor_session={}", world.manager.token));
    let body = "--edge\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nother\r\n--edge--\r\n";
    let stale = call.header("Content-Type", "multipart/form-data; boundary=edge").body(body).send().await;
    assert_eq!(stale.status.as_u16(), 409);
    let call = world.field.office.post(&format!("{appeal}/files")).header("Sec-Fetch-Site", "cross-site");
    let call = call.header("Cookie", &format!("veedor_session={}", world.manager.token));
    assert_eq!(call.body("x").send().await.status.as_u16(), 403);
    let scope = [(Role::BranchManager, Scope::Branch(world.field.south))];
    let foreign = world.field.office.person_of(world.field.office.org, &scope);
    assert_eq!(page(&world.field, &appeal, &foreign).await.0, 404);
    let analyst = world.field.office.person(Role::Analyst);
    assert_eq!(page(&world.field, "/appeals", &analyst).await.0, 403);
}
