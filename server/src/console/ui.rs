//! The parts that pages are made of, as data with a template each: fields with what is wrong with them, forms, empty places, pages of
//! a list. They hold finished texts and know no use case.

use super::{
    form::{Faults, Typed},
    lang::Lang,
    words::Words,
};
use askama::Template;
use domain::FieldProblem;
use qrcode::{Color, EcLevel, QrCode};

/// What can be chosen.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

/// How a field is filled in.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// One line; `type` of the control: text, password, email, date, time, number.
    Line(&'static str),
    /// Several lines.
    Area,
    /// A box to tick.
    Tick,
    /// One of a list.
    Select(Vec<Choice>),
    /// One of a few, all seen.
    Radio(Vec<Choice>),
    /// A file; which kinds are offered first.
    File(&'static str),
}

/// A field of a form.
#[derive(Debug, Clone, Template)]
#[template(path = "ui/field.html")]
pub(crate) struct Field {
    pub(crate) name: String,
    /// What the page calls the control: its name, unless several forms of a page have a field of that name.
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) hint: String,
    pub(crate) kind: Kind,
    pub(crate) value: String,
    pub(crate) errors: Vec<String>,
    pub(crate) is_required: bool,
    pub(crate) autocomplete: &'static str,
    pub(crate) most: u32,
}

impl Field {
    pub(crate) fn line(name: &str, label: String) -> Self {
        Self {
            name: name.to_owned(),
            id: name.to_owned(),
            label,
            hint: String::new(),
            kind: Kind::Line("text"),
            value: String::new(),
            errors: Vec::new(),
            is_required: true,
            autocomplete: "off",
            most: 200,
        }
    }

    /// The same, under a name of its own on a page.
    pub(crate) fn id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    pub(crate) fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn hint(self, hint: String) -> Self {
        Self { hint, ..self }
    }

    pub(crate) fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    pub(crate) fn autocomplete(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    pub(crate) fn most(self, most: u32) -> Self {
        Self { most, ..self }
    }

    /// The same as it was typed, with what is wrong with it. A password is typed anew.
    pub(crate) fn filled(mut self, typed: &Typed, faults: &Faults, lang: Lang) -> Self {
        let value = typed.get(&self.name);
        match &mut self.kind {
            Kind::Line("password") | Kind::File(_) => {}
            Kind::Select(choices) | Kind::Radio(choices) if !value.is_empty() => {
                choices.iter_mut().for_each(|it| it.is_chosen = it.value == value);
            }
            _ => value.clone_into(&mut self.value),
        }
        self.errors = faults.at(&self.name).map(|it| text_of(lang, it)).collect();
        self
    }

    /// What the control is described by, for whoever hears the page.
    fn described_by(&self) -> String {
        let hint = (!self.hint.is_empty()).then(|| format!("h-{}", self.id));
        let error = (!self.errors.is_empty()).then(|| format!("e-{}", self.id));
        hint.into_iter().chain(error).collect::<Vec<_>>().join(" ")
    }

    fn has_control(&self) -> bool {
        !matches!(self.kind, Kind::Radio(_))
    }
}

fn text_of(lang: Lang, it: &FieldProblem) -> String {
    lang.message(it).to_owned()
}

/// What is wrong, with the field where it is mended.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// None where it is of the whole form.
    pub(crate) field: Option<String>,
    pub(crate) text: String,
}

/// A form.
#[derive(Debug, Clone, Template)]
#[template(path = "ui/form.html")]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) fields: Vec<Field>,
    /// All that is wrong, before the fields.
    pub(crate) faults: Vec<Fault>,
    /// What stands above the faults.
    pub(crate) faults_title: String,
    pub(crate) submit: String,
    /// Whether what it does hurts.
    pub(crate) is_danger: bool,
    /// Values that are sent along.
    pub(crate) hidden: Vec<(String, String)>,
    /// Whether it sends a file.
    pub(crate) is_upload: bool,
}

impl Form {
    pub(crate) fn new(words: &Words, action: &str, csrf: &str, submit: &str, fields: Vec<Field>) -> Self {
        Self {
            action: action.to_owned(),
            csrf: csrf.to_owned(),
            fields,
            faults: Vec::new(),
            faults_title: words.say("form-faults"),
            submit: words.say(submit),
            is_danger: false,
            is_upload: false,
            hidden: Vec::new(),
        }
    }

    /// The same form as it was sent, with what is wrong with it.
    pub(crate) fn again(mut self, typed: &Typed, faults: &Faults, lang: Lang) -> Self {
        self.fields = self.fields.into_iter().map(|it| it.filled(typed, faults, lang)).collect();
        let names: Vec<&str> = self.fields.iter().map(|it| it.name.as_str()).collect();
        let whole =
            faults.beside(&names).into_iter().map(|it| Fault { field: None, text: text_of(lang, it) });
        let of_fields = self.fields.iter().flat_map(|field| {
            field.errors.iter().map(move |text| Fault {
                field: Some(field.id.clone()),
                text: format!("{}: {text}", field.label),
            })
        });
        self.faults = whole.chain(of_fields).collect();
        self
    }

    pub(crate) fn upload(self) -> Self {
        Self { is_upload: true, ..self }
    }

    pub(crate) fn danger(self) -> Self {
        Self { is_danger: true, ..self }
    }

    pub(crate) fn with_hidden(mut self, name: &str, value: String) -> Self {
        self.hidden.push((name.to_owned(), value));
        self
    }
}

/// A place where nothing is yet: what will be here, and what to do for it.
#[derive(Debug, Clone, Template)]
#[template(path = "ui/empty.html")]
pub(crate) struct Empty {
    pub(crate) title: String,
    pub(crate) text: String,
    /// Where to go, with what it is called.
    pub(crate) action: Option<(String, String)>,
}

/// A QR of a text, as a picture of one path: dark modules on white, with the quiet edge that readers need.
#[derive(Debug, Clone, Template)]
#[template(path = "ui/qr.html")]
pub(crate) struct Qr {
    /// What it is a code of, for whoever does not see it.
    label: String,
    side: usize,
    path: String,
}

/// Modules of white around a code.
const QUIET: usize = 4;

impl Qr {
    /// None for a text that no code can hold.
    pub(crate) fn of(text: &str, label: String) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (index, color) in code.to_colors().into_iter().enumerate() {
            if color == Color::Dark {
                path.push_str(&format!("M{} {}h1v1h-1z", index % width + QUIET, index / width + QUIET));
            }
        }
        Some(Self { label, side: width + 2 * QUIET, path })
    }
}

/// The next page of a list.
#[derive(Debug, Clone, Template)]
#[template(path = "ui/pager.html")]
pub(crate) struct Pager {
    pub(crate) label: String,
    pub(crate) next: Option<(String, String)>,
    pub(crate) first: Option<(String, String)>,
}
