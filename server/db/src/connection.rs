//! Opening the database and its transactions: what is read, what is written, and what a use case may see of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::result::Error;
use diesel::{PgConnection, QueryResult, SqliteConnection};
use domain::ids::OrgId;

use crate::error::is_contention;
use crate::writer::{self, Writer};
use crate::{DbError, migration};

/// How the database is used; the defaults serve.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Connections that read (SQLite) or that read and write (PostgreSQL).
    pub connections: u32,
    /// Writes that may wait for the SQLite writer before the next is refused with [`DbError::Busy`].
    pub queue: usize,
    /// How long to wait for a lock or a free connection, in milliseconds.
    pub wait_ms: u32,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self { connections: 8, queue: 1_024, wait_ms: 10_000 }
    }
}

/// The database of an installation; clones share it.
#[derive(Clone)]
pub struct Db {
    engine: Arc<Engine>,
    /// Statements of transactions that read, since somebody asked last.
    read: Arc<AtomicU64>,
}

pub(crate) enum Engine {
    Sqlite { writer: Writer, readers: Pool<ConnectionManager<SqliteConnection>>, rival: Arc<Rival> },
    Postgres { pool: Pool<ConnectionManager<PgConnection>>, url: String },
}

/// Another writer, of which SQLite has none: with it a test sees there what PostgreSQL does to a transaction that lost.
#[derive(Default)]
pub(crate) struct Rival {
    /// Statements that the next transaction gets through before it has lost.
    after: Mutex<Option<u32>>,
    won: AtomicU64,
}

impl Rival {
    fn strikes(&self) -> Option<u32> {
        self.after.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// How often a PostgreSQL transaction is tried that lost to another one.
const ATTEMPTS: u32 = 10;

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…` (`postgresql://…`); does not touch the schema, see [`Db::migrate`].
    ///
    /// - **Errors**: [`DbError::Usage`] for any other address, [`DbError::Unavailable`] where the database cannot be
    ///   opened.
    pub fn open(url: &str, options: &DbOptions) -> Result<Self, DbError> {
        let engine = match place(url)? {
            Place::Sqlite(path) => open_sqlite(path, options)?,
            Place::Postgres => {
                let pool = pool(ConnectionManager::new(url), options, Box::new(PostgresSession))?;
                Engine::Postgres { pool, url: url.to_owned() }
            }
        };
        Ok(Self { engine: Arc::new(engine), read: Arc::default() })
    }

    /// Brings the schema to this version's; does nothing where it is already there.
    pub fn migrate(&self) -> Result<(), DbError> {
        match self.engine.as_ref() {
            Engine::Sqlite { writer, .. } => writer.alone(migration::migrate_sqlite),
            Engine::Postgres { pool, .. } => migration::migrate_postgres(&mut *connect(pool)?),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref()
    }

    /// Takes the whole schema back, with everything in it: for the test of the `down` migrations.
    #[doc(hidden)]
    pub fn revert_everything(&self) -> Result<(), DbError> {
        match self.engine.as_ref() {
            Engine::Sqlite { writer, .. } => writer.alone(migration::revert_sqlite),
            Engine::Postgres { pool, .. } => migration::revert_postgres(&mut *connect(pool)?),
        }
    }

    /// The next transaction on SQLite that writes loses to another one after so many statements, or at its commit where it has
    /// fewer: all it did is taken back, and it is run again. For tests of what PostgreSQL does.
    #[doc(hidden)]
    pub fn lose_next_write(&self, after: u32) {
        if let Engine::Sqlite { rival, .. } = self.engine.as_ref() {
            *rival.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(after);
        }
    }

    /// How many transactions lost since this was asked last; those that did nothing do not count.
    #[doc(hidden)]
    pub fn lost_writes(&self) -> u64 {
        match self.engine.as_ref() {
            Engine::Sqlite { rival, .. } => rival.won.swap(0, Ordering::Relaxed),
            Engine::Postgres { .. } => 0,
        }
    }

    /// Runs `job` in a transaction that sees one state of the database and cannot change it.
    pub fn read<T, E: From<DbError>>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let counted = |mut tx: Tx<'_>, begin: &str| {
            let outcome = tx.run_once(begin, job);
            self.read.fetch_add(tx.statements, Ordering::Relaxed);
            outcome
        };
        match self.engine.as_ref() {
            Engine::Sqlite { readers, .. } => {
                let mut connection = connect(readers)?;
                counted(Tx::new(Connection::Sqlite(&mut connection)), "BEGIN")
            }
            Engine::Postgres { pool, .. } => {
                let mut connection = connect(pool)?;
                let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                counted(Tx::new(Connection::Pg(&mut connection)), snapshot)
            }
        }
    }

    /// How many statements transactions that read took since this was asked last, on this and its clones: for tests of what a page
    /// costs.
    #[doc(hidden)]
    pub fn statements_read(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }

