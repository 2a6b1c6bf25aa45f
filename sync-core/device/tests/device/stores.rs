//! Where phones live: a store of another version is refused and lies as it lay, until a program comes that knows it; other places are
//! below.

#[path = "places.rs"]
mod places;

use std::{fs, path::Path};

use device::{Device, DeviceKind, NewDevice};
use rusqlite::Connection;

use crate::{NOW, Phone, ad_hoc, fill, world};

/// The version that today's program writes.
const TODAY: u32 = 17;

/// Reads, or makes a store say, of which version it is.
fn version(folder: &Path, to: Option<u32>) -> u32 {
    let store = Connection::open(folder.join("device.db")).unwrap();
    if let Some(to) = to {
        store.pragma_update(None, "user_version", to).unwrap();
    }
    store.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_store_of_another_version_is_refused_and_lies_as_it_lay() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(phone.device(), audit);
    let held = phone.device().projection_hash().unwrap();
    phone.device = None;
    let folder = phone.dir.path().to_owned();
    assert_eq!(version(&folder, None), TODAY);
    let trial = (1..TODAY).map(|it| (it, "trial_store"));
    let newer = [TODAY + 1, 99].map(|it| (it, "newer_store"));
    for (other, refusal) in trial.chain(newer) {
        version(&folder, Some(other));
        let before = fs::read(folder.join("device.db")).unwrap();
        let key = fs::read(folder.join("device.key")).unwrap();
        let new = NewDevice { secret: [7; 32], kind: DeviceKind::Phone };
        for refused in [Device::open(&folder), Device::create(&folder, &new)] {
            let refused = refused.err().unwrap();
            assert_eq!(refused.code(), refusal, "version {other}");
        }
        assert_eq!(fs::read(folder.join("device.db")).unwrap(), before, "version {other}");
        assert_eq!(fs::read(folder.join("device.key")).unwrap(), key, "version {other}");
    }
    version(&folder, Some(TODAY));
    phone.device = Some(Device::open(&folder).unwrap());
    phone.device().verify_log().unwrap();
    assert_eq!(phone.device().projection_hash().unwrap(), held);
    phone.sync(&mut server);
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
}
