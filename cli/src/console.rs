//! How commands read input and print results: JSON on standard output, one JSON problem on standard error. Owns the
//! exit codes and the limits of input files.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

use domain::Problem;
use serde::Serialize;

/// Exit code of a refused input.
const EXIT_REFUSED: u8 = 2;
/// Exit code of everything else that went wrong.
const EXIT_FAILED: u8 = 1;
/// Largest input that a command reads, in bytes.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// Reads a file, or standard input where the path is `-`.
///
/// # Errors
/// `unreadable_input` where it cannot be read, is not UTF-8 or is too large.
pub(crate) fn read_input(path: &Path) -> Result<String, Problem> {
    String::from_utf8(read_bytes(path)?).map_err(|error| unreadable(path, &error.to_string()))
}

/// Reads a file of any bytes, or standard input where the path is `-`.
///
/// # Errors
/// `unreadable_input` where it cannot be read or is too large.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let read = |source: &mut dyn Read| {
        let mut bytes = Vec::new();
        source.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = if path == Path::new("-") {
        read(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|mut it| read(&mut it))
    };
    let bytes = bytes.map_err(|error| unreadable(path, &error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|it| it <= MAX_INPUT_BYTES) {
        Ok(bytes)
    } else {
        Err(unreadable(path, &format!("larger than {MAX_INPUT_BYTES} bytes")))
    }
}

fn unreadable(path: &Path, why: &str) -> Problem {
    let path = path.display();
    Problem::single(
        400,
        "unreadable_input",
        format!("No se puede leer {path}: {why}"),
        format!("Cannot read {path}: {why}"),
    )
}

/// Prints a result as indented JSON with a final newline.
///
/// # Errors
/// `output_failed` where standard output is closed or full.
pub(crate) fn print(result: &impl Serialize) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(result).map_err(|error| output_failed(&error.to_string()))?;
    print_text(&format!("{text}\n"))
}

/// Prints a text as it is.
///
/// # Errors
/// `output_failed` where standard output is closed or full.
pub(crate) fn print_text(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        // Who reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| output_failed(&error.to_string())),
    }
}

fn output_failed(why: &str) -> Problem {
    Problem::single(
        500,
        "output_failed",
        format!("No se pudo escribir: {why}"),
        format!("Cannot write: {why}"),
    )
}

/// Prints a problem on standard error and gives its exit code.
pub(crate) fn report(problem: &Problem) -> ExitCode {
    // A problem is plain texts, which JSON can always say; where standard error is gone nobody reads it.
    let text = serde_json::to_string_pretty(problem).unwrap_or_default();
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(if problem.status < 500 { EXIT_REFUSED } else { EXIT_FAILED })
}
