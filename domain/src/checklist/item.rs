//! One question: its type, its worth, when it is asked and which evidence it demands. Owns the item's shape.

use alloc::{string::String, vec::Vec};
use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

use super::is_false;
use crate::{Exact, LocalText};

/// A question of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Letter of the section and two digits: `B02`.
    pub id: String,
    /// What an answer looks like.
    #[serde(rename = "type")]
    pub kind: ItemType,
    /// Points that full credit earns; 0 for an item that informs but does not score.
    pub weight: u32,
    /// Whether a visit cannot be submitted without it while it is visible.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether credit 0 triggers the critical rule of the checklist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub critical: bool,
    /// Whether it adds to earned and never to possible.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bonus: bool,
    /// Whether a number or duration may be answered `"na"`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_na: bool,
    /// Experience pillar, snake case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pillar: Option<String>,
    /// Indicator that the answer also observes, snake case: `auditor_csat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indicator: Option<String>,
    /// Condition on earlier items under which it is asked (see [`super::condition`]); always where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The question.
    pub q: LocalText,
    /// How to observe it, shown under the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<LocalText>,
    /// Unit of a number or duration: `min`, `s`, `cajeros`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Smallest number that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Exact>,
    /// Largest number that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Exact>,
    /// Fewest characters of a text at submit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_chars: Option<u32>,
    /// Words for each of the five steps of a scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchors: Option<Anchors>,
    /// Options of a choice, in the order shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<ItemOption>,
    /// How a number becomes credit, or how chosen options add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<Credit>,
    /// Photos and comments that an answer demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What a grave answer says in plain words, for whoever gave it to confirm (DOMAIN.md 10.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirmation>,
}

impl Item {
    /// Whether its answer can change the score: it has weight, or its failure is critical.
    pub fn is_scored(&self) -> bool {
        self.weight > 0 || self.critical
    }

    /// Whether a branch is told what was answered: only what counts in its score. The rest (the hour, the story, the scenario, what the
    /// auditor felt) explains no point and tells who came.
    pub fn is_told_to_branch(&self) -> bool {
        self.is_scored()
    }

    /// Whether a visit in which it is visible cannot be submitted without it: marked so, scored, or critical
    /// (DOMAIN.md 11); a bonus item only where marked so.
    pub fn must_be_answered(&self) -> bool {
        self.required || self.critical || (self.weight > 0 && !self.bonus)
    }

    /// Whether `"na"` is an answer to it.
    pub fn accepts_na(&self) -> bool {
        self.kind == ItemType::YesNoNa || self.allow_na
    }

    /// The option of that id.
    pub fn option(&self, id: &str) -> Option<&ItemOption> {
        self.options.iter().find(|it| it.id == id)
    }
}

/// What an answer looks like (DOMAIN.md 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ItemType {
    /// `"yes"` or `"no"`.
    #[serde(rename = "yes_no")]
    YesNo,
    /// `"yes"`, `"no"` or `"na"`.
    #[serde(rename = "yes_no_na")]
    YesNoNa,
    /// An integer from 1 to 5.
    #[serde(rename = "scale_1_5")]
    Scale,
    /// A decimal number.
    #[serde(rename = "number")]
    Number,
    /// A length of time in the item's unit.
    #[serde(rename = "duration")]
    Duration,
    /// The id of one option.
    #[serde(rename = "single_choice")]
    SingleChoice,
    /// Ids of options, without repeats.
    #[serde(rename = "multi_choice")]
    MultiChoice,
    /// Wall-clock time, `"HH:MM"`.
    #[serde(rename = "time")]
    Time,
    /// Ids of blobs.
    #[serde(rename = "photo")]
    Photo,
    /// Free text.
    #[serde(rename = "text")]
    Text,
    /// Sound that is recorded: ids of blobs; asked only where the programme permits it.
    #[serde(rename = "audio")]
    Audio,
    /// Files: ids of blobs; asked only where the programme permits it.
    #[serde(rename = "file")]
    File,
}

impl ItemType {
    /// Every type, in the order of the manual.
    pub const ALL: [Self; 12] = [
        Self::YesNo,
        Self::YesNoNa,
        Self::Scale,
        Self::Number,
        Self::Duration,
        Self::SingleChoice,
        Self::MultiChoice,
        Self::Time,
        Self::Photo,
        Self::Text,
        Self::Audio,
        Self::File,
    ];

