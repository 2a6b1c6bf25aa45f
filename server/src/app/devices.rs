//! Devices: an administrator issues a one-time code for a person, the device sends its public key with it and gets a
//! session of its own; an administrator, or the person, takes it out again.

use crate::{
    app::{
        App,
        codes::{self, IssuedCode, Purpose},
        second_factor,
        sessions::HOUR_MICROS,
    },
    auth::{self, Secret},
    error::ApiError,
    office::Office,
    principal::{Principal, find_principal},
    zone::instant,
};
use db::{
    Micros, Tx,
    devices::{self, DeviceKind, DeviceState},
    former::Succession,
    users,
};
use domain::access::{Permission, Role, Target};
use domain::ids::{OrgId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::{
    Bytes, DeviceId, PublicKey,
    exchange::StreamId,
    ingest::{Enrolment, EnrolmentRequest},
    signature::SignatureError,
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// Who asks for a code with which a device is enrolled.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCode {
    /// The person whose device it will be.
    pub(crate) user: Uuid,
    /// `phone`, or `import` for a tool that brings audits of others in.
    pub(crate) kind: EnrolledKind,
}

/// What is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrolledKind {
    /// A phone, or the terminal as one.
    Phone,
    /// An importer, exempt from quotas and clock flags.
    Import,
}

impl EnrolledKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Phone, Self::Import];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        self.purpose().as_str()
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Phone => Purpose::Phone,
            Self::Import => Purpose::Import,
        }
    }

    fn kind(self) -> DeviceKind {
        match self {
            Self::Phone => DeviceKind::Phone,
            Self::Import => DeviceKind::Import,
        }
    }
}

/// A device that wants in: `sync_core::ingest::EnrolmentRequest`, with a name for people.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDevice {
    /// The one-time code.
    #[schema(value_type = String, write_only)]
    pub(crate) code: Secret,
    /// The device's public key: 32 bytes of Ed25519, or 65 of P-256 (SEC1, uncompressed).
    #[schema(value_type = PublicKeyBody)]
    pub(crate) key: PublicKey,
    /// What it is; the code must have been issued for that.
    pub(crate) kind: EnrolledKind,
    /// Its signature over `"veedor-enrol-1" || dev || code`, as `x:` and hexadecimal: the proof that it holds the key.
    #[schema(value_type = String)]
    pub(crate) sig: Bytes,
    /// What people call it; its kind where it is left out.
    #[serde(default)]
    #[validate(length(min = 1, max = 100))]
    pub(crate) name: Option<String>,
    /// The device of the same person whose key was lost and whose work this one goes on with, hexadecimal.
    #[serde(default)]
    pub(crate) former: Option<String>,
}

pub(super) fn bad_proof(error: SignatureError) -> ApiError {
    match error {
        SignatureError::BadKey => ApiError::field(
            "/key",
            "bad_public_key",
            "No es una clave pública de ese algoritmo.",
            "not a public key of this algorithm",
        ),
        SignatureError::BadSignature => ApiError::field(
            "/sig",
            "bad_proof",
            "La firma no prueba que el dispositivo tenga la clave.",
            "the signature does not prove that the device holds the key",
        ),
    }
}

impl NewDevice {
    fn former(&self) -> Result<Option<DeviceId>, ApiError> {
        self.former.as_ref().map(|it| it.parse().map_err(|_| unknown_former())).transpose()
    }

    /// Checks key and proof.
    ///
    /// # Errors
    /// `bad_public_key` (422) for a key that is none of its algorithm, `bad_proof` (422) for a signature that does not
    /// hold.
    pub(crate) fn check(&self) -> Result<DeviceId, ApiError> {
        let request = EnrolmentRequest {
            code: self.code.expose_secret().to_owned(),
            key: self.key.clone(),
            kind: self.kind.purpose().as_str().to_owned(),
            sig: self.sig.clone(),
            former: None,
        };
        request.check().map_err(bad_proof)
    }
}

/// A public key in messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublicKeyBody {
    /// 1 = ES256, 2 = Ed25519.
    alg: u8,
    /// `x:` and hexadecimal.
    key: String,
}

/// What a device needs from then on: `sync_core::ingest::Enrolment`, with what people want to see beside it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnrolledDevice {
    /// The device's id: the first 16 bytes of the SHA-256 of its public key, hexadecimal.
    pub(crate) dev: String,
    /// When the token ends, RFC 3339.
    pub(crate) expires_at: String,
    #[serde(flatten)]
    #[schema(value_type = EnrolmentBody)]
    pub(crate) enrolment: Enrolment,
}

