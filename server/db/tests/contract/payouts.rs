//! Payout runs, lines and totals, and what nobody may change once they are approved.

use db::payouts::{self, PayoutLine, PayoutRun, PayoutTotal, RunMode};
use db::{Db, DbError, Micros};
use domain::ids::RunId;
use domain::lifecycle::RunState;

use crate::database::{day, hash, is_refused, is_stale, org, read, two_organizations, user, uuid, write};
use crate::on_both;

fn run_id(number: u32) -> RunId {
    RunId(uuid(number))
}

fn run(number: u32) -> PayoutRun {
    PayoutRun {
        run_id: run_id(number),
        plan_id: "sucursal-individual".into(),
        plan_version: 1,
        plan_hash: hash(1),
        period_from: day("2026-04-01"),
        period_to: day("2026-06-30"),
        currency: "MXN".into(),
        mode: RunMode::Live,
        state: RunState::Draft,
        created_by: user(11),
        created_at: Micros(1),
        calculated_by: None,
        calculated_at: None,
        approved_by: None,
        approved_at: None,
        locked_by: None,
        locked_at: None,
        inputs: "{\"z\": 1}".into(),
        inputs_hash: hash(2),
        result_hash: None,
    }
}

fn calculated() -> PayoutRun {
    PayoutRun {
        state: RunState::Calculated,
        calculated_by: Some(user(11)),
        calculated_at: Some(Micros(2)),
        result_hash: Some(hash(3)),
        ..run(1)
    }
}

fn approved() -> PayoutRun {
    PayoutRun {
        state: RunState::Approved,
        approved_by: Some(user(12)),
        approved_at: Some(Micros(3)),
        ..calculated()
    }
}

fn locked() -> PayoutRun {
    PayoutRun { state: RunState::Locked, locked_by: Some(user(12)), locked_at: Some(Micros(4)), ..approved() }
}

fn line(person: &str, line: u32) -> PayoutLine {
    PayoutLine {
        run_id: run_id(1),
        person: person.into(),
        line,
        component: "ms_index".into(),
        amount_minor: if line == 3 { -5 } else { 205_978 },
        doc: "{\"why\": \"104 %\"}".into(),
    }
}

fn total(person: &str, payable_minor: i64) -> PayoutTotal {
    PayoutTotal { run_id: run_id(1), person: person.into(), payable_minor, doc: "{}".into() }
}

fn result(tx: &mut db::Tx<'_>, people: &[&str]) -> Result<(), DbError> {
    let lines: Vec<PayoutLine> =
        people.iter().flat_map(|person| (1..=3).map(|it| line(person, it))).collect();
    let totals: Vec<PayoutTotal> = people.iter().map(|person| total(person, 411_951)).collect();
    payouts::replace_result(tx, org(1), run_id(1), &lines, &totals)
}

fn update(db: &Db, from: RunState, to: PayoutRun) -> Result<(), DbError> {
    write(db, move |tx| payouts::update_run(tx, org(1), from, &to))
}

fn calculated_run(db: &Db) {
    two_organizations(db);
    write(db, |tx| {
        payouts::append_run(tx, org(1), &run(1))?;
        result(tx, &["E01", "E02"])
    })
    .unwrap();
    update(db, RunState::Draft, calculated()).unwrap();
}

