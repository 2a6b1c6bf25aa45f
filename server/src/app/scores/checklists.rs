//! Checklists ready to score, prepared once: content is immutable under its hash, so it never has to be read again.

use crate::{app::App, error::ApiError};
use db::{
    Tx,
    content::{self, ContentKind},
};
use domain::{checklist::Checklist, ids::OrgId, visit_score::PreparedChecklist};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use sync_core::Hash;

/// Checklists that are kept prepared; beyond it all are forgotten and prepared again as they are needed.
const MAX_KEPT: usize = 512;

type Kept = BTreeMap<(OrgId, Hash), Arc<PreparedChecklist>>;

/// The checklists that an office has prepared.
#[derive(Default)]
pub(crate) struct PreparedChecklists(Mutex<Kept>);

impl PreparedChecklists {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// The checklist of a content hash, ready to score; none where the organization does not have it.
    ///
    /// # Errors
    /// Those of the database, and stored content that cannot be read.
    pub(crate) fn checklist(
        &self,
        tx: &mut Tx<'_>,
        org: OrgId,
        hash: Hash,
    ) -> Result<Option<Arc<PreparedChecklist>>, ApiError> {
        if let Some(found) = self.checklists.kept().get(&(org, hash)) {
            return Ok(Some(found.clone()));
        }
        let Some(stored) = content::find_by_hash(tx, org, ContentKind::Checklist, hash)? else {
            return Ok(None);
        };
        let checklist: Checklist =
            serde_json::from_str(&stored.canonical_json).map_err(ApiError::internal)?;
        let prepared = Arc::new(PreparedChecklist::new(&checklist)?);
        let mut all = self.checklists.kept();
        if all.len() >= MAX_KEPT {
            all.clear();
        }
        all.insert((org, hash), prepared.clone());
        Ok(Some(prepared))
    }
}
