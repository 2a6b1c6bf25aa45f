//! What a branch reads of itself: its figures, its published visits, why each lost points, and a poster for the staff. Shows nothing by
//! which anybody could tell who visited.

use super::{
    page, place,
    scorecards::{Asked, readable},
    shell::{Shell, Visitor},
    words::Words,
};
use crate::{
    app::{
        appeals::Standing,
        scorecards::{self, OwnBranch},
        scores::change::Change,
        visits::{self, VisitResult},
    },
    error::ApiError,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{
    LocalText, Rounded,
    appeal::AppealState,
    ids::{AuditId, BranchId},
    scorecard::Index,
    visit_score::Percent,
};
use uuid::Uuid;

/// Items that the front page and the poster name.
const FEW: usize = 3;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    // Before any `/branches/{branch}`: the own ones have no id.
    place(config, "/branches/mine", |it| it.route(web::get().to(mine)));
    place(config, "/branches/visits/{visit}", |it| it.route(web::get().to(visit)));
    place(config, "/branches/{branch}/poster", |it| it.route(web::get().to(poster)));
}

// ---- the own branches ----

/// A branch with its figures in words.
struct Own {
    id: String,
    name: String,
    code: String,
    /// None without visits.
    index: Option<String>,
    n: String,
    /// The interval, or that it rests on a single visit.
    sure: String,
    /// How many had a critical failure; empty where none had.
    critical: String,
}

/// A visit in the list.
struct Row {
    href: String,
    branch: String,
    day: String,
    score: String,
    band: String,
    critical: u32,
}

/// What an item cost.
pub(super) struct Cost {
    pub(super) item: String,
    pub(super) q: String,
    pub(super) section: String,
    pub(super) points: String,
    pub(super) answer: String,
    pub(super) expected: String,
    pub(super) is_critical: bool,
}

/// The newest visit.
struct Newest {
    href: String,
    day: String,
    branch: String,
    score: String,
    costs: Vec<Cost>,
}

#[derive(Template)]
#[template(path = "branches_mine.html")]
struct MinePage {
    shell: Shell,
    from: String,
    to: String,
    own: Vec<Own>,
    has_more: bool,
    newest: Option<Newest>,
    rows: Vec<Row>,
}

async fn mine(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    let period = asked.period(&visitor)?;
    let (principal, inside) = (visitor.principal.clone(), visitor.app.clone());
    let found = visitor.app.read(move |tx| scorecards::mine(tx, &inside, &principal, period)).await?;
    let words = &visitor.words;
    let names = |id: BranchId| {
        found.branches.iter().find(|it| it.id == id).map(|it| it.name.clone()).unwrap_or_default()
    };
    let rows = found.visits.iter().map(|(branch, it)| Row {
        href: format!("/branches/visits/{}", it.id),
        branch: names(*branch),
        day: it.date.to_string(),
        score: it.score.to_string(),
        band: readable(it.band.as_deref().unwrap_or_default()),
        critical: it.critical_failed,
    });
    let newest = found.newest.as_ref().map(|it| Newest {
        href: format!("/branches/visits/{}", it.id),
        day: day(it),
        branch: it.branch.name.clone(),
        score: it.score.final_score.to_string(),
        costs: costs(words, it).into_iter().take(FEW).collect(),
    });
    let shown = MinePage {
        shell: visitor.shell("/branches/mine"),
        from: period.from.to_string(),
        to: period.to.to_string(),
        rows: rows.collect(),
        own: found.branches.iter().map(|it| own(words, it)).collect(),
        has_more: found.has_more,
        newest,
    };
    page(StatusCode::OK, &shown)
}

fn own(words: &Words, it: &OwnBranch) -> Own {
    Own {
        id: it.id.to_string(),
        name: it.name.clone(),
        code: it.code.clone(),
        index: it.index.as_ref().map(|it| it.figure.value.to_string()),
        n: it.index.as_ref().map(|it| words.count("branch-visits", it.figure.n)).unwrap_or_default(),
        sure: it.index.as_ref().map(|it| sure(words, it)).unwrap_or_default(),
        critical: Some(it.critical_visits)
            .filter(|it| *it > 0)
            .map(|it| words.count("branch-critical-visits", it))
            .unwrap_or_default(),
    }
}

