//! A wave on pages: its assignments, offered one by one and withdrawn with a reason, and which branch is covered in which week.

use super::{
    done,
    form::{Faults, Posted, Shape, Typed},
    page, place,
    programmes::{is_mended_in_the_form, pager, refuse_others},
    shell::{Shell, Visitor},
    status_of,
    ui::{Choice, Empty, Field, Form, Kind, Pager},
    words::Words,
};
use crate::{
    app::{
        assignments::{self, Cancellation, NewAssignment, TemplateRef},
        programmes::Wave,
        waves::{self, Cell, Coverage, MAX_WEEKS, NamedAssignment, WaveSheet},
    },
    error::ApiError,
    http::page::{PageOf, Paging},
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use db::Tx;
use domain::{
    FieldProblem,
    access::Permission,
    access::Target,
    date::Date,
    ids::{AssignmentId, OrgId, WaveId},
    lifecycle::State,
};
use serde::Deserialize;
use uuid::Uuid;
use validator::Validate;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/waves/{wave}", |it| it.route(web::get().to(show)));
    place(config, "/waves/{wave}/assignments", |it| it.route(web::post().to(offer)));
    place(config, "/waves/{wave}/assignments.csv", |it| it.route(web::get().to(export)));
    place(config, "/waves/{wave}/assignments/{assignment}/withdraw", |it| {
        it.route(web::get().to(ask)).route(web::post().to(withdraw))
    });
}

/// Which page of which list.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    after: Option<String>,
    /// Where the page of the coverage begins.
    branches: Option<String>,
}

/// An assignment in the list.
struct Row {
    branch: String,
    code: String,
    auditor: String,
    window: String,
    checklist: String,
    state: String,
    declined: String,
    /// The visit that it became.
    visit: Option<String>,
    /// Where it is withdrawn.
    withdraw: Option<String>,
}

/// A branch in the coverage.
struct CoverRow {
    branch: String,
    code: String,
    /// What each week has; empty where it has nothing.
    cells: Vec<String>,
    /// Whether no week has anything.
    is_bare: bool,
}

#[derive(Template)]
#[template(path = "wave.html")]
struct WavePage {
    shell: Shell,
    id: String,
    name: String,
    from: String,
    to: String,
    programme: String,
    programme_name: String,
    is_over: bool,
    rows: Vec<Row>,
    empty: Empty,
    pager: Pager,
    weeks: Vec<String>,
    /// Whether the last week holds what comes later, too.
    has_later: bool,
    cover: Vec<CoverRow>,
    cover_empty: Empty,
    cover_pager: Pager,
    /// None where the programme is over.
    offer: Option<Form>,
}

async fn show(
    visitor: Visitor,
    wave: web::Path<Uuid>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let shown = wave_page(&visitor, WaveId(wave.into_inner()), asked.into_inner()).await?;
    page(StatusCode::OK, &shown)
}

async fn wave_page(visitor: &Visitor, id: WaveId, asked: Asked) -> Result<WavePage, ApiError> {
    refuse_others(visitor)?;
    let is_first = (asked.after.is_none(), asked.branches.is_none());
    let (after, limit) = Paging { after: asked.after, limit: None }.page()?;
    let (branches, _) = Paging { after: asked.branches, limit: None }.page()?;
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| {
        let sheet = waves::read(tx, &principal, id)?;
        let listed = PageOf::of(waves::list(tx, &principal, id, after, limit)?, |it| it);
        Ok((sheet, listed, waves::coverage(tx, &principal, id, branches)?))
    });
    let (sheet, listed, coverage) = found.await?;
    let words = &visitor.words;
    let shell = visitor.shell("/programmes");
    let at = format!("/waves/{id}");
    let may_read = visitor.principal.may(Permission::ReadVisits, &Target::Own);
    Ok(WavePage {
        id: id.to_string(),
        name: sheet.wave.name.clone(),
        from: sheet.wave.window_from.to_string(),
        to: sheet.wave.window_to.to_string(),
        programme: sheet.programme.id.to_string(),
        programme_name: sheet.programme.name.clone(),
        is_over: !sheet.programme.active,
        rows: listed.items.iter().map(|it| row(words, id, may_read, it)).collect(),
        empty: Empty { title: words.say("wave-empty"), text: words.say("wave-empty-text"), action: None },
        pager: pager(words, &at, is_first.0, listed.next),
        has_later: usize::try_from(MAX_WEEKS).is_ok_and(|it| coverage.weeks.len() >= it),
        weeks: coverage.weeks.iter().map(Date::to_string).collect(),
        cover_empty: Empty {
            title: words.say("wave-cover-empty"),
            text: words.say("wave-cover-empty-text"),
            action: None,
        },
        cover_pager: cover_pager(words, &at, is_first.1, &coverage),
        cover: cover_rows(words, &coverage),
        offer: sheet.programme.active.then(|| offer_form(words, &shell.csrf, &sheet)),
        shell,
    })
}

