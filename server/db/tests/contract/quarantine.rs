//! Ops that were set aside.

use db::devices::{self, Device, DeviceKind, DeviceState};
use db::quarantine::{self, QuarantinedOp};
use db::{DbError, Micros};
use domain::ids::AuditId;
use sync_core::{Algorithm, DeviceId};

use crate::database::{org, read, two_organizations, uuid, write};
use crate::on_both;

fn aside(dseq: u64) -> QuarantinedOp {
    QuarantinedOp {
        dev: DeviceId([7; 16]),
        dseq,
        audit_id: AuditId(uuid(3)),
        reason: "unknown_branch".to_owned(),
        received_at: Micros(5),
    }
}

on_both! {
    fn what_was_set_aside_is_listed_page_by_page_and_in_its_organization_only(db) {
        two_organizations(db);
        write(db, |tx| {
            devices::append(tx, org(1), &Device {
                dev: DeviceId([7; 16]),
                user_id: None,
                kind: DeviceKind::Phone,
                alg: Algorithm::Ed25519,
                public_key: vec![1; 32],
                name: "phone".to_owned(),
                state: DeviceState::Active,
                enrolled_at: Micros(1),
                revoked_at: None,
            })?;
            quarantine::append(tx, org(1), &[aside(3), aside(1), aside(2)])
        }).unwrap();
        let first = read(db, |tx| quarantine::list(tx, org(1), None, 2));
        assert_eq!(first.items, [aside(1), aside(2)]);
        let second = read(db, |tx| quarantine::list(tx, org(1), first.next, 2));
        assert_eq!((second.items, second.next), (vec![aside(3)], None));
        assert_eq!(read(db, |tx| quarantine::list(tx, org(2), None, 2)).items, []);
        let again = write(db, |tx| quarantine::append(tx, org(1), &[aside(2)]));
        assert!(matches!(again, Err(DbError::Duplicate { .. })), "{again:?}");
    }
}
