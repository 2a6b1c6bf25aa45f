//! Where a form asks for a code of the last five minutes: shows what was sent as a form that asks for the code, and takes the code with
//! the form when it comes again. Whatever the form is, nothing of it is typed twice.

use super::{
    form::Typed,
    page,
    session::code_field,
    shell::{Shell, Visitor},
    status_of,
    ui::{Fault, Form},
};
use crate::{app::second_factor, auth::Secret, error::ApiError};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use askama::Template;

/// The field of the code.
const FIELD: &str = "proof";

/// A form as it was sent, kept with its request for the page that asks for the code.
struct Sent {
    visitor: Visitor,
    typed: Typed,
    /// Whether the code came, and was not taken.
    is_refused: bool,
}

#[derive(Template)]
#[template(path = "proof.html")]
struct ProofPage {
    shell: Shell,
    form: Form,
}

/// Takes the code that a form brings, and keeps the form for the page that asks for one.
///
/// # Errors
/// As [`second_factor::prove`].
pub(super) async fn take(
    request: &HttpRequest,
    visitor: &mut Visitor,
    typed: &Typed,
) -> Result<(), ApiError> {
    let code = typed.get(FIELD);
    let proved = if code.is_empty() {
        Ok(())
    } else {
        second_factor::prove(&visitor.app, &visitor.principal, Secret::from(code)).await
    };
    if proved.is_ok() && !code.is_empty() {
        visitor.principal.proved_at = Some(visitor.app.now());
    }
    let sent = Sent { visitor: visitor.clone(), typed: typed.clone(), is_refused: proved.is_err() };
    request.extensions_mut().insert(sent);
    proved
}

/// The page that asks for the code; none where the refusal is of something else.
pub(super) fn asked(request: &HttpRequest, error: &ApiError) -> Option<Result<HttpResponse, ApiError>> {
    let problem = error.problem();
    let kept = request.extensions();
    let Sent { visitor, typed, is_refused } = kept.get()?;
    if problem.code != "second_factor_not_fresh" && !is_refused {
        return None;
    }
    let words = &visitor.words;
    let shell = visitor.shell("");
    let mut field = code_field(words, FIELD);
    let mut faults = Vec::new();
    if *is_refused {
        field.errors = words.lang.problem(problem);
        let told =
            |text: &String| Fault { field: Some(FIELD.to_owned()), text: format!("{}: {text}", field.label) };
        faults = field.errors.iter().map(told).collect();
    }
    let address = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let form = Form::new(words, address, &shell.csrf, "proof-submit", vec![field]);
    let sent = typed.pairs().filter(|(name, _)| !["csrf", FIELD].contains(name));
    let form = sent.fold(form, |form, (name, value)| form.with_hidden(name, value.to_owned()));
    Some(page(status_of(error), &ProofPage { shell, form: Form { faults, ..form } }))
}