fn cover_pager(words: &Words, at: &str, is_first: bool, coverage: &Coverage) -> Pager {
    let next = coverage.next.as_ref();
    Pager {
        label: words.say("wave-cover-pages"),
        next: next.map(|it| (format!("{at}?branches={it}#coverage"), words.say("pager-next"))),
        first: (!is_first).then(|| (format!("{at}#coverage"), words.say("pager-first"))),
    }
}

fn cover_rows(words: &Words, coverage: &Coverage) -> Vec<CoverRow> {
    let text = |it: &Cell| match (it.made, it.open) {
        (0, 0) => String::new(),
        (made, open) => {
            words.with("wave-cover-cell", &[("made", made.into()), ("all", (made + open).into())])
        }
    };
    let rows = coverage.branches.iter().map(|it| CoverRow {
        branch: it.name.clone(),
        code: it.code.clone(),
        is_bare: it.cells.iter().all(|it| *it == Cell::default()),
        cells: it.cells.iter().map(text).collect(),
    });
    rows.collect()
}

fn state_of(words: &Words, state: &str) -> String {
    state.parse::<State>().map_or_else(|_| state.to_owned(), |it| words.lang.text(&it.label()).to_owned())
}

fn row(words: &Words, wave: WaveId, may_read: bool, it: &NamedAssignment) -> Row {
    let stands = &it.assignment;
    let state = stands.state.parse::<State>().ok();
    let is_open = matches!(state, Some(State::Offered | State::Accepted));
    let has_visit =
        may_read && !is_open && !matches!(state, Some(State::Declined | State::Expired | State::Void));
    Row {
        branch: it.branch_name.clone(),
        code: it.branch_code.clone(),
        auditor: it.auditor.clone(),
        window: window_of(stands.window_from, stands.window_to),
        checklist: checklist_of(&stands.template),
        state: state_of(words, stands.state),
        declined: stands.declined_for.clone().unwrap_or_default(),
        visit: has_visit.then(|| format!("/visits/{}", stands.audit_id)),
        withdraw: is_open.then(|| format!("/waves/{wave}/assignments/{}/withdraw", stands.id)),
    }
}

fn window_of(from: Date, to: Date) -> String {
    format!("{from} – {to}")
}

fn checklist_of(it: &TemplateRef) -> String {
    format!("{} v{}", it.id, it.version)
}

// ---- offer one ----

fn offer_form(words: &Words, csrf: &str, sheet: &WaveSheet) -> Form {
    let choices = sheet.checklists.iter().map(|it| Choice {
        value: format!("{}@{}", it.id, it.version),
        label: checklist_of(it),
        is_chosen: false,
    });
    let checklist =
        Field::line("checklist", words.say("wave-checklist")).kind(Kind::Select(choices.collect()));
    let date = |name: &str, key: &str| Field::line(name, words.say(key)).kind(Kind::Line("date")).most(10);
    let fields = vec![
        Field::line("branch", words.say("wave-branch-code")).most(100),
        Field::line("auditor", words.say("wave-auditor-login")).most(100),
        checklist.hint(words.say("wave-checklist-hint")),
        date("window_from", "wave-window-from"),
        date("window_to", "wave-window-to"),
    ];
    let Wave { id, window_from, window_to, .. } = &sheet.wave;
    let preset =
        Typed::with([("window_from", window_from.to_string()), ("window_to", window_to.to_string())]);
    let form = Form::new(words, &format!("/waves/{id}/assignments"), csrf, "wave-offer", fields);
    form.again(&preset, &Faults::default(), words.lang)
}

