//! Reads request bodies and query strings: JSON into a type, then `validator`'s rules, then a problem that names
//! every offending field by JSON Pointer.

use crate::error::ApiError;
use actix_web::{FromRequest, HttpRequest, dev::Payload, error::PayloadError, web};
use domain::FieldProblem;
use domain::problem::pointer;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use std::{future::Future, pin::Pin};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

/// Largest body of the API; five thousand branches are the biggest thing that is sent.
pub(crate) const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A JSON body that was read and validated, for requests that nobody has to sign in for.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + Validate + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read_body(request, payload);
        Box::pin(async move { read_json(&bytes.await?).map(Self) })
    }
}

/// The bytes of a body, up to the limit of the application's `PayloadConfig`.
pub(crate) fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<web::Bytes, ApiError>> + use<> {
    let bytes = web::Bytes::from_request(request, payload);
    async move {
        bytes.await.map_err(|error| {
            if matches!(error.as_error::<PayloadError>(), Some(PayloadError::Overflow)) {
                return ApiError::too_large(MAX_BODY_BYTES);
            }
            ApiError::malformed(
                "",
                format!("No se pudo leer el cuerpo: {error}."),
                format!("the body cannot be read: {error}"),
            )
        })
    }
}

/// A query string that was read and validated.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + Validate> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(read_query(request.query_string()).map(Self))
    }
}

fn read_query<T: DeserializeOwned + Validate>(text: &str) -> Result<T, ApiError> {
    let value: T = web::Query::<T>::from_query(text)
        .map_err(|error| {
            ApiError::malformed(
                "",
                format!("No se entienden los parámetros de la dirección: {error}."),
                format!("the query string is not understood: {error}"),
            )
        })?
        .into_inner();
    check(&value)?;
    Ok(value)
}

/// What is wrong with the shape of a body. Serde tells in English prose which field is missing or unknown; the two are
/// worth codes of their own, since a caller mends them differently.
fn misshapen(field: &str, reason: &str) -> ApiError {
    let named = |prefix: &str| reason.strip_prefix(prefix)?.split('`').next();
    if let Some(name) = named("missing field `") {
        return ApiError::field(
            &pointer(field, name),
            "missing_field",
            format!("Falta el campo «{name}»."),
            format!("the field \"{name}\" is missing"),
        );
    }
    if let Some(name) = named("unknown field `") {
        return ApiError::field(
            field,
            "unknown_field",
            format!("El campo «{name}» no existe aquí; quítelo o corrija su nombre."),
            format!("there is no field \"{name}\" here; remove it or correct its name"),
        );
    }
    ApiError::field(
        field,
        "wrong_shape",
        format!("El dato no tiene la forma debida: {reason}."),
        reason.to_owned(),
    )
}

/// Reads and validates a JSON document.
pub(crate) fn read_json<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = json_pointer(error.path());
        let reason = error.into_inner();
        if reason.is_data() {
            misshapen(&field, &reason.to_string())
        } else {
            ApiError::malformed(&field, format!("No es JSON: {reason}."), format!("not JSON: {reason}"))
        }
    })?;
    reader.end().map_err(|reason| {
        ApiError::malformed(
            "",
            format!("Sobra texto tras el JSON: {reason}."),
            format!("text after the JSON: {reason}"),
        )
    })?;
    check(&value)?;
    Ok(value)
}

/// Applies `validator`'s rules to a value that did not come as a body.
pub(crate) fn check<T: Validate>(value: &T) -> Result<(), ApiError> {
    value.validate().map_err(|errors| {
        let mut problems = Vec::new();
        collect("", &errors, &mut problems);
        problems.sort();
        ApiError::invalid(problems)
    })
}

pub(crate) fn json_pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |parent, segment| match segment {
        Segment::Seq { index } => pointer(&parent, index),
        Segment::Map { key } => pointer(&parent, key),
        Segment::Enum { .. } | Segment::Unknown => parent,
    })
}

fn collect(parent: &str, errors: &ValidationErrors, problems: &mut Vec<FieldProblem>) {
    for (field, kind) in errors.errors() {
        let here = pointer(parent, field);
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(&here, inner, problems),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect(&pointer(&here, index), inner, problems);
                }
            }
            ValidationErrorsKind::Field(found) => {
                problems.extend(found.iter().map(|error| describe(&here, error)));
            }
        }
    }
}

fn describe(field: &str, error: &validator::ValidationError) -> FieldProblem {
    let bound = |name: &str| error.params.get(name).map(ToString::to_string);
    let (es, en) = match (error.code.as_ref(), bound("min"), bound("max")) {
        ("length", min, max) => (
            format!(
                "Debe tener{} caracteres o elementos.",
                range_text(&min, &max, "al menos", "como máximo")
            ),
            format!("must have{} characters or elements", range_text(&min, &max, "at least", "at most")),
        ),
        ("range", min, max) => (
            format!("Debe valer{}.", range_text(&min, &max, "al menos", "como máximo")),
            format!("must be{}", range_text(&min, &max, "at least", "at most")),
        ),
        (code, ..) => {
            let text = error.message.as_deref().unwrap_or(code);
            let (es, en) = text.split_once(" / ").unwrap_or((text, text));
            (es.to_owned(), en.to_owned())
        }
    };
    FieldProblem::new(field, error.code.as_ref(), es, en)
}

fn range_text(min: &Option<String>, max: &Option<String>, at_least: &str, at_most: &str) -> String {
    let low = min.as_ref().map(|it| format!(" {at_least} {it}"));
    let high = max.as_ref().map(|it| format!(" {at_most} {it}"));
    [low, high].into_iter().flatten().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Person {
        #[validate(length(min = 1, max = 5))]
        name: String,
        #[validate(range(min = 0, max = 120))]
        age: i64,
        #[validate(nested)]
        #[serde(default)]
        children: Vec<Person>,
    }

    fn problems(json: &str) -> Vec<(u16, String, String)> {
        let error = read_json::<Person>(json.as_bytes()).unwrap_err();
        let status = error.problem().status;
        error.problem().errors.iter().map(|it| (status, it.field.clone(), it.code.clone())).collect()
    }

    #[test]
    fn every_field_that_breaks_a_rule_is_named_at_once() {
        let found = problems(r#"{"name":"","age":130,"children":[{"name":"Ana","age":-1}]}"#);
        let expected = [("/age", "range"), ("/children/0/age", "range"), ("/name", "length")];
        assert_eq!(found, expected.map(|(field, code)| (422, field.to_owned(), code.to_owned())));
    }

    #[test]
    fn a_wrong_type_and_an_unknown_field_are_named_where_they_stand() {
        assert_eq!(
            problems(r#"{"name":"Ana","age":3,"children":[{"name":"Eva","age":"x"}]}"#),
            [(422, "/children/0/age".to_owned(), "wrong_shape".to_owned())]
        );
        assert_eq!(
            problems(r#"{"name":"Ana","age":3,"shoe":1}"#),
            [(422, "/shoe".to_owned(), "unknown_field".to_owned())]
        );
        assert_eq!(
            problems(r#"{"name":"Ana","age":3,"children":[{"name":"Eva"}]}"#),
            [(422, "/children/0/age".to_owned(), "missing_field".to_owned())]
        );
    }

    #[test]
    fn a_text_that_is_not_json_is_malformed() {
        assert_eq!(problems("{\"name\":"), [(400, "/name".to_owned(), "malformed".to_owned())]);
        assert_eq!(problems(r#"{"name":"Ana","age":3} x"#), [(400, String::new(), "malformed".to_owned())]);
    }
}
