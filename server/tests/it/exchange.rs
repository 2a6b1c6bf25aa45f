//! `POST /sync/v1/exchange`: what phones push and pull, through the real route with real keys.

use crate::{databases::Database, pages};
use db::content::{ContentKind, ContentVersion};
use domain::{
    access::{Role, Scope},
    checklist::Checklist,
    ids::{AssignmentId, AuditId, OrgId, audit_of_assignment},
    lifecycle::VersionState,
};
use serde_json::{Value, json};
use server::testing::{Answer, TestOffice, TestPerson};
use std::io::Write as _;
use sync_core::{
    AuditOps, Bytes, Hash, Head, Kind, Op, OpId, SealedSegment, Seed, Segment,
    chain::{Chain, feed_hash},
    codec::{self, Nested},
    content,
    exchange::{
        Body, Hello, OutcomeKind, PROTO, Page, Pull, Refusal, RefusalCode, Reply, Request, Response, StreamId,
    },
    fold::Arrival,
    hlc,
    ingest::Enrolment,
    op::Opening,
    payload::{self, CreateValue, ReturnValue},
    sealed::Effort,
    segment::signing_bytes,
    signature::SigningKey,
};
use uuid::Uuid;

crate::on_both![
    a_pushed_visit_is_stored_folded_and_stands_submitted_before_the_reviewer,
    the_same_push_again_changes_nothing,
    of_a_push_that_overlaps_the_log_only_the_rest_is_stored,
    what_does_not_continue_the_log_is_refused_with_the_head_that_is_held,
    what_may_not_be_applied_is_stored_acknowledged_and_set_aside_with_its_reason,
    own_ops_come_back_as_ranges_and_the_other_device_of_the_user_gets_them_whole,
    a_return_reaches_the_auditor_the_next_round_is_taken_and_the_old_one_is_late,
];

/// A second before the test clock begins.
pub(crate) const MS: u64 = 1_795_262_399_000;
pub(crate) const CBOR: &str = "application/cbor";

/// Two required yes/no items of one point each.
fn checklist() -> String {
    let text = |it: &str| json!({"es": it, "en": it});
    let item = |id: &str| json!({"id": id, "type": "yes_no", "weight": 1, "required": true, "critical": false, "pillar": "integridad", "q": text(id)});
    let checklist: Checklist = serde_json::from_value(json!({
        "schema": "cem-checklist/1", "id": "small", "version": 1, "kind": "mystery_shopper",
        "channel": "presencial", "title": text("t"), "purpose": text("p"), "scenario": text("s"),
        "default_locale": "es-MX",
        "visit": {"minutes_min": 1, "minutes_max": 60, "shopper_lockout_days": 0, "branch_spacing_days": 0, "submit_within_hours": 24},
        "scoring": {
            "mode": "section_weighted", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
            "scale_1_5": "linear", "bonus_cap": "100", "critical": {"mode": "cap_overall", "cap": "39.99"},
            "rounding": {"decimals": 2, "mode": "half_up"},
            "bands": [{"id": "low", "min": "0", "es": "Baja", "en": "Low"}, {"id": "high", "min": "60", "es": "Alta", "en": "High"}]
        },
        "sections": [
            {"id": "A", "weight": 100, "touchpoint": "acceso", "title": text("Acceso"), "items": [item("A01"), item("A02")]}
        ]
    }))
    .unwrap();
    serde_json::to_string(&checklist).unwrap()
}

/// An office with a checklist, a branch, and the people around a visit.
pub(crate) struct Scene {
    pub(crate) office: TestOffice,
    pub(crate) admin: TestPerson,
    pub(crate) manager: TestPerson,
    pub(crate) reviewer: TestPerson,
    pub(crate) auditor: TestPerson,
    pub(crate) branch: Uuid,
    pub(crate) template: Hash,
}

pub(crate) async fn branch_of(office: &TestOffice, manager: &TestPerson, code: &str) -> Uuid {
    let rows = json!([{"code": code, "name": code, "zone": "America/Bogota"}]);
    let put = office.put("/api/v1/branches").by(manager).json(&rows).send().await.expect_json();
    put["items"][0]["id"].as_str().unwrap().parse().unwrap()
}

