//! Devices, the ends of their logs and their segments.

use db::devices::{self, Device, DeviceKind, DeviceState, StoredHead, StoredSegment};
use db::{Db, DbError, Micros};
use sync_core::chain::Head;
use sync_core::ingest::DeviceHead;
use sync_core::{Algorithm, DeviceId};

use crate::database::{hash, is_duplicate, is_refused, org, read, two_organizations, user, write};
use crate::on_both;

pub(crate) fn dev(number: u8) -> DeviceId {
    DeviceId([number; 16])
}

pub(crate) fn device(number: u8, of: Option<u32>) -> Device {
    Device {
        dev: dev(number),
        user_id: of.map(user),
        kind: if of.is_some() { DeviceKind::Phone } else { DeviceKind::Server },
        alg: Algorithm::Es256,
        public_key: vec![number; 65],
        name: format!("Teléfono {number}"),
        state: DeviceState::Active,
        enrolled_at: Micros(1),
        revoked_at: None,
    }
}

pub(crate) fn segment(first: u64, last: u64) -> StoredSegment {
    StoredSegment {
        dev: dev(1),
        first_dseq: first,
        last_dseq: last,
        h: hash(7),
        epoch: 3,
        received_at: Micros(1_700_000_000_000_001),
        bytes: vec![0, 255, 1],
        sseq: 7,
    }
}

fn head(dseq: u64) -> StoredHead {
    StoredHead {
        head: DeviceHead { head: Head { dseq, h: hash(9) }, hlc: (1_700_000_000_000 << 16) | 7 },
        forked: false,
    }
}

fn enrolled(db: &Db) {
    two_organizations(db);
    write(db, |tx| {
        devices::append(tx, org(1), &device(1, Some(11)))?;
        devices::append(tx, org(1), &device(2, None))?;
        devices::append(tx, org(1), &device(3, Some(11)))?;
        devices::append(tx, org(2), &device(1, Some(21)))
    })
    .unwrap();
}