/// An assignment as a form gives it.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Offer {
    /// The code of a branch.
    #[validate(length(min = 1, max = 100))]
    branch: String,
    /// The login of an auditor.
    #[validate(length(min = 1, max = 100))]
    auditor: String,
    /// Id and version of a checklist: `ms-banco-sucursal@1`.
    #[validate(length(min = 1, max = 200))]
    checklist: String,
    window_from: Date,
    window_to: Date,
}

impl Offer {
    /// What the use case takes. Whoever is not found is nobody there, and refused with what else is wrong.
    fn find(&self, tx: &mut Tx<'_>, org: OrgId, wave: WaveId) -> Result<NewAssignment, ApiError> {
        let branch = db::reference::find_branch_by_code(tx, org, &self.branch)?;
        let auditor = db::users::find_by_login(tx, org, &self.auditor)?;
        let (id, version) = self.checklist.rsplit_once('@').unwrap_or_default();
        Ok(NewAssignment {
            branch_id: branch.map_or(Uuid::nil(), |it| it.branch_id.0),
            auditor_id: auditor.map_or(Uuid::nil(), |it| it.user_id.0),
            template: TemplateRef { id: id.to_owned(), version: version.parse().unwrap_or_default() },
            window_from: self.window_from,
            window_to: self.window_to,
            wave_id: Some(wave.0),
        })
    }
}

/// Moves what is wrong with the only row of a request to the fields of the form.
fn to_fields(error: &ApiError) -> ApiError {
    let moved = error.problem().errors.iter().cloned().map(|it| {
        let field = match it.field.strip_prefix("/0/") {
            Some("branch_id") => "/branch".to_owned(),
            Some("auditor_id") => "/auditor".to_owned(),
            Some("template") => "/checklist".to_owned(),
            Some(other) => format!("/{other}"),
            None => it.field.clone(),
        };
        FieldProblem { field, ..it }
    });
    ApiError::invalid(moved.collect())
}

async fn offer(posted: Posted, wave: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    refuse_others(&visitor)?;
    let wave = WaveId(wave.into_inner());
    let shapes = [
        ("branch", Shape::EmptyText),
        ("auditor", Shape::EmptyText),
        ("checklist", Shape::EmptyText),
        ("window_from", Shape::EmptyText),
        ("window_to", Shape::EmptyText),
    ];
    let offered = match typed.read::<Offer>(&shapes) {
        Ok(new) => {
            let change = move |tx: &mut Tx<'_>, office: &mut crate::office::Office| {
                let row = new.find(tx, office.org(), wave)?;
                assignments::create(tx, office, &[row])
            };
            visitor.change(change).await
        }
        Err(error) => Err(error),
    };
    match offered {
        Ok(_) => Ok(done(&format!("/waves/{wave}"), "assignment-offered")),
        Err(error) if error.problem().status == 422 => {
            let mut shown = wave_page(&visitor, wave, Asked::default()).await?;
            let faults = Faults::of(&to_fields(&error));
            shown.offer = shown.offer.map(|it| it.again(&typed, &faults, visitor.words.lang));
            page(status_of(&error), &shown)
        }
        Err(error) => Err(error),
    }
}

// ---- withdraw one ----

#[derive(Template)]
#[template(path = "wave_withdraw.html")]
struct WithdrawPage {
    shell: Shell,
    wave: String,
    branch: String,
    auditor: String,
    window: String,
    state: String,
    form: Form,
}

