//! What the tests of the office need from the field: branches, a small checklist, and visits with their ops as a phone
//! would have pushed them.

use crate::databases::Database;
use db::{
    audits::{self, Audit, VisitKind},
    content::{ContentKind, ContentVersion},
    devices::{Device, DeviceKind, DeviceState, StoredHead},
    reference::Branch,
};
use domain::{
    Date,
    checklist::Checklist,
    ids::{AuditId, BranchId, RegionId},
    lifecycle::{State, VersionState},
};
use serde_json::{Value, json};
use server::testing::{TestOffice, TestPerson};
use sync_core::{
    AuditOps, Bytes, DeviceId, Hash, Head, Kind, Op, Seed, content,
    fold::Arrival,
    hlc,
    ingest::DeviceHead,
    op::Opening,
    payload::{self, AttachValue, CreateValue},
    signature::SigningKey,
};

/// Four yes/no items of one point each; E01 is critical and caps the visit at 39.99; E gives evidence for 9.1.
pub(crate) fn checklist() -> Checklist {
    let text = |it: &str| json!({"es": it, "en": it});
    let item = |id: &str, critical: bool| json!({"id": id, "type": "yes_no", "weight": 1, "required": true, "critical": critical, "pillar": "integridad", "q": text(id)});
    serde_json::from_value(json!({
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
            {"id": "A", "weight": 50, "touchpoint": "acceso", "title": text("Acceso"), "items": [item("A01", false), item("A02", false)]},
            {"id": "E", "weight": 50, "touchpoint": "certeza", "title": text("Certeza"), "standard": ["9.1"], "items": [item("E01", true), item("E02", false)]}
        ]
    }))
    .unwrap()
}

/// Answers that score 100.00.
pub(crate) const GOOD: [(&str, &str); 4] = [("A01", "yes"), ("A02", "yes"), ("E01", "yes"), ("E02", "yes")];
/// Answers that score 75.00.
pub(crate) const FAIR: [(&str, &str); 4] = [("A01", "yes"), ("A02", "no"), ("E01", "yes"), ("E02", "yes")];
/// Answers that fail the critical item: 75.00 before, 39.99 after.
pub(crate) const CRITICAL: [(&str, &str); 4] =
    [("A01", "yes"), ("A02", "yes"), ("E01", "no"), ("E02", "yes")];

/// An office with content, two branches and the people who visit and review.
pub(crate) struct Field {
    pub(crate) office: TestOffice,
    pub(crate) auditor: TestPerson,
    pub(crate) north: BranchId,
    pub(crate) south: BranchId,
    pub(crate) region: RegionId,
}

/// A visit to be made: where, on which day, with which answers.
pub(crate) type VisitSketch<'a> = (BranchId, &'a str, &'a [(&'a str, &'a str)]);

impl Field {
    pub(crate) async fn open() -> Self {
        Self::over(Database::Sqlite).await
    }

    pub(crate) async fn over(database: Database) -> Self {
        use domain::access::Role;
        let office = database.office().await;
        let auditor = office.person(Role::Auditor);
        let region = RegionId(office.app.environment.new_id());
        let (north, south) =
            (BranchId(office.app.environment.new_id()), BranchId(office.app.environment.new_id()));
        let field = Self { office, auditor, north, south, region };
        field.store_reference();
        field.store_content(ContentKind::Checklist, "small", &serde_json::to_string(&checklist()).unwrap());
        field
    }

    fn store_reference(&self) {
        let branch = |id: BranchId, code: &str, region: Option<RegionId>| Branch {
            branch_id: id,
            region_id: region,
            code: code.to_owned(),
            name: format!("Branch {code}"),
            latitude_e7: None,
            longitude_e7: None,
            zone: "America/Mexico_City".to_owned(),
            target_hundredths: Some(9_000),
            active: true,
        };
        let region = db::reference::Region {
            region_id: self.region,
            parent_id: None,
            code: "R1".to_owned(),
            name: "Region".to_owned(),
        };
        let branches =
            [branch(self.north, "north", Some(region.region_id)), branch(self.south, "south", None)];
        self.write(move |tx, org| {
            db::reference::upsert_regions(tx, org, std::slice::from_ref(&region))?;
            db::reference::upsert_branches(tx, org, &branches)
        });
    }

