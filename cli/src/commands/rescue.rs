//! Rescue files at the command line: written of a phone in the terminal (`veedor field rescue`), brought to the office
//! (`veedor admin rescue import`). Owns the files; what is in them is the device's, how they are sealed and taken in the server's.

use crate::{console, import::run::now_ms};
use clap::Subcommand;
use device::{Device, Folder, Place as _, Rescue, Signatures};
use domain::Problem;
use serde_json::json;
use server::{
    App,
    app::rescue::{self, Sealer},
    environment::Environment,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};
use sync_core::rescue::CODE_LENGTH;

/// What the operator does with rescue files.
#[derive(Debug, Subcommand)]
pub(crate) enum RescueAction {
    /// Take in a rescue file that somebody sent: visits and photos that were only on their phone. Twice changes nothing
    Import {
        /// The file, as the phone saved it
        file: PathBuf,
        /// File with the code that the phone showed, for a file that is sealed for a code
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
    },
}

/// Runs one action at the office.
///
/// # Errors
/// Those of `server::app::rescue::import`; `unreadable_input`.
pub(crate) fn run(app: &App, action: &RescueAction) -> Result<(), Problem> {
    let RescueAction::Import { file, code_file } = action;
    let mut from = File::open(file).map_err(|error| not_read(file, &error))?;
    let code = code_file.as_ref().map(|it| fs::read_to_string(it).map_err(|error| not_read(it, &error)));
    let code = code.transpose()?;
    let taken = rescue::import(app, &mut from, code.as_deref()).map_err(|it| it.for_operator())?;
    console::print(&taken)
}

/// Writes the rescue file of a device.
///
/// # Errors
/// `not_enrolled`, `file_not_written`; storage. What was not finished is not left behind.
pub(crate) fn write(device: &Device, path: &Path, environment: &Environment) -> Result<(), Problem> {
    let rescue = device.rescue(now_ms(environment), &mut Signatures::default())?;
    let next = |rescue: &mut Rescue| Ok(device.rescue_next(rescue)?);
    write_out(rescue, &next, path, environment)
}

/// Writes the rescue file of what can be read of a device whose store does not open.
///
/// # Errors
/// `device_key_lost`, `not_enrolled` where the store does not tell whose it is; `file_not_written`. The store is only read.
pub(crate) fn salvage(data: &Path, path: &Path, environment: &Environment) -> Result<(), Problem> {
    let place = Folder::at(data);
    // Nobody may write to it meanwhile.
    let _alone = place.lock()?;
    let key = place.newest_key()?.ok_or_else(key_lost)?;
    let rescue = device::salvage(&place, &key, None, now_ms(environment), &mut Signatures::default())?;
    let files = place.files();
    let next = |rescue: &mut Rescue| Ok(rescue.next(&*files)?);
    write_out(rescue, &next, path, environment)
}

/// What gives the next bytes of a file.
type Bytes<'a> = &'a dyn Fn(&mut Rescue) -> Result<Option<Vec<u8>>, Problem>;

fn write_out(
    mut rescue: Rescue,
    next: Bytes<'_>,
    path: &Path,
    environment: &Environment,
) -> Result<(), Problem> {
    let key = rescue.key().cloned();
    let code = key.is_none().then(|| code_of(&environment.bytes()));
    let facts = rescue.facts();
    let file = private(path).map_err(|error| not_written(path, &error))?;
    let done = (|| {
        let to = BufWriter::new(file);
        let sealer = match (&key, &code) {
            (Some(key), _) => Sealer::for_office(to, &key.key, &environment.bytes()),
            (None, code) => Sealer::for_code(to, code.as_deref().unwrap_or_default(), &environment.bytes()),
        };
        carry(next, &mut rescue, sealer.map_err(|error| not_written(path, &error))?, path)
    })();
    if done.is_err() {
        let _ = fs::remove_file(path);
    }
    let bytes = done?;
    console::print(&json!({"file": path, "bytes": bytes, "holds": facts, "code": code}))
}

fn carry(
    next: Bytes<'_>,
    rescue: &mut Rescue,
    mut to: Sealer<BufWriter<File>>,
    path: &Path,
) -> Result<u64, Problem> {
    while let Some(bytes) = next(rescue)? {
        to.write(&bytes).map_err(|error| not_written(path, &error))?;
    }
    let finish = || -> io::Result<u64> {
        let mut to = to.finish()?;
        to.flush()?;
        to.get_ref().sync_all()?;
        Ok(to.get_ref().metadata()?.len())
    };
    finish().map_err(|error| not_written(path, &error))
}

/// A new file that nobody else may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A code that people can pass on, in groups.
fn code_of(random: &[u8; CODE_LENGTH]) -> String {
    let letters = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let chosen = random.iter().filter_map(|it| letters.get(usize::from(it % 32)).copied().map(char::from));
    let mut code = String::new();
    for (number, letter) in chosen.enumerate() {
        if number > 0 && number % 6 == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}

fn key_lost() -> Problem {
    Problem::single(
        409,
        "device_key_lost",
        "La carpeta no tiene la clave del dispositivo; lo que contiene no se puede firmar",
        "the folder has no key of its device; what it holds cannot be signed",
    )
}

fn not_read(path: &Path, error: &io::Error) -> Problem {
    Problem::single(
        400,
        "unreadable_input",
        format!("No se puede leer {}: {error}", path.display()),
        format!("cannot read {}: {error}", path.display()),
    )
}

fn not_written(path: &Path, error: &io::Error) -> Problem {
    Problem::single(
        500,
        "file_not_written",
        format!("No se pudo escribir {}: {error}", path.display()),
        format!("cannot write {}: {error}", path.display()),
    )
}
