//! What devices last said of themselves.

use db::reports::{self, DeviceReport};
use db::{Micros, devices};

use crate::database::{is_refused, org, read, two_organizations, write};
use crate::devices::{dev, device};
use crate::on_both;

fn report(number: u8, pending_ops: u64) -> DeviceReport {
    DeviceReport {
        dev: dev(number),
        seen_at: Micros(1_700_000_000_000_001),
        wall_ms: u64::MAX >> 1,
        pending_ops,
        pending_blobs: 2,
        pending_bytes: 3,
        day: 20_000,
        day_ops: 4,
        over_quota_at: None,
    }
}

on_both! {
    fn a_report_takes_the_place_of_the_one_before_and_is_of_a_known_device_of_its_organization(db) {
        two_organizations(db);
        write(db, |tx| {
            devices::append(tx, org(1), &device(1, Some(11)))?;
            devices::append(tx, org(1), &device(2, Some(11)))?;
            reports::upsert(tx, org(1), &report(1, 9))?;
            reports::upsert(tx, org(1), &report(2, 8))
        })
        .unwrap();
        let later = DeviceReport { over_quota_at: Some(Micros(7)), seen_at: Micros(5), day: 3, day_ops: 2, ..report(1, 0) };
        let put = later.clone();
        write(db, move |tx| reports::upsert(tx, org(1), &put)).unwrap();
        assert_eq!(read(db, |tx| reports::find(tx, org(1), dev(1))), Some(later));
        assert_eq!(read(db, |tx| reports::find(tx, org(1), dev(2))), Some(report(2, 8)));
        assert_eq!(read(db, |tx| reports::find(tx, org(2), dev(1))), None);
        assert!(is_refused(&write(db, |tx| reports::upsert(tx, org(2), &report(1, 1)))));
        assert!(is_refused(&write(db, |tx| reports::upsert(tx, org(1), &report(3, 1)))));
    }
}
