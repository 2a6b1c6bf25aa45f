//! What is printed of visits and of pay as PDF. Owns what every paper has: its head and foot, the code with its hash, and how file and
//! signature are handed out; what stands on a paper is said beside the page that it is of.

mod branch;

use super::{place, shell::Visitor, words::Words};
use crate::{
    app::{
        blocking,
        visits::evidence::print::{self, Printed},
    },
    error::ApiError,
};
use actix_web::{HttpResponse, http::header, web};
use domain::ids::AuditId;
use paper::{Block, Code, Column, Sheet, Table};

/// How many digits of a hash stand together on paper.
const GROUP: usize = 8;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/branches/visits/{visit}/print.pdf", |it| it.route(web::get().to(branch::pdf)));
    place(config, "/branches/visits/{visit}/print.json", |it| it.route(web::get().to(branch::seal)));
}

/// What is handed out of a printed visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The document.
    File,
    /// The server's signature over it.
    Seal,
}

/// A paper with its head.
pub(super) fn sheet(visitor: &Visitor, title: String, blocks: Vec<Block>) -> Sheet {
    let organization = visitor.organization();
    Sheet {
        language: visitor.words.lang.to_string(),
        issuer: organization.to_owned(),
        foot: format!("{organization} · {title}"),
        of: visitor.words.say("printed-of"),
        title,
        blocks,
    }
}

/// Names with what stands for them.
pub(super) fn facts(rows: impl IntoIterator<Item = (String, String)>) -> Block {
    let rows = rows.into_iter().filter(|it| !it.1.is_empty()).map(|(name, value)| vec![name, value]);
    let columns = vec![Column::text(String::new(), 1), Column::text(String::new(), 3)];
    Block::Table(Table { caption: String::new(), columns, rows: rows.collect() })
}

/// The code of a printed visit, with the hash of what it states and how that is checked.
///
/// # Errors
/// `internal` where the record cannot be written.
pub(super) fn code(words: &Words, record: &Printed) -> Result<Block, ApiError> {
    let hash = record.hash()?.to_string();
    let version = record.score.as_ref().map_or_else(
        || words.say("printed-no-score"),
        |it| words.count("printed-version", i64::from(it.version)),
    );
    Ok(Block::Code(Code {
        content: format!("veedor:visit:{}?sha256={hash}", record.visit),
        description: words.say("printed-code"),
        lines: vec![
            words.naming("printed-visit", record.visit.to_string()),
            version,
            words.naming("printed-hash", grouped(&hash)),
            words.say("printed-check"),
        ],
    }))
}

fn grouped(hash: &str) -> String {
    let digits: Vec<char> = hash.chars().collect();
    digits.chunks(GROUP).map(|it| it.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Hands out a printed visit, or the signature over it.
///
/// # Errors
/// `internal` where it cannot be printed or signed.
pub(super) async fn hand_out(
    visitor: &Visitor,
    record: Printed,
    sheet: Sheet,
    wanted: Wanted,
) -> Result<HttpResponse, ApiError> {
    let (app, org, visit) = (visitor.app.clone(), visitor.principal.org, record.visit);
    match wanted {
        Wanted::File => {
            let bytes = blocking(move || printed(&sheet)).await?;
            Ok(file("application/pdf", &format!("visit-{visit}.pdf"), bytes))
        }
        Wanted::Seal => {
            let seal = blocking(move || print::sign(&app, org, &record, &printed(&sheet)?)).await?;
            Ok(file("application/json", &format!("visit-{visit}.pdf.json"), seal.into_bytes()))
        }
    }
}

/// A document as a file.
///
/// # Errors
/// `internal` where it cannot be printed.
pub(super) fn printed(sheet: &Sheet) -> Result<Vec<u8>, ApiError> {
    paper::print(sheet).map_err(ApiError::internal)
}

/// A file to be kept.
pub(super) fn file(kind: &str, name: &str, bytes: Vec<u8>) -> HttpResponse {
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = HttpResponse::Ok();
    response.content_type(kind).insert_header((header::CONTENT_DISPOSITION, disposition));
    response.body(bytes)
}

/// What a print of a visit states.
///
/// # Errors
/// `not_found` (404) for a visit out of reach.
pub(super) async fn record(visitor: &Visitor, visit: AuditId) -> Result<Printed, ApiError> {
    let principal = visitor.principal.clone();
    visitor.app.read(move |tx| print::read(tx, &principal, visit)).await
}
