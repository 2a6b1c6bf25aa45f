//! What happens to a command line that cannot be used: exit code 2, nothing on standard output, and one JSON problem
//! that names every offending word. Asking for help is no error.

use crate::binary::{problem, run, sorted_fields};

/// The fields of a refused command line, with their codes.
#[track_caller]
fn assert_refused(arguments: &[&str], expected: &[(&str, &str)]) {
    let problem = problem(&run(arguments));
    assert_eq!((&problem["code"], &problem["status"]), (&"invalid_arguments".into(), &400.into()));
    assert_eq!(sorted_fields(&problem), expected, "{arguments:?}");
}

/// The English text of the first error.
fn text(arguments: &[&str]) -> String {
    problem(&run(arguments))["errors"][0]["message_en"].as_str().unwrap().to_owned()
}

#[test]
fn every_flag_that_is_missing_is_named() {
    assert_refused(&["score"], &[("/--answers", "missing_argument"), ("/--template", "missing_argument")]);
    let start = ["field", "--data", "d", "start", "--branch", "B1"];
    assert_refused(&start, &[("/--template", "missing_argument")]);
    assert_refused(&["serve", "--tls-cert", "cert.pem"], &[("/--tls-key", "missing_argument")]);
    assert_refused(&["template", "check"], &[("/FILE", "missing_argument")]);
}

#[test]
fn every_flag_that_does_not_exist_is_named_and_not_what_it_leaves_missing() {
    let both = [("/--answrs", "unknown_argument"), ("/--templat", "unknown_argument")];
    assert_refused(&["score", "--templat", "x", "--answrs=y"], &both);
    assert_refused(&["--verbose", "score", "--template", "x"], &[("/--verbose", "unknown_argument")]);
    assert_refused(&["-x"], &[("/-x", "unknown_argument")]);
    let extra = ["score", "--template", "cc-llamada", "--answers", "-", "extra"];
    assert_refused(&extra, &[("/extra", "unknown_argument")]);
}

#[test]
fn every_value_that_does_not_fit_is_named_with_those_that_would() {
    let person = ["--org", "acme", "--login", "eva", "--name", "Eva"];
    let wrong = ["admin", "--workers", "many", "user", "add", "--role=admn", "--rol", "x"];
    let expected =
        [("/--rol", "unknown_argument"), ("/--role", "invalid_value"), ("/--workers", "invalid_value")];
    assert_refused(&[&wrong[..], &person].concat(), &expected);
    let answer = ["field", "--data", "d", "answer", "no-uuid", "A01", "yes"];
    assert_refused(&answer, &[("/AUDIT", "invalid_value")]);
    assert_refused(&["score", "--template"], &[("/--template", "missing_value")]);
    // Where it were taken, the address would still keep the demo from serving.
    let none = ["demo", "--visits", "0", "--listen", "nope"];
    assert_refused(&none, &[("/--visits", "invalid_value")]);
    let format = text(&["template", "export", "cc-llamada", "--format", "jsn"]);
    assert_eq!(format, "`jsn` is no value for --format; those possible are: yaml, json; did you mean json?");
}

#[test]
fn what_does_not_go_together_is_named() {
    let id = "01890000-0000-7000-8000-000000000000";
    let start = ["field", "--data", "d", "start", "--assignment", id, "--branch", "B1", "--template", "x"];
    assert_refused(&start, &[("/--assignment", "conflicting_argument")]);
    assert!(text(&start).contains("--branch, --template"), "{}", text(&start));
    let twice = ["score", "--template", "a", "--template", "b", "--answers", "-"];
    assert_refused(&twice, &[("/--template", "repeated_argument")]);
}

#[test]
fn a_command_that_does_not_exist_or_is_missing_is_told() {
    assert_refused(&["serv"], &[("/serv", "unknown_command")]);
    assert_eq!(text(&["serv"]), "There is no command `serv`; did you mean serve?");
    assert_refused(&["admin"], &[("", "missing_command")]);
    assert_refused(&["field", "--data", "d"], &[("", "missing_command")]);
}

#[cfg(unix)]
#[test]
fn a_word_that_is_not_utf_8_is_told() {
    use std::os::unix::ffi::OsStrExt as _;
    let word = std::ffi::OsStr::from_bytes(b"a\xff");
    let folder = crate::binary::folder();
    let output =
        crate::binary::veedor(folder.path()).args(["template", "export"]).arg(word).output().unwrap();
    assert_eq!(sorted_fields(&problem(&output)), [("", "not_utf8")]);
}

#[test]
fn help_and_version_are_plain_text_on_standard_output() {
    for arguments in
        [&[][..], &["--help"], &["help"], &["score", "--help"], &["help", "admin", "user", "add"]]
    {
        let output = run(arguments);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("Usage: veedor"), "{arguments:?}");
    }
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("veedor {}\n", env!("CARGO_PKG_VERSION")));
}
