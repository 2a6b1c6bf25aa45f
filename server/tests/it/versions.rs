//! Versions of a checklist while visits are under way: each keeps the one that it has until its author moves it, the reviewer
//! sees the move, and the score is of the version that was handed in.

use crate::exchange::{Phone, Scene};
use db::content::{ContentKind, ContentVersion};
use domain::{
    ids::{AssignmentId, audit_of_assignment},
    lifecycle::VersionState,
};
use serde_json::{Value, json};
use sync_core::{AuditOps, Hash, Kind, OpId, fold::Arrival, payload::CreateValue};
use uuid::Uuid;

impl Scene {
    /// Publishes the second version: A02 is no longer asked, A03 is new. Whoever has begun keeps the first.
    pub(crate) fn publish_second(&self) -> Hash {
        let org = self.office.org;
        let first = self.template;
        let stored =
            self.office.app.db.read(|tx| db::content::find_by_hash(tx, org, ContentKind::Checklist, first));
        let mut version: Value = serde_json::from_str(&stored.unwrap().unwrap().canonical_json).unwrap();
        version["version"] = json!(2);
        version["sections"][0]["items"][1]["id"] = json!("A03");
        let checklist: domain::checklist::Checklist = serde_json::from_value(version).unwrap();
        let canonical_json = serde_json::to_string(&checklist).unwrap();
        let (hash, now) = (Hash::of(canonical_json.as_bytes()), self.office.app.now());
        let version = ContentVersion {
            kind: ContentKind::Checklist,
            content_id: "small".to_owned(),
            version: 2,
            hash,
            canonical_json,
            state: VersionState::Released,
            created_at: now,
            released_at: Some(now),
        };
        self.office.app.db.write(move |tx| db::content::append(tx, org, &version)).unwrap();
        hash
    }

    pub(crate) fn second_pin(&self, hash: Hash) -> CreateValue {
        CreateValue { version: 2, content_hash: hash, ..self.pin() }
    }

    async fn approve(&self, audit: Uuid) -> Value {
        self.review(audit, "claim", json!({})).await.expect_json();
        self.review(audit, "approve", json!({})).await.expect_json()
    }

    /// The first score of a visit: of which version, and how much.
    async fn scored(&self, audit: Uuid) -> (Value, Value) {
        let visit = self.visit(audit).await;
        (visit["scores"][0]["template_hash"].clone(), visit["scores"][0]["final"].clone())
    }
}

#[actix_web::test]
async fn a_version_published_in_mid_flight_reaches_only_later_visits() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    let second = scene.publish_second();
    phone.set(audit, 1, "A02", "no");
    phone.submit(audit, 1);
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    let later = scene.new_audit();
    let mut other = scene.phone(2).await;
    other.create(later, &scene.second_pin(second));
    for item in ["A01", "A03"] {
        other.set(later, 1, item, "yes");
    }
    other.submit(later, 1);
    assert_eq!(scene.push(&mut other).await, Vec::<String>::new());
    assert_eq!(scene.approve(audit).await["final"], "50.00");
    assert_eq!(scene.approve(later).await["final"], "100.00");
    assert_eq!(scene.scored(audit).await.0, json!(scene.template.to_string()));
    assert_eq!(scene.scored(later).await.0, json!(second.to_string()));
    assert_eq!(scene.visit(audit).await.get("pins"), None);
}

