//! What each side reads of appeals: the branch its own, with its own words, the decision and the scores before and after, and never who
//! reviewed or visited; the office the queue, with the deadline and whether the reader may decide.

use super::{EITHER, Side, deciders::Deciders, no_such_appeal};
use crate::{
    app::{
        App,
        reading::{reach_of_any, require_any},
        review::own_visit,
        visits::{branches, content},
    },
    error::ApiError,
    principal::{Principal, branch_target},
    zone::instant,
};
use db::{
    Page, Tx,
    appeals::{self, Appeal, AppealFile, AppealFilter, AppealItem, AppealMessage},
    audits::{self, Audit},
    scores::{self, ScoreVersion},
};
use domain::{
    Date, LocalText,
    access::Permission,
    appeal::{AppealState, ItemDecision},
    ids::{AppealId, AuditId, BranchId, OrgId, UserId},
    visit_score::Percent,
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use sync_core::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

/// An appeal in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AppealSummary {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: AppealId,
    /// The visit that it questions.
    #[schema(value_type = Uuid)]
    pub visit: AuditId,
    /// The branch.
    #[schema(value_type = Uuid)]
    pub branch: BranchId,
    /// `open`, `upheld`, `dismissed`, `withdrawn`, or `void` where the visit was annulled.
    #[schema(value_type = String)]
    pub state: AppealState,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// The last day on which it is to be decided, by the branch's calendar.
    #[schema(value_type = String, format = Date)]
    pub decide_by: Date,
    /// The items that it questions.
    pub items: Vec<String>,
    /// The version of the score that it questions.
    pub score_version: u32,
    /// The version that it led to, where it was upheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_version: Option<u32>,
    /// When it was decided or ended otherwise, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// Whether the reader may decide it; of open ones, for reviewers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_decide: Option<bool>,
}

/// An appeal with all that the reader may see of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AppealDetail {
    /// What lists say of it.
    #[serde(flatten)]
    pub summary: AppealSummary,
    /// The items with what was said and decided.
    pub questions: Vec<AppealedQuestion>,
    /// The decision in the words of whoever decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The score that it questions.
    pub before: Option<ScoreFigures>,
    /// The score that it led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ScoreFigures>,
    /// What was written on it, oldest first.
    pub messages: Vec<MessageEntry>,
    /// Who appealed; for the office only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub appellant: Option<UserId>,
    /// Who decided; for the office only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub decided_by: Option<UserId>,
}

/// An item of an appeal.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AppealedQuestion {
    /// Its id.
    pub item: String,
    /// The question.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub q: Option<LocalText>,
    /// Why it is questioned, in the branch's words.
    pub reason: String,
    /// Files beside it.
    pub evidence: Vec<EvidenceEntry>,
    /// `upheld` or `dismissed`; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub decision: Option<ItemDecision>,
    /// Why, in the words of whoever decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_reason: Option<String>,
    /// Of an upheld one the answer that counts; `null` where it counts no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub answer: Option<Box<RawValue>>,
    /// Whether that answer was taken out for good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub answer_redacted: bool,
}

/// A file beside an item.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EvidenceEntry {
    /// SHA-256 of its bytes, by which it is read.
    #[schema(value_type = String)]
    pub blob: Hash,
    /// Its media type.
    pub mime: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was attached, RFC 3339.
    pub added_at: String,
}

/// The figures of a version of a score.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScoreFigures {
    /// Its number.
    pub version: u32,
    /// Before the critical rule.
    #[schema(value_type = Option<String>)]
    pub raw: Option<Percent>,
    /// After it.
    #[serde(rename = "final")]
    #[schema(value_type = Option<String>)]
    pub final_score: Option<Percent>,
    /// The band.
    pub band: Option<String>,
    /// Critical items that failed.
    pub critical_failed: u32,
}

/// A message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MessageEntry {
    /// Its id.
    pub id: Uuid,
    /// `branch`, or `office` (la oficina), whose author no branch is told.
    pub from: &'static str,
    /// Who wrote it; for the office only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub author: Option<UserId>,
    /// What.
    pub text: String,
    /// When, RFC 3339.
    pub at: String,
}

/// An appeal with its visit, for somebody who may read it, and as which side.
///
/// # Errors
/// `forbidden` (403) for somebody who reads none, `not_found` (404) for one out of reach, `own_visit` (403) for the auditor of the visit.
pub(super) fn find(
    tx: &mut Tx<'_>,
    principal: &Principal,
    id: AppealId,
) -> Result<(Appeal, Audit, Side), ApiError> {
    require_any(principal, EITHER)?;
    let found = appeals::find(tx, principal.org, id)?.ok_or_else(no_such_appeal)?;
    let at = branch_target(tx, principal.org, found.branch_id)?;
    let side =
        match (principal.may(Permission::ReviewVisits, &at), principal.may(Permission::AppealVisits, &at)) {
            (true, _) => Side::Office,
            (false, true) => Side::Branch,
            (false, false) => return Err(no_such_appeal()),
        };
    let visit = audits::find(tx, principal.org, found.audit_id)?.ok_or_else(no_such_appeal)?;
    // What a branch writes about a visit is not for whoever made it, whatever else they are.
    if visit.auditor_id == principal.user {
        return Err(own_visit());
    }
    Ok((found, visit, side))
}