async fn withdraw_page(visitor: &Visitor, wave: WaveId, id: AssignmentId) -> Result<WithdrawPage, ApiError> {
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| waves::find(tx, &principal, wave, id)).await?;
    let words = &visitor.words;
    let shell = visitor.shell("/programmes");
    let reason = Field::line("reason", words.say("wave-withdraw-reason")).kind(Kind::Area).most(1_000);
    let at = format!("/waves/{wave}/assignments/{id}/withdraw");
    Ok(WithdrawPage {
        wave: wave.to_string(),
        branch: format!("{} ({})", found.branch_name, found.branch_code),
        auditor: found.auditor,
        window: window_of(found.assignment.window_from, found.assignment.window_to),
        state: state_of(words, found.assignment.state),
        form: Form::new(words, &at, &shell.csrf, "wave-withdraw", vec![reason]).danger(),
        shell,
    })
}

async fn ask(visitor: Visitor, path: web::Path<(Uuid, Uuid)>) -> Result<HttpResponse, ApiError> {
    let (wave, id) = path.into_inner();
    page(StatusCode::OK, &withdraw_page(&visitor, WaveId(wave), AssignmentId(id)).await?)
}

async fn withdraw(posted: Posted, path: web::Path<(Uuid, Uuid)>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    let (wave, id) = path.into_inner();
    let (wave, id) = (WaveId(wave), AssignmentId(id));
    // Of this wave, and theirs to plan.
    let mut shown = withdraw_page(&visitor, wave, id).await?;
    let withdrawn = match typed.read::<Cancellation>(&[("reason", Shape::EmptyText)]) {
        Ok(why) => visitor.change(move |tx, office| assignments::cancel(tx, office, id, &why)).await,
        Err(error) => Err(error),
    };
    match withdrawn {
        Ok(_) => Ok(done(&format!("/waves/{wave}"), "assignment-withdrawn")),
        Err(error) if is_mended_in_the_form(&error) => {
            shown.form = shown.form.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &shown)
        }
        Err(error) => Err(error),
    }
}

// ---- as a file ----

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    let is_number = cell.parse::<i64>().is_ok();
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        return format!("'{cell}");
    }
    cell.to_owned()
}

async fn export(visitor: Visitor, wave: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    refuse_others(&visitor)?;
    let (principal, wave) = (visitor.principal.clone(), WaveId(wave.into_inner()));
    let found = visitor.app.read(move |tx| {
        waves::read(tx, &principal, wave)?;
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = waves::list(tx, &principal, wave, after, db::MAX_PAGE)?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    });
    let text = csv_of(&visitor.words, &found.await?)?;
    let name = format!("attachment; filename=\"assignments-{wave}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("Content-Disposition", name))
        .body(text))
}

fn csv_of(words: &Words, rows: &[NamedAssignment]) -> Result<Vec<u8>, ApiError> {
    // With the mark by which spreadsheets know UTF-8.
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let keys = [
        "wave-branch-code",
        "wave-branch",
        "wave-auditor",
        "wave-window-from",
        "wave-window-to",
        "wave-checklist",
        "wave-state",
        "wave-declined",
    ];
    writer.write_record(keys.map(|it| words.say(it))).map_err(ApiError::internal)?;
    for it in rows {
        let stands = &it.assignment;
        let cells = [
            it.branch_code.clone(),
            it.branch_name.clone(),
            it.auditor.clone(),
            stands.window_from.to_string(),
            stands.window_to.to_string(),
            checklist_of(&stands.template),
            state_of(words, stands.state),
            stands.declined_for.clone().unwrap_or_default(),
        ];
        writer.write_record(cells.map(|it| harmless(&it))).map_err(ApiError::internal)?;
    }
    writer.into_inner().map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_of_a_file_is_a_formula_and_numbers_stay_numbers() {
        for text in ["=1+1", "+a", "-b", "@c", "\td", "\re", "-1+2", "=cmd|' /C calc'!A0"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["", "Caja", "-12", "+3", "1=1", "a@b"] {
            assert_eq!(harmless(text), text);
        }
    }
}
