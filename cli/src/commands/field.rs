//! `veedor field`: the device crate as a phone in the terminal. Everything works with the server down except `login` and
//! `sync`.

use crate::{
    client::{Client, PROMPT, Traffic},
    commands::rescue,
    console, devices,
    import::run::now_ms,
    office, photos,
};
use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use device::{
    AuditSummary, Device, DeviceKind, IncidentEntry, NewDevice, Offer, OpenConflict, PhotoFacts, Start,
    Status, WayOut,
};
use domain::{
    LocalText, Problem,
    ids::{AssignmentId, AuditId, BranchId, IncidentId},
    incident::{IncidentKind, Report},
};
use serde::Serialize;
use server::environment::Environment;
use std::path::{Path, PathBuf};
use sync_core::{Hash, lane::Pause, payload::Gps, reference::BranchRow};
use uuid::Uuid;

/// A phone in the terminal
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder of this device: its key and its store
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address of the server; remembered after the first login
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Enrol this device with a one-time code from an administrator
    Login {
        /// The one-time code
        #[arg(long)]
        code: String,
        /// What people call this device
        #[arg(long, default_value = "terminal")]
        name: String,
    },
    /// Send what is not sent, photos last, and fetch what is new
    Sync {
        /// Leave photos for later: for a line that is paid by the byte, or a low battery
        #[arg(long)]
        no_photos: bool,
    },
    /// Assignments, branches, checklists and visits on this device
    List,
    /// Take an offered assignment; the office learns it at the next `sync`
    Accept {
        /// Id of the assignment
        assignment: Uuid,
    },
    /// Refuse an offered assignment
    Decline {
        /// Id of the assignment
        assignment: Uuid,
        /// Why, for whoever plans
        #[arg(long)]
        reason: String,
    },
    /// Start a visit: an assignment, or a branch with a checklist
    Start {
        /// Id of the assignment
        #[arg(long, conflicts_with_all = ["branch", "template"], required_unless_present = "branch")]
        assignment: Option<Uuid>,
        /// Code or id of the branch, for a visit that nobody planned
        #[arg(long, requires = "template")]
        branch: Option<String>,
        /// Id of the checklist, for a visit that nobody planned
        #[arg(long)]
        template: Option<String>,
    },
    /// Answer an item: VALUE as JSON (`"yes"`, 4, `["a","b"]`, null to take it back) or as a bare word
    Answer {
        /// The visit
        audit: Uuid,
        /// The item (`B02`), its comment (`B02#comment`)
        field: String,
        /// The answer
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Keep a photo with an item: a photo item (`A01`), or beside an answer (`B02#photo`)
    Photo {
        /// The visit
        audit: Uuid,
        /// The item, or the photos beside it
        field: String,
        /// The picture: JPEG, PNG, WebP, HEIC or AVIF
        file: PathBuf,
        /// Latitude where it was taken, in degrees
        #[arg(long, requires = "lon", value_parser = photos::latitude, allow_negative_numbers = true)]
        lat: Option<i64>,
        /// Longitude where it was taken, in degrees
        #[arg(long, requires = "lat", value_parser = photos::longitude, allow_negative_numbers = true)]
        lon: Option<i64>,
        /// How far off the position may be, in metres
        #[arg(long, requires = "lat", value_parser = photos::accuracy)]
        accuracy: Option<u64>,
        /// Say that the position is simulated
        #[arg(long, requires = "lat")]
        mocked: bool,
    },
    /// Take a photo away
    Detach {
        /// The visit
        audit: Uuid,
        /// The item, or the photos beside it
        field: String,
        /// The photo, by the hash that `status` shows
        photo: Hash,
    },
    /// One visit with its answers, its photos and what is missing, or the device
    Status {
        /// The visit
        audit: Option<Uuid>,
    },
    /// Report an incident: kept at once, and the first thing that the next `sync` sends; the branch never sees it
    Incident {
        /// What happened: bribe, violence, discrimination, danger or other
        #[arg(long, value_parser = incident_kinds())]
        kind: IncidentKind,
        /// In your words
        #[arg(long, default_value = "")]
        text: String,
        /// Say that you left for safety
        #[arg(long)]
        left: bool,
        /// The visit in which it happened
        #[arg(long)]
        visit: Option<Uuid>,
    },
    /// Hand a visit in
    Submit {
        /// The visit
        audit: Uuid,
    },
    /// Open conflicts and late answers, each with both sides and what can be done about it
    Conflicts {
        /// Of this visit only
        audit: Option<Uuid>,
    },
    /// Take a visit that is not handed in to another version of its checklist: first a report of what no longer fits
    Migrate {
        /// The visit
        audit: Uuid,
        /// The version; the newest on this device where it is left out
        #[arg(long)]
        to: Option<u32>,
        /// Move it; without this nothing is written
        #[arg(long)]
        apply: bool,
    },
    /// Settle a conflict, or a late answer, with the value that stands
    Resolve {
        /// The visit
        audit: Uuid,
        /// The field
        field: String,
        /// The answer that stands, as for `answer`
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// A visit in plain sight: its ops with chain and signatures
    Export {
        /// The visit
        audit: Uuid,
    },
    /// Write what can still be read of a store that does not open into a sealed file, for `veedor admin rescue import`
    Salvage {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Write all that the office may lack into one sealed file, for `veedor admin rescue import`
    Rescue {
        /// The file, which must not be there yet
        file: PathBuf,
    },
}

fn incident_kinds() -> impl TypedValueParser<Value = IncidentKind> {
    PossibleValuesParser::new(IncidentKind::ALL.iter().map(|it| it.as_str()))
        .try_map(|it| it.parse::<IncidentKind>().map_err(|it| it.message_en))
}

/// Visits listed at once.
const LISTED: u32 = 1_000;

#[derive(Serialize)]
struct Listing {
    assignments: Vec<Offer>,
    branches: Vec<BranchRow>,
    templates: Vec<device::MirroredTemplate>,
    visits: Vec<AuditSummary>,
}

#[derive(Serialize)]
struct Synced {
    #[serde(flatten)]
    status: Status,
    requests: u64,
    bytes_sent: u64,
    bytes_received: u64,
    photos: photos::Sent,
}

/// Runs one action on the device.
///
/// # Errors
/// What is wrong with the input, the device or the server, as a problem.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let environment = Environment::default();
    let now = now_ms(&environment);
    if let Action::Login { code, name } = &arguments.action {
        return login(arguments, code, name, &environment);
    }
    if let Action::Salvage { file } = &arguments.action {
        return rescue::salvage(&arguments.data, file, &environment);
    }
    let mut device = Device::open(&arguments.data)?;
    match &arguments.action {
        Action::Login { .. } | Action::Salvage { .. } => Ok(()),
        Action::Sync { no_photos } => sync(arguments, *no_photos, &mut device, &environment),
        Action::List => console::print(&Listing {
            assignments: device.offers()?,
            branches: device.branches()?,
            templates: device.templates()?,
            visits: device.list(None, LISTED)?,
        }),
        Action::Accept { assignment } => {
            device.accept(*assignment, now)?;
            offer(&device, *assignment)
        }
        Action::Decline { assignment, reason } => {
            device.decline(*assignment, reason, now)?;
            offer(&device, *assignment)
        }
        Action::Start { assignment, branch, template } => {
            let what = (*assignment, branch.as_deref(), template.as_deref());
            start((arguments, &mut device), what, &environment)
        }
        Action::Answer { audit, field, value } => {
            device.answer(*audit, field, &as_json(value), now)?;
            console::print(&device.view(*audit)?)
        }
        Action::Photo { audit, field, file, lat, lon, accuracy, mocked } => {
            let gps = lat.zip(*lon).map(|(lat_e7, lon_e7)| {
                let mocked = mocked.then_some(true);
                Gps { lat_e7, lon_e7, accuracy_mm: *accuracy, mocked, at_ms: None }
            });
            photo((arguments, &mut device), (*audit, field), file, gps, now)
        }
        Action::Detach { audit, field, photo } => {
            let attachment = photos::attachment(&device.view(*audit)?, field, photo)?;
            device.detach(*audit, attachment, now)?;
            console::print(&device.view(*audit)?)
        }
        Action::Status { audit: Some(audit) } => console::print(&device.view(*audit)?),
        Action::Status { audit: None } => console::print(&device.status()?),
        Action::Incident { kind, text, left, visit } => {
            let said = (*kind, text.as_str(), *left, *visit);
            console::print(&report(&mut device, said, now, &environment)?)
        }
        Action::Submit { audit } => {
            device.submit(*audit, now)?;
            console::print(&device.view(*audit)?)
        }
        Action::Resolve { audit, field, value } => {
            device.resolve(*audit, field, &as_json(value), now)?;
            console::print(&device.view(*audit)?)
        }
        Action::Conflicts { audit } => conflicts(&device, *audit),
        Action::Migrate { audit, to, apply } => {
            let to = version(&mut device, *audit, *to)?;
            let report =
                if *apply { device.migrate(*audit, &to, now)? } else { device.migration(*audit, &to)? };
            console::print(&report)
        }
        Action::Export { audit } => console::print(&device.export(*audit)?),
        Action::Rescue { file } => rescue::write(&device, file, &environment),
    }
}

/// Prints an assignment with the answer that was given to it.
fn offer(device: &Device, assignment: Uuid) -> Result<(), Problem> {
    console::print(&device.offers()?.iter().find(|it| it.assignment.id == assignment))
}

/// Starts an assignment, or a visit of a branch with a checklist that nobody planned, and prints the visit.
fn start(
    (arguments, device): (&Arguments, &mut Device),
    what: (Option<Uuid>, Option<&str>, Option<&str>),
    environment: &Environment,
) -> Result<(), Problem> {
    let start = match what {
        (Some(id), ..) => Start::Assignment(id),
        (None, Some(branch), Some(template)) => ad_hoc(device, branch, template, environment)?,
        _ => return Err(nothing_to_start()),
    };
    photos::tell_free_space(device, &arguments.data);
    let audit = device.start(&start, now_ms(environment))?;
    console::print(&device.view(audit)?)
}

/// Keeps a photo and prints the visit.
fn photo(
    (arguments, device): (&Arguments, &mut Device),
    (audit, field): (Uuid, &str),
    file: &Path,
    gps: Option<Gps>,
    now: u64,
) -> Result<(), Problem> {
    let (mut file, mime) = photos::open(file)?;
    photos::tell_free_space(device, &arguments.data);
    let facts = PhotoFacts { mime: mime.to_owned(), gps, ..PhotoFacts::default() };
    device.photo(audit, field, &mut file, &facts, now)?;
    console::print(&device.view(audit)?)
}

/// Reports an incident: what happened, in whose words, whether they left, and in which visit.
fn report(
    device: &mut Device,
    (kind, text, left, visit): (IncidentKind, &str, bool, Option<Uuid>),
    now: u64,
    environment: &Environment,
) -> Result<IncidentEntry, Problem> {
    let pin = visit.map(|it| device.view(it)).transpose()?.and_then(|it| it.pin);
    let report = Report {
        id: IncidentId(environment.new_id()),
        kind,
        left,
        text: text.to_owned(),
        at_ms: now,
        zone: jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned(),
        position: None,
        visit: visit.map(AuditId),
        assignment: pin.as_ref().and_then(|it| it.assignment).map(AssignmentId),
        branch: pin.as_ref().map(|it| BranchId(it.branch)),
    };
    Ok(device.report(&report, environment.bytes())?)
}

/// A conflict with what to do about it, in words.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    open: OpenConflict,
    what_to_do: LocalText,
}

