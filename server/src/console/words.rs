//! The texts of the console: Fluent messages under `server/texts`, one file per area in neutral Spanish and in English, and what a
//! country says otherwise. Owns how a text is found: overlay, language, and the key itself where nothing is there, which a test
//! rules out.

use super::lang::Lang;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle, types::FluentNumber};
use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, LazyLock},
};
use unic_langid::LanguageIdentifier;

type Bundle = FluentBundle<FluentResource>;

/// The files of a language, with their texts.
macro_rules! texts {
    ($lang:literal: $($area:literal),+ $(,)?) => {
        &[$((concat!($lang, "/", $area, ".ftl"), include_str!(concat!("../../texts/", $lang, "/", $area, ".ftl")))),+]
    };
}

/// The areas, in both languages.
macro_rules! areas {
    ($lang:literal) => {
        texts!(
            $lang: "account", "appeals", "branches", "frame", "gallery", "home", "imports", "pay", "people", "printed",
            "programmes", "review", "scorecards", "setup", "sign-in", "standard"
        )
    };
}

type Files = &'static [(&'static str, &'static str)];

const SPANISH: Files = areas!("es");
const ENGLISH: Files = areas!("en");
/// What a country says otherwise than neutral Spanish.
const OVERLAYS: [(&str, Files); 4] = [
    ("es-MX", texts!("es-MX": "overlay")),
    ("es-CO", texts!("es-CO": "overlay")),
    ("es-CL", texts!("es-CL": "overlay")),
    ("es-ES", texts!("es-ES": "overlay")),
];

/// Every bundle, read once.
struct Catalogue {
    spanish: Arc<Bundle>,
    english: Arc<Bundle>,
    overlays: Vec<(&'static str, Arc<Bundle>)>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    spanish: Arc::new(bundle("es", SPANISH)),
    english: Arc::new(bundle("en", ENGLISH)),
    overlays: OVERLAYS.iter().map(|(name, files)| (*name, Arc::new(bundle(name, files)))).collect(),
});

/// The files are read by a test before they are released: what is broken in one is left out here.
fn bundle(locale: &str, files: Files) -> Bundle {
    let id: LanguageIdentifier = locale.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![id]);
    // The marks around what is put in are for texts that mix directions of writing.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(if locale == "en" { grouped_in_english } else { grouped_in_spanish }));
    for (_, text) in files {
        let resource = match FluentResource::try_new((*text).to_owned()) {
            Ok(whole) => whole,
            Err((partial, _)) => partial,
        };
        drop(bundle.add_resource(resource));
    }
    bundle
}

const ENGLISH_GROUPS: &str = ",";
/// A narrow space.
const SPANISH_GROUPS: &str = "\u{202f}";

fn grouped_in_english<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(value, ENGLISH_GROUPS)
}

/// Groups stand apart by a narrow space, and four digits together.
fn grouped_in_spanish<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(value, SPANISH_GROUPS)
}

fn grouped(value: &FluentValue<'_>, separator: &str) -> Option<String> {
    match value {
        FluentValue::Number(number) => Some(group(&number.as_string(), separator)),
        _ => None,
    }
}

