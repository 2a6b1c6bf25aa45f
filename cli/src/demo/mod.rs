//! `veedor demo`: the whole line on real input, in one process, on the embedded default: 27,600 unannounced inspections of
//! the City of Chicago through devices, exchange, review, score, standard, scorecard and payout; then it serves.

mod field;
mod office;
mod pay;
mod report;
mod sample;

use crate::{
    client::Client,
    commands::import::{Files, import_audits},
    console,
    import::run::Plan,
    office::Office,
    phone_link::AppAddress,
    settings::phone_beside,
};
use clap::Args;
use domain::Problem;
use report::{Stages, Summary};
use server::environment::Environment;
use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

/// The whole line on the City of Chicago's inspections, then a server to look at it
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Folder of the demo; what an interrupted demo left there is taken up again
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    data: PathBuf,
    /// Address and port to serve at
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Take only so many visits, evenly from the whole data
    #[arg(long, value_name = "N")]
    visits: Option<NonZeroUsize>,
    /// Folder of the phone app; `phone` beside this program where there is one
    #[arg(long, value_name = "DIR", env = "VEEDOR_PHONE")]
    phone: Option<PathBuf>,
    #[command(flatten)]
    app: AppAddress,
    /// End after the summary instead of serving
    #[arg(long)]
    no_serve: bool,
}

const VISITS: &[u8] = include_bytes!("../../../data/chicago/inspections.csv.gz");
const ANSWERS: &[u8] = include_bytes!("../../../data/chicago/violations.csv.gz");
const MAPPING: &[u8] = include_bytes!("../../../data/chicago/mapping.yaml");
const NOTICE: &[u8] = include_bytes!("../../../data/chicago/LICENSE.md");

/// Checklist of the demo.
const TEMPLATE: &str = "chicago-food-canvass";
/// Side of the areas that places are grouped into: 0.02 degrees, about 2 km.
const AREA_SIDE_MICRODEGREES: i64 = 20_000;

/// Runs the demo.
///
/// # Errors
/// Whatever stopped it, as a problem; run again it goes on from there.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let environment = Environment::default();
    let mut stages = Stages::new(environment.clone());
    let phone = arguments.phone.clone().or_else(phone_beside);
    let running = stages.time("server started and organization set up", || {
        write_input(&arguments.data, arguments.visits)?;
        office::open(&arguments.data, &arguments.listen, phone.clone(), &environment)
    })?;
    let client = Client::new(&running.address);
    let checklist = super::commands::score::load_checklist(TEMPLATE)?;
    let mut summary = Summary::new(&running.address);

    let plan = Plan {
        client: client.clone(),
        data: arguments.data.clone(),
        template: checklist.id.clone(),
        template_json: audit_templates::released::canonical_json(&checklist),
        environment: environment.clone(),
    };
    summary.import = stages.time("audits imported: devices, exchange, stored, folded", || {
        let mut admin = Office::sign_in_with(&client, office::SLUG, "admin", office::PASSWORD)?;
        admin.group_by_area(AREA_SIDE_MICRODEGREES);
        import_audits(&plan, &mut admin, &checklist, &files(&arguments.data))
    })?;
    stages.note_memory();
    summary.review = stages.time("visits reviewed, scored and published", || sample::approve_all(&client))?;
    summary.network = stages.time("scorecards computed", || sample::scorecards(&client))?;
    summary.standard =
        stages.time("a branch rated against CEM-1000", || sample::rate(&client, &summary.network))?;
    summary.pay = stages.time("incentives calculated, approved and locked", || pay::run(&client))?;
    summary.floor = stages.time("floor: the same bytes written raw", || report::floor(&arguments.data))?;
    if !arguments.no_serve {
        let ready = stages.time("an auditor with sample visits to make, and a code for her phone", || {
            let link = |code: &str| arguments.app.link(running.listens_at(), false, code);
            field::prepare(&client, &environment, phone.is_some(), link)
        })?;
        summary.field = Some(ready);
    }
    summary.finish(&stages, &arguments.data);
    console::print_text(&summary.to_string())?;
    // Where nobody looks at it, the process ends with everything durable.
    if arguments.no_serve { Ok(()) } else { running.wait() }
}

fn files(data: &Path) -> Files {
    let input = data.join("input");
    Files {
        visits: input.join("inspections.csv.gz"),
        answers: input.join("violations.csv.gz"),
        mapping: input.join("mapping.yaml"),
        refused: data.join("refused.csv"),
    }
}

fn write_input(data: &Path, visits: Option<NonZeroUsize>) -> Result<(), Problem> {
    let input = data.join("input");
    let failed = |error: std::io::Error| {
        Problem::single(
            400,
            "data_not_written",
            format!("No se puede escribir en {}: {error}", input.display()),
            format!("cannot write to {}: {error}", input.display()),
        )
    };
    fs::create_dir_all(&input).map_err(failed)?;
    let cut = |bytes: &[u8]| -> std::io::Result<Vec<u8>> {
        match visits {
            None => Ok(bytes.to_vec()),
            Some(visits) => some_rows(bytes, visits.get()),
        }
    };
    fs::write(input.join("inspections.csv.gz"), cut(VISITS).map_err(failed)?).map_err(failed)?;
    fs::write(input.join("violations.csv.gz"), cut(ANSWERS).map_err(failed)?).map_err(failed)?;
    fs::write(input.join("mapping.yaml"), MAPPING).map_err(failed)?;
    fs::write(input.join("LICENSE.md"), NOTICE).map_err(failed)
}

/// So many rows of a gzipped table, evenly from the whole of it, gzipped with its heading: the same places of every table
/// with as many rows.
fn some_rows(bytes: &[u8], rows: usize) -> std::io::Result<Vec<u8>> {
    use std::io::{BufRead, BufReader, Write};
    let lines = || BufReader::new(flate2::read::GzDecoder::new(bytes)).lines();
    let all = lines().count().saturating_sub(1).max(1);
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for (place, line) in lines().enumerate() {
        let line = line?;
        // Row p of the table is taken where p * rows / all steps up.
        let taken_before = |row: usize| row.saturating_mul(rows).div_euclid(all);
        if place == 0 || taken_before(place) > taken_before(place.saturating_sub(1)) {
            writeln!(writer, "{line}")?;
        }
    }
    writer.finish()
}
