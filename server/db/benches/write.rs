//! How many rows a second the SQLite writer makes durable (WAL, synchronous=FULL): what an import and a push cost.
//!
//! `cargo bench -p db`; every item is one row, committed before its time is taken.

use db::audits::{self, Audit, AuditOps, VisitKind};
use db::devices::{self, Device, DeviceKind, DeviceState, StoredSegment};
use db::organizations::{self, Organization};
use db::scores::{self, ScoreVersion};
use db::{Db, DbError, DbOptions, Micros, Tx};
use divan::counter::ItemsCount;
use domain::date::Date;
use domain::ids::{AuditId, BranchId, OrgId, UserId};
use domain::lifecycle::State;
use sync_core::{Algorithm, DeviceId, Hash};
use tempfile::TempDir;
use uuid::Uuid;

fn main() {
    divan::main();
}

const ORG: OrgId = OrgId(Uuid::from_u128(1));
const DEV: DeviceId = DeviceId([1; 16]);

fn write(db: &Db, job: impl FnMut(&mut Tx<'_>) -> Result<(), DbError> + Send + 'static) {
    db.write(job).expect("a write of the bench");
}

/// A fresh database with the organization and the device of the bench.
fn open() -> (Db, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bench.db");
    let db = Db::open(&format!("sqlite:{}", path.display()), &DbOptions::default()).expect("a new database");
    db.migrate().expect("the schema");
    write(&db, |tx| {
        organizations::append(
            tx,
            &Organization {
                org_id: ORG,
                slug: "bench".to_owned(),
                name: "Bench".to_owned(),
                locale: "es".to_owned(),
                zone: "UTC".to_owned(),
                created_at: Micros(0),
            },
        )?;
        devices::append(
            tx,
            ORG,
            &Device {
                dev: DEV,
                user_id: None,
                kind: DeviceKind::Import,
                alg: Algorithm::Ed25519,
                public_key: vec![0; 32],
                name: "bench".to_owned(),
                state: DeviceState::Active,
                enrolled_at: Micros(0),
                revoked_at: None,
            },
        )
    });
    (db, folder)
}

fn audit_id(number: u32) -> AuditId {
    AuditId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(number)))
}

fn audit(number: u32) -> Audit {
    Audit {
        audit_id: audit_id(number),
        branch_id: BranchId(Uuid::from_u128(u128::from(number % 997))),
        auditor_id: UserId(Uuid::from_u128(u128::from(number % 53))),
        assignment_id: None,
        template_id: "chicago-food".to_owned(),
        template_version: 1,
        template_hash: Hash([1; 32]),
        state: State::Submitted,
        round: 0,
        kind: VisitKind::Visit,
        visit_date: Date::new(2013, 1, 1),
        zone: "America/Chicago".to_owned(),
        submitted_at: Some(Micros(1)),
        decided_at: None,
        decided_by: None,
        open_conflicts: 0,
        late_ops: 0,
        claimed_by: None,
        external_ref: Some(number.to_string()),
        updated_at: Micros(1),
    }
}

/// Audits with 3 KB of ops each, upserted `500` or `5_000` in a transaction.
#[divan::bench(args = [500, 5_000], sample_count = 10)]
fn audits_with_ops(bencher: divan::Bencher<'_, '_>, rows: u32) {
    let (db, _folder) = open();
    let mut next = 0;
    bencher
        .counter(ItemsCount::new(rows))
        .with_inputs(|| {
            let numbers = next..next + rows;
            next += rows;
            let ops =
                numbers.clone().map(|it| AuditOps { audit_id: audit_id(it), ops: vec![7; 3_000] }).collect();
            (numbers.map(audit).collect(), ops)
        })
        .bench_local_values(|(audits, ops): (Vec<Audit>, Vec<AuditOps>)| {
            write(&db, move |tx| {
                audits::upsert(tx, ORG, &audits)?;
                audits::upsert_ops(tx, ORG, &ops)
            });
        });
}

/// Scores with 2 KB of explanation each, appended in one transaction.
#[divan::bench(args = [500, 5_000], sample_count = 10)]
fn score_versions(bencher: divan::Bencher<'_, '_>, rows: u32) {
    let (db, _folder) = open();
    let mut next = 0;
    bencher
        .counter(ItemsCount::new(rows))
        .with_inputs(|| {
            let numbers = next..next + rows;
            next += rows;
            let known: Vec<Audit> = numbers.clone().map(audit).collect();
            write(&db, move |tx| audits::upsert(tx, ORG, &known));
            numbers
                .map(|it| ScoreVersion {
                    audit_id: audit_id(it),
                    version: 1,
                    submit_dev: DEV,
                    submit_dseq: u64::from(it),
                    template_hash: Hash([1; 32]),
                    scorer_version: "1".to_owned(),
                    raw_hundredths: Some(8_000),
                    final_hundredths: Some(8_000),
                    band: None,
                    critical_failed: 0,
                    doc: format!("\"{}\"", "x".repeat(2_000)),
                    created_at: Micros(1),
                    reason: "import".to_owned(),
                })
                .collect()
        })
        .bench_local_values(|versions: Vec<ScoreVersion>| {
            write(&db, move |tx| scores::append(tx, ORG, &versions));
        });
}

/// Segments of 64 KiB, one in each transaction: a push of a phone.
#[divan::bench(sample_count = 100)]
fn segments_of_64_kib(bencher: divan::Bencher<'_, '_>) {
    let (db, _folder) = open();
    let mut next = 1;
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(|| {
            next += 1;
            vec![StoredSegment {
                dev: DEV,
                first_dseq: next,
                last_dseq: next,
                h: Hash([1; 32]),
                epoch: 1,
                received_at: Micros(1),
                bytes: vec![9; 65_536],
                sseq: 7,
            }]
        })
        .bench_local_values(|segment: Vec<StoredSegment>| {
            write(&db, move |tx| devices::append_segments(tx, ORG, &segment));
        });
}

/// One small row in each transaction, from `threads` at once: what group commit is worth.
#[divan::bench(args = [1, 8, 64], sample_count = 10)]
fn small_writes_from_threads(bencher: divan::Bencher<'_, '_>, threads: u32) {
    let (db, _folder) = open();
    bencher.counter(ItemsCount::new(threads * 50)).bench_local(|| {
        std::thread::scope(|scope| {
            for number in 0..threads {
                let db = &db;
                scope.spawn(move || {
                    for _ in 0..50 {
                        write(db, move |tx| organizations::put_meta(tx, &number.to_string(), b"value"));
                    }
                });
            }
        });
    });
}
