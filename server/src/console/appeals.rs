//! Appeals as pages: the list, one appeal with its thread and files, and what is added to it. The forms that begin and end one stand in
//! `appeal_forms`.

use super::{
    appeal_forms,
    branches::state_text,
    done,
    form::{Faults, Posted, Shape, Typed},
    page, place,
    session::refuse_foreign,
    shell::{Shell, Visitor, app_of},
    status_of,
    ui::{Choice, Empty, Field, Form, Kind, Pager},
    upload,
    words::Words,
};
use crate::{
    app::{
        appeals::{self, AppealSheet, AppealSummary, NewMessage},
        blocking,
    },
    error::ApiError,
    http::page::{PageOf, Paging},
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{
    FieldProblem,
    appeal::{AppealState, ItemDecision, MAX_FILE_BYTES, MAX_FILES},
    ids::{AppealId, BranchId},
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::DeviceId;
use uuid::Uuid;

/// What may be attached.
const FILES: &str = "image/jpeg,image/png,image/webp,application/pdf";
/// Longest message, in characters.
const MOST_CHARS: u32 = 2_000;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    appeal_forms::routes(config);
    place(config, "/appeals", |it| it.route(web::get().to(list)));
    place(config, "/appeals/{appeal}", |it| it.route(web::get().to(show)));
    place(config, "/appeals/{appeal}/messages", |it| it.route(web::post().to(write)));
    place(config, "/appeals/{appeal}/withdraw", |it| it.route(web::post().to(withdraw)));
    place(config, "/appeals/{appeal}/files", |it| it.route(web::post().to(attach)));
}

// ---- the list ----

/// An appeal in the list.
struct Row {
    href: String,
    branch: String,
    made: String,
    decide_by: String,
    is_late: bool,
    items: usize,
    state: String,
    /// Whether the reader may decide it; empty where that is not theirs to ask.
    decides: String,
}

#[derive(Template)]
#[template(path = "appeals.html")]
struct ListPage {
    shell: Shell,
    states: Vec<Choice>,
    branch: String,
    branch_name: String,
    decides: bool,
    rows: Vec<Row>,
    empty: Empty,
    pager: Pager,
}

/// What is listed.
#[derive(Debug, Clone, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    branch: String,
    after: Option<String>,
}

impl Asked {
    fn filter(&self) -> Result<(Option<AppealState>, Option<BranchId>), ApiError> {
        let state = Some(self.state.as_str()).filter(|it| !it.is_empty()).map(str::parse::<AppealState>);
        let state = state
            .transpose()
            .map_err(|problem| ApiError::from(FieldProblem { field: "/state".to_owned(), ..problem }))?;
        let branch = Some(self.branch.as_str()).filter(|it| !it.is_empty()).map(str::parse::<Uuid>);
        let branch = branch.transpose().map_err(|_| ApiError::not_found("la sucursal", "the branch"))?;
        Ok((state, branch.map(BranchId)))
    }

    /// The address of this list from an appeal on.
    fn address(&self, after: Option<&str>) -> String {
        let after = after.map(|it| format!("&after={it}")).unwrap_or_default();
        // Both were read, so nothing in them needs to be escaped.
        format!("/appeals?state={}&branch={}{after}", self.state, self.branch)
    }
}

