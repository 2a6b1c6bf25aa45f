//! What phones of each released version of the wire pushed: today's office takes it in, whatever their build may still read.

use crate::exchange::CBOR;
use db::{
    Hidden, Micros,
    content::{ContentKind, ContentVersion},
    devices::{Device, DeviceKind, DeviceState},
    organizations::{Organization, ServerKey},
    programmes::Assignment,
    reference::Branch,
    users::{RoleGrant, User},
};
use domain::{
    access::{Role, Scope},
    date::Date,
    ids::{AssignmentId, AuditId, BranchId, OrgId, UserId, audit_of_assignment},
    lifecycle::{State, VersionState},
};
use serde::Serialize;
use serde_json::json;
use server::testing::TestOffice;
use std::{collections::BTreeMap, fs, path::Path};
use sync_core::{
    Algorithm, DeviceId, Hash, PublicKey,
    codec::{self, Nested},
    exchange::{
        Body, Hello, Item, Mark, OutcomeKind, Page, Pull, Refusal, RefusalCode, Reply, Request, Response,
        StreamId,
    },
    ingest::Enrolment,
    op::Opening,
    receipt::Receipt,
    renew::SuccessionRequest,
    signature::SigningKey,
};
use uuid::Uuid;

const USER: Uuid = Uuid::from_u128(11);
const ASSIGNMENT: AssignmentId = AssignmentId(Uuid::from_u128(31));
const FIRST_EPOCH: u64 = 7;
const RESTORED_EPOCH: u64 = 8;
/// The key with which the recorded office signed first.
const FIRST_SECRET: [u8; 32] = [9; 32];
/// After all that was recorded.
const LATER_MS: i64 = 1_800_000_600_000;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recorded/wire-1")
}

fn file(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

/// A request with its reply, and when it was said: nothing, `lost` after the copy of the office, `restored` after that took its place.
struct Said {
    name: String,
    when: &'static str,
    request: Request,
    reply: Reply,
}

/// What phones asked, in the order in which it was said.
fn recorded() -> Vec<Said> {
    let entries = fs::read_dir(folder().join("exchange")).unwrap();
    let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|it| it.ends_with("-request.cbor"));
    names.sort();
    let read = |name: String| {
        let request = codec::from_cbor(&file(&format!("exchange/{name}"))).unwrap();
        let reply =
            codec::from_cbor(&file(&format!("exchange/{}", name.replace("request", "reply")))).unwrap();
        let when = ["lost", "restored"].into_iter().find(|it| name.contains(it)).unwrap_or_default();
        Said { name, when, request, reply }
    };
    names.into_iter().map(read).collect()
}

fn first_push() -> Said {
    recorded().into_iter().find(|it| !it.request.push.is_empty()).unwrap()
}

/// An office that is the one of the recording: the same organization, person, devices and checklist.
async fn office() -> TestOffice {
    let mut office = TestOffice::open().await;
    let enrolment: Enrolment = serde_json::from_slice(&file("messages/enrolment.json")).unwrap();
    let (org, user, epoch) = (OrgId(enrolment.org), UserId(enrolment.user), enrolment.epoch);
    office.clock.set_millis(LATER_MS);
    let (now, template) = (office.app.now(), file("template.json"));
    let write = move |tx: &mut db::Tx<'_>| {
        store_organization(tx, org, epoch, now)?;
        store_people(tx, org, user, now)?;
        store_work(tx, org, user, (now, &template))
    };
    office.app.db.write(write).unwrap();
    office.org = org;
    office
}

/// The organization with the key that signed in the recording.
fn store_organization(tx: &mut db::Tx<'_>, org: OrgId, epoch: u64, now: Micros) -> Result<(), db::DbError> {
    let organization = Organization {
        org_id: org,
        slug: "recorded".to_owned(),
        name: "Recorded".to_owned(),
        locale: "es-MX".to_owned(),
        zone: "America/Mexico_City".to_owned(),
        created_at: now,
    };
    db::organizations::append(tx, &organization)?;
    store_key(tx, org, FIRST_SECRET, now)?;
    db::organizations::put_meta(tx, "epoch", &epoch.to_be_bytes())
}

/// A key of the office, which signs from now on.
fn store_key(tx: &mut db::Tx<'_>, org: OrgId, secret: [u8; 32], now: Micros) -> Result<(), db::DbError> {
    let key = SigningKey::from_secret(&secret).public_key();
    let server_key = ServerKey {
        dev: key.device(),
        alg: Algorithm::Ed25519,
        public_key: key.key.to_vec(),
        secret_key: Hidden(secret.to_vec()),
        created_at: now,
    };
    db::organizations::append_server_key(tx, org, &server_key)?;
    db::devices::append(tx, org, &device(&key, DeviceKind::Server, (None, "server"), now))
}