pub(crate) async fn assignment_of(
    office: &TestOffice,
    manager: &TestPerson,
    branch: Uuid,
    to: &TestPerson,
) -> Uuid {
    let rows = json!([{
        "branch_id": branch, "auditor_id": to.id, "template": {"id": "ms-banco-sucursal", "version": 1},
        "window_from": "2026-11-20", "window_to": "2026-11-30",
    }]);
    let done = office.post("/api/v1/assignments").by(manager).json(&rows).send().await.expect_json();
    done["items"][0]["id"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn banking() -> Hash {
    audit_templates::find_checklist("ms-banco-sucursal", Some(1)).unwrap().sha256_hex.parse().unwrap()
}

impl Scene {
    pub(crate) async fn open() -> Self {
        Self::over(Database::Sqlite).await
    }

    pub(crate) async fn over(database: Database) -> Self {
        let office = database.office().await;
        let people = [Role::Admin, Role::ProgrammeManager, Role::Reviewer, Role::Auditor];
        let [admin, manager, reviewer, auditor] = people.map(|role| office.person(role));
        let branch = branch_of(&office, &manager, "B1").await;
        let json = checklist();
        let template = Hash::of(json.as_bytes());
        let (org, now) = (office.org, office.app.now());
        let version = ContentVersion {
            kind: ContentKind::Checklist,
            content_id: "small".to_owned(),
            version: 1,
            hash: template,
            canonical_json: json,
            state: VersionState::Released,
            created_at: now,
            released_at: Some(now),
        };
        office.app.db.write(move |tx| db::content::append(tx, org, &version)).unwrap();
        Self { office, admin, manager, reviewer, auditor, branch, template }
    }

    pub(crate) async fn phone(&self, number: u8) -> Phone {
        Phone::enrol(&self.office, &self.admin, &self.auditor, number).await
    }

    pub(crate) fn new_audit(&self) -> Uuid {
        self.office.app.environment.new_id()
    }

    pub(crate) fn pin(&self) -> CreateValue {
        CreateValue {
            template: "small".to_owned(),
            version: 1,
            content_hash: self.template,
            branch: self.branch,
            assignment: None,
            source: None,
            visited_at: None,
        }
    }

    pub(crate) async fn post(&self, token: &str, kind: &str, encoding: &str, body: Vec<u8>) -> Answer {
        let call = self.office.post("/sync/v1/exchange").bearer(token);
        let call = call.header("Content-Type", kind).header("Accept", kind);
        let call = if encoding.is_empty() { call } else { call.header("Content-Encoding", encoding) };
        call.body(body).send().await
    }

    pub(crate) async fn ask(&self, token: &str, request: &Request) -> (u16, Reply) {
        let answer = self.post(token, CBOR, "", codec::to_cbor(request).unwrap()).await;
        (answer.status.as_u16(), reply(&answer))
    }

    pub(crate) async fn done(&self, phone: &Phone, request: &Request) -> Response {
        match self.ask(&phone.enrolment.token, request).await {
            (200, Reply::Done(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn refused(&self, token: &str, request: &Request) -> (u16, Refusal) {
        match self.ask(token, request).await {
            (status, Reply::Refused(refusal)) => (status, refusal),
            other => panic!("{other:?}"),
        }
    }

    /// A visit as the reviewer reads it.
    pub(crate) async fn visit(&self, audit: Uuid) -> Value {
        self.office.get(&format!("/api/v1/visits/{audit}")).by(&self.reviewer).send().await.expect_json()
    }

    pub(crate) async fn review(&self, audit: Uuid, command: &str, body: Value) -> Answer {
        let address = format!("/api/v1/visits/{audit}/{command}");
        self.office.post(&address).by(&self.reviewer).json(&body).send().await
    }

    /// All that an exchange of the auditor may change, to compare before and after.
    pub(crate) fn stored(&self) -> String {
        let (org, stream) = (self.office.org, StreamId::User(self.auditor.id.0));
        let read = |tx: &mut db::Tx<'_>| -> Result<String, db::DbError> {
            let mut all = Vec::new();
            for device in db::devices::list(tx, org, None, None, 100)?.items {
                all.push(format!("{:?}", db::devices::find_head(tx, org, device.dev)?));
                all.push(format!("{:?}", db::devices::list_segments(tx, org, device.dev, 0, 100)?.items));
            }
            all.push(format!("{:?}", db::feed::list(tx, org, stream, 0, 500)?.items));
            all.push(format!("{:?}", db::quarantine::list(tx, org, false, None, 500)?.items));
            for audit in db::audits::list(tx, org, &db::audits::AuditFilter::default(), None, 100)?.items {
                all.push(format!("{:?}", db::audits::find_ops(tx, org, audit.audit_id)?));
                all.push(format!("{:?}", db::audits::list_events(tx, org, audit.audit_id)?));
                all.push(format!("{audit:?}"));
            }
            Ok(all.join("\n"))
        };
        self.office.app.db.read(read).unwrap()
    }

    /// Positions, audits and reasons of the quarantine.
    pub(crate) fn quarantine(&self) -> Vec<(u64, Uuid, String)> {
        let org = self.office.org;
        let found = self.office.app.db.read(|tx| db::quarantine::list(tx, org, false, None, 500)).unwrap();
        found.items.into_iter().map(|it| (it.dseq, it.audit_id.0, it.reason)).collect()
    }
}

pub(crate) fn reply(answer: &Answer) -> Reply {
    assert_eq!(answer.headers.get("content-type").unwrap(), CBOR);
    let mut reply = codec::from_cbor(&answer.body).expect("the answer is a reply in CBOR");
    if let Reply::Done(response) = &mut reply {
        pages::open(response);
    }
    reply
}

/// A device with its log.
pub(crate) struct Phone {
    pub(crate) key: SigningKey,
    pub(crate) enrolment: Enrolment,
    pub(crate) head: Head,
    pub(crate) last_hlc: u64,
    pub(crate) seed: Seed,
    /// What it knows of the audit that it works on.
    pub(crate) ops: AuditOps,
    pub(crate) unsent: Vec<Op>,
}

impl Phone {
    pub(crate) fn dev(&self) -> sync_core::DeviceId {
        self.key.public_key().device()
    }

    pub(crate) fn write(
        &mut self,
        kind: Kind,
        audit: Uuid,
        round: u32,
        field: &str,
        value: Option<Bytes>,
    ) -> u64 {
        let base = match kind.writes_field() {
            true => self.ops.view().fields.get(field).map(|it| it.base()).unwrap_or_default(),
            false => Vec::new(),
        };
        self.last_hlc += 1;
        let dseq = self.head.dseq + 1 + u64::try_from(self.unsent.len()).unwrap();
        let field = field.to_owned();
        let (hlc, opening, origin) = (self.last_hlc, Opening::Seeded, None);
        let op = Op { dseq, hlc, kind, audit, round, field, base, value, opening, origin };
        self.ops.set_seed(self.dev(), self.seed);
        self.ops.insert(self.dev(), op.clone(), Arrival::LOCAL);
        self.unsent.push(op);
        dseq
    }

    pub(crate) fn create(&mut self, audit: Uuid, pin: &CreateValue) -> u64 {
        self.write(Kind::Create, audit, 1, "", Some(payload::to_value(pin).unwrap()))
    }

    pub(crate) fn set(&mut self, audit: Uuid, round: u32, field: &str, answer: &str) -> u64 {
        self.write(Kind::Set, audit, round, field, Some(Bytes::from(format!("\"{answer}\"").as_str())))
    }

    pub(crate) fn submit(&mut self, audit: Uuid, round: u32) -> u64 {
        let value = content::submit_value(&self.ops, &self.ops.view());
        self.write(Kind::Submit, audit, round, "", Some(payload::to_value(&value).unwrap()))
    }

    /// A whole visit, handed in.
    pub(crate) fn fill_in(&mut self, audit: Uuid, pin: &CreateValue) {
        self.create(audit, pin);
        self.set(audit, 1, "A01", "yes");
        self.set(audit, 1, "A02", "no");
        self.submit(audit, 1);
    }

    /// Ops as a segment after a point of the log, signed with a key for an organization and an epoch.
    pub(crate) fn signed(
        &self,
        key: &SigningKey,
        org: Uuid,
        epoch: u64,
        prev: Head,
        ops: &[Op],
    ) -> (Segment, Head) {
        let alg = self.key.public_key().alg;
        let (mut segment, last) = Segment::unsigned(self.dev(), prev, ops, alg, |_| Some(self.seed)).unwrap();
        segment.sig = Bytes::from(key.sign(&signing_bytes(&org, &self.dev(), epoch, segment.first, &last)));
        (segment, last)
    }

    pub(crate) fn segment(&self, prev: Head, ops: &[Op]) -> (Segment, Head) {
        self.signed(&self.key, self.enrolment.org, self.enrolment.epoch, prev, ops)
    }

    /// What was not sent, as one segment that counts as sent.
    pub(crate) fn take(&mut self) -> Segment {
        let ops = std::mem::take(&mut self.unsent);
        let (segment, last) = self.segment(self.head, &ops);
        self.head = last;
        segment
    }

    pub(crate) fn request(&self, push: Vec<Segment>) -> Request {
        let (dev, epoch, hello) = (self.dev(), Some(self.enrolment.epoch), Hello::default());
        let (pull, relay, receipts) = (vec![], vec![], vec![]);
        let push = push.iter().map(|it| SealedSegment::of(it, Effort::Quick).unwrap()).collect();
        Request { proto: PROTO, app_build: 1, dev, epoch, hello, push, pull, relay, receipts }
    }

    pub(crate) fn push(&mut self) -> Request {
        let segment = self.take();
        self.request(vec![segment])
    }

    pub(crate) fn pull(&self, stream: StreamId) -> Request {
        let pull = Pull { stream, after: 0, f: Hash::ZERO, limit_bytes: 1 << 20, marks: Vec::new() };
        Request { pull: vec![pull], ..self.request(Vec::new()) }
    }

    /// The own stream of the user, from its beginning.
    pub(crate) async fn read(&mut self, scene: &Scene) -> Page {
        let request = self.pull(StreamId::User(self.enrolment.user));
        let response = scene.done(self, &request).await;
        let [page] = <[Page; 1]>::try_from(response.pull).unwrap();
        for item in &page.items {
            if let Nested::Known(Body::Ops(run)) = &item.body {
                let arrival = Arrival { recv_ms: Some(item.recv_ms), server: run.server };
                for op in run.ops.unpack(run.dseq_first).unwrap() {
                    self.ops.insert(run.dev, op, arrival);
                }
                run.ops.audits.iter().for_each(|it| self.ops.set_seed(run.dev, it.1.unwrap()));
            }
        }
        page
    }
}

/// The feed's hash recomputed over a page that begins the stream.
fn hash_of(page: &Page) -> Hash {
    page.items.iter().fold(Hash::ZERO, |f, it| feed_hash(&f, &it.h, it.last, it.recv_ms))
}

/// The ops that others wrote.
fn relayed(page: &Page) -> Vec<(bool, Op)> {
    pages::runs(page)
        .flat_map(|run| run.ops.unpack(run.dseq_first).unwrap().into_iter().map(|op| (run.server, op)))
        .collect()
}

pub(crate) fn outcomes(response: &Response) -> Vec<(u64, OutcomeKind, &str)> {
    response.outcomes.iter().map(|it| (it.dseq, it.kind, it.reason.as_str())).collect()
}

async fn a_pushed_visit_is_stored_folded_and_stands_submitted_before_the_reviewer(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    let response = scene.done(&phone, &request).await;
    assert_eq!((response.dev_head, response.epoch), (phone.head, 1));
    assert_eq!(outcomes(&response), []);
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["round"]), (&json!("submitted"), &json!(1)));
    assert_eq!(seen["visit_date"], "2026-11-21");
    let items = seen["sections"][0]["items"].as_array().unwrap();
    assert_eq!((&items[0]["answer"], &items[1]["answer"]), (&json!("yes"), &json!("no")));
    let commands: Vec<&str> =
        seen["events"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["start", "submit"]);
    scene.review(audit, "claim", json!({})).await.expect_json();
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!((&approved["state"], &approved["final"]), (&json!("approved"), &json!("50.00")));
}

#[actix_web::test]
async fn a_phone_whose_clock_is_years_ahead_is_believed_no_further_than_five_minutes() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.last_hlc = hlc::at_ms(MS + 5 * 365 * 86_400_000);
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    let response = scene.done(&phone, &request).await;
    assert_eq!(response.dev_head, phone.head);
    assert_eq!(outcomes(&response), [1, 2, 3, 4].map(|it| (it, OutcomeKind::Other, "clock_suspect")));
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["visit_date"]), (&json!("submitted"), &json!("2026-11-21")));
    // It was received a second after its clock was right, and every event is dated near that.
    let (org, audit) = (scene.office.org, domain::ids::AuditId(audit));
    let events = scene.office.app.db.read(|tx| db::audits::list_events(tx, org, audit)).unwrap();
    let latest = (MS + 1_000 + hlc::MAX_AHEAD_MS).cast_signed() * 1_000;
    assert!(events.iter().all(|it| it.device_at.unwrap().0 <= latest), "{events:?}");
}

