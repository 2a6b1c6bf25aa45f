//! Spreadsheets: tried first, with what each row would do, then applied, and taken back once if that was wrong.

use super::{
    done,
    form::{Faults, Posted, Shape, Typed},
    lang::Lang,
    page, place,
    session::refuse_foreign,
    shell::{Shell, Visitor, app_of},
    status_of,
    ui::{Choice, Empty, Field, Form, Kind as Control, Pager},
    upload,
    when::wall_of,
    words::Words,
};
use crate::{
    app::{
        appeals::too_many_at_once,
        imports::{
            self, Action, Import, Kind, MAX_BYTES, Report, RowProblem, UserCode, Which, undo,
            waiting::{OwnedUpload, read_in_turn},
        },
    },
    error::ApiError,
    http::page::{PageOf, Paging},
    office::Office,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use serde::Deserialize;
use sync_core::{DeviceId, Hash};
use uuid::Uuid;
use validator::Validate;

/// Rows, problems and changes that a page shows of each; of the rest it says how many there are.
const SHOWN: usize = 100;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/imports", |it| it.route(web::get().to(list)).route(web::post().to(attempt)));
    place(config, "/imports/apply", |it| it.route(web::get().to(back)).route(web::post().to(apply)));
    place(config, "/imports/{import}", |it| it.route(web::get().to(show)));
    place(config, "/imports/{import}/undo", |it| it.route(web::post().to(undo)));
}

/// An import in the list.
struct Row {
    href: String,
    kind: String,
    file: String,
    at: String,
    added: u32,
    changed: u32,
    refused: u32,
    is_undone: bool,
}

/// A file to begin from.
struct Sample {
    href: String,
    kind: String,
}

#[derive(Template)]
#[template(path = "imports.html")]
struct ListPage {
    shell: Shell,
    form: Form,
    samples: Vec<Sample>,
    rows: Vec<Row>,
    empty: Empty,
    pager: Pager,
}

fn row(visitor: &Visitor, it: &Import) -> Row {
    Row {
        href: format!("/imports/{}", it.id),
        kind: visitor.words.name_of("import-kind", it.kind.as_str()),
        file: it.file.clone(),
        at: wall_of(&it.imported_at, &visitor.zone),
        added: it.added,
        changed: it.changed,
        refused: it.refused,
        is_undone: it.undone_at.is_some(),
    }
}

/// The kinds that somebody may import.
fn kinds(visitor: &Visitor) -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|it| imports::require(&visitor.principal, *it).is_ok())
}

fn new_form(visitor: &Visitor, csrf: &str) -> Form {
    let words = &visitor.words;
    let choices = kinds(visitor).map(|it| Choice {
        value: it.as_str().to_owned(),
        label: words.name_of("import-kind", it.as_str()),
        is_chosen: false,
    });
    let fields = vec![
        Field::line("kind", words.say("import-kind")).kind(Control::Select(choices.collect())),
        Field::line("file", words.say("import-file"))
            .kind(Control::File(".csv,.tsv,.txt,.xlsx"))
            .hint(words.say("import-file-hint")),
        Field::line("sheet", words.say("import-sheet")).hint(words.say("import-sheet-hint")).optional(),
    ];
    Form::new(words, "/imports", csrf, "import-try", fields).upload()
}

async fn list_page(visitor: &Visitor, after: Option<String>) -> Result<ListPage, ApiError> {
    let is_first = after.is_none();
    let (before, limit) = Paging { after, limit: None }.page()?;
    let principal = visitor.principal.clone();
    let found =
        visitor.app.read(move |tx| Ok(PageOf::of(imports::list(tx, &principal, before, limit)?, |it| it)));
    let found = found.await?;
    let words = &visitor.words;
    let shell = visitor.shell("/imports");
    let sample = |it: Kind| Sample {
        href: format!("/api/v1/imports/templates/{}?language={}", it.as_str(), words.lang),
        kind: words.name_of("import-kind", it.as_str()),
    };
    Ok(ListPage {
        form: new_form(visitor, &shell.csrf),
        samples: kinds(visitor).map(sample).collect(),
        rows: found.items.iter().map(|it| row(visitor, it)).collect(),
        empty: Empty { title: words.say("import-empty"), text: words.say("import-empty-text"), action: None },
        pager: Pager {
            label: words.say("pager"),
            next: found.next.map(|it| (format!("/imports?after={it}"), words.say("pager-next"))),
            first: (!is_first).then(|| ("/imports".to_owned(), words.say("pager-first"))),
        },
        shell,
    })
}