fn device(key: &PublicKey, kind: DeviceKind, (user_id, name): (Option<UserId>, &str), now: Micros) -> Device {
    Device {
        dev: key.device(),
        user_id,
        kind,
        alg: key.alg,
        public_key: key.key.to_vec(),
        name: name.to_owned(),
        state: DeviceState::Active,
        enrolled_at: now,
        revoked_at: None,
    }
}

/// The auditor with both phones, whose tokens are their names.
fn store_people(tx: &mut db::Tx<'_>, org: OrgId, user: UserId, now: Micros) -> Result<(), db::DbError> {
    let person = User {
        user_id: user,
        login: "auditor".to_owned(),
        name: "Auditor".to_owned(),
        password_hash: Hidden(String::new()),
        active: true,
        created_at: now,
    };
    db::users::append(tx, org, &person)?;
    let (role, scope) = (Role::Auditor, Scope::Organization);
    let grant = RoleGrant { user_id: user, role, scope, granted_by: None, granted_at: now };
    db::users::grant_role(tx, org, &grant)?;
    for (secret, name) in [([1; 32], "a"), ([2; 32], "b")] {
        let key = SigningKey::from_secret(&secret).public_key();
        db::devices::append(tx, org, &device(&key, DeviceKind::Phone, (Some(user), name), now))?;
        let session = db::sessions::Session {
            token_hash: Hash::of(name.as_bytes()),
            user_id: user,
            dev: Some(key.device()),
            created_at: now,
            expires_at: Micros(now.0 + 1_000_000_000_000),
            revoked_at: None,
            awaits_factor: false,
            proved_at: None,
        };
        db::sessions::append(tx, org, &session)?;
    }
    Ok(())
}

/// The checklist, the branch and the assignment.
fn store_work(
    tx: &mut db::Tx<'_>,
    org: OrgId,
    user: UserId,
    (now, template): (Micros, &[u8]),
) -> Result<(), db::DbError> {
    let template_hash = Hash::of(template);
    let content = ContentVersion {
        kind: ContentKind::Checklist,
        content_id: "small".to_owned(),
        version: 1,
        hash: template_hash,
        canonical_json: String::from_utf8(template.to_vec()).unwrap(),
        state: VersionState::Released,
        created_at: now,
        released_at: Some(now),
    };
    db::content::append(tx, org, &content)?;
    let branch_id = BranchId(Uuid::from_u128(21));
    let branch = Branch {
        branch_id,
        region_id: None,
        code: "B1".to_owned(),
        name: "One".to_owned(),
        latitude_e7: None,
        longitude_e7: None,
        zone: "America/Mexico_City".to_owned(),
        target_hundredths: None,
        active: true,
    };
    db::reference::upsert_branches(tx, org, &[branch])?;
    let assignment_id = ASSIGNMENT;
    let assignment = Assignment {
        assignment_id,
        wave_id: None,
        branch_id,
        auditor_id: user,
        template_id: "small".to_owned(),
        template_version: 1,
        template_hash,
        window_from: Date::parse("2020-01-01").unwrap(),
        window_to: Date::parse("2099-12-31").unwrap(),
        state: State::Accepted,
        audit_id: audit_of_assignment(assignment_id),
        created_at: now,
        declined_for: None,
    };
    db::programmes::append_assignments(tx, org, &[assignment])
}

/// The office at the other end of the recording, and the tokens of its devices.
struct Replay {
    office: TestOffice,
    kind: &'static str,
    tokens: BTreeMap<DeviceId, String>,
}

impl Replay {
    async fn open(kind: &'static str) -> Self {
        let office = office().await;
        let dev = |secret| SigningKey::from_secret(&secret).public_key().device();
        let tokens = BTreeMap::from([(dev([1; 32]), "a".to_owned()), (dev([2; 32]), "b".to_owned())]);
        Self { office, kind, tokens }
    }

    fn written(&self, message: &impl Serialize) -> Vec<u8> {
        let written = if self.kind == CBOR { codec::to_cbor(message) } else { codec::to_json(message) };
        written.unwrap()
    }

    async fn send(&self, request: &Request) -> (u16, Reply) {
        let call = self.office.post("/sync/v1/exchange").bearer(&self.tokens[&request.dev]);
        let call = call.header("Content-Type", self.kind).header("Accept", self.kind);
        let answer = call.body(self.written(request)).send().await;
        let read = if self.kind == CBOR { codec::from_cbor } else { codec::from_json };
        (answer.status.as_u16(), read(&answer.body).unwrap())
    }

