//! What exchanges set aside: ops that are stored and acknowledged and not applied, for whoever can do something about it.
//! `decide` takes them into their visit or leaves them out, by a person and with a reason; `beside` tells what is kept beside logs.

mod beside;
mod decide;

pub(crate) use beside::{After, KeptRun, beside};
pub(crate) use decide::{Decided, SetAsideVisit, Verdict, adopt, dismiss, show};

use crate::zone::instant;
use crate::{error::ApiError, principal::Principal};
use db::{Tx, quarantine};
use domain::{
    access::{Permission, Target},
    ids::OrgId,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, str::FromStr};
use sync_core::DeviceId;
use utoipa::ToSchema;
use uuid::Uuid;

/// An op that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SetAside {
    /// The device in whose log it stands.
    dev: String,
    /// Its position there.
    dseq: u64,
    /// Whose device it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Uuid>,
    /// The audit that it names.
    audit: Uuid,
    /// Why it was not applied, as a stable code.
    reason: String,
    /// When it came, RFC 3339.
    received_at: String,
    /// What a person decided of it, `adopted` or `dismissed`; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'static str>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<String>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<Uuid>,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl SetAside {
    fn of(it: quarantine::QuarantinedOp, users: &BTreeMap<DeviceId, Uuid>) -> Self {
        Self {
            dev: it.dev.to_string(),
            dseq: it.dseq,
            user: users.get(&it.dev).copied(),
            audit: it.audit_id.0,
            reason: it.reason,
            received_at: instant(it.received_at),
            decision: it.decision.map(quarantine::Decision::as_str),
            decided_at: it.decided_at.map(instant),
            decided_by: it.decided_by.map(|it| it.0),
            why: it.why,
        }
    }
}

/// Where a page of the list begins: a place in a device's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(DeviceId, u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl FromStr for Place {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (dev, dseq) = text.split_once('-').ok_or("no position")?;
        Ok(Self(dev.parse().map_err(|_| "no device")?, dseq.parse().map_err(|_| "no number")?))
    }
}

/// What was set aside in the organization, by device and position. It tells whose device it was and often names no branch
/// that the organization has: only those who see auditors, or own the devices, everywhere in it may read it.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    only_open: bool,
    after: Option<Place>,
    limit: u32,
) -> Result<db::Page<SetAside, Place>, ApiError> {
    require_reader(principal)?;
    let page = quarantine::list(tx, principal.org, only_open, after.map(|it| (it.0, it.1)), limit)?;
    let users = users_of(tx, principal.org, &page.items)?;
    let shown = page.items.into_iter().map(|it| SetAside::of(it, &users));
    Ok(db::Page { items: shown.collect(), next: page.next.map(|(dev, dseq)| Place(dev, dseq)) })
}

fn require_reader(principal: &Principal) -> Result<(), ApiError> {
    if principal.may(Permission::ManageUsers, &Target::Organization) {
        return Ok(());
    }
    principal.require(Permission::SeeAuditors, &Target::Organization)
}

fn users_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    ops: &[quarantine::QuarantinedOp],
) -> Result<BTreeMap<DeviceId, Uuid>, ApiError> {
    let mut users = BTreeMap::new();
    // They come by device.
    for devices in ops.chunk_by(|one, other| one.dev == other.dev) {
        let dev = devices.first().map(|it| it.dev);
        if let Some(device) = dev.map(|it| db::devices::find(tx, org, it)).transpose()?.flatten() {
            users.extend(device.user_id.map(|it| (device.dev, it.0)));
        }
    }
    Ok(users)
}
