//! What syncing costs, measured: `cargo xtask bench sync`. Owns the order of the parts and what is told; every figure comes from
//! this run, beside the load of the machine.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "time is what is measured; an answer of another shape than asked for ends the bench"
)]

mod crowd;
mod day;
mod floor;
mod growth;
mod meter;
mod office;
mod peers;
mod phone;
mod proxy;
mod words;
mod workload;

use clap::Parser;
use std::{error::Error, path::PathBuf, process::ExitCode};
use tempfile::TempDir;

/// A bench may stop where it stands, with the reason.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measures what syncing costs.
#[derive(Parser)]
struct Bench {
    /// The `veedor` binary, built for release; the one beside this program where it is left out
    #[arg(long, default_value_os_t = beside())]
    veedor: PathBuf,
    /// Folder on the disk that is measured; a temporary one where it is left out
    #[arg(long)]
    data: Option<PathBuf>,
    /// Only these parts
    #[arg(long, value_delimiter = ',', default_value = "w,photos,growth,day,crowd")]
    parts: Vec<String>,
    /// Sizes of the growth
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    sizes: Vec<usize>,
    /// Also measure the peers on W, installed from their registries into this folder
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "target/bench-peers")]
    peers: Option<PathBuf>,
    /// Runs of W, of which the middle one counts
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Phones that sync at once
    #[arg(long, default_value_t = 200)]
    phones: usize,
}

fn beside() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("veedor")
}

impl Bench {
    fn folder(&self) -> Outcome<TempDir> {
        Ok(match &self.data {
            Some(folder) => TempDir::new_in(folder)?,
            None => TempDir::new()?,
        })
    }

    fn run(&self) -> Outcome<()> {
        for part in &self.parts {
            match part.as_str() {
                "w" => self.workload()?,
                "photos" => workload::photos(self)?,
                "growth" => growth::run(self, &self.sizes)?,
                "day" => day::run(self)?,
                "crowd" => crowd::run(self, self.phones)?,
                other => return Err(format!("there is no part {other:?}").into()),
            }
        }
        Ok(())
    }
}

impl Bench {
    /// W, and the peers in the same run where they are asked for.
    fn workload(&self) -> Outcome<()> {
        let peers = self.peers.as_deref().map(peers::Peers::install).transpose()?;
        let mut own = workload::Runs::begin(self)?;
        let mut others = peers.map(|it| it.begin(self)).transpose()?;
        for _ in 0..self.runs {
            own.once(self)?;
            if let Some(others) = &mut others {
                others.once(self)?;
            }
        }
        let medians = own.end();
        if let Some(others) = others {
            others.end(medians);
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    match Bench::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-sync: {error}");
            ExitCode::FAILURE
        }
    }
}