    /// Runs `job` in a transaction and returns once it is durable; an error of the job takes back all it did.
    ///
    /// SQLite: on the one writer thread, together with whatever else was waiting; a job that fails leaves its
    /// neighbours alone. PostgreSQL: a transaction of its own, run again where it lost to another one, so `job`
    /// may be called more than once and must not act outside the database.
    ///
    /// - **Errors**: the job's own, and [`DbError::Busy`] where the queue is full or the retries are used up.
    pub fn write<T, E>(
        &self,
        mut job: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match self.engine.as_ref() {
            Engine::Sqlite { writer, rival, .. } => match rival.strikes() {
                None => writer.write(job),
                Some(after) => {
                    let rival = rival.clone();
                    writer.write(move |tx| {
                        if tx.lose(after, &mut job)? {
                            rival.won.fetch_add(1, Ordering::Relaxed);
                        }
                        job(tx)
                    })
                }
            },
            Engine::Postgres { pool, .. } => {
                let mut attempt = 0;
                loop {
                    let mut connection = connect(pool)?;
                    let mut tx = Tx::new(Connection::Pg(&mut connection));
                    let outcome = tx.run_once("BEGIN", &mut job);
                    let lost = tx.contended;
                    drop(connection);
                    attempt += 1;
                    if outcome.is_ok() || !lost || attempt == ATTEMPTS {
                        return outcome;
                    }
                    std::thread::sleep(Duration::from_millis(1 << attempt));
                }
            }
        }
    }
}

/// The connection of a transaction; private to this crate, so that no other can write SQL.
pub(crate) enum Connection<'a> {
    Pg(&'a mut PgConnection),
    Sqlite(&'a mut SqliteConnection),
}

/// A transaction, as a use case sees it: something to hand to the functions of this crate.
///
/// After a failed statement (a duplicate, a refusal) the transaction must be left with an error, unless the statement
/// ran inside a [`Tx::savepoint`]: PostgreSQL accepts nothing more, and a job that returns `Ok` all the same is rolled
/// back on both databases.
pub struct Tx<'a> {
    pub(crate) connection: Connection<'a>,
    failed: bool,
    contended: bool,
    /// Statements until it loses to a [`Rival`].
    left: Option<u32>,
    /// Statements that it took.
    statements: u64,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(connection: Connection<'a>) -> Self {
        Self { connection, failed: false, contended: false, left: None, statements: 0 }
    }

    /// Runs `job` so that its failure takes back only what it did, and the transaction can go on.
    pub fn savepoint<T, E: From<DbError>>(
        &mut self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.failed {
            return Err(LEFT_LATE.into());
        }
        self.nested(AnsiTransactionManager::begin_transaction, AnsiTransactionManager::begin_transaction)?;
        let outcome = job(self);
        self.finish(outcome)
    }

    /// Lets one transaction at a time go on from here among those that lock the same `name` of an organization; ends
    /// with the transaction. For decisions over many rows. SQLite has one writer anyway.
    pub fn lock(&mut self, org: OrgId, name: &str) -> Result<(), DbError> {
        let key = lock_key(org, name);
        on_db!(
            self,
            pg | c
                | diesel::RunQueryDsl::execute(
                    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
                        .bind::<diesel::sql_types::BigInt, _>(key),
                    c
                ),
            sqlite | _c | Ok(0)
        )?;
        Ok(())
    }

    /// Runs `job` until it loses to another transaction, and takes back all that it did; whether it did anything.
    fn lose<T, E: From<DbError>>(
        &mut self,
        after: u32,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<bool, DbError> {
        self.begin_job()?;
        self.left = Some(after);
        // Whatever it says, it has lost.
        drop(job(self));
        let left = self.left.take();
        self.roll_back()?;
        Ok(left != Some(after))
    }

    /// Takes note of how a statement went.
    pub(crate) fn check<T>(&mut self, result: QueryResult<T>) -> Result<T, DbError> {
        self.statements = self.statements.saturating_add(1);
        if let Some(left) = self.left {
            self.left = Some(left.saturating_sub(1));
            if left == 0 {
                self.failed = true;
                return Err(DbError::Busy);
            }
        }
        self.note(result)
    }

    fn note<T>(&mut self, result: QueryResult<T>) -> Result<T, DbError> {
        if let Err(Error::DatabaseError(kind, info)) = &result {
            self.failed = true;
            self.contended |= is_contention(*kind, info.message());
        }
        Ok(result?)
    }

    /// Takes note that another transaction was first, so that this one is to be run again: where a duplicate can be nothing else.
    pub(crate) fn lost_if_duplicate(&mut self, error: &DbError) {
        self.contended |= matches!(error, DbError::Duplicate { .. });
    }

    /// A whole transaction, begun with `begin`.
    fn run_once<T, E: From<DbError>>(
        &mut self,
        begin: &str,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.nested(
            |c| AnsiTransactionManager::begin_transaction_sql(c, begin),
            |c| AnsiTransactionManager::begin_transaction_sql(c, begin),
        )?;
        let outcome = job(self);
        self.finish(outcome)
    }

    /// Begins the part of a group that one job is.
    pub(crate) fn begin_job(&mut self) -> Result<(), DbError> {
        self.nested(AnsiTransactionManager::begin_transaction, AnsiTransactionManager::begin_transaction)
    }

    /// Keeps or takes back the innermost transaction, as `outcome` says.
    pub(crate) fn finish<T, E: From<DbError>>(&mut self, outcome: Result<T, E>) -> Result<T, E> {
        let outcome = match outcome {
            Ok(_) if self.failed => Err(E::from(LEFT_LATE)),
            other => other,
        };
        match outcome {
            Ok(value) => {
                if let Err(error) = self.nested(
                    AnsiTransactionManager::commit_transaction,
                    AnsiTransactionManager::commit_transaction,
                ) {
                    // Where the commit itself failed diesel has rolled back; a second attempt only says so again.
                    self.failed = true;
                    return Err(error.into());
                }
                Ok(value)
            }
            Err(error) => {
                self.roll_back()?;
                Err(error)
            }
        }
    }

    /// Takes back the innermost transaction.
    pub(crate) fn roll_back(&mut self) -> Result<(), DbError> {
        self.nested(
            AnsiTransactionManager::rollback_transaction,
            AnsiTransactionManager::rollback_transaction,
        )?;
        self.failed = false;
        Ok(())
    }

    fn nested(
        &mut self,
        pg: impl FnOnce(&mut PgConnection) -> QueryResult<()>,
        sqlite: impl FnOnce(&mut SqliteConnection) -> QueryResult<()>,
    ) -> Result<(), DbError> {
        let result = match &mut self.connection {
            Connection::Pg(c) => pg(c),
            Connection::Sqlite(c) => sqlite(c),
        };
        self.note(result)
    }
}

/// A job that goes on after a failed statement.
const LEFT_LATE: DbError = DbError::Usage("a transaction went on after one of its statements had failed");

/// Where `name` of `org` lies among PostgreSQL's advisory locks; two names may share one, which only costs time.
fn lock_key(org: OrgId, name: &str) -> i64 {
    let (high, low) = org.0.as_u64_pair();
    let mixed =
        name.bytes().fold(high ^ low, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    i64::from_be_bytes(mixed.to_be_bytes())
}

/// The file of an SQLite address; none for another address.
pub(crate) fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path))
}

