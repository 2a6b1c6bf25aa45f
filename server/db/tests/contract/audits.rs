//! Audits, their ops and their events.

use db::audits::{self, Audit, AuditFilter, AuditOps, VisitEvent, VisitKind};
use db::{Db, DbError, Micros};
use domain::ids::AuditId;
use domain::lifecycle::{Actor, Command, State};
use std::collections::BTreeMap;

use crate::database::{
    branch_id, day, hash, is_duplicate, is_refused, is_stale, org, read, two_organizations,
    two_organizations_with_branches, user, uuid, write,
};
use crate::{observations, on_both, scores};

pub(crate) fn audit_id(number: u32) -> AuditId {
    AuditId(uuid(number))
}

/// Audit `number`: branch 1 or 2, auditor 11 or 12, visited on one of 28 days of April 2026.
pub(crate) fn audit(number: u32) -> Audit {
    Audit {
        audit_id: audit_id(number),
        branch_id: branch_id(1 + number % 2),
        auditor_id: user(11 + number % 3 % 2),
        assignment_id: None,
        template_id: "ms-banco-sucursal".into(),
        template_version: 1,
        template_hash: hash(1),
        state: State::Submitted,
        round: 0,
        kind: VisitKind::Visit,
        visit_date: Some(day(&format!("2026-04-{:02}", 1 + number % 28))),
        zone: "America/Mexico_City".into(),
        submitted_at: Some(Micros(50)),
        decided_at: None,
        decided_by: None,
        open_conflicts: 0,
        late_ops: 0,
        claimed_by: None,
        external_ref: Some(format!("row-{number}")),
        updated_at: Micros(i64::from(number)),
    }
}

fn event(seq: u32) -> VisitEvent {
    VisitEvent {
        audit_id: audit_id(1),
        seq,
        from_state: (seq > 1).then_some(State::InProgress),
        command: Command::Submit,
        to_state: State::Submitted,
        actor_kind: Actor::Auditor,
        actor_id: Some(uuid(11)),
        device_at: Some(Micros(1)),
        server_at: Micros(2),
        reason: None,
        before_hash: None,
        after_hash: Some(hash(3)),
    }
}

/// One row in every append-only table of organization 1.
pub(crate) fn one_of_everything(db: &Db) {
    two_organizations_with_branches(db);
    write(db, |tx| {
        audits::upsert(tx, org(1), &[audit(1)])?;
        audits::append_events(tx, org(1), &[event(1)])?;
        db::scores::append(tx, org(1), &[scores::score(1, 1, 9_000)])?;
        db::observations::append_kpis(tx, org(1), &[observations::kpi(1)])?;
        db::observations::append_assessment(tx, org(1), &observations::assessment(1))?;
        db::audit_log::append(tx, org(1), &crate::audit_log::entry(1))?;
        db::devices::append(tx, org(1), &crate::devices::device(1, None))?;
        db::devices::append_segments(tx, org(1), &[crate::devices::segment(1, 2)])
    })
    .unwrap();
}

