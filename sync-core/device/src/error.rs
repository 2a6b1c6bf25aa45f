//! What can go wrong on a device, sorted by who has to act. Owns the mapping to problems for people.

use std::io;

use domain::Problem;
use rusqlite::ffi;
use sync_core::{codec::CodecError, segment::SegmentError};
use thiserror::Error;

/// An error of the device's API.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The input is to be mended; nothing was written.
    #[error("{}", .0.title)]
    Problem(Box<Problem>),
    /// The disk or the database failed; nothing was written.
    #[error("the device's store failed: {0}")]
    Storage(#[from] rusqlite::Error),
    /// A file beside the database could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// What failed.
        source: std::io::Error,
    },
    /// What the store holds is not what this program wrote.
    #[error("the device's store is damaged: {0}")]
    Corrupt(String),
}

impl DeviceError {
    /// A problem of the whole input.
    pub(crate) fn problem(status: u16, code: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Problem(Box::new(Problem::single(status, code, es, en)))
    }

    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(what.to_string())
    }

    /// Whether nothing could be written, which is nearly always a disk without room: a browser's files tell SQLite no
    /// more than that something failed, and others than browser's always say what.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Storage(error) => error.sqlite_error().is_some_and(|it| {
                matches!(it.extended_code, ffi::SQLITE_FULL | ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR)
            }),
            Self::File { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Problem(_) | Self::Corrupt(_) => false,
        }
    }

    /// Stable machine code, snake case.
    pub fn code(&self) -> &str {
        match self {
            _ if self.is_full() => "device_store_full",
            Self::Problem(problem) => &problem.code,
            Self::Storage(_) => "device_store_failed",
            Self::File { .. } => "device_file_failed",
            Self::Corrupt(_) => "device_store_damaged",
        }
    }

    /// The error as a problem for people; causes inside the store are told in English only.
    pub fn to_problem(&self) -> Problem {
        match self {
            Self::Problem(problem) => (**problem).clone(),
            _ if self.is_full() => Problem::single(
                507,
                self.code(),
                "No se pudo escribir en el teléfono: casi siempre es que no le queda espacio. Lo que ya estaba guardado está a salvo. \
                 Borre fotos o aplicaciones que no use, envíe lo pendiente e inténtelo otra vez",
                "the phone could not write: nearly always it has no room left. What was saved before is safe. Delete photos or apps \
                 that you do not use, send what waits and try again",
            ),
            other => Problem::single(
                500,
                other.code(),
                format!("Falló el almacén del dispositivo: {other}"),
                other.to_string(),
            ),
        }
    }
}

impl From<Problem> for DeviceError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<CodecError> for DeviceError {
    fn from(e: CodecError) -> Self {
        Self::Corrupt(e.to_string())
    }
}

impl From<SegmentError> for DeviceError {
    fn from(e: SegmentError) -> Self {
        Self::Corrupt(e.to_string())
    }
}

impl From<DeviceError> for Problem {
    fn from(error: DeviceError) -> Self {
        error.to_problem()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_told_from_one_that_fails() {
        let failed = |code| DeviceError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR] {
            let problem = failed(code).to_problem();
            assert_eq!((problem.status, problem.code.as_str()), (507, "device_store_full"));
        }
        assert_eq!(failed(ffi::SQLITE_IOERR_READ).code(), "device_store_failed");
        let file = |kind: io::ErrorKind| DeviceError::File { what: "write", source: kind.into() };
        assert_eq!(file(io::ErrorKind::StorageFull).code(), "device_store_full");
        assert_eq!(file(io::ErrorKind::NotFound).code(), "device_file_failed");
    }
}
