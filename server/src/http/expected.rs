//! What a field should have been, out of serde's English prose: in both languages, never with the value that came, which
//! may be a secret, and with a value of that shape.

/// What is wrong with one field, as serde tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault<'a> {
    /// A field that has to be there is not.
    Missing(&'a str),
    /// A field that does not exist; with those that do.
    Unknown(&'a str, Vec<&'a str>),
    /// A value that cannot be read.
    Wrong(Expected),
}

/// What a value should have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    /// How much is known of it: of two, the greater one is told.
    pub(super) precision: Precision,
    pub(super) es: String,
    pub(super) en: String,
    /// JSON that can be read in its place; `true` where that is not known yet, since that makes serde say more.
    pub(super) stand_in: String,
    /// The same where nothing stands beside it. Where a name tells what else there is, by our custom the first one needs
    /// nothing else.
    pub(super) stand_in_alone: String,
}

/// How much a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    /// Nothing.
    None,
    /// The type.
    Type,
    /// The values that it may have.
    Values,
}

/// What types call themselves in serde's prose, the first that fits: needle, Spanish, English, stand-in.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("UUID", "un identificador UUID", "an identifier, a UUID", r#""00000000-0000-0000-0000-000000000000""#),
    (
        "not a day",
        "un día que existe, como 2026-04-01",
        "a day that exists, such as 2026-04-01",
        r#""2026-04-01""#,
    ),
    (
        "timestamp",
        "un instante como 2026-04-01T09:30:00Z",
        "an instant such as 2026-04-01T09:30:00Z",
        r#""2026-04-01T09:30:00Z""#,
    ),
    ("decimal number", "un número decimal como 12.50", "a decimal number such as 12.50", r#""0""#),
    ("number too long", "un número decimal más corto", "a shorter decimal number", r#""0""#),
    ("signature algorithm", "1 (ES256) o 2 (Ed25519)", "1 (ES256) or 2 (Ed25519)", "1"),
    (
        "bytes",
        "un texto con bytes: «t:» y el texto, o «x:» y hexadecimal",
        "bytes in a string: 't:' with text or 'x:' with hexadecimal",
        r#""x:""#,
    ),
    (
        "hexadecimal",
        "un texto con bytes: «t:» y el texto, o «x:» y hexadecimal",
        "bytes in a string: 't:' with text or 'x:' with hexadecimal",
        r#""x:""#,
    ),
    ("string or map", "una de las opciones que hay", "one of the options that there are", r#""""#),
    ("variant identifier", "una de las opciones que hay", "one of the options that there are", r#""""#),
    ("a string", "un texto", "a string", r#""""#),
    ("a boolean", "verdadero o falso (true o false)", "true or false", "false"),
    ("a sequence", "una lista", "a list", "[]"),
    ("a map", "un objeto", "an object", "{}"),
    ("struct ", "un objeto", "an object", "{}"),
    ("tagged enum", "un objeto", "an object", "{}"),
];

impl<'a> Fault<'a> {
    /// Reads what serde says.
    pub(super) fn of(reason: &'a str) -> Self {
        let after = |prefix: &str| reason.strip_prefix(prefix);
        if let Some(name) = after("missing field `").and_then(|it| it.split('`').next()) {
            return Self::Missing(name);
        }
        if let Some(rest) = after("unknown field `") {
            return match rest.rsplit_once("`, expected ") {
                Some((name, known)) => Self::Unknown(name, quoted(known)),
                None => Self::Unknown(rest.split('`').next().unwrap_or_default(), Vec::new()),
            };
        }
        // An object with its tag beside its content calls a foreign field a value.
        let foreign = after("invalid value: string \"").and_then(|it| it.rsplit_once("\", expected \""));
        if let Some((name, known)) = foreign {
            return Self::Unknown(name, known.split('"').step_by(2).collect());
        }
        if let Some((_, known)) = after("unknown variant `").and_then(|it| it.rsplit_once("`, expected ")) {
            return Self::Wrong(Expected::one_of(&quoted(known)));
        }
        Self::Wrong(Expected::of(reason.rsplit_once(", expected ").map_or(reason, |it| it.1)))
    }
}

/// The names between backticks: "one of `a`, `b`".
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

impl Expected {
    fn of(prose: &str) -> Self {
        if let Some((low, high)) = bounds(prose) {
            return Self {
                precision: Precision::Type,
                es: format!("Debe ser un número entero de {low} a {high}."),
                en: format!("must be a whole number from {low} to {high}"),
                stand_in: "0".to_owned(),
                stand_in_alone: "0".to_owned(),
            };
        }
        match TYPES.iter().find(|it| prose.contains(it.0)) {
            Some((_, es, en, stand_in)) => Self {
                precision: Precision::Type,
                es: format!("Debe ser {es}."),
                en: format!("must be {en}"),
                stand_in: (*stand_in).to_owned(),
                stand_in_alone: (*stand_in).to_owned(),
            },
            None => Self {
                precision: Precision::None,
                es: "No tiene la forma debida; véala en /api/openapi.json.".to_owned(),
                en: "does not have the shape that it should; see /api/openapi.json".to_owned(),
                stand_in: "true".to_owned(),
                stand_in_alone: "true".to_owned(),
            },
        }
    }

    fn one_of(names: &[&str]) -> Self {
        let spanish: Vec<String> = names.iter().map(|it| format!("«{it}»")).collect();
        let english: Vec<String> = names.iter().map(|it| format!("'{it}'")).collect();
        Self {
            precision: Precision::Values,
            es: format!("Debe ser uno de: {}.", spanish.join(", ")),
            en: format!("must be one of: {}", english.join(", ")),
            stand_in: format!("\"{}\"", names.last().unwrap_or(&"")),
            stand_in_alone: format!("\"{}\"", names.first().unwrap_or(&"")),
        }
    }
}

/// Least and greatest value of an integer type.
fn bounds(name: &str) -> Option<(i128, i128)> {
    Some(match name {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" | "usize" => (0, u64::MAX.into()),
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" => (i64::MIN.into(), i64::MAX.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serdes_prose_is_told_in_both_languages_and_without_the_value() {
        for (reason, es, en) in [
            (
                "invalid type: string \"secret, expected i64\", expected u8",
                "Debe ser un número entero de 0 a 255.",
                "must be a whole number from 0 to 255",
            ),
            ("invalid type: null, expected a string", "Debe ser un texto.", "must be a string"),
            (
                "unknown variant `x`, expected `phone` or `import`",
                "Debe ser uno de: «phone», «import».",
                "must be one of: 'phone', 'import'",
            ),
            (
                "unknown variant `x`, expected one of `a`, `b`, `c`",
                "Debe ser uno de: «a», «b», «c».",
                "must be one of: 'a', 'b', 'c'",
            ),
            (
                "something new",
                "No tiene la forma debida; véala en /api/openapi.json.",
                "does not have the shape that it should; see /api/openapi.json",
            ),
        ] {
            let Fault::Wrong(expected) = Fault::of(reason) else { panic!("{reason}") };
            assert_eq!((expected.es.as_str(), expected.en.as_str()), (es, en));
        }
    }

    #[test]
    fn missing_and_unknown_fields_are_told_by_name() {
        assert_eq!(Fault::of("missing field `name`"), Fault::Missing("name"));
        let known = vec!["name", "age"];
        assert_eq!(Fault::of("unknown field `a`b`, expected `name` or `age`"), Fault::Unknown("a`b", known));
        assert_eq!(Fault::of("unknown field `x`, there are no fields"), Fault::Unknown("x", vec![]));
        let reason = "invalid value: string \"shoe\", expected \"kind\" or \"id\"";
        assert_eq!(Fault::of(reason), Fault::Unknown("shoe", vec!["kind", "id"]));
    }
}
