//! What has to be thrown away from time to time: replies kept for repeated requests, sessions that ended long ago, blobs that
//! never came whole, the bytes of what was redacted, and what devices sent on days that are over. And what has to be told: where the
//! streams end.

use crate::{
    app::{
        App,
        verify::{StreamHead, heads},
    },
    error::ApiError,
};
use db::{Micros, blobs, idempotency, organizations, sessions};

pub(crate) const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// How long a repeated request is answered with its first reply.
const REPLIES_DAYS: i64 = 2;
/// How long a session that ended is still told from one that never was.
const SESSIONS_DAYS: i64 = 30;
/// How long a device may take to send the rest of a blob.
const PARTS_DAYS: i64 = 14;

impl App {
    /// Throws away what is no longer needed; one short transaction for each organization. Blocks.
    ///
    /// # Errors
    /// Those of the database.
    pub fn tidy(&self) -> Result<(), ApiError> {
        let now = self.now().0;
        let before = |days: i64| Micros(now.saturating_sub(days.saturating_mul(DAY_MICROS)));
        let (replies, ended) = (before(REPLIES_DAYS), before(SESSIONS_DAYS));
        self.db.write(move |tx| sessions::remove_expired(tx, ended).map(drop))?;
        self.blobs.parts().expire(before(PARTS_DAYS).0).map_err(ApiError::internal)?;
        let today = now.div_euclid(DAY_MICROS);
        for organization in self.db.read(organizations::list)? {
            self.db
                .write(move |tx| idempotency::remove_before(tx, organization.org_id, replies).map(drop))?;
            self.db.write(move |tx| blobs::remove_usage_before(tx, organization.org_id, today).map(drop))?;
            self.purge_redacted(organization.org_id)?;
        }
        Ok(())
    }

    /// Says in the log, once a day, where every stream ends and with which key the server signs: whoever ships the log
    /// elsewhere keeps them outside this server's power. Gives the day that was told last. Blocks.
    ///
    /// # Errors
    /// Those of the database.
    pub fn tell_heads(&self, told: Option<i64>) -> Result<Option<i64>, ApiError> {
        let today = self.now().0.div_euclid(DAY_MICROS);
        if told == Some(today) {
            return Ok(told);
        }
        let heads = heads(self)?;
        for organization in &heads.organizations {
            let (organization, server) = (&organization.slug, organization.server.as_ref());
            let server = server.map(ToString::to_string).unwrap_or_default();
            tracing::info!(target: "veedor::heads", organization, server, epoch = heads.epoch, "the key of the server");
        }
        for (organization, head) in
            heads.organizations.iter().flat_map(|it| it.streams.iter().map(|head| (&it.slug, head)))
        {
            let StreamHead { stream, last, f } = head;
            tracing::info!(target: "veedor::heads", organization, %stream, last, %f, "the end of a stream");
        }
        Ok(Some(today))
    }
}