/// `sync_core::ingest::Enrolment` in messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnrolmentBody {
    /// The organization.
    org: Uuid,
    /// The person that the device works for.
    user: Uuid,
    /// The server's epoch.
    epoch: u64,
    /// The key with which the server signs receipts and its own ops.
    server_key: PublicKeyBody,
    /// The device's bearer token, told once.
    token: String,
    /// The streams to read: `u/<user>`, `ref/<organization>`.
    streams: Vec<String>,
    /// The point of P-256 that rescue files are sealed for.
    rescue_key: PublicKeyBody,
}

/// A device as people see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Device {
    /// Its id, hexadecimal.
    pub(crate) dev: String,
    /// Whose it is; absent for the server's own.
    pub(crate) user: Option<Uuid>,
    /// `phone`, `import` or `server`.
    pub(crate) kind: String,
    /// What people call it.
    pub(crate) name: String,
    /// `active` or `revoked`.
    pub(crate) state: String,
    /// When it was enrolled, RFC 3339; none for one that never was: another device brought its log after a restore.
    pub(crate) enrolled_at: Option<String>,
    /// When it was taken out, RFC 3339.
    pub(crate) revoked_at: Option<String>,
    /// How many ops of its log are here.
    pub(crate) ops: u64,
    /// Whether its log showed two ends, or it was gone on for: it was copied, set back, or lost its key.
    pub(crate) forked: bool,
    /// The device that it goes on for, hexadecimal.
    pub(crate) former: Option<String>,
    /// Runs that are kept beside its log and are part of no visit (`/api/v1/devices/{dev}/beside`).
    pub(crate) runs_beside: u64,
    /// What it last said of itself; none before it first synchronised.
    pub(crate) report: Option<DeviceReport>,
}

/// What a device said of itself when it last synchronised, and how much it sends.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceReport {
    /// When that was, to a quarter of an hour, RFC 3339.
    pub(crate) seen_at: String,
    /// How far its clock was ahead of the server's, in seconds; negative behind.
    pub(crate) clock_ahead_seconds: i64,
    /// Ops that it had not sent.
    pub(crate) pending_ops: u64,
    /// Photos and other evidence that it had not sent.
    pub(crate) pending_blobs: u64,
    /// Bytes of those.
    pub(crate) pending_bytes: u64,
    /// When it last sent more answers in a day than a phone is expected to, RFC 3339; they were taken all the same.
    pub(crate) over_quota_at: Option<String>,
}

impl DeviceReport {
    fn of(report: &db::reports::DeviceReport) -> Self {
        let wall_ms = i64::try_from(report.wall_ms).unwrap_or(i64::MAX);
        let ahead_ms = wall_ms.saturating_sub(report.seen_at.0.div_euclid(1_000));
        Self {
            seen_at: instant(report.seen_at),
            clock_ahead_seconds: ahead_ms.div_euclid(1_000),
            pending_ops: report.pending_ops,
            pending_blobs: report.pending_blobs,
            pending_bytes: report.pending_bytes,
            over_quota_at: report.over_quota_at.map(instant),
        }
    }
}

/// Issues a code for a person who does field work.
///
/// # Errors
/// `not_an_auditor` (422) for a person without that role: a device would get nothing to do.
pub(crate) fn issue_code(
    tx: &mut Tx<'_>,
    office: &mut Office,
    new: &NewCode,
) -> Result<IssuedCode, ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    second_factor::require_fresh(tx, office)?;
    let user = UserId(new.user);
    let person = users::find(tx, office.org(), user)?.filter(|it| it.active);
    if person.is_none() {
        return Err(ApiError::not_found("la persona", "the person"));
    }
    let roles = users::list_roles(tx, office.org(), user)?;
    if !roles.iter().any(|it| it.role == Role::Auditor) {
        return Err(ApiError::field(
            "/user",
            "not_an_auditor",
            "La persona no tiene el rol de auditora; désele primero.",
            "the person does not have the role of an auditor; give it first",
        ));
    }
    codes::issue(tx, office, user, new.kind.purpose())
}

/// Issues a code for the person of a login, as the operator asks for it.
///
/// # Errors
/// `not_found` (404) for a login that nobody has, `not_an_auditor` (422) as for any code.
pub fn issue_code_by_login(
    tx: &mut Tx<'_>,
    office: &mut Office,
    login: &str,
    kind: EnrolledKind,
) -> Result<IssuedCode, ApiError> {
    let user = users::find_by_login(tx, office.org(), login)?
        .ok_or_else(|| ApiError::not_found("la persona", "the person"))?;
    issue_code(tx, office, &NewCode { user: user.user_id.0, kind })
}

