//! Regions, branches, staff, absences and shifts.

use db::reference::{self, Branch, Region, Shift, Staff, StaffAbsence};
use domain::ids::{RegionId, StaffId};

use crate::database::{
    branch, branch_id, day, is_duplicate, is_refused, org, read, two_organizations,
    two_organizations_with_branches, uuid, write,
};
use crate::on_both;

fn region(number: u32, parent: Option<u32>) -> Region {
    Region {
        region_id: RegionId(uuid(number)),
        parent_id: parent.map(|it| RegionId(uuid(it))),
        code: format!("R{number}"),
        name: format!("Región {number}"),
    }
}

fn staff_id(number: u32) -> StaffId {
    StaffId(uuid(number))
}

fn staff(number: u32) -> Staff {
    Staff {
        staff_id: staff_id(number),
        employee_no: format!("E{number:03}"),
        name: format!("Empleada {number}"),
        position: "ejecutivo".into(),
        role_factor: Some("1.50".into()),
        branch_id: branch_id(1 + number % 2),
        employed_from: day("2024-02-29"),
        employed_to: None,
        target_minor: Some(600_000),
    }
}

fn absence(from: &str, to: &str) -> StaffAbsence {
    StaffAbsence {
        staff_id: staff_id(1),
        absent_from: day(from),
        absent_to: day(to),
        kind: "vacation".into(),
    }
}

fn shift(of: u32, begins: &str) -> Shift {
    Shift {
        staff_id: staff_id(of),
        work_date: day("2026-04-02"),
        begins: begins.into(),
        ends: "02:00".into(),
        branch_id: branch_id(1),
    }
}

