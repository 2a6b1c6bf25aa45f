//! What branch and office write to each other on an open appeal. The branch never learns who wrote for the office.

use super::{AppealDetail, EITHER, Side, closed, read};
use crate::{
    app::{
        App,
        reading::{check_text, require_any},
    },
    error::ApiError,
    office::Office,
};
use db::{
    Tx,
    appeals::{self, AppealMessage},
    audits,
};
use domain::{
    appeal::{AppealState, MAX_MESSAGES},
    ids::AppealId,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;

/// A message to be written.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMessage {
    /// What.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) text: String,
}

/// Writes on an open appeal, for the branch or for the office.
///
/// # Errors
/// `forbidden` (403), `not_found` (404), `own_visit` (403), `appeal_closed`, `too_many_messages` (409).
pub(crate) fn write(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    id: AppealId,
    new: &NewMessage,
) -> Result<AppealDetail, ApiError> {
    let person = office.person()?.clone();
    require_any(&person, EITHER)?;
    let org = office.org();
    let (_, visit, _) = read::find(tx, &person, id)?;
    // Who writes or decides at once waits here, so that the bound holds and nothing is written on what was just decided.
    audits::lock(tx, org, visit.audit_id)?;
    let (found, _, side) = read::find(tx, &person, id)?;
    if found.state != AppealState::Open {
        return Err(closed(found.state));
    }
    let written = u64::try_from(appeals::list_messages(tx, org, id)?.len()).unwrap_or(u64::MAX);
    if written >= MAX_MESSAGES {
        return Err(ApiError::conflict(
            "too_many_messages",
            format!("La apelación ya tiene {MAX_MESSAGES} mensajes; decídanla."),
            format!("the appeal has {MAX_MESSAGES} messages already; decide it"),
        ));
    }
    let message = AppealMessage {
        message_id: office.new_id(),
        appeal_id: id,
        author: person.user,
        of_office: side == Side::Office,
        text: new.text.trim().to_owned(),
        at: office.now(),
    };
    appeals::append_message(tx, org, &message)?;
    let from = if message.of_office { "office" } else { "branch" };
    office.record("appeal_message_written", "appeal", id, &json!({"from": from}))?;
    read::detail(tx, app, &person, id)
}