    /// Its name in content files.
    pub fn name(self) -> &'static str {
        match self {
            Self::YesNo => "yes_no",
            Self::YesNoNa => "yes_no_na",
            Self::Scale => "scale_1_5",
            Self::Number => "number",
            Self::Duration => "duration",
            Self::SingleChoice => "single_choice",
            Self::MultiChoice => "multi_choice",
            Self::Time => "time",
            Self::Photo => "photo",
            Self::Text => "text",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }

    /// Whether answers are numbers read by credit bands.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Number | Self::Duration)
    }

    /// Whether answers name options.
    pub fn is_choice(self) -> bool {
        matches!(self, Self::SingleChoice | Self::MultiChoice)
    }

    /// Whether an answer can have credit, so that weight makes sense.
    pub fn can_score(self) -> bool {
        !matches!(self, Self::Time | Self::Text) && !self.holds_blobs()
    }

    /// Whether answers are ids of blobs, which are attached and not written.
    pub fn holds_blobs(self) -> bool {
        matches!(self, Self::Photo | Self::Audio | Self::File)
    }
}

/// Words for the five steps of a scale, from 1 to 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    /// In Spanish, five.
    pub es: Vec<String>,
    /// In English, five.
    pub en: Vec<String>,
}

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ItemOption {
    /// Stable id, snake case, unique in the item.
    pub id: String,
    /// Credit from 0 to 1, at most 4 decimals; absent in items that do not score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<Exact>,
    /// Whether it cannot be chosen together with another.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclusive: bool,
    /// In Spanish.
    pub es: String,
    /// In English.
    pub en: String,
}

/// How an answer becomes credit, where the type alone does not say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// For a multiple choice: how options add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CreditMode>,
    /// For a number or duration: the first band that holds gives the credit; the last is the `else`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<CreditBand>,
}

/// How chosen options add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CreditMode {
    /// Credits of the chosen options are added, between 0 and 1.
    PerOption,
}

/// One step from a number to its credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum CreditBand {
    /// Credit for numbers up to and including a limit.
    UpTo {
        /// The limit.
        le: Exact,
        /// Credit from 0 to 1, at most 4 decimals.
        c: Exact,
    },
    /// Credit for every number that no earlier band takes.
    Otherwise {
        /// Credit from 0 to 1, at most 4 decimals.
        #[serde(rename = "else")]
        c: Exact,
    },
}

/// Photos and comments that an answer demands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Photos beside the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<PhotoRule>,
    /// A comment beside the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<CommentRule>,
}

/// A grave answer and what it says in plain words: "You report that they DID ask you for money". A person who answers "no" to "was it
/// free of requests for money?" is easily wrong about which way round they said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Condition, on this item or earlier ones, under which the answer is grave.
    pub required_if: String,
    /// What the answer says.
    pub says: LocalText,
}

/// When photos are demanded and how they are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PhotoRule {
    /// Condition, on this item or earlier ones, under which they are demanded; always where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_if: Option<String>,
    /// Fewest photos; 0 means that they are welcome but not demanded.
    #[serde(default)]
    pub min: u32,
    /// Whether only the camera will do, not a file.
    #[serde(default, skip_serializing_if = "is_false")]
    pub camera_only: bool,
    /// Whether the position is taken with the photo.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gps: bool,
    /// How large and how fine they are sent, where it is not as in the rest of the checklist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PhotoLimits>,
    /// What to photograph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<LocalText>,
}

/// How large and how fine photos are sent: the phone makes them smaller before it keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PhotoLimits {
    /// Longer edge in pixels, from 640 to 4096; a smaller photo stays as it is.
    pub long_edge: u32,
    /// Quality of the JPEG in percent, from 40 to 95.
    pub quality: u32,
}

impl PhotoLimits {
    /// Where a checklist says nothing.
    pub const USUAL: Self = Self { long_edge: 1_920, quality: 80 };
    /// Longer edges that a checklist may ask for, in pixels.
    pub const LONG_EDGES: RangeInclusive<u32> = 640..=4_096;
    /// Qualities that a checklist may ask for, in percent.
    pub const QUALITIES: RangeInclusive<u32> = 40..=95;
}

/// When a comment is demanded and how long it must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CommentRule {
    /// Condition, on this item or earlier ones, under which it is demanded; always where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_if: Option<String>,
    /// Fewest characters.
    pub min_chars: u32,
    /// What to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<LocalText>,
}