    /// Stores released content.
    pub(crate) fn store_content(&self, kind: ContentKind, id: &str, json: &str) {
        let now = self.office.app.now();
        let content = ContentVersion {
            kind,
            content_id: id.to_owned(),
            version: 1,
            hash: Hash::of(json.as_bytes()),
            canonical_json: json.to_owned(),
            state: VersionState::Released,
            created_at: now,
            released_at: Some(now),
        };
        self.write(move |tx, org| db::content::append(tx, org, &content));
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        mut job: impl FnMut(&mut db::Tx<'_>, domain::ids::OrgId) -> Result<T, db::DbError> + Send + 'static,
    ) -> T {
        let org = self.office.org;
        self.office.app.db.write(move |tx| job(tx, org)).unwrap()
    }

    /// A visit of the field's auditor, handed in.
    pub(crate) fn submitted(&self, branch: BranchId, day: &str, answers: &[(&str, &str)]) -> AuditId {
        self.submitted_of(&checklist(), branch, day, answers)
    }

    /// The same of another checklist, which is stored already.
    pub(crate) fn submitted_of(
        &self,
        of: &Checklist,
        branch: BranchId,
        day: &str,
        answers: &[(&str, &str)],
    ) -> AuditId {
        let mut phone = Phone::new(self.office.app.environment.new_id().as_u128());
        let audit = AuditId(self.office.app.environment.new_id());
        let mut ops = AuditOps::new();
        phone.create_of(of, &mut ops, audit, branch);
        for (item, answer) in answers {
            phone.set(&mut ops, audit, item, answer);
        }
        phone.submit(&mut ops, audit);
        self.store_of(of, (audit, branch, day), &ops, &[phone]);
        audit
    }

    /// A visit that declares a photo.
    pub(crate) fn with_photo(&self, branch: BranchId, day: &str) -> AuditId {
        let mut phone = Phone::new(self.office.app.environment.new_id().as_u128());
        let audit = AuditId(self.office.app.environment.new_id());
        let mut ops = AuditOps::new();
        phone.create(&mut ops, audit, branch);
        for (item, answer) in GOOD {
            phone.set(&mut ops, audit, item, answer);
        }
        let photo = AttachValue {
            blob: Hash::of(b"photo"),
            size: 5,
            mime: "image/jpeg".to_owned(),
            captured_at_ms: None,
            gps: None,
            source: None,
            original: None,
        };
        let op = phone.op(audit, Kind::Attach, "A01", vec![], Some(payload::to_value(&photo).unwrap()));
        ops.insert(phone.dev, op, Arrival::device(MS));
        phone.submit(&mut ops, audit);
        self.store(audit, branch, day, &ops, &[phone]);
        audit
    }

    /// A visit that two phones filled in without seeing each other: one item is in conflict.
    pub(crate) fn in_conflict(&self, branch: BranchId, day: &str) -> AuditId {
        let number = self.office.app.environment.new_id().as_u128();
        let (mut one, mut other) = (Phone::new(number), Phone::new(number + 1));
        let audit = AuditId(self.office.app.environment.new_id());
        let mut ops = AuditOps::new();
        one.create(&mut ops, audit, branch);
        for (item, answer) in GOOD {
            one.set(&mut ops, audit, item, answer);
        }
        let op = other.op(audit, Kind::Set, "A01", vec![], Some(Bytes::from("\"no\"")));
        ops.set_seed(other.dev, Seed([9; 32]));
        ops.insert(other.dev, op, Arrival::device(MS));
        one.submit(&mut ops, audit);
        self.store(audit, branch, day, &ops, &[one, other]);
        audit
    }

    /// A visit of which one phone handed in without another, whose answer came too late.
    pub(crate) fn with_late(&self, branch: BranchId, day: &str) -> AuditId {
        let number = self.office.app.environment.new_id().as_u128();
        let (mut one, mut other) = (Phone::new(number), Phone::new(number + 1));
        let audit = AuditId(self.office.app.environment.new_id());
        let mut ops = AuditOps::new();
        one.create(&mut ops, audit, branch);
        for (item, answer) in FAIR {
            one.set(&mut ops, audit, item, answer);
        }
        one.submit(&mut ops, audit);
        let op = other.op(audit, Kind::Set, "A01", vec![], Some(Bytes::from("\"no\"")));
        ops.set_seed(other.dev, Seed([9; 32]));
        ops.insert(other.dev, op, Arrival::device(MS));
        self.store(audit, branch, day, &ops, &[one, other]);
        audit
    }

    /// Lets a visit's score be one of older rules, so that it can be scored again.
    pub(crate) fn age_score(&self, visit: AuditId) {
        self.write(move |tx, org| {
            let mut score = db::scores::find_current(tx, org, visit)?.unwrap();
            score.version += 1;
            score.scorer_version = "0".to_owned();
            db::scores::append(tx, org, &[score])
        });
    }

    fn store(&self, audit: AuditId, branch: BranchId, day: &str, ops: &AuditOps, phones: &[Phone]) {
        self.store_of(&checklist(), (audit, branch, day), ops, phones);
    }

    fn store_of(
        &self,
        of: &Checklist,
        (audit, branch, day): (AuditId, BranchId, &str),
        ops: &AuditOps,
        phones: &[Phone],
    ) {
        let view = ops.view();
        let canonical = serde_json::to_string(of).unwrap();
        let row = Audit {
            audit_id: audit,
            branch_id: branch,
            auditor_id: self.auditor.id,
            assignment_id: None,
            template_id: of.id.clone(),
            template_version: 1,
            template_hash: Hash::of(canonical.as_bytes()),
            state: State::Submitted,
            round: 1,
            kind: VisitKind::Visit,
            visit_date: Date::parse(day),
            zone: "America/Mexico_City".to_owned(),
            submitted_at: Some(self.office.app.now()),
            decided_at: None,
            decided_by: None,
            open_conflicts: u32::try_from(view.open_conflicts().count()).unwrap(),
            late_ops: 0,
            claimed_by: None,
            external_ref: None,
            updated_at: self.office.app.now(),
        };
        let stored = audits::AuditOps { audit_id: audit, ops: ops.encode().unwrap() };
        let devices: Vec<(Device, StoredHead)> = phones.iter().map(|it| it.stored(self)).collect();
        self.write(move |tx, org| {
            for (device, head) in &devices {
                db::devices::append(tx, org, device)?;
                db::devices::set_head(tx, org, device.dev, head)?;
            }
            audits::upsert(tx, org, std::slice::from_ref(&row))?;
            audits::upsert_ops(tx, org, std::slice::from_ref(&stored))
        });
    }

    /// Visits that are approved and published by a reviewer, all at once.
    pub(crate) async fn published(&self, visits: &[VisitSketch<'_>]) -> Vec<AuditId> {
        let reviewer = self.office.person(domain::access::Role::Reviewer);
        let ids: Vec<AuditId> =
            visits.iter().map(|(branch, day, answers)| self.submitted(*branch, day, answers)).collect();
        let body = json!({"visits": ids});
        let report =
            self.office.post("/api/v1/visits/approve").by(&reviewer).json(&body).send().await.expect_json();
        assert_eq!(report["refused"], 0, "{report}");
        ids
    }

    /// A command of the review.
    pub(crate) async fn review(
        &self,
        by: &TestPerson,
        visit: AuditId,
        command: &str,
        body: Value,
    ) -> server::testing::Answer {
        self.office.post(&format!("/api/v1/visits/{visit}/{command}")).by(by).json(&body).send().await
    }
}

const MS: u64 = 1_795_000_000_000;

/// A phone that writes ops.
struct Phone {
    key: SigningKey,
    dev: DeviceId,
    next: u64,
}

impl Phone {
    fn new(number: u128) -> Self {
        let mut secret = [7; 32];
        secret[..16].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_secret(&secret);
        let dev = key.public_key().device();
        Self { key, dev, next: 1 }
    }

    fn op(
        &mut self,
        audit: AuditId,
        kind: Kind,
        field: &str,
        base: Vec<sync_core::OpId>,
        value: Option<Bytes>,
    ) -> Op {
        let dseq = self.next;
        self.next += 1;
        Op {
            dseq,
            hlc: hlc::at_ms(MS + dseq),
            kind,
            audit: audit.0,
            round: 1,
            field: field.to_owned(),
            base,
            value,
            opening: Opening::Seeded,
            origin: None,
        }
    }

    fn create(&mut self, ops: &mut AuditOps, audit: AuditId, branch: BranchId) {
        self.create_of(&checklist(), ops, audit, branch);
    }

    fn create_of(&mut self, of: &Checklist, ops: &mut AuditOps, audit: AuditId, branch: BranchId) {
        let canonical = serde_json::to_string(of).unwrap();
        let value = CreateValue {
            template: of.id.clone(),
            version: 1,
            content_hash: Hash::of(canonical.as_bytes()),
            branch: branch.0,
            assignment: None,
            source: None,
            visited_at: None,
        };
        let op = self.op(audit, Kind::Create, "", vec![], Some(payload::to_value(&value).unwrap()));
        ops.set_seed(self.dev, Seed([8; 32]));
        ops.insert(self.dev, op, Arrival::device(MS));
    }

    fn set(&mut self, ops: &mut AuditOps, audit: AuditId, item: &str, answer: &str) {
        let op = self.op(audit, Kind::Set, item, vec![], Some(Bytes::from(format!("\"{answer}\"").as_str())));
        ops.insert(self.dev, op, Arrival::device(MS));
    }

    fn submit(&mut self, ops: &mut AuditOps, audit: AuditId) {
        let value = content::submit_value(ops, &ops.view());
        let op = self.op(audit, Kind::Submit, "", vec![], Some(payload::to_value(&value).unwrap()));
        ops.insert(self.dev, op, Arrival::device(MS));
    }

    fn stored(&self, field: &Field) -> (Device, StoredHead) {
        let public = self.key.public_key();
        let device = Device {
            dev: self.dev,
            user_id: Some(field.auditor.id),
            kind: DeviceKind::Phone,
            alg: public.alg,
            public_key: public.key.to_vec(),
            name: "test".to_owned(),
            state: DeviceState::Active,
            enrolled_at: field.office.app.now(),
            revoked_at: None,
        };
        let head = Head { dseq: self.next - 1, h: Hash::of(b"test") };
        (device, StoredHead { head: DeviceHead { head, hlc: hlc::at_ms(MS + self.next) }, forked: false })
    }
}
