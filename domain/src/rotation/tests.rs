//! What a rotation keeps to: its rules one by one, and what holds whatever is asked of it.

use super::*;
use alloc::vec;
use proptest::prelude::*;
use uuid::Uuid;

fn branch(number: u8) -> BranchId {
    BranchId(Uuid::from_u128(u128::from(number)))
}

fn auditor(number: u8) -> UserId {
    UserId(Uuid::from_u128(1_000 + u128::from(number)))
}

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn november(lock_out_days: u32, spacing_days: u32, most_per_auditor: u32) -> Rules {
    let (from, to) = (day("2026-11-01"), day("2026-11-30"));
    Rules { from, to, lock_out_days, spacing_days, most_per_auditor }
}

fn quota(number: u8, visits: u32) -> Quota {
    Quota { branch: branch(number), visits }
}

fn anywhere(number: u8) -> Candidate {
    Candidate { auditor: auditor(number), home: None, forbidden: BTreeSet::new(), already: 0 }
}

fn was(number: u8, at: u8, on: &str) -> Known {
    Known { auditor: auditor(number), branch: branch(at), from: day(on), to: day(on) }
}

fn left(plan: &Plan) -> Vec<(BranchId, Why, u32)> {
    plan.unplaced.iter().map(|it| (it.branch, it.why, it.visits)).collect()
}

#[test]
fn one_visit_has_the_whole_wave_and_two_share_it_with_the_spacing_between() {
    let one = rotate(&november(180, 14, 9), &[quota(1, 1)], &[anywhere(1)], &[], 0);
    let window = |it: &Placement| (it.from, it.to);
    assert_eq!(one.placed.iter().map(window).collect::<Vec<_>>(), [(day("2026-11-01"), day("2026-11-30"))]);
    let two = rotate(&november(180, 14, 9), &[quota(1, 2)], &[anywhere(1), anywhere(2)], &[], 0);
    let windows: Vec<_> = two.placed.iter().map(window).collect();
    let expected = [(day("2026-11-01"), day("2026-11-08")), (day("2026-11-22"), day("2026-11-29"))];
    assert_eq!((windows, two.unplaced), (expected.to_vec(), vec![]));
}

#[test]
fn each_reason_is_told_where_it_holds() {
    let here = Candidate { forbidden: BTreeSet::from([branch(1)]), ..anywhere(1) };
    let elsewhere = Candidate { home: Some(BTreeSet::from([branch(2)])), ..anywhere(2) };
    let nobody = rotate(&november(180, 14, 9), &[quota(1, 2)], &[here, elsewhere], &[], 0);
    assert_eq!(left(&nobody), [(branch(1), Why::NobodyMayGo, 2)]);
    let days = rotate(&november(180, 14, 9), &[quota(1, 5)], &[1, 2, 3, 4, 5].map(anywhere), &[], 0);
    assert_eq!((days.placed.len(), left(&days)), (3, vec![(branch(1), Why::NoDays, 2)]));
    let locked = rotate(&november(180, 14, 9), &[quota(1, 1)], &[anywhere(1)], &[was(1, 1, "2026-09-01")], 0);
    assert_eq!(left(&locked), [(branch(1), Why::LockedOut, 1)]);
    let twice = rotate(&november(180, 14, 9), &[quota(1, 2)], &[anywhere(1)], &[], 0);
    assert_eq!((twice.placed.len(), left(&twice)), (1, vec![(branch(1), Why::LockedOut, 1)]));
    let busy = rotate(&november(180, 14, 1), &[quota(1, 1), quota(2, 1)], &[anywhere(1)], &[], 0);
    assert_eq!((busy.placed.len(), busy.unplaced.len(), busy.unplaced[0].why), (1, 1, Why::Busy));
}

#[test]
fn a_lock_out_that_ends_within_the_wave_leaves_the_days_after_it() {
    let plan = rotate(&november(60, 14, 9), &[quota(1, 1)], &[anywhere(1)], &[was(1, 1, "2026-09-11")], 0);
    assert_eq!((plan.placed[0].from, plan.placed[0].to), (day("2026-11-10"), day("2026-11-30")));
}

