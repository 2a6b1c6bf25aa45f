//! Every part of the console in every state, for whoever builds pages, and for the tests that look at them.

use super::{
    form::{Faults, Typed},
    page, place,
    shell::{Shell, Visitor},
    ui::{Choice, Empty, Field, Form, Kind, Pager},
    words::Words,
};
use crate::error::ApiError;
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::FieldProblem;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/gallery", |it| it.route(web::get().to(show)));
}

#[derive(Template)]
#[template(path = "gallery.html")]
struct GalleryPage {
    shell: Shell,
    form: Form,
    wrong: Form,
    danger: Form,
    empty: Empty,
    pager: Pager,
}

async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let shell = visitor.shell("");
    let words = &visitor.words;
    let form = |fields| Form::new(words, "/gallery", "", "gallery-submit", fields);
    let faults: Vec<FieldProblem> = names(words).into_iter().map(fault).chain([whole_fault()]).collect();
    let typed = Typed::with([("line", words.say("gallery-value")), ("area", words.say("gallery-value"))]);
    let again = form(fields(words)).again(&typed, &Faults::of(&ApiError::invalid(faults)), words.lang);
    let shown = GalleryPage {
        form: form(fields(words)),
        wrong: again,
        danger: form(Vec::new()).danger(),
        empty: Empty {
            title: words.say("people-empty"),
            text: words.say("people-empty-text"),
            action: Some(("#content".to_owned(), words.say("people-add"))),
        },
        pager: Pager {
            label: words.say("pager"),
            next: Some(("#content".to_owned(), words.say("pager-next"))),
            first: Some(("#content".to_owned(), words.say("pager-first"))),
        },
        shell,
    };
    page(StatusCode::OK, &shown)
}

fn names(words: &Words) -> Vec<String> {
    fields(words).into_iter().map(|it| it.name).collect()
}

fn fault(name: String) -> FieldProblem {
    FieldProblem::new(format!("/{name}"), "gallery", "Falta: escríbalo aquí.", "missing: type it here")
}

fn whole_fault() -> FieldProblem {
    FieldProblem::new(
        "",
        "gallery",
        "Otra persona lo cambió mientras tanto.",
        "somebody else changed it in the meantime",
    )
}

/// One field of each kind.
fn fields(words: &Words) -> Vec<Field> {
    let label = || words.say("gallery-label");
    let choice = |value: &str, key: &str, is_chosen| Choice {
        value: value.to_owned(),
        label: words.say(key),
        is_chosen,
    };
    let choices = || vec![choice("1", "gallery-first", false), choice("2", "gallery-second", true)];
    let kinds = [
        ("line", Kind::Line("text")),
        ("password", Kind::Line("password")),
        ("date", Kind::Line("date")),
        ("area", Kind::Area),
        ("select", Kind::Select(choices())),
        ("radio", Kind::Radio(choices())),
        ("tick", Kind::Tick),
        ("file", Kind::File("image/jpeg")),
    ];
    let fields = kinds.into_iter().map(|(name, kind)| Field::line(name, label()).kind(kind));
    fields.map(|it| it.hint(words.say("gallery-hint"))).collect()
}
