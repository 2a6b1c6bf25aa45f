//! `veedor import audits`: audits of another system in, through the same device ops and the same exchange as a phone's.

use crate::{
    client::Client,
    console,
    import::{
        mapping::Mapping,
        refusals::ReportFile,
        rows::AuditReader,
        run::{self, Plan, Progress, Report},
    },
    office::{Login, Office},
};
use clap::{Args, Subcommand};
use domain::{Problem, checklist::Checklist};
use indicatif::{ProgressBar, ProgressStyle};
use server::environment::Environment;
use std::{
    io::IsTerminal,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Import records of another system
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Audits with their answers; what is imported already is not imported twice
    Audits(AuditArguments),
}

#[derive(Debug, Args)]
struct AuditArguments {
    /// Checklist: the id of a released one, or a YAML file of one that the server has
    #[arg(long, value_name = "ID|FILE")]
    template: String,
    /// Visits, one a row (CSV, also gzipped)
    #[arg(long, value_name = "FILE")]
    visits: PathBuf,
    /// Answers, one visit a row, in the order of the visits
    #[arg(long, value_name = "FILE")]
    answers: PathBuf,
    /// Which column is what
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// Folder of the import's devices; keep it until the import is done, so that it can go on
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where refused rows are written, each with file, row, column and reason; those of a run that failed stand beside
    /// it in FILE.unfinished
    #[arg(long, value_name = "FILE", default_value = "refused.csv")]
    refused: PathBuf,
    /// Address of the server
    #[arg(long, value_name = "URL")]
    server: String,
    #[command(flatten)]
    login: Login,
}

/// Runs an import.
///
/// # Errors
/// What is wrong with the files or the server, as a problem.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let Kind::Audits(arguments) = &arguments.kind;
    let environment = Environment::default();
    let checklist = super::score::load_checklist(&arguments.template)?;
    let client = Client::new(&arguments.server);
    let mut office = Office::sign_in(&client, &arguments.login)?;
    let files = Files {
        visits: arguments.visits.clone(),
        answers: arguments.answers.clone(),
        mapping: arguments.mapping.clone(),
        refused: arguments.refused.clone(),
    };
    let plan = Plan {
        client,
        data: arguments.data.clone(),
        template: checklist.id.clone(),
        template_json: audit_templates::released::canonical_json(&checklist),
        environment,
    };
    let report = import_audits(&plan, &mut office, &checklist, &files)?;
    console::print(&report)
}

/// The files of an import.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// Visits.
    pub(crate) visits: PathBuf,
    /// Answers.
    pub(crate) answers: PathBuf,
    /// Mapping.
    pub(crate) mapping: PathBuf,
    /// Report of refused rows, replaced by a run that goes well.
    pub(crate) refused: PathBuf,
}

/// Imports the audits of the files, with a progress bar on a terminal.
///
/// # Errors
/// As [`run::run`], and what is wrong with the mapping.
pub(crate) fn import_audits(
    plan: &Plan,
    office: &mut Office,
    checklist: &Checklist,
    files: &Files,
) -> Result<Report, Problem> {
    let text = console::read_input(&files.mapping)?;
    let mapping = Mapping::read(&files.mapping.display().to_string(), &text, checklist)?;
    let report_file = ReportFile::at(&files.refused);
    let mut reader = AuditReader::open(&mapping, &files.visits, &files.answers, || report_file.begin())?;
    let progress = Arc::new(Progress::default());
    let bar = Bar::over(&progress);
    let report = run::run(plan, office, &mapping, &mut reader, &progress);
    bar.end();
    let report = report?;
    report_file.finish()?;
    Ok(report)
}

/// A line that shows how many visits the server has acknowledged.
struct Bar {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Bar {
    fn over(progress: &Arc<Progress>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (stop, progress) = (Arc::clone(&over), Arc::clone(progress));
        let thread = std::io::stderr().is_terminal().then(|| thread::spawn(move || draw(&stop, &progress)));
        Self { over, thread }
    }

    fn end(mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn draw(stop: &AtomicBool, progress: &Progress) {
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {percent}% read, {msg} visits on the server, {elapsed}")
    {
        bar.set_style(style);
    }
    while !stop.load(Ordering::Relaxed) {
        bar.set_length(progress.bytes.load(Ordering::Relaxed));
        bar.set_position(progress.read.load(Ordering::Relaxed));
        bar.set_message(progress.acknowledged.load(Ordering::Relaxed).to_string());
        thread::sleep(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}
