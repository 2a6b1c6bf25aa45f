//! Reads content files into types and collects every problem on the way. Owns the tools for it: [`read`] gives the
//! [`Cursor`] at the root; a reader is a total function from a cursor to a value, which stands in a default where
//! the file is wrong and says so, so that one pass tells everything.

mod tree;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use domain::{Exact, LocalText};

use crate::problem::TemplateProblem;
pub use tree::{MAX_DEPTH, MAX_FILE_BYTES, MAX_KEYS, MAX_NODES, Node, SyntaxProblem, Value, parse};

/// Longest text of a content file, in characters.
pub const MAX_CONTENT_TEXT_CHARS: usize = 4_000;
/// Most elements of a list.
pub const MAX_ELEMENTS: usize = 5_000;
/// Most problems that are told of one file; the last of them says that there are more.
pub const MAX_PROBLEMS: usize = 1_000;

/// Problems found so far in one file.
#[derive(Debug)]
pub struct Report {
    file: String,
    root: Option<Node>,
    problems: RefCell<Vec<TemplateProblem>>,
    /// How many of the problems were found while reading, so that a default stands in at their place.
    misread: Cell<usize>,
}

/// A place in a content file.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    report: &'a Report,
    /// `None` where a key is missing and a default stands in, so that nothing below is reported again.
    node: Option<&'a Node>,
    path: String,
}

/// The keys of a map that is being read; [`Fields::finish`] reports those that nobody asked for.
#[derive(Debug)]
pub struct Fields<'a> {
    cursor: Cursor<'a>,
    asked: Vec<&'static str>,
}

/// Reads a file with a total reader, then with a validator of the value.
///
/// `validate` may report at any path; what lies at or below a place that was misread is left out, since a default
/// stands there.
///
/// # Errors
/// Every problem, by line.
pub fn read<T>(
    file: &str,
    text: &str,
    reader: impl FnOnce(&Cursor<'_>) -> T,
    validate: impl FnOnce(&T, &Report),
) -> Result<T, Vec<TemplateProblem>> {
    let report = Report::new(file, text);
    let value = report.root.as_ref().map(|root| {
        let cursor = Cursor { report: &report, node: Some(root), path: String::new() };
        let value = reader(&cursor);
        report.misread.set(report.problems.borrow().len());
        validate(&value, &report);
        value
    });
    let mut problems = report.problems.into_inner();
    problems.sort_by_key(|it| it.line);
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(problems),
    }
}

/// The value of the key `schema` of a file, such as `cem-checklist/1`; tells the kinds of content apart.
pub fn schema_of(text: &str) -> Option<String> {
    let Node { value: Value::Map(members), .. } = parse(text).0? else { return None };
    let (_, schema) = members.into_iter().find(|(key, _)| key == "schema")?;
    if let Value::Scalar { text, .. } = schema.value { Some(text) } else { None }
}

impl Report {
    fn new(file: &str, text: &str) -> Self {
        let located = |it: SyntaxProblem| TemplateProblem {
            file: file.to_string(),
            line: it.line,
            path: it.path,
            code: it.code.to_string(),
            message_es: it.message_es,
            message_en: it.message_en,
        };
        let (root, problems) = parse(text);
        let problems = problems.into_iter().map(located).collect();
        Self { file: file.to_string(), root, problems: RefCell::new(problems), misread: Cell::new(0) }
    }

    /// Whether the file was wrong at this path or above it, so that a default stands there.
    pub fn is_misread(&self, path: &str) -> bool {
        self.any_misread(|it| is_at_or_below(path, it))
    }

    /// Whether the file was wrong at this path, above it or below it.
    pub fn is_misread_within(&self, path: &str) -> bool {
        self.any_misread(|it| is_at_or_below(path, it) || is_at_or_below(it, path))
    }

    /// Whether the file was wrong at a path for which this holds.
    pub fn any_misread(&self, holds: impl Fn(&str) -> bool) -> bool {
        self.problems.borrow().iter().take(self.misread.get()).any(|it| holds(&it.path))
    }

    /// Reports a problem at a path, unless it was misread there or above.
    pub fn refuse(&self, path: &str, code: &str, es: impl Into<String>, en: impl Into<String>) {
        if self.is_misread(path) {
            return;
        }
        let line = self.line_of(path);
        self.push(line, path, code, es.into(), en.into());
    }