/// Which page of the list.
#[derive(Debug, Deserialize)]
struct Asked {
    after: Option<String>,
}

async fn list(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    page(StatusCode::OK, &list_page(&visitor, asked.into_inner().after).await?)
}

/// Where somebody comes to with an address that only forms are sent to.
async fn back(_: Visitor) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/imports")).finish()
}

async fn refused(visitor: &Visitor, typed: &Typed, error: &ApiError) -> Result<HttpResponse, ApiError> {
    let mut shown = list_page(visitor, None).await?;
    shown.form = shown.form.again(typed, &Faults::of(error), visitor.words.lang);
    page(status_of(error), &shown)
}

// ---- try ----

/// Something that is told of a row.
struct Told {
    row: u32,
    /// The column, or what the row is about.
    what: String,
    text: String,
}

#[derive(Template)]
#[template(path = "import_report.html")]
struct ReportPage {
    shell: Shell,
    kind: String,
    report: Report,
    /// Regions of a file of branches, counted in words.
    regions: [String; 2],
    notes: Vec<String>,
    problems: Vec<Told>,
    changes: Vec<Told>,
    /// How many problems and changes are not shown.
    more_problems: Option<String>,
    more_changes: Option<String>,
    /// To apply it; none where no row is good.
    form: Option<Form>,
    /// Of people who were created, told once.
    codes: Vec<UserCode>,
    /// The import, once it was applied.
    import: Option<Uuid>,
}

fn problem_of(words: &Words, it: &RowProblem) -> Told {
    let text = words.lang.choose(&it.message_es, &it.message_en).to_owned();
    Told { row: it.row, what: it.column.clone(), text }
}

fn report_page(visitor: &Visitor, kind: Kind, report: Report) -> ReportPage {
    let words = &visitor.words;
    let change = |it: &imports::RowChange| {
        let columns = it.columns.iter().map(|it| {
            let name = imports::column_name(kind, &it.column, words.lang == Lang::Es);
            let shown = |it: &Option<String>| it.clone().unwrap_or_else(|| "–".to_owned());
            match &it.before {
                Some(_) => format!("{name}: {} → {}", shown(&it.before), shown(&it.after)),
                None => format!("{name}: {}", shown(&it.after)),
            }
        });
        let columns: Vec<String> = columns.collect();
        let action = match it.action {
            Action::Added => "import-adds",
            Action::Changed => "import-changes",
            Action::Unchanged => "import-leaves",
        };
        Told { row: it.row, what: it.key.clone(), text: words.naming(action, columns.join("; ")) }
    };
    let more = |total: usize| (total > SHOWN).then(|| words.count("import-more", total - SHOWN));
    let changed = report.added + report.changed;
    ReportPage {
        shell: visitor.shell("/imports"),
        kind: words.name_of("import-kind", kind.as_str()),
        regions: [
            counted(words, "import-regions-added", report.regions_added),
            counted(words, "import-regions-changed", report.regions_changed),
        ],
        notes: report.notes.iter().map(|it| note(words, it)).collect(),
        problems: report.problems.iter().take(SHOWN).map(|it| problem_of(words, it)).collect(),
        changes: report.changes.iter().take(SHOWN).map(change).collect(),
        more_problems: more(report.problems_total),
        more_changes: more(changed),
        form: None,
        codes: Vec::new(),
        import: None,
        report,
    }
}

/// A count in words; empty where there is nothing.
fn counted(words: &Words, key: &str, count: usize) -> String {
    if count == 0 { String::new() } else { words.count(key, count) }
}

