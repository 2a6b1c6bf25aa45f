//! Ops that were set aside.

use db::devices::{self, Device, DeviceKind, DeviceState};
use db::quarantine::{self, Decision, QuarantinedOp, Verdict};
use db::{DbError, Micros};
use domain::ids::{AuditId, UserId};
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
        decision: None,
        decided_at: None,
        decided_by: None,
        why: None,
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
        let first = read(db, |tx| quarantine::list(tx, org(1), false, None, 2));
        assert_eq!(first.items, [aside(1), aside(2)]);
        let second = read(db, |tx| quarantine::list(tx, org(1), false, first.next, 2));
        assert_eq!((second.items, second.next), (vec![aside(3)], None));
        assert_eq!(read(db, |tx| quarantine::list(tx, org(2), false, None, 2)).items, []);
        let again = write(db, |tx| quarantine::append(tx, org(1), &[aside(2)]));
        assert!(matches!(again, Err(DbError::Duplicate { .. })), "{again:?}");
        let verdict =
            Verdict { before: None, decision: Decision::Dismissed, at: Micros(9), by: Some(UserId(uuid(4))), why: "seen".to_owned() };
        let dev = DeviceId([7; 16]);
        let decide = |at: &[u64]| {
            let (ops, verdict): (Vec<_>, _) = (at.iter().map(|it| (dev, *it)).collect(), verdict.clone());
            write(db, move |tx| quarantine::decide(tx, org(1), &ops, &verdict))
        };
        decide(&[1, 3]).unwrap();
        assert!(matches!(decide(&[2, 3]), Err(DbError::Stale)));
        let adopted = Verdict { before: Some(Decision::Dismissed), decision: Decision::Adopted, ..verdict.clone() };
        let adopt = |at: u64| {
            let verdict = adopted.clone();
            write(db, move |tx| quarantine::decide(tx, org(1), &[(dev, at)], &verdict))
        };
        adopt(1).unwrap();
        // Neither what waits nor what was adopted is what was dismissed.
        assert!([1, 2].into_iter().all(|it| matches!(adopt(it), Err(DbError::Stale))));
        let open = read(db, |tx| quarantine::list(tx, org(1), true, None, 9)).items;
        assert_eq!((open.len(), open.first()), (1, Some(&aside(2))));
        assert_eq!(read(db, |tx| quarantine::count_open(tx, org(1), dev)), 1);
        let all = read(db, |tx| quarantine::list_of_audit(tx, org(1), AuditId(uuid(3)), None, 9)).items;
        assert_eq!((all.len(), all.last().and_then(|it| it.why.clone())), (3, Some("seen".to_owned())));
        let page = |of: u32, after| read(db, |tx| quarantine::list_of_audit(tx, org(of), AuditId(uuid(3)), after, 2));
        let first = page(1, None);
        assert_eq!((first.items.as_slice(), first.next), (&all[..2], Some((dev, 2))));
        let second = page(1, first.next);
        assert_eq!((second.items.as_slice(), second.next), (&all[2..], None));
        assert_eq!(page(2, None).items, []);
        let devices = |of: u32| read(db, |tx| quarantine::list_devices_of_audit(tx, org(of), AuditId(uuid(3))));
        assert_eq!((Vec::from_iter(devices(1)), devices(2).len()), (vec![dev], 0));
    }
}
