//! The one thread that writes a SQLite file: it commits whatever queued up during the last commit as one group.
//!
//! A job's answer leaves only after the commit (one fsync for the group). Each job runs in a savepoint of its own, so
//! one that fails takes back only itself.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::{self, JoinHandle, ThreadId};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};

use crate::connection::Connection;
use crate::{DbError, DbOptions, Tx, private};

/// What readers and the writer have in common; `busy_timeout` goes before it.
pub(crate) const SHARED_PRAGMAS: &str =
    "PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;";

/// Pages in the journal from which on they are taken over into the file, as many as SQLite itself waits for.
const PAGES: i64 = 1_000;

/// So many bytes of free pages are overwritten by one value: SQLite takes none that is much larger than a gigabyte.
const CLEARED_AT_ONCE: i64 = 1 << 24;

/// The most jobs of one group: beyond it the fsync no longer counts and the answers only come later.
const GROUP: usize = 64;

/// Tells the caller how its job ended, given what became of the group's commit.
type Finish = Box<dyn FnOnce(Result<(), DbError>)>;

/// What a job leaves behind.
enum Ran {
    /// Kept or taken back; the group goes on.
    Settled(Finish),
    /// SQLite gave up the whole group (a full disk does that).
    GroupLost(Finish),
}

type Job = Box<dyn FnOnce(&mut SqliteConnection) -> Ran + Send>;

/// A piece of work that is not part of a group, such as a migration.
type Alone = Box<dyn FnOnce(Result<&mut SqliteConnection, DbError>) + Send>;

enum Work {
    Grouped(Job, Box<dyn FnOnce(DbError) + Send>),
    Alone(Alone),
}

/// The queue before the writing thread; dropping it ends the thread after the last job.
pub(crate) struct Writer {
    queue: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    thread_id: ThreadId,
}

impl Writer {
    /// Opens the file, creating it, and starts the thread.
    pub(crate) fn start(path: String, options: DbOptions) -> Result<Self, DbError> {
        let connection = open(&path, &options)?;
        let (queue, jobs) = bounded(options.queue.max(1));
        let thread = thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || serve(&jobs, connection, || open(&path, &options)))
            .map_err(DbError::unavailable)?;
        Ok(Self { queue: Some(queue), thread_id: thread.thread().id(), thread: Some(thread) })
    }

    /// Queues `job` and waits until the group it ran in is durable.
    pub(crate) fn write<T, E>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, outcome) = bounded::<Outcome<T, E>>(1);
        let refusal = answer.clone();
        let refuse = Box::new(move |error: DbError| drop(refusal.try_send(Outcome::Done(Err(error.into())))));
        let work = Work::Grouped(Box::new(move |connection| run(connection, job, answer)), refuse);
        self.submit(work)?;
        match outcome.recv() {
            Ok(Outcome::Done(result)) => result,
            Ok(Outcome::Panicked(payload)) => resume_unwind(payload),
            Err(_) => Err(DbError::unavailable("the database writer has stopped").into()),
        }
    }

    /// Runs `work` on the writing connection outside any transaction.
    pub(crate) fn alone(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<(), DbError> + Send + 'static,
    ) -> Result<(), DbError> {
        let (answer, outcome) = bounded(1);
        self.submit(Work::Alone(Box::new(move |connection| {
            drop(answer.try_send(connection.and_then(work)))
        })))?;
        outcome.recv().map_err(|_| DbError::unavailable("the database writer has stopped"))?
    }

    fn submit(&self, work: Work) -> Result<(), DbError> {
        if thread::current().id() == self.thread_id {
            return Err(DbError::Usage("a write inside a write"));
        }
        let queue = self.queue.as_ref().ok_or(DbError::Busy)?;
        queue.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => DbError::Busy,
            TrySendError::Disconnected(_) => DbError::unavailable("the database writer has stopped"),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // A job may hold the last handle of its own database; it cannot wait for the thread it runs on.
        if let Some(thread) = self.thread.take()
            && thread::current().id() != self.thread_id
        {
            drop(thread.join());
        }
    }
}