async fn the_same_push_again_changes_nothing(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    let first = scene.done(&phone, &request).await;
    let before = scene.stored();
    scene.office.clock.advance_seconds(60);
    let again = scene.done(&phone, &request).await;
    assert_eq!(again.dev_head, first.dev_head);
    assert_eq!(scene.stored(), before);
}

async fn of_a_push_that_overlaps_the_log_only_the_rest_is_stored(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let all = phone.unsent.clone();
    let (first, _) = phone.segment(Head::EMPTY, &all[..2]);
    scene.done(&phone, &phone.request(vec![first])).await;
    let (whole, last) = phone.segment(Head::EMPTY, &all);
    let response = scene.done(&phone, &phone.request(vec![whole])).await;
    assert_eq!(response.dev_head, last);
    assert_eq!(scene.visit(audit).await["state"], "submitted");
    let (org, dev) = (scene.office.org, phone.dev());
    let rows = scene.office.app.db.read(|tx| db::devices::list_segments(tx, org, dev, 0, 10)).unwrap().items;
    let ranges: Vec<(u64, u64)> = rows.iter().map(|it| (it.first_dseq, it.last_dseq)).collect();
    assert_eq!(ranges, [(1, 2), (3, 4)]);
    // A later push may begin inside what is held, in any of its rows.
    phone.unsent.clear();
    phone.head = last;
    phone.write(Kind::Note, audit, 1, "", Some(Bytes::from("seen")));
    let (inside, _) = phone.segment(Head::EMPTY, &[&all[..], &phone.unsent].concat());
    assert_eq!(scene.done(&phone, &phone.request(vec![inside])).await.dev_head.dseq, 5);
    let mut other = scene.phone(2).await;
    let page = other.read(&scene).await;
    let positions: Vec<u64> = relayed(&page).iter().map(|it| it.1.dseq).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5]);
    assert_eq!(hash_of(&page), page.f);
}

