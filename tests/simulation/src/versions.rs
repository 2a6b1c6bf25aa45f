//! Versions of the checklist, which differ: each takes a question out, brings another or asks one otherwise. Owns what each asks,
//! and what a move of a visit to another version must come to by the simulator's own account.

use crate::{
    dice::Dice,
    fault::Fault,
    oracle::{Checked, broken},
    people::mark,
    world::World,
};
use device::{AuditDetail, MigrationReport};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::Hash;
use uuid::Uuid;

/// The fields of all versions.
pub const FIELDS: [&str; 5] = ["A01", "A02", "A03", "A04", "A05"];

/// A question of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its field.
    pub id: &'static str,
    /// What is answered.
    pub kind: &'static str,
    /// How much it counts.
    pub weight: u32,
    /// Whether a visit is not handed in without it.
    pub required: bool,
}

/// What a version asks.
#[must_use]
pub fn questions(version: u32) -> Vec<Question> {
    let ask = |id, kind, weight, required| Question { id, kind, weight, required };
    match version % 3 {
        1 => vec![
            ask("A01", "yes_no", 1, true),
            ask("A02", "yes_no", 1, true),
            ask("A03", "text", 0, false),
            ask("A04", "scale_1_5", 2, true),
        ],
        // One is gone, one is new and one is asked otherwise.
        2 => vec![
            ask("A01", "yes_no", 1, true),
            ask("A02", "yes_no", 1, true),
            ask("A04", "yes_no", 2, true),
            ask("A05", "yes_no", 1, true),
        ],
        _ => vec![
            ask("A01", "yes_no", 3, true),
            ask("A03", "text", 0, true),
            ask("A04", "scale_1_5", 1, true),
            ask("A05", "text", 0, false),
        ],
    }
}

/// A question of a version, where it has it.
#[must_use]
pub fn question(version: u32, field: &str) -> Option<Question> {
    let id = field.split('#').next().unwrap_or_default();
    questions(version).into_iter().find(|it| it.id == id)
}

/// What somebody answers.
pub fn answer_to(question: Option<Question>, dice: &mut Dice) -> String {
    if dice.once_in(12) {
        return "null".to_owned();
    }
    match question.map(|it| it.kind) {
        Some("text") => format!("\"{}{}\"", "well ".repeat(dice.place(40) + 1), mark(dice)),
        Some("scale_1_5") => format!("{}", 1 + dice.below(5)),
        _ => dice.pick(&["\"yes\"", "\"no\""]).to_string(),
    }
}

/// A visit before it is moved, and what the phone says that a move would do.
pub(crate) struct Moving {
    before: AuditDetail,
    told: MigrationReport,
    from: u32,
    to: u32,
}

/// The number of a version by its hash.
pub(crate) fn version_of(templates: &BTreeMap<u32, Hash>, hash: Option<Hash>) -> u32 {
    templates.iter().find(|it| Some(*it.1) == hash).map_or(1, |it| *it.0)
}

impl World {
    /// What a move of a visit would do, of which nothing may be done yet.
    pub(crate) fn moving(&mut self, at: usize, audit: Uuid, to: Hash) -> Option<Moving> {
        let version = version_of(&self.templates, Some(to));
        let device = self.phones[at].device.as_mut()?;
        let before = device.view(audit).ok()?;
        // Where two pinned it otherwise, it may be moved to what it has.
        let (head, pin) = (device.head(), before.pin.as_ref()?.content_hash);
        let told = device.migration(audit, &to).ok()?;
        if device.head() != head {
            return None;
        }
        Some(Moving { from: version_of(&self.templates, Some(pin)), to: version, before, told })
    }