/// How sure an index is, in words.
pub(super) fn sure(words: &Words, index: &Index) -> String {
    match &index.figure.interval {
        Some([low, high]) => words.naming("branch-interval", format!("{low} – {high}")),
        None => words.lang.text(&index.wording).to_owned(),
    }
}

pub(super) fn day(found: &VisitResult) -> String {
    found.day.map(|it| it.to_string()).unwrap_or_default()
}

/// What each item cost, with what was answered and what was expected; what cost most first.
pub(super) fn costs(words: &Words, found: &VisitResult) -> Vec<Cost> {
    let text = |it: &LocalText| words.lang.text(it).to_owned();
    let cost = |it: &domain::visit_score::Loss| {
        let item = found.items.iter().find(|item| item.id == it.item)?;
        Some(Cost {
            item: it.item.clone(),
            q: text(&item.q),
            section: text(&item.section),
            points: it.points.to_string(),
            answer: text(&item.answer),
            expected: text(&item.expected),
            is_critical: it.critical_failed,
        })
    };
    found.losses.items.iter().filter_map(cost).collect()
}

// ---- one visit ----

/// A figure of a part of the visit.
pub(super) struct Part {
    pub(super) label: String,
    pub(super) value: String,
}

/// Parts of the visit.
pub(super) struct Group {
    pub(super) heading: String,
    pub(super) parts: Vec<Part>,
}

/// An appeal of the visit.
struct Appealed {
    href: String,
    state: String,
}

#[derive(Template)]
#[template(path = "branch_visit.html")]
struct VisitPage {
    shell: Shell,
    id: String,
    branch: String,
    branch_name: String,
    day: String,
    title: String,
    score: String,
    band: String,
    /// The score before it was changed, and what changed it.
    before: Option<(String, String)>,
    lost: String,
    costs: Vec<Cost>,
    by_critical: Option<String>,
    criticals: Vec<String>,
    groups: Vec<Group>,
    may_appeal: bool,
    appeal_text: String,
    appeals: Vec<Appealed>,
}

async fn visit(visitor: Visitor, visit: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let found = result_of(&visitor, AuditId(visit.into_inner())).await?;
    page(StatusCode::OK, &VisitPage::of(visitor.shell("/branches/mine"), &found))
}

/// The kind of change, which is all that a branch is told of it.
pub(super) fn changed_by(change: Change) -> &'static str {
    match change {
        Change::Approved => "branch-before-approved",
        Change::Appeal => "branch-before-appeal",
        Change::Rescored => "branch-before-rescored",
    }
}

/// The result of a visit that somebody may read.
pub(super) async fn result_of(visitor: &Visitor, visit: AuditId) -> Result<VisitResult, ApiError> {
    let (principal, inside) = (visitor.principal.clone(), visitor.app.clone());
    visitor.app.read(move |tx| visits::result(tx, &inside, &principal, visit)).await
}

impl VisitPage {
    fn of(shell: Shell, found: &VisitResult) -> Self {
        let words = shell.words.clone();
        let text = |it: &LocalText| words.lang.text(it).to_owned();
        Self {
            id: found.id.to_string(),
            branch: found.branch.branch_id.to_string(),
            branch_name: found.branch.name.clone(),
            day: day(found),
            title: text(&found.title),
            score: found.score.final_score.to_string(),
            band: text(&found.band),
            before: found.before.map(|it| (it.to_string(), words.say(changed_by(found.change)))),
            lost: lost(found),
            costs: costs(&words, found),
            by_critical: found.losses.by_critical.as_ref().map(ToString::to_string),
            criticals: failed_criticals(&words, found),
            groups: groups(&words, found),
            may_appeal: found.appealing.standing == Standing::Open,
            appeal_text: appeal_text(&words, found),
            appeals: found
                .appealing
                .appeals
                .iter()
                .map(|it| Appealed {
                    href: format!("/appeals/{}", it.appeal_id),
                    state: state_text(&words, it.state),
                })
                .collect(),
            shell,
        }
    }
}