#[actix_web::test]
async fn segments_that_follow_each_other_in_one_push_are_all_stored() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    let one = phone.take();
    phone.set(audit, 1, "A01", "yes");
    let two = phone.take();
    phone.set(audit, 1, "A02", "yes");
    phone.submit(audit, 1);
    let three = phone.take();
    let response = scene.done(&phone, &phone.request(vec![one, two, three])).await;
    assert_eq!((response.dev_head.dseq, outcomes(&response)), (4, vec![]));
    assert_eq!(scene.visit(audit).await["state"], "submitted");
}

#[actix_web::test]
async fn a_signature_that_does_not_hold_stores_nothing_not_even_the_good_segment_before_it() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let before = scene.stored();
    let (ops, epoch, org) = (phone.unsent.clone(), phone.enrolment.epoch, phone.enrolment.org);
    let other_key = SigningKey::from_secret(&[99; 32]);
    let (by_another, _) = phone.signed(&other_key, org, epoch, Head::EMPTY, &ops);
    let (for_another, _) = phone.signed(&phone.key, scene.auditor.id.0, epoch, Head::EMPTY, &ops);
    let (of_another_epoch, _) = phone.signed(&phone.key, org, epoch + 1, Head::EMPTY, &ops);
    let mut other_ops = ops.clone();
    other_ops[1].value = Some(Bytes::from("\"no\""));
    let (mut altered, _) = phone.segment(Head::EMPTY, &other_ops);
    altered.sig = phone.segment(Head::EMPTY, &ops).0.sig;
    for segment in [by_another, for_another, of_another_epoch, altered] {
        let (status, refusal) = scene.refused(&phone.enrolment.token, &phone.request(vec![segment])).await;
        assert_eq!((status, refusal.code), (422, RefusalCode::Invalid));
        assert_eq!(refusal.reason, "bad_signature");
    }
    let (good, head) = phone.segment(Head::EMPTY, &ops[..2]);
    let (mut bad, _) = phone.segment(head, &ops[2..]);
    bad.sig = good.sig.clone();
    let (status, refusal) = scene.refused(&phone.enrolment.token, &phone.request(vec![good, bad])).await;
    assert_eq!((status, refusal.reason.as_str()), (422, "bad_signature"));
    assert_eq!(scene.stored(), before);
}

