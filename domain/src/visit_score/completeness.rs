//! What a submit demands beyond admissible values: answers, length of texts, photos and comments (DOMAIN.md 11).
//! Owns that list; it never changes a score.

use alloc::{format, vec::Vec};

use super::{
    PreparedChecklist,
    prepare::{Demand, PreparedItem, Seen},
};
use crate::{
    FieldProblem, LocalText,
    answer::{Answer, Answers},
    attachment::Permitted,
    checklist::{Item, ItemType},
    problem::pointer,
};

/// What a screen asks of an item, as the answers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The item.
    pub item: &'a Item,
    /// Whether its condition holds.
    pub visible: bool,
    /// Fewest photos that its answer demands beside it; 0 for none.
    pub photos: u32,
    /// Fewest characters of a comment that its answer demands; 0 for none.
    pub comment: u32,
    /// What its answer says in plain words, where it is a grave one.
    pub grave: Option<&'a LocalText>,
}

impl PreparedChecklist {
    /// What is asked of every item, template order: the same conditions as in [`Self::demands`]. What is there already is shown also
    /// where it is not permitted any more.
    pub fn asked(&self, answers: &Answers, permitted: Permitted) -> Vec<Asked<'_>> {
        let seen = self.see(answers);
        let least = |demand: Option<&Demand>, seen: &Seen<'_>| {
            demand.filter(|it| demanded(it, seen)).map_or(0, |it| it.least)
        };
        let asked = self.items.iter().enumerate().map(|(index, it)| {
            let is_there = || seen.usable(index).is_some_and(|it| !is_empty(it));
            let visible = seen.is_visible(index) && (permitted.asks(it.item.kind) || is_there());
            let answered = seen.usable(index).is_some_and(|it| !is_empty(it) && *it != Answer::NotApplicable);
            let (photos, comment) = match visible && answered {
                true => (least(it.photo.as_ref(), &seen), least(it.comment.as_ref(), &seen)),
                false => (0, 0),
            };
            let grave = it.grave.as_ref().filter(|_| visible && answered);
            let grave = grave.filter(|it| it.holds(&|index| seen.usable(*index)));
            let says = it.item.confirm.as_ref().map(|it| &it.says);
            Asked { item: &it.item, visible, photos, comment, grave: says.filter(|_| grave.is_some()) }
        });
        asked.collect()
    }

    /// What keeps these answers from being submitted; see [`super::completeness`].
    pub fn completeness(&self, answers: &Answers) -> Vec<FieldProblem> {
        self.missing(answers, &self.see(answers), Permitted::default())
    }

    /// As [`Self::completeness`], with the sound and the files that a programme permits.
    pub fn demands(&self, answers: &Answers, permitted: Permitted) -> Vec<FieldProblem> {
        self.missing(answers, &self.see(answers), permitted)
    }

    pub(super) fn missing(
        &self,
        answers: &Answers,
        seen: &Seen<'_>,
        permitted: Permitted,
    ) -> Vec<FieldProblem> {
        let mut missing = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            if !seen.is_visible(index) {
                continue;
            }
            match seen.usable(index).filter(|it| !is_empty(it)) {
                None if item.item.must_be_answered() && permitted.asks(item.item.kind) => {
                    missing.push(required(&item.item.id))
                }
                None | Some(Answer::NotApplicable) => {}
                Some(answer) => {
                    missing.extend(short_text(item, answer));
                    missing.extend(missing_photos(item, answer, answers, seen));
                    missing.extend(missing_comment(item, answers, seen));
                }
            }
        }
        missing
    }
}

/// An answer that says nothing: no option, no photo, no letter.
fn is_empty(answer: &Answer) -> bool {
    match answer {
        Answer::Options(ids) | Answer::Photos(ids) => ids.is_empty(),
        Answer::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn demanded(demand: &Demand, seen: &Seen<'_>) -> bool {
    demand.condition.as_ref().is_none_or(|it| it.holds(&|index| seen.usable(*index)))
}

fn characters(answer: Option<&Answer>) -> usize {
    if let Some(Answer::Text(text)) = answer { text.trim().chars().count() } else { 0 }
}

fn photos(answer: Option<&Answer>) -> usize {
    if let Some(Answer::Photos(ids)) = answer { ids.len() } else { 0 }
}

fn falls_short(found: usize, least: u32) -> bool {
    u32::try_from(found).is_ok_and(|it| it < least)
}

fn short_text(item: &PreparedItem, answer: &Answer) -> Option<FieldProblem> {
    let least = item.item.min_chars?;
    let found = characters(Some(answer));
    (item.item.kind == ItemType::Text && falls_short(found, least)).then(|| {
        FieldProblem::new(
            pointer("", &item.item.id),
            "min_chars",
            format!("El texto tiene {found} caracteres; escriba al menos {least}"),
            format!("The text has {found} characters; write at least {least}"),
        )
    })
}

fn missing_photos(
    item: &PreparedItem,
    answer: &Answer,
    answers: &Answers,
    seen: &Seen<'_>,
) -> Option<FieldProblem> {
    let demand = item.photo.as_ref()?;
    let found = photos(Some(answer)) + photos(answers.get(&item.photo_field));
    let least = demand.least;
    (falls_short(found, least) && demanded(demand, seen)).then(|| {
        FieldProblem::new(
            pointer("", &item.photo_field),
            "photo_required",
            format!("Fotos: {found}; se piden al menos {least}"),
            format!("Photos: {found}; at least {least} are asked for"),
        )
    })
}

fn missing_comment(item: &PreparedItem, answers: &Answers, seen: &Seen<'_>) -> Option<FieldProblem> {
    let demand = item.comment.as_ref()?;
    let found = characters(answers.get(&item.comment_field));
    let least = demand.least;
    (falls_short(found, least) && demanded(demand, seen)).then(|| {
        FieldProblem::new(
            pointer("", &item.comment_field),
            "comment_required",
            format!("El comentario tiene {found} caracteres; escriba al menos {least}"),
            format!("The comment has {found} characters; write at least {least}"),
        )
    })
}

fn required(id: &str) -> FieldProblem {
    FieldProblem::new(pointer("", id), "required", "Falta la respuesta", "The answer is missing")
}