on_both! {
    fn an_upsert_inserts_and_replaces(db) {
        two_organizations(db);
        write(db, |tx| audits::upsert(tx, org(1), &[audit(1), audit(2)])).unwrap();
        let changed = || Audit {
            state: State::Approved,
            decided_at: Some(Micros(70)),
            decided_by: Some(user(99)),
            visit_date: None,
            round: 2,
            open_conflicts: 3,
            ..audit(2)
        };
        write(db, move |tx| audits::upsert(tx, org(1), &[audit(3), changed()])).unwrap();
        let stored = read(db, |tx| audits::find_many(tx, org(1), &[3, 2, 1, 9].map(audit_id)));
        assert_eq!(stored, [audit(1), changed(), audit(3)]);
        assert_eq!(read(db, |tx| audits::find(tx, org(1), audit_id(2))), Some(changed()));
    }

    fn another_organizations_audit_is_neither_found_nor_touched(db) {
        two_organizations(db);
        write(db, |tx| {
            audits::upsert(tx, org(1), &[audit(1)])?;
            audits::upsert_ops(tx, org(1), &[AuditOps { audit_id: audit_id(1), ops: vec![1] }])
        })
        .unwrap();
        assert_eq!(read(db, |tx| audits::find(tx, org(2), audit_id(1))), None);
        assert_eq!(read(db, |tx| audits::find_many(tx, org(2), &[audit_id(1)])), []);
        assert_eq!(read(db, |tx| audits::find_ops(tx, org(2), audit_id(1))), None);
        assert_eq!(read(db, |tx| audits::find_ops_of_many(tx, org(2), &[audit_id(1)])), []);
        assert_eq!(read(db, |tx| audits::list(tx, org(2), &AuditFilter::default(), None, 10)).items, []);
        assert_eq!(read(db, |tx| audits::find_by_external_ref(tx, org(2), "row-1")), []);
        assert_eq!(read(db, |tx| audits::count_by_state(tx, org(2))), []);
        assert_eq!(write(db, |tx| audits::lock(tx, org(2), audit_id(1))).unwrap(), None);
        let moved = write(db, |tx| {
            audits::set_state(tx, org(2), audit_id(1), (State::Submitted, State::InReview), Micros(9))
        });
        assert!(is_stale(&moved));
        assert!(is_stale(&write(db, |tx| audits::update(tx, org(2), State::Submitted, &audit(1)))));
        // The same id in the other organization is another audit.
        write(db, |tx| audits::upsert(tx, org(2), &[Audit { round: 7, ..audit(1) }])).unwrap();
        assert_eq!(read(db, |tx| audits::find(tx, org(1), audit_id(1))), Some(audit(1)));
    }

    fn of_two_with_one_id_in_one_upsert_the_later_stands(db) {
        two_organizations(db);
        write(db, |tx| {
            audits::upsert(tx, org(1), &[audit(1), Audit { round: 5, ..audit(1) }])?;
            let ops = |ops: &[u8]| AuditOps { audit_id: audit_id(1), ops: ops.to_vec() };
            audits::upsert_ops(tx, org(1), &[ops(b"one"), ops(b"two")])
        })
        .unwrap();
        assert_eq!(read(db, |tx| audits::find(tx, org(1), audit_id(1))).unwrap().round, 5);
        assert_eq!(read(db, |tx| audits::find_ops(tx, org(1), audit_id(1))), Some(b"two".to_vec()));
    }

    fn audits_are_begun_once_in_parts_of_any_length(db) {
        two_organizations(db);
        let mut next = 0;
        for length in [0, 1, 31, 32, 33, 64, 500, 533] {
            let numbers = next..next + length;
            next += length;
            write(db, move |tx| {
                let begun: Vec<Audit> = numbers.clone().map(audit).collect();
                let ops = |it: u32| AuditOps { audit_id: audit_id(it), ops: it.to_be_bytes().to_vec() };
                audits::append(tx, org(1), &begun, &numbers.clone().map(ops).collect::<Vec<_>>())
            })
            .unwrap();
        }
        assert_eq!(read(db, |tx| audits::count_by_state(tx, org(1))), [(State::Submitted, u64::from(next))]);
        for number in [0, 1, 32, 33, 63, 64, 130, 660, next - 1] {
            assert_eq!(read(db, |tx| audits::find(tx, org(1), audit_id(number))), Some(audit(number)));
            let ops = read(db, |tx| audits::find_ops(tx, org(1), audit_id(number)));
            assert_eq!(ops, Some(number.to_be_bytes().to_vec()));
        }
        // In the middle of what SQLite takes at once, and nothing of it stays.
        let again: Vec<Audit> = (next..next + 20).chain([7]).chain(next + 20..next + 30).map(audit).collect();
        let again = write(db, move |tx| audits::append(tx, org(1), &again, &[]));
        assert!(is_duplicate(&again), "{again:?}");
        assert_eq!(read(db, |tx| audits::find(tx, org(1), audit_id(next))), None);
        let stray = AuditOps { audit_id: audit_id(next), ops: vec![] };
        assert!(is_refused(&write(db, move |tx| audits::append(tx, org(1), &[], std::slice::from_ref(&stray)))));
    }

    fn thousands_are_stored_listed_and_counted(db) {
        two_organizations(db);
        write(db, |tx| {
            let many: Vec<Audit> = (0..1_234).map(audit).collect();
            let ops: Vec<AuditOps> = (0..1_234_u32)
                .map(|it| AuditOps { audit_id: audit_id(it), ops: it.to_be_bytes().repeat(100) })
                .collect();
            audits::upsert(tx, org(1), &many)?;
            audits::upsert_ops(tx, org(1), &ops)
        })
        .unwrap();
        assert_eq!(read(db, |tx| audits::count_by_state(tx, org(1))), [(State::Submitted, 1_234)]);
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = read(db, |tx| audits::list(tx, org(1), &AuditFilter::default(), after, 400));
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..1_234).map(audit).collect::<Vec<_>>());
        let ops = read(db, |tx| audits::find_ops_of_many(tx, org(1), &[audit_id(7), audit_id(5)]));
        let expected = [5_u32, 7].map(|it| AuditOps { audit_id: audit_id(it), ops: it.to_be_bytes().repeat(100) });
        assert_eq!(ops, expected);
        let too_many: Vec<AuditId> = (0..1_001).map(audit_id).collect();
        let outcome = db.read(|tx| audits::find_many(tx, org(1), &too_many));
        assert!(matches!(outcome, Err(DbError::Usage(_))));
    }

    fn a_list_shows_what_its_filter_names(db) {
        two_organizations(db);
        write(db, |tx| {
            let mut all: Vec<Audit> = (0..56).map(audit).collect();
            for it in &mut all[..10] {
                it.state = State::Published;
            }
            all[20].visit_date = None;
            audits::upsert(tx, org(1), &all)
        })
        .unwrap();
        let shown = |filter: AuditFilter| -> Vec<u32> {
            let page = read(db, |tx| audits::list(tx, org(1), &filter, None, 1_000));
            page.items.iter().map(|it| u32::try_from(it.updated_at.0).unwrap()).collect()
        };
        let published = AuditFilter { states: vec![State::Published, State::Locked], ..AuditFilter::default() };
        assert_eq!(shown(published), (0..10).collect::<Vec<_>>());
        let of_branch = AuditFilter { branches: Some(vec![branch_id(2)]), ..AuditFilter::default() };
        assert_eq!(shown(of_branch), (0..56).filter(|it| it % 2 == 1).collect::<Vec<_>>());
        assert_eq!(shown(AuditFilter { branches: Some(vec![]), ..AuditFilter::default() }), [0_u32; 0]);
        let of_auditor = AuditFilter { auditor: Some(user(12)), ..AuditFilter::default() };
        assert_eq!(shown(of_auditor), (0..56).filter(|it| it % 3 == 1).collect::<Vec<_>>());
        let days =
            AuditFilter { from: Some(day("2026-04-20")), to: Some(day("2026-04-21")), ..AuditFilter::default() };
        assert_eq!(shown(days), [19, 47, 48]);
        assert_eq!(read(db, |tx| audits::find_by_external_ref(tx, org(1), "row-7")), [Audit {
            state: State::Published,
            ..audit(7)
        }]);
    }

    fn a_state_changes_only_from_where_it_stands(db) {
        two_organizations(db);
        write(db, |tx| audits::upsert(tx, org(1), &[audit(1)])).unwrap();
        let claim = || {
            write(db, |tx| {
                audits::set_state(tx, org(1), audit_id(1), (State::Submitted, State::InReview), Micros(99))
            })
        };
        claim().unwrap();
        assert!(is_stale(&claim()));
        let stands = Audit { state: State::InReview, updated_at: Micros(99), ..audit(1) };
        assert_eq!(read(db, |tx| audits::find(tx, org(1), audit_id(1))), Some(stands));
        let approved = || Audit { state: State::Approved, decided_by: Some(user(12)), ..audit(1) };
        write(db, move |tx| {
            let locked = audits::lock_many(tx, org(1), &[audit_id(1), audit_id(2)])?;
            assert_eq!(locked.len(), 1);
            audits::update(tx, org(1), State::InReview, &approved())
        })
        .unwrap();
        assert_eq!(read(db, |tx| audits::find(tx, org(1), audit_id(1))), Some(approved()));
        assert!(is_stale(&write(db, move |tx| audits::update(tx, org(1), State::InReview, &approved()))));
    }

    fn ops_need_their_audit(db) {
        two_organizations(db);
        let outcome = write(db, |tx| {
            audits::upsert_ops(tx, org(1), &[AuditOps { audit_id: audit_id(1), ops: vec![] }])
        });
        assert!(is_refused(&outcome), "{outcome:?}");
    }

    fn events_are_appended_in_order(db) {
        two_organizations(db);
        write(db, |tx| {
            audits::upsert(tx, org(1), &[audit(1)])?;
            assert_eq!(audits::next_event_seq(tx, org(1), audit_id(1))?, 1);
            audits::append_events(tx, org(1), &[event(1), event(2)])?;
            assert_eq!(audits::next_event_seq(tx, org(1), audit_id(1))?, 3);
            Ok(())
        })
        .unwrap();
        assert_eq!(read(db, |tx| audits::list_events(tx, org(1), audit_id(1))), [event(1), event(2)]);
        assert_eq!(read(db, |tx| audits::list_events(tx, org(2), audit_id(1))), []);
        assert!(is_duplicate(&write(db, |tx| audits::append_events(tx, org(1), &[event(2)]))));
        assert!(is_refused(&write(db, |tx| audits::append_events(tx, org(2), &[event(1)]))));
    }

    fn the_next_event_of_many_audits_is_told_at_once_and_those_without_any_are_left_out(db) {
        two_organizations(db);
        write(db, |tx| {
            audits::upsert(tx, org(1), &[audit(1), audit(2)])?;
            audits::append_events(tx, org(1), &[event(1), event(2)])
        })
        .unwrap();
        let ids = [audit_id(1), audit_id(2), audit_id(3)];
        let seqs = read(db, |tx| audits::next_event_seqs(tx, org(1), &ids));
        assert_eq!(seqs, BTreeMap::from([(audit_id(1), 3)]));
        assert_eq!(read(db, |tx| audits::next_event_seqs(tx, org(2), &ids)), BTreeMap::new());
    }
}

/// Two phones hand in a visit that nobody knew: neither finds it, and what the first wrote is not written over.
#[test]
fn who_begins_an_audit_that_another_began_meanwhile_is_run_again_and_finds_it() {
    let db = crate::database::postgres();
    two_organizations(&db);
    let (inner, mut runs) = (db.db.clone(), 0);
    let found = write(&db, move |tx| {
        runs += 1;
        let found = audits::find(tx, org(1), audit_id(1))?;
        if runs == 1 {
            assert_eq!(found, None);
            let first = || Audit { round: 5, ..audit(1) };
            write(&inner, move |tx| audits::append(tx, org(1), &[first()], &[])).unwrap();
        }
        match found {
            None => audits::append(tx, org(1), &[audit(1)], &[]).map(|()| (runs, None)),
            Some(found) => Ok((runs, Some(found.round))),
        }
    });
    assert_eq!(found.unwrap(), (2, Some(5)));
    assert_eq!(read(&db, |tx| audits::find(tx, org(1), audit_id(1))).unwrap().round, 5);
}
