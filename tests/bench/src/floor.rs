//! The floor of the workload, measured in the same run: the least that any server and any client must do, which is one durable
//! transaction with the rows of the ops and one request with the compressed bytes (the protocol's decision on the floor: authoring
//! is not counted).

use crate::{Outcome, office::ITEMS, words::Words};
use rusqlite::Connection;
use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Ops of an audit of W: begun, an answer to each item and one more that is demanded, handed in.
pub(crate) const ROWS: usize = ITEMS + 3;

/// What one op is to a store that keeps it as a row: author, position, audit, field, value, hash.
pub(crate) fn rows_in_one_transaction(folder: &Path, audits: usize, rows: usize) -> Outcome<Duration> {
    let mut words = Words::new(7);
    let all: Vec<(u64, [u8; 16], String, String)> = (0..audits)
        .flat_map(|_| {
            let audit = words.audit().into_bytes();
            (0..rows).map(|it| (audit, format!("A{it:02}"), words.answer())).collect::<Vec<_>>()
        })
        .zip(1..)
        .map(|((audit, field, value), dseq)| (dseq, audit, field, value))
        .collect();
    let mut connection = Connection::open(folder.join("floor.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         CREATE TABLE op (dev BLOB, dseq INTEGER, audit BLOB, field TEXT, value TEXT, h BLOB, PRIMARY KEY (dev, dseq)) \
         WITHOUT ROWID",
    )?;
    let begun = Instant::now();
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO op VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for (dseq, audit, field, value) in &all {
            insert.execute(([1_u8; 16], i64::try_from(*dseq)?, audit, field, value, [2_u8; 32]))?;
        }
    }
    transaction.commit()?;
    Ok(begun.elapsed())
}

/// Files of so many bytes, each on the disk before the next.
pub(crate) fn files(folder: &Path, count: usize, bytes: usize) -> Outcome<Duration> {
    let content = vec![7; bytes];
    let begun = Instant::now();
    for number in 0..count {
        let mut file = File::create(folder.join(format!("floor-{number}")))?;
        file.write_all(&content)?;
        file.sync_all()?;
    }
    Ok(begun.elapsed())
}

/// What the rows of audits and the bytes of one request take: the floor of a push, and of a pull.
pub(crate) fn of_audits(folder: &Path, audits: usize, bytes: u64) -> Outcome<Duration> {
    Ok(rows_in_one_transaction(folder, audits, ROWS)? + one_request(usize::try_from(bytes)?)?)
}

/// One request with so many bytes and an answer, over a connection that stands.
pub(crate) fn one_request(bytes: usize) -> Outcome<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> std::io::Result<()> {
        let (mut client, _) = listener.accept()?;
        client.set_nodelay(true)?;
        let mut body = vec![0; bytes];
        client.read_exact(&mut body)?;
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let mut client = TcpStream::connect(address)?;
    client.set_nodelay(true)?;
    let body = vec![7; bytes];
    let begun = Instant::now();
    client.write_all(&body)?;
    let mut answer = [0; 38];
    client.read_exact(&mut answer)?;
    let took = begun.elapsed();
    server.join().map_err(|_| "the floor's server failed")??;
    Ok(took)
}