    /// The copied phone says for whom it goes on, and is let in.
    async fn succeed(&mut self) {
        let request: SuccessionRequest = codec::from_cbor(&file("messages/succession-request.cbor")).unwrap();
        let then: Enrolment = codec::from_cbor(&file("messages/succession.cbor")).unwrap();
        let body = json!({ "key": request.key, "sig": request.sig, "former_sig": request.former_sig });
        let call = self.office.post("/api/v1/devices/succession").bearer(&self.tokens[&request.former]);
        let answer = call.json(&body).send().await;
        let now: Enrolment = serde_json::from_slice(&answer.body).unwrap();
        self.tokens.insert(request.key.device(), now.token.clone());
        // An office of then had no key for rescue files.
        assert_eq!(Enrolment { token: then.token.clone(), rescue_key: None, ..now }, then);
    }

    /// What the phone was told of its log then, it is told now; what only its own office can say may differ.
    async fn say(&mut self, said: &Said, request: &Request) -> Reply {
        if !self.tokens.contains_key(&request.dev) {
            self.succeed().await;
        }
        let (status, now) = self.send(request).await;
        match (&said.reply, &now) {
            (Reply::Done(then), Reply::Done(now)) => {
                let parts = |it: &Response| (it.epoch, it.dev_head, it.ended, it.receipt.is_some());
                assert_eq!((status, parts(now)), (200, parts(then)), "{}", said.name);
                let set_aside = now.outcomes.iter().filter(|it| it.kind == OutcomeKind::Quarantined);
                assert_eq!(set_aside.count() > 0, now.ended.is_some(), "{}: {:?}", said.name, now.outcomes);
            }
            (Reply::Refused(then), Reply::Refused(now)) => {
                let parts = |it: &Refusal| (it.code, it.dev_head, it.epoch, it.succession.is_some());
                assert_eq!((status, parts(now)), (then.code.status(), parts(then)), "{}", said.name);
            }
            (then, now) => panic!("{}: {now:?} and not {then:?}", said.name),
        }
        now
    }

    /// Sends what was said before the office was copied; how many segments that pushed.
    async fn until_the_copy(&mut self, change: impl Fn(&mut Request)) -> usize {
        let mut pushed = 0;
        for said in recorded().into_iter().filter(|it| it.when.is_empty()) {
            let mut request = said.request.clone();
            change(&mut request);
            self.say(&said, &request).await;
            pushed += request.push.len();
        }
        pushed
    }

    /// The office as a restore leaves it: another epoch and another key.
    fn restore(&self) {
        let (org, now, epoch) = (self.office.org, self.office.app.now(), RESTORED_EPOCH);
        let write = move |tx: &mut db::Tx<'_>| {
            let secret = sync_core::relay::server_secret(&FIRST_SECRET, epoch).unwrap();
            store_key(tx, org, secret, Micros(now.0 + 1))?;
            db::organizations::put_meta(tx, "epoch", &epoch.to_be_bytes())
        };
        self.office.app.db.write(write).unwrap();
    }

    /// Takes the device out of this name.
    fn take_out(&self, dev: DeviceId) {
        let (org, now) = (self.office.org, self.office.app.now());
        let write = move |tx: &mut db::Tx<'_>| {
            db::devices::revoke(tx, org, dev, now)?;
            db::sessions::revoke_all_of_device(tx, org, dev, now)
        };
        self.office.app.db.write(write).unwrap();
    }

    fn audit(&self, id: AuditId) -> db::audits::Audit {
        let org = self.office.org;
        self.office.app.db.read(|tx| db::audits::find(tx, org, id)).unwrap().unwrap()
    }

    /// A page of the user's stream for a phone.
    async fn page(&self, dev: DeviceId, epoch: u64, (from, limit_bytes): (Mark, u64)) -> Page {
        let Mark { after, f } = from;
        let stream = StreamId::User(USER);
        let pull = Pull { stream, after, f, limit_bytes, marks: Vec::new() };
        let first = recorded().remove(0).request;
        let hello = Hello::default();
        let request = Request { dev, epoch: Some(epoch), pull: vec![pull], push: vec![], hello, ..first };
        let (_, reply) = self.send(&request).await;
        let Reply::Done(mut done) = reply else { panic!("{reply:?}") };
        done.pull.remove(0)
    }
}

