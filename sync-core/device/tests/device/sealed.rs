//! What a phone makes ready while its log grows: it is sent as it was typed, or the log is sent instead.

use rusqlite::Connection;
use sync_core::sealed::SEALED_OPS;

use super::*;

/// Answers of one visit.
const ANSWERS: usize = 60;

/// Makes visits until the log is longer than one sealed segment; the answers of each are its own.
fn make_visits(device: &mut Device, hash: Hash, numbers: std::ops::Range<u128>) {
    device
        .batch(|batch| {
            for number in numbers {
                let audit = Uuid::from_u128(number);
                batch.start(&ad_hoc(number, hash), NOW)?;
                for answer in 0..ANSWERS {
                    batch.answer(audit, "A03", &format!("\"{number} {answer}\""), NOW)?;
                }
            }
            Ok(())
        })
        .unwrap();
}

/// A phone with a long log that it did not send.
fn long_gone(server: &mut Server, hash: Hash) -> Phone {
    let mut phone = Phone::new(1, server);
    phone.sync(server);
    make_visits(phone.device(), hash, 1..80);
    assert!(phone.device().head().dseq > SEALED_OPS as u64);
    phone
}

impl Phone {
    fn store(&self) -> Connection {
        Connection::open(self.dir.path().join("device.db")).unwrap()
    }

    fn count_sealed(&self) -> u64 {
        self.store().query_row("SELECT count(*) FROM sealed", [], |row| row.get(0)).unwrap()
    }

    /// Changes the database behind the device's back.
    fn tamper(&mut self, sql: &str) {
        self.device = None;
        assert_eq!(self.store().execute(sql, []).unwrap(), 1);
        self.kill();
    }
}

/// What the server holds of the phone's log: positions, fields and values.
fn held(server: &Server, phone: &mut Phone) -> Vec<(u64, String, Option<Bytes>)> {
    let row = &server.devices[&phone.device().dev()];
    assert_eq!(row.head.head, phone.device().head());
    row.ops.values().map(|it| (it.0.dseq, it.0.field.clone(), it.0.value.clone())).collect()
}

fn typed(phone: &mut Phone) -> Vec<(u64, String, Option<Bytes>)> {
    let store = phone.store();
    let mut list = store.prepare("SELECT dseq, field, value FROM oplog ORDER BY dseq").unwrap();
    let value = |row: &rusqlite::Row<'_>| row.get::<_, Option<Vec<u8>>>(2).map(|it| it.map(Bytes::from));
    let rows = list.query_map([], |row| Ok((row.get(0)?, row.get(1)?, value(row)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_log_of_a_long_time_without_a_network_is_sealed_as_it_grows_and_arrives_as_it_was_typed() {
    let (mut server, hash) = world();
    let mut phone = long_gone(&mut server, hash);
    assert_eq!(phone.count_sealed(), 1);
    phone.kill();
    phone.sync(&mut server);
    assert_eq!(held(&server, &mut phone), typed(&mut phone));
    let segments = &server.devices[&phone.device().dev()].segments;
    let lengths: Vec<usize> = segments.iter().map(|it| it.1.ops.ops.len()).collect();
    assert_eq!(lengths[0], SEALED_OPS);
    assert_eq!(lengths.len(), 2);
    // What is stored at the server goes when the next one is made.
    make_visits(phone.device(), hash, 100..180);
    let store = phone.store();
    let first = "SELECT min(first) FROM sealed";
    let first: u64 = store.query_row(first, [], |row| row.get(0)).unwrap();
    assert!(first > SEALED_OPS as u64);
    phone.sync(&mut server);
    assert_eq!(held(&server, &mut phone), typed(&mut phone));
}

#[test]
fn a_sealed_segment_that_the_disk_changed_is_not_sent_and_the_log_is() {
    for column in ["ops", "h", "prev_h", "mac"] {
        let (mut server, hash) = world();
        let mut phone = long_gone(&mut server, hash);
        let turned = format!("UPDATE sealed SET {column} = CAST(substr({column}, 2) || x'00' AS BLOB)");
        phone.tamper(&turned);
        phone.sync(&mut server);
        assert_eq!(held(&server, &mut phone), typed(&mut phone), "{column}");
    }
}

#[test]
fn what_was_sealed_is_sent_as_it_was_typed_though_the_disk_changed_the_log_since() {
    let (mut server, hash) = world();
    let mut phone = long_gone(&mut server, hash);
    let typed = typed(&mut phone);
    phone.tamper("UPDATE oplog SET value = x'35' WHERE dseq = 17");
    phone.sync(&mut server);
    assert_eq!(held(&server, &mut phone), typed);
}

#[test]
fn a_log_that_the_disk_changed_before_is_not_sealed_and_not_signed() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    make_visits(phone.device(), hash, 1..20);
    phone.tamper("UPDATE oplog SET value = x'35' WHERE dseq = 17");
    make_visits(phone.device(), hash, 20..80);
    assert_eq!(phone.count_sealed(), 0);
    let (dev, mut wire) = (phone.device().dev(), Wire { server: &mut server, faults: VecDeque::new() });
    let device = phone.device.as_mut().unwrap();
    let run = Sync::new(device).unwrap().run(device, &mut wire, clock(), 1);
    assert_eq!(code(run), "device_store_damaged");
    assert_eq!(server.devices[&dev].head.head.dseq, 0);
}

#[test]
fn a_restored_server_is_sent_a_long_log_again_under_its_receipts() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    make_visits(phone.device(), hash, 1..10);
    let copy = server.clone();
    phone.sync(&mut server);
    make_visits(phone.device(), hash, 10..90);
    phone.sync(&mut server);
    let (before, received) = (held(&server, &mut phone), server.now_ms);
    server.restore(&copy, true);
    server.now_ms = received + 60_000;
    phone.sync(&mut server);
    assert_eq!(held(&server, &mut phone), before);
    let mut reader = Phone::new(2, &mut server);
    reader.sync(&mut server);
    assert_eq!(reader.device().list(None, 1_000).unwrap().len(), 89);
}

#[test]
fn an_interrupted_push_of_a_long_log_goes_on_where_the_server_stands() {
    let (mut server, hash) = world();
    let mut phone = long_gone(&mut server, hash);
    phone.sync_with(&mut server, &[Fault::LostReply]);
    make_visits(phone.device(), hash, 100..180);
    phone.kill();
    phone.sync(&mut server);
    assert_eq!(held(&server, &mut phone), typed(&mut phone));
}

#[test]
fn nothing_of_a_redacted_answer_stays_in_what_was_sealed() {
    let (mut server, hash) = world();
    let mut phone = long_gone(&mut server, hash);
    phone.sync(&mut server);
    assert_eq!(phone.count_sealed(), 1);
    // The last answer of the third visit, each of which begins with an op of its own.
    let said = phone.device().op_id(3 * (ANSWERS as u64 + 1));
    server.redact(Uuid::from_u128(3), "A03", vec![said]);
    phone.sync(&mut server);
    assert_eq!(phone.count_sealed(), 0);
    phone.device().verify_log().unwrap();
}

#[test]
fn an_import_sends_at_once_and_seals_nothing() {
    let (mut server, hash) = world();
    let mut tool = Phone::of_kind(1, &mut server, DeviceKind::Import);
    tool.sync(&mut server);
    make_visits(tool.device(), hash, 1..80);
    assert_eq!(tool.count_sealed(), 0);
    tool.sync(&mut server);
    assert_eq!(held(&server, &mut tool), typed(&mut tool));
}
