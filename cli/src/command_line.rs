//! From words on the command line to a command, or to a problem that names every offending one. Owns the codes and
//! texts of a refused command line; knows no command.

use crate::console;
use clap::{
    Parser,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};
use domain::{FieldProblem, Problem, problem::pointer};
use std::{error::Error as _, ffi::OsString};

/// Reads the words of a command line, the program's own name first; `None` where they asked for help or the version,
/// which then is on standard output.
///
/// # Errors
/// `invalid_arguments` with every flag, value or command that cannot be used; `output_failed`.
pub(crate) fn read<C: Parser>(mut words: Vec<OsString>) -> Result<Option<C>, Problem> {
    if words.len() < 2 {
        words.push("--help".into());
    }
    let mut errors: Vec<FieldProblem> = Vec::new();
    loop {
        let error = match C::try_parse_from(&words) {
            Ok(command) if errors.is_empty() => return Ok(Some(command)),
            Ok(_) => break,
            Err(error) => error,
        };
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) && errors.is_empty() {
            return console::print_text(&error.render().to_string()).map(|()| None);
        }
        // The parser stops at the first word that it cannot use. What is missing, or which command was meant, shows
        // only where all words could be used: a mistyped flag often is the one that is missing.
        if errors.is_empty() || (is_of_one_flag(&error) && names(&error).all(|it| it.starts_with('-'))) {
            errors.extend(told(&error));
        }
        if !is_of_one_flag(&error) || !leave_out(&error, &mut words) {
            break;
        }
    }
    Err(Problem::with_status(400, "invalid_arguments", "the command line cannot be used", errors))
}

/// Whether an error is about one flag or its value alone, so that the words after it can still be judged.
fn is_of_one_flag(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidValue | ErrorKind::ValueValidation)
}

/// Takes the word that an error is about out of the line, with its value; false where it cannot be told which it was.
fn leave_out(error: &Error, words: &mut Vec<OsString>) -> bool {
    let Some(name) = names(error).next() else { return false };
    let value = text(error, ContextKind::InvalidValue).filter(|it| !it.is_empty());
    let joined = value.as_ref().map(|it| OsString::from(format!("{name}={it}")));
    let found = words.iter().enumerate().find_map(|(at, word)| match &value {
        Some(_) if Some(word) == joined.as_ref() => Some(at..=at),
        Some(value) => {
            (*word == *name && words.get(at + 1).is_some_and(|it| *it == **value)).then_some(at..=at + 1)
        }
        None => (*word == *name || is_joined(word, &name)).then_some(at..=at),
    });
    found.is_some_and(|range| {
        words.drain(range);
        true
    })
}

/// Whether a word is the flag and its value in one.
fn is_joined(word: &OsString, name: &str) -> bool {
    word.to_str().and_then(|it| it.strip_prefix(name)).is_some_and(|it| it.starts_with('='))
}

/// What an error says, each offending word by itself.
fn told(error: &Error) -> Vec<FieldProblem> {
    let names: Vec<String> = names(error).collect();
    if names.is_empty() {
        return vec![of_no_name(error)];
    }
    names.iter().map(|name| of_name(error, name)).collect()
}

fn of_no_name(error: &Error) -> FieldProblem {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let (es, en) = suggestion(error, ContextKind::SuggestedSubcommand);
            let es = format!("No hay una orden «{word}»{es}");
            FieldProblem::new(
                pointer("", &word),
                "unknown_command",
                es,
                format!("There is no command `{word}`{en}"),
            )
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            FieldProblem::new(
                "",
                "missing_command",
                "Falta la orden; --help las muestra",
                "A command is missing; --help shows them",
            )
        }
        ErrorKind::InvalidUtf8 => {
            FieldProblem::new("", "not_utf8", "Un argumento no es UTF-8", "An argument is not UTF-8")
        }
        other => FieldProblem::new(
            "",
            "invalid_argument",
            format!("No sirve: {other}"),
            format!("Not usable: {other}"),
        ),
    }
}

fn of_name(error: &Error, name: &str) -> FieldProblem {
    let (code, es, en) = match error.kind() {
        ErrorKind::UnknownArgument => {
            let (es, en) = suggestion(error, ContextKind::SuggestedArg);
            ("unknown_argument", format!("No existe {name}{es}"), format!("There is no {name}{en}"))
        }
        ErrorKind::MissingRequiredArgument => {
            ("missing_argument", format!("Falta {name}"), format!("{name} is missing"))
        }
        ErrorKind::ArgumentConflict => conflict(error, name),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => invalid_value(error, name),
        other => {
            let en = format!("{name} cannot be used so: {other}");
            ("invalid_argument", format!("{name} no se puede usar así: {other}"), en)
        }
    };
    FieldProblem::new(pointer("", name), code, es, en)
}

fn conflict(error: &Error, name: &str) -> (&'static str, String, String) {
    let others: Vec<String> = texts(error, ContextKind::PriorArg).iter().map(|it| bare(it)).collect();
    if others.iter().any(|it| it == name) {
        return (
            "repeated_argument",
            format!("{name} se da una sola vez"),
            format!("{name} is given once only"),
        );
    }
    let others = others.join(", ");
    (
        "conflicting_argument",
        format!("{name} no va junto con {others}"),
        format!("{name} does not go with {others}"),
    )
}

fn invalid_value(error: &Error, name: &str) -> (&'static str, String, String) {
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let known = texts(error, ContextKind::ValidValue).join(", ");
    let (mut es, mut en) = suggestion(error, ContextKind::SuggestedValue);
    if !known.is_empty() {
        es = format!("; los posibles son: {known}{es}");
        en = format!("; those possible are: {known}{en}");
    }
    if let Some(cause) = error.source() {
        es = format!(": {cause}");
        en = format!(": {cause}");
    }
    if value.is_empty() {
        return (
            "missing_value",
            format!("{name} necesita un valor{es}"),
            format!("{name} needs a value{en}"),
        );
    }
    let en = format!("`{value}` is no value for {name}{en}");
    ("invalid_value", format!("«{value}» no es un valor para {name}{es}"), en)
}

/// What the parser thinks was meant, to be put after a sentence.
fn suggestion(error: &Error, kind: ContextKind) -> (String, String) {
    let meant = texts(error, kind).join(", ");
    if meant.is_empty() {
        return (String::new(), String::new());
    }
    (format!("; ¿quiso decir {meant}?"), format!("; did you mean {meant}?"))
}

/// The flags or values that an error is about, as they are typed.
fn names(error: &Error) -> impl Iterator<Item = String> {
    texts(error, ContextKind::InvalidArg).into_iter().map(|it| bare(&it))
}

/// `--template` of `--template <ID|FILE>`, `AUDIT` of `<AUDIT>`.
fn bare(shown: &str) -> String {
    let name = if shown.starts_with('-') {
        shown.split([' ', '=']).next().unwrap_or(shown)
    } else {
        shown.trim_end_matches('.').trim_matches(['<', '>', '[', ']'])
    };
    name.to_owned()
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    texts(error, kind).into_iter().next()
}

fn texts(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
