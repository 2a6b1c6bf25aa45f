//! A checklist made ready to score many visits: conditions parsed, items numbered, credits as integers. Owns the
//! invariants that scoring relies on; no arithmetic of `score` can overflow once they hold.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use ordered::BTreeMap;

use super::{Percent, rule::CreditRule};
use crate::{
    Exact, FieldProblem, Problem,
    answer::{Answer, Answers, comment_field, photo_field},
    checklist::{Checklist, CriticalMode, Item, MAX_ITEMS, MAX_WEIGHT, Section, condition::Condition},
    problem::pointer,
};

/// A checklist ready to score visits. Make it once per version and share it.
#[derive(Debug, Clone)]
pub struct PreparedChecklist {
    pub(super) checklist: Checklist,
    pub(super) sections: Vec<PreparedSection>,
    pub(super) items: Vec<PreparedItem>,
    /// Names of the touchpoints that sections point to.
    pub(super) touchpoints: Vec<String>,
    /// Names of the pillars that items point to.
    pub(super) pillars: Vec<String>,
    /// Lowest score and id of each band, from the lowest.
    pub(super) bands: Vec<(Percent, String)>,
}

#[derive(Debug, Clone)]
pub(super) struct PreparedSection {
    pub(super) id: String,
    pub(super) weight: u32,
    pub(super) touchpoint: usize,
}

#[derive(Debug, Clone)]
pub(super) struct PreparedItem {
    pub(super) item: Item,
    pub(super) section: usize,
    pub(super) pillar: Option<usize>,
    pub(super) when: Option<Condition<usize>>,
    pub(super) rule: CreditRule,
    pub(super) photo: Option<Demand>,
    pub(super) comment: Option<Demand>,
    /// Under which condition its answer is grave.
    pub(super) grave: Option<Condition<usize>>,
    pub(super) comment_field: String,
    pub(super) photo_field: String,
}

/// Evidence that an answer demands: how much, and under which condition.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    pub(super) condition: Option<Condition<usize>>,
    pub(super) least: u32,
}

/// The answers of a visit by item number: visible or not, and the answer that conditions may use.
pub(super) struct Seen<'a> {
    pub(super) visible: Vec<bool>,
    pub(super) usable: Vec<Option<&'a Answer>>,
}

impl<'a> Seen<'a> {
    pub(super) fn usable(&self, index: usize) -> Option<&'a Answer> {
        self.usable.get(index).copied().flatten()
    }

    pub(super) fn is_visible(&self, index: usize) -> bool {
        self.visible.get(index).copied().unwrap_or(false)
    }
}

impl PreparedChecklist {
    /// Prepares a checklist.
    ///
    /// # Errors
    /// `invalid_checklist` with every rule that scoring needs and the checklist breaks. Content that passed
    /// `audit-templates` breaks none.
    pub fn new(checklist: &Checklist) -> Result<Self, Problem> {
        let mut problems = Vec::new();
        let bands = bands(checklist, &mut problems);
        check_settings(checklist, &mut problems);
        let mut prepared = Self {
            checklist: checklist.clone(),
            sections: Vec::new(),
            items: Vec::new(),
            touchpoints: Vec::new(),
            pillars: Vec::new(),
            bands,
        };
        let mut numbers = BTreeMap::new();
        for (index, section) in checklist.sections.iter().enumerate() {
            let at = format!("/sections/{index}");
            prepared.add_section(section, &at, &mut problems);
            for (place, item) in section.items.iter().enumerate() {
                let at = format!("{at}/items/{place}");
                prepared.add_item(item, index, &at, &numbers, &mut problems);
                if numbers.insert(item.id.clone(), numbers.len()).is_some() {
                    problems.push(broken(&pointer(&at, "id"), "the id is repeated"));
                }
            }
        }
        if prepared.items.len() > MAX_ITEMS {
            problems.push(broken("/sections", &format!("more than {MAX_ITEMS} items")));
        }
        if problems.is_empty() {
            Ok(prepared)
        } else {
            Err(Problem::invalid("invalid_checklist", "The checklist cannot be scored", problems))
        }
    }

    /// The checklist that was prepared.
    pub fn checklist(&self) -> &Checklist {
        &self.checklist
    }

    /// The items that these answers make visible, template order.
    pub fn visible_items(&self, answers: &Answers) -> Vec<&Item> {
        let seen = self.see(answers);
        self.items
            .iter()
            .enumerate()
            .filter(|(index, _)| seen.is_visible(*index))
            .map(|(_, it)| &it.item)
            .collect()
    }

