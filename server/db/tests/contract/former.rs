//! Devices that go on for a former one, and what is kept of the logs that were given up.

use db::former::{self, FormerRun, Succession};
use db::{DbError, Micros, devices};

use crate::database::{hash, org, read, two_organizations, write};
use crate::devices::{dev, device};
use crate::on_both;

fn run(first: u64, h: u8) -> FormerRun {
    FormerRun {
        dev: dev(1),
        first_dseq: first,
        last_dseq: first + 4,
        h: hash(h),
        brought_by: dev(3),
        received_at: Micros(7),
        bytes: vec![0, 255, 3],
    }
}

on_both! {
    fn a_device_goes_on_for_one_former_device_of_its_organization(db) {
        two_organizations(db);
        let first = Succession { dev: dev(3), former: dev(1), proven: true, at: Micros(5) };
        write(db, move |tx| {
            devices::append(tx, org(1), &device(1, Some(11)))?;
            devices::append(tx, org(1), &device(3, Some(11)))?;
            former::append_succession(tx, org(1), &first)?;
            // Told again, or otherwise: the first word stands.
            former::append_succession(tx, org(1), &Succession { proven: false, at: Micros(9), ..first.clone() })
        })
        .unwrap();
        let first = Succession { dev: dev(3), former: dev(1), proven: true, at: Micros(5) };
        assert_eq!(read(db, |tx| former::find_succession(tx, org(1), dev(3))), Some(first));
        assert_eq!(read(db, |tx| former::find_succession(tx, org(1), dev(1))), None);
        assert_eq!(read(db, |tx| former::find_succession(tx, org(2), dev(3))), None);
    }

    fn what_was_given_up_is_kept_once_and_beside_what_else_stood_there(db) {
        two_organizations(db);
        write(db, |tx| {
            devices::append(tx, org(1), &device(1, Some(11)))?;
            for kept in [run(8, 1), run(3, 2), run(3, 1), run(3, 2)] {
                former::keep_run(tx, org(1), &kept)?;
            }
            Ok(())
        })
        .unwrap();
        let all = read(db, |tx| former::list_runs(tx, org(1), dev(1), None, 10)).items;
        assert_eq!(all, [run(3, 1), run(3, 2), run(8, 1)]);
        assert_eq!(read(db, |tx| former::list_runs(tx, org(1), dev(1), Some((3, hash(2))), 10)).items, [run(8, 1)]);
        assert_eq!(read(db, |tx| former::list_runs(tx, org(2), dev(1), None, 10)).items, []);
        // A page may end between two that begin at one position.
        let first = read(db, |tx| former::list_runs(tx, org(1), dev(1), None, 1));
        assert_eq!((first.items, first.next), (vec![run(3, 1)], Some((3, hash(1)))));
        let second = read(db, |tx| former::list_runs(tx, org(1), dev(1), first.next, 1));
        assert_eq!((second.items, second.next), (vec![run(3, 2)], Some((3, hash(2)))));
        let last = read(db, |tx| former::list_runs(tx, org(1), dev(1), second.next, 1));
        assert_eq!((last.items, last.next), (vec![run(8, 1)], None));
    }

    fn of_what_was_given_up_only_a_value_may_be_taken(db) {
        two_organizations(db);
        write(db, |tx| {
            devices::append(tx, org(1), &device(1, Some(11)))?;
            former::keep_run(tx, org(1), &run(3, 1))?;
            former::keep_run(tx, org(1), &run(3, 2))?;
            former::rewrite_run(tx, org(1), &run(3, 1), &[7])
        })
        .unwrap();
        let all = read(db, |tx| former::list_runs(tx, org(1), dev(1), None, 10)).items;
        assert_eq!(all, [FormerRun { bytes: vec![7], ..run(3, 1) }, run(3, 2)]);
        let missing = write(db, |tx| former::rewrite_run(tx, org(2), &run(3, 1), &[7]));
        assert!(matches!(missing, Err(DbError::NotFound)), "{missing:?}");
        for sql in ["UPDATE former_runs SET last_dseq = last_dseq + 1", "DELETE FROM former_runs"] {
            let outcome = db.execute(sql);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{sql}: {outcome:?}");
        }
    }
}
