//! Evidence: every blob that the office counts on lies in the store and is what its id says; one that was redacted does not.

use super::{Place, Stop, Walk, fault};
use crate::app::evidence::BlobCheck;
use sync_core::Hash;

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
                    // It was read of a time that is over: who redacted it meanwhile took it away.
                    BlobCheck::Missing if !self.is_stored_now(found.blob)? => {}
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

    /// Whether the office counts on a blob now, and not when this reading began.
    fn is_stored_now(&self, blob: Hash) -> Result<bool, Stop> {
        Ok(self.app.db.read(|tx| db::blobs::find(tx, self.org, blob))?.is_some())
    }

    /// What is said to be gone is gone; what still waits to be taken away is no fault.
    ///
    /// # Errors
    /// `redacted_blob_kept`, `redacted_copy_kept`.
    pub(super) fn redacted_blobs(&mut self) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let found = db::redactions::list_blobs(self.tx, self.org, true, after, db::MAX_PAGE)?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.blob);
            for it in &found {
                let place = || Place { blob: Some(it.blob), ..Place::default() };
                if self.app.check_blob(self.org, it.blob)? != BlobCheck::Missing {
                    let (es, en) = (
                        "esa evidencia se suprimió y sus bytes siguen en el almacén",
                        "this evidence was redacted, and its bytes are still in the store",
                    );
                    return Err(fault("redacted_blob_kept", place(), es, en));
                }
                if self.app.blobs.has_copy(self.org, it.blob)? {
                    let (es, en) = (
                        "esa foto se suprimió y una copia menor sigue en el almacén",
                        "this photo was redacted, and a smaller copy of it is still in the store",
                    );
                    return Err(fault("redacted_copy_kept", place(), es, en));
                }
                self.report.redacted_blobs += 1;
            }
            self.tell();
        }
    }
}
