//! Reporting an incident, and which reports still wait: never a word of any.

use device::{Device, DeviceError, IncidentEntry};
use domain::{
    Problem,
    ids::{AuditId, IncidentId},
    incident::Report,
    visit_facts::{Position, PositionSource},
};
use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::phone;

/// What somebody reports.
pub(crate) struct Said<'a> {
    pub(crate) id: Uuid,
    pub(crate) kind: &'a str,
    pub(crate) left: bool,
    pub(crate) text: &'a str,
    pub(crate) zone: &'a str,
    pub(crate) position: Option<&'a phone::Position>,
    pub(crate) visit: Option<Uuid>,
}

/// A report that was made on this phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IncidentCard {
    /// Its id.
    pub id: String,
    /// When it was written, milliseconds since 1970.
    pub at_ms: u64,
    /// Whether it is sealed, so that not even this phone can read it.
    pub sealed: bool,
    /// `waiting`, `sent` or `refused`; a refused one is offered again.
    pub state: String,
}

/// The reports of this phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Incidents {
    /// Newest first.
    pub incidents: Vec<IncidentCard>,
}

/// Fills the reports.
///
/// - **Errors**: storage.
pub(crate) fn fill(device: &Device) -> Result<Incidents, DeviceError> {
    Ok(Incidents { incidents: device.incidents()?.iter().map(card).collect() })
}

fn card(it: &IncidentEntry) -> IncidentCard {
    IncidentCard { id: it.id.to_string(), at_ms: it.at_ms, sealed: it.sealed, state: it.state.to_owned() }
}

/// Keeps a report.
///
/// - **Errors**: `malformed`, `invalid_incident`, `not_enrolled`; storage.
pub(crate) fn report(
    device: &mut Device,
    said: &Said<'_>,
    seed: [u8; 32],
    now_ms: u64,
) -> Result<(), DeviceError> {
    let kind = said.kind.parse();
    let kind =
        kind.map_err(|error| Problem::invalid("malformed", "no such kind of incident", vec![error]))?;
    // The visit is told as far as the phone knows it; a report never fails for it.
    let pin = said.visit.and_then(|it| device.view(it).ok()).and_then(|it| it.pin);
    let position = said.position.map(|it| Position {
        source: PositionSource::Live,
        lat_e7: it.lat_e7,
        lon_e7: it.lon_e7,
        accuracy_mm: it.accuracy_mm,
        at_ms: it.at_ms,
        mocked: None,
    });
    let report = Report {
        id: IncidentId(said.id),
        kind,
        left: said.left,
        text: said.text.to_owned(),
        at_ms: now_ms,
        zone: said.zone.to_owned(),
        position,
        visit: said.visit.map(AuditId),
        assignment: pin.as_ref().and_then(|it| it.assignment).map(Into::into),
        branch: pin.as_ref().map(|it| it.branch.into()),
    };
    device.report(&report, seed).map(drop)
}
