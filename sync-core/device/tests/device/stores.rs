//! Where phones live: a folder of an earlier version, opened by today's program, holds what it held; other places are below.

#[path = "places.rs"]
mod places;

use std::path::Path;

use device::Device;
use rusqlite::{Connection, types::Value};

use crate::{NOW, Phone, ad_hoc, fill, world};

/// The store of the version before audits were kept in rows.
const BEFORE_ROWS: [&str; 6] = [
    include_str!("../../../../migrations/device/0001_store.sql"),
    include_str!("../../../../migrations/device/0002_unplaced.sql"),
    include_str!("../../../../migrations/device/0003_blobs.sql"),
    include_str!("../../../../migrations/device/0004_receipts.sql"),
    include_str!("../../../../migrations/device/0005_renewed.sql"),
    include_str!("../../../../migrations/device/0006_redacted.sql"),
];

fn names(store: &Connection, sql: &str) -> Vec<String> {
    let mut list = store.prepare(sql).unwrap();
    list.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn tables(store: &Connection) -> Vec<String> {
    names(store, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
}

fn columns(store: &Connection, table: &str) -> Vec<String> {
    names(store, &format!("SELECT name FROM pragma_table_info('{table}')"))
}

/// All rows of the tables and columns of an earlier store, as they now are.
fn rows(store: &Connection, of: &[(String, Vec<String>)]) -> Vec<(String, Vec<Vec<Value>>)> {
    let read = |(table, columns): &(String, Vec<String>)| {
        let mut list = store.prepare(&format!("SELECT {} FROM {table}", columns.join(", "))).unwrap();
        let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|it| row.get(it)).collect();
        let mut rows: Vec<Vec<Value>> = list.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap();
        rows.sort_by_key(|it| format!("{it:?}"));
        (table.clone(), rows)
    };
    of.iter().map(read).collect()
}

/// Makes the store of a folder one of the version before rows, with everything that it holds.
fn take_back(folder: &Path) -> Vec<(String, Vec<String>)> {
    let (now, before) = (folder.join("device.db"), folder.join("before.db"));
    let store = Connection::open(&before).unwrap();
    BEFORE_ROWS.iter().for_each(|it| store.execute_batch(it).unwrap());
    store.pragma_update(None, "user_version", BEFORE_ROWS.len()).unwrap();
    store.execute("ATTACH ?1 AS now", [now.to_str().unwrap()]).unwrap();
    store.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let schema: Vec<(String, Vec<String>)> =
        tables(&store).into_iter().map(|it| (it.clone(), columns(&store, &it))).collect();
    for (table, columns) in &schema {
        let columns = columns.join(", ");
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}");
        store.execute_batch(&copy).unwrap();
    }
    store.execute_batch("DETACH now").unwrap();
    drop(store);
    std::fs::rename(before, now).unwrap();
    schema
}

#[test]
fn a_store_of_before_audits_were_rows_is_opened_with_every_row_that_it_had() {
    let (mut server, hash) = world();
    let (mut one, mut two) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    one.sync(&mut server);
    two.sync(&mut server);
    for (number, phone) in [&mut one, &mut two].into_iter().enumerate() {
        for audit in 0..20 {
            let audit = phone.device().start(&ad_hoc(audit, hash), NOW).unwrap();
            fill(phone.device(), audit);
            let text = format!("\"{}\"", "all well ".repeat(200 * number));
            phone.device().answer(audit, "A03", &text, NOW).unwrap();
        }
    }
    two.sync(&mut server);
    one.sync(&mut server);
    one.device().answer(uuid::Uuid::from_u128(3), "A01", "\"no\"", NOW).unwrap();
    let status = one.device().status().unwrap();
    let before = one.device().projection_hash().unwrap();
    let conflicts = one.device().conflicts(50).unwrap().len();
    assert!(conflicts > 0);
    let folder = one.dir.path().to_owned();
    one.device = None;
    let schema = take_back(&folder);
    let held = rows(&Connection::open(folder.join("device.db")).unwrap(), &schema);
    assert!(held.iter().any(|it| it.0 == "audits" && it.1.len() == 20));
    one.device = Some(Device::open(&folder).unwrap());
    one.device().verify_log().unwrap();
    assert_eq!(one.device().projection_hash().unwrap(), before);
    assert_eq!(one.device().conflicts(50).unwrap().len(), conflicts);
    assert_eq!(format!("{:?}", one.device().status().unwrap()), format!("{status:?}"));
    one.device().rebuild().unwrap();
    assert_eq!(one.device().projection_hash().unwrap(), before);
    one.device = None;
    let store = Connection::open(folder.join("device.db")).unwrap();
    assert_eq!(rows(&store, &schema), held);
    // Nothing is left over, and it is the store that a new phone makes.
    two.device = None;
    let fresh = Connection::open(two.dir.path().join("device.db")).unwrap();
    let shape = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master ORDER BY 1";
    assert_eq!(names(&store, shape), names(&fresh, shape));
    drop(store);
    one.device = Some(Device::open(&folder).unwrap());
    one.sync(&mut server);
    assert_eq!(one.device().status().unwrap().pending_ops, 0);
}
