//! What a form sends: read within bounds, proved to come from a page of the same session, and made into the body that the use case
//! takes, so that each rule and its words stand in one place. What was typed is kept for the form to be shown again.

use super::shell::{Visitor, app_of, csrf_of, session_token};
use super::{proof, session};
use crate::{
    app::places::Place,
    error::ApiError,
    http::{body::FromJson, incoming},
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use domain::FieldProblem;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, future::Future, pin::Pin};
use subtle::ConstantTimeEq as _;
use sync_core::DeviceId;

/// The largest form, in bytes: what is longer in a field than the field takes comes back as far as it goes, with the field named.
const MOST_BYTES: usize = 25 * 1024 * 1024;
/// The largest form that is read whoever else sends one, in bytes.
const SMALL_BYTES: usize = 256 * 1024;
/// Most fields of a form.
const MOST_FIELDS: usize = 5_000;
/// What comes back of a field that is too long, in characters.
const KEPT_CHARS: usize = 20_000;

/// What was typed into a form, by the names of its fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed(BTreeMap<String, Vec<String>>);

/// How the text of a field becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As it is typed, without spaces around it; left out where it is empty.
    Text,
    /// The same, and given also where it is empty.
    EmptyText,
    /// A whole number; left out where it is empty. What is no number stays a text, for the use case to refuse.
    Whole,
    /// Whether a box is ticked.
    Tick,
}

impl Typed {
    fn of(body: &[u8]) -> Option<Self> {
        // A field costs many times its bytes: they are counted before any is made.
        if body.iter().filter(|it| **it == b'&').count() >= MOST_FIELDS {
            return None;
        }
        let text = str::from_utf8(body).ok()?;
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text).ok()?;
        Some(Self::of_parts(pairs.into_inner()))
    }

    /// The fields of a form that came part by part.
    pub(super) fn of_parts(parts: Vec<(String, String)>) -> Self {
        let mut typed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in parts {
            typed.entry(name).or_default().push(value);
        }
        Self(typed)
    }

    /// A form filled in beforehand.
    pub(crate) fn with<const N: usize>(values: [(&str, String); N]) -> Self {
        Self(values.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect())
    }

    /// The first value of a field; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(|it| it.first()).map_or("", String::as_str)
    }

    /// Every value of a field that may be sent several times.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// All fields, each with its values in turn.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, values)| values.iter().map(|it| (name.as_str(), it.as_str())))
    }

    /// The fields whose names begin so: the rest of each name, with its first value.
    pub(crate) fn beginning(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.0.iter();
        fields.filter_map(move |(name, values)| Some((name.strip_prefix(prefix)?, values.first()?.as_str())))
    }

    /// The body of a use case: each field under its name, whose steps are parted by `/`.
    ///
    /// # Errors
    /// As [`FromJson`], each problem under the field's name as JSON Pointer.
    pub(crate) fn read<T: FromJson>(&self, shapes: &[(&str, Shape)]) -> Result<T, ApiError> {
        let mut body = Map::new();
        for (name, shape) in shapes {
            if let Some(value) = self.value(name, *shape) {
                put(&mut body, name, value);
            }
        }
        T::from_json(&Value::Object(body).to_string())
    }

    fn value(&self, name: &str, shape: Shape) -> Option<Value> {
        let text = self.get(name);
        match shape {
            Shape::EmptyText => Some(Value::from(text.trim())),
            Shape::Text => Some(text.trim()).filter(|it| !it.is_empty()).map(Value::from),
            Shape::Whole => {
                let text = Some(text.trim()).filter(|it| !it.is_empty())?;
                Some(text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from))
            }
            Shape::Tick => Some(Value::from(!text.is_empty())),
        }
    }

    /// As it is shown again: no field longer than a page bears.
    fn shortened(mut self) -> Self {
        for value in self.0.values_mut().flatten() {
            if let Some((at, _)) = value.char_indices().nth(KEPT_CHARS) {
                value.truncate(at);
            }
        }
        self
    }
}

