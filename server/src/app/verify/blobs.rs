//! Evidence: every blob that the office counts on lies in the store and is what its id says.

use super::{Place, Stop, Walk, fault};
use crate::app::evidence::BlobCheck;

impl Walk<'_, '_> {
    /// Reads every blob.
    ///
    /// # Errors
    /// `blob_missing`, `blob_changed`.
    pub(super) fn blobs(&mut self) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = db::blobs::list(self.tx, self.org, after, db::MAX_PAGE)?;
            for found in page.items {
                let place = Place { blob: Some(found.blob), ..Place::default() };
                match self.app.check_blob(self.org, found.blob)? {
                    BlobCheck::Good => self.report.blobs += 1,
                    BlobCheck::Missing => {
                        let (es, en) =
                            ("falta esa evidencia en el almacén", "this evidence is not in the store");
                        return Err(fault("blob_missing", place, es, en));
                    }
                    BlobCheck::OtherBytes => {
                        let (es, en) = (
                            "esa evidencia ya no es la que se recibió",
                            "this evidence is not what was received",
                        );
                        return Err(fault("blob_changed", place, es, en));
                    }
                }
                self.tell();
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
