//! The simulator itself: the seeds that run with every change, that a run can be repeated, and that each law can be seen to
//! break.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use simulation::{
    dice::Dice,
    disk::Disk,
    mutant::{Mutant, Setting},
    run::{Hunted, Plan, command, control, hunt, run, run_many, shrink, told},
    vfs,
};

/// Seeds that every fault must happen in.
const SEEDS: u64 = 200;

#[test]
fn two_hundred_seeds_break_no_law_and_every_fault_happens() {
    let total = run_many(0, |number| number < SEEDS);
    let failed: Vec<String> = total.failed.iter().map(|(plan, violation)| told(plan, violation)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(total.runs, SEEDS);
    assert_eq!(total.fired.missing(), [""; 0], "{total}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [3, 7, 11] {
        let (one, again) = (run(&Plan::of(seed)), run(&Plan::of(seed)));
        assert_eq!((one.digest, one.ops, one.requests), (again.digest, again.ops, again.requests));
        assert_eq!(one.fired.to_string(), again.fired.to_string());
    }
    assert_ne!(run(&Plan::of(3)).digest, run(&Plan::of(7)).digest);
}

#[test]
fn every_broken_variant_is_noticed_by_its_law_where_all_is_well_without_it() {
    for setting in Setting::ALL {
        let mut seeds = 0;
        for mutant in Mutant::ALL.into_iter().filter(|it| it.setting() == setting) {
            let Hunted::Caught(seed, _) = hunt(mutant, 60) else {
                panic!("{mutant}: {:?}", hunt(mutant, 60));
            };
            seeds = seeds.max(seed + 1);
        }
        assert_eq!(control(setting, seeds), None, "{setting:?}");
    }
}

#[test]
fn a_failing_run_is_told_as_the_shortest_schedule_that_still_fails() {
    let plan = Plan::of_mutant(0, Mutant::ServerNeverSyncs);
    let violation = run(&plan).violation.expect("a server that never syncs is noticed").1;
    let keep = shrink(&plan, violation.law);
    assert!(keep.len() <= 4, "{keep:?}");
    let short = Plan { keep: Some(keep), ..plan };
    assert_eq!(run(&short).violation.map(|it| it.1.law), Some(violation.law));
    let told = command(&short);
    assert!(told.starts_with("cargo xtask simulate --seed 0 --mutant server-never-syncs --keep "), "{told}");
}

/// A store in SQLite with one row, on a disk of its own.
fn store(disk: &Disk) -> (tempfile::TempDir, rusqlite::Connection) {
    let folder = tempfile::tempdir().unwrap();
    vfs::mount(folder.path(), disk);
    let store = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
    store
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER);")
        .unwrap();
    (folder, store)
}

fn count(folder: &tempfile::TempDir) -> u64 {
    let store = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
    store.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_may_lose_the_rest() {
    let mut lost = 0;
    for seed in 0..20 {
        let disk = Disk::default();
        let (folder, store) = store(&disk);
        store.execute("INSERT INTO t VALUES (1)", []).unwrap();
        store.pragma_update(None, "synchronous", "NORMAL").unwrap();
        store.execute("INSERT INTO t VALUES (2)", []).unwrap();
        disk.switch_off();
        drop(store);
        disk.lose_power(&mut Dice::of(seed));
        let left = count(&folder);
        assert!((1..=2).contains(&left), "{left}");
        lost += 2 - left;
        vfs::unmount(folder.path());
    }
    assert!(lost > 0);
}

#[test]
fn a_kill_loses_nothing_that_was_written() {
    let disk = Disk::default();
    let (folder, store) = store(&disk);
    store.execute("INSERT INTO t VALUES (1)", []).unwrap();
    disk.switch_off();
    drop(store);
    disk.revive();
    assert_eq!(count(&folder), 1);
    vfs::unmount(folder.path());
}
