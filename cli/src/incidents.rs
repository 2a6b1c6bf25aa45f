//! Reports of incidents on the command line: the way of a device's to the server, and the file with the custodian's secrets. Owns the form
//! of that file; a secret goes from it to nowhere.

use crate::{
    client::{Client, ClientError, Traffic},
    commands::backup::private,
};
use device::{Device, IncidentAnswer, IncidentTransport, Incidents, TransportError};
use domain::Problem;
use serde::de::IgnoredAny;
use std::{
    io::{self, Write as _},
    path::Path,
};
use sync_core::{
    Hash,
    incident::{key_id, public_key},
};

/// Begins the line of a secret.
const SECRET: &str = "veedor-incident-secret-1 ";

/// HTTP under a session.
struct Http<'a> {
    client: &'a Client,
    traffic: &'a mut Traffic,
}

impl IncidentTransport for Http<'_> {
    fn hand_in(&mut self, request: &[u8]) -> IncidentAnswer {
        self.traffic.requests += 1;
        self.traffic.sent += u64::try_from(request.len()).unwrap_or(u64::MAX);
        match self.client.post_bytes::<IgnoredAny>("/api/v1/incidents", request) {
            Ok(_) => IncidentAnswer::Stored,
            Err(ClientError::Refused(problem)) => IncidentAnswer::Refused(problem.status, problem.code),
            Err(other) => IncidentAnswer::Unreachable(TransportError(other.to_string())),
        }
    }
}

/// Hands in what waits; what the server or the network does to that is told by what still waits.
///
/// # Errors
/// Those of the store.
pub(crate) fn hand_in(device: &mut Device, client: &Client, traffic: &mut Traffic) -> Result<(), Problem> {
    if device.status()?.pending_incidents > 0 {
        Incidents::new(device)?.run(device, &mut Http { client, traffic })?;
    }
    Ok(())
}

/// Writes a secret into a file of its own that only its owner can read.
///
/// # Errors
/// `file_not_written`, also where the file is there already.
pub(crate) fn write_secret(path: &Path, secret: &[u8; 32]) -> Result<(), Problem> {
    let written = private(path).and_then(|mut file| {
        writeln!(
            file,
            "# Opens reports of incidents (`veedor incident open --key`). Whoever has it reads them; without it nobody does.\n{SECRET}{}",
            Hash(*secret)
        )?;
        file.sync_all()
    });
    written.map_err(|error: io::Error| {
        Problem::single(
            400,
            "file_not_written",
            format!("No se puede escribir {}: {error}", path.display()),
            format!("cannot write {}: {error}", path.display()),
        )
    })
}

/// The secret of a key among those of some files.
///
/// # Errors
/// `unreadable_input`; `not_a_key` for a file without a secret; `key_missing` where none of them is this one's.
pub(crate) fn find_secret(files: &[impl AsRef<Path>], wanted: Hash) -> Result<[u8; 32], Problem> {
    for file in files {
        let path = file.as_ref();
        let text = crate::console::read_input(path)?;
        let lines: Vec<&str> = text.lines().filter_map(|it| it.strip_prefix(SECRET)).collect();
        if lines.is_empty() {
            return Err(not_a_key(path));
        }
        for line in lines {
            let Hash(secret) = line.trim().parse().map_err(|_| not_a_key(path))?;
            let public = public_key(&secret).map_err(|_| not_a_key(path))?;
            if key_id(&public) == wanted {
                return Ok(secret);
            }
        }
    }
    Err(Problem::single(
        404,
        "key_missing",
        format!("Ninguna de esas claves abre este aviso: está sellado con la clave {wanted}"),
        format!("none of these keys opens this report: it is sealed to the key {wanted}"),
    ))
}

fn not_a_key(path: &Path) -> Problem {
    Problem::single(
        400,
        "not_a_key",
        format!("{} no contiene una clave de incidentes", path.display()),
        format!("{} holds no incident key", path.display()),
    )
}