/// Whole numbers of five digits and more in groups of three.
pub(super) fn group(digits: &str, separator: &str) -> String {
    let (sign, bare) = digits.strip_prefix('-').map_or(("", digits), |it| ("-", it));
    if bare.len() < 5 || !bare.bytes().all(|it| it.is_ascii_digit()) {
        return digits.to_owned();
    }
    let mut grouped = sign.to_owned();
    for (index, digit) in bare.chars().enumerate() {
        if index > 0 && (bare.len() - index).is_multiple_of(3) {
            grouped.push_str(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// The texts in the language of a page.
#[derive(Clone)]
pub(crate) struct Words {
    pub(crate) lang: Lang,
    /// What is looked in, first to last.
    chain: Vec<Arc<Bundle>>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Words").field(&self.lang).finish()
    }
}

impl Words {
    /// The texts of a language, as the organization's locale says them where it is of that language.
    pub(crate) fn of(lang: Lang, locale: Option<&str>) -> Self {
        let base = match lang {
            Lang::Es => &CATALOGUE.spanish,
            Lang::En => &CATALOGUE.english,
        };
        let overlay = CATALOGUE.overlays.iter().find(|(name, _)| lang == Lang::Es && locale == Some(*name));
        let chain = overlay.map(|(_, it)| it).into_iter().chain([base]).cloned().collect();
        Self { lang, chain }
    }

    /// A text.
    pub(crate) fn say(&self, key: &str) -> String {
        self.formatted(key, None)
    }

    /// A text with a number, its `n`: of things that are counted, also for plural forms.
    pub(crate) fn count(&self, key: &str, n: impl TryInto<i64>) -> String {
        let n = n.try_into().unwrap_or(i64::MAX);
        self.with(key, &[("n", FluentValue::Number(FluentNumber::from(n)))])
    }

    /// A text with another, its `it`.
    pub(crate) fn naming(&self, key: &str, it: impl fmt::Display) -> String {
        self.with(key, &[("it", FluentValue::from(it.to_string()))])
    }

    /// A text with what it is made of.
    pub(crate) fn with(&self, key: &str, parts: &[(&'static str, FluentValue<'_>)]) -> String {
        let args: FluentArgs<'_> = parts.iter().map(|(name, value)| (*name, value.clone())).collect();
        self.formatted(key, Some(&args))
    }

    /// The text of a value with a stable name: `state-approved`.
    pub(crate) fn name_of(&self, family: &str, name: &str) -> String {
        self.say(&format!("{family}-{}", name.replace('_', "-")))
    }

    /// A decimal as it is written, its whole part in groups as in texts; what is no decimal as it is.
    pub(crate) fn figure(&self, text: &str) -> String {
        let separator = match self.lang {
            Lang::Es => SPANISH_GROUPS,
            Lang::En => ENGLISH_GROUPS,
        };
        match text.split_once('.') {
            Some((whole, rest)) if rest.bytes().all(|it| it.is_ascii_digit()) => {
                format!("{}.{rest}", group(whole, separator))
            }
            _ => group(text, separator),
        }
    }

    /// Whether there is such a text.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.chain.iter().any(|it| it.has_message(key))
    }

    fn formatted(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let found = self.chain.iter().find_map(|it| Some((it, it.get_message(key)?.value()?)));
        let Some((bundle, pattern)) = found else {
            tracing::error!(key, "a text of the console is missing");
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut errors);
        if !errors.is_empty() {
            tracing::error!(key, ?errors, "a text of the console lacks what it is made of");
        }
        match text {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluent_syntax::{ast, parser};
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::{Path, PathBuf},
    };

    /// The texts of files by key, each with the names of what it is made of.
    fn texts(files: Files) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for (name, text) in files {
            let resource = parser::parse(*text).unwrap_or_else(|(_, errors)| panic!("{name}: {errors:?}"));
            for entry in resource.body {
                if let ast::Entry::Message(message) = entry {
                    let key = message.id.name.to_owned();
                    let pattern = message.value.unwrap_or_else(|| panic!("{name}: {key} says nothing"));
                    assert!(
                        found.insert(key.clone(), parts(&pattern)).is_none(),
                        "{name}: {key} stands twice"
                    );
                }
            }
        }
        found
    }

    fn parts(pattern: &ast::Pattern<&str>) -> BTreeSet<String> {
        let written = format!("{pattern:?}");
        let names = written.split("VariableReference { id: Identifier { name: \"").skip(1);
        names.filter_map(|it| it.split('"').next()).map(str::to_owned).collect()
    }

    fn files_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files_in(&path, ending));
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
        found
    }

    /// The keys that follow a call in the sources of the console, and the families of keys that are put together.
    fn used() -> (BTreeSet<String>, BTreeSet<String>) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = files_in(&root.join("templates"), ".html");
        sources.extend(files_in(&root.join("src/console"), ".rs"));
        let (mut keys, mut families) = (BTreeSet::new(), BTreeSet::new());
        for path in sources {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            for piece in text.split('"') {
                keys.insert(piece.to_owned());
            }
            for piece in text.split("name_of(\"").skip(1) {
                families.insert(format!("{}-", piece.split('"').next().unwrap()));
            }
            for piece in text.split(", \"").skip(1) {
                keys.insert(piece.split('"').next().unwrap().to_owned());
            }
        }
        families.insert("said-".to_owned());
        (keys, families)
    }

    #[test]
    fn both_languages_say_the_same_things_of_the_same_parts() {
        let (spanish, english) = (texts(SPANISH), texts(ENGLISH));
        assert_eq!(spanish.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>());
        for (key, parts) in &spanish {
            assert_eq!(Some(parts), english.get(key), "{key}");
        }
    }

    #[test]
    fn a_country_says_only_otherwise_what_is_said() {
        let spanish = texts(SPANISH);
        for (locale, files) in OVERLAYS {
            for (key, parts) in texts(files) {
                assert_eq!(spanish.get(&key), Some(&parts), "{locale}: {key}");
            }
        }
    }

    #[test]
    fn every_text_is_used_and_every_text_that_is_used_is_there() {
        let spanish = texts(SPANISH);
        let (used, families) = used();
        let is_used =
            |key: &String| used.contains(key) || families.iter().any(|it| key.starts_with(it.as_str()));
        let unused: Vec<_> = spanish.keys().filter(|it| !is_used(it)).collect();
        assert_eq!(unused, Vec::<&String>::new(), "texts that nobody says");
        let areas: BTreeSet<&str> = spanish.keys().filter_map(|it| it.split('-').next()).collect();
        let is_key = |it: &&String| {
            it.contains('-')
                && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
                && areas.contains(it.split('-').next().unwrap_or_default())
        };
        // What `done` says, and the families of `name_of`, are put together.
        let is_there = |it: &&String| {
            spanish.contains_key(*it)
                || spanish.contains_key(&format!("said-{it}"))
                || families.contains(&format!("{it}-"))
        };
        let missing: Vec<_> = used.iter().filter(is_key).filter(|it| !is_there(it)).collect();
        assert_eq!(missing, Vec::<&String>::new(), "texts that are not there");
    }

    #[test]
    fn every_file_of_texts_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("texts");
        let there = files_in(&root, ".ftl")
            .into_iter()
            .map(|it| it.strip_prefix(&root).unwrap().display().to_string());
        let mut read: Vec<String> =
            [SPANISH, ENGLISH].into_iter().flatten().map(|(name, _)| (*name).to_owned()).collect();
        read.extend(OVERLAYS.iter().flat_map(|(_, files)| files.iter()).map(|(name, _)| (*name).to_owned()));
        assert_eq!(there.collect::<BTreeSet<_>>(), read.into_iter().collect());
    }

    #[test]
    fn names_of_roles_are_there_for_every_role() {
        for lang in [Lang::Es, Lang::En] {
            let words = Words::of(lang, None);
            for role in domain::access::Role::ALL {
                assert!(words.has(&format!("role-{}", role.as_str().replace('_', "-"))), "{role}");
            }
        }
    }

    #[test]
    fn a_country_is_heard_before_neutral_spanish_and_never_in_english() {
        let of = |lang, locale| Words::of(lang, Some(locale)).say("role-hr-analyst");
        assert_eq!(of(Lang::Es, "es"), "Analista de RR. HH.");
        assert_eq!(of(Lang::Es, "es-CO"), "Analista de gestión humana");
        assert_eq!(of(Lang::Es, "es-MX"), "Analista de RR. HH.");
        assert_eq!(of(Lang::En, "es-CO"), "HR analyst");
    }

    #[test]
    fn numbers_are_grouped_from_five_digits_on() {
        assert_eq!(group("9999", ","), "9999");
        assert_eq!(group("27600", ","), "27,600");
        assert_eq!(group("-1234567", "\u{202f}"), "-1\u{202f}234\u{202f}567");
        assert_eq!(Words::of(Lang::En, None).figure("-27600.05"), "-27,600.05");
        assert_eq!(Words::of(Lang::Es, None).figure("1027600.05"), "1\u{202f}027\u{202f}600.05");
        assert_eq!(Words::of(Lang::En, None).figure("table_12345"), "table_12345");
        assert_eq!(Words::of(Lang::En, None).count("scorecard-in-rank", 12_367), "rank 12,367");
    }

    #[test]
    fn what_is_not_there_says_its_key() {
        assert_eq!(Words::of(Lang::Es, None).say("no-such-text"), "no-such-text");
    }
}
