//! Reports of incidents, their keys and their log of custody.

use db::incidents::{self, CustodyEntry, Incident, IncidentKey};
use db::{Db, DbError, Micros, devices};
use domain::ids::IncidentId;
use domain::incident::IncidentState;
use uuid::Uuid;

use crate::database::{hash, is_duplicate, is_refused, org, read, two_organizations, user, write};
use crate::devices::{dev, device};
use crate::on_both;

fn id(number: u128) -> IncidentId {
    IncidentId(Uuid::from_u128(number))
}

fn incident(number: u128) -> Incident {
    Incident {
        incident_id: id(number),
        user_id: user(11),
        dev: dev(1),
        author_dev: dev(9),
        key_id: (number != 2).then(|| hash(7)),
        body: vec![0, 255, 1],
        sig: vec![2],
        received_at: Micros(1_700_000_000_000_000 + i64::try_from(number).unwrap()),
        state: IncidentState::Received,
    }
}

fn entry(number: u128, of: u128, reason: Option<&str>) -> CustodyEntry {
    CustodyEntry {
        entry_id: Uuid::from_u128(number),
        incident_id: id(of),
        at: Micros(5),
        actor: "user:ana".to_owned(),
        action: "opened".to_owned(),
        reason: reason.map(str::to_owned),
    }
}

fn key(number: u8, created_at: i64) -> IncidentKey {
    IncidentKey {
        key_id: hash(number),
        public_key: vec![number; 32],
        created_at: Micros(created_at),
        retired_at: None,
    }
}

fn reported(db: &Db) {
    two_organizations(db);
    write(db, |tx| {
        devices::append(tx, org(1), &device(1, Some(11)))?;
        (1..=3).try_for_each(|it| incidents::append(tx, org(1), &incident(it)))
    })
    .unwrap();
}

on_both! {
    fn reports_are_found_listed_and_counted_in_their_organization_only(db) {
        reported(db);
        assert_eq!(read(db, |tx| incidents::find(tx, org(1), id(2))), Some(incident(2)));
        assert_eq!(read(db, |tx| incidents::find(tx, org(2), id(2))), None);
        let first = read(db, |tx| incidents::list(tx, org(1), None, None, 2));
        assert_eq!((first.items, first.next), (vec![incident(1), incident(2)], Some(id(2))));
        let rest = read(db, |tx| incidents::list(tx, org(1), None, Some(id(2)), 2));
        assert_eq!((rest.items, rest.next), (vec![incident(3)], None));
        assert!(read(db, |tx| incidents::list(tx, org(2), None, None, 9)).items.is_empty());
        let since = |at: i64| read(db, |tx| incidents::count_since(tx, org(1), user(11), Micros(1_700_000_000_000_000 + at)));
        assert_eq!((since(0), since(2), since(4)), (3, 2, 0));
        assert_eq!(read(db, |tx| incidents::count_since(tx, org(2), user(11), Micros(0))), 0);
        assert!(is_duplicate(&write(db, |tx| incidents::append(tx, org(1), &incident(1)))));
        assert!(is_refused(&write(db, |tx| incidents::append(tx, org(2), &incident(4)))));
    }

    fn a_state_moves_once_and_everything_else_of_a_report_stands(db) {
        reported(db);
        let step = (IncidentState::Received, IncidentState::InHand);
        write(db, move |tx| incidents::set_state(tx, org(1), id(1), step)).unwrap();
        for (of, which) in [(1, 1), (2, 2)] {
            let again = write(db, move |tx| incidents::set_state(tx, org(of), id(which), step));
            assert!(matches!(again, Err(DbError::Stale)), "{again:?}");
        }
        let in_hand = read(db, |tx| incidents::list(tx, org(1), Some(IncidentState::InHand), None, 9)).items;
        assert_eq!(in_hand, [Incident { state: IncidentState::InHand, ..incident(1) }]);
        for change in ["UPDATE incidents SET body = sig", "UPDATE incidents SET author_dev = dev", "DELETE FROM incidents"] {
            let outcome = db.execute(change);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{change}: {outcome:?}");
        }
    }

    fn the_log_of_custody_only_grows(db) {
        reported(db);
        write(db, |tx| incidents::append_custody(tx, org(1), &[entry(2, 1, Some("turno")), entry(1, 1, None), entry(3, 2, None)])).unwrap();
        let first = read(db, |tx| incidents::list_custody(tx, org(1), id(1), None, 1));
        assert_eq!((first.items, first.next), (vec![entry(1, 1, None)], Some(Uuid::from_u128(1))));
        let rest = read(db, |tx| incidents::list_custody(tx, org(1), id(1), Some(Uuid::from_u128(1)), 9));
        assert_eq!(rest.items, [entry(2, 1, Some("turno"))]);
        assert!(read(db, |tx| incidents::list_custody(tx, org(2), id(1), None, 9)).items.is_empty());
        assert!(is_refused(&write(db, |tx| incidents::append_custody(tx, org(2), &[entry(4, 1, None)]))));
        for change in ["UPDATE incident_custody SET actor = 'x'", "DELETE FROM incident_custody"] {
            let outcome = db.execute(change);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{change}: {outcome:?}");
        }
    }

    fn a_new_key_retires_the_one_before_and_none_is_set_twice(db) {
        two_organizations(db);
        write(db, |tx| {
            incidents::set_key(tx, org(1), &key(1, 10))?;
            incidents::set_key(tx, org(2), &key(1, 11))?;
            incidents::set_key(tx, org(1), &key(2, 20))
        })
        .unwrap();
        let retired = IncidentKey { retired_at: Some(Micros(20)), ..key(1, 10) };
        assert_eq!(read(db, |tx| incidents::list_keys(tx, org(1))), [retired, key(2, 20)]);
        assert_eq!(read(db, |tx| incidents::list_keys(tx, org(2))), [key(1, 11)]);
        assert!(is_duplicate(&write(db, |tx| incidents::set_key(tx, org(1), &key(1, 30)))));
    }
}
