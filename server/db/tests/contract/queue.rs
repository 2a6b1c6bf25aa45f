//! The queue of the review, and the names that stand in it.

use db::{
    DbError, Micros, Tx,
    audits::{self, Audit},
    programmes,
    queue::{self, QueueFilter},
    users,
};
use domain::{
    ids::{AssignmentId, WaveId},
    lifecycle::State,
};

use crate::{
    audits::audit,
    content_and_programmes::{assignment, programme, wave},
    database::{branch_id, org, read, two_organizations_with_branches, user, uuid, write},
    on_both,
};

/// Twelve visits that were handed in one after the other, two of them at the same instant, and one that was not.
fn furnish(tx: &mut Tx<'_>) -> Result<(), DbError> {
    programmes::append_programme(tx, org(1), &programme(1))?;
    programmes::append_wave(tx, org(1), &wave(1, 1))?;
    programmes::append_assignments(tx, org(1), &[assignment(3)])?;
    let mut all: Vec<Audit> = (0..13).map(audit).collect();
    for (it, number) in all.iter_mut().zip(0..) {
        it.submitted_at = Some(Micros(100 - i64::from(number)));
    }
    all[1].submitted_at = all[2].submitted_at;
    all[3].assignment_id = Some(AssignmentId(uuid(3)));
    (all[4].state, all[4].claimed_by) = (State::InReview, Some(user(11)));
    (all[5].open_conflicts, all[6].late_ops) = (1, 2);
    all[12].submitted_at = None;
    audits::upsert(tx, org(1), &all)
}

fn shown(db: &db::Db, filter: &QueueFilter) -> Vec<i64> {
    let page = read(db, |tx| queue::list(tx, org(1), filter, None, 100));
    page.items.iter().map(|it| it.updated_at.0).collect()
}

on_both! {
    fn who_waits_longest_comes_first_and_pages_lose_nobody(db) {
        two_organizations_with_branches(db);
        write(db, furnish).unwrap();
        let all = [11, 10, 9, 8, 7, 6, 5, 4, 3, 1, 2, 0];
        assert_eq!(shown(db, &QueueFilter::default()), all);
        let mut newest = all;
        newest.reverse();
        assert_eq!(shown(db, &QueueFilter { newest_first: true, ..QueueFilter::default() }), newest);
        for newest_first in [false, true] {
            let filter = QueueFilter { newest_first, ..QueueFilter::default() };
            let (mut by_pages, mut after) = (Vec::new(), None);
            loop {
                let page = read(db, |tx| queue::list(tx, org(1), &filter, after, 1));
                by_pages.extend(page.items.iter().map(|it| it.updated_at.0));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(by_pages, if newest_first { newest } else { all });
        }
        assert_eq!(read(db, |tx| queue::list(tx, org(2), &QueueFilter::default(), None, 9)).items, []);
    }

    fn the_queue_shows_what_its_filter_names(db) {
        two_organizations_with_branches(db);
        write(db, furnish).unwrap();
        let of = |change: fn(&mut QueueFilter)| {
            let mut filter = QueueFilter::default();
            change(&mut filter);
            shown(db, &filter)
        };
        assert_eq!(of(|it| it.states = vec![State::InReview, State::OnHold]), [4]);
        assert_eq!(of(|it| it.branches = Some(vec![branch_id(1)])), [10, 8, 6, 4, 2, 0]);
        assert_eq!(of(|it| it.branches = Some(vec![])), [0_i64; 0]);
        assert_eq!(of(|it| it.wave = Some(WaveId(uuid(1)))), [3]);
        assert_eq!(of(|it| it.wave = Some(WaveId(uuid(2)))), [0_i64; 0]);
        assert_eq!(of(|it| it.claimed_by = Some(user(11))), [4]);
        assert_eq!(of(|it| it.handed_in_by = Some(Micros(90))), [11, 10]);
        assert_eq!(of(|it| it.needs_a_look = true), [6, 5]);
    }

    fn names_are_told_of_those_that_are_there(db) {
        two_organizations_with_branches(db);
        let found = read(db, |tx| users::names(tx, org(1), &[user(11), user(99)]));
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [user(11)]);
        assert_eq!(read(db, |tx| users::names(tx, org(2), &[user(11)])).len(), 0);
    }
}
