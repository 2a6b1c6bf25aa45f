//! Reference data read in batches and within a scope.

use db::reference::{self, Branch, BranchScope, Region, Staff};
use domain::date::Date;
use domain::ids::{BranchId, RegionId, StaffId};

use crate::database::{TestDb, org, read, two_organizations, uuid, write};
use crate::on_both;

fn branch(number: u32, region: Option<u32>) -> Branch {
    Branch {
        branch_id: BranchId(uuid(number)),
        region_id: region.map(|it| RegionId(uuid(it))),
        code: format!("S-{number}"),
        name: format!("Sucursal {number}"),
        latitude_e7: Some(-334_569_400),
        longitude_e7: None,
        zone: "America/Santiago".to_owned(),
        target_hundredths: Some(8_500),
        active: true,
    }
}

fn staff(number: u32, branch: u32) -> Staff {
    Staff {
        staff_id: StaffId(uuid(number)),
        employee_no: format!("E-{number}"),
        name: format!("Persona {number}"),
        position: "cajero".to_owned(),
        role_factor: None,
        branch_id: BranchId(uuid(branch)),
        employed_from: Date::MIN,
        employed_to: None,
        target_minor: None,
    }
}

/// In organization 1: regions 1 and 2, branch 3 in the first, 4 in the second, 5 in none.
fn three_branches(db: &TestDb) {
    two_organizations(db);
    write(db, |tx| {
        let region = |number: u32| Region {
            region_id: RegionId(uuid(number)),
            parent_id: None,
            code: format!("R-{number}"),
            name: format!("Región {number}"),
        };
        reference::upsert_regions(tx, org(1), &[region(1), region(2)])?;
        reference::upsert_branches(tx, org(1), &[branch(3, Some(1)), branch(4, Some(2)), branch(5, None)])
    })
    .unwrap();
}

on_both! {
    fn many_branches_are_found_by_code_in_their_organization_only(db) {
        two_organizations(db);
        let many: Vec<Branch> = (0..1_203).map(|number| branch(number, None)).collect();
        let expected = many.clone();
        write(db, move |tx| reference::upsert_branches(tx, org(1), &many)).unwrap();
        let codes: Vec<String> = (0..1_300).map(|number| format!("S-{number}")).collect();
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        let mut found = read(db, |tx| reference::find_branches_by_codes(tx, org(1), &codes));
        found.sort_by_key(|it| it.branch_id);
        assert_eq!(found, expected);
        assert_eq!(read(db, |tx| reference::find_branches_by_codes(tx, org(2), &codes)), []);
        assert_eq!(read(db, |tx| reference::find_branches_by_codes(tx, org(1), &["s-1"])), []);
    }

    fn a_scope_shows_its_regions_and_its_single_branches(db) {
        three_branches(db);
        let ids = |scope: BranchScope, regions_of: Option<Vec<RegionId>>| -> Vec<BranchId> {
            let page = read(db, |tx| {
                reference::list_branches_within(tx, org(1), &scope, regions_of.as_deref(), None, 10)
            });
            page.items.into_iter().map(|it| it.branch_id).collect()
        };
        let at = |numbers: &[u32]| numbers.iter().map(|it| BranchId(uuid(*it))).collect::<Vec<_>>();
        let (one, two) = (RegionId(uuid(1)), RegionId(uuid(2)));
        let scope = BranchScope { regions: vec![one], branches: at(&[5]) };
        assert_eq!(ids(scope.clone(), None), at(&[3, 5]));
        assert_eq!(ids(scope.clone(), Some(vec![one])), at(&[3]));
        assert_eq!(ids(scope, Some(vec![two])), at(&[]));
        assert_eq!(ids(BranchScope::default(), None), at(&[]));
    }

    fn many_members_of_staff_are_found_by_employee_number(db) {
        three_branches(db);
        write(db, |tx| reference::upsert_staff(tx, org(1), &[staff(11, 3), staff(12, 4)])).unwrap();
        let found = read(db, |tx| reference::find_staff_by_employee_nos(tx, org(1), &["E-12", "E-13"]));
        assert_eq!(found, [staff(12, 4)]);
        assert_eq!(read(db, |tx| reference::find_staff_by_employee_nos(tx, org(2), &["E-12"])), []);
    }
}
