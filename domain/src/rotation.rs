//! Fair rotation: which auditor goes to which branch in which days of a wave. Owns the constraints (where an auditor may go, lock-out,
//! spacing, most visits of one auditor), the balance between auditors, and why what is left could not be placed.
//!
//! As many visits as the constraints allow are placed, and no visit could move so that a busier auditor had fewer and an idler one more:
//! it is a flow from visits through pairs of branch and auditor to auditors, grown one visit for each auditor at a time.

use crate::{
    date::Date,
    ids::{BranchId, UserId},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// What holds for all of a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The first day of the wave.
    pub from: Date,
    /// The last.
    pub to: Date,
    /// An auditor does not return to a branch within so many days, nor a second time within the wave; 0 for no such rule.
    pub lock_out_days: u32,
    /// Days at least between two visits of a branch, whoever makes them.
    pub spacing_days: u32,
    /// Most visits of one auditor in the wave.
    pub most_per_auditor: u32,
}

/// A branch with the visits that it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The branch.
    pub branch: BranchId,
    /// How many visits.
    pub visits: u32,
}

/// Somebody who may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub auditor: UserId,
    /// Where they work; none for everywhere.
    pub home: Option<BTreeSet<BranchId>>,
    /// Where they may not go.
    pub forbidden: BTreeSet<BranchId>,
    /// Visits of the wave that they have already.
    pub already: u32,
}

impl Candidate {
    fn may_go(&self, branch: BranchId) -> bool {
        !self.forbidden.contains(&branch) && self.home.as_ref().is_none_or(|it| it.contains(&branch))
    }
}

/// A visit that was made, or is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub auditor: UserId,
    /// Where.
    pub branch: BranchId,
    /// Its day, or the first on which it may be made.
    pub from: Date,
    /// Its day, or the last.
    pub to: Date,
}

/// A visit that was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placement {
    /// Where.
    pub branch: BranchId,
    /// The first day on which it may be made.
    pub from: Date,
    /// The last.
    pub to: Date,
    /// Who.
    pub auditor: UserId,
}

/// Why a visit could not be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No days of the wave are left that keep the spacing.
    NoDays,
    /// Nobody may go there.
    NobodyMayGo,
    /// Whoever may go was there within the lock-out, or goes there already.
    LockedOut,
    /// Whoever could go has the most visits already.
    Busy,
}

/// Visits of a branch that could not be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unplaced {
    /// The branch.
    pub branch: BranchId,
    /// Why.
    pub why: Why,
    /// How many.
    pub visits: u32,
}

/// What became of the quotas: each visit is in one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// By branch and day.
    pub placed: Vec<Placement>,
    /// By branch and reason.
    pub unplaced: Vec<Unplaced>,
}

/// Days of a wave, counted from its first; what lies before it is negative.
type Day = i64;

/// Places the visits. The same input gives the same plan in whatever order it comes; the seed only says who goes first among equals.
/// Of a branch that comes twice the quotas add up; of an auditor who comes twice one is taken.
pub fn rotate(rules: &Rules, quotas: &[Quota], candidates: &[Candidate], known: &[Known], seed: u64) -> Plan {
    let mut wanted: BTreeMap<BranchId, u32> = BTreeMap::new();
    for it in quotas {
        let visits = wanted.entry(it.branch).or_default();
        *visits = visits.saturating_add(it.visits);
    }
    let mut people: Vec<&Candidate> = candidates.iter().collect();
    people.sort_by_cached_key(|it| {
        (mixed(seed, it.auditor), it.auditor, it.already, it.home.clone(), it.forbidden.clone())
    });
    people.dedup_by_key(|it| it.auditor);
    let mut left: BTreeMap<(BranchId, Why), u32> = BTreeMap::new();
    let mut visits = Vec::new();
    for (branch, count) in wanted {
        let windows = windows(rules, branch, count, known);
        let found = u32::try_from(windows.len()).unwrap_or(u32::MAX);
        add(&mut left, (branch, Why::NoDays), count.saturating_sub(found));
        for (from, to) in windows {
            visits.push(Visit::of(rules, branch, (from, to), &people, known));
        }
    }
    let flow = Flow::grown(rules, &visits, &people);
    let mut placed = Vec::new();
    for (index, visit) in visits.iter().enumerate() {
        let placement = flow.who.get(&index).and_then(|who| visit.placed(rules, &people, *who));
        match placement {
            Some(it) => placed.push(it),
            None => add(&mut left, (visit.branch, flow.why(visit, &people)), 1),
        }
    }
    placed.sort();
    let unplaced = left.into_iter().map(|((branch, why), visits)| Unplaced { branch, why, visits });
    Plan { placed, unplaced: unplaced.collect() }
}

