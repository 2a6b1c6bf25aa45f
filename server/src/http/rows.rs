//! Bodies of many rows: an array that is read row by row, so that every bad row is named and not only the first.

use super::body::{FromJson, not_json};
use crate::error::ApiError;
use domain::FieldProblem;
use serde_json::value::RawValue;

/// An array of one to `MAX` rows.
#[derive(Debug, Clone)]
pub(crate) struct Rows<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Rows<T, MAX> {
    /// The rows.
    pub(crate) fn into_rows(self) -> Vec<T> {
        self.0
    }
}

impl<T: FromJson, const MAX: usize> FromJson for Rows<T, MAX> {
    fn from_json(text: &str) -> Result<Self, ApiError> {
        let texts: Vec<&RawValue> = serde_json::from_str(text).map_err(|reason| {
            if reason.is_data() {
                return ApiError::field("", "wrong_shape", "Debe ser una lista.", "must be a list");
            }
            not_json("", &reason)
        })?;
        if texts.is_empty() || texts.len() > MAX {
            return Err(ApiError::field(
                "",
                "length",
                format!("Debe traer de 1 a {MAX} filas; trae {}.", texts.len()),
                format!("must have 1 to {MAX} rows; has {}", texts.len()),
            ));
        }
        let (mut rows, mut problems) = (Vec::with_capacity(texts.len()), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            match T::from_json(text.get()) {
                Ok(row) => rows.push(row),
                Err(error) => problems.extend(
                    error
                        .problem()
                        .errors
                        .iter()
                        .map(|it| FieldProblem { field: format!("/{index}{}", it.field), ..it.clone() }),
                ),
            }
        }
        if problems.is_empty() { Ok(Self(rows)) } else { Err(ApiError::invalid(problems)) }
    }
}
