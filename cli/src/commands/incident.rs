//! `veedor incident`: what a custodian does with reports of incidents. Sealed ones are opened here, with a secret that never leaves this
//! machine.

use crate::{
    client::Client,
    console, incidents,
    office::{Login, Office},
};
use clap::{Args, Subcommand};
use domain::{Problem, incident::Report};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;
use sync_core::{Bytes, DeviceId, Hash, incident::SealedFor};
use uuid::Uuid;

/// Handle reports of incidents
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// Where, and as whom.
#[derive(Debug, Args)]
struct At {
    /// Address of the server
    #[arg(long, value_name = "URL")]
    server: String,
    #[command(flatten)]
    login: Login,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List reports, without what they say; that they were listed stands in the log of custody
    List {
        #[command(flatten)]
        at: At,
        /// Only those that are `received`, `in_hand` or `closed`
        #[arg(long)]
        state: Option<String>,
    },
    /// Read a report, which is opened on this machine where it is sealed; the reason stands in the log of custody
    Open {
        #[command(flatten)]
        at: At,
        /// The report
        incident: Uuid,
        /// Why you read it
        #[arg(long)]
        reason: String,
        /// File with the secret that `veedor admin incident-key` wrote; may be repeated, for reports sealed to a former key
        #[arg(long, value_name = "FILE")]
        key: Vec<PathBuf>,
    },
    /// Take a report in hand
    Take {
        #[command(flatten)]
        at: At,
        /// The report
        incident: Uuid,
        /// What is being done about it
        #[arg(long)]
        note: String,
    },
    /// Close a report that is in hand
    Close {
        #[command(flatten)]
        at: At,
        /// The report
        incident: Uuid,
        /// What was done about it
        #[arg(long)]
        note: String,
    },
    /// Who saw or did what of a report, when and why
    Custody {
        #[command(flatten)]
        at: At,
        /// The report
        incident: Uuid,
    },
}

/// A report as the server opens it.
#[derive(Debug, Deserialize)]
struct Opened {
    id: Uuid,
    received_at: String,
    state: String,
    key: Option<Hash>,
    organization: Uuid,
    dev: DeviceId,
    user: Uuid,
    sealed: Option<String>,
    report: Option<Value>,
}

/// A report in plain words.
#[derive(Debug, Serialize)]
struct Read {
    id: Uuid,
    received_at: String,
    state: String,
    was_sealed: bool,
    /// Who reported it.
    user: Uuid,
    report: Report,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the server refuses; `key_missing`, `does_not_open` where it is sealed otherwise.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    match &arguments.action {
        Action::List { at, state } => {
            let query = state.as_ref().map(|it| format!("state={it}&")).unwrap_or_default();
            all(at, "/api/v1/incidents", &query)
        }
        Action::Open { at, incident, reason, key } => {
            let path = format!("/api/v1/incidents/{incident}/open");
            let opened: Opened = sign_in(at)?.client().post(&path, &json!({ "reason": reason }))?;
            console::print(&read(opened, key)?)
        }
        Action::Take { at, incident, note } => step(at, *incident, "in_hand", note),
        Action::Close { at, incident, note } => step(at, *incident, "closed", note),
        Action::Custody { at, incident } => all(at, &format!("/api/v1/incidents/{incident}/custody"), ""),
    }
}

fn sign_in(at: &At) -> Result<Office, Problem> {
    Office::sign_in(&Client::new(&at.server), &at.login)
}

fn all(at: &At, path: &str, query: &str) -> Result<(), Problem> {
    let office = sign_in(at)?;
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let next = after.map(|it: String| format!("after={it}")).unwrap_or_default();
        let page: Page = office.client().get(&format!("{path}?{query}{next}"))?;
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return console::print(&json!({ "items": items }));
        }
    }
}

fn step(at: &At, incident: Uuid, state: &str, note: &str) -> Result<(), Problem> {
    let path = format!("/api/v1/incidents/{incident}/state");
    let now: Value = sign_in(at)?.client().post(&path, &json!({ "state": state, "note": note }))?;
    console::print(&now)
}

fn read(opened: Opened, keys: &[PathBuf]) -> Result<Read, Problem> {
    let Opened { id, received_at, state, key, organization, dev, user, sealed, report } = opened;
    let json = match (key, sealed) {
        (Some(key), Some(sealed)) => {
            let sealed: Bytes =
                serde_json::from_value(json!(format!("x:{sealed}"))).map_err(|_| not_opened(id))?;
            let secret = incidents::find_secret(keys, key)?;
            let of = SealedFor { org: organization, id, dev };
            of.open(&secret, &sealed).map_err(|_| not_opened(id))?
        }
        _ => report.unwrap_or_default().to_string().into_bytes(),
    };
    let report = Report::parse(&json)?;
    if report.id.0 != id {
        return Err(not_opened(id));
    }
    Ok(Read { id, received_at, state, was_sealed: key.is_some(), user, report })
}

fn not_opened(id: Uuid) -> Problem {
    Problem::single(
        422,
        "does_not_open",
        format!("El aviso {id} no se abre: fue alterado o es otro"),
        format!("the report {id} does not open: it was changed, or is another"),
    )
}
