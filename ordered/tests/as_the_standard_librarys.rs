//! Sorted vectors do what the standard library's maps and sets do, whatever is done to them.

use ordered::{
    map::{Entry, SortedMap},
    set::SortedSet,
};
use proptest::{collection::vec, prelude::*};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    ops::Bound,
};

/// What can be done to a map.
#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u8),
    Remove(u8),
    Change(u8, u8),
    OrInsert(u8, u8),
    Modify(u8, u8),
    Add(u8, u8),
    RaiseBetween(u8, u8),
    RaiseAll,
    KeepBelow(u8),
    Clear,
    Extend(Vec<(u8, u8)>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that they meet; all else would only ever be put in.
    let pair = || (0..12_u8, any::<u8>());
    let step = prop_oneof![
        6 => pair().prop_map(|it| Step::Insert(it.0, it.1)),
        3 => (0..12_u8).prop_map(Step::Remove),
        1 => pair().prop_map(|it| Step::Change(it.0, it.1)),
        1 => pair().prop_map(|it| Step::OrInsert(it.0, it.1)),
        1 => pair().prop_map(|it| Step::Modify(it.0, it.1)),
        1 => pair().prop_map(|it| Step::Add(it.0, it.1)),
        1 => pair().prop_map(|it| Step::RaiseBetween(it.0.min(it.1), it.0.max(it.1))),
        1 => Just(Step::RaiseAll),
        1 => any::<u8>().prop_map(Step::KeepBelow),
        1 => vec(pair(), 0..8).prop_map(Step::Extend),
    ];
    vec(prop_oneof![40 => step, 1 => Just(Step::Clear)], 0..60)
}

/// Does a step to both; the same is given back.
fn take(step: &Step, ours: &mut SortedMap<u8, u8>, theirs: &mut BTreeMap<u8, u8>) {
    match step.clone() {
        Step::Insert(key, value) => assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
        Step::Remove(key) => assert_eq!(ours.remove(&key), theirs.remove(&key)),
        Step::Change(key, value) => {
            let changed = |it: Option<&mut u8>| it.map(|it| *it = value);
            assert_eq!(changed(ours.get_mut(&key)), changed(theirs.get_mut(&key)));
        }
        Step::OrInsert(key, value) => {
            assert_eq!(ours.entry(key).or_insert(value), theirs.entry(key).or_insert(value));
        }
        Step::Modify(key, value) => {
            let ours = ours.entry(key).and_modify(|it| *it = it.wrapping_add(value)).or_default();
            assert_eq!(ours, theirs.entry(key).and_modify(|it| *it = it.wrapping_add(value)).or_default());
        }
        Step::Add(key, value) => {
            match ours.entry(key) {
                Entry::Vacant(place) => drop(*place.insert(value)),
                Entry::Occupied(mut place) => *place.get_mut() /= 2,
            }
            match theirs.entry(key) {
                btree_map::Entry::Vacant(place) => drop(*place.insert(value)),
                btree_map::Entry::Occupied(mut place) => *place.get_mut() /= 2,
            }
        }
        Step::RaiseBetween(first, last) => {
            ours.range_mut(first..=last).for_each(|it| *it.1 = it.1.wrapping_add(1));
            theirs.range_mut(first..=last).for_each(|it| *it.1 = it.1.wrapping_add(1));
        }
        Step::RaiseAll => {
            ours.values_mut().chain([]).for_each(|it| *it = it.wrapping_add(1));
            theirs.values_mut().for_each(|it| *it = it.wrapping_add(1));
        }
        Step::KeepBelow(most) => {
            ours.retain(|key, value| key % 2 == 0 || *value < most);
            theirs.retain(|key, value| key % 2 == 0 || *value < most);
        }
        Step::Clear => {
            ours.clear();
            theirs.clear();
        }
        Step::Extend(entries) => {
            ours.extend(entries.clone());
            theirs.extend(entries);
        }
    }
}