#[test]
fn who_can_only_go_to_one_branch_goes_there_and_the_other_goes_elsewhere() {
    let only = Candidate { home: Some(BTreeSet::from([branch(1)])), ..anywhere(1) };
    for seed in 0..20 {
        let plan = rotate(
            &november(180, 14, 1),
            &[quota(1, 1), quota(2, 1)],
            &[only.clone(), anywhere(2)],
            &[],
            seed,
        );
        assert_eq!((plan.placed.len(), plan.placed[0].auditor), (2, auditor(1)), "{plan:?}");
    }
}

#[test]
fn the_seed_decides_among_equals() {
    let first = |seed| {
        rotate(&november(180, 14, 9), &[quota(1, 1)], &[anywhere(1), anywhere(2)], &[], seed).placed[0]
            .auditor
    };
    let found: BTreeSet<UserId> = (0..20).map(first).collect();
    assert_eq!(found.len(), 2);
}

/// A wave with whatever stands against it.
type Case = (Rules, Vec<Quota>, Vec<Candidate>, Vec<Known>);

fn case() -> impl Strategy<Value = Case> {
    let rules = (0_u32..120, 0_u32..20, 0_u32..4, 0_u32..40).prop_map(|(lock_out, spacing, most, days)| {
        Rules { to: day("2026-11-01").days_after(days).unwrap(), ..november(lock_out, spacing, most) }
    });
    let quotas = proptest::collection::vec((1_u8..5, 0_u32..4).prop_map(|it| quota(it.0, it.1)), 0..5);
    let places = || proptest::collection::btree_set((1_u8..5).prop_map(branch), 0..3);
    let person = (proptest::option::of(places()), places(), 0_u32..2);
    let people = proptest::collection::vec(person, 0..5).prop_map(|people| {
        let numbered = (1_u8..).zip(people);
        let made = numbered.map(|(number, (home, forbidden, already))| Candidate {
            auditor: auditor(number),
            home,
            forbidden,
            already,
        });
        made.collect::<Vec<_>>()
    });
    let known = (1_u8..6, 1_u8..5, 0_u32..160, 0_u32..5).prop_map(|(who, at, begins, length)| {
        let from = day("2026-08-01").days_after(begins).unwrap();
        Known { auditor: auditor(who), branch: branch(at), from, to: from.days_after(length).unwrap() }
    });
    (rules, quotas, people, proptest::collection::vec(known, 0..6))
}

/// Days between two spans; none where they touch or cross.
fn gap(one: (Date, Date), other: (Date, Date)) -> u32 {
    one.1.days_through(other.0).max(other.1.days_through(one.0)).saturating_sub(1)
}

