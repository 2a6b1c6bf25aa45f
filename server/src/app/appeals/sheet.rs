//! An appeal as a page lays it out: what lists and the API say of it, with its items in words and what the reader may do with it.

use super::{
    AppealDetail, LEFT_OUT, Side, corrections,
    read::{self, find},
};
use crate::{
    app::{App, scores::scoring, visits::content},
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{Tx, reference::Branch};
use domain::{
    Date, LocalText,
    access::Permission,
    appeal::AppealState,
    checklist::Item,
    ids::{AppealId, BranchId},
};
use std::collections::BTreeMap;

/// An item of an appeal in words.
#[derive(Debug, Clone)]
pub(crate) struct SheetItem {
    pub(crate) item: Item,
    pub(crate) section: LocalText,
    /// The answer that counts now; none where it counts no more.
    pub(crate) counts: Option<LocalText>,
    pub(crate) expected: LocalText,
}

/// An appeal with all that its page needs.
#[derive(Debug, Clone)]
pub(crate) struct AppealSheet {
    pub(crate) detail: AppealDetail,
    pub(crate) branch: Branch,
    pub(crate) day: Option<Date>,
    pub(crate) items: BTreeMap<String, SheetItem>,
    /// Whether the reader is of the office.
    pub(crate) is_office: bool,
    pub(crate) may_withdraw: bool,
    pub(crate) may_attach: bool,
}

/// One appeal for its page.
///
/// # Errors
/// As [`read::detail`].
pub(crate) fn sheet(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    id: AppealId,
) -> Result<AppealSheet, ApiError> {
    let (found, visit, side) = find(tx, principal, id)?;
    let org = principal.org;
    let detail = read::detail(tx, app, principal, id)?;
    let prepared = content::checklist(tx, app, org, visit.template_hash)?;
    let checklist = prepared.checklist();
    let view = content::ops(tx, org, visit.audit_id)?.view();
    let counted = corrections(tx, org, visit.audit_id)?;
    let answers = scoring::corrected_answers(checklist, &view, &counted)?;
    let words = |id: &str| {
        let item = checklist.item(id)?.clone();
        let section = checklist.sections.iter().find(|it| it.items.iter().any(|it| it.id == id))?;
        let counts = answers.get(id).map(|it| item.answer_in_words(&it.to_string()));
        let expected = item.best_answer();
        Some((id.to_owned(), SheetItem { section: section.title.clone(), counts, expected, item }))
    };
    let items = detail.questions.iter().filter_map(|it| words(&it.item)).collect();
    let branch = db::reference::find_branch(tx, org, found.branch_id)?
        .ok_or_else(|| ApiError::internal("an appeal without its branch"))?;
    let at = branch_target(tx, org, found.branch_id)?;
    let is_open = found.state == AppealState::Open;
    let may_appeal = is_open && principal.may(Permission::AppealVisits, &at);
    Ok(AppealSheet {
        detail,
        branch,
        day: visit.visit_date,
        items,
        is_office: side == Side::Office,
        may_withdraw: may_appeal && found.appellant == principal.user,
        may_attach: may_appeal,
    })
}

impl SheetItem {
    /// A corrected answer, as it is stored, in words; none where the item counts no more.
    pub(crate) fn in_words(&self, json: &str) -> Option<LocalText> {
        if json == LEFT_OUT {
            return None;
        }
        let shown = match serde_json::from_str(json) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(serde_json::Value::Array(all)) => {
                all.iter().filter_map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
            }
            _ => json.to_owned(),
        };
        Some(self.item.answer_in_words(&shown))
    }
}

/// The branches of a page of appeals by id.
///
/// # Errors
/// Those of the database.
pub(crate) fn names(
    tx: &mut Tx<'_>,
    principal: &Principal,
    ids: &[BranchId],
) -> Result<BTreeMap<BranchId, String>, ApiError> {
    let found = db::reference::find_branches(tx, principal.org, ids)?;
    Ok(found.into_iter().map(|it| (it.branch_id, it.name)).collect())
}
