//! Offers that auditors answered on their phones, perhaps long before the office hears of it.

use crate::databases::Database;
use crate::exchange::{Phone, Scene, assignment_of, banking, outcomes};
use domain::{
    access::Role,
    ids::{AssignmentId, audit_of_assignment},
};
use serde_json::{Value, json};
use server::app::verify::verify;
use sync_core::{
    AuditOps, Kind, codec,
    exchange::{OutcomeKind, RefRow, StreamId},
    payload::{self, CreateValue, ReasonValue},
    reference::AssignmentRow,
};
use uuid::Uuid;

crate::on_both![
    an_offer_is_taken_and_another_refused_and_phones_and_audit_log_are_told,
    an_answer_that_comes_too_late_is_acknowledged_with_its_reason_and_blocks_nothing,
];

impl Scene {
    async fn offer(&self) -> (Uuid, Uuid) {
        let id = assignment_of(&self.office, &self.manager, self.branch, &self.auditor).await;
        (id, audit_of_assignment(AssignmentId(id)).0)
    }

    /// An assignment as whoever plans sees it.
    async fn assignment(&self, id: Uuid) -> Value {
        let found = self.office.get("/api/v1/assignments").by(&self.manager).send().await.expect_json();
        found["items"].as_array().unwrap().iter().find(|it| it["id"] == json!(id)).unwrap().clone()
    }

    async fn assignment_state(&self, id: Uuid) -> String {
        self.assignment(id).await["state"].as_str().unwrap().to_owned()
    }

    async fn withdraw(&self, id: Uuid) {
        let address = format!("/api/v1/assignments/{id}/cancel");
        let body = json!({"reason": "given to another"});
        self.office.post(&address).by(&self.manager).json(&body).send().await.expect_json();
    }

    /// What phones of the auditor were told last of an assignment.
    fn told(&self, id: Uuid) -> Option<String> {
        let (org, stream) = (self.office.org, StreamId::User(self.auditor.id.0));
        let page = self.office.app.db.read(|tx| db::feed::list(tx, org, stream, 0, 500)).unwrap();
        let rows = page.items.into_iter().filter(|it| it.kind == "row").filter_map(|it| it.payload);
        let mut rows = rows.map(|it| codec::from_cbor::<RefRow>(&it).unwrap());
        let last = rows.rfind(|it| it.kind == "assignment" && it.id == id.to_string())?;
        Some(serde_json::from_slice::<AssignmentRow>(&last.json?).unwrap().state)
    }

    async fn logged(&self, id: Uuid) -> Vec<Value> {
        let address = format!("/api/v1/audit-log?subject_kind=assignment&subject={id}");
        let found = self.office.get(&address).by(&self.admin).send().await.expect_json();
        found["items"].as_array().unwrap().clone()
    }

    fn banking_of(&self, assignment: Uuid) -> CreateValue {
        let template = "ms-banco-sucursal".to_owned();
        CreateValue { template, content_hash: banking(), assignment: Some(assignment), ..self.pin() }
    }

    /// Pushes what a phone wrote; what it is told of its ops.
    async fn push_all(&self, phone: &mut Phone) -> Vec<(u64, OutcomeKind, String)> {
        let request = phone.push();
        let response = self.done(phone, &request).await;
        assert_eq!(response.dev_head, phone.head);
        outcomes(&response).into_iter().map(|it| (it.0, it.1, it.2.to_owned())).collect()
    }
}

impl Phone {
    fn accept(&mut self, audit: Uuid) -> u64 {
        self.write(Kind::Accept, audit, 1, "", None)
    }

    fn decline(&mut self, audit: Uuid, reason: &str) -> u64 {
        let value = payload::to_value(&ReasonValue { reason: reason.to_owned() }).unwrap();
        self.write(Kind::Decline, audit, 1, "", Some(value))
    }
}