fn open(path: &str, options: &DbOptions) -> Result<SqliteConnection, DbError> {
    private::keep(path)?;
    let mut connection = SqliteConnection::establish(path).map_err(DbError::unavailable)?;
    // Deleted bytes are overwritten: an earlier copy of what is redacted one day must not lie on in a page that is free.
    connection.batch_execute(&format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA fullfsync = ON; PRAGMA secure_delete = ON; \
         PRAGMA wal_autocheckpoint = 0; {SHARED_PRAGMAS}",
        options.wait_ms
    ))?;
    Ok(connection)
}

/// How a job ended.
enum Outcome<T, E> {
    Done(Result<T, E>),
    Panicked(Box<dyn Any + Send>),
}

/// Takes groups from the queue until every handle of the database is gone.
fn serve(
    jobs: &Receiver<Work>,
    connection: SqliteConnection,
    reopen: impl Fn() -> Result<SqliteConnection, DbError>,
) {
    let mut connection = Some(connection);
    let mut waiting = VecDeque::with_capacity(GROUP);
    loop {
        if waiting.is_empty() {
            match jobs.recv() {
                Ok(work) => waiting.push_back(work),
                Err(_) => return,
            }
        }
        while waiting.len() < GROUP {
            match jobs.try_recv() {
                Ok(work) => waiting.push_back(work),
                Err(_) => break,
            }
        }
        if connection.is_none() {
            match reopen() {
                Ok(opened) => connection = Some(opened),
                Err(error) => {
                    refuse_all(&mut waiting, &error.to_string());
                    continue;
                }
            }
        }
        if let Some(open) = connection.as_mut()
            && !run_waiting(open, &mut waiting)
        {
            connection = None;
        }
    }
}

/// Runs the next group, or the next piece of work that runs alone; false where the connection is of no more use.
fn run_waiting(connection: &mut SqliteConnection, waiting: &mut VecDeque<Work>) -> bool {
    if matches!(waiting.front(), Some(Work::Alone(_))) {
        if let Some(Work::Alone(work)) = waiting.pop_front() {
            work(Ok(connection));
        }
        return true;
    }
    if let Err(error) = AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE") {
        let error = DbError::from(error);
        let busy = matches!(error, DbError::Busy);
        if busy {
            refuse_busy(waiting)
        } else {
            refuse_all(waiting, &error.to_string())
        }
        return busy;
    }
    let mut finished: Vec<Finish> = Vec::with_capacity(waiting.len());
    while matches!(waiting.front(), Some(Work::Grouped(..))) {
        let Some(Work::Grouped(job, _)) = waiting.pop_front() else { break };
        match job(connection) {
            Ran::Settled(finish) => finished.push(finish),
            Ran::GroupLost(finish) => {
                finished.push(finish);
                finish_all(finished, Err("the database gave up the transaction".to_owned()));
                return false;
            }
        }
    }
    let committed = AnsiTransactionManager::commit_transaction(connection).map_err(|error| error.to_string());
    let kept = committed.is_ok();
    finish_all(finished, committed);
    if kept {
        checkpoint(connection);
    }
    kept
}

/// What `PRAGMA wal_checkpoint` tells.
#[derive(diesel::QueryableByName)]
struct Journal {
    /// Pages in the journal.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    log: i64,
    /// Pages of it that the file has too.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    checkpointed: i64,
}

/// Takes a long journal over into the file. SQLite would do it inside the commit, where the answers wait for it. One that does
/// not succeed, since a reader is in its way, is tried again after the next group.
fn checkpoint(connection: &mut SqliteConnection) {
    let look = diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result::<Journal>(connection);
    if look.is_ok_and(|it| it.log.saturating_sub(it.checkpointed) >= PAGES) {
        drop(connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)"));
    }
}

fn finish_all(finished: Vec<Finish>, committed: Result<(), String>) {
    for finish in finished {
        finish(committed.clone().map_err(DbError::unavailable));
    }
}