    /// Goes through the items once: whether each is visible, and which answers later conditions see.
    pub(super) fn see<'a>(&self, answers: &'a Answers) -> Seen<'a> {
        let mut seen = Seen {
            visible: Vec::with_capacity(self.items.len()),
            usable: Vec::with_capacity(self.items.len()),
        };
        for item in &self.items {
            let visible = item.when.as_ref().is_none_or(|it| it.holds(&|index| seen.usable(*index)));
            seen.visible.push(visible);
            seen.usable.push(if visible { answers.get(&item.item.id) } else { None });
        }
        seen
    }

    fn add_section(&mut self, section: &Section, at: &str, problems: &mut Vec<FieldProblem>) {
        if section.weight > MAX_WEIGHT {
            problems.push(broken(&pointer(at, "weight"), &format!("above {MAX_WEIGHT}")));
        }
        if self.sections.iter().any(|it| it.id == section.id) {
            problems.push(broken(&pointer(at, "id"), "the id is repeated"));
        }
        let touchpoint = number_of(&mut self.touchpoints, &section.touchpoint);
        self.sections.push(PreparedSection { id: section.id.clone(), weight: section.weight, touchpoint });
    }

    fn add_item(
        &mut self,
        item: &Item,
        section: usize,
        at: &str,
        earlier: &BTreeMap<String, usize>,
        problems: &mut Vec<FieldProblem>,
    ) {
        let mut refuse = |step: &str, message: &str| problems.push(broken(&pointer(at, step), message));
        if item.weight > MAX_WEIGHT {
            refuse("weight", &format!("above {MAX_WEIGHT}"));
        }
        let rule = CreditRule::new(item).unwrap_or_else(|message| {
            refuse("credit", &message);
            CreditRule::None
        });
        let itself = earlier.len();
        let number = |id: &String| earlier.get(id).copied();
        let number_or_itself = |id: &String| if *id == item.id { Some(itself) } else { number(id) };
        let when = resolve(item.when.as_deref(), &number, |it| refuse("when", it));
        let photo = item.evidence.as_ref().and_then(|it| it.photo.as_ref()).map(|it| Demand {
            condition: resolve(it.required_if.as_deref(), &number_or_itself, |it| refuse("evidence", it)),
            least: if it.required_if.is_some() { it.min.max(1) } else { it.min },
        });
        let comment = item.evidence.as_ref().and_then(|it| it.comment.as_ref()).map(|it| Demand {
            condition: resolve(it.required_if.as_deref(), &number_or_itself, |it| refuse("evidence", it)),
            least: if it.required_if.is_some() { it.min_chars.max(1) } else { it.min_chars },
        });
        let grave = item.confirm.as_ref();
        let grave = grave
            .and_then(|it| resolve(Some(&it.required_if), &number_or_itself, |it| refuse("confirm", it)));
        let pillar = item.pillar.as_ref().map(|it| number_of(&mut self.pillars, it));
        self.items.push(PreparedItem {
            section,
            pillar,
            when,
            rule,
            photo,
            comment,
            grave,
            comment_field: comment_field(&item.id),
            photo_field: photo_field(&item.id),
            item: item.clone(),
        });
    }
}

fn resolve(
    text: Option<&str>,
    number: &impl Fn(&String) -> Option<usize>,
    mut refuse: impl FnMut(&str),
) -> Option<Condition<usize>> {
    match Condition::parse(text?) {
        Ok(condition) => {
            let resolved = condition.resolve(number);
            if resolved.is_none() {
                refuse("the condition names an item that does not come earlier");
            }
            resolved
        }
        Err(error) => {
            refuse(&error.to_string());
            None
        }
    }
}

fn bands(checklist: &Checklist, problems: &mut Vec<FieldProblem>) -> Vec<(Percent, String)> {
    let mut bands: Vec<(Percent, String)> = Vec::new();
    for (index, band) in checklist.scoring.bands.iter().enumerate() {
        let min = Percent::round(&band.min);
        let follows = bands.last().map_or(min.units() == 0, |(last, _)| *last < min);
        if !follows || min.to_exact() != band.min {
            let at = format!("/scoring/bands/{index}/min");
            problems.push(broken(&at, "bands begin at 0 and go up, with at most 2 decimals"));
        }
        bands.push((min, band.id.clone()));
    }
    if bands.is_empty() {
        problems.push(broken("/scoring/bands", "there is no band"));
    }
    bands
}

fn check_settings(checklist: &Checklist, problems: &mut Vec<FieldProblem>) {
    let scoring = &checklist.scoring;
    let percent = |it: &Exact| !it.is_negative() && *it <= Exact::from(100);
    if scoring.critical.mode == CriticalMode::CapOverall
        && !scoring.critical.cap.as_ref().is_some_and(percent)
    {
        problems.push(broken("/scoring/critical/cap", "cap_overall needs a cap from 0 to 100"));
    }
    if scoring.bonus_cap < Exact::from(100) || scoring.bonus_cap > Exact::from(1_000) {
        problems.push(broken("/scoring/bonus_cap", "not between 100 and 1000"));
    }
    if scoring.rounding.decimals != Percent::DECIMALS {
        problems.push(broken("/scoring/rounding/decimals", "scores are shown with 2 decimals"));
    }
}

fn number_of(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|it| it == name).unwrap_or_else(|| {
        names.push(name.to_string());
        names.len() - 1
    })
}

fn broken(at: &str, message: &str) -> FieldProblem {
    FieldProblem::new(
        at,
        "invalid_checklist",
        format!("El cuestionario no se puede calificar: {message}"),
        format!("The checklist cannot be scored: {message}"),
    )
}
