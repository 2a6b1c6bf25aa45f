//! Reports of incidents: taken in whatever state the device is in, seen by custodians alone, each look with its reason in a log of
//! custody. Owns who may hand in and who may see what; the words are sealed to a key whose secret is not here, where there is one.

use crate::{
    app::{App, reading::check_text, sessions::HOUR_MICROS},
    auth,
    error::ApiError,
    exchange::feed,
    office::Office,
    principal::session_unknown,
    zone::instant,
};
use db::{
    Micros, Tx, devices,
    incidents::{self, CustodyEntry, Incident, IncidentKey},
};
use domain::{
    access::{Permission, Target},
    ids::{IncidentId, OrgId, UserId},
    incident::{IncidentState, Report},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use sync_core::{
    Bytes, DeviceId, Hash, PublicKey,
    exchange::{RefRow, StreamId},
    incident::{IncidentRequest, MAX_BODY_BYTES, key_id},
    reference::{CURRENT, INCIDENT_KEY, IncidentKeyRow},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// Most reports of a person in a day: more than anybody writes, and no way to fill the disk.
const DAY_REPORTS: u64 = 200;

/// A report that is handed in: `sync_core::incident::IncidentRequest`.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIncident {
    /// Its id, a UUIDv7 of the phone.
    pub(crate) id: Uuid,
    /// The device that it was written on, hexadecimal; another one hands it in where the first was renewed.
    #[schema(value_type = String)]
    pub(crate) dev: DeviceId,
    /// The key that it is sealed to, hexadecimal; left out where it is as it was written.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) key: Option<Hash>,
    /// The sealed bytes as `x:` and hexadecimal, or `t:` and the report's canonical JSON.
    #[schema(value_type = String)]
    pub(crate) body: Bytes,
    /// The signature of the device whose session it is over `"veedor-incident-1" || org || session's device || id || dev || key ||
    /// SHA-256(body)`, as `x:` and hexadecimal; zero for a key that is not there.
    #[schema(value_type = String)]
    pub(crate) sig: Bytes,
}

/// That a report is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReceivedIncident {
    /// The report.
    id: Uuid,
    /// When it first came, RFC 3339.
    received_at: String,
}

/// A report as lists show it: nothing of what it says, and not whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct IncidentSummary {
    /// The report.
    id: Uuid,
    /// When it came, RFC 3339.
    received_at: String,
    /// `received`, `in_hand` or `closed`.
    #[schema(value_type = String)]
    state: IncidentState,
    /// The key that it is sealed to, hexadecimal; absent where it is as it was written.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Hash>,
}

/// A report opened: sealed still, or in its author's words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenedIncident {
    #[serde(flatten)]
    summary: IncidentSummary,
    /// The organization, which the seal is bound to.
    organization: Uuid,
    /// The device that it was written on, which the seal is bound to, hexadecimal.
    dev: String,
    /// Who reported it.
    user: Uuid,
    /// The sealed bytes, hexadecimal; the custodian opens them, where the secret is.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    /// The report, where it came unsealed.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Box<RawValue>>,
}

/// Why somebody looks.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhyOpened {
    /// In their words; it stays in the log of custody.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// How far it is handled now.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handled {
    /// `in_hand` after `received`, `closed` after `in_hand`.
    #[schema(value_type = String)]
    pub(crate) state: IncidentState,
    /// What is done about it; it stays in the log of custody.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) note: String,
}

/// Who saw or did what of a report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CustodyLine {
    /// When, RFC 3339.
    at: String,
    /// Who: `user:` and their id, or what of the machine.
    actor: String,
    /// `received`, `listed`, `opened`, `in_hand`, `closed`.
    action: String,
    /// Why, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The device behind a session, whatever became of session, device and person since: what it hands in is proved by its signature.
pub(crate) struct Reporter {
    org: OrgId,
    user: UserId,
    dev: DeviceId,
    key: PublicKey,
    /// Whether the session still opens anything else.
    pub(crate) is_at_work: bool,
}

impl Reporter {
    /// The device of a token.
    ///
    /// # Errors
    /// `session_unknown` (401) for a token that was never one, `forbidden` (403) for a person's session.
    pub(crate) fn find(tx: &mut Tx<'_>, token: &str, now: Micros) -> Result<Self, ApiError> {
        let found = db::sessions::find_by_token(tx, auth::token_hash(token))?;
        let (org, session) = found.ok_or_else(session_unknown)?;
        let dev = session.dev.ok_or_else(|| ApiError::forbidden("device"))?;
        let device = devices::find(tx, org, dev)?.filter(|it| it.user_id == Some(session.user_id));
        let device = device.ok_or_else(session_unknown)?;
        let key = PublicKey { alg: device.alg, key: Bytes::from(device.public_key) };
        let is_at_work = session.revoked_at.is_none() && session.expires_at > now;
        Ok(Self { org, user: session.user_id, dev, key, is_at_work })
    }