async fn an_offer_is_taken_and_another_refused_and_phones_and_audit_log_are_told(database: Database) {
    let scene = Scene::over(database).await;
    let ((one, its_audit), (two, other_audit)) = (scene.offer().await, scene.offer().await);
    let (mut phone, mut second) = (scene.phone(1).await, scene.phone(2).await);
    phone.accept(its_audit);
    phone.decline(other_audit, "I am away that week");
    assert_eq!(scene.push_all(&mut phone).await, []);
    assert_eq!(scene.assignment_state(one).await, "accepted");
    assert_eq!(scene.assignment_state(two).await, "declined");
    let why = async |id| scene.assignment(id).await["declined_for"].clone();
    assert_eq!((why(one).await, why(two).await), (Value::Null, json!("I am away that week")));
    assert_eq!(
        (scene.told(one).as_deref(), scene.told(two).as_deref()),
        (Some("accepted"), Some("declined"))
    );
    let entry = scene.logged(two).await.pop().unwrap();
    assert_eq!(
        (&entry["action"], &entry["detail"]["reason"]),
        (&json!("assignment_declined"), &json!("I am away that week"))
    );
    assert_eq!(entry["actor"], format!("user:{}/device:{}", scene.auditor.id, phone.dev()));
    // Nobody has begun anything, nothing waits for a person, and the whole store stands.
    assert_eq!((scene.row(its_audit), scene.quarantine()), (None, Vec::new()));
    verify(&scene.office.app, None, &mut |_| ()).unwrap();
    // The same word from another phone is no conflict and writes nothing more.
    second.accept(its_audit);
    second.decline(other_audit, "as I said");
    assert_eq!(scene.push_all(&mut second).await, []);
    assert_eq!(scene.logged(one).await.len(), 2);
    // The visit is begun as ever, and the word is no op of it.
    phone.ops = AuditOps::new();
    phone.create(its_audit, &scene.banking_of(one));
    assert_eq!(scene.push_all(&mut phone).await, []);
    assert_eq!(scene.row(its_audit), Some(("in_progress".to_owned(), banking())));
    let seen = scene.visit(its_audit).await;
    let commands: Vec<&str> =
        seen["events"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["start"]);
    verify(&scene.office.app, None, &mut |_| ()).unwrap();
}

async fn an_answer_that_comes_too_late_is_acknowledged_with_its_reason_and_blocks_nothing(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let colleague = scene.office.person(Role::Auditor);
    let (withdrawn, its_audit) = scene.offer().await;
    let (begun, begun_audit) = scene.offer().await;
    let (refused, refused_audit) = scene.offer().await;
    let theirs = assignment_of(&scene.office, &scene.manager, scene.branch, &colleague).await;
    let their_audit = audit_of_assignment(AssignmentId(theirs)).0;
    scene.withdraw(withdrawn).await;
    let mut second = scene.phone(2).await;
    second.create(begun_audit, &scene.banking_of(begun));
    second.decline(refused_audit, "no");
    assert_eq!(scene.push_all(&mut second).await, []);
    phone.ops = AuditOps::new();
    let cases = [
        (phone.accept(its_audit), "assignment_withdrawn"),
        (phone.decline(its_audit, "too far"), "assignment_withdrawn"),
        (phone.decline(begun_audit, "too far"), "visit_begun"),
        (phone.accept(refused_audit), "assignment_declined"),
        (phone.accept(their_audit), "foreign_assignment"),
        (phone.accept(scene.new_audit()), "unknown_assignment"),
    ];
    let good = scene.new_audit();
    phone.ops = AuditOps::new();
    phone.fill_in(good, &scene.pin());
    let expected: Vec<_> =
        cases.iter().map(|(dseq, reason)| (*dseq, OutcomeKind::Other, (*reason).to_owned())).collect();
    assert_eq!(scene.push_all(&mut phone).await, expected);
    assert_eq!(scene.visit(good).await["state"], "submitted");
    let states = [withdrawn, begun, refused, theirs];
    for (id, state) in states.into_iter().zip(["void", "in_progress", "declined", "offered"]) {
        assert_eq!(scene.assignment_state(id).await, state);
    }
    // Phones are told again where each stands; of somebody else's nothing but that it is gone.
    assert_eq!((scene.told(withdrawn).as_deref(), scene.told(theirs)), (Some("void"), None));
    assert_eq!(scene.quarantine(), []);
    verify(&scene.office.app, None, &mut |_| ()).unwrap();
}

#[actix_web::test]
async fn who_does_no_field_work_there_any_more_takes_no_offer_there() {
    let scene = Scene::open().await;
    let (id, audit) = scene.offer().await;
    let mut phone = scene.phone(1).await;
    scene.role(&scene.auditor, &json!({"role": "auditor"}), false).await;
    let dseq = phone.accept(audit);
    assert_eq!(scene.push_all(&mut phone).await, [(dseq, OutcomeKind::Other, "no_field_work".to_owned())]);
    assert_eq!((scene.assignment_state(id).await.as_str(), scene.told(id)), ("offered", None));
}

#[actix_web::test]
async fn an_offer_that_is_taken_and_begun_in_one_push_takes_both_steps() {
    let scene = Scene::open().await;
    let (id, audit) = scene.offer().await;
    let mut phone = scene.phone(1).await;
    phone.accept(audit);
    phone.create(audit, &scene.banking_of(id));
    assert_eq!(scene.push_all(&mut phone).await, []);
    assert_eq!(scene.assignment_state(id).await, "in_progress");
    assert_eq!(scene.logged(id).await.len(), 2);
    let ops = scene
        .office
        .app
        .db
        .read(|tx| db::audits::find_ops(tx, scene.office.org, domain::ids::AuditId(audit)));
    assert_eq!(AuditOps::decode(&ops.unwrap().unwrap()).unwrap().len(), 1);
}
