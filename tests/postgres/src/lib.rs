//! A private PostgreSQL for tests: one cluster for a test binary, one database for a test.
//!
//! The cluster listens on a unix socket in a temporary folder only. A small shell holds the other end of a pipe: when
//! the test binary ends, however it ends, the shell stops the cluster by its process id and removes the folder.
#![expect(clippy::panic, reason = "a test that cannot have its database must fail, and say why in one line")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

/// What to do on a machine without PostgreSQL.
const INSTALL: &str = "PostgreSQL's programs (initdb, postgres, createdb) are needed by the tests: install them with \
                       `apt-get install postgresql`, or set PGBIN to the folder that holds them";

/// A running cluster.
pub struct Cluster {
    programs: PathBuf,
    socket: PathBuf,
    template: OnceLock<()>,
    creating: Mutex<()>,
    databases: AtomicU32,
    // Its pipe closes when this process ends; see the module's text.
    _keeper: Child,
}

/// The cluster of this test binary, started at the first call.
///
/// Panics with one line that says what to install where PostgreSQL is absent.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

impl Cluster {
    /// The address of a new database that is a copy of the template; `prepare` fills the template, once.
    pub fn database(&self, prepare: impl FnOnce(&str)) -> String {
        self.template.get_or_init(|| {
            self.create("template_of_tests", "template0");
            prepare(&self.url("template_of_tests"));
        });
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        // PostgreSQL copies a template only while nobody else uses it, so one copy at a time.
        let _one = self.creating.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.create(&name, "template_of_tests");
        self.url(&name)
    }

    /// The address of a new database with nothing in it.
    pub fn empty_database(&self) -> String {
        let name = format!("empty_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.create(&name, "template0");
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        let socket = self.socket.to_string_lossy().replace('%', "%25").replace('/', "%2F");
        format!("postgresql://app@{socket}/{database}")
    }

    fn create(&self, name: &str, template: &str) {
        let output = Command::new(self.programs.join("createdb"))
            .arg("-h")
            .arg(&self.socket)
            .args(["-U", "app", "-T", template, name])
            .output();
        must("createdb", output);
    }

    fn start() -> Self {
        let programs = programs();
        let postgres = postgres_user();
        // A unix socket's path has at most 107 bytes, so the folder is short and its own.
        let folder = tempfile::Builder::new()
            .prefix("pg")
            .tempdir_in("/tmp")
            .unwrap_or_else(|error| panic!("no temporary folder for PostgreSQL: {error}"));
        let socket = folder.path().join("s");
        let prepared = fs::create_dir(&socket)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)))
            .and_then(|()| match postgres {
                Some((user, group)) => chown(folder.path(), Some(user), Some(group))
                    .and_then(|()| chown(&socket, Some(user), Some(group))),
                None => Ok(()),
            });
        if let Err(error) = prepared {
            panic!("the folder of PostgreSQL cannot be prepared: {error}");
        }
        let initdb = as_postgres(postgres, &programs.join("initdb"))
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-U", "app", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"])
            .current_dir("/")
            .output();
        must("initdb", initdb);
        // From here on the keeper removes it.
        let folder = folder.keep();
        let keeper = run_while_alive(postgres, &programs, &folder, &socket);
        let cluster = Self {
            programs,
            socket,
            template: OnceLock::new(),
            creating: Mutex::new(()),
            databases: AtomicU32::new(0),
            _keeper: keeper,
        };
        cluster.wait_until_ready(&folder);
        cluster
    }

    fn wait_until_ready(&self, folder: &Path) {
        for _ in 0..600 {
            let ready = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-U", "app", "-h"])
                .arg(&self.socket)
                .status();
            if ready.is_ok_and(|status| status.success()) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL did not start: {log}");
    }
}

/// Starts the server under a shell that stops it when our end of the pipe closes.
fn run_while_alive(postgres: Option<(u32, u32)>, programs: &Path, folder: &Path, socket: &Path) -> Child {
    const KEEPER: &str = r#"folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -INT "$server"
wait "$server"
rm -rf "$folder""#;
    let server = as_postgres(postgres, &programs.join("postgres"));
    Command::new("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(folder)
        .arg(server.get_program())
        .args(server.get_args())
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(socket)
        .args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0777"])
        .args(["-c", "fsync=off", "-c", "max_connections=300", "-c", "lc_messages=C"])
        .current_dir("/")
        .env("HOME", "/tmp")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("PostgreSQL cannot be started: {error}"))
}

/// The folder of PostgreSQL's programs: `PGBIN`, or the newest of the distribution, or one of `PATH`.
fn programs() -> PathBuf {
    let whole =
        |folder: &PathBuf| ["initdb", "postgres", "createdb"].iter().all(|it| folder.join(it).exists());
    let found = match std::env::var_os("PGBIN") {
        Some(folder) => Some(PathBuf::from(folder)).filter(whole),
        None => distribution().filter(whole).or_else(|| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).find(whole)
        }),
    };
    found.unwrap_or_else(|| panic!("{INSTALL}"))
}

/// Where Debian and its kin keep the newest version's programs.
fn distribution() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest = versions
        .filter_map(Result::ok)
        .filter_map(|folder| folder.file_name().to_string_lossy().parse::<u32>().ok())
        .max()?;
    Some(PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin")))
}

/// The user and group to run as: PostgreSQL refuses root, so under root its own.
fn postgres_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = must("id", Command::new("id").args(arguments).output());
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    match (id(&["-u", "postgres"]), id(&["-g", "postgres"])) {
        (Some(user), Some(group)) => Some((user, group)),
        _ => panic!("{INSTALL}"),
    }
}

fn as_postgres(postgres: Option<(u32, u32)>, program: &Path) -> Command {
    match postgres {
        None => Command::new(program),
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
            command.arg(program);
            command
        }
    }
}

fn must(what: &str, output: std::io::Result<Output>) -> Output {
    match output {
        Ok(output) if output.status.success() => output,
        Ok(output) => panic!("{what} failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
        Err(_) => panic!("{INSTALL} ({what} does not run)"),
    }
}