async fn what_does_not_continue_the_log_is_refused_with_the_head_that_is_held(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let ops = phone.unsent.clone();
    let (two, held) = phone.segment(Head::EMPTY, &ops[..2]);
    scene.done(&phone, &phone.request(vec![two])).await;
    let before = scene.stored();
    let (_, third) = phone.segment(held, &ops[2..3]);
    let (gap, _) = phone.segment(third, &ops[3..]);
    let mut others = ops.clone();
    others[1].value = Some(Bytes::from("\"no\""));
    let (fork, _) = phone.segment(Head::EMPTY, &others);
    let (same_length, _) = phone.segment(Head::EMPTY, &others[..2]);
    let (mismatch, _) = phone.segment(Head { dseq: 2, h: Hash::of(b"other") }, &ops[2..]);
    let cases = [
        (gap, RefusalCode::Gap),
        (fork, RefusalCode::Fork),
        (same_length, RefusalCode::Fork),
        (mismatch, RefusalCode::PrevMismatch),
    ];
    for (segment, code) in cases {
        let (status, refusal) = scene.refused(&phone.enrolment.token, &phone.request(vec![segment])).await;
        assert_eq!((status, refusal.code, refusal.dev_head), (409, code, Some(held)));
    }
    assert_eq!(scene.stored(), before);
}

#[actix_web::test]
async fn a_push_for_another_epoch_or_for_none_is_refused() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    let before = scene.stored();
    let other = Request { epoch: Some(2), ..request.clone() };
    let (status, refusal) = scene.refused(&phone.enrolment.token, &other).await;
    assert_eq!((status, refusal.code, refusal.epoch), (410, RefusalCode::Epoch, Some(1)));
    let none = Request { epoch: None, ..request.clone() };
    let (status, refusal) = scene.refused(&phone.enrolment.token, &none).await;
    assert_eq!((status, refusal.code), (422, RefusalCode::Invalid));
    let first_contact = Request { epoch: None, push: Vec::new(), ..request.clone() };
    assert_eq!(scene.done(&phone, &first_contact).await.epoch, 1);
    let unknown = Request { proto: 99, ..request };
    let (status, refusal) = scene.refused(&phone.enrolment.token, &unknown).await;
    assert_eq!((status, refusal.code), (426, RefusalCode::Upgrade));
    assert_eq!(scene.stored(), before);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[actix_web::test]
async fn a_body_that_cannot_be_read_is_refused_in_cbor_and_stores_nothing() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let good = codec::to_cbor(&phone.push()).unwrap();
    let before = scene.stored();
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 5].to_vec();
    let bomb = vec![0; 40 << 20];
    let cases = [
        ("", b"not CBOR".to_vec(), 400),
        ("", Vec::new(), 400),
        ("", cut(&good), 400),
        ("", [&good[..], &[0]].concat(), 400),
        ("zstd", cut(&zstd::bulk::compress(&good, 1).unwrap()), 400),
        ("zstd", good.clone(), 400),
        ("gzip", cut(&gzip(&good)), 400),
        ("gzip", good.clone(), 400),
        ("br", good.clone(), 400),
        ("zstd", zstd::bulk::compress(&bomb, 1).unwrap(), 413),
        ("gzip", gzip(&bomb), 413),
        ("", bomb, 413),
    ];
    for (number, (encoding, body, status)) in cases.into_iter().enumerate() {
        let answer = scene.post(&phone.enrolment.token, CBOR, encoding, body).await;
        let Reply::Refused(refusal) = reply(&answer) else { panic!("case {number} was taken") };
        assert_eq!((answer.status.as_u16(), refusal.code.status()), (status, status), "case {number}");
        assert_eq!(scene.stored(), before, "case {number}");
    }
}