fn put(body: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('/') {
        None => drop(body.insert(name.to_owned(), value)),
        Some((step, rest)) => {
            let inner = body.entry(step.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// A form that somebody sent from a page of theirs.
pub(crate) struct Posted {
    pub(crate) visitor: Visitor,
    pub(crate) typed: Typed,
}

impl FromRequest for Posted {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let app = app_of(&request)?;
            session::refuse_foreign(&request, &app)?;
            let token = session_token(&request).ok_or_else(session::none)?;
            let mut visitor = Visitor::of_token(&request, token.clone()).await?;
            let typed = {
                let _place = place(&request, &visitor)?;
                typed(payload, MOST_BYTES).await?
            };
            refuse_stale(&typed, &token)?;
            let typed = typed.shortened();
            proof::take(&request, &mut visitor, &typed).await?;
            Ok(Self { visitor, typed })
        })
    }
}

/// A place for a form that is large or does not say how large it is: bodies are what fills the memory.
///
/// # Errors
/// `busy` (503).
fn place(request: &HttpRequest, visitor: &Visitor) -> Result<Option<Place>, ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    let length: Option<usize> = length.and_then(|it| it.parse().ok());
    if length.is_some_and(|it| it <= SMALL_BYTES) {
        return Ok(None);
    }
    let found = visitor.app.blob_places.take(DeviceId(*visitor.principal.user.as_bytes()));
    let busy = || {
        ApiError::later(
            503,
            "busy",
            "Se reciben demasiados formularios grandes a la vez; intente de nuevo en unos segundos.",
            "too many large forms come at once; try again in a few seconds",
        )
    };
    found.map(Some).ok_or_else(busy)
}

/// What a body of a form says.
///
/// # Errors
/// `body_too_large` (413), `malformed` (400).
pub(super) async fn typed(payload: Payload, most: usize) -> Result<Typed, ApiError> {
    let body = incoming::read(payload, most).await.map_err(|broken| match broken {
        incoming::Broken::TooLarge => ApiError::too_large(most),
        incoming::Broken::Off | incoming::Broken::TooSlow => not_understood(),
    })?;
    Typed::of(&body).ok_or_else(not_understood)
}

/// Refuses a form of another session.
///
/// # Errors
/// `form_of_another_session` (409).
pub(super) fn refuse_stale(typed: &Typed, token: &str) -> Result<(), ApiError> {
    let is_own = csrf_of(token).as_bytes().ct_eq(typed.get("csrf").as_bytes());
    if bool::from(is_own) { Ok(()) } else { Err(stale_form()) }
}

pub(super) fn not_understood() -> ApiError {
    let es = "No se entiende lo que se envió; vuelva a la página y envíelo de nuevo.";
    ApiError::malformed("", es, "what was sent is not understood; go back and send it again")
}

/// A form of a session before this one, or of no page of ours.
fn stale_form() -> ApiError {
    ApiError::conflict(
        "form_of_another_session",
        "Este formulario es de una sesión anterior: vuelva atrás, actualice la página y envíelo de nuevo. No se guardó nada.",
        "this form is of a session before: go back, load the page anew and send it again; nothing was stored",
    )
}

/// What is wrong with a form, by field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Vec<FieldProblem>);

impl Faults {
    pub(crate) fn of(error: &ApiError) -> Self {
        Self(error.problem().errors.clone())
    }

    /// Problems of a field, and of what lies in it.
    pub(crate) fn at(&self, name: &str) -> impl Iterator<Item = &FieldProblem> {
        let own = format!("/{name}");
        let within = format!("{own}/");
        self.0.iter().filter(move |it| it.field == own || it.field.starts_with(&within))
    }

    /// Problems of none of these fields.
    pub(crate) fn beside(&self, names: &[&str]) -> Vec<&FieldProblem> {
        self.0.iter().filter(|it| !names.iter().any(|name| self.at(name).any(|found| found == *it))).collect()
    }
}
