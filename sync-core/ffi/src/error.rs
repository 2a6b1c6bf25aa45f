//! The one error that goes over the boundary: a problem with its code, for programs, and its texts, for people.

use device::DeviceError;
use std::fmt;

/// What is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Problem {
    /// Stable machine code, snake case.
    pub code: String,
    /// For people, in Spanish.
    pub es: String,
    /// For people, in English.
    pub en: String,
    /// All of it: the JSON of the problem (RFC 9457), as screens and the office tell theirs.
    pub json: String,
}

/// Why a call did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum PhoneError {
    /// It was refused.
    #[error("{problem}")]
    Refused {
        /// Why.
        problem: Problem,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.en)
    }
}

impl PhoneError {
    pub(crate) fn closed() -> Self {
        Self::from(domain::Problem::single(
            409,
            "phone_closed",
            "Este teléfono está cerrado; ábralo otra vez",
            "this phone is closed; open it again",
        ))
    }

    pub(crate) fn key_lost() -> Self {
        Self::from(domain::Problem::single(
            409,
            "device_key_lost",
            "La carpeta no tiene la clave del dispositivo; lo que contiene no se puede firmar",
            "the folder has no key of its device; what it holds cannot be signed",
        ))
    }

    pub(crate) fn malformed(what: &str) -> Self {
        Self::from(domain::Problem::single(
            400,
            "malformed",
            format!("No se entiende: {what}"),
            format!("malformed: {what}"),
        ))
    }
}

impl From<domain::Problem> for Problem {
    fn from(problem: domain::Problem) -> Self {
        let first = problem.errors.first();
        Self {
            es: first.map_or_else(|| problem.title.clone(), |it| it.message_es.clone()),
            en: first.map_or_else(|| problem.title.clone(), |it| it.message_en.clone()),
            json: serde_json::to_string(&problem).unwrap_or_default(),
            code: problem.code,
        }
    }
}

impl From<domain::Problem> for PhoneError {
    fn from(problem: domain::Problem) -> Self {
        Self::Refused { problem: problem.into() }
    }
}

impl From<DeviceError> for PhoneError {
    fn from(error: DeviceError) -> Self {
        error.to_problem().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_code_both_texts_and_the_whole_problem() {
        let PhoneError::Refused { problem } = PhoneError::closed();
        let Problem { code, es, en, json } = problem;
        assert_eq!(code, "phone_closed");
        assert!(es.contains("ábralo") && en.contains("open it"), "{es} {en}");
        let whole: domain::Problem = serde_json::from_str(&json).unwrap();
        assert_eq!((whole.status, whole.code, whole.errors.len()), (409, code, 1));
    }
}
