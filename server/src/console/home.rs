//! The start page: where somebody may go, and what waits for them there.

use super::{
    page,
    shell::{Shell, Visitor},
};
use crate::error::ApiError;
use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    cards: Vec<Card>,
}

/// A way on.
struct Card {
    href: &'static str,
    title: String,
    text: String,
}

pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let shell = visitor.shell("/");
    let cards = shell.places.iter().filter(|it| it.href != "/").map(|it| Card {
        href: it.href,
        title: it.label.clone(),
        text: visitor.words.name_of("place-what", &it.href.trim_start_matches('/').replace('/', "-")),
    });
    let cards = cards.collect();
    page(StatusCode::OK, &HomePage { shell, cards })
}