/// Everything that can be asked of both is the same.
fn same(ours: &SortedMap<u8, u8>, theirs: &BTreeMap<u8, u8>) {
    assert!(ours.iter().eq(theirs.iter()) && ours.iter().rev().eq(theirs.iter().rev()));
    assert!(ours.keys().eq(theirs.keys()) && ours.values().eq(theirs.values()));
    assert!(ours.clone().into_keys().eq(theirs.clone().into_keys()));
    assert!(ours.clone().into_values().eq(theirs.clone().into_values()));
    assert!(ours.clone().into_iter().eq(theirs.clone()));
    assert_eq!((ours.len(), ours.is_empty()), (theirs.len(), theirs.is_empty()));
    assert_eq!(ours.iter().len(), theirs.len());
    assert_eq!(
        (ours.first_key_value(), ours.last_key_value()),
        (theirs.first_key_value(), theirs.last_key_value())
    );
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    for key in 0..13 {
        assert_eq!(ours.get(&key), theirs.get(&key));
        assert_eq!(ours.get_key_value(&key), theirs.get_key_value(&key));
        assert_eq!(ours.contains_key(&key), theirs.contains_key(&key));
        for end in key..13 {
            assert!(ours.range(key..end).eq(theirs.range(key..end)));
            assert!(ours.range(key..=end).eq(theirs.range(key..=end)));
            assert!(ours.range(..=end).eq(theirs.range(..=end)) && ours.range(key..).eq(theirs.range(key..)));
            let after = (Bound::Excluded(key), Bound::Included(end));
            assert!(ours.range(after).eq(theirs.range(after)));
        }
    }
    let json = serde_json::to_string(ours).expect("JSON");
    assert_eq!(json, serde_json::to_string(theirs).expect("JSON"));
    assert_eq!(&serde_json::from_str::<SortedMap<u8, u8>>(&json).expect("JSON"), ours);
}

proptest! {
    #[test]
    fn a_map_is_what_the_standard_librarys_is(steps in steps()) {
        let (mut ours, mut theirs) = (SortedMap::new(), BTreeMap::new());
        for step in &steps {
            take(step, &mut ours, &mut theirs);
            same(&ours, &theirs);
        }
    }

    #[test]
    fn maps_compare_and_come_of_pairs_as_the_standard_librarys(one in vec((0..5_u8, 0..3_u8), 0..6), other in vec((0..5_u8, 0..3_u8), 0..6)) {
        let ours = [&one, &other].map(|it| it.iter().copied().collect::<SortedMap<_, _>>());
        let theirs = [&one, &other].map(|it| it.iter().copied().collect::<BTreeMap<_, _>>());
        same(&ours[0], &theirs[0]);
        prop_assert_eq!(ours[0].cmp(&ours[1]), theirs[0].cmp(&theirs[1]));
        prop_assert_eq!(ours[0] == ours[1], theirs[0] == theirs[1]);
    }

    #[test]
    fn a_set_is_what_the_standard_librarys_is(steps in vec((any::<bool>(), 0..12_u8), 0..60)) {
        let (mut ours, mut theirs) = (SortedSet::new(), BTreeSet::new());
        for (adds, key) in steps {
            if adds {
                prop_assert_eq!(ours.insert(key), theirs.insert(key));
            } else {
                prop_assert_eq!(ours.remove(&key), theirs.remove(&key));
            }
            prop_assert!(ours.iter().eq(theirs.iter()) && ours.iter().rev().eq(theirs.iter().rev()));
            prop_assert!(ours.clone().into_iter().eq(theirs.clone()));
            prop_assert_eq!((ours.len(), ours.first(), ours.last()), (theirs.len(), theirs.first(), theirs.last()));
            prop_assert!((0..13).all(|it| ours.contains(&it) == theirs.contains(&it)));
            prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
            let json = serde_json::to_string(&ours).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&theirs).unwrap());
            prop_assert_eq!(&serde_json::from_str::<SortedSet<u8>>(&json).unwrap(), &ours);
        }
    }
}

#[test]
fn a_range_that_ends_before_it_begins_is_empty() {
    let mut map = SortedMap::from([(1, 'a'), (5, 'b')]);
    let (first, last) = (5, 1);
    assert_eq!(map.range(first..=last).count(), 0);
    assert_eq!(map.range_mut(first..=last).count(), 0);
}