fn add(left: &mut BTreeMap<(BranchId, Why), u32>, at: (BranchId, Why), visits: u32) {
    if visits > 0 {
        let sum = left.entry(at).or_default();
        *sum = sum.saturating_add(visits);
    }
}

/// Spreads ids as a seed says (FNV-1a).
fn mixed(seed: u64, auditor: UserId) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    auditor.0.as_bytes().iter().fold(start, mix)
}

fn day_of(rules: &Rules, date: Date) -> Day {
    if date >= rules.from {
        i64::from(rules.from.days_through(date)) - 1
    } else {
        1 - i64::from(date.days_through(rules.from))
    }
}

/// The days of as many visits of a branch as fit, up to `count`: all equally long, as long as they can be, and each so far from the next
/// and from what is known that the spacing holds on whichever days they are made.
fn windows(rules: &Rules, branch: BranchId, count: u32, known: &[Known]) -> Vec<(Day, Day)> {
    let free = free_days(rules, branch, known);
    let total = i64::from(rules.from.days_through(rules.to));
    let fits = |length: Day| cut(&free, length, i64::from(rules.spacing_days), count);
    let enough = |it: &Vec<(Day, Day)>| u32::try_from(it.len()).is_ok_and(|it| it >= count);
    // What fits for a length fits for a shorter one: the longest is looked for by halves.
    let (mut good, mut bad) = (1, total + 1);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if enough(&fits(middle)) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    fits(good)
}

/// The runs of days of the wave that are far enough from every known visit of a branch.
fn free_days(rules: &Rules, branch: BranchId, known: &[Known]) -> Vec<(Day, Day)> {
    let spacing = i64::from(rules.spacing_days.max(1));
    let mut taken: Vec<(Day, Day)> = known
        .iter()
        .filter(|it| it.branch == branch)
        .map(|it| (day_of(rules, it.from) - spacing + 1, day_of(rules, it.to) + spacing - 1))
        .collect();
    taken.sort_unstable();
    let last = i64::from(rules.from.days_through(rules.to)) - 1;
    let (mut free, mut next) = (Vec::new(), 0);
    for (from, to) in taken {
        if from > next {
            free.push((next, last.min(from - 1)));
        }
        next = next.max(to + 1);
    }
    free.push((next, last));
    free.retain(|(from, to)| from <= to);
    free
}

/// Windows of a length, as early as they can be.
fn cut(free: &[(Day, Day)], length: Day, spacing: Day, count: u32) -> Vec<(Day, Day)> {
    let (mut found, mut next) = (Vec::new(), Day::MIN);
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    for (from, to) in free {
        let mut at = next.max(*from);
        while found.len() < most && at + length - 1 <= *to {
            let end = at + length - 1;
            found.push((at, end));
            at = end + spacing.max(1);
            next = at;
        }
    }
    found
}

/// A visit to be placed.
struct Visit {
    branch: BranchId,
    /// Who could make it, by their place among the people, with the days on which they could.
    able: BTreeMap<usize, (Day, Day)>,
}

impl Visit {
    fn of(
        rules: &Rules,
        branch: BranchId,
        window: (Day, Day),
        people: &[&Candidate],
        known: &[Known],
    ) -> Self {
        let of_branch: Vec<&Known> = known.iter().filter(|it| it.branch == branch).collect();
        let able = people.iter().enumerate().filter(|(_, it)| it.may_go(branch)).filter_map(|(place, it)| {
            let own = of_branch.iter().filter(|known| known.auditor == it.auditor);
            Some((place, unlocked(rules, window, own.copied())?))
        });
        Self { branch, able: able.collect() }
    }

    fn placed(&self, rules: &Rules, people: &[&Candidate], who: usize) -> Option<Placement> {
        let (from, to) = self.able.get(&who)?;
        let date = |day: &Day| rules.from.days_after(u32::try_from(*day).ok()?);
        let auditor = people.get(who)?.auditor;
        Some(Placement { branch: self.branch, from: date(from)?, to: date(to)?, auditor })
    }
}

/// What of a window is left outside the lock-out of an auditor's own visits there; none where nothing is.
fn unlocked<'a>(
    rules: &Rules,
    (mut from, mut to): (Day, Day),
    own: impl Iterator<Item = &'a Known>,
) -> Option<(Day, Day)> {
    let lock_out = i64::from(rules.lock_out_days);
    if lock_out == 0 {
        return Some((from, to));
    }
    let own: Vec<(Day, Day)> = own.map(|it| (day_of(rules, it.from), day_of(rules, it.to))).collect();
    for (first, last) in own {
        // Windows keep clear of what is known: it lies before all of one or after all of it.
        if first <= to {
            from = from.max(last + lock_out);
        } else {
            to = to.min(first - lock_out);
        }
    }
    (from <= to).then_some((from, to))
}

