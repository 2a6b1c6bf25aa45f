//! A consistent copy of the whole database while it is in use, and a database made from one. SQLite copies itself;
//! PostgreSQL's own tools do it for PostgreSQL, and must be on the machine.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types};

use sync_core::Hasher;

use crate::DbError;
use crate::connection::{Db, Engine, connect, sqlite_path};
use crate::private;

impl Db {
    /// Writes everything that is committed now into a new file: an SQLite database, or an archive of `pg_dump`. The copy is
    /// durable when this returns; nobody is kept from writing meanwhile.
    ///
    /// - **Errors**: [`DbError::Usage`] where `to` is there already, [`DbError::Unavailable`] with what the database, the
    ///   file system or `pg_dump` said.
    pub fn back_up(&self, to: &Path) -> Result<(), DbError> {
        // Made here, so that nobody else can read it: it holds keys and password hashes.
        create_private(to)?;
        match self.engine() {
            Engine::Sqlite { readers, .. } => {
                let name = to.to_str().ok_or(DbError::Usage("the name of the copy is not UTF-8"))?;
                // A reader, so that nobody who writes waits; what it writes is another file.
                let mut reader = connect(readers)?;
                // Pages that are rebuilt while it is written would keep what they held, past every redaction.
                reader.batch_execute("PRAGMA query_only = OFF; PRAGMA secure_delete = ON")?;
                let copied =
                    sql_query("VACUUM INTO ?").bind::<sql_types::Text, _>(name).execute(&mut *reader);
                reader.batch_execute("PRAGMA query_only = ON")?;
                copied?;
            }
            Engine::Postgres { url, .. } => {
                let how = ["--format=custom", "--no-owner", "--no-privileges", "--file"];
                run(postgres_tool("pg_dump", url).args(how).arg(to))?;
            }
        }
        File::open(to).and_then(|it| it.sync_all()).map_err(DbError::unavailable)
    }

    /// Puts all that is committed into the one file of an SQLite database, which may then be moved when the database is
    /// closed; does nothing elsewhere.
    ///
    /// - **Errors**: those of the database.
    pub fn gather(&self) -> Result<(), DbError> {
        match self.engine() {
            Engine::Sqlite { writer, .. } => {
                writer.alone(|c| Ok(c.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?))
            }
            Engine::Postgres { .. } => Ok(()),
        }
    }

    /// Overwrites what was written and taken back and lies on in an SQLite file, where it would outlive a redaction; elsewhere the
    /// database's own tidying does that.
    ///
    /// - **Errors**: those of the database.
    pub fn clear_free_pages(&self) -> Result<(), DbError> {
        match self.engine() {
            Engine::Sqlite { writer, .. } => writer.alone(crate::writer::clear_free_pages),
            Engine::Postgres { .. } => Ok(()),
        }
    }

    /// Makes a database from a copy, at an address where there is none yet. On PostgreSQL it is not to be used before
    /// [`Db::finish_restore`], and what was interrupted before that is done again from the same copy.
    ///
    /// - **Errors**: [`DbError::Usage`] where a database is there already, one that is half made from another copy too, or the
    ///   copy is of the other kind; else as [`Db::back_up`].
    pub fn restore(url: &str, from: &Path) -> Result<(), DbError> {
        let is_sqlite = File::open(from).and_then(|it| starts_with(it, b"SQLite format 3\0"));
        let is_sqlite = is_sqlite.map_err(DbError::unavailable)?;
        match sqlite_path(url) {
            Some(_) if !is_sqlite => Err(DbError::Usage("this is no copy of an SQLite database")),
            Some(path) => {
                let to = Path::new(path);
                create_private(to)?;
                fs::copy(from, to).map_err(DbError::unavailable)?;
                File::open(to).and_then(|it| it.sync_all()).map_err(DbError::unavailable)
            }
            None if is_sqlite => Err(DbError::Usage("this is a copy of an SQLite database")),
            None => restore_postgres(url, from),
        }
    }

    /// Whether this database was made from a copy and something is still to be done before it may be used.
    ///
    /// - **Errors**: those of the database.
    pub fn is_half_restored(&self) -> Result<bool, DbError> {
        match self.engine() {
            // Made aside, and put in its place when all is done.
            Engine::Sqlite { .. } => Ok(false),
            Engine::Postgres { pool, .. } => is_there(&mut *connect(pool)?, RESTORING),
        }
    }

    /// Lets a database that was made from a copy be used.
    ///
    /// - **Errors**: those of the database.
    pub fn finish_restore(&self) -> Result<(), DbError> {
        match self.engine() {
            Engine::Sqlite { .. } => Ok(()),
            Engine::Postgres { pool, .. } => Ok(connect(pool)?.batch_execute(FORGET_RESTORING)?),
        }
    }
}