async fn list(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    let asked = asked.into_inner();
    let (filter, is_first) = (asked.filter()?, asked.after.is_none());
    let page_asked = Paging { after: asked.after.clone(), limit: Some(50) }.page()?;
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| {
        let found = appeals::list(tx, &principal, filter, page_asked)?;
        let ids: BTreeSet<BranchId> = found.items.iter().map(|it| it.branch).chain(filter.1).collect();
        let names = appeals::names(tx, &principal, &Vec::from_iter(ids))?;
        Ok((PageOf::of(found, |it| it), names))
    });
    let (found, names) = found.await?;
    let words = &visitor.words;
    let today = visitor.app.environment.now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let state =
        |name: &str, label: String| Choice { is_chosen: asked.state == name, value: name.to_owned(), label };
    let named = AppealState::ALL.iter().map(|it| state(it.as_str(), state_text(words, *it)));
    let rows: Vec<Row> = found.items.iter().map(|it| row(words, it, &names, &today)).collect();
    let shown = ListPage {
        shell: visitor.shell("/appeals"),
        states: std::iter::once(state("", words.say("appeal-any-state"))).chain(named).collect(),
        branch_name: filter.1.and_then(|it| names.get(&it).cloned()).unwrap_or_default(),
        branch: asked.branch.clone(),
        decides: rows.iter().any(|it| !it.decides.is_empty()),
        rows,
        empty: Empty { title: words.say("appeal-empty"), text: words.say("appeal-empty-text"), action: None },
        pager: Pager {
            label: words.say("pager"),
            next: found.next.map(|it| (asked.address(Some(&it)), words.say("pager-next"))),
            first: (!is_first).then(|| (asked.address(None), words.say("pager-first"))),
        },
    };
    page(StatusCode::OK, &shown)
}

fn row(words: &Words, it: &AppealSummary, names: &BTreeMap<BranchId, String>, today: &str) -> Row {
    let decide_by = it.decide_by.to_string();
    Row {
        href: format!("/appeals/{}", it.id),
        branch: names.get(&it.branch).cloned().unwrap_or_default(),
        made: day_of(&it.created_at),
        is_late: it.state == AppealState::Open && decide_by.as_str() < today,
        decide_by: if it.state == AppealState::Open { decide_by } else { String::new() },
        items: it.items.len(),
        state: state_text(words, it.state),
        decides: match it.may_decide {
            Some(true) => words.say("appeal-yours"),
            Some(false) => words.say("appeal-of-another"),
            None => String::new(),
        },
    }
}

/// The day of an instant.
fn day_of(instant: &str) -> String {
    instant.split('T').next().unwrap_or_default().to_owned()
}

// ---- one appeal ----

/// A file beside an item.
struct FileRow {
    href: String,
    label: String,
}

/// An item of the appeal.
struct Question {
    item: String,
    q: String,
    section: String,
    counts: String,
    expected: String,
    reason: String,
    files: Vec<FileRow>,
    decision: String,
    decision_reason: String,
    /// What counts from now on, of an upheld one.
    corrected: String,
}

/// A message.
struct Message {
    from: String,
    at: String,
    text: String,
}

#[derive(Template)]
#[template(path = "appeal.html")]
pub(super) struct AppealPage {
    shell: Shell,
    branch: String,
    day: String,
    visit: String,
    is_office: bool,
    state: String,
    is_open: bool,
    made: String,
    decide_by: String,
    before: String,
    after: Option<String>,
    reason: String,
    questions: Vec<Question>,
    messages: Vec<Message>,
    write: Option<Form>,
    attach: Option<Form>,
    withdraw: Option<Form>,
    /// Where it is decided; none where the reader does not.
    decide: Option<String>,
    /// Why the reader does not decide it.
    decide_not: Option<String>,
}

pub(super) async fn sheet_of(visitor: &Visitor, id: AppealId) -> Result<AppealSheet, ApiError> {
    let (principal, inside) = (visitor.principal.clone(), visitor.app.clone());
    visitor.app.read(move |tx| appeals::sheet(tx, &inside, &principal, id)).await
}

async fn show(visitor: Visitor, appeal: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let sheet = sheet_of(&visitor, AppealId(appeal.into_inner())).await?;
    page(StatusCode::OK, &AppealPage::of(visitor.shell("/appeals"), &sheet))
}

