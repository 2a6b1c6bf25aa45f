//! Reports of incidents: read by the office where they come unsealed, opened by custodians where they are sealed.

use domain::incident::Report;
use sync_core::{
    DeviceId,
    incident::{IncidentRequest, SealedFor, key_pair},
};
use uuid::Uuid;

/// What is read as a report keeps its limits and is written as it was read; nobody without the public key makes anything that opens.
pub fn incident(bytes: &[u8]) {
    if let Ok(report) = Report::parse(bytes) {
        assert_eq!(report.check(), Ok(()));
        assert_eq!(Report::parse(report.to_json().as_bytes()).as_ref(), Ok(&report));
    }
    if let Ok(request) = serde_json::from_slice::<IncidentRequest>(bytes) {
        let again = serde_json::to_vec(&request).expect("a request can be written");
        assert_eq!(serde_json::from_slice::<IncidentRequest>(&again).ok(), Some(request));
    }
    let of = SealedFor { org: Uuid::nil(), id: Uuid::nil(), dev: DeviceId::default() };
    assert!(of.open(&key_pair(&[7; 32]).0, bytes).is_err(), "it opens");
}
