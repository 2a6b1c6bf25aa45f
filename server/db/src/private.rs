//! Files that only their owner may read: the database holds the server's keys and the hashes of passwords.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::DbError;

/// Makes an empty file that nobody else can read.
///
/// - **Errors**: of [`ErrorKind::AlreadyExists`] where there is something at that place.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Sees to it, before SQLite opens a file, that nobody else can read it: SQLite gives the files beside it, which hold
/// the same secrets, the same rights.
///
/// A file that is there already is tightened rather than told of: until now it was made with the rights that the
/// machine gives by default, so they say nothing of what its owner wanted. A copy for others is `veedor admin backup`.
pub(crate) fn keep(path: &str) -> Result<(), DbError> {
    match create(Path::new(path)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        other => return other.map_err(DbError::unavailable),
    }
    #[cfg(unix)]
    for beside in ["", "-wal", "-shm"] {
        match tighten(Path::new(&format!("{path}{beside}"))) {
            // Whose it is decides, and where it is another's, SQLite tells whether it may be used.
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                return Err(DbError::unavailable(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn tighten(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut rights = std::fs::metadata(path)?.permissions();
    // Without opening it: closing a file takes back every lock that this process has on it.
    if rights.mode() & 0o077 == 0 {
        return Ok(());
    }
    rights.set_mode(rights.mode() & 0o700);
    std::fs::set_permissions(path, rights)
}