    /// The device whose reports the operator brings by hand; none for one that was never enrolled here, whose word nobody vouches for.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn of_file(tx: &mut Tx<'_>, org: OrgId, dev: DeviceId) -> Result<Option<Self>, ApiError> {
        let device = devices::find(tx, org, dev)?.filter(devices::Device::is_enrolled);
        Ok(device.and_then(|it| {
            let key = PublicKey { alg: it.alg, key: Bytes::from(it.public_key) };
            Some(Self { org, user: it.user_id?, dev, key, is_at_work: false })
        }))
    }
}

/// Stores a report; the same again is answered the same.
///
/// # Errors
/// `bad_proof`, `incident_too_large`, `invalid_incident` (422), `incident_differs` (409) for another one under an id that is there,
/// `too_many_incidents` (429).
pub(crate) fn hand_in(
    tx: &mut Tx<'_>,
    app: &App,
    reporter: &Reporter,
    new: &NewIncident,
) -> Result<ReceivedIncident, ApiError> {
    let (org, id) = (reporter.org, IncidentId(new.id));
    check(reporter, new)?;
    tx.lock(org, &format!("incident {id}"))?;
    if let Some(known) = incidents::find(tx, org, id)? {
        let is_same = (known.user_id, known.author_dev, known.key_id) == (reporter.user, new.dev, new.key)
            && *known.body == *new.body;
        return if is_same { Ok(received(&known)) } else { Err(differs()) };
    }
    let now = app.now();
    let since = Micros(now.0.saturating_sub(24 * HOUR_MICROS));
    if incidents::count_since(tx, org, reporter.user, since)? >= DAY_REPORTS {
        return Err(too_many());
    }
    let incident = Incident {
        incident_id: id,
        user_id: reporter.user,
        dev: reporter.dev,
        author_dev: new.dev,
        key_id: new.key,
        body: new.body.to_vec(),
        sig: new.sig.to_vec(),
        received_at: now,
        state: IncidentState::Received,
    };
    incidents::append(tx, org, &incident)?;
    // Whoever reads the audit log learns that there is one, and not whose.
    let mut office = Office::of_system(app, "incident_lane", org);
    note(tx, &mut office, &[id], ("received", "incident_received"), None)?;
    office.close(tx)?;
    Ok(received(&incident))
}

/// The signature, the size, and of a report that is not sealed what it says.
fn check(reporter: &Reporter, new: &NewIncident) -> Result<(), ApiError> {
    let NewIncident { id, dev, key, body, sig } = new.clone();
    if body.len() > MAX_BODY_BYTES {
        return Err(ApiError::field(
            "/body",
            "incident_too_large",
            format!("El aviso pasa de {MAX_BODY_BYTES} bytes."),
            format!("the report is larger than {MAX_BODY_BYTES} bytes"),
        ));
    }
    let request = IncidentRequest { id, dev, key, body, sig };
    let signed = request.signed_bytes(&reporter.org.0, &reporter.dev);
    reporter.key.verify(&signed, &request.sig).map_err(super::devices::bad_proof)?;
    if id.get_version_num() != 7 {
        let (es, en) = ("Debe ser un UUIDv7.", "must be a UUIDv7");
        return Err(ApiError::field("/id", "not_uuid_v7", es, en));
    }
    if key.is_none() && Report::parse(&request.body)?.id.0 != id {
        let (es, en) = ("El aviso es otro que el que dice ser.", "the report is another than it says to be");
        return Err(ApiError::field("/id", "invalid_incident", es, en));
    }
    Ok(())
}

fn received(it: &Incident) -> ReceivedIncident {
    ReceivedIncident { id: it.incident_id.0, received_at: instant(it.received_at) }
}

fn differs() -> ApiError {
    ApiError::taken(
        "/id",
        "incident_differs",
        "Con ese identificador ya llegó otro aviso.",
        "another report came under this id",
    )
}

fn too_many() -> ApiError {
    ApiError::later(
        429,
        "too_many_incidents",
        "Demasiados avisos de esta persona en un día; llame a la oficina.",
        "too many reports of this person in a day; call the office",
    )
    .retry_after(600)
}

