//! Conditions on answers, such as `B02 > 10 and Z03 in ['cuenta', 'ambos']`. Owns their grammar and their truth.
//!
//! `or` binds weaker than `and`, `and` weaker than `not`, `not` weaker than a comparison; brackets group. A
//! comparison with an item that is unanswered, hidden or not applicable is false, whatever the operator.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::{cmp::Ordering, fmt};

use crate::{
    Exact,
    answer::{Answer, TimeOfDay},
};

/// Longest condition that is read, in bytes.
pub const MAX_CONDITION_BYTES: usize = 1_000;
/// Deepest nesting of brackets and `not`.
pub const MAX_CONDITION_DEPTH: usize = 32;

/// A condition. `R` names an item: its id as parsed, or whatever a caller resolved it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<R = String> {
    /// At least one holds.
    Any(Vec<Condition<R>>),
    /// All hold.
    All(Vec<Condition<R>>),
    /// It does not hold.
    Not(Box<Condition<R>>),
    /// The answer of an item compares so with one of the values.
    Compare(Comparison<R>),
}

/// A comparison of an item's answer with values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison<R = String> {
    /// The item.
    pub item: R,
    /// The operator.
    pub operator: Operator,
    /// One value; or those of the list, for [`Operator::In`].
    pub values: Vec<Literal>,
}

/// How an answer is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`; of a multiple choice: the option is among those chosen.
    Equal,
    /// `!=`; of a multiple choice: the option is not among those chosen.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `in [..]`; of a multiple choice: one of the options is among those chosen.
    In,
}

impl Operator {
    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }

    /// Whether it needs an order, which option ids do not have.
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }

    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal | Self::In => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A value in a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A decimal number.
    Number(Exact),
    /// A text in quotes: `yes`, `no`, an option id, or a time.
    Text(String),
}

/// Why a text is not a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    /// Character, counted from 1, at which it goes wrong.
    pub at: usize,
    /// What is wrong there.
    pub kind: ConditionErrorKind,
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConditionErrorKind {
    /// Longer than [`MAX_CONDITION_BYTES`].
    TooLong,
    /// Nested deeper than [`MAX_CONDITION_DEPTH`].
    TooDeep,
    /// A character that no condition has.
    UnexpectedCharacter(char),
    /// A quoted text without its end.
    OpenQuote,
    /// A number that cannot be read exactly.
    BadNumber,
    /// Something else was expected there.
    Expected(&'static str),
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ConditionErrorKind::TooLong => write!(f, "longer than {MAX_CONDITION_BYTES} bytes"),
            ConditionErrorKind::TooDeep => write!(f, "nested deeper than {MAX_CONDITION_DEPTH}"),
            ConditionErrorKind::UnexpectedCharacter(it) => {
                write!(f, "character {}: `{it}` has no place", self.at)
            }
            ConditionErrorKind::OpenQuote => write!(f, "character {}: the quote is not closed", self.at),
            ConditionErrorKind::BadNumber => write!(f, "character {}: not a decimal number", self.at),
            ConditionErrorKind::Expected(what) => write!(f, "character {}: expected {what}", self.at),
        }
    }
}

impl core::error::Error for ConditionError {}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`ConditionError`] at the first character that does not fit the grammar.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        if text.len() > MAX_CONDITION_BYTES {
            return Err(ConditionError { at: MAX_CONDITION_BYTES, kind: ConditionErrorKind::TooLong });
        }
        let tokens = tokenize(text)?;
        let mut parser = Parser { tokens: tokens.iter().peekable(), end: text.chars().count() + 1, depth: 0 };
        let condition = parser.any()?;
        match parser.tokens.next() {
            None => Ok(condition),
            Some((at, _)) => {
                Err(ConditionError { at: *at, kind: ConditionErrorKind::Expected("and, or, or the end") })
            }
        }
    }
}