#[actix_web::test]
async fn a_body_may_be_packed_and_the_answer_is_packed_as_it_was_asked_for() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    for encoding in ["zstd", "gzip"] {
        phone.ops = AuditOps::new();
        let audit = scene.new_audit();
        phone.fill_in(audit, &scene.pin());
        let plain = codec::to_cbor(&phone.push()).unwrap();
        let body = if encoding == "zstd" { zstd::bulk::compress(&plain, 1).unwrap() } else { gzip(&plain) };
        let answer = scene.post(&phone.enrolment.token, CBOR, encoding, body).await;
        let Reply::Done(response) = reply(&answer) else { panic!("{encoding}: {:?}", reply(&answer)) };
        assert_eq!(response.dev_head, phone.head, "{encoding}");
        assert_eq!(scene.visit(audit).await["state"], "submitted");
    }
    let stream = StreamId::Reference(scene.office.org.0);
    let call = scene.office.post("/sync/v1/exchange").bearer(&phone.enrolment.token);
    let call = call.header("Content-Type", CBOR).header("Accept-Encoding", "zstd");
    let answer = call.body(codec::to_cbor(&phone.pull(stream)).unwrap()).send().await;
    assert_eq!(answer.headers.get("content-encoding").unwrap(), "zstd");
    let bytes = zstd::bulk::decompress(&answer.body, 32 << 20).unwrap();
    assert!(matches!(codec::from_cbor(&bytes), Ok(Reply::Done(_))));
}

#[actix_web::test]
async fn the_json_of_debugging_does_the_same_with_the_same_types() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let mut request = phone.push();
    request.pull = phone.pull(StreamId::User(phone.enrolment.user)).pull;
    let body = codec::to_json(&request).unwrap();
    let answer = scene.post(&phone.enrolment.token, "application/json", "", body).await;
    assert_eq!(answer.headers.get("content-type").unwrap(), "application/json");
    let Reply::Done(response) = codec::from_json(&answer.body).unwrap() else { panic!("{answer:?}") };
    assert_eq!(response.dev_head, phone.head);
    assert_eq!(response.pull[0].items[0].body, Nested::Known(Body::Own { dseq_first: 1 }));
    assert_eq!(scene.visit(audit).await["state"], "submitted");
    let body = b"{}".to_vec();
    let answer = scene.post(&phone.enrolment.token, "application/json", "", body).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert!(matches!(codec::from_json(&answer.body), Ok(Reply::Refused(_))));
}

#[actix_web::test]
async fn only_the_enrolled_device_with_its_own_session_may_speak() {
    let scene = Scene::open().await;
    let (mut phone, second) = (scene.phone(1).await, scene.phone(2).await);
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    let office = &scene.office;
    let elsewhere = office.other_organization("other");
    let everywhere = Scope::Organization;
    let other_admin = office.person_of(elsewhere, &[(Role::Admin, everywhere)]);
    let other_auditor = office.person_of(elsewhere, &[(Role::Auditor, everywhere)]);
    let stranger = Phone::enrol(office, &other_admin, &other_auditor, 3).await;
    let before = scene.stored();
    let none = office.post("/sync/v1/exchange").header("Content-Type", CBOR);
    let none = none.body(codec::to_cbor(&request).unwrap()).send().await;
    let Reply::Refused(refusal) = reply(&none) else { panic!("taken without a token") };
    assert_eq!((none.status.as_u16(), refusal.code), (401, RefusalCode::Unauthorized));
    let tokens = [
        ("unknown", "no-such-token"),
        ("of a person", scene.auditor.token.as_str()),
        ("of another device", second.enrolment.token.as_str()),
        ("of another organization", stranger.enrolment.token.as_str()),
    ];
    for (name, token) in tokens {
        let (status, refusal) = scene.refused(token, &request).await;
        assert_eq!((status, refusal.code), (401, RefusalCode::Unauthorized), "{name}");
    }
    let revoke = format!("/api/v1/devices/{}/revoke", second.dev());
    office.post(&revoke).by(&scene.admin).send().await.expect_json();
    let (status, refusal) = scene.refused(&second.enrolment.token, &second.request(vec![])).await;
    assert_eq!((status, refusal.code), (401, RefusalCode::Unauthorized));
    office.clock.advance_seconds(401 * 24 * 3600);
    let (status, refusal) = scene.refused(&phone.enrolment.token, &request).await;
    assert_eq!((status, refusal.code), (401, RefusalCode::Unauthorized));
    let stored = scene.stored();
    assert_eq!(stored, before);
}

