//! Sessions and one-time codes.

use db::Micros;
use db::sessions::{self, EnrolmentCode, Session};
use sync_core::DeviceId;

use crate::database::{hash, is_duplicate, is_refused, org, read, two_organizations, user, write};
use crate::on_both;

fn session(number: u8, of: u32) -> Session {
    Session {
        token_hash: hash(number),
        user_id: user(of),
        dev: (number > 5).then_some(DeviceId([9; 16])),
        created_at: Micros(10),
        expires_at: Micros(1_000 + i64::from(number)),
        revoked_at: None,
        awaits_factor: false,
        proved_at: None,
    }
}

fn code(number: u8) -> EnrolmentCode {
    EnrolmentCode {
        code_hash: hash(number),
        user_id: user(11),
        created_by: user(11),
        created_at: Micros(10),
        expires_at: Micros(100),
        used_at: None,
    }
}

on_both! {
    fn a_token_tells_its_organization_and_user(db) {
        two_organizations(db);
        write(db, |tx| {
            sessions::append(tx, org(1), &session(1, 11))?;
            sessions::append(tx, org(2), &session(2, 21))
        })
        .unwrap();
        assert_eq!(read(db, |tx| sessions::find_by_token(tx, hash(2))), Some((org(2), session(2, 21))));
        assert_eq!(read(db, |tx| sessions::find_by_token(tx, hash(3))), None);
        assert!(is_duplicate(&write(db, |tx| sessions::append(tx, org(2), &session(1, 21)))));
        assert!(is_refused(&write(db, |tx| sessions::append(tx, org(2), &session(3, 11)))));
    }

    fn a_session_ends_once_and_only_by_its_organization(db) {
        two_organizations(db);
        write(db, |tx| sessions::append(tx, org(1), &session(1, 11))).unwrap();
        assert!(!write(db, |tx| sessions::revoke(tx, org(2), hash(1), Micros(50))).unwrap());
        assert!(write(db, |tx| sessions::revoke(tx, org(1), hash(1), Micros(60))).unwrap());
        assert!(!write(db, |tx| sessions::revoke(tx, org(1), hash(1), Micros(70))).unwrap());
        let (_, ended) = read(db, |tx| sessions::find_by_token(tx, hash(1))).unwrap();
        assert_eq!(ended.revoked_at, Some(Micros(60)));
    }

    fn all_sessions_of_a_user_or_a_device_end_together(db) {
        two_organizations(db);
        write(db, |tx| {
            (1..=8).try_for_each(|number| sessions::append(tx, org(1), &session(number, 11)))?;
            sessions::append(tx, org(2), &session(9, 21))
        })
        .unwrap();
        let dev = DeviceId([9; 16]);
        assert_eq!(write(db, move |tx| sessions::revoke_all_of_device(tx, org(1), dev, Micros(50))).unwrap(), 3);
        assert_eq!(write(db, |tx| sessions::revoke_all_of_user(tx, org(1), user(11), Micros(60))).unwrap(), 5);
        let (_, other) = read(db, |tx| sessions::find_by_token(tx, hash(9))).unwrap();
        assert_eq!(other.revoked_at, None);
    }

    fn all_sessions_of_a_user_but_one_end_together(db) {
        two_organizations(db);
        write(db, |tx| (1..=3).try_for_each(|number| sessions::append(tx, org(1), &session(number, 11)))).unwrap();
        let end = |number| {
            write(db, move |tx| sessions::revoke_others_of_user(tx, org(number), user(11), hash(2), Micros(50))).unwrap()
        };
        assert_eq!([end(2), end(1), end(1)], [0, 2, 0]);
        let (_, kept) = read(db, |tx| sessions::find_by_token(tx, hash(2))).unwrap();
        assert_eq!(kept.revoked_at, None);
    }

    fn expired_sessions_are_removed(db) {
        two_organizations(db);
        write(db, |tx| (1..=4).try_for_each(|number| sessions::append(tx, org(1), &session(number, 11)))).unwrap();
        assert_eq!(write(db, |tx| sessions::remove_expired(tx, Micros(1_003))).unwrap(), 2);
        assert_eq!(read(db, |tx| sessions::find_by_token(tx, hash(2))), None);
        assert!(read(db, |tx| sessions::find_by_token(tx, hash(3))).is_some());
    }

    fn a_code_serves_once_and_in_time(db) {
        two_organizations(db);
        write(db, |tx| {
            sessions::append_code(tx, org(1), &code(1))?;
            sessions::append_code(tx, org(1), &code(2))
        })
        .unwrap();
        let used = EnrolmentCode { used_at: Some(Micros(99)), ..code(1) };
        assert_eq!(write(db, |tx| sessions::use_code(tx, hash(1), Micros(99))).unwrap(), Some((org(1), used)));
        assert_eq!(write(db, |tx| sessions::use_code(tx, hash(1), Micros(99))).unwrap(), None);
        assert_eq!(write(db, |tx| sessions::use_code(tx, hash(2), Micros(100))).unwrap(), None);
        assert_eq!(write(db, |tx| sessions::use_code(tx, hash(3), Micros(1))).unwrap(), None);
    }
}