impl AppealPage {
    fn of(shell: Shell, sheet: &AppealSheet) -> Self {
        let words = shell.words.clone();
        let (detail, summary) = (&sheet.detail, &sheet.detail.summary);
        let is_open = summary.state == AppealState::Open;
        let at = format!("/appeals/{}", summary.id);
        let score = |it: &Option<appeals::ScoreFigures>| {
            it.as_ref().and_then(|it| it.final_score).map(|it| it.to_string())
        };
        let from = |it: &str| words.name_of("appeal-from", it);
        Self {
            branch: sheet.branch.name.clone(),
            day: sheet.day.map(|it| it.to_string()).unwrap_or_default(),
            visit: summary.visit.to_string(),
            is_office: sheet.is_office,
            state: state_text(&words, summary.state),
            is_open,
            made: day_of(&summary.created_at),
            decide_by: summary.decide_by.to_string(),
            before: score(&detail.before).unwrap_or_default(),
            after: score(&detail.after),
            reason: detail.reason.clone().unwrap_or_default(),
            questions: detail.questions.iter().map(|it| question(&words, sheet, it)).collect(),
            messages: detail
                .messages
                .iter()
                .map(|it| Message { from: from(it.from), at: day_of(&it.at), text: it.text.clone() })
                .collect(),
            write: is_open.then(|| write_form(&words, &at, &shell.csrf)),
            attach: (is_open && sheet.may_attach).then(|| attach_form(&words, &at, &shell.csrf, sheet)),
            withdraw: sheet.may_withdraw.then(|| {
                Form::new(&words, &format!("{at}/withdraw"), &shell.csrf, "appeal-withdraw", Vec::new())
                    .danger()
            }),
            decide: (summary.may_decide == Some(true)).then(|| format!("{at}/decision")),
            decide_not: (summary.may_decide == Some(false)).then(|| words.say("appeal-decide-not")),
            shell,
        }
    }
}

fn question(words: &Words, sheet: &AppealSheet, it: &appeals::AppealedQuestion) -> Question {
    let text = |it: &domain::LocalText| words.lang.text(it).to_owned();
    let known = sheet.items.get(&it.item);
    let file = |(number, file): (usize, &appeals::EvidenceEntry)| FileRow {
        href: format!("/api/v1/appeals/{}/evidence/{}", sheet.detail.summary.id, file.blob),
        label: format!("{} {} · {} kB", file.mime, number + 1, file.size.div_ceil(1_000)),
    };
    let corrected = || match (&it.answer, known) {
        _ if it.answer_redacted => words.say("appeal-redacted"),
        (Some(json), Some(known)) => {
            known.in_words(json.get()).map_or_else(|| words.say("appeal-left-out"), |it| text(&it))
        }
        _ => String::new(),
    };
    Question {
        q: it.q.as_ref().map(text).unwrap_or_default(),
        section: known.map(|it| text(&it.section)).unwrap_or_default(),
        counts: known
            .map(|it| it.counts.as_ref().map_or_else(|| words.say("appeal-left-out"), text))
            .unwrap_or_default(),
        expected: known.map(|it| text(&it.expected)).unwrap_or_default(),
        reason: it.reason.clone(),
        files: it.evidence.iter().enumerate().map(file).collect(),
        decision: it.decision.map(|it| text(&it.label())).unwrap_or_default(),
        corrected: if it.decision == Some(ItemDecision::Upheld) { corrected() } else { String::new() },
        decision_reason: it.decision_reason.clone().unwrap_or_default(),
        item: it.item.clone(),
    }
}

fn write_form(words: &Words, at: &str, csrf: &str) -> Form {
    let text = Field::line("text", words.say("appeal-message")).kind(Kind::Area).most(MOST_CHARS);
    Form::new(words, &format!("{at}/messages"), csrf, "appeal-write", vec![text])
}

fn attach_form(words: &Words, at: &str, csrf: &str, sheet: &AppealSheet) -> Form {
    let choice = |it: &appeals::AppealedQuestion| {
        let q = it.q.as_ref().map(|it| words.lang.text(it).to_owned()).unwrap_or_default();
        Choice { value: it.item.clone(), label: format!("{} {q}", it.item), is_chosen: false }
    };
    let items = sheet.detail.questions.iter().map(choice).collect();
    let fields = vec![
        Field::line("item", words.say("appeal-file-item")).kind(Kind::Select(items)),
        Field::line("file", words.say("appeal-file"))
            .kind(Kind::File(FILES))
            .hint(words.count("appeal-file-hint", MAX_FILES)),
    ];
    Form::new(words, &format!("{at}/files"), csrf, "appeal-attach", fields).upload()
}