/// Which database an address names.
enum Place<'a> {
    Sqlite(&'a str),
    Postgres,
}

fn place(url: &str) -> Result<Place<'_>, DbError> {
    match sqlite_path(url) {
        // Not SQLite's own addresses (`file:...`) either: the file's name has to be known, to keep it private.
        Some(path) if path.is_empty() || path.contains(":memory:") || path.starts_with("file:") => {
            Err(DbError::Usage("sqlite: needs the path of a file"))
        }
        Some(path) => Ok(Place::Sqlite(path)),
        None if url.starts_with("postgres://") || url.starts_with("postgresql://") => Ok(Place::Postgres),
        None => Err(DbError::Usage("a database address begins with sqlite: or postgres://")),
    }
}

/// Whether an address names a database that can be asked for; touches none.
///
/// - **Errors**: [`DbError::Usage`] as [`Db::open`] would say it.
pub fn check_address(url: &str) -> Result<(), DbError> {
    place(url).map(drop)
}

fn open_sqlite(path: &str, options: &DbOptions) -> Result<Engine, DbError> {
    let writer = Writer::start(path.to_owned(), options.clone())?;
    let session = SqliteReader { wait_ms: options.wait_ms };
    let readers = pool(ConnectionManager::new(path), options, Box::new(session))?;
    Ok(Engine::Sqlite { writer, readers, rival: Arc::default() })
}

fn pool<C>(
    manager: ConnectionManager<C>,
    options: &DbOptions,
    session: Box<dyn CustomizeConnection<C, diesel::r2d2::Error>>,
) -> Result<Pool<ConnectionManager<C>>, DbError>
where
    C: diesel::r2d2::R2D2Connection + Send + 'static,
{
    Pool::builder()
        .max_size(options.connections.max(1))
        .min_idle(Some(1))
        .connection_timeout(Duration::from_millis(u64::from(options.wait_ms)))
        .connection_customizer(session)
        .build(manager)
        .map_err(DbError::unavailable)
}

pub(crate) fn connect<C>(
    pool: &Pool<ConnectionManager<C>>,
) -> Result<PooledConnection<ConnectionManager<C>>, DbError>
where
    C: diesel::r2d2::R2D2Connection + Send + 'static,
{
    pool.get().map_err(|error| {
        // The pool's error tells a lack of free connections from a lack of a database only by its cause.
        if error.to_string().contains(": ") { DbError::unavailable(error) } else { DbError::Busy }
    })
}

#[derive(Debug)]
struct SqliteReader {
    wait_ms: u32,
}

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for SqliteReader {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(&format!(
                "PRAGMA busy_timeout = {}; {} PRAGMA query_only = ON;",
                self.wait_ms,
                writer::SHARED_PRAGMAS
            ))
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

#[derive(Debug)]
struct PostgresSession;

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for PostgresSession {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute("SET TIME ZONE 'UTC'; SET application_name = 'veedor';")
            .map_err(diesel::r2d2::Error::QueryError)
    }
}
