//! A run from its seed to its report, many of them, and the shortest schedule that still fails. Owns the figures.

use crate::{
    fault::Fired,
    mutant::{Mutant, Setting},
    oracle::{Checked, Violation},
    world::World,
};
use clap::ValueEnum;
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};
use sync_core::Hash;

/// Steps of a run.
pub const STEPS: usize = 90;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What everything follows from.
    pub seed: u64,
    /// How many steps the schedule has.
    pub steps: usize,
    /// The steps to take; all where none is named.
    pub keep: Option<Vec<usize>>,
    /// What may go wrong; whatever the seed says where it is not said.
    pub setting: Option<Setting>,
    /// What is broken on purpose.
    pub mutant: Option<Mutant>,
    /// Whether what happens is printed.
    pub trace: bool,
}

impl Plan {
    /// A whole run of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { seed, steps: STEPS, keep: None, setting: None, mutant: None, trace: false }
    }

    /// A whole run of a seed with a mutant, where that matters.
    #[must_use]
    pub fn of_mutant(seed: u64, mutant: Mutant) -> Self {
        Self { setting: Some(mutant.setting()), mutant: Some(mutant), ..Self::of(seed) }
    }

    /// A whole run of a seed in a setting, with nothing broken.
    #[must_use]
    pub fn of_setting(seed: u64, setting: Setting) -> Self {
        Self { setting: Some(setting), ..Self::of(seed) }
    }

    fn schedule(&self) -> Vec<usize> {
        self.keep.clone().unwrap_or_else(|| (0..self.steps).collect())
    }
}

/// What a run came to.
#[derive(Clone)]
pub struct Report {
    /// What went wrong on purpose.
    pub fired: Fired,
    /// Ops that people made.
    pub ops: u64,
    /// Requests of phones.
    pub requests: u64,
    /// Follows from everything that happened.
    pub digest: Hash,
    /// What went wrong, and after which step; past the last one for the end of the run.
    pub violation: Option<(usize, Violation)>,
}

fn steps(plan: &Plan, world: &mut Option<World>, at: &mut usize) -> Checked {
    let world = world.insert(World::begin(plan.seed, plan.setting, plan.mutant)?);
    world.trace = plan.trace;
    for number in plan.schedule() {
        *at = number;
        world.step(number)?;
    }
    *at = plan.steps;
    world.settle()
}

/// Runs a plan.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let (mut world, mut at) = (None, 0);
    let ended = catch_unwind(AssertUnwindSafe(|| steps(plan, &mut world, &mut at)));
    let ended = ended.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        Err(Violation { law: "nothing panics", what: text.unwrap_or_default() })
    });
    let violation = ended.err().map(|it| (at, it));
    let Some(world) = world else {
        let (fired, digest) = (Fired::default(), Hash::ZERO);
        return Report { fired, ops: 0, requests: 0, digest, violation };
    };
    Report {
        ops: world.oracle.typed.len() as u64,
        requests: world.mail.requests,
        digest: world.digest,
        fired: world.fired.clone(),
        violation,
    }
}

/// Leaves steps out as long as the same law is still broken.
#[must_use]
pub fn shrink(plan: &Plan, law: &str) -> Vec<usize> {
    let fails = |keep: &[usize]| {
        let report = run(&Plan { keep: Some(keep.to_vec()), ..plan.clone() });
        report.violation.is_some_and(|it| it.1.law == law)
    };
    let mut keep = plan.schedule();
    let mut size = keep.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < keep.len() {
            let without: Vec<usize> = keep
                .iter()
                .enumerate()
                .filter(|it| it.0 < from || it.0 >= from + size)
                .map(|it| *it.1)
                .collect();
            if without.len() < keep.len() && fails(&without) {
                keep = without;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    keep
}

/// The command that runs a plan again.
#[must_use]
pub fn command(plan: &Plan) -> String {
    let keep = plan.keep.as_ref().map(|it| {
        let all: Vec<String> = it.iter().map(usize::to_string).collect();
        format!(" --keep {}", if all.is_empty() { "none".to_owned() } else { all.join(",") })
    });
    let named = match (plan.mutant, plan.setting) {
        (Some(it), _) => format!(" --mutant {}", name(it)),
        (None, Some(it)) => format!(" --setting {}", name(it)),
        (None, None) => String::new(),
    };
    format!("cargo xtask simulate --seed {}{named}{}", plan.seed, keep.unwrap_or_default())
}

/// What it is called on the command line.
fn name(it: impl ValueEnum) -> String {
    it.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default()
}

/// A failing run with the shortest command that shows it again.
#[must_use]
pub fn told(plan: &Plan, violation: &Violation) -> String {
    let short = Plan { keep: Some(shrink(plan, violation.law)), ..plan.clone() };
    format!("seed {}: {violation}\n    {}", plan.seed, command(&short))
}

/// What many runs came to.
#[derive(Default)]
pub struct Total {
    /// How many there were.
    pub runs: u64,
    /// Ops that people made.
    pub ops: u64,
    /// Requests of phones.
    pub requests: u64,
    /// What went wrong on purpose.
    pub fired: Fired,
    /// The plans that failed, by seed.
    pub failed: Vec<(Plan, Violation)>,
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let violations = self.failed.len();
        writeln!(
            f,
            "{} seeds, {} ops, {} requests, {violations} violations",
            self.runs, self.ops, self.requests
        )?;
        write!(f, "{}", self.fired)
    }
}

/// Runs seeds from `first` on, as many as `go_on` allows (it is told how many were begun), on all cores.
pub fn run_many(first: u64, go_on: impl Fn(u64) -> bool + Sync) -> Total {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let total = Mutex::new(Total::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if !go_on(number) {
                        break;
                    }
                    let plan = Plan::of(first + number);
                    let report = run(&plan);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.runs += 1;
                    total.ops += report.ops;
                    total.requests += report.requests;
                    total.fired.add(&report.fired);
                    if let Some((_, violation)) = report.violation {
                        total.failed.push((plan, violation));
                        // A few show what is wrong; more would only take time.
                        stop.store(total.failed.len() >= 5, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.failed.sort_by_key(|it| it.0.seed);
    total
}

/// What became of a mutant.
#[derive(Debug)]
pub enum Hunted {
    /// It broke one of its laws, in this seed.
    Caught(u64, Violation),
    /// It broke another law first, or the run stopped short.
    Otherwise(u64, Violation),
    /// No seed noticed it.
    Survived,
}

/// The first seeds, one after the other, until a mutant is noticed.
#[must_use]
pub fn hunt(mutant: Mutant, seeds: u64) -> Hunted {
    let noticed = (0..seeds).find_map(|seed| {
        let report = run(&Plan::of_mutant(seed, mutant));
        report.violation.map(|it| (seed, it.1))
    });
    match noticed {
        None => Hunted::Survived,
        Some((seed, it)) if mutant.laws().contains(&it.law) => Hunted::Caught(seed, it),
        Some((seed, it)) => Hunted::Otherwise(seed, it),
    }
}

/// What breaks in a setting where nothing is broken on purpose, in as many seeds as its mutants needed: it would be taken for theirs.
#[must_use]
pub fn control(setting: Setting, seeds: u64) -> Option<(u64, Violation)> {
    (0..seeds).find_map(|seed| {
        let report = run(&Plan::of_setting(seed, setting));
        report.violation.map(|it| (seed, it.1))
    })
}
