//! Bodies of many rows: an array that is read row by row, so that every bad row is named and not only the first.

use crate::http::body::json_pointer;
use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::borrow::Cow;
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

/// An array of one to `MAX` rows.
#[derive(Debug, Clone)]
pub(crate) struct Rows<T, const MAX: usize>(Vec<Result<T, Misread>>);

/// A row that has not the right shape.
#[derive(Debug, Clone)]
struct Misread {
    /// The field at fault; empty for the row as a whole.
    field: String,
    reason: String,
}

impl<T, const MAX: usize> Rows<T, MAX> {
    /// The rows, once validated: then none was misread.
    pub(crate) fn into_rows(self) -> Vec<T> {
        self.0.into_iter().flatten().collect()
    }
}

impl<'de, T: DeserializeOwned, const MAX: usize> Deserialize<'de> for Rows<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        if rows.is_empty() || rows.len() > MAX {
            return Err(de::Error::custom(format!("expected 1 to {MAX} rows, found {}", rows.len())));
        }
        Ok(Self(rows.iter().map(|it| read_row(it)).collect()))
    }
}

fn read_row<T: DeserializeOwned>(row: &RawValue) -> Result<T, Misread> {
    let mut reader = serde_json::Deserializer::from_str(row.get());
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = json_pointer(error.path()).trim_start_matches('/').to_owned();
        Misread { field, reason: error.into_inner().to_string() }
    })
}

impl<T: Validate, const MAX: usize> Validate for Rows<T, MAX> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::new();
        for (index, row) in self.0.iter().enumerate() {
            let found = match row {
                Ok(row) => row.validate().err().map(|it| ValidationErrorsKind::Struct(Box::new(it))),
                Err(misread) => Some(misread.told()),
            };
            if let Some(found) = found {
                errors.errors_mut().insert(Cow::Owned(index.to_string()), found);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

impl Misread {
    fn told(&self) -> ValidationErrorsKind {
        let text = format!(
            "El dato no tiene la forma debida: {}. / {}",
            self.reason.replace(" / ", "/"),
            self.reason
        );
        let found =
            ValidationErrorsKind::Field(vec![ValidationError::new("wrong_shape").with_message(text.into())]);
        if self.field.is_empty() {
            return found;
        }
        let mut inside = ValidationErrors::new();
        inside.errors_mut().insert(Cow::Owned(self.field.clone()), found);
        ValidationErrorsKind::Struct(Box::new(inside))
    }
}
