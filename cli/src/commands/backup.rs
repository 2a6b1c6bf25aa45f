//! `veedor admin backup` and `restore`: a consistent copy of a running office as one file, encrypted where asked for, and an
//! office made from it. Owns the files around the copy; what a restore changes is `server::app::backup`.

use crate::{console, settings::SettingsArguments};
use age::x25519;
use domain::{FieldProblem, Problem};
use serde_json::json;
use server::{
    App, Config, Environment,
    app::backup::{self, BlobCopies, Copied, Ends, Lost},
};
use std::{
    fmt::Display,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    iter,
    path::{Path, PathBuf},
};
use sync_core::Hash;

/// Where a copy goes.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArguments {
    /// File of the copy, which must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Encrypt for the holder of this age key (`age1...`); may be repeated
    #[arg(long, value_name = "KEY")]
    recipient: Vec<String>,
    /// Folder of the evidence, beside FILE where it is left out; copies may share one, each adds what is new
    #[arg(long, value_name = "FOLDER")]
    blobs: Option<PathBuf>,
    /// The copy is kept on another disk or machine: phones are told so, and may let go of photos that are in it
    #[arg(long)]
    kept_elsewhere: bool,
}

/// Where a copy comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArguments {
    /// File of the copy
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// File with the age key (`AGE-SECRET-KEY-...`) that an encrypted copy is for
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Folder of the evidence, beside FILE where it is left out
    #[arg(long, value_name = "FOLDER")]
    blobs: Option<PathBuf>,
}

/// Where evidence that the store lost may come from.
#[derive(Debug, clap::Args)]
pub(crate) struct EvidenceArguments {
    /// Folder of the evidence of copies
    #[arg(long, value_name = "FOLDER")]
    blobs: Option<PathBuf>,
    /// File with the age key (`AGE-SECRET-KEY-...`) that encrypted copies are for
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Ask phones again for what is in no copy; be sure that the store is whole and not merely out of reach
    #[arg(long)]
    ask_phones: bool,
}

/// How an encrypted copy begins.
const AGE_MAGIC: &[u8] = b"age-encryption.org/v1";

/// Copies a running office.
///
/// # Errors
/// `already_exists`, `bad_recipient`, and what the database and the file system say. A copy that was not finished is not
/// left behind. `copy_not_whole` where phones were to rest on a copy that lacks evidence: it stays, and they are not told.
pub(crate) fn back_up(app: &App, arguments: &BackupArguments) -> Result<(), Problem> {
    let to = &arguments.to;
    if to.exists() {
        return Err(Problem::single(
            409,
            "already_exists",
            format!("Ya existe {}; nombre otro archivo", to.display()),
            format!("{} is there already; name another file", to.display()),
        ));
    }
    let recipients = recipients(&arguments.recipient)?;
    let (clear, sealed) = (beside(to, "clear"), beside(to, "sealed"));
    let pass = |bytes: &[u8]| {
        if recipients.is_empty() { Ok(bytes.to_vec()) } else { sealed_bytes(bytes, &recipients) }
    };
    let sealed_for = (!recipients.is_empty()).then(|| name_of(&recipients));
    let folder = arguments.blobs.clone().unwrap_or_else(|| blobs_beside(to));
    let copies = BlobCopies { folder: &folder, sealed_for: sealed_for.as_deref(), pass: &pass };
    let ends = Ends::now(app).map_err(|it| it.for_operator())?;
    let done = (|| -> Result<Copied, Problem> {
        let copied = backup::back_up(app, &clear, Some(copies)).map_err(|it| it.for_operator())?;
        if recipients.is_empty() {
            put_in_place(&clear, to)?;
        } else {
            seal(&clear, &sealed, &recipients).map_err(|cause| not_written(&sealed, &cause))?;
            put_in_place(&sealed, to)?;
        }
        Ok(copied)
    })();
    for left in [clear, sealed] {
        let _ = fs::remove_file(left);
    }
    let copied = done?;
    let bytes = fs::metadata(to).map(|it| it.len()).map_err(|cause| not_written(to, &cause))?;
    if arguments.kept_elsewhere {
        if copied.blobs.missing > 0 {
            return Err(not_whole(to, copied.blobs.missing));
        }
        ends.note_durable(app).map_err(|it| it.for_operator())?;
    }
    let (epoch, organizations) = (copied.epoch, copied.organizations);
    let encrypted = !recipients.is_empty();
    console::print(&json!({
        "file": to, "bytes": bytes, "encrypted": encrypted, "epoch": epoch, "organizations": organizations,
        "blobs": copied.blobs, "blobs_folder": folder, "durable": arguments.kept_elsewhere,
    }))
}

