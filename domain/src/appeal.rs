//! Appeals of a branch against a published visit: which items may be questioned, how far an appeal is, and the bounds of what it holds.
//! Owns these rules; who may appeal, until when and who decides stands in the table of states and with whoever knows the calendar.

use crate::{
    lifecycle::named,
    visit_score::{Explanation, ItemState},
};

/// Days that a branch has after a publication where no programme says otherwise.
pub const DEFAULT_APPEAL_DAYS: u32 = 7;
/// Most days that a programme may give.
pub const MAX_APPEAL_DAYS: u32 = 90;
/// Days within which an appeal is to be decided, the day on which it came left out.
pub const DECISION_DAYS: u32 = 7;
/// Most items of an appeal.
pub const MAX_ITEMS: usize = 100;
/// Longest reason or message, in characters.
pub const MAX_REASON_CHARS: u64 = 2_000;
/// Most messages on an appeal.
pub const MAX_MESSAGES: u64 = 200;
/// Most files of an appeal.
pub const MAX_FILES: u64 = 10;
/// Most bytes of a file.
pub const MAX_FILE_BYTES: u64 = 10_000_000;

named! {
    /// How far an appeal is.
    AppealState {
        /// It waits for its decision.
        Open = "open", "abierta", "open";
        /// At least one of its items was granted: the visit has a new score.
        Upheld = "upheld", "aceptada", "upheld";
        /// None was.
        Dismissed = "dismissed", "desestimada", "dismissed";
        /// Whoever appealed took it back.
        Withdrawn = "withdrawn", "retirada", "withdrawn";
        /// The visit was annulled before anybody decided.
        Void = "void", "sin objeto", "without object";
    }
}

named! {
    /// What was decided of an item.
    ItemDecision {
        /// Its answer is another one from now on, or it counts no more.
        Upheld = "upheld", "aceptada", "upheld";
        /// It stays as it is.
        Dismissed = "dismissed", "desestimada", "dismissed";
    }
}

/// Whether an item of this checklist may be appealed, by the explanation of the score in question.
///
/// What counted may be appealed: an item that earned points of possible ones, a bonus, or a critical failure. What was hidden, not
/// applicable, unanswered or without weight cost the branch nothing, so there is nothing to ask for.
pub fn is_appealable(explain: &[Explanation], item: &str) -> bool {
    explain.iter().any(
        |it| matches!(it, Explanation::Item(step) if step.item == item && step.state == ItemState::Scored),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit_score::{ItemStep, Points};
    use alloc::{
        string::{String, ToString},
        vec::Vec,
    };

    fn step(item: &str, state: ItemState) -> Explanation {
        Explanation::Item(ItemStep {
            item: item.to_string(),
            section: "A".to_string(),
            state,
            answer: None,
            rule: String::new(),
            credit: None,
            weight: 1,
            earned: Points::default(),
            possible: Points::default(),
            bonus: Points::default(),
            critical_failed: false,
        })
    }

    #[test]
    fn only_what_counted_in_the_score_may_be_appealed() {
        let all = [ItemState::Scored, ItemState::Excluded, ItemState::Hidden, ItemState::Unscored];
        let explain: Vec<Explanation> =
            all.iter().zip(["A01", "A02", "A03", "A04"]).map(|(state, item)| step(item, *state)).collect();
        let may: Vec<bool> =
            ["A01", "A02", "A03", "A04", "A05"].iter().map(|it| is_appealable(&explain, it)).collect();
        assert_eq!(may, [true, false, false, false, false]);
    }
}