/// How many of 100 points were lost.
pub(super) fn lost(found: &VisitResult) -> String {
    Rounded::new(&(domain::Exact::from(100_i64) - &found.score.raw_exact), 2).to_string()
}

/// The critical questions that failed.
pub(super) fn failed_criticals(words: &Words, found: &VisitResult) -> Vec<String> {
    let critical = found.items.iter().filter(|it| found.score.critical_failed.contains(&it.id));
    critical.map(|it| words.lang.text(&it.q).to_owned()).collect()
}

/// How far an appeal is, in words.
pub(super) fn state_text(words: &Words, state: AppealState) -> String {
    words.lang.text(&state.label()).to_owned()
}

/// Whether the visit can be appealed, until when, and why not.
pub(super) fn appeal_text(words: &Words, found: &VisitResult) -> String {
    let until = found.appealing.until.map(|it| it.to_string()).unwrap_or_default();
    match found.appealing.standing {
        Standing::Open if found.losses.items.is_empty() => words.say("branch-appeal-nothing"),
        Standing::Open => words.naming("branch-appeal-until", until),
        Standing::Waiting(_) => words.say("branch-appeal-waiting"),
        Standing::TooLate => words.naming("branch-appeal-late", until),
        Standing::Closed => words.say("branch-appeal-closed"),
        Standing::NotTheirs => words.say("branch-appeal-not-yours"),
    }
}

pub(super) fn groups(words: &Words, found: &VisitResult) -> Vec<Group> {
    let part = |label: String, value: &Percent| Part { label, value: value.to_string() };
    let named = |(id, it): (&String, &Percent)| part(readable(id), it);
    let sections = found.sections.iter().map(|(it, value)| part(words.lang.text(it).to_owned(), value));
    let all = [
        ("scorecard-sections", sections.collect()),
        ("scorecard-touchpoints", found.score.touchpoints.iter().map(named).collect()),
        ("scorecard-pillars", found.score.pillars.iter().map(named).collect()),
    ];
    let shown = all.into_iter().filter(|it: &(&str, Vec<Part>)| !it.1.is_empty());
    shown.map(|(heading, parts)| Group { heading: words.say(heading), parts }).collect()
}

// ---- the poster ----

/// A touchpoint that got better, with by how much.
struct Better {
    label: String,
    by: String,
}

#[derive(Template)]
#[template(path = "poster.html")]
struct PosterPage {
    shell: Shell,
    branch: String,
    name: String,
    from: String,
    to: String,
    score: Option<String>,
    sure: String,
    better: Vec<Better>,
    next: Vec<Cost>,
}

async fn poster(
    visitor: Visitor,
    branch: web::Path<Uuid>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let period = asked.period(&visitor)?;
    let (principal, inside) = (visitor.principal.clone(), visitor.app.clone());
    let branch = BranchId(branch.into_inner());
    let found =
        visitor.app.read(move |tx| scorecards::poster(tx, &inside, &principal, branch, period)).await?;
    let words = visitor.words.clone();
    let text = |it: &LocalText| words.lang.text(it).to_owned();
    let next = found.next.iter().map(|it| Cost {
        item: it.item.clone(),
        q: text(&it.q),
        section: text(&it.section),
        points: it.points.to_string(),
        answer: String::new(),
        expected: text(&it.expected),
        is_critical: it.is_critical,
    });
    let better = found.better.iter().map(|(id, by)| Better { label: readable(id), by: format!("+{by}") });
    let shown = PosterPage {
        branch: branch.to_string(),
        name: found.name.clone(),
        from: period.from.to_string(),
        to: period.to.to_string(),
        score: found.index.as_ref().map(|it| it.figure.value.to_string()),
        sure: found.index.as_ref().map(|it| sure(&words, it)).unwrap_or_default(),
        better: better.take(FEW).collect(),
        next: next.take(FEW).collect(),
        shell: visitor.shell("/branches/mine"),
    };
    page(StatusCode::OK, &shown)
}
