//! `cargo xtask simulate`: runs seeds, shows what was done wrong on purpose, and fails where a law was broken, a fault never
//! happened or a mutant survived. Owns the command line.

use clap::Parser;
use simulation::{
    mutant::{Mutant, Setting},
    run::{Hunted, Plan, Total, command, control, hunt, run, run_many, told},
};
use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Seeds that every fault must happen in.
const SEEDS: u64 = 200;
/// Seeds in which a mutant must be noticed by its law.
const SEEDS_OF_A_MUTANT: u64 = 60;

/// Runs phones and an office with everything going wrong on purpose.
#[derive(Parser)]
#[command(name = "cargo xtask simulate")]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = SEEDS)]
    seeds: u64,
    /// Where to begin.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Runs one seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Only these steps of the one seed; `none` for no step at all.
    #[arg(long, requires = "seed")]
    keep: Option<String>,
    /// A broken variant in the one seed, where it matters.
    #[arg(long, requires = "seed")]
    mutant: Option<Mutant>,
    /// Where broken variants are looked for, without any, in the one seed.
    #[arg(long, requires = "seed", conflicts_with = "mutant")]
    setting: Option<Setting>,
    /// Prints what happens in the one seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Runs seeds for so long instead.
    #[arg(long)]
    minutes: Option<u64>,
    /// Proves that every broken variant is noticed.
    #[arg(long)]
    mutants: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (arguments.mutants, arguments.seed) {
        (true, _) => mutants(),
        (_, Some(seed)) => one(seed, &arguments),
        _ => many(&arguments),
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn mutants() -> bool {
    let (mut is_well, mut seeds) = (true, BTreeMap::new());
    for mutant in Mutant::ALL {
        let laws = mutant.laws().join(" or ");
        match hunt(mutant, SEEDS_OF_A_MUTANT) {
            Hunted::Caught(seed, violation) => {
                println!("caught    {mutant} (by {laws}): seed {seed}: {violation}");
                println!("    {}", command(&Plan::of_mutant(seed, mutant)));
                let last = seeds.entry(mutant.setting()).or_insert(0);
                *last = seed.max(*last);
            }
            Hunted::Otherwise(seed, violation) => {
                println!(
                    "OTHERWISE {mutant} (not by {laws}): {}",
                    told(&Plan::of_mutant(seed, mutant), &violation)
                );
                is_well = false;
            }
            Hunted::Survived => {
                println!("SURVIVED  {mutant} (by {laws}): in {SEEDS_OF_A_MUTANT} seeds");
                is_well = false;
            }
        }
    }
    seeds.into_iter().fold(is_well, |all, (setting, last)| is_healthy(setting, last + 1) && all)
}

/// Whether nothing breaks where mutants are looked for, without any.
fn is_healthy(setting: Setting, seeds: u64) -> bool {
    match control(setting, seeds) {
        None => {
            println!("healthy   {setting:?} without a mutant: {seeds} seeds");
            true
        }
        Some((seed, violation)) => {
            let plan = Plan::of_setting(seed, setting);
            println!("BROKEN    {setting:?} without a mutant: {}", told(&plan, &violation));
            false
        }
    }
}

fn one(seed: u64, arguments: &Arguments) -> bool {
    let numbers = |text: &str| text.split(',').filter_map(|it| it.parse().ok()).collect();
    let plan = match (arguments.mutant, arguments.setting) {
        (Some(mutant), _) => Plan::of_mutant(seed, mutant),
        (None, Some(setting)) => Plan::of_setting(seed, setting),
        (None, None) => Plan::of(seed),
    };
    let plan = Plan { keep: arguments.keep.as_deref().map(numbers), trace: arguments.trace, ..plan };
    let report = run(&plan);
    println!("seed {seed}: {} ops, {} requests, digest {}", report.ops, report.requests, report.digest);
    print!("{}", report.fired);
    match report.violation {
        None => true,
        Some((step, violation)) => {
            println!("after step {step}: {violation}");
            false
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long people want to wait is told by their clock")]
fn many(arguments: &Arguments) -> bool {
    let began = Instant::now();
    let end = arguments.minutes.map(|it| Duration::from_secs(it * 60));
    let total = run_many(arguments.first, |number| match end {
        Some(end) => began.elapsed() < end,
        None => number < arguments.seeds,
    });
    print!("{total}");
    println!("{:.1} s", began.elapsed().as_secs_f64());
    failed(&total)
}

/// Whether all is well; what is not is printed with the one command that shows it again.
fn failed(total: &Total) -> bool {
    for (plan, violation) in &total.failed {
        println!("{}", told(plan, violation));
    }
    let missing = total.fired.missing();
    let all_happened = missing.is_empty() || total.runs < SEEDS;
    if !all_happened {
        println!("never happened: {}", missing.join("; "));
    }
    total.failed.is_empty() && all_happened
}