/// Enrols a device and opens its session. A device that comes again with a new code of the same person gets a new
/// session in place of the old one.
///
/// # Errors
/// `code_not_valid` (401), `device_known` (409) for a device of somebody else or one that was taken out.
pub(crate) fn enrol(tx: &mut Tx<'_>, app: &App, new: &NewDevice) -> Result<EnrolledDevice, ApiError> {
    let now = app.now();
    let (org, user) = codes::take_anywhere(tx, &new.code, new.kind.purpose(), now)?;
    let dev = new.key.device();
    match devices::find(tx, org, dev)? {
        None => devices::append(tx, org, &device(new, user, now))?,
        // Whoever brought its log said whose it is; who has its key and a code knows.
        Some(known) if !known.is_enrolled() && known.state == DeviceState::Active => {
            devices::enrol_known(tx, org, &device(new, user, now))?;
        }
        Some(known) if known.user_id == Some(user) && known.state == DeviceState::Active => {
            db::sessions::revoke_all_of_device(tx, org, dev, now)?;
        }
        Some(_) => return Err(device_known()),
    }
    let mut office = open_session(tx, app, (org, user), dev)?;
    if let Some(former) = new.former()? {
        match devices::find(tx, org, former)? {
            Some(known) if known.user_id == Some(user) && former != dev => {
                succeed(tx, &office.0, (former, dev), false)?;
            }
            Some(_) => return Err(unknown_former()),
            // An office made from a copy may never have known it; whoever has a code is let in all the same.
            None => {}
        }
    }
    let detail = json!({"user": user, "name": new.name, "kind": new.kind, "former": new.former});
    office.0.record("device_enrolled", "device", dev, &detail)?;
    enrolled(tx, office, (org, user), dev)
}

fn unknown_former() -> ApiError {
    ApiError::field(
        "/former",
        "unknown_former",
        "No es otro dispositivo de la misma persona.",
        "not another device of the same person",
    )
}

pub(super) fn device_known() -> ApiError {
    ApiError::conflict(
        "device_known",
        "Ese dispositivo es de otra persona o fue retirado; una instalación nueva usa una clave nueva.",
        "this device is somebody else's or was taken out; a new installation takes a new key",
    )
}

/// Notes who goes on for whom, and that the former log showed two ends.
pub(super) fn succeed(
    tx: &mut Tx<'_>,
    office: &Office,
    (former, dev): (DeviceId, DeviceId),
    proven: bool,
) -> Result<(), ApiError> {
    let (org, at) = (office.org(), office.now());
    db::former::append_succession(tx, org, &Succession { dev, former, proven, at })?;
    let head = devices::lock_head(tx, org, former)?.unwrap_or_default();
    devices::set_head(tx, org, former, &devices::StoredHead { forked: true, ..head })?;
    Ok(())
}

/// Opens a device's session: the office in its name, its token and when that ends.
pub(super) fn open_session(
    tx: &mut Tx<'_>,
    app: &App,
    (org, user): (OrgId, UserId),
    dev: DeviceId,
) -> Result<(Office, SecretString, Micros), ApiError> {
    let (token, expires_at) = append_session(tx, app, (org, user), (dev, None))?;
    let office = Office::of_principal(app, find_principal(tx, token.expose_secret(), app.now())?);
    Ok((office, token, expires_at))
}

/// A session of a device, perhaps one that opens nothing any more: its token, and when that ends.
pub(super) fn append_session(
    tx: &mut Tx<'_>,
    app: &App,
    (org, user): (OrgId, UserId),
    (dev, revoked_at): (DeviceId, Option<Micros>),
) -> Result<(SecretString, Micros), ApiError> {
    let now = app.now();
    let (token, token_hash) = auth::new_token(&app.environment);
    let lasts = i64::from(app.config.device_days).saturating_mul(24 * HOUR_MICROS);
    let expires_at = Micros(now.0.saturating_add(lasts));
    let session = db::sessions::Session {
        token_hash,
        user_id: user,
        dev: Some(dev),
        created_at: now,
        expires_at,
        revoked_at,
        awaits_factor: false,
        proved_at: None,
    };
    db::sessions::append(tx, org, &session)?;
    Ok((token, expires_at))
}

