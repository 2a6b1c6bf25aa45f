//! What the operator brings out of a rescue file (`app::rescue`), by the same path as what phones bring: a device's own log as if it
//! had pushed it, what it read of others as if it had relayed it, its photos as if it had sent them.

use super::{
    blobs::{self, BlobCaller, Chunk},
    ingest::Caller,
    relay,
};
use crate::{app::App, error::ApiError, principal::Reach};
use db::{
    Tx,
    devices::{self, DeviceState},
};
use domain::ids::{OrgId, UserId};
use std::sync::Arc;
use sync_core::{
    DeviceId, Hash,
    blob::BlobReply,
    exchange::{Ending, Run},
    rescue::PhotoPart,
};

/// The device whose file it is, as this office knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearer {
    pub(crate) org: OrgId,
    /// Whose device it is: as this office says, else as the file does.
    pub(crate) user: UserId,
    pub(crate) dev: DeviceId,
    /// Why what it wrote waits for a person; none where it is taken as it is.
    pub(crate) ended: Option<Ending>,
}

/// What became of a part of a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Brought {
    /// More is to come.
    Held,
    /// The photo is stored now, or was before.
    Stored,
    /// It is not taken, for this reason.
    Refused(String),
}

impl Bearer {
    /// The device of a file; none where it is unknown here and so is the person whom the file names.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn find(
        tx: &mut Tx<'_>,
        org: OrgId,
        dev: DeviceId,
        named: UserId,
    ) -> Result<Option<Self>, ApiError> {
        let device = devices::find(tx, org, dev)?;
        let user = device.as_ref().map_or(Some(named), |it| it.user_id);
        let Some(user) = user else { return Ok(None) };
        let Some(person) = db::users::find(tx, org, user)? else { return Ok(None) };
        let ended = match device {
            Some(it) if it.state == DeviceState::Revoked => Some(Ending::DeviceRevoked),
            Some(it) if it.is_enrolled() => (!person.active).then_some(Ending::UserEnded),
            _ => Some(Ending::DeviceUnknown),
        };
        Ok(Some(Self { org, user, dev, ended }))
    }

    /// Takes a run in. Of a log with holes nobody brings what lies before: what does not go on from what is here is kept beside it. What
    /// a device that was taken out read of others is not taken from its file either.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn take_run(&self, app: &App, run: &Run, salvaged: bool) -> Result<(), ApiError> {
        let is_own = run.dev == self.dev;
        let Some(key) = run.key.clone().filter(|_| is_own || self.ended.is_none() || run.only_redacts())
        else {
            return Ok(());
        };
        let caller = Caller {
            org: self.org,
            user: self.user,
            dev: self.dev,
            key,
            epoch: run.proof.as_ref().map_or(0, |it| it.epoch),
            // The rights of the person are read where their ops are stored.
            reach: Arc::new(Reach::NOWHERE),
            ended: self.ended,
            hello: None,
            is_import: false,
        };
        let runs = std::slice::from_ref(run);
        let redacted = app.db.read(|tx| relay::redacted(tx, self.org, &[], runs))?;
        relay::take_back(app, &caller, runs, &redacted, app.now())?;
        if !salvaged || !is_own {
            return Ok(());
        }
        let head = app.db.read(|tx| devices::find_head(tx, self.org, self.dev))?.unwrap_or_default();
        if head.head.head.dseq >= run.last() {
            return Ok(());
        }
        let apart = [Run { evidence: true, ..run.clone() }];
        let caller = Caller { ended: None, ..caller };
        relay::take_back(app, &caller, &apart, &redacted, app.now())
    }

    /// Takes a part of a photo; the parts come in order.
    ///
    /// # Errors
    /// Those of the database and the file system.
    pub(crate) fn take_part(&self, app: &App, part: &PhotoPart) -> Result<Brought, ApiError> {
        let Self { org, user, dev, ended } = *self;
        let caller = BlobCaller { org, user, dev, ended: ended.is_some(), by_operator: true };
        let (blob, offset, bytes) = (part.blob, part.offset, &part.bytes[..]);
        let hash = Hash::of(bytes);
        Ok(match blobs::bring(app, &caller, &Chunk { blob, offset, hash, bytes })? {
            BlobReply::Progress(progress) if progress.stored => Brought::Stored,
            BlobReply::Refused(refusal) => Brought::Refused(refusal.reason),
            BlobReply::Progress(_) | BlobReply::Done(_) => Brought::Held,
        })
    }
}
