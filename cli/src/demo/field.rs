//! The demo's visits to be made: an auditor, three visits from today on, and a code with which her phone logs in. All of it is a sample
//! and called so; the City's data knows nothing of it.

use super::{
    office::{PASSWORD, SLUG},
    sample::{items, signed_in, text},
};
use crate::{
    client::Client,
    office::{NewBranch, Office},
    phone_link::qr,
};
use domain::Problem;
use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use server::environment::Environment;
use std::{fmt, io::IsTerminal as _};

/// Login of the auditor.
const LOGIN: &str = "ana";
/// Her name.
const NAME: &str = "Ana (auditora de muestra)";
/// Where her visits are.
const ZONE: &str = "America/Mexico_City";
/// Days in which they may be made.
const DAYS: i32 = 14;

/// Where each visit goes: checklist, code and name of the branch, latitude and longitude in millionths of a degree.
const VISITS: [(&str, &str, &str, (i64, i64)); 3] = [
    ("ms-banco-sucursal", "MUESTRA-BANCO", "Banco de muestra, Centro Histórico", (19_433_400, -99_134_700)),
    (
        "mc-oficina-gobierno",
        "MUESTRA-OFICINA",
        "Oficina de muestra, Colonia Doctores",
        (19_421_200, -99_148_300),
    ),
    ("cc-llamada", "MUESTRA-LLAMADA", "Centro de contacto de muestra, Reforma", (19_427_000, -99_167_600)),
];

/// What her phone finds, and how it logs in.
#[derive(Debug)]
pub(super) struct Ready {
    from: Date,
    to: Date,
    link: String,
    code: String,
    expires_at: String,
    is_served: bool,
}

/// Makes whatever of it is not there yet; the code is new each time. `link` is told the code.
pub(super) fn prepare(
    client: &Client,
    environment: &Environment,
    is_served: bool,
    link: impl FnOnce(&str) -> String,
) -> Result<Ready, Problem> {
    let zone = TimeZone::get(ZONE).map_err(|error| unknown_day(&error))?;
    let from = environment.now().to_zoned(zone).date();
    let to = from.checked_add((DAYS - 1).days()).map_err(|error| unknown_day(&error))?;
    let mut admin = Office::sign_in_with(client, SLUG, "admin", PASSWORD)?;
    admin.know_branches(VISITS.iter().map(|(_, code, name, position)| NewBranch {
        code: (*code).to_owned(),
        name: (*name).to_owned(),
        zone: ZONE.to_owned(),
        position: Some(*position),
    }))?;
    let auditor = admin.auditor(LOGIN, NAME)?.to_string();
    let manager = signed_in(client, "manager")?;
    let offered: Value = manager.get(&format!("/api/v1/assignments?auditor={auditor}&limit=1000"))?;
    let mut missing = Vec::new();
    for (template, branch, ..) in VISITS {
        if !items(&offered, "/items").iter().any(|it| is_still_to_be_made(it, template, from)) {
            missing.push(json!({
                "branch_id": admin.branch(branch)?,
                "auditor_id": auditor,
                "template": { "id": template, "version": newest(template)? },
                "window_from": from,
                "window_to": to,
            }));
        }
    }
    if !missing.is_empty() {
        let _: Value = manager.post("/api/v1/assignments", &missing)?;
    }
    let body = json!({ "user": auditor, "kind": "phone" });
    let issued: Value = admin.client().post("/api/v1/devices/codes", &body)?;
    let code = text(&issued, "/code");
    Ok(Ready { from, to, link: link(&code), code, expires_at: text(&issued, "/expires_at"), is_served })
}

/// The newest released version of a checklist.
fn newest(template: &str) -> Result<u32, Problem> {
    let found = audit_templates::find_checklist(template, None);
    found.map(|it| it.content.version).ok_or_else(|| {
        let text = format!("No hay una lista de verificación «{template}».");
        Problem::single(500, "internal", text, format!("there is no checklist `{template}`"))
    })
}

fn unknown_day(error: &jiff::Error) -> Problem {
    Problem::single(500, "internal", "No se sabe qué día es hoy.", error.to_string())
}

/// Whether an assignment is of the checklist, not begun, and its window still lasts a day or more.
fn is_still_to_be_made(assignment: &Value, template: &str, today: Date) -> bool {
    let lasts = text(assignment, "/window_to").parse::<Date>().is_ok_and(|it| it >= today);
    let is_open = ["offered", "accepted"].contains(&text(assignment, "/state").as_str());
    lasts && is_open && text(assignment, "/template/id") == template
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, link, code, expires_at, is_served } = self;
        writeln!(
            f,
            "\nPhone      {NAME}: three sample visits in Mexico City, {from} to {to} (bank, office, call)"
        )?;
        if !is_served {
            writeln!(
                f,
                "           The phone app is not served here: `cargo xtask phone`, then --phone phone/dist."
            )?;
            return writeln!(
                f,
                "           In the terminal: veedor field login --code {code}  (once, until {expires_at})"
            );
        }
        writeln!(f, "           {link}")?;
        writeln!(
            f,
            "           Open it in a browser here, or scan it where --app says how phones reach this; it logs in once, until {expires_at}."
        )?;
        let drawn = qr(link, std::io::stdout().is_terminal()).map_err(|_| fmt::Error)?;
        drawn.lines().try_for_each(|it| writeln!(f, "           {it}"))
    }
}