/// What the device is told.
pub(super) fn enrolled(
    tx: &mut Tx<'_>,
    (office, token, expires_at): (Office, SecretString, Micros),
    (org, user): (OrgId, UserId),
    dev: DeviceId,
) -> Result<EnrolledDevice, ApiError> {
    office.close(tx)?;
    let server_key = db::organizations::find_server_key(tx, org)?
        .ok_or_else(|| ApiError::internal("the organization has no key of the server"))?;
    let enrolment = Enrolment {
        org: org.0,
        user: user.0,
        epoch: crate::exchange::epoch(tx)?,
        server_key: PublicKey { alg: server_key.alg, key: Bytes::from(server_key.public_key) },
        token: token.expose_secret().to_owned(),
        streams: vec![StreamId::User(user.0), StreamId::Reference(org.0)],
        rescue_key: Some(super::rescue::key_of(tx, org)?),
    };
    Ok(EnrolledDevice { dev: dev.to_string(), expires_at: instant(expires_at), enrolment })
}

fn device(new: &NewDevice, user: UserId, now: Micros) -> devices::Device {
    devices::Device {
        dev: new.key.device(),
        user_id: Some(user),
        kind: new.kind.kind(),
        alg: new.key.alg,
        public_key: new.key.key.to_vec(),
        name: new.name.clone().unwrap_or_else(|| new.kind.purpose().as_str().to_owned()),
        state: DeviceState::Active,
        enrolled_at: now,
        revoked_at: None,
    }
}

/// The device that a text names.
///
/// # Errors
/// `wrong_shape` (422).
pub(crate) fn of_text(text: &str) -> Result<DeviceId, ApiError> {
    text.parse().map_err(|_| {
        let es = "«dev» debe ser un dispositivo: 32 cifras hexadecimales.";
        ApiError::field("/dev", "wrong_shape", es, "'dev' must be a device: 32 hexadecimal digits")
    })
}

/// The devices of the organization, or of one person; one's own without any right.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    user: Option<UserId>,
    (after, limit): (Option<DeviceId>, u32),
) -> Result<db::Page<Device, DeviceId>, ApiError> {
    if user != Some(principal.user) {
        principal.require(Permission::ManageUsers, &Target::Organization)?;
    }
    let page = devices::list(tx, principal.org, user, after, limit)?;
    let items = page.items.into_iter().map(|it| show(tx, principal.org, it)).collect::<Result<_, _>>()?;
    Ok(db::Page { items, next: page.next })
}

fn show(tx: &mut Tx<'_>, org: OrgId, device: devices::Device) -> Result<Device, ApiError> {
    let head = devices::find_head(tx, org, device.dev)?.unwrap_or_default();
    let former = db::former::find_succession(tx, org, device.dev)?;
    let report = db::reports::find(tx, org, device.dev)?;
    let enrolled_at = device.is_enrolled().then(|| instant(device.enrolled_at));
    Ok(Device {
        dev: device.dev.to_string(),
        user: device.user_id.map(|it| it.0),
        kind: device.kind.as_str().to_owned(),
        name: device.name,
        state: device.state.as_str().to_owned(),
        enrolled_at,
        revoked_at: device.revoked_at.map(instant),
        ops: head.head.head.dseq,
        forked: head.forked,
        former: former.map(|it| it.former.to_string()),
        runs_beside: db::former::count_runs(tx, org, device.dev)?,
        report: report.as_ref().map(DeviceReport::of),
    })
}

/// Takes a device out: its token ends at once; what it sent stays. Taking it out again changes nothing.
pub(crate) fn revoke(tx: &mut Tx<'_>, office: &mut Office, dev: DeviceId) -> Result<Device, ApiError> {
    let org = office.org();
    let unknown = || ApiError::not_found("el dispositivo", "the device");
    let device =
        devices::find(tx, org, dev)?.filter(|it| it.kind != DeviceKind::Server).ok_or_else(unknown)?;
    if device.user_id.is_none() || device.user_id != office.user() {
        office.require(Permission::ManageUsers, &Target::Organization)?;
    }
    if devices::revoke(tx, org, dev, office.now())? {
        db::sessions::revoke_all_of_device(tx, org, dev, office.now())?;
        office.record(
            "device_revoked",
            "device",
            dev,
            &json!({"user": device.user_id, "name": device.name}),
        )?;
    }
    let device = devices::find(tx, org, dev)?.ok_or_else(unknown)?;
    show(tx, org, device)
}
