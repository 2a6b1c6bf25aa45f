//! The page of a visit: answers beside their evidence, what waits to be settled, what this person may do now, the score with its
//! versions, and what happened. A form that failed is shown again on the page as it is then, with what was typed.

use super::{
    super::{
        done,
        form::{Faults, Posted, Typed},
        page,
        shell::{Shell, Visitor},
        status_of,
        ui::Form,
        words::Words,
    },
    answers::{self, Fix, SectionView},
    decide::{self, Decision},
    evidence::{self, MapView, PhotoView},
    orders::{FIX, Order, WHY, of_items},
    score::{self, ScoreView},
    settle::{self, ConflictView},
    story::{self, StoryLine},
    when,
};
use crate::{
    app::review::look::{Looked, look},
    error::ApiError,
};
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use db::audits::VisitKind;
use domain::{
    access::{Permission, Target},
    ids::AuditId,
    lifecycle::{Command, State},
};
use serde::Deserialize;
use uuid::Uuid;

/// A form that was refused.
pub(super) struct Failure {
    /// The last step of its address.
    pub(super) name: String,
    pub(super) typed: Typed,
    pub(super) error: ApiError,
}

impl Failure {
    /// What is wrong with its fields; nothing where somebody was faster, which is told above all forms.
    pub(super) fn faults(&self) -> Faults {
        if self.is_late() { Faults::default() } else { Faults::of(&self.error) }
    }

    /// Whether somebody else was faster.
    fn is_late(&self) -> bool {
        self.error.problem().status == 409
    }

    /// Whether its form is none of those that decide.
    fn is_gone(&self, decision: &Decision) -> bool {
        !matches!(self.name.as_str(), "resolve" | "acknowledge")
            && !decision.forms.iter().any(|it| it.name == self.name)
    }

    /// Whether it is this form: the same address with the same hidden values but for the mark of the visit.
    pub(super) fn is_of(&self, form: &Form) -> bool {
        form.action.ends_with(&format!("/{}", self.name))
            && form
                .hidden
                .iter()
                .filter(|it| it.0 != "mark")
                .all(|(name, value)| self.typed.all(name).contains(value))
    }
}

/// A figure with its name.
pub(super) struct Told {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) note: String,
    pub(super) is_bad: bool,
}

#[derive(Template)]
#[template(path = "visit.html")]
struct VisitView {
    shell: Shell,
    id: String,
    title: String,
    subtitle: String,
    /// Who reviews it now, and since when it waits.
    standing: Vec<String>,
    /// What went wrong with a form, and what was typed into it where the form is gone.
    problem: Vec<String>,
    kept: Vec<(String, String)>,
    notices: Vec<String>,
    facts: Vec<Told>,
    flags: Vec<(String, String)>,
    outcome: Option<OutcomeView>,
    conflicts: Vec<ConflictView>,
    sections: Vec<SectionView>,
    fact_fixes: Vec<(String, String, Fix)>,
    photos: Vec<PhotoView>,
    more_photos: Option<String>,
    sees_evidence: bool,
    map: Option<MapView>,
    decision: Decision,
    score: Option<ScoreView>,
    story: Vec<StoryLine>,
    /// How many lines of it are left out, in words; empty for none.
    left_out: String,
}

/// That a visit could not happen.
struct OutcomeView {
    reason: String,
    explanation: String,
    is_proven: bool,
}

/// Which of the evidence.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    photos: usize,
}

pub(super) async fn show(
    visitor: Visitor,
    visit: web::Path<Uuid>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let looked = read(&visitor, AuditId(visit.into_inner())).await?;
    page(StatusCode::OK, &view(&visitor, &looked, None, asked.photos))
}

pub(super) async fn read(visitor: &Visitor, visit: AuditId) -> Result<Looked, ApiError> {
    let (app, principal) = (visitor.app.clone(), visitor.principal.clone());
    visitor.app.read(move |tx| look(tx, &app, &principal, visit)).await
}

/// Where somebody comes to with an address that only forms are sent to.
pub(super) async fn back(_: Visitor, path: web::Path<(Uuid, String)>) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, format!("/visits/{}", path.0))).finish()
}

