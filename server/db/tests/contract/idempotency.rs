//! Answers that were given to requests with a key.

use db::Micros;
use db::idempotency::{self, StoredAnswer};

use crate::database::{hash, is_duplicate, is_refused, org, read, two_organizations, user, write};
use crate::on_both;

fn answer(key: &str, at: i64) -> StoredAnswer {
    StoredAnswer {
        user_id: user(11),
        key: key.into(),
        request_hash: hash(1),
        status: 201,
        body: b"{\"id\":1}".to_vec(),
        created_at: Micros(at),
    }
}

on_both! {
    fn a_key_is_answered_once_and_kept_for_a_while(db) {
        two_organizations(db);
        write(db, |tx| {
            idempotency::append(tx, org(1), &answer("one", 10))?;
            idempotency::append(tx, org(1), &answer("two", 20))
        })
        .unwrap();
        assert_eq!(read(db, |tx| idempotency::find(tx, org(1), user(11), "one")), Some(answer("one", 10)));
        assert_eq!(read(db, |tx| idempotency::find(tx, org(2), user(11), "one")), None);
        assert_eq!(read(db, |tx| idempotency::find(tx, org(1), user(21), "one")), None);
        assert!(is_duplicate(&write(db, |tx| idempotency::append(tx, org(1), &answer("one", 30)))));
        assert!(is_refused(&write(db, |tx| idempotency::append(tx, org(2), &answer("one", 30)))));
        assert_eq!(write(db, |tx| idempotency::remove_before(tx, org(2), Micros(99))).unwrap(), 0);
        assert_eq!(write(db, |tx| idempotency::remove_before(tx, org(1), Micros(20))).unwrap(), 1);
        assert_eq!(read(db, |tx| idempotency::find(tx, org(1), user(11), "one")), None);
        assert!(read(db, |tx| idempotency::find(tx, org(1), user(11), "two")).is_some());
    }
}