on_both! {
    fn who_and_which_days_were_paid_since_an_instant_is_known(db) {
        calculated_run(db);
        let paid = |of: u32, since: i64| {
            read(db, |tx| db::imports::paid_since(tx, org(of), &["E01", "E07"], Micros(since)))
        };
        assert_eq!((paid(1, 1), paid(1, 2), paid(2, 1)), (vec!["E01".to_owned()], vec![], vec![]));
        let is_in = |from: &str, to: &str, since: i64| {
            let days = (day(from), day(to));
            read(db, |tx| db::imports::is_in_payouts_since(tx, org(1), days, Micros(since)))
        };
        assert!(is_in("2026-06-30", "2026-07-31", 1) && is_in("2026-01-01", "2026-04-01", 1));
        assert!(!is_in("2026-07-01", "2026-07-31", 1) && !is_in("2026-06-30", "2026-07-31", 2));
    }

    fn a_run_is_found_and_listed_in_its_organization(db) {
        two_organizations(db);
        write(db, |tx| (1..=3).try_for_each(|it| payouts::append_run(tx, org(1), &run(it)))).unwrap();
        assert_eq!(read(db, |tx| payouts::find_run(tx, org(1), run_id(2))), Some(run(2)));
        assert_eq!(write(db, |tx| payouts::lock_run(tx, org(1), run_id(2))).unwrap(), Some(run(2)));
        assert_eq!(read(db, |tx| payouts::find_run(tx, org(2), run_id(2))), None);
        assert_eq!(write(db, |tx| payouts::lock_run(tx, org(2), run_id(2))).unwrap(), None);
        let first = read(db, |tx| payouts::list_runs(tx, org(1), None, 2));
        let rest = read(db, |tx| payouts::list_runs(tx, org(1), first.next, 2));
        assert_eq!((first.items, rest.items, rest.next), (vec![run(1), run(2)], vec![run(3)], None));
        assert_eq!(read(db, |tx| payouts::list_runs(tx, org(2), None, 2)).items, []);
        let first = read(db, |tx| payouts::list_newest_runs(tx, org(1), None, 2));
        let rest = read(db, |tx| payouts::list_newest_runs(tx, org(1), first.next, 2));
        assert_eq!((first.items, rest.items, rest.next), (vec![run(3), run(2)], vec![run(1)], None));
        assert_eq!(read(db, |tx| payouts::list_newest_runs(tx, org(2), None, 2)).items, []);
        assert!(is_stale(&write(db, |tx| payouts::update_run(tx, org(2), RunState::Draft, &run(1)))));
    }

    fn a_run_goes_its_way_once(db) {
        calculated_run(db);
        assert_eq!(read(db, |tx| payouts::find_run(tx, org(1), run_id(1))), Some(calculated()));
        assert!(is_stale(&update(db, RunState::Draft, calculated())));
        update(db, RunState::Calculated, approved()).unwrap();
        update(db, RunState::Approved, locked()).unwrap();
        assert_eq!(read(db, |tx| payouts::find_run(tx, org(1), run_id(1))), Some(locked()));
        update(db, RunState::Locked, PayoutRun { state: RunState::Exported, ..locked() }).unwrap();
        update(db, RunState::Exported, PayoutRun { state: RunState::Paid, ..locked() }).unwrap();
    }

    fn who_calculated_neither_approves_nor_locks(db) {
        calculated_run(db);
        assert!(is_refused(&update(db, RunState::Calculated, PayoutRun { approved_by: Some(user(11)), ..approved() })));
        update(db, RunState::Calculated, approved()).unwrap();
        assert!(is_refused(&update(db, RunState::Approved, PayoutRun { locked_by: Some(user(11)), ..locked() })));
    }

    fn what_was_approved_stays(db) {
        calculated_run(db);
        update(db, RunState::Calculated, approved()).unwrap();
        for changed in [
            PayoutRun { inputs: "{}".into(), ..locked() },
            PayoutRun { inputs_hash: hash(9), ..locked() },
            PayoutRun { result_hash: None, ..locked() },
            PayoutRun { state: RunState::Draft, ..approved() },
            PayoutRun { state: RunState::Calculated, ..approved() },
        ] {
            let outcome = update(db, RunState::Approved, changed);
            assert!(is_refused(&outcome), "{outcome:?}");
        }
        update(db, RunState::Approved, locked()).unwrap();
        assert!(is_refused(&update(db, RunState::Locked, approved())));
        assert!(is_refused(&write(db, |tx| result(tx, &["E01"]))));
        for table in ["payout_lines", "payout_totals", "payout_runs"] {
            let outcome = db.execute(&format!("DELETE FROM {table}"));
            assert!(matches!(&outcome, Err(why) if why.contains("frozen once approved")), "{table}: {outcome:?}");
        }
        for sql in ["UPDATE payout_lines SET amount_minor = 1", "UPDATE payout_totals SET payable_minor = 1"] {
            let outcome = db.execute(sql);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{sql}: {outcome:?}");
        }
        let late = db.execute(if db.is_sqlite() {
            "INSERT INTO payout_totals SELECT org_id, run_id, 'E99', 1, '{}' FROM payout_runs"
        } else {
            "INSERT INTO payout_totals (org_id, run_id, person, payable_minor, doc)
             SELECT org_id, run_id, 'E99', 1, '{}' FROM payout_runs"
        });
        assert!(matches!(&late, Err(why) if why.contains("frozen once approved")), "{late:?}");
    }

    fn a_result_is_replaced_while_nobody_approved(db) {
        calculated_run(db);
        write(db, |tx| result(tx, &["E02", "E03"])).unwrap();
        let totals = read(db, |tx| payouts::list_totals(tx, org(1), run_id(1), None, 9));
        assert_eq!(totals.items, [total("E02", 411_951), total("E03", 411_951)]);
        let after = read(db, |tx| payouts::list_totals(tx, org(1), run_id(1), Some("E02"), 9)).items;
        assert_eq!(after, [total("E03", 411_951)]);
        let first = read(db, |tx| payouts::list_lines(tx, org(1), run_id(1), None, None, 4));
        let rest = read(db, |tx| payouts::list_lines(tx, org(1), run_id(1), None, first.next.as_ref(), 4));
        assert_eq!(first.items, [line("E02", 1), line("E02", 2), line("E02", 3), line("E03", 1)]);
        assert_eq!((rest.items, rest.next), (vec![line("E03", 2), line("E03", 3)], None));
        let of_one = read(db, |tx| payouts::list_lines(tx, org(1), run_id(1), Some("E03"), None, 9)).items;
        assert_eq!(of_one, [line("E03", 1), line("E03", 2), line("E03", 3)]);
        assert_eq!(read(db, |tx| payouts::list_lines(tx, org(2), run_id(1), None, None, 4)).items, []);
        assert_eq!(read(db, |tx| payouts::list_totals(tx, org(2), run_id(1), None, 4)).items, []);
    }

    fn a_payable_amount_is_never_negative_and_belongs_to_its_run(db) {
        calculated_run(db);
        let negative = write(db, |tx| payouts::replace_result(tx, org(1), run_id(1), &[], &[total("E01", -1)]));
        assert!(is_refused(&negative), "{negative:?}");
        let stray = write(db, |tx| payouts::replace_result(tx, org(1), run_id(2), &[line("E01", 1)], &[]));
        assert!(matches!(stray, Err(DbError::Usage(_))));
        let unknown = || PayoutLine { run_id: run_id(2), ..line("E01", 1) };
        let orphan = write(db, move |tx| payouts::replace_result(tx, org(1), run_id(2), &[unknown()], &[]));
        assert!(is_refused(&orphan), "{orphan:?}");
        assert_eq!(read(db, |tx| payouts::list_totals(tx, org(1), run_id(1), None, 9)).items.len(), 2);
    }
}
