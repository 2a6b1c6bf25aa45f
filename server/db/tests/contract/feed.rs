//! Streams and feeds.

use std::sync::{Arc, Barrier};

use db::feed::{self, FeedEntry, ReturnedOps, StreamEnd};
use db::{DbError, Micros};
use domain::ids::AuditId;
use sync_core::Hash;
use sync_core::exchange::StreamId;

use crate::database::{hash, is_duplicate, is_refused, org, read, two_organizations, uuid, write};
use crate::devices::dev;
use crate::on_both;

fn stream() -> StreamId {
    StreamId::User(uuid(11))
}

fn entry(first: u64, last: u64) -> FeedEntry {
    FeedEntry {
        stream: stream(),
        sseq_last: last,
        sseq_first: first,
        kind: "ops".into(),
        dev: Some(dev(1)),
        dseq_first: Some(first),
        dseq_last: Some(last),
        h: hash(1),
        f: hash(u8::try_from(last).unwrap()),
        received_at: Micros(5),
        payload: None,
    }
}

on_both! {
    fn numbers_of_a_stream_are_given_once_and_without_gaps(db) {
        two_organizations(db);
        let takers: Vec<_> = (0..8)
            .map(|_| {
                let db = db.db.clone();
                std::thread::spawn(move || {
                    write(&db, |tx| {
                        let end = feed::advance(tx, org(1), stream(), 3)?;
                        feed::append(tx, org(1), &[entry(end.last + 1, end.last + 3)])?;
                        feed::set_hash(tx, org(1), stream(), hash(u8::try_from(end.last + 3).unwrap()))?;
                        Ok(end)
                    })
                    .unwrap()
                })
            })
            .collect();
        let mut ends: Vec<(u64, Hash)> =
            takers.into_iter().map(|it| it.join().unwrap()).map(|it| (it.last, it.f)).collect();
        ends.sort_unstable();
        let expected: Vec<(u64, Hash)> = (0..8_u8).map(|it| (u64::from(it) * 3, hash(it * 3))).collect();
        assert_eq!(ends, expected);
        assert_eq!(read(db, |tx| feed::find_end(tx, org(1), stream())), StreamEnd { last: 24, f: hash(24) });
        assert_eq!(read(db, |tx| feed::find_end(tx, org(2), stream())), StreamEnd { last: 0, f: Hash::ZERO });
    }

    fn a_run_is_found_in_its_own_stream_by_its_author_and_end(db) {
        two_organizations(db);
        write(db, |tx| {
            feed::advance(tx, org(1), stream(), 3)?;
            feed::append(tx, org(1), &[entry(1, 3)])
        })
        .unwrap();
        let holds = |of: u32, stream, by, h| read(db, move |tx| feed::holds(tx, org(of), stream, by, h));
        assert!(holds(1, stream(), dev(1), hash(1)));
        assert!(!holds(1, stream(), dev(1), hash(2)));
        assert!(!holds(1, stream(), dev(2), hash(1)));
        assert!(!holds(1, StreamId::User(uuid(12)), dev(1), hash(1)));
        assert!(!holds(2, stream(), dev(1), hash(1)));
    }

    fn what_a_phone_brought_back_of_the_office_is_found_by_its_audit(db) {
        two_organizations(db);
        const NOTHING: [u64; 0] = [];
        let audit = |number| AuditId(uuid(number));
        let of = move |number, sseq_last| ReturnedOps { stream: stream(), audit_id: audit(number), sseq_last };
        let found = |of: u32, stream, audits: &[AuditId]| {
            let entries = read(db, |tx| feed::list_returned(tx, org(of), stream, audits));
            entries.iter().map(|it| it.sseq_last).collect::<Vec<_>>()
        };
        assert_eq!(found(1, stream(), &[audit(1)]), NOTHING);
        write(db, move |tx| {
            feed::advance(tx, org(1), stream(), 6)?;
            feed::append(tx, org(1), &[entry(1, 3), entry(4, 6)])?;
            feed::append_returned(tx, org(1), &[of(1, 3), of(2, 3), of(2, 6)])
        })
        .unwrap();
        assert_eq!(found(1, stream(), &[audit(1)]), [3]);
        assert_eq!(found(1, stream(), &[audit(2), audit(1)]), [3, 6]);
        assert_eq!(found(1, stream(), &[audit(3)]), NOTHING);
        assert_eq!(found(1, StreamId::User(uuid(12)), &[audit(1)]), NOTHING);
        assert_eq!(found(2, stream(), &[audit(1)]), NOTHING);
        let again = write(db, move |tx| feed::append_returned(tx, org(1), &[of(2, 6)]));
        assert!(is_duplicate(&again), "{again:?}");
    }

    fn entries_of_a_kind_are_listed_in_order(db) {
        two_organizations(db);
        let right = FeedEntry {
            kind: "right".into(),
            dev: None,
            dseq_first: None,
            dseq_last: None,
            payload: Some(vec![1]),
            ..entry(4, 4)
        };
        let again = FeedEntry { kind: "again".into(), ..entry(5, 9) };
        let all = [entry(1, 3), right.clone(), again.clone()];
        write(db, move |tx| {
            feed::advance(tx, org(1), stream(), 9)?;
            feed::append(tx, org(1), &all)
        })
        .unwrap();
        let of = |number, kinds: &'static [&'static str]| {
            read(db, move |tx| feed::list_of_kinds(tx, org(number), stream(), kinds))
        };
        assert_eq!(of(1, &["ops"]), [entry(1, 3)]);
        assert_eq!(of(1, &["right", "again"]), [right, again]);
        assert_eq!(of(2, &["ops"]), []);
    }

    fn a_transaction_that_fails_gives_its_numbers_back(db) {
        two_organizations(db);
        let failed = write(db, |tx| {
            feed::advance(tx, org(1), stream(), 3)?;
            Err::<(), _>(DbError::NotFound)
        });
        assert!(matches!(failed, Err(DbError::NotFound)));
        assert_eq!(read(db, |tx| feed::find_end(tx, org(1), stream())).last, 0);
    }

    fn a_feed_is_read_after_a_cursor(db) {
        two_organizations(db);
        write(db, |tx| {
            feed::advance(tx, org(1), stream(), 9)?;
            feed::append(tx, org(1), &[entry(1, 3), entry(4, 4), entry(5, 9)])
        })
        .unwrap();
        let page = |after, limit| read(db, |tx| feed::list(tx, org(1), stream(), after, limit));
        assert_eq!((page(0, 2).items, page(0, 2).next), (vec![entry(1, 3), entry(4, 4)], Some(4)));
        assert_eq!((page(4, 2).items, page(4, 2).next), (vec![entry(5, 9)], None));
        assert_eq!(page(6, 2).items, [entry(5, 9)]);
        assert_eq!(page(9, 2).items, []);
        let at = |sseq| read(db, |tx| feed::find_hash_at(tx, org(1), stream(), sseq));
        assert_eq!([at(0), at(3), at(4), at(5)], [Some(Hash::ZERO), Some(hash(3)), Some(hash(4)), None]);
        assert_eq!(read(db, |tx| feed::find_hash_at(tx, org(2), stream(), 3)), None);
        assert_eq!(read(db, |tx| feed::list(tx, org(2), stream(), 0, 9)).items, []);
        let other = StreamId::Reference(uuid(11));
        assert_eq!(read(db, |tx| feed::list(tx, org(1), other, 0, 9)).items, []);
    }

    fn reference_data_travels_in_the_entry(db) {
        two_organizations(db);
        let row = || FeedEntry {
            kind: "ref_row".into(),
            dev: None,
            dseq_first: None,
            dseq_last: None,
            payload: Some(vec![0, 1, 2, 255]),
            ..entry(1, 1)
        };
        write(db, move |tx| {
            feed::advance(tx, org(1), stream(), 1)?;
            feed::append(tx, org(1), &[row()])
        })
        .unwrap();
        assert_eq!(read(db, |tx| feed::list(tx, org(1), stream(), 0, 9)).items, [row()]);
    }

    fn a_number_is_taken_once_and_a_stream_must_exist(db) {
        two_organizations(db);
        assert!(is_refused(&write(db, |tx| feed::append(tx, org(1), &[entry(1, 3)]))));
        assert!(matches!(write(db, |tx| feed::set_hash(tx, org(1), stream(), hash(1))), Err(DbError::NotFound)));
        write(db, |tx| {
            feed::advance(tx, org(1), stream(), 3)?;
            feed::append(tx, org(1), &[entry(1, 3)])
        })
        .unwrap();
        assert!(is_duplicate(&write(db, |tx| feed::append(tx, org(1), &[entry(1, 3)]))));
    }
}

