//! Rules on figures, such as `value > 0.05 and confirmed >= 2`: when a knock-out opens, when an award is due. Owns
//! their text and their truth; the grammar is that of conditions on answers.

use crate::{
    Exact,
    answer::Answer,
    checklist::condition::{Condition, ConditionError, Literal},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use ordered::BTreeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A rule on named figures. A comparison with a figure that is not there is false.
#[derive(Clone, PartialEq, Eq)]
pub struct Rule {
    text: String,
    condition: Condition,
}

/// Why a text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleError {
    /// It does not fit the grammar.
    Grammar(ConditionError),
    /// It compares with this text; figures are compared with numbers.
    NotANumber(String),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grammar(error) => error.fmt(f),
            Self::NotANumber(text) => write!(f, "'{text}' is not a number"),
        }
    }
}

impl core::error::Error for RuleError {}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// [`RuleError`] at the first place that does not fit.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let condition = Condition::parse(text).map_err(RuleError::Grammar)?;
        let words = condition.comparisons().into_iter().flat_map(|it| &it.values).find_map(|it| match it {
            Literal::Text(text) => Some(text.clone()),
            Literal::Number(_) => None,
        });
        match words {
            Some(text) => Err(RuleError::NotANumber(text)),
            None => Ok(Self { text: text.to_string(), condition }),
        }
    }

    /// Whether it holds for these figures.
    pub fn holds(&self, figures: &Figures) -> bool {
        self.condition.holds(&|name| figures.0.get(name.as_str()))
    }

    /// The figures that it names, left to right, with repeats.
    pub fn names(&self) -> Vec<&str> {
        self.condition.comparisons().into_iter().map(|it| it.item.as_str()).collect()
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Named figures that a rule is asked about.
#[derive(Debug, Clone, Default)]
pub struct Figures(BTreeMap<&'static str, Answer>);

impl Figures {
    /// Adds a figure; one that is not known is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<Exact>) -> Self {
        if let Some(value) = value {
            self.0.insert(name, Answer::Number(value));
        }
        self
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Rule {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Rule".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A rule on figures, such as `value > 0.05 and confirmed >= 2`",
            "type": "string"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(rule: &str, value: &str, confirmed: i64) -> bool {
        let figures = Figures::default()
            .with("value", Exact::parse(value).ok())
            .with("confirmed", Some(Exact::from(confirmed)));
        Rule::parse(rule).unwrap().holds(&figures)
    }

    #[test]
    fn a_rule_holds_only_where_every_part_does() {
        let rule = "value > 0.05 and confirmed >= 2";
        assert!(holds(rule, "0.0501", 2));
        assert!(!holds(rule, "0.05", 2));
        assert!(!holds(rule, "0.5", 1));
        assert!(!Rule::parse(rule).unwrap().holds(&Figures::default()));
    }

    #[test]
    fn a_text_that_is_no_rule_on_figures_is_refused() {
        for text in ["", "value >", "value > 'x'", "value > 1 and", "(value > 1"] {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
    }
}