impl<R> Condition<R> {
    /// Whether it holds. `answer_of` gives the answer of a visible item, or `None` where it is unanswered or hidden.
    pub fn holds<'a>(&self, answer_of: &impl Fn(&R) -> Option<&'a Answer>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|it| it.holds(answer_of)),
            Self::All(parts) => parts.iter().all(|it| it.holds(answer_of)),
            Self::Not(part) => !part.holds(answer_of),
            Self::Compare(comparison) => answer_of(&comparison.item).is_some_and(|it| comparison.accepts(it)),
        }
    }

    /// The same condition with items named otherwise; `None` where `name_of` does not know an item.
    pub fn resolve<S>(&self, name_of: &impl Fn(&R) -> Option<S>) -> Option<Condition<S>> {
        let all = |parts: &[Self]| parts.iter().map(|it| it.resolve(name_of)).collect::<Option<Vec<_>>>();
        Some(match self {
            Self::Any(parts) => Condition::Any(all(parts)?),
            Self::All(parts) => Condition::All(all(parts)?),
            Self::Not(part) => Condition::Not(Box::new(part.resolve(name_of)?)),
            Self::Compare(it) => Condition::Compare(Comparison {
                item: name_of(&it.item)?,
                operator: it.operator,
                values: it.values.clone(),
            }),
        })
    }

    /// Every comparison in it, left to right.
    pub fn comparisons(&self) -> Vec<&Comparison<R>> {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::comparisons).collect(),
            Self::Not(part) => part.comparisons(),
            Self::Compare(comparison) => vec![comparison],
        }
    }
}

impl<R> Comparison<R> {
    /// Whether an answer compares so. Answers that are not applicable never do.
    pub fn accepts(&self, answer: &Answer) -> bool {
        match answer {
            Answer::NotApplicable | Answer::Photos(_) => false,
            Answer::Options(chosen) => {
                let found = self.values.iter().any(|value| chosen.iter().any(|it| value.is_text(it)));
                match self.operator {
                    Operator::Equal | Operator::In => found,
                    Operator::NotEqual => !found,
                    _ => false,
                }
            }
            _ => self.values.iter().any(|it| it.compare(answer).is_some_and(|it| self.operator.accepts(it))),
        }
    }
}

impl Literal {
    fn is_text(&self, other: &str) -> bool {
        matches!(self, Self::Text(text) if text == other)
    }