    fn push(&self, line: usize, path: &str, code: &str, message_es: String, message_en: String) {
        let mut problems = self.problems.borrow_mut();
        let (code, message_es, message_en) = match problems.len() {
            0..MAX_PROBLEMS => (code, message_es, message_en),
            MAX_PROBLEMS => (
                "too_many_problems",
                "Hay más problemas; corrija estos y vuelva a revisar".to_string(),
                "There are more problems; mend these and check again".to_string(),
            ),
            _ => return,
        };
        problems.push(TemplateProblem {
            file: self.file.clone(),
            line,
            path: path.to_string(),
            code: code.to_string(),
            message_es,
            message_en,
        });
    }

    /// Line of the value at a path, or of the nearest value above it.
    fn line_of(&self, path: &str) -> usize {
        let Some(mut node) = self.root.as_ref() else { return 1 };
        for step in path.split(['.', '[', ']']).filter(|it| !it.is_empty()) {
            let next = match &node.value {
                Value::Map(members) => members.iter().find(|(key, _)| key == step).map(|(_, it)| it),
                Value::List(items) => step.parse::<usize>().ok().and_then(|it| items.get(it)),
                Value::Scalar { .. } => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.line
    }
}

impl<'a> Cursor<'a> {
    /// The path: `sections[2].items[4].when`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reports a problem here.
    pub fn refuse(&self, code: &str, es: impl Into<String>, en: impl Into<String>) {
        if let Some(node) = self.node {
            self.report.push(node.line, &self.path, code, es.into(), en.into());
        }
    }

    fn wrong_type(&self, es: &str, en: &str) {
        let found = match self.node.map(|it| &it.value) {
            None => return,
            Some(Value::Scalar { text, .. }) => shown(text),
            Some(Value::List(_)) => "[…]".to_string(),
            Some(Value::Map(_)) => "{…}".to_string(),
        };
        self.refuse(
            "wrong_type",
            format!("Se espera {es}, no {found}"),
            format!("Expected {en}, not {found}"),
        );
    }

    fn scalar(&self) -> Option<(&'a str, bool)> {
        match &self.node?.value {
            Value::Scalar { text, plain } => Some((text, *plain)),
            _ => None,
        }
    }

    /// A text. What YAML would take for a number, a truth value or null needs quotes.
    pub fn text(&self) -> String {
        match self.scalar() {
            Some((text, plain)) if !(plain && is_other_than_text(text)) => {
                if text.chars().count() > MAX_CONTENT_TEXT_CHARS {
                    self.refuse(
                        "too_long",
                        format!("Más de {MAX_CONTENT_TEXT_CHARS} caracteres; acórtelo"),
                        format!("Longer than {MAX_CONTENT_TEXT_CHARS} characters; shorten it"),
                    );
                }
                text.to_string()
            }
            _ => {
                self.wrong_type(
                    "un texto (entre comillas si parece número)",
                    "a text (in quotes if it looks like a number)",
                );
                String::new()
            }
        }
    }

    /// A whole number from 0 to 2^32 - 1.
    pub fn integer(&self) -> u32 {
        let digits =
            self.scalar().filter(|(text, plain)| *plain && text.bytes().all(|it| it.is_ascii_digit()));
        digits.and_then(|(text, _)| text.parse().ok()).unwrap_or_else(|| {
            self.wrong_type("un entero, 0 o mayor", "a whole number, 0 or more");
            0
        })
    }

    /// A decimal number, exactly; quotes are allowed around it.
    pub fn exact(&self) -> Exact {
        let number = self
            .scalar()
            .filter(|(text, _)| !text.contains('/'))
            .and_then(|(text, _)| Exact::parse(text).ok());
        number.unwrap_or_else(|| {
            self.wrong_type("un número decimal como 12.50", "a decimal number such as 12.50");
            Exact::zero()
        })
    }

    /// `true` or `false`.
    pub fn flag(&self) -> bool {
        match self.scalar() {
            Some(("true", true)) => true,
            Some(("false", true)) => false,
            _ => {
                self.wrong_type("true o false", "true or false");
                false
            }
        }
    }

    /// One of some words; the fallback where it is none of them.
    pub fn choice<T: Clone>(&self, known: &[(&str, T)], fallback: T) -> T {
        let text = self.scalar().map(|(text, _)| text);
        let found = known.iter().find(|(word, _)| Some(*word) == text);
        if found.is_none() {
            let words = known.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            match text {
                Some(text) => {
                    let text = shown(text);
                    self.refuse(
                        "unknown_value",
                        format!("«{text}» no es ninguno de: {words}"),
                        format!("`{text}` is none of: {words}"),
                    );
                }
                None => self.wrong_type(&format!("uno de: {words}"), &format!("one of: {words}")),
            }
        }
        found.map_or(fallback, |(_, value)| value.clone())
    }

    /// A list, each element read in turn.
    pub fn list<T>(&self, read: impl Fn(&Cursor<'a>) -> T) -> Vec<T> {
        match self.node.map(|it| &it.value) {
            Some(Value::List(items)) if items.len() <= MAX_ELEMENTS => items
                .iter()
                .enumerate()
                .map(|(index, node)| read(&self.child(format!("{}[{index}]", self.path), node)))
                .collect(),
            Some(Value::List(_)) => {
                self.refuse(
                    "too_large",
                    format!("Más de {MAX_ELEMENTS} elementos"),
                    format!("More than {MAX_ELEMENTS} elements"),
                );
                Vec::new()
            }
            _ => {
                self.wrong_type("una lista", "a list");
                Vec::new()
            }
        }
    }

    /// A map with keys of the author's choice, each value read in turn.
    pub fn entries<T>(&self, read: impl Fn(&Cursor<'a>) -> T) -> BTreeMap<String, T> {
        match self.node.map(|it| &it.value) {
            Some(Value::Map(members)) => members
                .iter()
                .map(|(key, node)| (key.clone(), read(&self.child(self.below(key), node))))
                .collect(),
            _ => {
                self.wrong_type("un mapa", "a map");
                BTreeMap::new()
            }
        }
    }

    /// A map with known keys. Where it is no map, that is reported once and every key reads as its default.
    pub fn fields(&self) -> Fields<'a> {
        let is_map = matches!(self.node.map(|it| &it.value), Some(Value::Map(_)));
        if !is_map {
            self.wrong_type("un mapa", "a map");
        }
        let node = if is_map { self.node } else { None };
        Fields { cursor: Self { report: self.report, node, path: self.path.clone() }, asked: Vec::new() }
    }

    /// A text in both languages: `{es: ..., en: ...}`.
    pub fn local_text(&self) -> LocalText {
        let mut fields = self.fields();
        let text =
            LocalText { es: fields.required("es", Cursor::text), en: fields.required("en", Cursor::text) };
        fields.finish();
        text
    }

    fn child(&self, path: String, node: &'a Node) -> Self {
        Self { report: self.report, node: Some(node), path }
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }
}

impl<'a> Fields<'a> {
    /// The value of a key that must be there.
    pub fn required<T>(&mut self, key: &'static str, read: impl FnOnce(&Cursor<'a>) -> T) -> T {
        self.asked.push(key);
        let path = self.cursor.below(key);
        match self.member(key) {
            Some(node) => read(&self.cursor.child(path, node)),
            None => {
                if let Some(parent) = self.cursor.node {
                    self.cursor.report.push(
                        parent.line,
                        &path,
                        "missing_key",
                        format!("Falta «{key}»; agréguela"),
                        format!("`{key}` is missing; add it"),
                    );
                }
                read(&Cursor { report: self.cursor.report, node: None, path })
            }
        }
    }

    /// The value of a key that may be absent; null is absent.
    pub fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(&Cursor<'a>) -> T) -> Option<T> {
        self.asked.push(key);
        let node = self.member(key).filter(|it| !it.is_null())?;
        Some(read(&self.cursor.child(self.cursor.below(key), node)))
    }

    /// The flag of a key; false where absent.
    pub fn flag(&mut self, key: &'static str) -> bool {
        self.optional(key, Cursor::flag).unwrap_or(false)
    }

    /// The place of the map itself.
    pub fn cursor(&self) -> &Cursor<'a> {
        &self.cursor
    }

    /// Whether the map has the key, null or not.
    pub fn has(&self, key: &str) -> bool {
        self.member(key).is_some()
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        let Some(Node { value: Value::Map(members), .. }) = self.cursor.node else { return };
        for (key, node) in members.iter().filter(|(key, _)| !self.asked.contains(&key.as_str())) {
            let known = self.asked.join(", ");
            let key = shown(key);
            self.cursor.child(self.cursor.below(&key), node).refuse(
                "unknown_key",
                format!("La clave «{key}» no existe aquí; las claves son: {known}"),
                format!("The key `{key}` does not exist here; the keys are: {known}"),
            );
        }
    }

    fn member(&self, key: &str) -> Option<&'a Node> {
        match &self.cursor.node?.value {
            Value::Map(members) => members.iter().find(|(it, _)| it == key).map(|(_, node)| node),
            _ => None,
        }
    }
}

/// Whether a path is another one or lies below it; everything lies below the empty path.
fn is_at_or_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other)
        .is_some_and(|rest| other.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether the core schema of YAML 1.2 takes an unquoted scalar for something other than a text.
fn is_other_than_text(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
        || matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        || text.parse::<f64>().is_ok()
}

/// A text as quoted in a message, cut where it is long.
fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let mut start: String = text.chars().take(SHOWN_CHARS).collect();
    if text.chars().count() > SHOWN_CHARS {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests;