/// The table that is there while a database is made from a copy, and the SHA-256 of that copy in it. `pg_restore` is all or
/// nothing, but what follows is not in its transaction.
const RESTORING: &str = "veedor_restoring";
const FORGET_RESTORING: &str = "DROP TABLE IF EXISTS veedor_restoring";

#[derive(QueryableByName)]
struct Copy {
    #[diesel(sql_type = sql_types::Text)]
    sha256: String,
}

fn restore_postgres(url: &str, from: &Path) -> Result<(), DbError> {
    let sha256 = sha256_of(from).map_err(DbError::unavailable)?;
    let mut connection = PgConnection::establish(url).map_err(DbError::unavailable)?;
    let begun = is_there(&mut connection, RESTORING)?;
    let restored = is_there(&mut connection, "organizations")?;
    if restored && !begun {
        return Err(THERE_ALREADY);
    }
    if begun {
        let copies: Vec<Copy> = sql_query("SELECT sha256 FROM veedor_restoring").load(&mut connection)?;
        if restored && copies.iter().any(|it| it.sha256 != sha256) {
            return Err(DbError::Usage("another copy is half restored there; go on with that one"));
        }
        if restored {
            return Ok(());
        }
    }
    connection.batch_execute(FORGET_RESTORING)?;
    connection.batch_execute("CREATE TABLE veedor_restoring (sha256 text NOT NULL)")?;
    sql_query("INSERT INTO veedor_restoring VALUES ($1)")
        .bind::<sql_types::Text, _>(&sha256)
        .execute(&mut connection)?;
    let how = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"];
    run(postgres_tool("pg_restore", url).args(how).arg(from)).inspect_err(|_| {
        // Nothing was made: the place is as it was.
        drop(connection.batch_execute(FORGET_RESTORING));
    })
}

/// Whether a table is there.
fn is_there(connection: &mut PgConnection, table: &str) -> Result<bool, DbError> {
    let found = sql::<sql_types::Bool>("to_regclass(").bind::<sql_types::Text, _>(table).sql(") IS NOT NULL");
    Ok(diesel::select(found).get_result(connection)?)
}

fn sha256_of(file: &Path) -> io::Result<String> {
    let (mut file, mut hasher) = (File::open(file)?, Hasher::default());
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|it| !it.is_empty()) else { break };
        hasher.update(bytes);
    }
    Ok(hasher.finish().to_string())
}

const THERE_ALREADY: DbError = DbError::Usage("there is something at that place already; name another one");

fn create_private(path: &Path) -> Result<(), DbError> {
    private::create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => THERE_ALREADY,
        _ => DbError::unavailable(error),
    })
}

fn starts_with(file: File, magic: &[u8]) -> io::Result<bool> {
    let mut begin = Vec::with_capacity(magic.len());
    file.take(u64::try_from(magic.len()).unwrap_or(0)).read_to_end(&mut begin)?;
    Ok(begin == magic)
}

/// A tool of PostgreSQL for a database. The password goes where other users of the machine do not see it.
fn postgres_tool(program: &str, url: &str) -> Command {
    let (address, password) = without_password(url);
    let mut command = Command::new(program);
    command.args(["--dbname", &address]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

/// A database address without its password, and that password.
fn without_password(url: &str) -> (String, Option<String>) {
    let parts = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (person, host) = authority.rsplit_once('@')?;
        let (user, password) = person.split_once(':')?;
        let password = percent_encoding::percent_decode_str(password).decode_utf8().ok()?;
        Some((format!("{scheme}://{user}@{host}{path}"), password.into_owned()))
    };
    parts().map_or_else(|| (url.to_owned(), None), |(address, password)| (address, Some(password)))
}

fn run(command: &mut Command) -> Result<(), DbError> {
    let output = command.output().map_err(|error| {
        let name = command.get_program().to_string_lossy().into_owned();
        DbError::unavailable(format!(
            "{name} cannot be started ({error}): install PostgreSQL's client programs"
        ))
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(DbError::unavailable(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_leaves_the_address_that_other_users_can_see() {
        let split = |url: &str| {
            let (address, password) = without_password(url);
            (address, password.unwrap_or_default())
        };
        assert_eq!(
            split("postgres://ana:p%40ss@db.example:5432/veedor?sslmode=require"),
            ("postgres://ana@db.example:5432/veedor?sslmode=require".to_owned(), "p@ss".to_owned())
        );
        for plain in ["postgres:///veedor?host=/run/pg", "postgres://ana@db/veedor"] {
            assert_eq!(split(plain), (plain.to_owned(), String::new()));
        }
    }
}
