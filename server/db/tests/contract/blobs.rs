//! Evidence: what is stored, what was read of it, who counts on it, and what a device sent on a day.

use std::collections::{BTreeMap, BTreeSet};

use db::blobs::{self, AuditBlob, Blob, Picture};
use db::{Db, DbError, Micros, audits, devices};
use domain::ids::AuditId;

use crate::audits::audit;
use crate::database::{hash, is_refused, org, read, two_organizations, user, uuid, write};
use crate::devices::{dev, device};
use crate::on_both;

fn blob(number: u8) -> Blob {
    Blob {
        blob: hash(number),
        size: 7,
        dev: dev(1),
        stored_at: Micros(9),
        picture: Picture::Pending,
        attempts: 0,
        reason: None,
        mime: None,
        width: None,
        height: None,
        taken_at: None,
        latitude_e7: None,
        longitude_e7: None,
        look: None,
    }
}

fn ready(number: u8) -> Blob {
    Blob {
        picture: Picture::Ready,
        mime: Some("image/jpeg".to_owned()),
        width: Some(4),
        height: Some(3),
        taken_at: Some("2026-11-20T10:11:12".to_owned()),
        latitude_e7: Some(-194_325_000),
        longitude_e7: Some(-991_330_555),
        look: Some(u64::MAX - u64::from(number)),
        ..blob(number)
    }
}

fn furnished(db: &Db) {
    two_organizations(db);
    write(db, |tx| {
        devices::append(tx, org(1), &device(1, Some(11)))?;
        devices::append(tx, org(2), &device(1, Some(21)))?;
        audits::upsert(tx, org(1), &[audit(1), audit(2)])
    })
    .unwrap();
}

fn id(number: u32) -> AuditId {
    AuditId(uuid(number))
}

