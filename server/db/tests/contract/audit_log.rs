//! The audit log: its chain holds, and whatever somebody does to it shows.

use db::audit_log::{self, LogBreak, LogEnd, NewLogEntry};
use db::{Db, DbError, Micros, organizations};
use proptest::prelude::*;
use sync_core::Hash;

use crate::database::{self, org, organization, read, two_organizations, uuid, write};
use crate::on_both;

pub(crate) fn entry(number: u32) -> NewLogEntry {
    NewLogEntry {
        at: Micros(i64::from(number)),
        actor: format!("user:{}", uuid(11)),
        action: "audit.approve".into(),
        subject_kind: "audit".into(),
        subject: format!("a{}", number % 2),
        detail: format!("{{\"n\": {number}}}"),
    }
}

fn append(db: &Db, number: u32, count: u32) {
    write(db, move |tx| {
        (1..=count).try_for_each(|it| audit_log::append(tx, org(number), &entry(it)).map(drop))
    })
    .unwrap();
}

on_both! {
    fn a_log_is_chained_and_read_in_order(db) {
        two_organizations(db);
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), None);
        append(db, 1, 5);
        append(db, 2, 1);
        let page = read(db, |tx| audit_log::list(tx, org(1), None, 0, 3));
        assert_eq!(page.items.iter().map(|it| it.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(page.items[0].prev_hash, Hash::ZERO);
        assert_eq!(page.items[1].prev_hash, page.items[0].hash);
        assert_eq!(page.items[1].detail, entry(2).detail);
        let rest = read(db, |tx| audit_log::list(tx, org(1), None, 3, 3));
        assert_eq!((rest.items.len(), rest.next), (2, None));
        let end = LogEnd { seq: 5, hash: rest.items[1].hash };
        assert_eq!(read(db, |tx| audit_log::find_end(tx, org(1))), end);
        let about = read(db, |tx| audit_log::list(tx, org(1), Some(("audit", "a1")), 1, 9)).items;
        assert_eq!(about.iter().map(|it| it.seq).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(read(db, |tx| audit_log::list(tx, org(3), None, 0, 9)).items, []);
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), None);
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(2))), None);
        // The organization is in the hash: the same entry elsewhere is another.
        let other = read(db, |tx| audit_log::list(tx, org(2), None, 0, 9)).items;
        assert_ne!(other[0].hash, page.items[0].hash);
    }

    fn who_did_something_to_many_things_is_told_by_thing_and_never_of_another_kind_or_organization(db) {
        two_organizations(db);
        let one = |actor: &str, action: &str, kind: &str, subject: &str| NewLogEntry {
            actor: actor.into(),
            action: action.into(),
            subject_kind: kind.into(),
            subject: subject.into(),
            ..entry(1)
        };
        write(db, move |tx| {
            for it in [
                one("a", "change", "visit", "1"),
                one("a", "change", "visit", "1"),
                one("b", "look", "visit", "1"),
                one("c", "change", "visit", "2"),
                one("d", "change", "visit", "3"),
                one("e", "change", "appeal", "1"),
            ] {
                audit_log::append(tx, org(1), &it)?;
            }
            audit_log::append(tx, org(2), &one("f", "change", "visit", "1")).map(drop)
        }).unwrap();
        let told = |of: &'static [&'static str], but: &'static [&'static str]| {
            let of: Vec<String> = of.iter().map(|it| (*it).to_owned()).collect();
            let found = read(db, |tx| audit_log::actors_of_many(tx, org(1), ("visit", &of), but));
            found.into_iter().map(|(it, by)| (it, Vec::from_iter(by).join(""))).collect::<Vec<_>>()
        };
        let pair = |it: &str, by: &str| (it.to_owned(), by.to_owned());
        assert_eq!(told(&["1", "2", "9"], &[]), [pair("1", "ab"), pair("2", "c")]);
        assert_eq!(told(&["1"], &["look"]), [pair("1", "a")]);
        assert_eq!(told(&["1"], &["look", "change"]), []);
        assert_eq!(told(&[], &[]), []);
    }

    fn an_entry_goes_with_its_transaction(db) {
        two_organizations(db);
        append(db, 1, 1);
        let failed = write(db, |tx| {
            audit_log::append(tx, org(1), &entry(2))?;
            Err::<(), _>(DbError::NotFound)
        });
        assert!(failed.is_err());
        append(db, 1, 1);
        assert_eq!(read(db, |tx| audit_log::find_end(tx, org(1))).seq, 2);
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), None);
    }

    fn many_who_write_at_once_make_one_chain(db) {
        two_organizations(db);
        let writers: Vec<_> = (0..6)
            .map(|_| {
                let db = db.db.clone();
                std::thread::spawn(move || (0..5).for_each(|_| append(&db, 1, 2)))
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(read(db, |tx| audit_log::find_end(tx, org(1))).seq, 60);
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), None);
    }

    fn what_somebody_does_behind_the_back_shows(db) {
        two_organizations(db);
        append(db, 1, 4);
        db.execute(if db.is_sqlite() {
            "DROP TRIGGER audit_log_refuse_update; DROP TRIGGER audit_log_refuse_delete"
        } else {
            "ALTER TABLE audit_log DISABLE TRIGGER ALL"
        })
        .unwrap();
        db.execute("UPDATE audit_log SET detail = '{\"n\":2}' WHERE seq = 2").unwrap();
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), Some(LogBreak::Changed(2)));
        db.execute("DELETE FROM audit_log WHERE seq = 2").unwrap();
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), Some(LogBreak::Missing(2)));
        db.execute("UPDATE audit_log SET seq = seq - 1 WHERE seq > 2").unwrap();
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), Some(LogBreak::Unchained(2)));
        db.execute("DELETE FROM audit_log WHERE seq > 1").unwrap();
        assert_eq!(read(db, |tx| audit_log::verify(tx, org(1))), Some(LogBreak::Missing(2)));
    }
}

