//! `/api/v1/imports`: spreadsheets of branches, people, staff, shifts and figures. The body is the file as it is; what it is of and
//! what it is called stand in the address.

use super::incoming::{self, Broken};
use crate::{
    app::{
        App,
        imports::{
            self, Applied, Import, ImportDetail, Kind, MAX_BYTES, Report, Which, template,
            undo::{self, Undone},
            waiting::{OwnedUpload, read_in_turn},
        },
    },
    command::{Command, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    office::Office,
    principal::Principal,
};
use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(take).service(list).service(template_of).service(show).service(take_back);
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// It is tried: nothing is stored.
    Check,
    /// It is applied, all or nothing.
    Apply,
}

/// What a file is, and what to do with it.
#[derive(Debug, Clone, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileQuery {
    /// What it is of.
    kind: Kind,
    /// `check` tries it and stores nothing; `apply` applies it, all or nothing.
    #[param(inline)]
    mode: Mode,
    /// Which rows are applied where some are refused: `all` (then nothing is) or `good`.
    #[serde(default)]
    #[param(required = false)]
    rows: Which,
    /// What the file is called, for the report and the record.
    #[validate(length(min = 1, max = 200))]
    file_name: String,
    /// The sheet of a workbook; the first one that is visible where it is left out.
    #[validate(length(min = 1, max = 200))]
    sheet: Option<String>,
}

/// Tries or applies a file (CSV in UTF-8 or Windows-1252, or XLSX), up to 20 MB and 50,000 rows (5,000 of people). Trying answers
/// 200 with the report, applying 201 with the import, the report and, of people who were created, their one-time codes.
///
/// Refusals: `body_too_large` (413); `empty_file`, `not_a_table`, `old_workbook`, `unreadable_file`, `too_large_inside`,
/// `unknown_sheet`, `bad_encoding`, `too_many_rows`, `too_many_columns`, `cell_too_long`, `missing_column`, `repeated_column` (422);
/// applying also `rows_refused` (422) with the first 500 problems under `/rows/{row}/{column}`.
#[utoipa::path(
    tag = "imports",
    params(FileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "the file"),
    responses((status = 200, body = Report), (status = 201, body = Applied))
)]
#[post("/imports")]
pub(crate) async fn take(
    app: web::Data<App>,
    principal: Principal,
    request: HttpRequest,
    query: Query<FileQuery>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let FileQuery { kind, mode, rows, file_name, sheet } = query.0;
    // Asked again inside the transaction; here so that nobody else makes us read.
    imports::require(&principal, kind)?;
    let bytes = incoming::read(body.into_inner(), MAX_BYTES).await.map_err(not_read)?;
    let command = Command::of_bytes(&request, principal, bytes)?;
    let file = OwnedUpload { kind, file_name, sheet, bytes: command.body.clone() };
    let (prepared, turn) = read_in_turn(&app, file).await?;
    let answer = match mode {
        Mode::Check => {
            let (inside, principal) = (app.get_ref().clone(), command.principal);
            let job = move |tx: &mut db::Tx<'_>| {
                imports::check(tx, &Office::of_principal(&inside, principal), &prepared)
            };
            Ok(HttpResponse::Ok().json(app.read(job).await?))
        }
        Mode::Apply => {
            let command = command.with(|_| prepared);
            execute(&app, command, StatusCode::CREATED, move |tx, office, prepared| {
                imports::apply(tx, office, prepared, rows)
            })
            .await
        }
    };
    drop(turn);
    answer
}

fn not_read(why: Broken) -> ApiError {
    match why {
        Broken::TooLarge => ApiError::too_large(MAX_BYTES),
        Broken::Off | Broken::TooSlow => ApiError::malformed(
            "",
            "El archivo no llegó completo; envíelo de nuevo.",
            format!("the file did not come whole ({}); send it again", why.reason()),
        ),
    }
}

/// The imports of the kinds that the caller may import, the newest first.
#[utoipa::path(tag = "imports", params(Paging), responses((status = 200, body = PageOf<Import>)))]
#[get("/imports")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    paging: Query<Paging>,
) -> Result<web::Json<PageOf<Import>>, ApiError> {
    let (before, limit) = paging.0.page()?;
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(imports::list(tx, principal, before, limit)?, |it| it))
    })
    .await
}

/// Which language a template is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// Spanish.
    #[default]
    Es,
    /// English.
    En,
}

/// Of a template.
#[derive(Debug, Clone, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TemplateQuery {
    /// `es` or `en`; Spanish where it is left out.
    #[serde(default)]
    #[param(required = false, inline)]
    language: Language,
}

/// A file to begin from: headers and one row of example, CSV for spreadsheets.
#[utoipa::path(
    tag = "imports",
    params(TemplateQuery),
    responses((status = 200, description = "the file", body = String, content_type = "text/csv"))
)]
#[get("/imports/templates/{kind}")]
pub(crate) async fn template_of(
    _: Principal,
    kind: web::Path<String>,
    query: Query<TemplateQuery>,
) -> Result<HttpResponse, ApiError> {
    let kind = Kind::from_word(&kind).ok_or_else(|| ApiError::not_found("esa plantilla", "this template"))?;
    let name = format!("attachment; filename=\"{}.csv\"", kind.as_str());
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("Content-Disposition", name))
        .body(template(kind, query.0.language == Language::Es)))
}

/// Which changes of an import.
#[derive(Debug, Clone, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// `next` of the page before; none for the first page.
    after: Option<u32>,
    /// Changes of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// One import with what it changed.
#[utoipa::path(tag = "imports", params(ChangesQuery), responses((status = 200, body = ImportDetail)))]
#[get("/imports/{import}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    import: web::Path<Uuid>,
    query: Query<ChangesQuery>,
) -> Result<web::Json<ImportDetail>, ApiError> {
    let (id, page) = (import.into_inner(), (query.0.after, query.0.limit.unwrap_or(100)));
    read(&app, principal, move |tx, principal| imports::read(tx, principal, id, page)).await
}

/// How an import is taken back.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeBack {
    /// True: what was changed or used since is left, and the rest taken back. Else nothing is where anything was.
    #[serde(default)]
    rest: bool,
}

/// Takes an import back, once: what nobody changed or used since becomes what it was.
///
/// Refusals: `undo_blocked` (409) with each reason under `/rows/{row}`, `already_undone`, `last_admin` (409).
#[utoipa::path(tag = "imports", request_body = TakeBack, responses((status = 200, body = Undone)))]
#[post("/imports/{import}/undo")]
pub(crate) async fn take_back(
    app: web::Data<App>,
    import: web::Path<Uuid>,
    command: Command<TakeBack>,
) -> Result<HttpResponse, ApiError> {
    let id = import.into_inner();
    execute(&app, command, StatusCode::OK, move |tx, office, how| undo::undo(tx, office, id, how.rest)).await
}