proptest! {
    #[test]
    fn no_visit_is_lost((rules, quotas, people, known) in case(), seed in 0_u64..9) {
        let plan = rotate(&rules, &quotas, &people, &known, seed);
        for number in 1..5 {
            let wanted: u32 = quotas.iter().filter(|it| it.branch == branch(number)).map(|it| it.visits).sum();
            let placed = plan.placed.iter().filter(|it| it.branch == branch(number)).count();
            let left: u32 = plan.unplaced.iter().filter(|it| it.branch == branch(number)).map(|it| it.visits).sum();
            prop_assert_eq!(u32::try_from(placed).unwrap() + left, wanted);
        }
    }

    #[test]
    fn no_constraint_is_broken((rules, quotas, people, known) in case(), seed in 0_u64..9) {
        let plan = rotate(&rules, &quotas, &people, &known, seed);
        for (index, it) in plan.placed.iter().enumerate() {
            prop_assert!(rules.from <= it.from && it.from <= it.to && it.to <= rules.to);
            let person = people.iter().find(|who| who.auditor == it.auditor).unwrap();
            prop_assert!(person.may_go(it.branch));
            let others = plan.placed.iter().enumerate().filter(|other| other.0 != index);
            let others = others.map(|(_, it)| (it.auditor, it.branch, it.from, it.to));
            let before = known.iter().map(|it| (it.auditor, it.branch, it.from, it.to));
            for (who, at, from, to) in others.chain(before).filter(|other| other.1 == it.branch) {
                let gap = gap((it.from, it.to), (from, to));
                prop_assert!(gap >= rules.spacing_days.max(1), "{at:?}: {gap} days");
                prop_assert!(who != it.auditor || gap >= rules.lock_out_days, "{at:?}: {gap} days of lock-out");
            }
        }
        for it in &people {
            let made = plan.placed.iter().filter(|visit| visit.auditor == it.auditor).count();
            prop_assert!(made == 0 || u32::try_from(made).unwrap() + it.already <= rules.most_per_auditor);
        }
    }

    #[test]
    fn the_order_of_what_comes_in_changes_nothing((rules, quotas, people, known) in case(), seed in 0_u64..9) {
        let plan = rotate(&rules, &quotas, &people, &known, seed);
        let (mut other_quotas, mut other_people, mut other_known) = (quotas, people, known);
        other_quotas.reverse();
        other_people.reverse();
        other_known.reverse();
        prop_assert_eq!(plan, rotate(&rules, &other_quotas, &other_people, &other_known, seed));
    }

    #[test]
    fn where_everybody_may_go_everywhere_nobody_has_two_more_than_another(
        visits in proptest::collection::vec(1_u32..3, 1..9),
        people in 2_u8..6,
        seed in 0_u64..9,
    ) {
        let quotas: Vec<Quota> = (1_u8..).zip(&visits).map(|(number, visits)| quota(number, *visits)).collect();
        let candidates: Vec<Candidate> = (1..=people).map(anywhere).collect();
        let plan = rotate(&november(180, 14, 99), &quotas, &candidates, &[], seed);
        prop_assert_eq!(&plan.unplaced, &vec![]);
        let load = |it: &Candidate| plan.placed.iter().filter(|visit| visit.auditor == it.auditor).count();
        let loads: Vec<usize> = candidates.iter().map(load).collect();
        prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{loads:?}");
    }

    #[test]
    fn no_visit_could_move_to_somebody_with_two_visits_less((rules, quotas, people, known) in case(), seed in 0_u64..9) {
        let rules = Rules { most_per_auditor: 99, ..rules };
        let branches: BTreeSet<BranchId> = quotas.iter().map(|it| it.branch).collect();
        let quotas: Vec<Quota> = branches.into_iter().map(|branch| Quota { branch, visits: 1 }).collect();
        let plan = rotate(&rules, &quotas, &people, &known, seed);
        let load = |who: &Candidate| {
            let made = plan.placed.iter().filter(|it| it.auditor == who.auditor).count();
            u32::try_from(made).unwrap() + who.already
        };
        for it in &plan.placed {
            let own = people.iter().find(|who| who.auditor == it.auditor).unwrap();
            for other in people.iter().filter(|who| load(own) >= load(who) + 2) {
                let alone = [Quota { branch: it.branch, visits: 1 }];
                let could = rotate(&rules, &alone, core::slice::from_ref(other), &known, seed);
                prop_assert!(could.placed.is_empty(), "{it:?} could be of {other:?}");
            }
        }
    }

    #[test]
    fn as_many_visits_are_placed_as_can_be((rules, quotas, people, known) in case()) {
        // One visit of each branch: a matching, which trying everything finds too.
        let quotas: Vec<Quota> =
            quotas.iter().map(|it| it.branch).collect::<BTreeSet<_>>().into_iter()
                .map(|branch| Quota { branch, visits: 1 }).collect();
        let plan = rotate(&rules, &quotas, &people, &known, 0);
        let alone = |it: &Quota, who: &Candidate| {
            let free = Candidate { already: 0, ..who.clone() };
            let rules = Rules { most_per_auditor: 1, ..rules };
            !rotate(&rules, &[*it], &[free], &known, 0).placed.is_empty()
        };
        fn best(left: &[Vec<bool>], loads: &mut Vec<u32>, most: u32) -> usize {
            let Some((first, rest)) = left.split_first() else { return 0 };
            let mut found = best(rest, loads, most);
            for (who, able) in first.iter().enumerate() {
                if *able && loads[who] < most {
                    loads[who] += 1;
                    found = found.max(1 + best(rest, loads, most));
                    loads[who] -= 1;
                }
            }
            found
        }
        let able: Vec<Vec<bool>> =
            quotas.iter().map(|it| people.iter().map(|who| alone(it, who)).collect()).collect();
        let mut loads = people.iter().map(|it| it.already).collect();
        prop_assert_eq!(plan.placed.len(), best(&able, &mut loads, rules.most_per_auditor));
    }
}
