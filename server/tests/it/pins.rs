//! What a `create` pins: the assignment that it may not pass by with its window, and the checklist that has to be filled
//! in and that a later one may change.

use crate::exchange::{Phone, Scene, assignment_of, banking, outcomes};
use domain::{
    access::Role,
    ids::{AssignmentId, AuditId, audit_of_assignment},
};
use serde_json::{Value, json};
use server::testing::TestPerson;
use sync_core::{AuditOps, Hash, OpId, exchange::OutcomeKind, payload::CreateValue};
use uuid::Uuid;

impl Scene {
    /// State and checklist of an audit, where it has a row.
    pub(crate) fn row(&self, audit: Uuid) -> Option<(String, Hash)> {
        let org = self.office.org;
        let found = self.office.app.db.read(|tx| db::audits::find(tx, org, AuditId(audit))).unwrap();
        found.map(|it| (it.state.as_str().to_owned(), it.template_hash))
    }

    async fn assigned_to(&self, auditor: &TestPerson) -> (Uuid, Uuid) {
        let id = assignment_of(&self.office, &self.manager, self.branch, auditor).await;
        (id, audit_of_assignment(AssignmentId(id)).0)
    }

    fn banking_pin(&self, assignment: Option<Uuid>) -> CreateValue {
        let template = "ms-banco-sucursal".to_owned();
        CreateValue { template, content_hash: banking(), assignment, ..self.pin() }
    }

    /// Pushes what the phone wrote; the reasons for which something was set aside.
    pub(crate) async fn push(&self, phone: &mut Phone) -> Vec<String> {
        let request = phone.push();
        let response = self.done(phone, &request).await;
        assert_eq!(response.dev_head, phone.head);
        let aside = outcomes(&response).into_iter().filter(|it| it.1 == OutcomeKind::Quarantined);
        aside.map(|it| it.2.to_owned()).collect()
    }
}

impl Phone {
    /// A `create` whose author had seen an earlier one.
    pub(crate) fn create_again(&mut self, audit: Uuid, pin: &CreateValue, before: u64) -> u64 {
        let dseq = self.create(audit, pin);
        self.unsent.last_mut().unwrap().base = vec![OpId { dev: self.dev(), dseq: before }];
        dseq
    }
}

#[actix_web::test]
async fn an_ad_hoc_create_does_not_take_the_audit_of_an_assignment() {
    let scene = Scene::open().await;
    let colleague = scene.office.person(Role::Auditor);
    let (mine, my_audit) = scene.assigned_to(&scene.auditor).await;
    let (theirs, their_audit) = scene.assigned_to(&colleague).await;
    let mut phone = scene.phone(1).await;
    for audit in [my_audit, their_audit] {
        phone.ops = AuditOps::new();
        phone.create(audit, &scene.pin());
        assert_eq!(scene.push(&mut phone).await, ["assignment_not_named"]);
        assert_eq!(scene.row(audit), None);
    }
    // The assignments stand open as before, for those whom they were given to.
    phone.ops = AuditOps::new();
    phone.create(my_audit, &scene.banking_pin(Some(mine)));
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    let mut their_phone = Phone::enrol(&scene.office, &scene.admin, &colleague, 2).await;
    their_phone.create(their_audit, &scene.banking_pin(Some(theirs)));
    assert_eq!(scene.push(&mut their_phone).await, Vec::<String>::new());
    for audit in [my_audit, their_audit] {
        assert_eq!(scene.row(audit), Some(("in_progress".to_owned(), banking())));
    }
}

#[actix_web::test]
async fn a_later_create_moves_an_open_audit_to_another_checklist_and_no_further() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    let first = phone.create(audit, &scene.banking_pin(None));
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    assert_eq!(scene.row(audit), Some(("in_progress".to_owned(), banking())));
    let second = phone.create_again(audit, &scene.pin(), first);
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    assert_eq!(scene.row(audit), Some(("in_progress".to_owned(), scene.template)));
    for (pin, reason) in [
        (CreateValue { content_hash: Hash::of(b"?"), ..scene.pin() }, "unknown_template"),
        (CreateValue { branch: scene.new_audit(), ..scene.pin() }, "audit_of_another_visit"),
        (CreateValue { assignment: Some(scene.new_audit()), ..scene.pin() }, "audit_of_another_visit"),
    ] {
        phone.create_again(audit, &pin, second);
        assert_eq!(scene.push(&mut phone).await, [reason]);
        assert_eq!(scene.row(audit), Some(("in_progress".to_owned(), scene.template)));
    }
}

#[actix_web::test]
async fn a_later_create_changes_nothing_once_the_visit_was_handed_in() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    let again = phone.create_again(audit, &scene.banking_pin(None), 1);
    let request = phone.push();
    let response = scene.done(&phone, &request).await;
    assert_eq!(outcomes(&response), [(again, OutcomeKind::Late, "late")]);
    assert_eq!(scene.row(audit), Some(("submitted".to_owned(), scene.template)));
}

#[actix_web::test]
async fn the_audit_of_an_assignment_stays_with_its_checklist() {
    let scene = Scene::open().await;
    let (mine, audit) = scene.assigned_to(&scene.auditor).await;
    let mut phone = scene.phone(1).await;
    let first = phone.create(audit, &scene.banking_pin(Some(mine)));
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    phone.create_again(audit, &CreateValue { assignment: Some(mine), ..scene.pin() }, first);
    assert_eq!(scene.push(&mut phone).await, ["template_of_another_assignment"]);
    assert_eq!(scene.row(audit), Some(("in_progress".to_owned(), banking())));
}

#[actix_web::test]
async fn a_visit_outside_its_window_is_taken_and_says_so() {
    let scene = Scene::open().await;
    for (from, to, reason) in
        [("2026-11-20", "2026-11-30", Value::Null), ("2026-12-01", "2026-12-31", json!("outside_window"))]
    {
        let rows = json!([{
            "branch_id": scene.branch, "auditor_id": scene.auditor.id, "window_from": from, "window_to": to,
            "template": {"id": "ms-banco-sucursal", "version": 1},
        }]);
        let offer = scene.office.post("/api/v1/assignments").by(&scene.manager).json(&rows);
        let offered = offer.send().await.expect_json();
        let id: Uuid = offered["items"][0]["id"].as_str().unwrap().parse().unwrap();
        let audit = audit_of_assignment(AssignmentId(id)).0;
        let mut phone = scene.phone(u8::try_from(from.len()).unwrap() + u8::from(reason.is_null())).await;
        phone.create(audit, &scene.banking_pin(Some(id)));
        assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
        let visit = scene.visit(audit).await;
        let start = visit["events"].as_array().unwrap().iter().find(|it| it["command"] == "start").unwrap();
        assert_eq!(start.get("reason").unwrap_or(&Value::Null), &reason, "{from}");
    }
}

#[actix_web::test]
async fn a_visit_that_lacks_a_required_answer_is_not_handed_in_by_its_submit() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.submit(audit, 1);
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    assert_eq!(scene.row(audit), Some(("in_progress".to_owned(), scene.template)));
}
