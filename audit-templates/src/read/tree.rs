//! From YAML text to a small tree that knows its lines. Owns what of YAML is accepted: one document of maps, lists
//! and scalars; no anchors, aliases, tags or repeated keys; bounded in size and depth. JSON is YAML.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 24;
/// Most keys of one map.
pub const MAX_KEYS: usize = 1_000;
/// Most nodes.
pub const MAX_NODES: usize = 100_000;

/// A value of the file and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Line, from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// A value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A scalar: its text, and whether it stood without quotes.
    Scalar {
        /// Its text.
        text: String,
        /// Whether it stood without quotes, so that `true`, `null` and numbers mean what they say.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file; keys are unique.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Whether it is an unquoted null (`null`, `~` or nothing).
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// What of the text is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// Line, from 1.
    pub line: usize,
    /// Where in the content.
    pub path: String,
    /// Stable code.
    pub code: &'static str,
    /// In Spanish.
    pub message_es: String,
    /// In English.
    pub message_en: String,
}

fn problem(line: usize, code: &'static str, es: impl Into<String>, en: impl Into<String>) -> SyntaxProblem {
    SyntaxProblem { line, path: String::new(), code, message_es: es.into(), message_en: en.into() }
}

/// A collection that is still open.
enum Open {
    List(usize, Vec<Node>),
    Map(usize, Vec<(String, Node)>, Option<String>),
}

/// Reads the text of a file, and what of it is not accepted.
///
/// Repeated keys are collected and the first one stands; any other problem ends the reading without a tree, since
/// what follows cannot be trusted.
pub fn parse(text: &str) -> (Option<Node>, Vec<SyntaxProblem>) {
    if text.len() > MAX_FILE_BYTES {
        let (es, en) = (
            format!("El archivo pasa de {MAX_FILE_BYTES} bytes; divídalo"),
            format!("The file is larger than {MAX_FILE_BYTES} bytes; split it"),
        );
        return (None, vec![problem(1, "too_large", es, en)]);
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let result = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(problem(
                error.marker().line(),
                "not_yaml",
                format!("No es YAML válido: {}", error.info()),
                format!("Not valid YAML: {}", error.info()),
            )),
        };
        if let Err(fatal) = result {
            let path = builder.path();
            builder.problems.push(SyntaxProblem { path, ..fatal });
            return (None, builder.problems);
        }
    }
    if builder.root.is_none() {
        builder.problems.push(problem(1, "empty_file", "El archivo está vacío", "The file is empty"));
    }
    (builder.root, builder.problems)
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    problems: Vec<SyntaxProblem>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxProblem> {
        let line = span.start.line();
        match event {
            Event::Alias(_) => Err(no_anchors(line)),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                Err(no_anchors(line))
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                Err(problem(line, "tag", "Quite la etiqueta (!…)", "Remove the tag (!…)"))
            }
            Event::DocumentStart(_) if self.root.is_some() => Err(problem(
                line,
                "several_documents",
                "Deje un solo documento por archivo",
                "Keep one document per file",
            )),
            Event::Scalar(text, style, ..) => {
                self.scalar(line, text.into_owned(), style == ScalarStyle::Plain)
            }
            Event::SequenceStart(..) => self.open(Open::List(line, Vec::new()), line),
            Event::MappingStart(..) => self.open(Open::Map(line, Vec::new(), None), line),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, line: usize, text: String, plain: bool) -> Result<(), SyntaxProblem> {
        if let Some(Open::Map(_, members, key @ None)) = self.stack.last_mut() {
            if members.len() >= MAX_KEYS {
                let (es, en) = (format!("Más de {MAX_KEYS} claves"), format!("More than {MAX_KEYS} keys"));
                return Err(problem(line, "too_large", es, en));
            }
            let repeated = members.iter().any(|(it, _)| *it == text);
            *key = Some(text);
            if repeated {
                self.refuse_repeated_key(line);
            }
            return Ok(());
        }
        self.add(Node { line, value: Value::Scalar { text, plain } })
    }

    fn refuse_repeated_key(&mut self, line: usize) {
        if self.problems.len() >= MAX_KEYS {
            return;
        }
        let path = self.path();
        let (es, en) = ("La clave está repetida; deje una", "The key is repeated; keep one");
        self.problems.push(SyntaxProblem { path, ..problem(line, "repeated_key", es, en) });
    }

    /// Where the reading stands.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.stack {
            match open {
                Open::List(_, items) => path.push_str(&format!("[{}]", items.len())),
                Open::Map(_, _, Some(key)) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Open::Map(_, _, None) => {}
            }
        }
        path
    }

    fn open(&mut self, open: Open, line: usize) -> Result<(), SyntaxProblem> {
        if let Some(Open::Map(_, _, None)) = self.stack.last() {
            return Err(problem(line, "key_not_text", "Una clave debe ser un texto", "A key must be a text"));
        }
        if self.stack.len() >= MAX_DEPTH {
            let (es, en) =
                (format!("Más de {MAX_DEPTH} niveles"), format!("Nested deeper than {MAX_DEPTH} levels"));
            return Err(problem(line, "too_deep", es, en));
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), SyntaxProblem> {
        match self.stack.pop() {
            Some(Open::List(line, items)) => self.add(Node { line, value: Value::List(items) }),
            Some(Open::Map(line, members, _)) => self.add(Node { line, value: Value::Map(members) }),
            None => Ok(()),
        }
    }

    fn add(&mut self, node: Node) -> Result<(), SyntaxProblem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let (es, en) = (format!("Más de {MAX_NODES} valores"), format!("More than {MAX_NODES} values"));
            return Err(problem(node.line, "too_large", es, en));
        }
        match self.stack.last_mut() {
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, members, key)) => {
                if let Some(key) = key.take().filter(|key| members.iter().all(|(it, _)| it != key)) {
                    members.push((key, node));
                }
            }
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn no_anchors(line: usize) -> SyntaxProblem {
    problem(
        line,
        "anchor",
        "Escriba el valor completo: no se admiten anclas ni alias (& y *)",
        "Write the value out: anchors and aliases (& and *) are not accepted",
    )
}