/// Carries out what a form of the page asks for.
pub(super) async fn act(posted: Posted, path: web::Path<(Uuid, String)>) -> Result<HttpResponse, ApiError> {
    let Posted { mut visitor, typed } = posted;
    visitor.principal.require(Permission::ReadVisits, &Target::Own)?;
    let (visit, name) = path.into_inner();
    let visit = AuditId(visit);
    visitor.address = format!("/visits/{visit}");
    // What is out of reach is not there, whatever was sent.
    let before = read(&visitor, visit).await?;
    let outcome = match Order::read(&name, &typed, &before.visit.zone) {
        Ok(Some(order)) => {
            let (app, shown) = (visitor.app.clone(), typed.get("mark").to_owned());
            let carried = visitor.change(move |tx, office| order.carry_out(tx, &app, office, visit, &shown));
            carried.await
        }
        Ok(None) => return Err(ApiError::not_found("la página", "the page")),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(standing) => {
            let is_asked = standing.is_some_and(|it| it.waiting_for.is_some());
            let said = if is_asked { "review-asked".to_owned() } else { format!("review-{name}") };
            Ok(done(&format!("/visits/{visit}"), &said))
        }
        Err(error) if matches!(error.problem().status, 409 | 422) => {
            let ticked: Vec<&str> =
                typed.beginning(FIX).filter(|it| !it.1.is_empty()).map(|it| it.0).collect();
            let error = of_items(&error, &ticked);
            let looked = read(&visitor, visit).await?;
            let status = status_of(&error);
            let failed = Failure { name, typed, error };
            page(status, &view(&visitor, &looked, Some(&failed), 0))
        }
        Err(error) => Err(error),
    }
}

fn view(visitor: &Visitor, looked: &Looked, failed: Option<&Failure>, from: usize) -> VisitView {
    let (words, shell) = (&visitor.words, visitor.shell("/visits"));
    let may_return = looked.commands.contains(&Command::Return);
    let fix = |item: &str| may_return.then(|| fix_of(words, failed, item));
    let (photos, has_more) = evidence::photos(words, looked, from);
    let (story, left_out) = story::story(words, looked);
    let decision = decide::decision(words, looked, &visitor.principal, &shell.csrf, failed);
    let kept = failed.map(|it| kept(words, looked, &decision, it)).unwrap_or_default();
    // A form that is still there tells its own faults.
    let is_told =
        |it: &&Failure| it.is_late() || it.name == "return" || !kept.is_empty() || it.is_gone(&decision);
    let problem = failed.filter(is_told).map(|it| words.lang.problem(it.error.problem()));
    let facts = [("arrival", "@arrival"), ("departure", "@departure"), ("outcome", "@outcome")];
    let visit = &looked.visit;
    let next = from.saturating_add(evidence::PHOTOS);
    VisitView {
        id: visit.audit_id.to_string(),
        title: looked.branch.name.clone(),
        subtitle: subtitle(words, looked),
        standing: standing(words, looked, visitor),
        problem: problem.unwrap_or_default(),
        kept,
        notices: notices(words, looked),
        facts: score::figures(words, looked),
        flags: looked
            .flags
            .iter()
            .map(|it| {
                let name = words.lang.text(&it.kind.label()).to_owned();
                (name, words.lang.text(&it.explanation()).to_owned())
            })
            .collect(),
        outcome: outcome(words, looked),
        conflicts: settle::conflicts(words, looked, &shell.csrf, failed),
        sections: answers::sections(words, looked, fix),
        fact_fixes: facts
            .into_iter()
            .filter(|(_, field)| looked.states(field))
            .filter_map(|(name, field)| {
                Some((field.to_owned(), words.name_of("review-fact", name), fix(field)?))
            })
            .collect(),
        photos,
        more_photos: has_more.then(|| format!("/visits/{}?photos={next}#evidence", visit.audit_id)),
        sees_evidence: looked.evidence.is_some(),
        map: evidence::map(words, looked),
        decision,
        score: score::score(words, looked),
        story,
        left_out: match i64::try_from(left_out) {
            Ok(0) | Err(_) => String::new(),
            Ok(count) => words.count("review-story-left-out", count),
        },
        shell,
    }
}