fn note(words: &Words, it: &imports::Note) -> String {
    let text = words.lang.choose(&it.message_es, &it.message_en);
    if it.column.is_empty() { text.to_owned() } else { format!("{}: {text}", it.column) }
}

fn apply_form(visitor: &Visitor, hash: Hash, report: &Report) -> Option<Form> {
    let words = &visitor.words;
    if report.added + report.changed + report.unchanged == 0 {
        return None;
    }
    let form = |submit, fields| {
        let csrf = &visitor.shell("/imports").csrf;
        Form::new(words, "/imports/apply", csrf, submit, fields).with_hidden("hash", hash.to_string())
    };
    if report.refused == 0 {
        return Some(form("import-apply", Vec::new()).with_hidden("rows", "all".to_owned()));
    }
    Some(form("import-apply-good", Vec::new()).with_hidden("rows", "good".to_owned()))
}

/// What a file is, as the form gives it.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Kind,
    #[validate(length(max = 200))]
    sheet: Option<String>,
}

async fn attempt(
    visitor: Visitor,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let app = app_of(&request)?;
    refuse_foreign(&request, &app)?;
    if kinds(&visitor).next().is_none() {
        imports::require(&visitor.principal, Kind::Branches)?;
    }
    // Taken before the body is read: bodies are what fills the memory.
    let Some(_place) = app.blob_places.take(DeviceId(*visitor.principal.user.as_bytes())) else {
        return Err(too_many_at_once());
    };
    let sent = upload::read(&request, payload, MAX_BYTES, || ApiError::too_large(MAX_BYTES)).await?;
    let tried = attempt_file(&visitor, sent.typed.clone(), sent.name, sent.file).await;
    match tried {
        Ok(shown) => page(StatusCode::OK, &shown),
        Err(error) if error.problem().status == 422 => refused(&visitor, &sent.typed, &error).await,
        Err(error) => Err(error),
    }
}

async fn attempt_file(
    visitor: &Visitor,
    typed: Typed,
    name: String,
    bytes: Vec<u8>,
) -> Result<ReportPage, ApiError> {
    let File { kind, sheet } = typed.read(&[("kind", Shape::Text), ("sheet", Shape::Text)])?;
    imports::require(&visitor.principal, kind)?;
    let file_name = if name.is_empty() { kind.as_str().to_owned() } else { name };
    let file = OwnedUpload { kind, file_name, sheet, bytes: bytes.into() };
    let (prepared, _turn) = read_in_turn(&visitor.app, file.clone()).await?;
    let (inside, principal) = (visitor.app.clone(), visitor.principal.clone());
    let report = visitor
        .app
        .read(move |tx| imports::check(tx, &Office::of_principal(&inside, principal), &prepared))
        .await?;
    let hash = visitor.app.kept_files.keep(visitor.principal.user, file, visitor.app.now());
    let form = apply_form(visitor, hash, &report);
    Ok(ReportPage { form, ..report_page(visitor, kind, report) })
}

// ---- apply ----

/// What is applied.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Chosen {
    hash: String,
    rows: Which,
}

async fn apply(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { mut visitor, typed } = posted;
    visitor.address = "/imports".to_owned();
    match apply_kept(&visitor, &typed).await {
        Ok(shown) => page(StatusCode::CREATED, &shown),
        Err(error) if error.problem().status == 422 => refused(&visitor, &typed, &error).await,
        Err(error) => Err(error),
    }
}

async fn apply_kept(visitor: &Visitor, typed: &Typed) -> Result<ReportPage, ApiError> {
    let chosen: Chosen = typed.read(&[("hash", Shape::Text), ("rows", Shape::Text)])?;
    let (user, now) = (visitor.principal.user, visitor.app.now());
    let hash = chosen.hash.parse::<Hash>().map_err(|_| gone())?;
    let file = visitor.app.kept_files.take(user, hash, now).ok_or_else(gone)?;
    let applied = apply_file(visitor, file.clone(), chosen.rows).await;
    let applied = match applied {
        Ok(it) => it,
        // Nothing was stored: it can be applied still, with a code for example.
        Err(error) => {
            visitor.app.kept_files.keep(user, file, now);
            return Err(error);
        }
    };
    let import = Some(applied.import.id);
    Ok(ReportPage { codes: applied.codes, import, ..report_page(visitor, file.kind, applied.report) })
}

