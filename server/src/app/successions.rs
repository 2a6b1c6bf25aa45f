//! A device whose log showed two ends goes on as a new one: `POST /api/v1/devices/succession`. Owns who is let in so; what the new
//! device hands in is the exchange's.

use super::devices::{
    EnrolledDevice, append_session, bad_proof, device_known, enrolled, open_session, succeed,
};
use crate::{
    app::App,
    error::ApiError,
    exchange::Sender,
    office::Office,
    principal::{Ended, Principal},
};
use db::{
    Tx,
    devices::{self, DeviceState},
};
use serde::Deserialize;
use serde_json::json;
use sync_core::{Bytes, DeviceId, PublicKey, exchange::Ending, renew::SuccessionRequest};
use utoipa::ToSchema;
use validator::Validate;

/// Most devices of a person that go on for another, once one of them asks that was taken out: each may hand in so much, and a phone
/// in foreign hands makes keys without end.
const MAX_SUCCESSIONS: u64 = 16;

/// A device that goes on in place of the one whose session asks: `sync_core::renew::SuccessionRequest` without its name.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSuccession {
    /// The new device's public key.
    #[schema(value_type = super::devices::PublicKeyBody)]
    pub(crate) key: PublicKey,
    /// The new key's signature over `"veedor-succ-1" || former || dev`, as `x:` and hexadecimal.
    #[schema(value_type = String)]
    pub(crate) sig: Bytes,
    /// The former key's signature over the same.
    #[schema(value_type = String)]
    pub(crate) former_sig: Bytes,
}

/// Lets a new device go on in place of the one that asks, which showed two logs: its folder was copied or set back. The
/// former one's session stays, since its other copy may be at work. Of a device that may only hand in what it has left the new one
/// may no more.
///
/// # Errors
/// `not_a_device` (403) for a person's session, `bad_public_key`, `bad_proof` (422), `device_known` (409), `too_many_successions`
/// (429).
pub(crate) fn go_on(
    tx: &mut Tx<'_>,
    app: &App,
    sender: &Sender,
    new: &NewSuccession,
) -> Result<EnrolledDevice, ApiError> {
    match sender {
        Sender::Principal(principal) => go_on_at_work(tx, app, principal, new),
        Sender::Ended(ended) => go_on_ended(tx, app, ended, new),
    }
}

fn go_on_at_work(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    new: &NewSuccession,
) -> Result<EnrolledDevice, ApiError> {
    let (org, user) = (principal.org, principal.user);
    let former = principal.dev.ok_or_else(not_a_device)?;
    let known = devices::find(tx, org, former)?.ok_or_else(not_a_device)?;
    let dev = proven(&known, new)?;
    match devices::find(tx, org, dev)? {
        None => devices::append(tx, org, &successor(app, known, (dev, new)))?,
        // The answer was lost.
        Some(again) if again.user_id == Some(user) && again.state == DeviceState::Active => {
            db::sessions::revoke_all_of_device(tx, org, dev, app.now())?;
        }
        // So it was, and the new device was taken out since: what it has it may still hand in.
        Some(again) if again.user_id == Some(user) => {
            let ended = Ended { org, user, dev: former, reason: Ending::DeviceRevoked };
            return go_on_ended(tx, app, &ended, new);
        }
        Some(_) => return Err(device_known()),
    }
    let mut office = open_session(tx, app, (org, user), dev)?;
    succeed(tx, &office.0, (former, dev), true)?;
    office.0.record("device_succeeded", "device", dev, &json!({"user": user, "former": former}))?;
    enrolled(tx, office, (org, user), dev)
}

/// The token that the new device gets tells it from strangers and opens nothing: it is what the former one was.
fn go_on_ended(
    tx: &mut Tx<'_>,
    app: &App,
    ended: &Ended,
    new: &NewSuccession,
) -> Result<EnrolledDevice, ApiError> {
    let Ended { org, user, dev: former, reason } = *ended;
    let known = devices::find(tx, org, former)?.ok_or_else(not_a_device)?;
    let dev = proven(&known, new)?;
    match devices::find(tx, org, dev)? {
        None => {
            if db::former::count_successions(tx, org, user)? >= MAX_SUCCESSIONS {
                return Err(too_many_successions());
            }
            devices::append(tx, org, &successor(app, known, (dev, new)))?;
        }
        // The answer was lost, and perhaps the former device was taken out since: so is this one, which nobody else can be.
        Some(again) if again.user_id == Some(user) => {
            let succession = db::former::find_succession(tx, org, dev)?;
            succession.filter(|it| it.former == former && it.proven).ok_or_else(device_known)?;
            db::sessions::revoke_all_of_device(tx, org, dev, app.now())?;
            if known.state == DeviceState::Revoked {
                devices::revoke(tx, org, dev, app.now())?;
            }
        }
        Some(_) => return Err(device_known()),
    }
    let mut office = Office::of_system(app, "device", org);
    let (token, expires_at) = append_session(tx, app, (org, user), (dev, Some(app.now())))?;
    succeed(tx, &office, (former, dev), true)?;
    let detail = json!({"user": user, "former": former, "ended": reason.name()});
    office.record("device_succeeded", "device", dev, &detail)?;
    enrolled(tx, (office, token, expires_at), (org, user), dev)
}

/// The new device, once both keys have signed for it.
fn proven(former: &devices::Device, new: &NewSuccession) -> Result<DeviceId, ApiError> {
    let former_key = PublicKey { alg: former.alg, key: Bytes::from(former.public_key.clone()) };
    let (key, sig, former_sig) = (new.key.clone(), new.sig.clone(), new.former_sig.clone());
    let request = SuccessionRequest { former: former.dev, key, sig, former_sig };
    request.check(&former_key).map_err(bad_proof)
}

fn successor(app: &App, former: devices::Device, (dev, new): (DeviceId, &NewSuccession)) -> devices::Device {
    devices::Device {
        dev,
        alg: new.key.alg,
        public_key: new.key.key.to_vec(),
        enrolled_at: app.now(),
        revoked_at: former.revoked_at.map(|_| app.now()),
        ..former
    }
}

fn not_a_device() -> ApiError {
    ApiError::forbidden("device")
}

fn too_many_successions() -> ApiError {
    ApiError::later(
        429,
        "too_many_successions",
        "Demasiados dispositivos siguieron a otros de esta persona; hable con la oficina.",
        "too many devices went on for others of this person; ask the office",
    )
}
