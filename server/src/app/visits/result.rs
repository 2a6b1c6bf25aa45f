//! The result of a visit as its branch reads it: the score, where its points went, what was expected, and what may be appealed. Holds
//! nothing by which a branch could tell who visited, for whoever asks.

use super::{
    content,
    read::{find, for_branch},
};
use crate::{
    app::{
        App,
        appeals::{self, Appealing},
        scores::{change::Change, document},
    },
    error::ApiError,
    principal::Principal,
};
use db::{
    Tx,
    reference::Branch,
    scores::{self as versions, ScoreVersion},
};
use domain::{
    Date, LocalText,
    checklist::{Checklist, Item},
    ids::AuditId,
    visit_score::{Explanation, ItemState, ItemStep, Losses, Percent, VisitScore, losses},
};

/// The result of a visit.
#[derive(Debug, Clone)]
pub(crate) struct VisitResult {
    pub(crate) id: AuditId,
    /// Its day, by the branch's calendar.
    pub(crate) day: Option<Date>,
    pub(crate) branch: Branch,
    /// What the checklist is called.
    pub(crate) title: LocalText,
    /// The score before an appeal was upheld or it was scored again.
    pub(crate) before: Option<Percent>,
    /// What the current score was frozen for.
    pub(crate) change: Change,
    pub(crate) score: VisitScore,
    /// The band's name.
    pub(crate) band: LocalText,
    pub(crate) losses: Losses,
    /// Sections with points, in the order of the checklist.
    pub(crate) sections: Vec<(LocalText, Percent)>,
    /// Every item that counted, in the order of the checklist.
    pub(crate) items: Vec<CountedItem>,
    pub(crate) appealing: Appealing,
}

/// An item that counted in the score.
#[derive(Debug, Clone)]
pub(crate) struct CountedItem {
    pub(crate) id: String,
    pub(crate) q: LocalText,
    pub(crate) section: LocalText,
    /// What was answered, in words.
    pub(crate) answer: LocalText,
    /// What would have earned everything.
    pub(crate) expected: LocalText,
}

/// The result of a visit, for somebody who may read it; one that its branch is not shown yet only for the office.
///
/// # Errors
/// `not_found` (404) for a visit that the person may not see, `forbidden` (403) for somebody who reads no visits, `no_score` (409) for one
/// that has none.
pub(crate) fn result(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    visit: AuditId,
) -> Result<VisitResult, ApiError> {
    let seen = find(tx, principal, visit)?;
    let org = principal.org;
    let prepared = content::checklist(tx, app, org, seen.visit.template_hash)?;
    let checklist = prepared.checklist();
    let all = versions::list_versions(tx, org, visit)?;
    let (current, earlier) = all.split_last().ok_or_else(no_score)?;
    let score = for_branch(document::thaw(&current.doc)?);
    let branch = db::reference::find_branch(tx, org, seen.visit.branch_id)?
        .ok_or_else(|| ApiError::internal("a visit without its branch"))?;
    let appealing = appeals::appealing(tx, principal, (&seen.visit, &score.explain), app.now())?;
    let before = earlier.last().and_then(final_of).filter(|it| *it != score.final_score);
    Ok(VisitResult {
        title: checklist.title.clone(),
        before,
        change: Change::of(&current.reason),
        band: band(checklist, &score.band),
        losses: losses(&checklist.scoring, &score.explain),
        sections: sections(checklist, &score),
        items: items(checklist, &score),
        id: visit,
        day: seen.visit.visit_date,
        branch,
        score,
        appealing,
    })
}

fn no_score() -> ApiError {
    ApiError::conflict("no_score", "La visita no tiene calificación.", "the visit has no score")
}

fn final_of(version: &ScoreVersion) -> Option<Percent> {
    version.final_hundredths.map(Percent::from_units)
}

fn band(checklist: &Checklist, id: &str) -> LocalText {
    let found = checklist.scoring.bands.iter().find(|it| it.id == id);
    found.map_or_else(|| LocalText::new(id, id), |it| LocalText::new(it.es.clone(), it.en.clone()))
}

fn sections(checklist: &Checklist, score: &VisitScore) -> Vec<(LocalText, Percent)> {
    let shown = |it: &domain::checklist::Section| {
        score.sections.get(&it.id).map(|found| (it.title.clone(), found.score))
    };
    checklist.sections.iter().filter_map(shown).collect()
}

fn items(checklist: &Checklist, score: &VisitScore) -> Vec<CountedItem> {
    let steps = score.explain.iter().filter_map(|it| match it {
        Explanation::Item(step) if step.state == ItemState::Scored => Some(step),
        _ => None,
    });
    steps.filter_map(|step| counted(checklist, step)).collect()
}

fn counted(checklist: &Checklist, step: &ItemStep) -> Option<CountedItem> {
    let item: &Item = checklist.item(&step.item)?;
    let section = checklist.sections.iter().find(|it| it.id == step.section)?;
    Some(CountedItem {
        id: item.id.clone(),
        q: item.q.clone(),
        section: section.title.clone(),
        answer: step.answer.as_deref().map(|it| item.answer_in_words(it)).unwrap_or_default(),
        expected: item.best_answer(),
    })
}