on_both! {
    fn regions_form_a_tree(db) {
        two_organizations(db);
        write(db, |tx| reference::upsert_regions(tx, org(1), &[region(2, Some(1)), region(1, None)])).unwrap();
        assert_eq!(read(db, |tx| reference::list_regions(tx, org(1))), [region(1, None), region(2, Some(1))]);
        let renamed = || Region { name: "Norte".into(), ..region(2, None) };
        write(db, move |tx| reference::upsert_regions(tx, org(1), &[renamed()])).unwrap();
        assert_eq!(read(db, |tx| reference::find_region(tx, org(1), renamed().region_id)), Some(renamed()));
        assert_eq!(read(db, |tx| reference::find_region(tx, org(2), renamed().region_id)), None);
        assert_eq!(read(db, |tx| reference::list_regions(tx, org(2))), []);
        assert!(is_refused(&write(db, |tx| reference::upsert_regions(tx, org(2), &[region(3, Some(1))]))));
        let same_code = || Region { code: "R1".into(), ..region(4, None) };
        assert!(is_duplicate(&write(db, move |tx| reference::upsert_regions(tx, org(1), &[same_code()]))));
    }

    fn branches_are_stored_found_and_listed(db) {
        two_organizations(db);
        write(db, |tx| {
            reference::upsert_regions(tx, org(1), &[region(1, None), region(2, None)])?;
            let many: Vec<Branch> = (0..1_100)
                .map(|it| Branch { region_id: (it % 10 == 0).then_some(region(1 + it % 2, None).region_id), ..branch(it) })
                .collect();
            reference::upsert_branches(tx, org(1), &many)
        })
        .unwrap();
        let closed = || Branch { active: false, target_hundredths: None, latitude_e7: None, ..branch(7) };
        write(db, move |tx| reference::upsert_branches(tx, org(1), &[closed()])).unwrap();
        assert_eq!(read(db, |tx| reference::find_branch(tx, org(1), branch_id(7))), Some(closed()));
        assert_eq!(read(db, |tx| reference::find_branch_by_code(tx, org(1), "B0007")), Some(closed()));
        assert_eq!(read(db, |tx| reference::find_branch(tx, org(2), branch_id(7))), None);
        assert_eq!(read(db, |tx| reference::find_branch_by_code(tx, org(2), "B0007")), None);
        let ids: Vec<_> = (1_000..2_000).chain([7]).map(branch_id).collect();
        assert_eq!(read(db, |tx| reference::find_branches(tx, org(1), &ids)).len(), 101);
        assert_eq!(read(db, |tx| reference::find_branches(tx, org(2), &ids)), []);
        let first = read(db, |tx| reference::list_branches(tx, org(1), None, None, 1_000));
        let second = read(db, |tx| reference::list_branches(tx, org(1), None, first.next, 1_000));
        assert_eq!((first.items.len(), second.items.len(), second.next), (1_000, 100, None));
        assert_eq!(second.items[0].branch_id, branch_id(1_000));
        let ids = [region(1, None).region_id, region(2, None).region_id];
        let of_both = read(db, |tx| reference::list_branches(tx, org(1), Some(&ids), None, 1_000)).items;
        assert_eq!(of_both.len(), 110);
        let of_two = read(db, |tx| reference::list_branches(tx, org(1), Some(&ids[1..]), None, 1_000)).items;
        assert_eq!(of_two.len(), 0);
        let of_none = read(db, |tx| reference::list_branches(tx, org(1), Some(&[]), None, 1_000)).items;
        assert_eq!(of_none, []);
    }

    fn a_branch_has_its_own_code_and_a_region_of_its_organization(db) {
        two_organizations(db);
        write(db, |tx| {
            reference::upsert_regions(tx, org(2), &[region(1, None)])?;
            reference::upsert_branches(tx, org(1), &[branch(1)])
        })
        .unwrap();
        let same_code = || Branch { code: "B0001".into(), ..branch(2) };
        assert!(is_duplicate(&write(db, move |tx| reference::upsert_branches(tx, org(1), &[same_code()]))));
        let foreign = || Branch { region_id: Some(region(1, None).region_id), ..branch(2) };
        assert!(is_refused(&write(db, move |tx| reference::upsert_branches(tx, org(1), &[foreign()]))));
        write(db, |tx| reference::upsert_branches(tx, org(2), &[branch(1)])).unwrap();
    }

    fn staff_is_stored_found_and_listed(db) {
        two_organizations_with_branches(db);
        write(db, |tx| reference::upsert_staff(tx, org(1), &(1..=5).map(staff).collect::<Vec<_>>())).unwrap();
        let left = || Staff { employed_to: Some(day("2026-04-15")), target_minor: None, role_factor: None, ..staff(3) };
        write(db, move |tx| reference::upsert_staff(tx, org(1), &[left()])).unwrap();
        assert_eq!(read(db, |tx| reference::find_staff(tx, org(1), staff_id(3))), Some(left()));
        assert_eq!(read(db, |tx| reference::find_staff_by_employee_no(tx, org(1), "E003")), Some(left()));
        assert_eq!(read(db, |tx| reference::find_staff(tx, org(2), staff_id(3))), None);
        assert_eq!(read(db, |tx| reference::find_staff_by_employee_no(tx, org(2), "E003")), None);
        let of_branch = read(db, |tx| reference::list_staff(tx, org(1), Some(branch_id(1)), None, 10)).items;
        assert_eq!(of_branch, [staff(2), staff(4)]);
        let first = read(db, |tx| reference::list_staff(tx, org(1), None, None, 4));
        assert_eq!((first.items.len(), first.next), (4, Some(staff_id(4))));
        let second = read(db, |tx| reference::list_staff(tx, org(1), None, first.next, 4));
        assert_eq!((second.items, second.next), (vec![staff(5)], None));
        let same_number = || Staff { employee_no: "E001".into(), ..staff(9) };
        assert!(is_duplicate(&write(db, move |tx| reference::upsert_staff(tx, org(1), &[same_number()]))));
        assert!(is_refused(&write(db, |tx| reference::upsert_staff(tx, org(2), &[staff(9)]))));
    }

    fn absences_and_shifts_tell_who_was_at_work(db) {
        two_organizations_with_branches(db);
        write(db, |tx| {
            reference::upsert_staff(tx, org(1), &[staff(1), staff(2)])?;
            reference::append_absences(
                tx,
                org(1),
                &[absence("2026-03-28", "2026-04-01"), absence("2026-04-10", "2026-04-10"), absence("2026-05-01", "2026-05-02")],
            )?;
            reference::append_shifts(tx, org(1), &[shift(2, "18:00"), shift(1, "19:00"), shift(1, "09:00")])
        })
        .unwrap();
        let april = (day("2026-04-01"), day("2026-04-30"));
        let absences = read(db, |tx| reference::list_absences(tx, org(1), staff_id(1), april));
        assert_eq!(absences, [absence("2026-03-28", "2026-04-01"), absence("2026-04-10", "2026-04-10")]);
        assert_eq!(read(db, |tx| reference::list_absences(tx, org(2), staff_id(1), april)), []);
        let day_of = day("2026-04-02");
        let on_shift = read(db, |tx| reference::list_shifts(tx, org(1), branch_id(1), day_of));
        assert_eq!(on_shift, [shift(1, "09:00"), shift(1, "19:00"), shift(2, "18:00")]);
        assert_eq!(read(db, |tx| reference::list_shifts(tx, org(2), branch_id(1), day_of)), []);
        assert_eq!(read(db, |tx| reference::list_shifts(tx, org(1), branch_id(2), day_of)), []);
        let backwards = || absence("2026-06-02", "2026-06-01");
        assert!(is_refused(&write(db, move |tx| reference::append_absences(tx, org(1), &[backwards()]))));
        assert!(is_duplicate(&write(db, |tx| reference::append_shifts(tx, org(1), &[shift(1, "09:00")]))));
        let again = || absence("2026-05-01", "2026-05-09");
        assert!(is_duplicate(&write(db, move |tx| reference::append_absences(tx, org(1), &[again()]))));
    }
}
