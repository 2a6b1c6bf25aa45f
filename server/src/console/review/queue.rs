//! The queue: which visits wait, since when, in whose hands, and which of them may be approved together.

use super::{
    super::{
        form::{Faults, Typed},
        page,
        shell::{Shell, Visitor},
        status_of,
        ui::{Choice, Empty, Field, Kind, Pager},
        words::Words,
    },
    when,
};
use crate::{
    app::{
        programmes,
        review::queue::{QueueAsked, QueuePage, QueuePlace, QueueRow, queue},
    },
    error::ApiError,
    http::page::Paging,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use db::audits::VisitKind;
use domain::{
    FieldProblem,
    access::{Permission, Target},
    ids::WaveId,
    lifecycle::State,
};
use serde::Deserialize;
use uuid::Uuid;

/// Rows of a page.
const ROWS: u32 = 50;
/// The newest waves, which are offered as a filter.
const WAVES: usize = 60;
/// The states that a reviewer looks for one by one.
const STATES: [State; 10] = [
    State::Submitted,
    State::InReview,
    State::OnHold,
    State::Returned,
    State::Approved,
    State::Published,
    State::Appealed,
    State::Rejected,
    State::Excluded,
    State::Void,
];
/// How long a visit has waited, in hours, with what it is called.
const WAITED: [(u32, &str); 4] =
    [(24, "review-late-1"), (48, "review-late-2"), (72, "review-late-3"), (168, "review-late-7")];

/// What the queue is asked with; an empty field is none.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    branch: String,
    #[serde(default)]
    wave: String,
    #[serde(default)]
    late: String,
    #[serde(default)]
    mine: String,
    #[serde(default)]
    look: String,
    after: Option<String>,
}

impl Asked {
    fn read(&self) -> Result<(QueueAsked, Option<QueuePlace>), ApiError> {
        let (after, _) = Paging { after: self.after.clone(), limit: None }.page()?;
        let state = given(&self.state).map(str::parse::<State>).transpose();
        let state = state.map_err(|it: FieldProblem| FieldProblem { field: "/state".to_owned(), ..it })?;
        let wave = given(&self.wave).map(str::parse::<Uuid>).transpose();
        let hours = given(&self.late).map(str::parse::<u32>).transpose();
        let asked = QueueAsked {
            state,
            branch: given(&self.branch).map(str::to_owned),
            wave: wave.map_err(|_| unknown("/wave"))?.map(WaveId),
            mine: !self.mine.is_empty(),
            hours: hours.map_err(|_| unknown("/late"))?,
            needs_a_look: !self.look.is_empty(),
        };
        Ok((asked, after))
    }

    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("state", &self.state),
            ("branch", &self.branch),
            ("wave", &self.wave),
            ("late", &self.late),
            ("mine", &self.mine),
            ("look", &self.look),
        ]
    }

    fn is_filtered(&self) -> bool {
        self.pairs().iter().any(|it| !it.1.is_empty())
    }
}