#[actix_web::test]
async fn every_push_of_a_released_version_is_taken_in_in_both_forms_and_read_on_from_a_cursor() {
    for kind in [CBOR, "application/json"] {
        let mut replay = Replay::open(kind).await;
        let pushed = replay.until_the_copy(|_| ()).await;
        assert!(pushed >= 4, "{pushed}");
        let audit = replay.audit(audit_of_assignment(ASSIGNMENT));
        assert_eq!((audit.auditor_id, audit.state), (UserId(USER), State::Submitted));
        // Each phone reads what the others brought, with bodies that are known since then, and goes on where it stood.
        for (dev, _) in replay.tokens.clone() {
            let all = replay.page(dev, FIRST_EPOCH, (Mark::START, 1 << 20)).await;
            assert!(!all.more && all.rewind.is_none());
            let ops = |it: &&Item| {
                matches!(it.body, Nested::Known(Body::Ops(_) | Body::Segment(_) | Body::Own { .. }))
            };
            assert!(all.items.iter().filter(ops).count() > 3);
            let one = replay.page(dev, FIRST_EPOCH, (Mark::START, 1)).await;
            assert!(one.more && one.items[..] == all.items[..one.items.len()]);
            let rest = replay.page(dev, FIRST_EPOCH, (Mark { after: one.next, f: one.f }, 1 << 20)).await;
            assert_eq!([one.items, rest.items].concat(), all.items);
            assert_eq!((rest.next, rest.f, rest.rewind), (all.next, all.f, None));
        }
    }
}

#[actix_web::test]
async fn a_build_that_may_no_longer_pull_still_pushes() {
    let mut replay = Replay::open(CBOR).await;
    replay.office = replay.office.with(|it| it.min_pull_build = 2).await;
    let Said { request, .. } = first_push();
    assert!(!request.pull.is_empty() && request.app_build == 1);
    let (status, reply) = replay.send(&request).await;
    let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
    assert_eq!((status, refusal.code, refusal.reason.as_str()), (426, RefusalCode::Upgrade, "app_too_old"));
    replay.until_the_copy(|it| it.pull.clear()).await;
    // A newer one reads.
    let newer = Request { app_build: 2, push: Vec::new(), ..request };
    let (status, reply) = replay.send(&newer).await;
    let Reply::Done(done) = reply else { panic!("{reply:?}") };
    assert_eq!((status, done.min_pull_build), (200, 2));
}

/// What phones said to an office that was set back: own logs again with the receipts for them, one with a value that the office
/// had redacted; its own words; the log of a phone that never comes again; and what a phone that is taken out has left.
#[actix_web::test]
async fn what_phones_of_a_released_version_bring_back_to_a_restored_office_is_taken_in_in_both_forms() {
    for kind in [CBOR, "application/json"] {
        let mut replay = Replay::open(kind).await;
        replay.until_the_copy(|_| ()).await;
        replay.restore();
        let (mut rewound, mut receipts) = (0, Vec::new());
        for said in recorded().into_iter().filter(|it| it.when == "restored") {
            if let Reply::Done(Response { ended: Some(_), .. }) = &said.reply {
                replay.take_out(said.request.dev);
            }
            receipts.extend(said.request.receipts.iter().cloned());
            if let Reply::Done(now) = replay.say(&said, &said.request).await {
                rewound += now.pull.iter().filter(|it| it.rewind.is_some()).count();
            }
        }
        assert!(rewound > 0, "no phone asked from a position that was lost");
        held_again(&replay, &receipts).await;
    }
}

/// What the office holds at the end.
async fn held_again(replay: &Replay, receipts: &[Receipt]) {
    let (org, visit) = (replay.office.org, audit_of_assignment(ASSIGNMENT));
    let copied: SuccessionRequest = codec::from_cbor(&file("messages/succession-request.cbor")).unwrap();
    let copied = copied.key.device();
    let lost = recorded().into_iter().filter(|it| it.request.dev == copied && it.when == "lost");
    let Some(Reply::Done(lost)) = lost.map(|it| it.reply).last() else { panic!() };
    let head = replay.office.app.db.read(|tx| db::devices::find_head(tx, org, copied)).unwrap().unwrap();
    assert_eq!(head.head.head, lost.dev_head, "what only another phone still had of this one");
    let audit = replay.audit(visit);
    assert_eq!((audit.round, audit.state), (2, State::InProgress), "what the office itself had said");
    // What is shown with its receipt came when it first did.
    assert!(!receipts.is_empty());
    for receipt in receipts {
        let find = |tx: &mut db::Tx<'_>| db::devices::find_arrival(tx, org, receipt.dev, receipt.head.dseq);
        let arrival = replay.office.app.db.read(find).unwrap().unwrap();
        assert_eq!(arrival.received_at, Micros(i64::try_from(receipt.recv_ms).unwrap() * 1_000));
    }
    let b = recorded().remove(1).request.dev;
    let page = replay.page(b, RESTORED_EPOCH, (Mark::START, 1 << 20)).await;
    assert!(!page.more);
    let mut openings = Vec::new();
    for item in page.items {
        let Nested::Known(body) = item.body else { continue };
        if let Body::Ops(run) = body.opened().unwrap() {
            openings.extend(run.ops.unpack(run.dseq_first).unwrap().into_iter().map(|it| it.opening));
        }
    }
    assert_eq!(openings.iter().filter(|it| matches!(it, Opening::Redacted(_))).count(), 1);
}