on_both! {
    fn a_device_is_found_listed_and_revoked_in_its_organization(db) {
        enrolled(db);
        assert_eq!(read(db, |tx| devices::find(tx, org(1), dev(1))), Some(device(1, Some(11))));
        assert_eq!(read(db, |tx| devices::find(tx, org(2), dev(2))), None);
        let of_ana = read(db, |tx| devices::list(tx, org(1), Some(user(11)), None, 10)).items;
        assert_eq!(of_ana, [device(1, Some(11)), device(3, Some(11))]);
        let first = read(db, |tx| devices::list(tx, org(1), None, None, 2));
        assert_eq!((first.items.len(), first.next), (2, Some(dev(2))));
        let second = read(db, |tx| devices::list(tx, org(1), None, first.next, 2));
        assert_eq!((second.items, second.next), (vec![device(3, Some(11))], None));
        assert!(is_duplicate(&write(db, |tx| devices::append(tx, org(1), &device(1, None)))));
        assert!(!write(db, |tx| devices::revoke(tx, org(2), dev(3), Micros(5))).unwrap());
        assert!(write(db, |tx| devices::revoke(tx, org(1), dev(3), Micros(5))).unwrap());
        assert!(!write(db, |tx| devices::revoke(tx, org(1), dev(3), Micros(6))).unwrap());
        let revoked = read(db, |tx| devices::find(tx, org(1), dev(3))).unwrap();
        assert_eq!((revoked.state, revoked.revoked_at), (DeviceState::Revoked, Some(Micros(5))));
    }

    fn the_end_of_a_log_moves_only_for_its_device(db) {
        enrolled(db);
        assert_eq!(read(db, |tx| devices::find_head(tx, org(1), dev(1))), Some(StoredHead::default()));
        write(db, |tx| {
            assert_eq!(devices::lock_head(tx, org(1), dev(1))?, Some(StoredHead::default()));
            devices::set_head(tx, org(1), dev(1), &head(12))
        })
        .unwrap();
        assert_eq!(read(db, |tx| devices::find_head(tx, org(1), dev(1))), Some(head(12)));
        assert_eq!(read(db, |tx| devices::find_head(tx, org(2), dev(1))), Some(StoredHead::default()));
        assert_eq!(read(db, |tx| devices::find_head(tx, org(2), dev(2))), None);
        let unknown = write(db, |tx| devices::set_head(tx, org(2), dev(2), &head(1)));
        assert!(matches!(unknown, Err(DbError::NotFound)));
    }

    fn what_is_durable_of_a_log_only_grows_and_only_in_its_organization(db) {
        enrolled(db);
        write(db, |tx| devices::set_head(tx, org(1), dev(1), &head(12))).unwrap();
        let ends = read(db, |tx| devices::list_ends(tx, org(1), None, 9)).items;
        assert!(ends.contains(&(dev(1), 12)), "{ends:?}");
        let first = read(db, |tx| devices::list_ends(tx, org(1), None, 1));
        assert_eq!((&first.items[..], first.next), (&ends[..1], (ends.len() > 1).then(|| ends[0].0)));
        let rest = read(db, |tx| devices::list_ends(tx, org(1), Some(ends[0].0), 9)).items;
        assert_eq!(rest, ends[1..]);
        write(db, |tx| {
            devices::set_durable(tx, org(1), &[(dev(1), 9)])?;
            devices::set_durable(tx, org(1), &[(dev(1), 7)])?;
            devices::set_durable(tx, org(1), &[(dev(77), 7)])
        })
        .unwrap();
        let durable = |of, number| read(db, move |tx| devices::find_durable(tx, org(of), dev(number)));
        assert_eq!((durable(1, 1), durable(2, 1), durable(1, 77)), (9, 0, 0));
        // The end of a log moves on without it.
        write(db, |tx| devices::set_head(tx, org(1), dev(1), &head(13))).unwrap();
        assert_eq!(durable(1, 1), 9);
    }

    fn clocks_and_epochs_may_use_every_bit(db) {
        enrolled(db);
        let far = || StoredHead { head: DeviceHead { hlc: u64::MAX, ..head(1).head }, forked: true };
        let late = || StoredSegment { epoch: u64::MAX - 1, ..segment(1, 1) };
        write(db, move |tx| {
            devices::set_head(tx, org(1), dev(1), &far())?;
            devices::append_segments(tx, org(1), &[late()])
        })
        .unwrap();
        assert_eq!(read(db, |tx| devices::find_head(tx, org(1), dev(1))), Some(far()));
        assert_eq!(read(db, |tx| devices::find_segment(tx, org(1), dev(1), 1)), Some(late()));
        let beyond = || StoredHead { head: DeviceHead { head: Head { dseq: 1 << 63, h: hash(1) }, hlc: 1 }, forked: false };
        assert!(is_refused(&write(db, move |tx| devices::set_head(tx, org(1), dev(1), &beyond()))));
    }

    fn two_pushes_to_one_log_come_one_after_the_other(db) {
        enrolled(db);
        let pushes: Vec<_> = (0..8)
            .map(|_| {
                let db = db.db.clone();
                std::thread::spawn(move || {
                    write(&db, |tx| {
                        let end = devices::lock_head(tx, org(1), dev(1))?.ok_or(DbError::NotFound)?;
                        let dseq = end.head.head.dseq;
                        devices::append_segments(tx, org(1), &[segment(dseq + 1, dseq + 2)])?;
                        devices::set_head(tx, org(1), dev(1), &head(dseq + 2))
                    })
                })
            })
            .collect();
        for push in pushes {
            push.join().unwrap().unwrap();
        }
        assert_eq!(read(db, |tx| devices::find_head(tx, org(1), dev(1))), Some(head(16)));
        let firsts: Vec<u64> = read(db, |tx| devices::list_segments(tx, org(1), dev(1), 0, 100))
            .items
            .iter()
            .map(|it| it.first_dseq)
            .collect();
        assert_eq!(firsts, [1, 3, 5, 7, 9, 11, 13, 15]);
    }

    fn a_segment_is_found_by_any_of_its_positions(db) {
        enrolled(db);
        let stored = [segment(1, 4), segment(5, 5), segment(6, 900)];
        let new = stored.clone();
        write(db, move |tx| devices::append_segments(tx, org(1), &new)).unwrap();
        let at = |dseq| read(db, |tx| devices::find_segment(tx, org(1), dev(1), dseq));
        assert_eq!([at(1), at(4), at(5), at(6), at(900)], [0, 0, 1, 2, 2].map(|it| Some(stored[it].clone())));
        assert_eq!([at(0), at(901)], [None, None]);
        assert_eq!(read(db, |tx| devices::find_segment(tx, org(2), dev(1), 1)), None);
        let first = read(db, |tx| devices::list_segments(tx, org(1), dev(1), 0, 2));
        assert_eq!((first.items.as_slice(), first.next), (&stored[..2], Some(5)));
        let second = read(db, |tx| devices::list_segments(tx, org(1), dev(1), 5, 2));
        assert_eq!((second.items.as_slice(), second.next), (&stored[2..], None));
    }

    fn a_position_is_stored_once(db) {
        enrolled(db);
        write(db, |tx| devices::append_segments(tx, org(1), &[segment(1, 4)])).unwrap();
        assert!(is_duplicate(&write(db, |tx| devices::append_segments(tx, org(1), &[segment(5, 6), segment(1, 9)]))));
        assert_eq!(read(db, |tx| devices::find_segment(tx, org(1), dev(1), 5)), None);
        assert!(is_refused(&write(db, |tx| devices::append_segments(tx, org(1), &[segment(9, 8)]))));
        let of_nobody = || StoredSegment { dev: dev(77), ..segment(1, 1) };
        assert!(is_refused(&write(db, move |tx| devices::append_segments(tx, org(1), &[of_nobody()]))));
    }
}