on_both! {
    fn a_blob_is_stored_once_and_in_its_organization_only(db) {
        furnished(db);
        let first = write(db, |tx| blobs::append(tx, org(1), &blob(1))).unwrap();
        let again = write(db, |tx| blobs::append(tx, org(1), &Blob { size: 99, ..blob(1) })).unwrap();
        assert_eq!((first, again), (true, false));
        assert_eq!(read(db, |tx| blobs::find(tx, org(1), hash(1))), Some(blob(1)));
        assert_eq!(read(db, |tx| blobs::find(tx, org(2), hash(1))), None);
        assert_eq!(read(db, |tx| blobs::stored(tx, org(2), &[hash(1)])), BTreeSet::new());
        assert_eq!(read(db, |tx| blobs::stored(tx, org(1), &[hash(1), hash(2)])), BTreeSet::from([hash(1)]));
        assert!(write(db, |tx| blobs::append(tx, org(2), &blob(1))).unwrap());
        let nobody = Blob { dev: dev(9), ..blob(3) };
        assert!(is_refused(&write(db, move |tx| blobs::append(tx, org(1), &nobody))));
    }

    fn blobs_are_listed_page_by_page(db) {
        furnished(db);
        write(db, |tx| (1..=3).try_for_each(|it| blobs::append(tx, org(1), &blob(it)).map(drop))).unwrap();
        let first = read(db, |tx| blobs::list(tx, org(1), None, 2));
        assert_eq!(first.items, [blob(1), blob(2)]);
        let second = read(db, |tx| blobs::list(tx, org(1), first.next, 2));
        assert_eq!((second.items, second.next), (vec![blob(3)], None));
        let many: Vec<_> = (0..=255).map(hash).chain((0..=255).map(hash)).collect();
        assert_eq!(read(db, |tx| blobs::find_many(tx, org(1), &many)).len(), 3);
    }

    fn what_was_read_of_a_photo_is_kept_and_it_no_longer_waits(db) {
        furnished(db);
        write(db, |tx| {
            blobs::append(tx, org(1), &blob(1))?;
            blobs::append(tx, org(1), &blob(2))
        }).unwrap();
        let pending = |after| read(db, move |tx| blobs::list_pending(tx, org(1), after, 1));
        let first = pending(None);
        assert_eq!((first.items, first.next), (vec![blob(1)], Some(hash(1))));
        let last = pending(first.next);
        assert_eq!((last.items, last.next), (vec![blob(2)], None));
        write(db, |tx| {
            blobs::begin_reading(tx, org(1), hash(1))?;
            blobs::begin_reading(tx, org(1), hash(1))?;
            blobs::begin_reading(tx, org(1), hash(1))?;
            blobs::end_reading(tx, org(1), hash(1))?;
            blobs::set_picture(tx, org(1), &ready(1), &[5, 6])
        }).unwrap();
        let kept = Blob { attempts: 2, ..ready(1) };
        assert_eq!(read(db, |tx| blobs::find(tx, org(1), hash(1))), Some(kept.clone()));
        assert_eq!(pending(None).items, [blob(2)]);
        assert_eq!(read(db, |tx| blobs::find_by_bands(tx, org(1), &[4, 6], 9)), [kept]);
        assert_eq!(read(db, |tx| blobs::find_by_bands(tx, org(1), &[4], 9)), []);
        assert_eq!(read(db, |tx| blobs::find_by_bands(tx, org(2), &[5], 9)), []);
        let again = write(db, |tx| blobs::set_picture(tx, org(1), &ready(1), &[5]));
        assert!(again.is_ok());
        let unknown = write(db, |tx| blobs::set_picture(tx, org(1), &ready(9), &[]));
        assert!(matches!(unknown, Err(DbError::NotFound)), "{unknown:?}");
        let unknown = write(db, |tx| blobs::begin_reading(tx, org(2), hash(1)));
        assert!(matches!(unknown, Err(DbError::NotFound)), "{unknown:?}");
        let unknown = write(db, |tx| blobs::end_reading(tx, org(2), hash(1)));
        assert!(matches!(unknown, Err(DbError::NotFound)), "{unknown:?}");
        let not_begun = write(db, |tx| blobs::end_reading(tx, org(1), hash(2)));
        assert!(matches!(not_begun, Err(DbError::NotFound)), "{not_begun:?}");
    }

    fn a_lost_blob_is_forgotten_with_all_that_was_read_of_it(db) {
        furnished(db);
        write(db, |tx| {
            blobs::append(tx, org(1), &blob(1))?;
            blobs::append(tx, org(1), &blob(2))?;
            blobs::set_picture(tx, org(1), &ready(1), &[5])
        }).unwrap();
        assert_eq!(write(db, |tx| blobs::forget(tx, org(2), &[hash(1)])).unwrap(), 0);
        assert_eq!(write(db, |tx| blobs::forget(tx, org(1), &[hash(1), hash(7)])).unwrap(), 1);
        assert_eq!(read(db, |tx| blobs::list(tx, org(1), None, 9)).items, [blob(2)]);
        assert_eq!(read(db, |tx| blobs::find_by_bands(tx, org(1), &[5], 9)), []);
        assert!(write(db, |tx| blobs::append(tx, org(1), &blob(1))).unwrap());
    }

    fn an_audit_counts_on_what_it_last_said_and_its_auditor_may_read_that(db) {
        furnished(db);
        let of = |pairs: &[(u32, &[u8])]| -> BTreeMap<AuditId, BTreeSet<_>> {
            pairs.iter().map(|(audit, all)| (id(*audit), all.iter().map(|it| hash(*it)).collect())).collect()
        };
        let (first, then) = (of(&[(1, &[1, 2]), (2, &[2])]), of(&[(1, &[2, 3])]));
        write(db, move |tx| blobs::set_of_audits(tx, org(1), &first)).unwrap();
        write(db, move |tx| blobs::set_of_audits(tx, org(1), &then)).unwrap();
        let pair = |audit: u32, blob: u8| AuditBlob { audit_id: id(audit), blob: hash(blob) };
        assert_eq!(
            read(db, |tx| blobs::list_of_audits(tx, org(1), &[id(1), id(2)])),
            [pair(1, 2), pair(1, 3), pair(2, 2)]
        );
        assert_eq!(read(db, |tx| blobs::list_audits_of(tx, org(1), &[hash(2)])), [pair(1, 2), pair(2, 2)]);
        assert_eq!(read(db, |tx| blobs::list_audits_of(tx, org(2), &[hash(2)])), []);
        let auditor = audit(1).auditor_id;
        let may = |org_number, who, blob| read(db, |tx| blobs::is_of_auditor(tx, org(org_number), who, hash(blob)));
        assert_eq!([may(1, auditor, 3), may(1, auditor, 1), may(1, user(99), 3), may(2, auditor, 3)], [true, false, false, false]);
        let unknown = of(&[(9, &[1])]);
        assert!(is_refused(&write(db, move |tx| blobs::set_of_audits(tx, org(1), &unknown))));
    }

    fn what_a_device_sent_is_added_up_by_day(db) {
        furnished(db);
        let add = |day, bytes| write(db, move |tx| blobs::add_usage(tx, org(1), dev(1), day, bytes)).unwrap();
        assert_eq!([add(3, 5), add(3, 6), add(4, 1)], [5, 11, 1]);
        let used = |day| read(db, |tx| blobs::find_usage(tx, org(1), dev(1), day));
        assert_eq!([used(3), used(4), used(5)], [11, 1, 0]);
        assert_eq!(write(db, |tx| blobs::remove_usage_before(tx, org(1), 4)).unwrap(), 1);
        assert_eq!([used(3), used(4)], [0, 1]);
    }
}