#[derive(Serialize)]
struct Conflicts {
    conflicts: Vec<Told>,
}

fn conflicts(device: &Device, audit: Option<Uuid>) -> Result<(), Problem> {
    let mut open = device.conflicts(LISTED)?;
    open.retain(|it| audit.is_none_or(|audit| it.audit == audit));
    let told = open.into_iter().map(|open| Told { what_to_do: what_to_do(&open), open });
    console::print(&Conflicts { conflicts: told.collect() })
}

fn what_to_do(open: &OpenConflict) -> LocalText {
    let (audit, field) = (open.audit, &open.conflict.field);
    match open.conflict.way_out {
        WayOut::Resolve => LocalText::new(
            format!("Decida qué respuesta vale: veedor field resolve {audit} {field} VALOR"),
            format!("say which answer stands: veedor field resolve {audit} {field} VALUE"),
        ),
        WayOut::Migrate => LocalText::new(
            format!("Decida qué versión del cuestionario vale: veedor field migrate {audit} --to VERSIÓN"),
            format!("say which version of the checklist stands: veedor field migrate {audit} --to VERSION"),
        ),
        WayOut::Reviewer => LocalText::new(
            "La visita ya fue enviada: lo decide quien la revisa; nada se pierde",
            "the visit is handed in: whoever reviews it decides; nothing is lost",
        ),
        WayOut::None => LocalText::new("Nada: ya está resuelto", "nothing: it is settled"),
    }
}

