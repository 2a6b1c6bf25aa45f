//! Devices of the command line: where their stores lie and how they reach the server. Owns the transport.

use crate::{
    client::{Client, Traffic, wait_before_retry},
    import::run::now_ms,
    incidents,
};
use device::{Device, Outcome, Sync, Transport, TransportError};
use domain::Problem;
use serde_json::json;
use server::environment::Environment;
use sync_core::{exchange::ClockReading, ingest::Enrolment, session::RecoverCause};

/// HTTP under a session.
struct Http<'a> {
    client: &'a Client,
    traffic: &'a mut Traffic,
}

impl Transport for Http<'_> {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        match self.client.exchange(request, self.traffic) {
            Ok((_, body)) => Ok(body),
            Err(error) => Err(TransportError(error.to_string())),
        }
    }
}

/// Hands in reports of incidents, each by itself, and then synchronises a device until both sides have nothing more; waits and tries again while that can help, so many times.
///
/// # Errors
/// What stopped it, as a problem for people. Everything stays in the device's store.
pub(crate) fn sync_until_done(
    device: &mut Device,
    client: &Client,
    environment: &Environment,
    traffic: &mut Traffic,
    attempts: u32,
) -> Result<(), Problem> {
    let (mut attempt, mut renewed) = (0, false);
    loop {
        let client = match device.enrolment()? {
            Some(enrolment) => client.with_token(&enrolment.token),
            None => client.clone(),
        };
        if let Some(request) = device.succession()? {
            let body = json!({ "key": request.key, "sig": request.sig, "former_sig": request.former_sig });
            let enrolment: Enrolment = client.post("/api/v1/devices/succession", &body)?;
            device.enrolled(&enrolment)?;
            continue;
        }
        // First and alone; what is in their way is in the way of nothing else.
        incidents::hand_in(device, &client, traffic)?;
        let clock = ClockReading { wall_ms: now_ms(environment), mono_ms: None, boot: None };
        let jitter = u32::from_be_bytes(environment.bytes());
        let mut sync = Sync::new(device)?;
        let outcome = sync.run(device, &mut Http { client: &client, traffic }, clock, jitter)?;
        // The folder was copied or set back: it goes on as a new device and says again what it had not sent.
        if let Outcome::Recover(cause @ (RecoverCause::Fork | RecoverCause::ForkBeforeAcked)) = outcome
            && !renewed
        {
            device.renew(cause, environment.bytes())?;
            renewed = true;
            continue;
        }
        let Some(mut problem) = Sync::problem(&outcome) else { return Ok(()) };
        attempt += 1;
        if !Sync::is_temporary(&outcome) || !wait_before_retry(attempt, attempts) {
            if let (Some(failure), Some(first)) = (sync.failure(), problem.errors.first_mut()) {
                first.message_en = format!("{} ({})", first.message_en, failure.0);
            }
            return Err(problem);
        }
    }
}

/// A folder name for a person's or group's name: letters and digits stay, the rest becomes a dash, and what was lost is
/// kept apart by a short hash.
pub(crate) fn folder_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' })
        .collect();
    let hash = sync_core::Hash::of(name.as_bytes()).to_string();
    format!("{}-{}", plain.chars().take(40).collect::<String>(), hash.chars().take(8).collect::<String>())
}
