//! Appeals: a branch questions items of a published visit, item by item, and somebody who had no part in its review decides. `open` begins
//! and takes back, `decide` ends, `deciders` says who may, `files` and `thread` are what is added meanwhile, `read` shows each side what it may see. A granted item
//! never changes what the auditor recorded: its correction stands in the appeal and counts in a new version of the score.

mod decide;
mod deciders;
mod files;
mod open;
mod read;
mod sheet;
mod standing;
mod thread;

pub use decide::Decided;
pub use read::{AppealDetail, AppealSummary, AppealedQuestion, EvidenceEntry, ScoreFigures};

pub(crate) use decide::{DismissOrder, UpholdOrder, dismiss, uphold};
pub(crate) use files::{
    AppealFileEntry, attach, find_file, may_attach, may_attach_any, too_large, too_many_at_once,
};
pub(crate) use open::{NewAppeal, open, withdraw};
pub(crate) use read::{detail, list};
pub(crate) use sheet::{AppealSheet, SheetItem, names, sheet};
pub(crate) use standing::{Appealing, Standing, appealing};
pub(crate) use thread::{NewMessage, write};

use super::{
    review::{self, own_visit},
    scores::scoring::Corrections,
};
use crate::{error::ApiError, office::Office};
use db::{
    Tx,
    appeals::{self, Appeal},
    audits::{self, Audit},
};
use domain::{
    access::{Permission, Target},
    appeal::{AppealState, ItemDecision},
    ids::{AppealId, AuditId, OrgId},
    lifecycle::Actor,
};

fn no_such_appeal() -> ApiError {
    ApiError::not_found("la apelación", "the appeal")
}

fn closed(state: AppealState) -> ApiError {
    let label = state.label();
    ApiError::conflict(
        "appeal_closed",
        format!("La apelación ya no está abierta: está «{}».", label.es),
        format!("the appeal is not open any more: it is \"{}\"", label.en),
    )
}

/// An open appeal with its visit, both held for this transaction, for somebody who acts on it in that capacity.
///
/// # Errors
/// `not_found` (404) for one that the person may not know of, `forbidden` (403), `own_visit` (403), `appeal_closed` (409).
fn lock(tx: &mut Tx<'_>, office: &Office, id: AppealId, actor: Actor) -> Result<(Appeal, Audit), ApiError> {
    let permission = review::permission(actor);
    office.require(permission, &Target::Own)?;
    let org = office.org();
    let found = appeals::find(tx, org, id)?.ok_or_else(no_such_appeal)?;
    hide_forbidden(office.require_at(tx, permission, found.branch_id), no_such_appeal)?;
    let visit = audits::lock(tx, org, found.audit_id)?.ok_or_else(no_such_appeal)?;
    if office.user() == Some(visit.auditor_id) {
        return Err(own_visit());
    }
    // Read again: whoever held the visit may have closed it.
    let found = appeals::find(tx, org, id)?.ok_or_else(no_such_appeal)?;
    if found.state == AppealState::Open { Ok((found, visit)) } else { Err(closed(found.state)) }
}

/// What is out of somebody's reach is not there for them.
fn hide_forbidden(checked: Result<(), ApiError>, nowhere: fn() -> ApiError) -> Result<(), ApiError> {
    checked.map_err(|error| if error.problem().status == 403 { nowhere() } else { error })
}

/// What upheld appeals of a visit put in place of its answers; a later decision stands over an earlier one.
///
/// # Errors
/// Those of the database.
pub(crate) fn corrections(tx: &mut Tx<'_>, org: OrgId, visit: AuditId) -> Result<Corrections, ApiError> {
    let upheld: Vec<AppealId> = appeals::of_audits(tx, org, &[visit])?
        .into_iter()
        .filter(|it| it.state == AppealState::Upheld)
        .map(|it| it.appeal_id)
        .collect();
    let mut all = Corrections::new();
    for it in appeals::list_items(tx, org, &upheld)? {
        if let (Some(ItemDecision::Upheld), Some(answer)) = (it.decision, it.answer) {
            all.insert(it.item, Some(answer).filter(|it| it != LEFT_OUT));
        }
    }
    Ok(all)
}

/// The stored answer of an item that counts no more.
const LEFT_OUT: &str = "null";

/// Ends the open appeal of a visit that is annulled, if there is one: there is nothing left to decide.
///
/// # Errors
/// Those of the database.
pub(crate) fn close_void(tx: &mut Tx<'_>, office: &mut Office, visit: AuditId) -> Result<(), ApiError> {
    let Some(open) = appeals::find_open(tx, office.org(), visit)? else { return Ok(()) };
    let ended = Appeal {
        state: AppealState::Void,
        decided_by: office.user(),
        decided_at: Some(office.now()),
        ..open
    };
    appeals::close(tx, office.org(), &ended, &[])?;
    office.record("appeal_void", "appeal", ended.appeal_id, &serde_json::json!({"visit": visit}))
}

/// Who may see an appeal, and as which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Branch,
    Office,
}

/// The permissions that open appeals to somebody.
const EITHER: &[Permission] = &[Permission::AppealVisits, Permission::ReviewVisits];