/// What somebody may do to one entry of a log of `length`.
#[derive(Debug, Clone)]
enum Tampering {
    Edit(&'static str),
    Remove,
    CutTail,
}

fn any_tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        prop::sample::select(vec![
            "at = at + 1",
            "actor = actor || ' '",
            "action = 'audit.reject'",
            "subject_kind = subject || subject_kind",
            "subject = subject || '0'",
            "detail = '{}'",
            "hash = prev_hash",
            "prev_hash = hash",
        ])
        .prop_map(Tampering::Edit),
        Just(Tampering::Remove),
        Just(Tampering::CutTail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever a log is touched, its check names that place, and before it was touched it names none.
    #[test]
    fn the_check_names_the_first_entry_that_was_touched(
        (length, place) in (1..8_u64).prop_flat_map(|length| (Just(length), 1..=length)),
        tampering in any_tampering(),
    ) {
        let db = database::sqlite();
        write(&db, |tx| organizations::append(tx, &organization(1))).unwrap();
        append(&db, 1, u32::try_from(length).unwrap());
        prop_assert_eq!(read(&db, |tx| audit_log::verify(tx, org(1))), None);
        db.execute("DROP TRIGGER audit_log_refuse_update; DROP TRIGGER audit_log_refuse_delete").unwrap();
        let (sql, expected) = match &tampering {
            Tampering::Edit(change) => {
                let broken = if change.starts_with("prev_hash") { LogBreak::Unchained(place) } else { LogBreak::Changed(place) };
                (format!("UPDATE audit_log SET {change} WHERE seq = {place}"), broken)
            }
            Tampering::Remove => (format!("DELETE FROM audit_log WHERE seq = {place}"), LogBreak::Missing(place)),
            Tampering::CutTail => (format!("DELETE FROM audit_log WHERE seq >= {place}"), LogBreak::Missing(place)),
        };
        db.execute(&sql).unwrap();
        prop_assert_eq!(read(&db, |tx| audit_log::verify(tx, org(1))), Some(expected));
    }
}