async fn what_may_not_be_applied_is_stored_acknowledged_and_set_aside_with_its_reason(database: Database) {
    let scene = Scene::over(database).await;
    let office = &scene.office;
    let elsewhere: OrgId = office.other_organization("other");
    let of_other = |role| office.person_of(elsewhere, &[(role, Scope::Organization)]);
    let (other_manager, other_auditor) = (of_other(Role::ProgrammeManager), of_other(Role::Auditor));
    let foreign_branch = branch_of(office, &other_manager, "X1").await;
    let foreign_assignment = assignment_of(office, &other_manager, foreign_branch, &other_auditor).await;
    let colleague = office.person(Role::Auditor);
    let theirs = assignment_of(office, &scene.manager, scene.branch, &colleague).await;
    let mine = assignment_of(office, &scene.manager, scene.branch, &scene.auditor).await;
    let south = branch_of(office, &scene.manager, "B2").await;
    let mut their_phone = Phone::enrol(office, &scene.admin, &colleague, 9).await;
    let their_audit = scene.new_audit();
    their_phone.fill_in(their_audit, &scene.pin());
    let request = their_phone.push();
    scene.done(&their_phone, &request).await;
    let untouched = scene.visit(their_audit).await;

    let audit_of = |id: Uuid| audit_of_assignment(AssignmentId(id)).0;
    let pin = scene.pin();
    let of = |id: Uuid| CreateValue { assignment: Some(id), content_hash: banking(), ..scene.pin() };
    let new = || scene.new_audit();
    let cases: [(&str, Uuid, Option<CreateValue>); 10] = [
        ("unknown_branch", new(), Some(CreateValue { branch: new(), ..pin.clone() })),
        ("unknown_branch", new(), Some(CreateValue { branch: foreign_branch, ..pin.clone() })),
        ("unknown_template", new(), Some(CreateValue { content_hash: Hash::of(b"?"), ..pin.clone() })),
        ("unknown_assignment", audit_of(foreign_assignment), Some(of(foreign_assignment))),
        ("foreign_assignment", audit_of(theirs), Some(of(theirs))),
        ("audit_of_another_assignment", new(), Some(of(mine))),
        ("audit_of_another_assignment", audit_of(mine), Some(CreateValue { branch: south, ..of(mine) })),
        (
            "template_of_another_assignment",
            audit_of(mine),
            Some(CreateValue { assignment: Some(mine), ..pin.clone() }),
        ),
        ("audit_without_create", new(), None),
        ("foreign_audit", their_audit, None),
    ];
    let mut phone = scene.phone(1).await;
    let mut expected = Vec::new();
    for (reason, audit, pin) in cases {
        phone.ops = AuditOps::new();
        let first = pin.map(|pin| phone.create(audit, &pin));
        let second = phone.set(audit, 1, "A01", "no");
        let request = phone.push();
        let response = scene.done(&phone, &request).await;
        assert_eq!(response.dev_head, phone.head, "{reason}");
        let positions: Vec<u64> = first.into_iter().chain([second]).collect();
        let told: Vec<_> = positions.iter().map(|it| (*it, OutcomeKind::Quarantined, reason)).collect();
        assert_eq!(outcomes(&response), told);
        expected.extend(positions.iter().map(|it| (*it, audit, reason.to_owned())));
        let again = scene.done(&phone, &request).await;
        assert_eq!(again.dev_head, phone.head, "{reason}");
    }
    assert_eq!(scene.quarantine(), expected);
    assert_eq!(scene.visit(their_audit).await, untouched);
    // One that stands beside them is taken, and what was set aside before takes nothing from it.
    phone.ops = AuditOps::new();
    let good = scene.new_audit();
    phone.fill_in(good, &scene.pin());
    phone.ops = AuditOps::new();
    phone.create(audit_of(mine), &of(mine));
    let request = phone.push();
    assert_eq!(outcomes(&scene.done(&phone, &request).await), []);
    assert_eq!(scene.visit(good).await["state"], "submitted");
    assert_eq!(scene.visit(audit_of(mine)).await["state"], "in_progress");
    let all = office.get("/api/v1/visits").by(&scene.reviewer).send().await.expect_json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
}