/// What one search has looked at: each visit, and each busy auditor, once.
#[derive(Default)]
struct Seen {
    visits: BTreeSet<usize>,
    people: BTreeSet<usize>,
}

/// Who makes which visit, so far.
struct Flow<'a> {
    visits: &'a [Visit],
    /// The auditor of a visit.
    who: BTreeMap<usize, usize>,
    /// How many visits each has, with those from before.
    loads: Vec<u32>,
    /// Whether nobody goes twice to a branch.
    is_once: bool,
}

impl<'a> Flow<'a> {
    /// As many visits as can be, those of the busiest auditor as few as can be.
    fn grown(rules: &Rules, visits: &'a [Visit], people: &[&Candidate]) -> Self {
        let loads: Vec<u32> = people.iter().map(|it| it.already).collect();
        let mut flow = Self { visits, who: BTreeMap::new(), loads, is_once: rules.lock_out_days > 0 };
        let lowest = flow.loads.iter().copied().min().unwrap_or(0);
        let highest = flow.loads.iter().copied().max().unwrap_or(0);
        let mut most = lowest;
        while most < rules.most_per_auditor && flow.who.len() < visits.len() {
            most += 1;
            let mut has_grown = false;
            for index in 0..visits.len() {
                if !flow.who.contains_key(&index) {
                    has_grown |= flow.place(index, most, &mut Seen::default());
                }
            }
            // Nobody who could be reached was merely busy: one visit more for each changes nothing.
            if !has_grown && most > highest {
                break;
            }
        }
        flow
    }

    /// Places a visit, moving others where that makes room; each is looked at once.
    fn place(&mut self, index: usize, most: u32, seen: &mut Seen) -> bool {
        if !seen.visits.insert(index) {
            return false;
        }
        let Some(visit) = self.visits.get(index) else { return false };
        let own = self.who.get(&index).copied();
        let mut free: Option<usize> = None;
        for who in visit.able.keys().copied().filter(|it| Some(*it) != own) {
            let is_free = self.load(who) < most && self.other_of_pair(index, who).is_none();
            if is_free && free.is_none_or(|it| self.load(who) < self.load(it)) {
                free = Some(who);
            }
        }
        if let Some(who) = free {
            self.give(index, who);
            return true;
        }
        for who in visit.able.keys().copied().filter(|it| Some(*it) != own) {
            let movable: Vec<usize> = match self.other_of_pair(index, who) {
                Some(other) => Vec::from([other]),
                None if !seen.people.insert(who) => Vec::new(),
                None => self.who.iter().filter(|(_, it)| **it == who).map(|it| *it.0).collect(),
            };
            for other in movable {
                if self.place(other, most, seen) {
                    self.give(index, who);
                    return true;
                }
            }
        }
        false
    }

    fn load(&self, who: usize) -> u32 {
        self.loads.get(who).copied().unwrap_or(u32::MAX)
    }

    /// Another visit of the same branch that somebody has, where nobody goes twice.
    fn other_of_pair(&self, index: usize, who: usize) -> Option<usize> {
        let branch = self.visits.get(index)?.branch;
        let mut had = self.who.iter().filter(|(other, it)| **it == who && **other != index).map(|it| *it.0);
        had.find(|other| self.is_once && self.visits.get(*other).is_some_and(|it| it.branch == branch))
    }

    fn give(&mut self, index: usize, who: usize) {
        if let Some(load) = self.who.insert(index, who).and_then(|before| self.loads.get_mut(before)) {
            *load -= 1;
        }
        if let Some(load) = self.loads.get_mut(who) {
            *load += 1;
        }
    }

    /// Why a visit is left.
    fn why(&self, visit: &Visit, people: &[&Candidate]) -> Why {
        if !people.iter().any(|it| it.may_go(visit.branch)) {
            return Why::NobodyMayGo;
        }
        let goes = |who: &usize| {
            let mut had =
                self.who.iter().filter(|(_, it)| *it == who).filter_map(|it| self.visits.get(*it.0));
            self.is_once && had.any(|it| it.branch == visit.branch)
        };
        if visit.able.keys().all(goes) { Why::LockedOut } else { Why::Busy }
    }
}

#[cfg(test)]
mod tests;
