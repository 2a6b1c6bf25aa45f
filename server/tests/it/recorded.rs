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
    ids::{AssignmentId, BranchId, OrgId, UserId, audit_of_assignment},
    lifecycle::{State, VersionState},
};
use server::testing::TestOffice;
use std::{fs, path::Path};
use sync_core::{
    Algorithm, Hash,
    codec::{self, Nested},
    exchange::{Body, OutcomeKind, RefusalCode, Reply, Request, StreamId},
    ingest::Enrolment,
    signature::SigningKey,
};
use uuid::Uuid;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recorded/wire-1")
}

fn file(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

/// The requests of both phones before the recorded server was set back, in one order that they can have come in.
fn recorded() -> Vec<(String, Request, Reply)> {
    let entries = fs::read_dir(folder().join("exchange")).unwrap();
    let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|it| it.ends_with("-request.cbor") && !it.contains("restored"));
    names.sort();
    let read = |name: String| {
        let request = codec::from_cbor(&file(&format!("exchange/{name}"))).unwrap();
        let reply = file(&format!("exchange/{}", name.replace("request", "reply")));
        (name, request, codec::from_cbor(&reply).unwrap())
    };
    names.into_iter().map(read).collect()
}

/// An office that is the one of the recording: the same organization, person, devices and checklist.
async fn office() -> TestOffice {
    let mut office = TestOffice::open().await;
    let enrolment: Enrolment = serde_json::from_slice(&file("messages/enrolment.json")).unwrap();
    let (org, user, epoch) = (OrgId(enrolment.org), UserId(enrolment.user), enrolment.epoch);
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
    let key = SigningKey::from_secret(&[9; 32]).public_key();
    let server_key = ServerKey {
        dev: key.device(),
        alg: Algorithm::Ed25519,
        public_key: key.key.to_vec(),
        secret_key: Hidden(vec![9; 32]),
        created_at: now,
    };
    db::organizations::append_server_key(tx, org, &server_key)?;
    db::organizations::put_meta(tx, "epoch", &epoch.to_be_bytes())
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
        let device = Device {
            dev: key.device(),
            user_id: Some(user),
            kind: DeviceKind::Phone,
            alg: key.alg,
            public_key: key.key.to_vec(),
            name: name.to_owned(),
            state: DeviceState::Active,
            enrolled_at: now,
            revoked_at: None,
        };
        db::devices::append(tx, org, &device)?;
        let session = db::sessions::Session {
            token_hash: Hash::of(name.as_bytes()),
            user_id: user,
            dev: Some(key.device()),
            created_at: now,
            expires_at: Micros(now.0 + 1_000_000_000_000),
            revoked_at: None,
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
    let assignment_id = AssignmentId(Uuid::from_u128(31));
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
    };
    db::programmes::append_assignments(tx, org, &[assignment])
}

async fn send(office: &TestOffice, name: &str, kind: &str, body: Vec<u8>) -> (u16, Reply) {
    let token = name.get(..1).unwrap();
    let call = office.post("/sync/v1/exchange").bearer(token).header("Content-Type", kind);
    let answer = call.header("Accept", kind).body(body).send().await;
    let reply = if kind == CBOR { codec::from_cbor(&answer.body) } else { codec::from_json(&answer.body) };
    (answer.status.as_u16(), reply.unwrap())
}

/// Sends every recorded request without what only its own server could answer; what it was told of its log then, it is told now.
async fn replayed(office: &TestOffice, kind: &str, change: impl Fn(&mut Request)) {
    let mut pushed = 0;
    for (name, mut request, reply) in recorded() {
        let Reply::Done(then) = reply else { continue };
        request.pull.clear();
        change(&mut request);
        let body = if kind == CBOR { codec::to_cbor(&request) } else { codec::to_json(&request) }.unwrap();
        let (status, now) = send(office, &name, kind, body).await;
        let Reply::Done(now) = now else { panic!("{name}: {status} {now:?}") };
        assert_eq!((status, now.epoch, now.dev_head), (200, then.epoch, then.dev_head), "{name}");
        assert!(
            now.outcomes.iter().all(|it| it.kind != OutcomeKind::Quarantined),
            "{name}: {:?}",
            now.outcomes
        );
        assert_eq!(now.receipt.is_some(), !request.push.is_empty());
        pushed += request.push.len();
    }
    assert!(pushed >= 3, "{pushed}");
}

#[actix_web::test]
async fn every_push_of_a_released_version_is_taken_in_in_both_forms() {
    for kind in [CBOR, "application/json"] {
        let office = office().await;
        replayed(&office, kind, |_| ()).await;
        let (org, user) =
            (office.org, office.app.db.read(|tx| db::users::list(tx, office.org, None, 9)).unwrap());
        let user = user.items[0].user_id;
        let id = audit_of_assignment(AssignmentId(Uuid::from_u128(31)));
        let audit = office.app.db.read(|tx| db::audits::find(tx, org, id)).unwrap().unwrap();
        assert_eq!((audit.auditor_id, audit.state), (user, State::Submitted));
        // Each phone reads what the other brought, with bodies that are known since then.
        let pull = sync_core::exchange::Pull {
            stream: StreamId::User(user.0),
            after: 0,
            f: Hash::ZERO,
            limit_bytes: 1 << 20,
            marks: Vec::new(),
        };
        let (name, request, _) = recorded().remove(0);
        let request = Request { pull: vec![pull], epoch: Some(7), push: Vec::new(), ..request };
        let (_, reply) = send(&office, &name, CBOR, codec::to_cbor(&request).unwrap()).await;
        let Reply::Done(done) = reply else { panic!("{reply:?}") };
        let known = done.pull[0]
            .items
            .iter()
            .filter(|it| matches!(&it.body, Nested::Known(Body::Ops(_) | Body::Own { .. })));
        assert!(known.count() > 1);
    }
}

#[actix_web::test]
async fn a_build_that_may_no_longer_pull_still_pushes() {
    let office = office().await.with(|it| it.min_pull_build = 2).await;
    let (name, request, _) = recorded().into_iter().find(|it| !it.1.push.is_empty()).unwrap();
    assert!(!request.pull.is_empty() && request.app_build == 1);
    let (status, reply) = send(&office, &name, CBOR, codec::to_cbor(&request).unwrap()).await;
    let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
    assert_eq!((status, refusal.code, refusal.reason.as_str()), (426, RefusalCode::Upgrade, "app_too_old"));
    replayed(&office, CBOR, |_| ()).await;
    // A newer one reads.
    let newer = Request { app_build: 2, push: Vec::new(), ..request };
    let (status, reply) = send(&office, &name, CBOR, codec::to_cbor(&newer).unwrap()).await;
    let Reply::Done(done) = reply else { panic!("{reply:?}") };
    assert_eq!((status, done.min_pull_build), (200, 2));
}