fn refuse_all(waiting: &mut VecDeque<Work>, why: &str) {
    for work in waiting.drain(..) {
        match work {
            Work::Grouped(_, refuse) => refuse(DbError::unavailable(why)),
            Work::Alone(work) => work(Err(DbError::unavailable(why))),
        }
    }
}

fn refuse_busy(waiting: &mut VecDeque<Work>) {
    for work in waiting.drain(..) {
        match work {
            Work::Grouped(_, refuse) => refuse(DbError::Busy),
            Work::Alone(work) => work(Err(DbError::Busy)),
        }
    }
}

/// A number that a statement tells.
#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

fn count(connection: &mut SqliteConnection, sql: &str) -> diesel::QueryResult<i64> {
    diesel::sql_query(sql).get_result::<Count>(connection).map(|it| it.count)
}

/// What a job wrote on pages that were free stays on them when it is taken back, since SQLite restores no page that held nothing.
/// They are overwritten: taken, and given back, which with `secure_delete` leaves zeros; and the journal goes into the file.
pub(crate) fn clear_free_pages(connection: &mut SqliteConnection) -> Result<(), DbError> {
    let bytes = "SELECT freelist_count * page_size AS count FROM pragma_freelist_count, pragma_page_size";
    let bytes = count(connection, bytes)?;
    if bytes > 0 {
        let values = bytes.saturating_add(CLEARED_AT_ONCE - 1).div_euclid(CLEARED_AT_ONCE);
        let size = bytes.div_euclid(values).saturating_add(1);
        let cleared = connection.batch_execute(&format!(
            "BEGIN IMMEDIATE; CREATE TABLE cleared (zeros BLOB); \
             WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {values}) \
             INSERT INTO cleared SELECT zeroblob({size}) FROM n; DROP TABLE cleared; COMMIT;"
        ));
        if let Err(error) = cleared {
            drop(connection.batch_execute("ROLLBACK"));
            return Err(error.into());
        }
    }
    Ok(connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?)
}

/// Runs one job in a savepoint of the group's transaction.
fn run<T, E>(
    connection: &mut SqliteConnection,
    job: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    answer: Sender<Outcome<T, E>>,
) -> Ran
where
    T: 'static,
    E: From<DbError> + 'static,
{
    let mut tx = Tx::new(Connection::Sqlite(connection));
    let begun = tx.begin_job();
    let outcome = match begun {
        Err(error) => Outcome::Done(Err(error.into())),
        Ok(()) => match catch_unwind(AssertUnwindSafe(|| job(&mut tx))) {
            Ok(result) => Outcome::Done(tx.finish(result)),
            Err(payload) => Outcome::Panicked(payload),
        },
    };
    let whole = matches!(outcome, Outcome::Done(Ok(_))) || the_group_is_still_open(connection);
    let finish: Finish = Box::new(move |committed| {
        let outcome = match (outcome, committed) {
            (Outcome::Done(Ok(_)), Err(error)) => Outcome::Done(Err(error.into())),
            (outcome, _) => outcome,
        };
        // A caller that is gone needs no answer.
        drop(answer.try_send(outcome));
    });
    if whole { Ran::Settled(finish) } else { Ran::GroupLost(finish) }
}

/// Closes what a job that failed or panicked left open; false where SQLite gave up the group itself.
fn the_group_is_still_open(connection: &mut SqliteConnection) -> bool {
    while depth(connection).is_some_and(|depth| depth > 1) {
        if AnsiTransactionManager::rollback_transaction(connection).is_err() {
            return false;
        }
    }
    // SQLite refuses a second BEGIN inside a transaction, and that is how to ask whether there is one.
    depth(connection) == Some(1) && connection.batch_execute("BEGIN").is_err()
}

fn depth(connection: &mut SqliteConnection) -> Option<u32> {
    let status =
        <AnsiTransactionManager as TransactionManager<SqliteConnection>>::transaction_manager_status_mut(
            connection,
        );
    status.transaction_depth().ok().flatten().map(u32::from)
}
