//! Reads request bodies and query strings: JSON into a type, then `validator`'s rules, then a problem that names
//! every offending field by JSON Pointer.

use super::shape::{self, Origin};
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

impl<T: FromJson + 'static> FromRequest for Body<T> {
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
                "No se pudo leer el cuerpo; envíelo de nuevo.",
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
    let unreadable = || {
        let es = "No se entienden los parámetros de la dirección; vea los que hay en /api/openapi.json.";
        ApiError::malformed("", es, "the query string is not understood; see /api/openapi.json")
    };
    match web::Query::<T>::from_query(text) {
        Ok(read) => {
            let read = read.into_inner();
            check(&read)?;
            Ok(read)
        }
        Err(_) => {
            let pairs = web::Query::<Vec<(String, String)>>::from_query(text).map_err(|_| unreadable())?;
            let mut parameters = serde_json::Map::new();
            let mut found = Vec::new();
            for (name, value) in pairs.into_inner() {
                if parameters.contains_key(&name) {
                    found.push(shape::repeated_field(&pointer("", &name)));
                }
                parameters.insert(name, value.into());
            }
            found.extend(shape::problems::<T>(parameters.into(), text.len(), Origin::Query));
            Err(if found.is_empty() { unreadable() } else { refused(found) })
        }
    }
}

/// What a JSON document is read into.
pub(crate) trait FromJson: Sized {
    /// Reads and validates a document.
    ///
    /// # Errors
    /// `malformed` (400) for what is no JSON; every field that is missing, unknown, of another type or against a rule (422).
    fn from_json(text: &str) -> Result<Self, ApiError>;
}

impl<T: DeserializeOwned + Validate> FromJson for T {
    fn from_json(text: &str) -> Result<Self, ApiError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let read: Result<T, _> = serde_path_to_error::deserialize(&mut reader);
        let (place, reason) = match read {
            Ok(value) => {
                reader.end().map_err(|reason| not_json("", &reason))?;
                check(&value)?;
                return Ok(value);
            }
            Err(error) => (json_pointer(error.path()), error.into_inner()),
        };
        let document = serde_json::from_str(text).map_err(|_| not_json(&place, &reason))?;
        let mut found = shape::repeated(text);
        found.extend(shape::problems::<T>(document, text.len(), Origin::Body));
        Err(if found.is_empty() { not_json(&place, &reason) } else { refused(found) })
    }
}

pub(super) fn not_json(field: &str, reason: &serde_json::Error) -> ApiError {
    let (line, column) = (reason.line(), reason.column());
    ApiError::malformed(
        field,
        format!("No es un documento JSON: falla en la línea {line}, columna {column}."),
        format!("not a JSON document: fails at line {line}, column {column}"),
    )
}

fn refused(mut found: Vec<FieldProblem>) -> ApiError {
    found.sort();
    ApiError::invalid(found)
}

/// Reads and validates a JSON document.
pub(crate) fn read_json<T: FromJson>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        ApiError::malformed(
            "",
            format!("No es texto UTF-8 a partir del byte {place}."),
            format!("not UTF-8 text from byte {place} on"),
        )
    })?;
    T::from_json(text)
}

/// Applies `validator`'s rules to a value that did not come as a body.
pub(crate) fn check<T: Validate>(value: &T) -> Result<(), ApiError> {
    let found = rule_problems(value);
    if found.is_empty() { Ok(()) } else { Err(refused(found)) }
}