/// A number that is given is not read past before its transaction has ended, however long that takes: whoever reads a stream
/// never has a gap behind them. Of other streams nobody waits. SQLite has one writer, so that only PostgreSQL can show it.
#[test]
fn a_long_transaction_keeps_its_stream_for_itself_and_nobody_reads_past_it() {
    let db = crate::database::postgres();
    two_organizations(&db);
    let (taken, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let long = {
        let (db, taken, leave) = (db.db.clone(), taken.clone(), leave.clone());
        std::thread::spawn(move || {
            write(&db, move |tx| {
                let end = feed::advance(tx, org(1), stream(), 2)?;
                feed::append(tx, org(1), &[entry(end.last + 1, end.last + 2)])?;
                taken.wait();
                leave.wait();
                feed::set_hash(tx, org(1), stream(), hash(2))?;
                Ok(end.last)
            })
        })
    };
    taken.wait();
    let (begun, begins) = std::sync::mpsc::channel();
    let next = {
        let db = db.db.clone();
        std::thread::spawn(move || {
            write(&db, move |tx| {
                begun.send(()).unwrap();
                let end = feed::advance(tx, org(1), stream(), 1)?;
                feed::append(tx, org(1), &[entry(end.last + 1, end.last + 1)])?;
                feed::set_hash(tx, org(1), stream(), hash(3))?;
                Ok(end.last)
            })
        })
    };
    begins.recv().unwrap();
    let other = StreamId::User(uuid(12));
    assert_eq!(write(&db, move |tx| feed::advance(tx, org(1), other, 5)).unwrap().last, 0);
    assert!(read(&db, |tx| feed::list(tx, org(1), stream(), 0, 100)).items.is_empty());
    assert!(!next.is_finished(), "it has a number that follows one which may never be");
    leave.wait();
    assert_eq!((long.join().unwrap().unwrap(), next.join().unwrap().unwrap()), (0, 2));
    let told = read(&db, |tx| feed::list(tx, org(1), stream(), 0, 100)).items;
    let numbers: Vec<_> = told.iter().map(|it| (it.sseq_first, it.sseq_last)).collect();
    assert_eq!(numbers, [(1, 2), (3, 3)]);
}