async fn own_ops_come_back_as_ranges_and_the_other_device_of_the_user_gets_them_whole(database: Database) {
    let scene = Scene::over(database).await;
    assignment_of(&scene.office, &scene.manager, scene.branch, &scene.auditor).await;
    let (mut phone, mut second, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let written = phone.unsent.clone();
    let request = phone.push();
    scene.done(&phone, &request).await;
    let own = phone.read(&scene).await;
    assert_eq!((hash_of(&own), own.more), (own.f, false));
    let last = own.items.last().unwrap();
    assert_eq!(last.body, Nested::Known(Body::Own { dseq_first: 1 }));
    assert_eq!((last.last - last.first + 1, last.h, own.next), (4, phone.head.h, last.last));
    let theirs = second.read(&scene).await;
    assert_eq!((theirs.f, theirs.next, hash_of(&theirs)), (own.f, own.next, own.f));
    let ops: Vec<Op> = relayed(&theirs).into_iter().map(|it| it.1).collect();
    assert_eq!(ops, written);
    // The chain of the author can be recomputed from what was relayed.
    let Nested::Known(Body::Ops(run)) = &theirs.items.last().unwrap().body else { panic!("no run") };
    let mut chain = Chain::new();
    run.ops.audits.iter().for_each(|it| chain.set_seed(it.0, &it.1.unwrap()));
    let h = ops.iter().fold(Hash::ZERO, |h, op| chain.link(&h, op).unwrap());
    assert_eq!((h, run.key.clone()), (phone.head.h, Some(phone.key.public_key())));
    assert_eq!(second.ops.view().answer("A02"), Some(&b"\"no\""[..]));
    // Page by page comes to the same.
    let (mut after, mut f, mut items) = (0, Hash::ZERO, Vec::new());
    loop {
        let mut request = second.pull(StreamId::User(scene.auditor.id.0));
        request.pull[0] = Pull { after, f, limit_bytes: 1, ..request.pull[0].clone() };
        let page = scene.done(&second, &request).await.pull.remove(0);
        assert!(!page.items.is_empty());
        (after, f) = (page.next, page.f);
        items.extend(page.items);
        if !page.more {
            break;
        }
    }
    assert_eq!((items, f), (theirs.items, theirs.f));
}

#[actix_web::test]
async fn the_stream_of_another_user_or_organization_is_not_served() {
    let scene = Scene::open().await;
    let (phone, colleague) = (scene.phone(1).await, scene.office.person(Role::Auditor));
    assignment_of(&scene.office, &scene.manager, scene.branch, &colleague).await;
    let elsewhere = scene.office.other_organization("other");
    for stream in [StreamId::User(colleague.id.0), StreamId::Reference(elsewhere.0)] {
        let response = scene.done(&phone, &phone.pull(stream)).await;
        assert_eq!(response.pull, []);
    }
    let own = scene.done(&phone, &phone.pull(StreamId::Reference(scene.office.org.0))).await;
    assert!(!own.pull[0].items.is_empty());
}

async fn a_return_reaches_the_auditor_the_next_round_is_taken_and_the_old_one_is_late(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    let order = json!({"items": [{"item": "A02", "reason": "the photo shows a ramp"}], "deadline": "2026-11-25T00:00:00Z"});
    scene.review(audit, "return", order).await.expect_json();
    assert_eq!(scene.visit(audit).await["state"], "returned");
    let page = phone.read(&scene).await;
    assert_eq!(hash_of(&page), page.f);
    let told = relayed(&page);
    let [(true, op)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((op.kind, op.audit, op.round), (Kind::Return, audit, 2));
    let value: ReturnValue = payload::of_op(op).unwrap();
    assert_eq!(value.items[0].field, "A02");
    assert_eq!(value.submit, Some(OpId::new(phone.dev(), 4)));
    phone.set(audit, 2, "A02", "yes");
    phone.submit(audit, 2);
    let request = phone.push();
    assert_eq!(outcomes(&scene.done(&phone, &request).await), []);
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["round"]), (&json!("submitted"), &json!(2)));
    let late = phone.set(audit, 1, "A01", "no");
    let request = phone.push();
    let response = scene.done(&phone, &request).await;
    assert_eq!(outcomes(&response), [(late, OutcomeKind::Late, "late")]);
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["late_ops"]), (&json!("submitted"), &json!(1)));
    assert_eq!(seen["sections"][0]["items"][0]["answer"], "yes");
    scene.review(audit, "claim", json!({})).await.expect_json();
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["final"], "100.00");
    let page = phone.read(&scene).await;
    assert_eq!(relayed(&page).last().unwrap().1.kind, Kind::Approve);
    assert_eq!(hash_of(&page), page.f);
}

#[actix_web::test]
async fn nothing_is_approved_while_two_devices_disagree_on_a_field() {
    let scene = Scene::open().await;
    let (mut phone, mut second, audit) = (scene.phone(1).await, scene.phone(2).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "yes");
    let request = phone.push();
    scene.done(&phone, &request).await;
    let other = second.set(audit, 1, "A01", "no");
    let request = second.push();
    let response = scene.done(&second, &request).await;
    assert_eq!(outcomes(&response), [(other, OutcomeKind::Conflict, "conflict")]);
    phone.read(&scene).await;
    phone.submit(audit, 1);
    let request = phone.push();
    scene.done(&phone, &request).await;
    assert_eq!(scene.visit(audit).await["open_conflicts"], 1);
    scene.review(audit, "claim", json!({})).await.expect_json();
    let refused = scene.review(audit, "approve", json!({})).await;
    assert_eq!(refused.outcome(), (422, "guard_failed".to_owned()));
    assert!(refused.fields().iter().any(|it| it.1 == "conflicts_open"), "{:?}", refused.fields());
    let order = json!({"items": [{"item": "A01", "reason": "which?"}], "deadline": "2026-11-25T00:00:00Z"});
    scene.review(audit, "return", order).await.expect_json();
    phone.read(&scene).await;
    phone.write(Kind::Resolve, audit, 2, "A01", Some(Bytes::from("\"yes\"")));
    phone.submit(audit, 2);
    let request = phone.push();
    assert_eq!(outcomes(&scene.done(&phone, &request).await), []);
    scene.review(audit, "claim", json!({})).await.expect_json();
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["final"], "100.00");
}

#[actix_web::test]
async fn what_only_the_server_may_order_does_nothing_in_a_devices_log() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let submit = OpId::new(phone.dev(), 4);
    let value = payload::to_value(&payload::ApproveValue { submit }).unwrap();
    phone.write(Kind::Approve, audit, 1, "", Some(value));
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.dev_head, phone.head);
    let seen = scene.visit(audit).await;
    assert_eq!((&seen["state"], &seen["scores"]), (&json!("submitted"), &json!([])));
    let (org, id) = (scene.office.org, AuditId(audit));
    let row = scene.office.app.db.read(|tx| db::audits::find(tx, org, id)).unwrap().unwrap();
    assert_eq!(row.decided_by, None);
}
