//! The other runs of an organization.

use crate::error::ApiError;
use db::{
    Tx,
    payouts::{PayoutRun, list_runs},
};
use domain::ids::OrgId;

/// The runs that fit, by id.
///
/// # Errors
/// Those of the database.
pub(super) fn runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    fits: impl Fn(&PayoutRun) -> bool,
) -> Result<Vec<PayoutRun>, ApiError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = list_runs(tx, org, after, db::MAX_PAGE)?;
        found.extend(page.items.into_iter().filter(&fits));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}