/// Notes in the log of custody, and without the reason in the audit log, who did what.
fn note(
    tx: &mut Tx<'_>,
    office: &mut Office,
    ids: &[IncidentId],
    (action, recorded): (&str, &'static str),
    reason: Option<&str>,
) -> Result<(), ApiError> {
    let entry = |id: &IncidentId| CustodyEntry {
        entry_id: office.new_id(),
        incident_id: *id,
        at: office.now(),
        actor: office.actor(),
        action: action.to_owned(),
        reason: reason.map(str::to_owned),
    };
    let entries: Vec<CustodyEntry> = ids.iter().map(entry).collect();
    incidents::append_custody(tx, office.org(), &entries)?;
    match ids {
        [id] => office.record(recorded, "incident", id, &json!({})),
        ids => office.record(recorded, "incidents", ids.len(), &json!({ "incidents": ids })),
    }
}

fn require(office: &Office) -> Result<(), ApiError> {
    office.require(Permission::HandleIncidents, &Target::Organization)
}

fn find(tx: &mut Tx<'_>, office: &Office, id: IncidentId) -> Result<Incident, ApiError> {
    let found = incidents::find(tx, office.org(), id)?;
    found.ok_or_else(|| ApiError::not_found("el aviso", "the report"))
}

fn summary(it: &Incident) -> IncidentSummary {
    IncidentSummary {
        id: it.incident_id.0,
        received_at: instant(it.received_at),
        state: it.state,
        key: it.key_id,
    }
}

/// The reports of the organization, or those in one state; each that is shown has it in its log of custody.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn list(
    tx: &mut Tx<'_>,
    office: &mut Office,
    state: Option<IncidentState>,
    (after, limit): (Option<IncidentId>, u32),
) -> Result<db::Page<IncidentSummary, IncidentId>, ApiError> {
    require(office)?;
    let page = incidents::list(tx, office.org(), state, after, limit)?;
    let ids: Vec<IncidentId> = page.items.iter().map(|it| it.incident_id).collect();
    note(tx, office, &ids, ("listed", "incidents_listed"), None)?;
    Ok(db::Page { items: page.items.iter().map(summary).collect(), next: page.next })
}

/// One report whole, for a reason.
///
/// # Errors
/// `forbidden` (403), `not_found` (404).
pub(crate) fn open(
    tx: &mut Tx<'_>,
    office: &mut Office,
    id: IncidentId,
    why: &WhyOpened,
) -> Result<OpenedIncident, ApiError> {
    require(office)?;
    let found = find(tx, office, id)?;
    note(tx, office, &[id], ("opened", "incident_opened"), Some(&why.reason))?;
    // Kept for nobody who asks twice with one key.
    office.reply_is_secret();
    let text = || String::from_utf8(found.body.clone()).map_err(ApiError::internal);
    let report = match found.key_id {
        None => Some(RawValue::from_string(text()?).map_err(ApiError::internal)?),
        Some(_) => None,
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|it| format!("{it:02x}")).collect::<String>();
    Ok(OpenedIncident {
        summary: summary(&found),
        organization: office.org().0,
        dev: found.author_dev.to_string(),
        user: found.user_id.0,
        sealed: found.key_id.map(|_| hex(&found.body)),
        report,
    })
}

/// Takes a report in hand, or closes it.
///
/// # Errors
/// `forbidden` (403), `not_found` (404), `not_now` (409) from another state.
pub(crate) fn handle(
    tx: &mut Tx<'_>,
    office: &mut Office,
    id: IncidentId,
    handled: &Handled,
) -> Result<IncidentSummary, ApiError> {
    require(office)?;
    let mut found = find(tx, office, id)?;
    let (from, to) = (found.state, handled.state);
    if !from.may_become(to) {
        return Err(ApiError::conflict(
            "not_now",
            format!("El aviso está «{}» y no puede pasar a «{}».", from.label().es, to.label().es),
            format!("the report is '{from}' and cannot become '{to}'"),
        ));
    }
    incidents::set_state(tx, office.org(), id, (from, to))?;
    note(tx, office, &[id], (to.as_str(), "incident_handled"), Some(&handled.note))?;
    found.state = to;
    Ok(summary(&found))
}

/// Who saw or did what of a report, oldest first.
///
/// # Errors
/// `forbidden` (403), `not_found` (404).
pub(crate) fn custody(
    tx: &mut Tx<'_>,
    office: &mut Office,
    id: IncidentId,
    (after, limit): (Option<Uuid>, u32),
) -> Result<db::Page<CustodyLine, Uuid>, ApiError> {
    require(office)?;
    find(tx, office, id)?;
    office.record("incident_custody_read", "incident", id, &json!({}))?;
    let page = incidents::list_custody(tx, office.org(), id, after, limit)?;
    let line = |it: CustodyEntry| CustodyLine {
        at: instant(it.at),
        actor: it.actor,
        action: it.action,
        reason: it.reason,
    };
    Ok(db::Page { items: page.items.into_iter().map(line).collect(), next: page.next })
}

/// Sets the key that reports are sealed to from now on, and tells phones. For the operator.
///
/// # Errors
/// `already_exists` (409) for a key that the organization had before.
pub fn set_key(app: &App, org: OrgId, public: [u8; 32]) -> Result<Hash, ApiError> {
    let id = key_id(&public);
    app.act_as("operator", org, move |tx, office| {
        let now = office.now();
        let key = IncidentKey { key_id: id, public_key: public.to_vec(), created_at: now, retired_at: None };
        incidents::set_key(tx, org, &key)?;
        let json = serde_json::to_vec(&IncidentKeyRow { key: Bytes::from(public.as_slice()) });
        let json = Bytes::from(json.map_err(ApiError::internal)?);
        let row = RefRow { kind: INCIDENT_KEY.to_owned(), id: CURRENT.to_owned(), json: Some(json) };
        feed::publish_ref_row(tx, org, StreamId::Reference(org.0), &row, now)?;
        office.record("incident_key_set", "incident_key", id, &json!({}))?;
        Ok(id)
    })
}