fn not_whole(copy: &Path, missing: u64) -> Problem {
    Problem::single(
        500,
        "copy_not_whole",
        format!(
            "La copia está en {}, pero le faltan {missing} archivos de evidencia que el almacén ya no tiene; los teléfonos \
             no contarán con esta copia. `veedor admin verify` dice cuáles faltan y `veedor admin evidence` los recupera",
            copy.display()
        ),
        format!(
            "the copy is at {}, but lacks {missing} files of evidence that the store no longer has; phones are not told to \
             rest on this copy. `veedor admin verify` tells which are missing, `veedor admin evidence` gets them back",
            copy.display()
        ),
    )
}

/// Puts evidence that the store lost back out of copies.
///
/// # Errors
/// `wrong_identity`, and what the database, the store and the file system say.
pub(crate) fn bring_evidence(app: &App, arguments: &EvidenceArguments) -> Result<(), Problem> {
    let key = arguments.identity.as_deref().map(identity).transpose()?;
    let pass = opening(key.as_ref());
    let folder = arguments.blobs.as_deref();
    let copies = folder.map(|folder| BlobCopies { folder, sealed_for: None, pass: &pass });
    let lost = if arguments.ask_phones { Lost::AskedFor } else { Lost::Counted };
    let blobs = backup::bring_evidence(app, copies, lost).map_err(|it| it.for_operator())?;
    console::print(&json!({ "blobs": blobs, "asked_phones": arguments.ask_phones }))
}

/// Makes an office from a copy, at the address of the settings.
///
/// # Errors
/// `no_identity`, `wrong_identity`, and what the database and the file system say; then there is no office.
pub(crate) fn restore(settings: &SettingsArguments, arguments: &RestoreArguments) -> Result<(), Problem> {
    let config = settings.read()?;
    let key = arguments.identity.as_deref().map(identity).transpose()?;
    let clear = opened(arguments, key.as_ref())?;
    let from = clear.as_ref().map_or(arguments.from.as_path(), |it| it.0.as_path());
    let folder = arguments.blobs.clone().unwrap_or_else(|| blobs_beside(&arguments.from));
    let pass = opening(key.as_ref());
    let copies = folder.is_dir().then_some(BlobCopies { folder: &folder, sealed_for: None, pass: &pass });
    let copied = match config.database_url.strip_prefix("sqlite:") {
        // Made beside its place and moved there when it is complete, so that half an office is never served.
        Some(path) => restore_file(&config, Path::new(path), from, copies),
        None => backup::restore(config, Environment::default(), from, copies).map_err(|it| it.for_operator()),
    }?;
    console::print(&copied)
}

fn restore_file(
    config: &Config,
    place: &Path,
    from: &Path,
    copies: Option<BlobCopies<'_>>,
) -> Result<Copied, Problem> {
    if place.exists() {
        return Err(Problem::single(
            409,
            "already_exists",
            format!("Ya hay una base de datos en {}; muévala antes de restaurar", place.display()),
            format!("there is a database at {} already; move it away before restoring", place.display()),
        ));
    }
    let unfinished = beside(place, "restoring");
    let files = |of: &Path| ["", "-wal", "-shm"].map(|end| PathBuf::from(format!("{}{end}", of.display())));
    let clear = || files(&unfinished).iter().for_each(|it| drop(fs::remove_file(it)));
    // What an interrupted restore left.
    clear();
    let aside = Config {
        database_url: format!("sqlite:{}", unfinished.display()),
        blob_folder: Some(config.blob_folder()),
        ..config.clone()
    };
    let done = backup::restore(aside, Environment::default(), from, copies)
        .map_err(|it| it.for_operator())
        .and_then(|copied| put_in_place(&unfinished, place).map(|()| copied));
    clear();
    done
}

/// A file that is gone with this value.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The key in a file.
fn identity(path: &Path) -> Result<x25519::Identity, Problem> {
    let text = fs::read_to_string(path).map_err(|it| wrong_identity(&it))?;
    let key = text.lines().find(|it| it.starts_with("AGE-SECRET-KEY-")).unwrap_or_default();
    key.trim().parse().map_err(|it: &str| wrong_identity(&it))
}

fn wrong_identity(cause: &dyn Display) -> Problem {
    flag(
        "/identity",
        "wrong_identity",
        &format!("La clave no abre la copia: {cause}"),
        &format!("the key does not open the copy: {cause}"),
    )
}