    /// Order of an answer against this value; `None` where they are of different kinds.
    fn compare(&self, answer: &Answer) -> Option<Ordering> {
        match (answer, self) {
            (Answer::Yes, Self::Text(text)) => Some("yes".cmp(text)),
            (Answer::No, Self::Text(text)) => Some("no".cmp(text)),
            (Answer::Option(id) | Answer::Text(id), Self::Text(text)) => Some(id.as_str().cmp(text)),
            (Answer::Time(time), Self::Text(text)) => Some(time.cmp(&TimeOfDay::parse(text)?)),
            (Answer::Scale(value), Self::Number(number)) => Some(Exact::from(u32::from(*value)).cmp(number)),
            (Answer::Number(value), Self::Number(number)) => Some(value.cmp(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Value(Literal),
    Operator(Operator),
    Open,
    Close,
    ListOpen,
    ListClose,
    Comma,
}

type Placed = (usize, Token);

fn tokenize(text: &str) -> Result<Vec<Placed>, ConditionError> {
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    let mut at = 0;
    while let Some((start, first)) = rest.next() {
        at += 1;
        let place = at;
        let fail = |kind| ConditionError { at: place, kind };
        let mut take_if = |wanted: char| rest.next_if(|(_, it)| *it == wanted).map(|_| at += 1).is_some();
        let token = match first {
            it if it.is_ascii_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::ListOpen,
            ']' => Token::ListClose,
            ',' => Token::Comma,
            '=' if take_if('=') => Token::Operator(Operator::Equal),
            '!' if take_if('=') => Token::Operator(Operator::NotEqual),
            '<' if take_if('=') => Token::Operator(Operator::LessOrEqual),
            '>' if take_if('=') => Token::Operator(Operator::GreaterOrEqual),
            '<' => Token::Operator(Operator::Less),
            '>' => Token::Operator(Operator::Greater),
            '\'' | '"' => {
                let mut quoted = String::new();
                loop {
                    let (_, it) = rest.next().ok_or_else(|| fail(ConditionErrorKind::OpenQuote))?;
                    at += 1;
                    if it == first {
                        break;
                    }
                    quoted.push(it);
                }
                Token::Value(Literal::Text(quoted))
            }
            it if it.is_ascii_alphanumeric() || it == '_' || it == '-' => {
                let mut end = start + it.len_utf8();
                while let Some((from, next)) =
                    rest.next_if(|(_, it)| it.is_ascii_alphanumeric() || "_.".contains(*it))
                {
                    end = from + next.len_utf8();
                    at += 1;
                }
                word_or_number(text.get(start..end).unwrap_or_default()).map_err(fail)?
            }
            it => return Err(fail(ConditionErrorKind::UnexpectedCharacter(it))),
        };
        tokens.push((place, token));
    }
    Ok(tokens)
}

fn word_or_number(text: &str) -> Result<Token, ConditionErrorKind> {
    if text.starts_with(|it: char| it.is_ascii_digit() || it == '-') {
        return Exact::parse(text)
            .map(|it| Token::Value(Literal::Number(it)))
            .map_err(|_| ConditionErrorKind::BadNumber);
    }
    Ok(if text == "in" { Token::Operator(Operator::In) } else { Token::Word(text.to_string()) })
}

struct Parser<'a> {
    tokens: core::iter::Peekable<core::slice::Iter<'a, Placed>>,
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Condition, ConditionError> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(single_or(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, ConditionError> {
        let first = self.negation()?;
        let mut parts = vec![first];
        while self.take_word("and") {
            parts.push(self.negation()?);
        }
        Ok(single_or(parts, Condition::All))
    }

    fn negation(&mut self) -> Result<Condition, ConditionError> {
        if !self.take_word("not") {
            return self.primary();
        }
        self.nested(|it| it.negation().map(|it| Condition::Not(Box::new(it))))
    }

    fn primary(&mut self) -> Result<Condition, ConditionError> {
        if !self.take(&Token::Open) {
            return self.comparison();
        }
        let inner = self.nested(Self::any)?;
        if self.take(&Token::Close) { Ok(inner) } else { Err(self.expected("a closing bracket")) }
    }

    fn comparison(&mut self) -> Result<Condition, ConditionError> {
        let expected_item = self.expected("an item such as B02");
        let Some((_, Token::Word(item))) = self.tokens.next() else { return Err(expected_item) };
        if ["and", "or", "not"].contains(&item.as_str()) {
            return Err(expected_item);
        }
        let expected_operator = self.expected("== != < <= > >= or in");
        let Some((_, Token::Operator(operator))) = self.tokens.next() else { return Err(expected_operator) };
        let values = if *operator == Operator::In { self.list()? } else { vec![self.value()?] };
        Ok(Condition::Compare(Comparison { item: item.clone(), operator: *operator, values }))
    }

    fn list(&mut self) -> Result<Vec<Literal>, ConditionError> {
        if !self.take(&Token::ListOpen) {
            return Err(self.expected("a list such as ['a', 'b']"));
        }
        let mut values = vec![self.value()?];
        while self.take(&Token::Comma) {
            values.push(self.value()?);
        }
        if self.take(&Token::ListClose) { Ok(values) } else { Err(self.expected("a comma or ]")) }
    }

    fn value(&mut self) -> Result<Literal, ConditionError> {
        let expected = self.expected("a number or a text in quotes");
        match self.tokens.next() {
            Some((_, Token::Value(literal))) => Ok(literal.clone()),
            _ => Err(expected),
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ConditionError>,
    ) -> Result<T, ConditionError> {
        self.depth += 1;
        if self.depth > MAX_CONDITION_DEPTH {
            return Err(ConditionError { at: self.here(), kind: ConditionErrorKind::TooDeep });
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn take(&mut self, wanted: &Token) -> bool {
        self.tokens.next_if(|(_, it)| it == wanted).is_some()
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        self.tokens.next_if(|(_, it)| matches!(it, Token::Word(word) if word == wanted)).is_some()
    }

    fn here(&mut self) -> usize {
        self.tokens.peek().map_or(self.end, |(at, _)| *at)
    }

    fn expected(&mut self, what: &'static str) -> ConditionError {
        ConditionError { at: self.here(), kind: ConditionErrorKind::Expected(what) }
    }
}

fn single_or(parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match <[Condition; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => join(parts),
    }
}

#[cfg(test)]
mod tests;