/// The page of an appeal again, with a form that was refused.
async fn again(
    visitor: &Visitor,
    id: AppealId,
    (typed, error): (&Typed, ApiError),
    of: fn(&mut AppealPage) -> &mut Option<Form>,
) -> Result<HttpResponse, ApiError> {
    let sheet = sheet_of(visitor, id).await?;
    let mut shown = AppealPage::of(visitor.shell("/appeals"), &sheet);
    let Some(form) = of(&mut shown).take() else { return Err(error) };
    *of(&mut shown) = Some(form.again(typed, &Faults::of(&error), visitor.words.lang));
    page(status_of(&error), &shown)
}

fn is_kept(error: &ApiError) -> bool {
    matches!(error.problem().status, 409 | 422)
}

async fn write(posted: Posted, appeal: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    let id = AppealId(appeal.into_inner());
    let written = match typed.read::<NewMessage>(&[("text", Shape::EmptyText)]) {
        Ok(new) => {
            let inside = visitor.app.clone();
            visitor.change(move |tx, office| appeals::write(tx, &inside, office, id, &new)).await
        }
        Err(error) => Err(error),
    };
    match written {
        Ok(_) => Ok(done(&format!("/appeals/{id}"), "appeal-written")),
        Err(error) if is_kept(&error) => again(&visitor, id, (&typed, error), |it| &mut it.write).await,
        Err(error) => Err(error),
    }
}

async fn withdraw(posted: Posted, appeal: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let id = AppealId(appeal.into_inner());
    let inside = posted.visitor.app.clone();
    posted.visitor.change(move |tx, office| appeals::withdraw(tx, &inside, office, id)).await?;
    Ok(done(&format!("/appeals/{id}"), "appeal-withdrawn"))
}

async fn attach(
    visitor: Visitor,
    request: HttpRequest,
    appeal: web::Path<Uuid>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let id = AppealId(appeal.into_inner());
    let app = app_of(&request)?;
    refuse_foreign(&request, &app)?;
    let who = visitor.principal.clone();
    // Whoever may not see the appeal sends nothing; which item it is says the body.
    app.read(move |tx| appeals::may_attach_any(tx, &who, id)).await?;
    // Taken before the body is read: bodies are what fills the memory.
    let Some(_place) = app.blob_places.take(DeviceId(*visitor.principal.user.as_bytes())) else {
        return Err(appeals::too_many_at_once());
    };
    let most = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
    let sent = match upload::read(&request, payload, most, too_large).await {
        Err(error) if is_kept(&error) && error.problem().code == "invalid_input" => {
            return again(&visitor, id, (&Typed::default(), error), |it| &mut it.attach).await;
        }
        other => other?,
    };
    let (inside, principal) = (visitor.app.clone(), visitor.principal.clone());
    let item = sent.typed.get("item").to_owned();
    let bytes = sent.file;
    match blocking(move || appeals::attach(&inside, &principal, id, &item, bytes)).await {
        Ok(_) => Ok(done(&format!("/appeals/{id}"), "appeal-attached")),
        Err(error) if is_kept(&error) => {
            let error = at_file(error);
            again(&visitor, id, (&sent.typed, error), |it| &mut it.attach).await
        }
        Err(error) => Err(error),
    }
}

fn too_large() -> ApiError {
    at_file(appeals::too_large())
}

/// What is wrong with the whole is wrong with the file.
fn at_file(error: ApiError) -> ApiError {
    let moved =
        error.problem().errors.iter().cloned().map(|it| {
            if it.field.is_empty() { FieldProblem { field: "/file".to_owned(), ..it } } else { it }
        });
    if error.problem().status == 422 { ApiError::invalid(moved.collect()) } else { error }
}