/// An address of the queue with the same filters, from its beginning.
fn first_page(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let kept: Vec<&str> = query.split('&').filter(|it| !it.is_empty() && !it.starts_with("after=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|it| !it.is_empty())
}

fn unknown(field: &str) -> ApiError {
    let (es, en) = ("Elija uno de la lista.", "choose one of the list");
    ApiError::field(field, "unknown_name", es, en)
}

/// A visit in the table.
struct Row {
    id: String,
    branch: String,
    code: String,
    date: String,
    state: String,
    /// What else is to know of its state: a later round, that it could not happen.
    notes: Vec<String>,
    waits: String,
    since: String,
    reviewer: String,
    is_mine: bool,
    auditor: String,
    /// What somebody has to look at.
    warnings: Vec<String>,
    /// Whether it may be approved among many.
    is_clean: bool,
}

#[derive(Template)]
#[template(path = "visits.html")]
struct QueueView {
    shell: Shell,
    fields: Vec<Field>,
    rows: Vec<Row>,
    may_approve: bool,
    is_filtered: bool,
    empty: Empty,
    pager: Pager,
}

pub(super) async fn show(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    let asked = asked.into_inner();
    let (principal, now) = (visitor.principal.clone(), visitor.app.now());
    visitor.principal.require(Permission::ReadVisits, &Target::Own)?;
    let read = asked.read();
    let found = visitor.app.read(move |tx| {
        let waves = programmes::list_waves(tx, &principal, None, None, db::MAX_PAGE)?;
        let waves: Vec<_> = waves.items.into_iter().rev().take(WAVES).map(|it| (it.id, it.name)).collect();
        let page = read.and_then(|(asked, after)| queue(tx, &principal, &asked, now, after, ROWS));
        Ok((waves, page))
    });
    let (waves, found) = found.await?;
    let (status, faults, found) = match found {
        Ok(found) => (StatusCode::OK, Faults::default(), Some(found)),
        Err(error) if error.problem().status == 422 => (status_of(&error), Faults::of(&error), None),
        Err(error) => return Err(error),
    };
    let waves: Vec<(String, String)> = waves.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    let words = &visitor.words;
    let fields = filters(words, &asked, &waves, &faults);
    let is_first = asked.after.is_none();
    let next = found.as_ref().and_then(|it| it.next);
    let first = first_page(&visitor.address);
    let mark = if first.contains('?') { '&' } else { '?' };
    let next = next.map(|it| (format!("{first}{mark}after={it}"), words.say("pager-next")));
    let shown = QueueView {
        fields,
        rows: found.iter().flat_map(|page| page.rows.iter().map(|it| row(&visitor, page, it))).collect(),
        may_approve: visitor.principal.may(Permission::ReviewVisits, &Target::Own),
        is_filtered: asked.is_filtered(),
        empty: empty(words, &asked),
        pager: Pager {
            label: words.say("pager"),
            next,
            first: (!is_first).then(|| (first, words.say("pager-first"))),
        },
        shell: visitor.shell("/visits"),
    };
    page(status, &shown)
}

fn empty(words: &Words, asked: &Asked) -> Empty {
    if asked.is_filtered() {
        let action = Some(("/visits".to_owned(), words.say("review-all-waiting")));
        return Empty {
            title: words.say("review-none-found"),
            text: words.say("review-none-found-text"),
            action,
        };
    }
    Empty { title: words.say("review-none"), text: words.say("review-none-text"), action: None }
}

fn filters(words: &Words, asked: &Asked, waves: &[(String, String)], faults: &Faults) -> Vec<Field> {
    let first = |key: &str| Choice { value: String::new(), label: words.say(key), is_chosen: false };
    let choice = |value: String, label: String| Choice { value, label, is_chosen: false };
    let states =
        STATES.iter().map(|it| choice(it.as_str().to_owned(), words.lang.text(&it.label()).to_owned()));
    let states = std::iter::once(first("review-state-waiting")).chain(states).collect();
    let waves = waves.iter().map(|(id, name)| choice(id.clone(), name.clone()));
    let waves = std::iter::once(first("review-wave-any")).chain(waves).collect();
    let late = WAITED.iter().map(|(hours, key)| choice(hours.to_string(), words.say(key)));
    let late = std::iter::once(first("review-late-any")).chain(late).collect();
    let fields = [
        Field::line("state", words.say("review-state")).kind(Kind::Select(states)),
        Field::line("branch", words.say("review-branch-code")).most(100),
        Field::line("wave", words.say("review-wave")).kind(Kind::Select(waves)),
        Field::line("late", words.say("review-late")).kind(Kind::Select(late)),
        Field::line("mine", words.say("review-mine")).kind(Kind::Tick),
        Field::line("look", words.say("review-look")).kind(Kind::Tick),
    ];
    let typed = Typed::with(asked.pairs().map(|(name, value)| (name, value.to_owned())));
    fields.into_iter().map(|it| it.optional().filled(&typed, faults, words.lang)).collect()
}

fn row(visitor: &Visitor, page: &QueuePage, it: &QueueRow) -> Row {
    let words = &visitor.words;
    let visit = &it.visit;
    let mut notes = Vec::new();
    if visit.kind == VisitKind::NotCompleted {
        notes.push(words.say("review-not-completed"));
    }
    if visit.round > 1 {
        notes.push(words.count("review-round", visit.round));
    }
    if it.is_own {
        notes.push(words.say("review-own"));
    }
    let mut warnings = Vec::new();
    if visit.open_conflicts > 0 {
        warnings.push(words.count("review-conflicts", visit.open_conflicts));
    }
    if visit.late_ops > 0 {
        warnings.push(words.count("review-late-answers", visit.late_ops));
    }
    let at = visit.submitted_at.unwrap_or(page.now);
    let is_standing = matches!(visit.state, State::Submitted | State::InReview);
    Row {
        id: visit.audit_id.to_string(),
        branch: it.branch.clone(),
        code: it.branch_code.clone(),
        date: visit.visit_date.map(|it| it.to_string()).unwrap_or_default(),
        state: words.lang.text(&visit.state.label()).to_owned(),
        is_clean: is_standing && warnings.is_empty() && !it.is_own && visit.kind == VisitKind::Visit,
        notes,
        waits: when::span(words, page.now.0.saturating_sub(at.0)),
        since: when::wall(at, &visit.zone),
        reviewer: it.reviewer.clone().unwrap_or_default(),
        is_mine: visit.claimed_by == Some(visitor.principal.user),
        auditor: it.auditor.clone(),
        warnings,
    }
}