#[actix_web::test]
async fn the_reviewer_sees_that_a_visit_was_moved_and_what_no_longer_fitted() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    let first = phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "no");
    let second = scene.publish_second();
    phone.create_again(audit, &scene.second_pin(second), first);
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    let visit = scene.visit(audit).await;
    assert_eq!((&visit["template_version"], &visit["unknown_fields"]), (&json!(2), &json!(["A02"])));
    let pins = visit["pins"].as_array().unwrap();
    let versions: Vec<_> = pins.iter().map(|it| (it["version"].clone(), it["stands"].clone())).collect();
    assert_eq!(versions, [(json!(1), json!(false)), (json!(2), json!(true))]);
    let codes = |it: &Value| {
        let list = it.as_array().unwrap().clone();
        list.iter().map(|it| format!("{} {}", it["field"], it["code"])).collect::<Vec<_>>()
    };
    assert_eq!(codes(&pins[1]["misfits"]), ["\"/A02\" \"field_gone\""]);
    assert_eq!(codes(&pins[1]["newly_required"]), ["\"/A03\" \"required\""]);
}

/// Two phones on one draft: one moves it, the other hands it in without having seen that. What was handed in is what counts.
async fn a_move_races_a_submit(move_comes_first: bool) -> (Value, Value) {
    let scene = Scene::open().await;
    let second = scene.publish_second();
    let (mut one, mut other, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    let first = one.create(audit, &scene.pin());
    assert_eq!(scene.push(&mut one).await, Vec::<String>::new());
    other.read(&scene).await;
    let base = sync_core::OpId { dev: one.dev(), dseq: first };
    other.create(audit, &scene.second_pin(second));
    other.unsent.last_mut().unwrap().base = vec![base];
    one.set(audit, 1, "A01", "yes");
    one.set(audit, 1, "A02", "no");
    one.submit(audit, 1);
    if move_comes_first {
        assert_eq!(scene.push(&mut other).await, Vec::<String>::new());
        assert_eq!(scene.row(audit).unwrap().1, second);
        assert_eq!(scene.push(&mut one).await, Vec::<String>::new());
    } else {
        assert_eq!(scene.push(&mut one).await, Vec::<String>::new());
        assert_eq!(scene.push(&mut other).await, Vec::<String>::new());
    }
    assert_eq!(scene.row(audit), Some(("submitted".to_owned(), scene.template)));
    let visit = scene.visit(audit).await;
    assert_eq!((&visit["late"][0]["kind"], &visit["late_ops"]), (&json!("create"), &json!(1)));
    assert_eq!(scene.approve(audit).await["state"], "approved");
    scene.scored(audit).await
}

#[actix_web::test]
async fn a_move_that_races_a_submit_is_late_and_the_score_is_of_what_was_handed_in() {
    let scored = a_move_races_a_submit(true).await;
    assert_eq!(scored.1, "50.00");
    assert_eq!(a_move_races_a_submit(false).await, scored);
}

#[actix_web::test]
async fn the_visit_of_an_assignment_takes_another_version_of_its_checklist_and_no_other_checklist() {
    let scene = Scene::open().await;
    let rows = json!([{
        "branch_id": scene.branch, "auditor_id": scene.auditor.id, "template": {"id": "small", "version": 1},
        "window_from": "2026-11-20", "window_to": "2026-11-30",
    }]);
    let offered =
        scene.office.post("/api/v1/assignments").by(&scene.manager).json(&rows).send().await.expect_json();
    let id: Uuid = offered["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let audit = audit_of_assignment(AssignmentId(id)).0;
    let second = scene.publish_second();
    let pin = CreateValue { assignment: Some(id), ..scene.pin() };
    // It begins with the version of the assignment.
    let mut hasty = scene.phone(2).await;
    hasty.create(audit, &CreateValue { version: 2, content_hash: second, ..pin.clone() });
    assert_eq!(scene.push(&mut hasty).await, ["template_of_another_assignment"]);
    let mut phone: Phone = scene.phone(1).await;
    phone.ops = AuditOps::new();
    let first = phone.create(audit, &pin);
    phone.create_again(audit, &CreateValue { version: 2, content_hash: second, ..pin.clone() }, first);
    assert_eq!(scene.push(&mut phone).await, Vec::<String>::new());
    assert_eq!(scene.row(audit), Some(("in_progress".to_owned(), second)));
}

#[actix_web::test]
async fn two_versions_that_stand_side_by_side_are_the_reviewers_to_choose_from() {
    let scene = Scene::open().await;
    let second = scene.publish_second();
    let (mut one, mut other, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    other.create(audit, &scene.second_pin(second));
    assert_eq!(scene.push(&mut other).await, Vec::<String>::new());
    // Begun later and without having seen the other, so that it is what is displayed.
    one.last_hlc += 1_000_000;
    let ours = one.create(audit, &scene.pin());
    assert_eq!(scene.push(&mut one).await, Vec::<String>::new());
    one.read(&scene).await;
    one.set(audit, 1, "A01", "yes");
    one.set(audit, 1, "A02", "no");
    one.submit(audit, 1);
    assert_eq!(scene.push(&mut one).await, Vec::<String>::new());
    scene.review(audit, "claim", json!({})).await.expect_json();
    let refused = scene.review(audit, "approve", json!({})).await;
    assert_eq!(refused.fields(), [(String::new(), "conflicts_open".to_owned())]);
    let choose = |dev: sync_core::DeviceId, dseq: u64| json!({"field": "", "stands": format!("{dev}:{dseq}"), "reason": "the one that was filled in"});
    let auditor = scene.office.post(&format!("/api/v1/visits/{audit}/resolve")).by(&scene.auditor);
    let denied = auditor.json(&choose(one.dev(), ours)).send().await;
    assert_eq!(denied.outcome(), (403, "forbidden".to_owned()));
    let settled = scene.review(audit, "resolve", choose(one.dev(), ours)).await.expect_json();
    assert_eq!(settled["open_conflicts"], 0);
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["final"], "50.00");
    assert_eq!(scene.row(audit).unwrap().1, scene.template);
    let log = scene.office.get("/api/v1/audit-log").by(&scene.admin).send().await.expect_json();
    let line =
        log["items"].as_array().unwrap().iter().find(|it| it["action"] == "conflict_resolved").unwrap();
    assert!(line.to_string().contains("the one that was filled in"), "{line}");
    // Both phones read the same choice.
    other.read(&scene).await;
    one.read(&scene).await;
    assert_eq!(other.ops.view(), one.ops.view());
}

/// A small generator of its own, so that a seed is a whole case.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// The item that the version of a phone's visit asks beside A01.
fn asked(phone: &Phone) -> &'static str {
    if phone.ops.view().pin().is_some_and(|it| it.version == 2) { "A03" } else { "A02" }
}

/// As a phone does it: what no longer fits is taken back, and what is newly asked is answered.
fn move_to(phone: &mut Phone, audit: Uuid, pin: &CreateValue) {
    let (base, gone) = (phone.ops.view().creations.iter().map(|it| it.id).collect(), asked(phone));
    let dev = phone.dev();
    let dseq = phone.create(audit, pin);
    let mut op = phone.unsent.pop().unwrap();
    op.base = base;
    phone.unsent.push(op.clone());
    // What it knows is what it sends.
    let mut known = AuditOps::new();
    known.set_seed(dev, phone.seed);
    for (id, it) in phone.ops.iter().filter(|it| *it.0 != OpId::new(dev, dseq)) {
        let arrival = Arrival { recv_ms: None, server: it.server };
        known.insert(id.dev, it.op.clone(), arrival);
    }
    for id in phone.ops.frontier().into_keys() {
        known.set_seed(id, *phone.ops.seed(&id).unwrap());
    }
    known.insert(dev, op, Arrival::LOCAL);
    phone.ops = known;
    if asked(phone) != gone && phone.ops.view().answer(gone).is_some() {
        phone.write(Kind::Clear, audit, 1, gone, None);
        let item = asked(phone);
        phone.set(audit, 1, item, "yes");
    }
}

/// Something that the person of a phone does, or the phone itself.
async fn act(scene: &Scene, dice: &mut Dice, phone: &mut Phone, audit: Uuid, pins: &[CreateValue; 2]) {
    match dice.roll(8) {
        0..=2 => {
            let item = if dice.roll(2) == 0 { "A01" } else { asked(phone) };
            phone.set(audit, 1, item, ["yes", "no"][usize::try_from(dice.roll(2)).unwrap()]);
        }
        3 => move_to(phone, audit, &pins[usize::try_from(dice.roll(2)).unwrap()]),
        4..=5 => drop(phone.read(scene).await),
        6 if phone.ops.view().rounds.submits.is_empty() => drop(phone.submit(audit, 1)),
        _ if phone.unsent.is_empty() => {}
        _ => drop(scene.push(phone).await),
    }
}

/// What the ops alone say: the pinned checklist over the answers that stand.
fn expected(view: &sync_core::AuditView, checklist: &domain::checklist::Checklist) -> Option<String> {
    let mut answers = domain::answer::Answers::new();
    for (field, register) in &view.fields {
        let Some(json) = register.value() else { continue };
        let json = std::str::from_utf8(json).unwrap();
        answers
            .extend(domain::answer::parse_field(checklist, field, json).ok()?.map(|it| (field.clone(), it)));
    }
    let score = domain::visit_score::score_visit(checklist, &answers).ok()?;
    serde_json::to_value(score.final_score).unwrap().as_str().map(str::to_owned)
}

/// I11: whatever comes in whatever order, a visit has the version that its ops pin, and its score is of that version.
#[actix_web::test]
async fn a_score_depends_on_the_ops_of_its_visit_and_on_the_version_that_they_pin_and_on_nothing_else() {
    let mut scored = 0;
    for seed in 0..24 {
        let scene = Scene::open().await;
        let (audit, mut dice) = (scene.new_audit(), Dice(seed));
        let second = scene.publish_second();
        let pins = [scene.pin(), scene.second_pin(second)];
        let mut phones = [scene.phone(1).await, scene.phone(2).await];
        phones[0].create(audit, &pins[0]);
        phones[0].set(audit, 1, "A01", "yes");
        phones[0].set(audit, 1, "A02", "no");
        scene.push(&mut phones[0]).await;
        phones[1].read(&scene).await;
        for _ in 0..30 {
            let phone = &mut phones[usize::try_from(dice.roll(2)).unwrap()];
            act(&scene, &mut dice, phone, audit, &pins).await;
        }
        for phone in &mut phones {
            if !phone.unsent.is_empty() {
                assert_eq!(scene.push(phone).await, Vec::<String>::new(), "seed {seed}");
            }
        }
        let (org, id) = (scene.office.org, domain::ids::AuditId(audit));
        let bytes = scene.office.app.db.read(|tx| db::audits::find_ops(tx, org, id)).unwrap().unwrap();
        let view = AuditOps::decode(&bytes).unwrap().view();
        let (state, pinned) = scene.row(audit).unwrap();
        assert_eq!(Some(pinned), view.pin().map(|it| it.content_hash), "seed {seed}");
        if state == "submitted" && view.open_conflicts().all(|it| !it.kind.blocks_approval()) {
            scene.review(audit, "claim", json!({})).await.expect_json();
            let (status, version) = (scene.review(audit, "approve", json!({})).await, pinned);
            let kind = ContentKind::Checklist;
            let content = scene.office.app.db.read(|tx| db::content::find_by_hash(tx, org, kind, version));
            let checklist = serde_json::from_str(&content.unwrap().unwrap().canonical_json).unwrap();
            let approved =
                status.status.is_success().then(|| status.json()["final"].as_str().unwrap().to_owned());
            if approved.is_some() {
                assert_eq!(approved, expected(&view, &checklist), "seed {seed}");
                assert_eq!(scene.scored(audit).await.0, json!(version.to_string()), "seed {seed}");
                scored += 1;
            }
        }
    }
    assert!(scored > 2, "only {scored} visits were scored");
}