/// The copy in the clear; none where it is so already.
fn opened(
    arguments: &RestoreArguments,
    key: Option<&x25519::Identity>,
) -> Result<Option<Temporary>, Problem> {
    let from = &arguments.from;
    let unreadable = |cause: &dyn Display| {
        Problem::single(
            400,
            "unreadable_input",
            format!("No se puede leer {}: {cause}", from.display()),
            format!("cannot read {}: {cause}", from.display()),
        )
    };
    let mut begin = Vec::new();
    let size = u64::try_from(AGE_MAGIC.len()).unwrap_or(0);
    let file = File::open(from).map_err(|it| unreadable(&it))?;
    file.take(size).read_to_end(&mut begin).map_err(|it| unreadable(&it))?;
    if begin != AGE_MAGIC {
        return Ok(None);
    }
    let Some(key) = key else {
        return Err(flag(
            "/identity",
            "no_identity",
            "La copia está cifrada: indique con --identity el archivo de la clave",
            "the copy is encrypted: name the file of its key with --identity",
        ));
    };
    let clear = Temporary(beside(from, "clear"));
    let unseal = || -> io::Result<()> {
        let mut file = private(&clear.0)?;
        unseal(BufReader::new(File::open(from)?), key, &mut file)?;
        file.sync_all()
    };
    unseal().map_err(|it| wrong_identity(&it))?;
    Ok(Some(clear))
}

/// Opens what was sealed for a key.
fn unseal(from: impl io::BufRead, key: &x25519::Identity, to: &mut impl io::Write) -> io::Result<()> {
    let key: &dyn age::Identity = key;
    let sealed = age::Decryptor::new_buffered(from).map_err(io::Error::other)?;
    let mut clear = sealed.decrypt(iter::once(key)).map_err(io::Error::other)?;
    io::copy(&mut clear, to).map(drop)
}

/// What is done to copies of evidence on their way back: a folder may hold sealed ones and others.
fn opening(key: Option<&x25519::Identity>) -> impl Fn(&[u8]) -> io::Result<Vec<u8>> {
    move |bytes| match key {
        Some(key) if bytes.starts_with(AGE_MAGIC) => opened_bytes(bytes, key),
        _ => Ok(bytes.to_vec()),
    }
}

fn opened_bytes(bytes: &[u8], key: &x25519::Identity) -> io::Result<Vec<u8>> {
    let mut clear = Vec::new();
    unseal(bytes, key, &mut clear)?;
    Ok(clear)
}

fn sealed_bytes(bytes: &[u8], recipients: &[x25519::Recipient]) -> io::Result<Vec<u8>> {
    let mut writer = sealing(recipients)?.wrap_output(Vec::new())?;
    writer.write_all(bytes)?;
    writer.finish()
}

/// What tells those for whom copies are sealed from others, in any order: the beginning of a hash over their keys.
fn name_of(recipients: &[x25519::Recipient]) -> String {
    let mut keys: Vec<String> = recipients.iter().map(ToString::to_string).collect();
    keys.sort_unstable();
    keys.dedup();
    let name = Hash::of(keys.join("\n").as_bytes()).to_string();
    name.get(..16).unwrap_or_default().to_owned()
}

fn sealing(recipients: &[x25519::Recipient]) -> io::Result<age::Encryptor> {
    let recipients = recipients.iter().map(|it| -> &dyn age::Recipient { it });
    age::Encryptor::with_recipients(recipients).map_err(io::Error::other)
}

/// Where the evidence of a copy lies unless it is named.
fn blobs_beside(copy: &Path) -> PathBuf {
    let mut name = copy.file_name().unwrap_or_default().to_owned();
    name.push(".blobs");
    copy.with_file_name(name)
}

fn flag(field: &str, code: &str, es: &str, en: &str) -> Problem {
    Problem::invalid("invalid_input", "the input breaks rules", vec![FieldProblem::new(field, code, es, en)])
}

fn recipients(keys: &[String]) -> Result<Vec<x25519::Recipient>, Problem> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for key in keys {
        match key.parse() {
            Ok(key) => good.push(key),
            Err(cause) => bad.push(FieldProblem::new(
                "/recipient",
                "bad_recipient",
                format!("«{key}» no es una clave pública de age: {cause}"),
                format!("\"{key}\" is no public key of age: {cause}"),
            )),
        }
    }
    if bad.is_empty() {
        Ok(good)
    } else {
        Err(Problem::invalid("invalid_input", "the input breaks rules", bad))
    }
}

fn seal(clear: &Path, sealed: &Path, recipients: &[x25519::Recipient]) -> io::Result<()> {
    let mut writer = sealing(recipients)?.wrap_output(BufWriter::new(private(sealed)?))?;
    io::copy(&mut File::open(clear)?, &mut writer)?;
    let mut file = writer.finish()?;
    file.flush()?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// A new file that only its owner reads.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file of the same folder for what is not finished.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{what}-{}", std::process::id()));
    path.with_file_name(name)
}

/// Moves a finished file to its place, durably.
fn put_in_place(finished: &Path, place: &Path) -> Result<(), Problem> {
    let folder = place.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::rename(finished, place)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|cause| not_written(place, &cause))
}

fn not_written(path: &Path, cause: &dyn Display) -> Problem {
    Problem::single(
        500,
        "data_not_written",
        format!("No se puede escribir en {}: {cause}", path.display()),
        format!("cannot write to {}: {cause}", path.display()),
    )
}
