//! What changed between two versions of a score, item by item. Pure: reads the explanations that were frozen with them.

use domain::visit_score::{Explanation, ItemStep, VisitScore};

/// An item that counts otherwise than in the version before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemChange {
    pub(crate) item: String,
    /// How it counted; none where it was not asked.
    pub(crate) before: Option<ItemStep>,
    pub(crate) after: Option<ItemStep>,
}

/// The items that changed, in the order of the newer version.
pub(crate) fn changes(before: &VisitScore, after: &VisitScore) -> Vec<ItemChange> {
    let new: Vec<&ItemStep> = steps(after).collect();
    let gone = steps(before).filter(|it| !new.iter().any(|now| now.item == it.item));
    let gone = gone.map(|it| ItemChange { item: it.item.clone(), before: Some(it.clone()), after: None });
    let changed = new.iter().filter_map(|now| {
        let was = steps(before).find(|it| it.item == now.item);
        let is_same = was == Some(*now);
        (!is_same).then(|| ItemChange {
            item: now.item.clone(),
            before: was.cloned(),
            after: Some((*now).clone()),
        })
    });
    changed.chain(gone).collect()
}

/// The steps of the items.
pub(crate) fn steps(score: &VisitScore) -> impl Iterator<Item = &ItemStep> {
    score.explain.iter().filter_map(|it| match it {
        Explanation::Item(step) => Some(step),
        _ => None,
    })
}