fn fix_of(words: &Words, failed: Option<&Failure>, item: &str) -> Fix {
    let Some(failed) = failed.filter(|it| it.name == "return") else {
        return Fix { is_ticked: false, reason: String::new(), errors: Vec::new() };
    };
    let faults = Faults::of(&failed.error);
    Fix {
        is_ticked: !failed.typed.get(&format!("{FIX}{item}")).is_empty(),
        reason: failed.typed.get(&format!("{WHY}{item}")).to_owned(),
        errors: faults.at(&format!("{WHY}{item}")).map(|it| words.lang.message(it).to_owned()).collect(),
    }
}

fn subtitle(words: &Words, looked: &Looked) -> String {
    let title = words.lang.text(&looked.checklist.checklist().title).to_owned();
    let day = looked.visit.visit_date.map(|it| it.to_string()).unwrap_or_default();
    let parts = [looked.branch.code.clone(), day, title, looked.name_of(Some(looked.visit.auditor_id.0))];
    parts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn standing(words: &Words, looked: &Looked, visitor: &Visitor) -> Vec<String> {
    let visit = &looked.visit;
    let mut told = vec![words.lang.text(&visit.state.label()).to_owned()];
    if visit.kind == VisitKind::NotCompleted {
        told.push(words.say("review-not-completed"));
    }
    if visit.round > 1 {
        told.push(words.count("review-round", visit.round));
    }
    let is_held = matches!(visit.state, State::InReview | State::OnHold);
    match visit.claimed_by.filter(|_| is_held) {
        Some(it) if it == visitor.principal.user => told.push(words.say("review-now-you")),
        Some(it) => told.push(words.naming("review-now-other", looked.name_of(Some(it.0)))),
        None if visit.state == State::Submitted => told.push(words.say("review-now-nobody")),
        None => {}
    }
    if let Some(at) = visit.submitted_at {
        let since = when::span(words, looked.now.0.saturating_sub(at.0));
        let waits = matches!(visit.state, State::Submitted | State::InReview | State::OnHold);
        told.push(words.naming(if waits { "review-waits-since" } else { "review-handed-in-since" }, since));
    }
    told
}

fn notices(words: &Words, looked: &Looked) -> Vec<String> {
    let mut told = Vec::new();
    if looked.is_own {
        told.push(words.say("review-own-notice"));
    }
    if !looked.detail.renewed.is_empty() {
        told.push(words.say("review-renewed"));
    }
    if looked.detail.pins.is_some() {
        told.push(words.say("review-moved-notice"));
    }
    told
}

fn outcome(words: &Words, looked: &Looked) -> Option<OutcomeView> {
    let stated = looked.detail.facts.as_ref()?.outcome.as_ref()?;
    Some(OutcomeView {
        reason: stated.reason.as_ref().map(|it| words.lang.text(&it.label).to_owned()).unwrap_or_default(),
        explanation: stated.explanation.clone(),
        is_proven: stated.proven,
    })
}

/// What was typed into a form that is not on the page any more, by the names of its fields.
fn kept(words: &Words, looked: &Looked, decision: &Decision, failed: &Failure) -> Vec<(String, String)> {
    let is_there = match failed.name.as_str() {
        "return" => decision.send_back.is_some(),
        "resolve" | "acknowledge" => {
            looked.may_settle
                && looked.detail.conflicts.iter().flatten().any(|it| {
                    it.open
                        && (failed.typed.all("field").contains(&it.field)
                            || it.ops.iter().any(|op| failed.typed.all("ops").contains(op)))
                })
        }
        name => decision.forms.iter().any(|it| it.name == name),
    };
    if is_there {
        return Vec::new();
    }
    let reason = [(words.say("review-reason"), failed.typed.get("reason").to_owned())];
    let items = failed
        .typed
        .beginning(WHY)
        .map(|(item, why)| (answers::field_name(words, looked, item), why.to_owned()));
    reason.into_iter().chain(items).filter(|it| !it.1.trim().is_empty()).collect()
}