/// What of a value is against `validator`'s rules.
pub(super) fn rule_problems<T: Validate>(value: &T) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if let Err(errors) = value.validate() {
        collect("", &errors, &mut problems);
    }
    problems
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
        assert_eq!(read_json::<Person>(b"{\"name\":\"\xff\"}").unwrap_err().problem().code, "malformed");
    }

    /// What is wrong with a document, by field; every text is checked to be whole in its language.
    fn found<T: FromJson>(json: &str) -> Vec<String> {
        let Err(error) = T::from_json(json) else { return Vec::new() };
        let errors = &error.problem().errors;
        for it in errors {
            let spanish = &it.message_es;
            assert!(spanish.ends_with('.'), "{spanish}");
            let english_words = ["expected", "invalid", "type", "must", "string", "missing", "unknown"];
            assert!(!english_words.iter().any(|it| spanish.contains(it)), "{spanish}");
            assert!(!format!("{it:?}").contains("hunter2"), "{it:?}");
        }
        errors.iter().map(|it| format!("{} {}", it.field, it.code)).collect()
    }

    #[test]
    fn missing_unknown_and_wrong_fields_and_broken_rules_are_told_in_one_answer() {
        let json = r#"{"nombre":"Ana","age":"x","shoe":{"size":1},"children":[
            {"name":"","age":3}, {"name":7}, "Eva", {"name":"Sol","age":300,"hat":null}]}"#;
        let expected = [
            "/age wrong_shape",
            "/children/0/name length",
            "/children/1/age missing_field",
            "/children/1/name wrong_shape",
            "/children/2 wrong_shape",
            "/children/3/age range",
            "/children/3/hat unknown_field",
            "/name missing_field",
            "/nombre unknown_field",
            "/shoe unknown_field",
        ];
        assert_eq!(found::<Person>(json), expected);
    }

    #[test]
    fn a_field_that_stands_twice_is_told_with_the_rest() {
        let json = r#"{"name":"Ana","name":"Eva","age":"x","children":[{"name":"Sol","age":1,"age":2}]}"#;
        let expected = ["/age wrong_shape", "/children/0/age repeated_field", "/name repeated_field"];
        assert_eq!(found::<Person>(json), expected);
    }

    #[test]
    fn every_row_of_many_tells_all_that_is_wrong_with_it() {
        type People = crate::http::rows::Rows<Person, 3>;
        let json = r#"[{"name":"Ana","age":3},{"age":"x","shoe":1},7]"#;
        let expected =
            ["/1/age wrong_shape", "/1/name missing_field", "/1/shoe unknown_field", "/2 wrong_shape"];
        assert_eq!(found::<People>(json), expected);
        assert_eq!(found::<People>("[]"), [" length"]);
        assert_eq!(found::<People>(r#"{"name":"Ana"}"#), [" wrong_shape"]);
        assert_eq!(found::<People>("[{]"), [" malformed"]);
    }

    #[test]
    fn the_bodies_of_the_api_name_every_field_that_is_missing_or_of_another_type() {
        use crate::app;
        let branch = found::<app::branches::BranchRow>(
            r#"{"code":1,"latitude":true,"longitude":"x","target":{},"active":"yes","region_code":[],"zone":"UTC"}"#,
        );
        let expected = [
            "/active wrong_shape",
            "/code wrong_shape",
            "/latitude wrong_shape",
            "/longitude wrong_shape",
            "/name missing_field",
            "/region_code wrong_shape",
            "/target wrong_shape",
        ];
        assert_eq!(branch, expected);
        let assignment = found::<app::assignments::NewAssignment>(
            r#"{"branch_id":"7","template":{"version":-1},"window_from":"2026-02-30","wave_id":3}"#,
        );
        let expected = [
            "/auditor_id missing_field",
            "/branch_id wrong_shape",
            "/template/id missing_field",
            "/template/version wrong_shape",
            "/wave_id wrong_shape",
            "/window_from wrong_shape",
            "/window_to missing_field",
        ];
        assert_eq!(assignment, expected);
        let device = r#"{"code":["hunter2"],"key":{"alg":9,"key":"zz"},"kind":"hunter2","sig":5}"#;
        let expected = [
            "/code wrong_shape",
            "/key/alg wrong_shape",
            "/key/key wrong_shape",
            "/kind wrong_shape",
            "/sig wrong_shape",
        ];
        assert_eq!(found::<app::devices::NewDevice>(device), expected);
        let user =
            r#"{"name":7,"password":5,"roles":[{"role":"owner","scope":{"kind":"shop"}},{"scope":{}}]}"#;
        let expected = [
            "/login missing_field",
            "/name wrong_shape",
            "/password wrong_shape",
            "/roles/0/role wrong_shape",
            "/roles/0/scope/kind wrong_shape",
            "/roles/1/role missing_field",
            "/roles/1/scope/kind missing_field",
        ];
        assert_eq!(found::<app::users::NewUser>(user), expected);
        let run = r#"{"plan":{},"period":{"from":1,"to":"x"},"unit":{"kind":"shop","ids":["x"]},"mode":5}"#;
        let expected = [
            "/mode wrong_shape",
            "/period/from wrong_shape",
            "/period/to wrong_shape",
            "/plan/id missing_field",
            "/unit/ids/0 wrong_shape",
            "/unit/kind wrong_shape",
        ];
        assert_eq!(found::<app::payouts::NewRun>(run), expected);
    }

    #[test]
    fn fields_of_an_object_that_serde_buffers_are_named_too() {
        use crate::app;
        let order = r#"{"standard":{"id":"cem-1000"},"period":{"from":"2026-01-01","to":"2026-03-31"},
            "criteria":[{"id":"1.1","despliegue":"much","confirmed":2}]}"#;
        assert_eq!(found::<app::assessments::NewAssessment>(order), ["/criteria/0/despliegue wrong_shape"]);
        let grant =
            |scope: &str| found::<app::users::RoleGrant>(&format!(r#"{{"role":"admin","scope":{scope}}}"#));
        assert_eq!(grant(r#"{"kind":"branch","id":5}"#), ["/scope/id wrong_shape"]);
        assert_eq!(grant(r#"{"kind":"branch"}"#), ["/scope/id missing_field"]);
        let id = "00000000-0000-0000-0000-000000000001";
        assert_eq!(
            grant(&format!(r#"{{"kind":"branch","id":"{id}","shoe":1}}"#)),
            ["/scope/shoe unknown_field"]
        );
        assert_eq!(grant(r#"{"kind":"branch","id":"x"}"#), ["/scope/id wrong_shape"]);
    }

    #[test]
    fn what_a_field_should_be_is_told_with_its_choices() {
        let order = r#"{"items":[{"item":"a","reason":"b"}],"deadline":"tomorrow"}"#;
        let error = crate::app::review::commands::ReturnOrder::from_json(order).unwrap_err();
        let told = &error.problem().errors[0];
        assert_eq!(told.message_es, "Debe ser un instante como 2026-04-01T09:30:00Z.");
        let error = read_json::<crate::app::devices::NewCode>(br#"{"user":"x","kind":4}"#).unwrap_err();
        let told: Vec<&str> = error.problem().errors.iter().map(|it| it.message_en.as_str()).collect();
        assert_eq!(told, ["must be one of: 'phone', 'import'", "must be an identifier, a UUID"]);
    }

    #[test]
    fn a_document_made_of_mistakes_is_refused_before_long() {
        let row = r#"{"name":1,"age":"x","hat":[]},"#.repeat(20_000);
        let json = format!(r#"{{"name":"Ana","age":1,"children":[{}]}}"#, row.trim_end_matches(','));
        let count = found::<Person>(&json).len();
        assert!((16..60_000).contains(&count), "{count}");
    }

    fn asked<T: DeserializeOwned + Validate>(query: &str) -> Vec<String> {
        let Err(error) = read_query::<T>(query) else { return Vec::new() };
        assert_eq!(error.problem().status, 422);
        error.problem().errors.iter().map(|it| format!("{} {}", it.field, it.code)).collect()
    }

    #[test]
    fn every_parameter_at_fault_is_named() {
        use crate::http::{page::Paging, scorecards::NetworkQuery};
        assert_eq!(asked::<Paging>("limit=5&after=x"), Vec::<String>::new());
        assert_eq!(asked::<Paging>("limit=abc&shoe=1"), ["/limit wrong_shape", "/shoe unknown_field"]);
        assert_eq!(asked::<Paging>("limit=0&shoe=1"), ["/limit range", "/shoe unknown_field"]);
        assert_eq!(asked::<Paging>("limit=99999999999&after=x"), ["/limit wrong_shape"]);
        assert_eq!(asked::<Paging>("limit=1&limit=2"), ["/limit repeated_field"]);
        let expected = ["/from missing_field", "/region wrong_shape", "/to missing_field"];
        assert_eq!(asked::<NetworkQuery>("region=7"), expected);
    }
}