/// The hash of a version of the checklist of a visit, the newest where none is named.
fn version(device: &mut Device, audit: Uuid, wanted: Option<u32>) -> Result<Hash, Problem> {
    let pin = device.view(audit)?.pin;
    let template = pin.map(|it| it.template).unwrap_or_default();
    let mut versions = device.templates()?;
    versions.retain(|it| it.id == template && wanted.is_none_or(|wanted| it.version == wanted));
    let newest = versions.into_iter().max_by_key(|it| it.version);
    newest.map(|it| it.content_hash).ok_or_else(|| {
        Problem::single(
            404,
            "unknown_template",
            format!("Este dispositivo no tiene esa versión de «{template}»; sincronice primero"),
            format!("this device does not have that version of \"{template}\"; synchronise first"),
        )
    })
}

/// JSON stays as it is; anything else is a text.
fn as_json(value: &str) -> String {
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok();
    if is_json { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}

fn nothing_to_start() -> Problem {
    Problem::single(
        400,
        "nothing_to_start",
        "Indique --assignment, o --branch con --template.",
        "give --assignment, or --branch with --template",
    )
}

fn ad_hoc(
    device: &Device,
    branch: &str,
    template: &str,
    environment: &Environment,
) -> Result<Start, Problem> {
    let branches = device.branches()?;
    let known = branches.iter().find(|it| it.code == branch || it.id.to_string() == branch);
    let known = known.ok_or_else(|| {
        let codes: Vec<&str> = branches.iter().map(|it| it.code.as_str()).collect();
        Problem::single(
            404,
            "unknown_branch",
            format!("Este dispositivo no conoce la sucursal «{branch}»; conoce: {}", codes.join(", ")),
            format!("this device does not know the branch \"{branch}\"; it knows: {}", codes.join(", ")),
        )
    })?;
    let templates = device.templates()?;
    let newest = templates.iter().filter(|it| it.id == template).max_by_key(|it| it.version);
    let newest = newest.ok_or_else(|| {
        let ids: Vec<&str> = templates.iter().map(|it| it.id.as_str()).collect();
        Problem::single(
            404,
            "unknown_template",
            format!("Este dispositivo no tiene el cuestionario «{template}»; tiene: {}", ids.join(", ")),
            format!("this device does not have the checklist \"{template}\"; it has: {}", ids.join(", ")),
        )
    })?;
    Ok(Start::AdHoc {
        audit: environment.new_id(),
        branch: known.id,
        content_hash: newest.content_hash,
        source: None,
        visited_at: None,
    })
}

/// File beside the device's store that remembers the server.
const SERVER_FILE: &str = "server.txt";

fn server(arguments: &Arguments) -> Result<String, Problem> {
    if let Some(server) = &arguments.server {
        return Ok(server.clone());
    }
    std::fs::read_to_string(arguments.data.join(SERVER_FILE)).map(|it| it.trim().to_owned()).map_err(|_| {
        Problem::single(
            400,
            "no_server",
            "Falta --server con la dirección del servidor.",
            "give --server with the address of the server",
        )
    })
}

fn login(arguments: &Arguments, code: &str, name: &str, environment: &Environment) -> Result<(), Problem> {
    let server = server(arguments)?;
    let mut device = match Device::open(&arguments.data) {
        Ok(device) => device,
        Err(error) if error.code() == "no_device" => Device::create(
            &arguments.data,
            &NewDevice { secret: environment.bytes(), kind: DeviceKind::Phone },
        )?,
        // The key is lost: what the folder holds goes on as a new device of the same person.
        Err(error) if error.code() == "device_without_key" => {
            Device::open_without_key(&arguments.data, environment.bytes())?
        }
        Err(error) => return Err(error.into()),
    };
    office::enrol(&Client::new(&server), &mut device, code, name)?;
    std::fs::write(arguments.data.join(SERVER_FILE), format!("{server}\n")).map_err(|error| {
        Problem::single(
            500,
            "file_not_written",
            format!("No se pudo escribir {SERVER_FILE}: {error}"),
            format!("cannot write {SERVER_FILE}: {error}"),
        )
    })?;
    sync(arguments, false, &mut device, environment)
}

/// Ops first, then photos, then once more where the server has to hear what became of photos.
fn sync(
    arguments: &Arguments,
    no_photos: bool,
    device: &mut Device,
    environment: &Environment,
) -> Result<(), Problem> {
    let client = Client::new(&server(arguments)?);
    let mut traffic = Traffic::default();
    let exchanged = devices::sync_until_done(device, &client, environment, &mut traffic, PROMPT);
    // Of a device that was taken out the photos follow its ops.
    if exchanged.is_err() && device.status()?.ended.is_none() {
        return exchanged;
    }
    let pause = no_photos.then_some(Pause::ByHand);
    let sent = photos::send_until_done(device, &client, environment, &mut traffic, pause);
    exchanged?;
    let sent = sent?;
    if sent.has_news() {
        devices::sync_until_done(device, &client, environment, &mut traffic, PROMPT)?;
    }
    device.evict(now_ms(environment))?;
    console::print(&Synced {
        status: device.status()?,
        requests: traffic.requests,
        bytes_sent: traffic.sent,
        bytes_received: traffic.received,
        photos: sent,
    })
}