async fn apply_file(visitor: &Visitor, file: OwnedUpload, rows: Which) -> Result<imports::Applied, ApiError> {
    let (prepared, _turn) = read_in_turn(&visitor.app, file).await?;
    visitor.change(move |tx, office| imports::apply(tx, office, &prepared, rows)).await
}

/// A file that is kept no longer.
fn gone() -> ApiError {
    ApiError::field(
        "/file",
        "file_not_kept",
        "El archivo ya no está aquí o ya se aplicó: si no está en la lista, elíjalo y pruébelo de nuevo.",
        "the file is not here any more, or was applied already: where it is not in the list, choose and try it again",
    )
}

// ---- one import ----

/// Something that an import changed.
struct Change {
    row: u32,
    subject: String,
    key: String,
    is_new: bool,
    kept: String,
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    shell: Shell,
    row: Row,
    changes: Vec<Change>,
    pager: Pager,
    /// To take it back; none where it was.
    form: Option<Form>,
}

/// Which page of the changes.
#[derive(Debug, Deserialize)]
struct ChangesAsked {
    after: Option<u32>,
}

async fn import_page(visitor: &Visitor, id: Uuid, after: Option<u32>) -> Result<ImportPage, ApiError> {
    let principal = visitor.principal.clone();
    let limit = u32::try_from(SHOWN).map_err(ApiError::internal)?;
    let found = visitor.app.read(move |tx| imports::read(tx, &principal, id, (after, limit))).await?;
    let words = &visitor.words;
    let shell = visitor.shell("/imports");
    let kept = |(es, en)| words.naming("import-kept", words.lang.choose(es, en));
    let changes = found.changes.iter().map(|it| Change {
        row: it.row,
        subject: words.name_of("import-subject", it.subject),
        key: it.key.clone(),
        is_new: it.before.is_none(),
        kept: it.kept.as_deref().and_then(undo::reason).map(kept).unwrap_or_default(),
    });
    let row = row(visitor, &found.import);
    let address = format!("/imports/{id}");
    let form = (!row.is_undone).then(|| {
        let rest = Field::line("rest", words.say("import-undo-rest")).kind(Control::Tick).optional();
        let undo = format!("{address}/undo");
        Form::new(words, &undo, &shell.csrf, "import-undo", vec![rest]).danger()
    });
    Ok(ImportPage {
        row,
        changes: changes.collect(),
        pager: Pager {
            label: words.say("pager"),
            next: found.next.map(|it| (format!("{address}?after={it}"), words.say("pager-next"))),
            first: after.is_some().then(|| (address, words.say("pager-first"))),
        },
        form,
        shell,
    })
}

async fn show(
    visitor: Visitor,
    import: web::Path<Uuid>,
    asked: web::Query<ChangesAsked>,
) -> Result<HttpResponse, ApiError> {
    page(StatusCode::OK, &import_page(&visitor, import.into_inner(), asked.after).await?)
}

async fn undo(posted: Posted, import: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { mut visitor, typed } = posted;
    let id = import.into_inner();
    visitor.address = format!("/imports/{id}");
    let rest = !typed.get("rest").is_empty();
    match visitor.change(move |tx, office| undo::undo(tx, office, id, rest)).await {
        Ok(_) => Ok(done(&format!("/imports/{id}"), "import-undone")),
        Err(error) if error.problem().code == "undo_blocked" => {
            let mut shown = import_page(&visitor, id, None).await?;
            shown.form = shown.form.map(|it| it.again(&typed, &Faults::of(&error), visitor.words.lang));
            page(status_of(&error), &shown)
        }
        Err(error) => Err(error),
    }
}