/// A page of the appeals that a person may see, oldest first.
///
/// # Errors
/// `forbidden` (403), `not_found` (404) for a branch that is not there.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    (state, branch): (Option<AppealState>, Option<BranchId>),
    (after, limit): (Option<AppealId>, u32),
) -> Result<Page<AppealSummary, AppealId>, ApiError> {
    let reach = reach_of_any(tx, principal, EITHER)?;
    let branches = branches::covered(tx, principal, &reach, branch, None)?;
    let page = appeals::list(tx, principal.org, &AppealFilter { state, branches }, after, limit)?;
    let items = summaries(tx, principal, &page.items)?;
    Ok(Page { items, next: page.next })
}

fn summaries(tx: &mut Tx<'_>, principal: &Principal, of: &[Appeal]) -> Result<Vec<AppealSummary>, ApiError> {
    let deciders = Deciders::read(tx, principal, of)?;
    let ids: Vec<AppealId> = of.iter().map(|it| it.appeal_id).collect();
    let mut named: BTreeMap<AppealId, Vec<String>> = BTreeMap::new();
    for it in appeals::list_items(tx, principal.org, &ids)? {
        named.entry(it.appeal_id).or_default().push(it.item);
    }
    Ok(of
        .iter()
        .map(|it| AppealSummary {
            id: it.appeal_id,
            visit: it.audit_id,
            branch: it.branch_id,
            state: it.state,
            created_at: instant(it.created_at),
            decide_by: it.decide_by,
            items: named.remove(&it.appeal_id).unwrap_or_default(),
            score_version: it.score_version,
            new_version: it.new_version,
            decided_at: it.decided_at.map(instant),
            may_decide: deciders.may_decide(principal, it),
        })
        .collect())
}

/// One appeal.
///
/// # Errors
/// As [`find`].
pub(crate) fn detail(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    id: AppealId,
) -> Result<AppealDetail, ApiError> {
    let (found, visit, side) = find(tx, principal, id)?;
    let org = principal.org;
    let summary = summaries(tx, principal, std::slice::from_ref(&found))?.pop().ok_or_else(no_such_appeal)?;
    let versions = scores::list_versions(tx, org, found.audit_id)?;
    let figures = |number: u32| versions.iter().find(|it| it.version == number).map(figures);
    let messages = appeals::list_messages(tx, org, id)?.into_iter().map(|it| message(it, side));
    let (messages, is_office) = (messages.collect(), side == Side::Office);
    Ok(AppealDetail {
        summary,
        questions: questions(tx, app, org, &visit, id)?,
        before: figures(found.score_version),
        after: found.new_version.and_then(figures),
        messages,
        appellant: is_office.then_some(found.appellant),
        decided_by: found.decided_by.filter(|_| is_office),
        reason: found.reason,
    })
}

fn figures(it: &ScoreVersion) -> ScoreFigures {
    ScoreFigures {
        version: it.version,
        raw: it.raw_hundredths.map(Percent::from_units),
        final_score: it.final_hundredths.map(Percent::from_units),
        band: it.band.clone(),
        critical_failed: it.critical_failed,
    }
}

fn message(it: AppealMessage, side: Side) -> MessageEntry {
    MessageEntry {
        id: it.message_id,
        from: if it.of_office { "office" } else { "branch" },
        author: Some(it.author).filter(|_| side == Side::Office),
        text: it.text,
        at: instant(it.at),
    }
}

fn questions(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    visit: &Audit,
    id: AppealId,
) -> Result<Vec<AppealedQuestion>, ApiError> {
    let checklist = content::checklist(tx, app, org, visit.template_hash)?;
    let files = appeals::list_files(tx, org, id)?;
    let items = appeals::list_items(tx, org, &[id])?;
    let question = |it: AppealItem| {
        let answer = it.answer.map(RawValue::from_string).transpose().map_err(ApiError::internal)?;
        Ok(AppealedQuestion {
            q: checklist.checklist().item(&it.item).map(|it| it.q.clone()),
            evidence: files.iter().filter(|file| file.item == it.item).map(evidence).collect(),
            item: it.item,
            reason: it.reason,
            decision: it.decision,
            decision_reason: it.decision_reason,
            answer,
            answer_redacted: it.answer_redacted,
        })
    };
    items.into_iter().map(question).collect()
}

fn evidence(it: &AppealFile) -> EvidenceEntry {
    EvidenceEntry { blob: it.blob, mime: it.mime.clone(), size: it.size, added_at: instant(it.added_at) }
}
