//! The reader on files of every shape: what it reads, what it refuses and where, and that no text makes it panic.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Default, PartialEq)]
struct Sample {
    name: String,
    count: u32,
    share: Exact,
    open: bool,
    tags: Vec<String>,
    note: Option<String>,
    kind: u8,
}

fn sample(at: &Cursor<'_>) -> Sample {
    let mut fields = at.fields();
    let sample = Sample {
        name: fields.required("name", Cursor::text),
        count: fields.required("count", Cursor::integer),
        share: fields.required("share", Cursor::exact),
        open: fields.flag("open"),
        tags: fields.optional("tags", |it| it.list(Cursor::text)).unwrap_or_default(),
        note: fields.optional("note", Cursor::text),
        kind: fields.optional("kind", |it| it.choice(&[("one", 1), ("two", 2)], 0)).unwrap_or_default(),
    };
    fields.finish();
    sample
}

fn codes(text: &str) -> Vec<(usize, String, String)> {
    let problems = read("f.yaml", text, sample, |_, _| {}).unwrap_err();
    problems.into_iter().map(|it| (it.line, it.path, it.code)).collect()
}

fn found(expected: &[(usize, &str, &str)]) -> Vec<(usize, String, String)> {
    expected.iter().map(|(line, path, code)| (*line, path.to_string(), code.to_string())).collect()
}

#[test]
fn yaml_and_json_of_the_same_shape_read_the_same() {
    let yaml = "name: no\ncount: 3\nshare: 0.10\nopen: true\ntags: [a, '1']\nnote: null\nkind: two\n";
    let json =
        r#"{"name":"no","count":3,"share":"0.10","open":true,"tags":["a","1"],"note":null,"kind":"two"}"#;
    let from_yaml = read("f", yaml, sample, |_, _| {}).unwrap();
    assert_eq!(from_yaml, read("f", json, sample, |_, _| {}).unwrap());
    assert_eq!(from_yaml.name, "no");
    assert_eq!(from_yaml.share, Exact::ratio(1, 10).unwrap());
    assert_eq!(from_yaml.note, None);
}

#[test]
fn every_problem_is_told_in_one_pass_with_its_line_and_path() {
    let text =
        "name: 3.10\ncount: -1\nopen: yes\ntags:\n  - a\n  - {b: c}\nkind: three\nextra: 1\nname: again\n";
    let expected = found(&[
        (1, "name", "wrong_type"),
        (1, "share", "missing_key"),
        (2, "count", "wrong_type"),
        (3, "open", "wrong_type"),
        (6, "tags[1]", "wrong_type"),
        (7, "kind", "unknown_value"),
        (8, "extra", "unknown_key"),
        (9, "name", "repeated_key"),
    ]);
    assert_eq!(codes(text), expected);
}

#[test]
fn what_is_not_a_plain_tree_is_refused() {
    for (text, path, code) in [
        ("", "", "empty_file"),
        ("name: &a x\n", "name", "anchor"),
        ("name: x\ntags: [*a]\n", "tags[0]", "not_yaml"),
        ("name: !!str x\n", "name", "tag"),
        ("name: x\n---\nname: y\n", "", "several_documents"),
        ("{[a]: b}\n", "", "key_not_text"),
        ("name: [", "name[0]", "not_yaml"),
    ] {
        let problems = codes(text);
        assert_eq!(
            problems.first().map(|(_, path, code)| (path.as_str(), code.as_str())),
            Some((path, code)),
            "{text}"
        );
    }
    assert_eq!(codes("- a\n")[0].2, "wrong_type");
    assert_eq!(codes(&"[".repeat(MAX_DEPTH + 1))[0].2, "too_deep");
    assert_eq!(codes(&" ".repeat(MAX_FILE_BYTES + 1))[0].2, "too_large");
}

#[test]
fn problems_and_keys_are_bounded() {
    let flow = |count: usize| (0..count).map(|it| format!("k{it}: 1\n")).collect::<String>();
    assert_eq!(codes(&flow(MAX_KEYS + 1)).last().unwrap().2, "too_large");
    let tags = format!("name: x\ncount: 1\nshare: 1\ntags: [{}]\n", "1,".repeat(MAX_PROBLEMS + 50));
    let found = codes(&tags);
    assert_eq!(found.len(), MAX_PROBLEMS + 1);
    assert_eq!(found.last().unwrap().2, "too_many_problems");
}

#[test]
fn a_validator_is_silent_where_a_default_stood_in() {
    let problems = read("f", "name: x\ncount: no\nshare: 1\n", sample, |_, report| {
        report.refuse("count", "zero", "cero", "zero");
        report.refuse("share", "one", "uno", "one");
    });
    let codes: Vec<String> = problems.unwrap_err().into_iter().map(|it| it.code).collect();
    assert_eq!(codes, ["wrong_type", "one"]);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = read("f", &text, sample, |_, _| {});
    }

    #[test]
    fn no_text_made_of_yaml_parts_panics(
        parts in prop::collection::vec(prop::sample::select(vec![
            "name", "tags", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "'", "\"", "&a", "*a", "!!t", "|", ">",
            "#", "---", "...", "?", "%", "\t", "null", "1.5", "ñ", "\\u0041", "\\",
        ]), 0..60),
    ) {
        let _ = read("f", &parts.concat(), sample, |_, _| {});
    }
}
