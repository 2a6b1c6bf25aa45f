//! What the demo measured and how it is told. Owns the clock of the stages and the floor that the import is compared with.

use super::{
    field::Ready,
    office,
    pay::Paid,
    sample::{Network, Rated, Reviewed},
};
use crate::import::run::Report;
use device::{Device, Floor};
use domain::Problem;
use jiff::Timestamp;
use server::environment::Environment;
use std::{
    fmt::{self, Write},
    fs,
    path::Path,
};

/// Times the stages of the demo and says on standard error what is being done.
pub(super) struct Stages {
    environment: Environment,
    begun: Timestamp,
    done: Vec<(&'static str, f64)>,
    peak_after_import: Option<String>,
}

impl Stages {
    pub(super) fn new(environment: Environment) -> Self {
        let begun = environment.now();
        Self { environment, begun, done: Vec::new(), peak_after_import: None }
    }

    /// Runs a stage.
    pub(super) fn time<T>(
        &mut self,
        what: &'static str,
        work: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let begun = self.environment.now();
        let result = work()?;
        let seconds = (self.environment.now() - begun).get_seconds_and_fraction();
        eprintln!("  {seconds:8.2} s  {what}");
        self.done.push((what, seconds));
        Ok(result)
    }

    /// The largest memory of this process up to now, where the system tells it.
    pub(super) fn note_memory(&mut self) {
        self.peak_after_import = peak_memory();
    }

    fn seconds(&self, what: &str) -> Option<f64> {
        self.done.iter().find(|it| it.0.starts_with(what)).map(|it| it.1)
    }
}

trait Seconds {
    fn get_seconds_and_fraction(&self) -> f64;
}

impl Seconds for jiff::Span {
    fn get_seconds_and_fraction(&self) -> f64 {
        self.total(jiff::Unit::Second).unwrap_or(0.0)
    }
}

/// The ops of the demo's devices written raw, one row an op, into a fresh file with the same durability.
pub(super) fn floor(data: &Path) -> Result<Floor, Problem> {
    let to = data.join("floor.db");
    let _ = fs::remove_file(&to);
    let mut total = Floor::default();
    let folders = fs::read_dir(data.join("devices")).map_err(|error| {
        Problem::single(
            500,
            "data_not_read",
            format!("No se puede leer: {error}"),
            format!("cannot read: {error}"),
        )
    })?;
    for folder in folders.flatten() {
        let written = Device::open(&folder.path())?.write_raw(&to)?;
        total.rows += written.rows;
        total.bytes += written.bytes;
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(data.join(format!("floor.db{suffix}")));
    }
    Ok(total)
}

/// Everything that the demo tells at its end.
pub(super) struct Summary {
    address: String,
    pub(super) import: Report,
    pub(super) review: Reviewed,
    pub(super) network: Network,
    pub(super) standard: Rated,
    pub(super) pay: Paid,
    /// None where nothing is served.
    pub(super) field: Option<Ready>,
    pub(super) floor: Floor,
    stages: Vec<(&'static str, f64)>,
    import_seconds: f64,
    floor_seconds: f64,
    total_seconds: f64,
    /// After the import, and in all.
    peak_memory: Option<(String, String)>,
    stored: Vec<(String, u64)>,
}

impl Summary {
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            import: Report::default(),
            review: Reviewed::default(),
            network: Network::default(),
            standard: Rated::default(),
            pay: Paid::default(),
            field: None,
            floor: Floor::default(),
            stages: Vec::new(),
            import_seconds: 0.0,
            floor_seconds: 0.0,
            total_seconds: 0.0,
            peak_memory: None,
            stored: Vec::new(),
        }
    }

    /// Takes the times and sizes in.
    pub(super) fn finish(&mut self, stages: &Stages, data: &Path) {
        self.import_seconds = stages.seconds("audits imported").unwrap_or(0.0)
            + stages.seconds("visits reviewed").unwrap_or(0.0);
        self.floor_seconds = stages.seconds("floor").unwrap_or(0.0);
        self.total_seconds = (stages.environment.now() - stages.begun).get_seconds_and_fraction();
        self.stages.clone_from(&stages.done);
        self.peak_memory = stages.peak_after_import.clone().zip(peak_memory());
        self.stored.push(("server".to_owned(), size_of(&data.join("veedor.db"))));
        let devices = fs::read_dir(data.join("devices")).into_iter().flatten().flatten();
        self.stored
            .push(("devices".to_owned(), devices.map(|it| size_of(&it.path().join("device.db"))).sum()));
    }
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |it| it.len())
}

/// The largest memory of this process so far, where the system tells it.
fn peak_memory() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{} MiB", kib / 1024))
}

/// A number with thin groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn mib(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xF_FFFF) * 10) >> 20)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.input(&mut out)?;
        self.times(&mut out)?;
        write!(out, "\n{}{}{}{}", self.review, self.network, self.standard, self.pay)?;
        self.doors(&mut out)?;
        if let Some(field) = &self.field {
            write!(out, "{field}")?;
        }
        f.write_str(&out)
    }
}

impl Summary {
    fn input(&self, out: &mut String) -> fmt::Result {
        let import = &self.import;
        writeln!(
            out,
            "\nVeedor: the whole line on the City of Chicago's unannounced inspections (data: MIT, City of Chicago)\n"
        )?;
        writeln!(
            out,
            "Input      {} visits on the server, of which this run wrote {} with {} answers",
            grouped(import.audits),
            grouped(import.written),
            grouped(import.answers)
        )?;
        writeln!(
            out,
            "           refused rows: {} of visits, {} of answers (refused.csv)",
            grouped(import.refused_visits),
            grouped(import.refused_answers)
        )?;
        writeln!(
            out,
            "Sync       {} devices, {} signed ops, {} exchanges, {} sent, {} received",
            import.devices,
            grouped(import.ops),
            grouped(import.requests),
            mib(import.bytes_sent),
            mib(import.bytes_received)
        )?;
        let stored: Vec<String> = self.stored.iter().map(|it| format!("{} {}", it.0, mib(it.1))).collect();
        writeln!(out, "Stored     {}", stored.join(", "))
    }

    fn times(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\nTime")?;
        for (what, seconds) in &self.stages {
            writeln!(out, "{seconds:10.2} s  {what}")?;
        }
        writeln!(out, "{:10.2} s  in all", self.total_seconds)?;
        // A run that went on where another stopped did not do the work that the floor stands for.
        if self.floor_seconds > 0.0 && self.import.written == self.import.audits {
            writeln!(
                out,
                "           import to score is {:.1} times the floor: {} op rows, {}, inserted raw",
                self.import_seconds / self.floor_seconds,
                grouped(self.floor.rows),
                mib(self.floor.bytes)
            )?;
        }
        match &self.peak_memory {
            Some((import, all)) => writeln!(
                out,
                "           peak memory of the process (server, devices, importer): {import} after the import, {all} in all"
            ),
            None => Ok(()),
        }
    }

    fn doors(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "\nOpen       {}/scorecards?from=2011-09-01&to=2014-12-31  (organization {}; every password: {})",
            self.address,
            office::SLUG,
            office::PASSWORD
        )?;
        for (login, name, _) in office::PEOPLE {
            writeln!(out, "           {login:12} {name}")?;
        }
        writeln!(out, "           API description: {}/api/openapi.json", self.address)?;
        writeln!(
            out,
            "           Phones need HTTPS or localhost: this demo serves localhost only. Ctrl-C stops it."
        )
    }
}
