//! Appeals: each is as open as its visit is appealed, led to the version that it says, and has its files.

use super::{Place, Stop, Walk, fault};
use db::{
    MAX_PAGE,
    appeals::{self, Appeal, AppealFilter},
    audits, redactions, scores,
};
use domain::{appeal::AppealState, lifecycle::State};

impl Walk<'_, '_> {
    /// Reads every appeal.
    ///
    /// # Errors
    /// `appeal`, `appeal_file`.
    pub(super) fn appeals(&mut self) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = appeals::list(self.tx, self.org, &AppealFilter::default(), after, MAX_PAGE)?;
            for it in page.items {
                self.appeal(&it)?;
                self.report.appeals += 1;
            }
            self.tell();
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn appeal(&mut self, it: &Appeal) -> Result<(), Stop> {
        let id = it.appeal_id;
        let visit = audits::find(self.tx, self.org, it.audit_id)?;
        let is_appealed = visit.as_ref().is_some_and(|it| it.state == State::Appealed);
        let versions = scores::list_versions(self.tx, self.org, it.audit_id)?;
        let has = |version: u32| versions.iter().any(|it| it.version == version);
        let follows = it.new_version.is_none_or(|new| has(new) && new > it.score_version);
        let is_astray = it.state == AppealState::Open && !is_appealed;
        if is_astray || !has(it.score_version) || !follows {
            return Err(fault(
                "appeal",
                Place::audit(it.audit_id),
                format!("la apelación {id} no concuerda con su visita"),
                format!("the appeal {id} does not agree with its visit"),
            ));
        }
        for file in appeals::list_files(self.tx, self.org, id)? {
            let found = db::blobs::find(self.tx, self.org, file.blob)?;
            let is_here = found.is_some_and(|it| it.size == file.size);
            if !is_here && redactions::blobs_among(self.tx, self.org, &[file.blob])?.is_empty() {
                let place = Place { blob: Some(file.blob), ..Place::audit(it.audit_id) };
                return Err(fault(
                    "appeal_file",
                    place,
                    format!("falta un archivo de la apelación {id}"),
                    format!("a file of the appeal {id} is missing"),
                ));
            }
        }
        Ok(())
    }
}