    /// A visit was moved: what no longer fits is taken back and said, and the rest stays.
    pub(crate) fn check_moved(&mut self, at: usize, audit: Uuid, moving: &Moving) -> Checked {
        let Moving { before, told, from, to } = moving;
        let Some(device) = self.phones[at].device.as_mut() else { return Ok(()) };
        let law = "I11 pin";
        let after = device.view(audit).or_else(|it| broken("a store can be read", it.to_string()))?;
        let pin = after.pin.as_ref().map(|it| it.content_hash);
        if pin.is_none_or(|it| it != told.to.content_hash) || told.to.version != *to {
            return broken(law, format!("{audit} was moved to version {to}, and pins {pin:?}"));
        }
        let misfits = misfits(before, *from, *to);
        let said: BTreeMap<String, String> = told
            .misfits
            .iter()
            .map(|it| (it.field.trim_start_matches('/').to_owned(), it.code.clone()))
            .collect();
        if said != misfits {
            return broken(
                law,
                format!("{audit} from {from} to {to}: {said:?} are said to fit no longer, {misfits:?} do"),
            );
        }
        let missing = newly_required(before, &misfits, *from, *to);
        let said: BTreeSet<String> =
            told.newly_required.iter().map(|it| it.field.trim_start_matches('/').to_owned()).collect();
        if said != missing {
            return broken(
                law,
                format!("{audit} from {from} to {to}: {said:?} are said to be asked anew, {missing:?} are"),
            );
        }
        for (field, old) in answered(before) {
            let new = answered(&after).remove(&field);
            let expected = if misfits.contains_key(&field) { None } else { Some(old) };
            if new != expected {
                return broken(
                    law,
                    format!("{audit} from {from} to {to}: {field} is {new:?}, and should be {expected:?}"),
                );
            }
        }
        self.fired.note(Fault::DraftMoved);
        if !misfits.is_empty() {
            self.fired.note(Fault::AnswerNoLongerFits);
        }
        Ok(())
    }

    /// Versions that were released, one of which a visit may be moved to.
    pub(crate) fn some_version(&self, dice: &mut Dice) -> Hash {
        let all: Vec<Hash> = self.templates.values().copied().collect();
        all[dice.place(all.len())]
    }
}

/// Answers and photos that stand, as text.
fn answered(visit: &AuditDetail) -> BTreeMap<String, String> {
    let text = |it: &device::AnswerEntry| it.value.as_ref().map(|it| it.get().to_owned());
    let mut all: BTreeMap<String, String> =
        visit.answers.iter().filter_map(|(field, it)| Some((field.clone(), text(it)?))).collect();
    for (field, photos) in visit.attachments.iter().filter(|it| !it.1.is_empty()) {
        let ids: Vec<String> = photos.iter().map(|it| it.value.blob.to_string()).collect();
        all.insert(field.clone(), ids.join(","));
    }
    all
}

/// Fields whose answers another version does not take, and why.
fn misfits(before: &AuditDetail, from: u32, to: u32) -> BTreeMap<String, String> {
    let why = |field: &str, value: &str| match (question(from, field), question(to, field)) {
        (_, None) => Some("field_gone"),
        _ if field.contains('#') => None,
        (Some(was), Some(is)) if was.kind != is.kind => Some("other_kind"),
        // Where devices pinned it otherwise, an answer may be to a version that neither is.
        (_, Some(is)) => no_answer(is.kind, value),
    };
    answered(before)
        .into_iter()
        .filter_map(|(field, value)| Some((field.clone(), why(&field, &value)?.to_owned())))
        .collect()
}

/// Why a value is no answer to a question of a kind.
fn no_answer(kind: &str, value: &str) -> Option<&'static str> {
    let is_text = value.starts_with('"');
    match kind {
        "scale_1_5" => is_text.then_some("wrong_type"),
        _ if !is_text => Some("wrong_type"),
        "yes_no" => (!["\"yes\"", "\"no\""].contains(&value)).then_some("option_gone"),
        _ => None,
    }
}

/// Fields that must be answered there and were not missing here.
fn newly_required(
    before: &AuditDetail,
    misfits: &BTreeMap<String, String>,
    from: u32,
    to: u32,
) -> BTreeSet<String> {
    let answered = answered(before);
    let fits_now = |it: &str| {
        let value = answered.get(it).map(String::as_str).unwrap_or_default();
        question(from, it).is_none_or(|is| no_answer(is.kind, value).is_none())
    };
    let missing = |version: u32, fits: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        let required = questions(version).into_iter().filter(|it| it.required).map(|it| it.id.to_owned());
        required.filter(|it| !answered.contains_key(it) || !fits(it)).collect()
    };
    let after = missing(to, &|it| !misfits.contains_key(it));
    &after - &missing(from, &fits_now)
}
