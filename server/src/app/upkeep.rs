//! What has to be thrown away from time to time: replies kept for repeated requests, and sessions that ended long ago.

use crate::{app::App, error::ApiError};
use db::{Micros, idempotency, organizations, sessions};

const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// How long a repeated request is answered with its first reply.
const REPLIES_DAYS: i64 = 2;
/// How long a session that ended is still told from one that never was.
const SESSIONS_DAYS: i64 = 30;

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
        for organization in self.db.read(organizations::list)? {
            self.db
                .write(move |tx| idempotency::remove_before(tx, organization.org_id, replies).map(drop))?;
        }
        Ok(())
    }
}
