//! What can go wrong on a device, sorted by who has to act. Owns the mapping to problems for people.

use domain::Problem;
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

    /// Stable machine code, snake case.
    pub fn code(&self) -> &str {
        match self {
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
