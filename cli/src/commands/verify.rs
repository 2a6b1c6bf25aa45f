//! `veedor admin verify` and `head`: whether what is kept is what was recorded, and the proof of it for a drawer elsewhere.

use crate::console;
use domain::Problem;
use server::{
    App,
    app::verify::{Fault, Heads, Report, heads, verify as verify_all},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How often it is told how far the reading is, in microseconds.
const EVERY: i64 = 1_000_000;

/// What `veedor admin verify` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArguments {
    /// Heads that `veedor admin head` printed earlier and that were kept elsewhere: nothing before them was rewritten
    #[arg(long)]
    head: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Prints where every stream ends.
///
/// # Errors
/// Those of the database.
pub(crate) fn head(app: &App) -> Result<(), Problem> {
    console::print(&heads(app).map_err(|it| it.for_operator())?)
}

/// Reads everything and says whether it holds.
///
/// # Errors
/// `fault_found` with the first fault; `unreadable_input` for heads that are none; those of the database.
pub(crate) fn verify(app: &App, arguments: &VerifyArguments) -> Result<(), Problem> {
    let kept = arguments.head.as_deref().map(read_heads).transpose()?;
    let mut told = app.now().0;
    let report = verify_all(app, kept.as_ref(), &mut |report| {
        let now = app.now().0;
        if now.saturating_sub(told) >= EVERY {
            told = now;
            eprintln!("{}", line(report));
        }
    });
    let report = report.map_err(|it| it.for_operator())?;
    if arguments.json {
        console::print(&report)?;
    } else if report.fault.is_none() {
        console::print_text(&format!("{}\n", line(&report)))?;
    }
    report.fault.map_or(Ok(()), |it| Err(problem(&it)))
}

fn line(report: &Report) -> String {
    let Report { organizations, devices, segments, ops, former_runs, entries, audits, scores, .. } = report;
    let Report { incidents, appeals, heads, .. } = report;
    format!(
        "organizations {organizations}, devices {devices}, segments {segments}, ops {ops}, former runs {former_runs}, \
         entries {entries}, visits {audits}, scores {scores}, incidents {incidents}, appeals {appeals}, heads {heads}"
    )
}

fn problem(fault: &Fault) -> Problem {
    let Fault { organization, place, .. } = fault;
    let parts = [
        place.device.map(|it| format!("device {it}")),
        place.stream.as_ref().map(|it| format!("stream {it}")),
        place.audit.map(|it| format!("visit {it}")),
        place.position.map(|it| format!("position {it}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let place = format!("{organization} {}", parts.join(", "));
    Problem::single(500, &fault.code, format!("{}: {}", place, fault.es), format!("{}: {}", place, fault.en))
}

fn read_heads(path: &Path) -> Result<Heads, Problem> {
    let unreadable = |cause: &dyn std::fmt::Display| {
        Problem::single(
            400,
            "unreadable_input",
            format!("No se puede leer {}: {cause}", path.display()),
            format!("cannot read {}: {cause}", path.display()),
        )
    };
    let text = fs::read_to_string(path).map_err(|it| unreadable(&it))?;
    let heads: Heads = serde_json::from_str(&text).map_err(|it| unreadable(&it))?;
    if heads.format == Heads::FORMAT { Ok(heads) } else { Err(unreadable(&"it is of another format")) }
}
