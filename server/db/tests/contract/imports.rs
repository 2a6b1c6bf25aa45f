//! Imports, what hangs on what they added, and taking it back.

use std::collections::BTreeMap;

use db::imports::{self, Import, ImportKind, ImportedRow, Subject, Use};
use db::observations::{self, KpiFilter};
use db::{Db, Micros, reference, users};
use domain::access::{Role, Scope};
use domain::ids::{BranchId, RegionId, StaffId};
use uuid::Uuid;

use crate::database::{
    branch, branch_id, day, hash, is_duplicate, is_refused, is_stale, org, person, read,
    two_organizations_with_branches, user, uuid, write,
};
use crate::on_both;

fn import(number: u32) -> Import {
    Import {
        import_id: uuid(number),
        kind: if number == 3 { ImportKind::Kpis } else { ImportKind::Branches },
        file_name: "sucursales «1».csv".to_owned(),
        file_hash: hash(7),
        imported_by: user(11),
        imported_at: Micros(5),
        added: 1,
        changed: 2,
        unchanged: 3,
        refused: 4,
        undone_by: None,
        undone_at: None,
    }
}

fn row(import: u32, seq: u32) -> ImportedRow {
    ImportedRow {
        import_id: uuid(import),
        seq,
        file_row: seq + 1,
        subject: Subject::Branch,
        key: format!("B{seq}"),
        subject_id: uuid(seq),
        was: (seq == 2).then(|| "{\"a\":\"ñ\"}".to_owned()),
        became: "{}".to_owned(),
        kept: None,
    }
}

fn imported(db: &Db) {
    two_organizations_with_branches(db);
    write(db, |tx| {
        (1..=3).try_for_each(|it| imports::append(tx, org(1), &import(it)))?;
        let rows: Vec<ImportedRow> = (1..=70).map(|it| row(1, it)).collect();
        imports::append_rows(tx, org(1), &rows)
    })
    .unwrap();
}

fn staff(number: u32, at: u32) -> reference::Staff {
    reference::Staff {
        staff_id: StaffId(uuid(number)),
        employee_no: number.to_string(),
        name: "Ana".to_owned(),
        position: "p".to_owned(),
        role_factor: None,
        branch_id: branch_id(at),
        employed_from: day("2026-01-01"),
        employed_to: None,
        target_minor: None,
    }
}

fn shift(of: u32, date: &str) -> reference::Shift {
    reference::Shift {
        staff_id: StaffId(uuid(of)),
        work_date: day(date),
        begins: "09:00".to_owned(),
        ends: "18:00".to_owned(),
        branch_id: branch_id(1),
    }
}

fn region(number: u32, parent: Option<u32>) -> reference::Region {
    reference::Region {
        region_id: RegionId(uuid(number)),
        parent_id: parent.map(|it| RegionId(uuid(it))),
        code: format!("R{number}"),
        name: "R".to_owned(),
    }
}

on_both! {
    fn imports_are_listed_from_the_newest_in_their_organization_only(db) {
        imported(db);
        let all = [ImportKind::Branches, ImportKind::Kpis];
        let list = |of: u32, kinds: &[ImportKind], before: Option<Uuid>, limit| {
            let page = read(db, |tx| imports::list(tx, org(of), (kinds, None), before, limit));
            (page.items.iter().map(|it| it.import_id).collect::<Vec<_>>(), page.next)
        };
        assert_eq!(list(1, &all, None, 2), (vec![uuid(3), uuid(2)], Some(uuid(2))));
        assert_eq!(list(1, &all, Some(uuid(2)), 2), (vec![uuid(1)], None));
        assert_eq!(list(1, &all[1..], None, 9).0, [uuid(3)]);
        assert!(list(2, &all, None, 9).0.is_empty());
        let of_others = read(db, |tx| imports::list(tx, org(1), (&all, Some(user(12))), None, 9));
        assert!(of_others.items.is_empty());
        assert_eq!(read(db, |tx| imports::find(tx, org(1), uuid(1))), Some(import(1)));
        assert_eq!(read(db, |tx| imports::find(tx, org(2), uuid(1))), None);
        assert!(is_duplicate(&write(db, |tx| imports::append(tx, org(1), &import(1)))));
        assert!(is_refused(&write(db, |tx| imports::append(tx, org(2), &import(1)))));
    }

    fn what_an_import_changed_is_read_in_its_order(db) {
        imported(db);
        let first = read(db, |tx| imports::list_rows(tx, org(1), uuid(1), None, 69));
        assert_eq!((first.items.len(), first.next), (69, Some(69)));
        assert_eq!(first.items[1], row(1, 2));
        let rest = read(db, |tx| imports::list_rows(tx, org(1), uuid(1), Some(69), 69));
        assert_eq!((rest.items, rest.next), (vec![row(1, 70)], None));
        assert!(read(db, |tx| imports::list_rows(tx, org(2), uuid(1), None, 9)).items.is_empty());
        assert!(is_refused(&write(db, |tx| imports::append_rows(tx, org(1), &[row(9, 1)]))));
    }

    fn an_import_is_taken_back_once_and_everything_else_of_it_stands(db) {
        imported(db);
        write(db, |tx| {
            imports::set_kept(tx, org(1), uuid(1), 2, "visits")?;
            imports::set_undone(tx, org(1), uuid(1), (user(11), Micros(9)))
        })
        .unwrap();
        let found = read(db, |tx| imports::find(tx, org(1), uuid(1))).unwrap();
        assert_eq!((found.undone_by, found.undone_at), (Some(user(11)), Some(Micros(9))));
        let rows = read(db, |tx| imports::list_rows(tx, org(1), uuid(1), None, 2)).items;
        assert_eq!(rows[1].kept.as_deref(), Some("visits"));
        for (of, which) in [(1, 1), (2, 2)] {
            let again = write(db, move |tx| imports::set_undone(tx, org(of), uuid(which), (user(11), Micros(9))));
            assert!(is_stale(&again), "{again:?}");
        }
        for change in ["UPDATE imports SET added = 9", "UPDATE imports SET undone_at = undone_at", "DELETE FROM imports"] {
            let outcome = db.execute(&format!("{change}{}", if change.contains("undone") { " WHERE undone_at IS NOT NULL" } else { "" }));
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{change}: {outcome:?}");
        }
    }

    fn what_hangs_on_a_row_is_found_and_the_others_can_go(db) {
        imported(db);
        write(db, |tx| {
            reference::upsert_regions(tx, org(1), &[region(31, None), region(32, Some(31)), region(33, None)])?;
            reference::upsert_branches(tx, org(1), &[reference::Branch { region_id: Some(RegionId(uuid(32))), ..branch(2) }])?;
            reference::upsert_staff(tx, org(1), &[staff(41, 1), staff(42, 1), staff(43, 1)])?;
            reference::append_shifts(tx, org(1), &[shift(41, "2026-01-02"), shift(41, "2026-01-03")])?;
            users::append(tx, org(1), &users::User { password_hash: db::Hidden(String::new()), ..person(12, "luis") })?;
            users::grant_role(tx, org(1), &users::RoleGrant {
                user_id: user(12), role: Role::Auditor, scope: Scope::Region(RegionId(uuid(33))), granted_by: None, granted_at: Micros(1),
            })
        })
        .unwrap();
        let ids = [branch_id(1), branch_id(2)];
        assert_eq!(read(db, |tx| imports::branches_in_use(tx, org(1), &ids)), BTreeMap::from([(uuid(1), Use::Staff)]));
        assert!(read(db, |tx| imports::branches_in_use(tx, org(2), &ids)).is_empty());
        let regions = [31, 32, 33].map(|it| RegionId(uuid(it)));
        let used = BTreeMap::from([(uuid(31), Use::Regions), (uuid(32), Use::Branches), (uuid(33), Use::Roles)]);
        assert_eq!(read(db, |tx| imports::regions_in_use(tx, org(1), &regions)), used);
        let people = [41, 42].map(|it| StaffId(uuid(it)));
        assert_eq!(read(db, |tx| imports::staff_in_use(tx, org(1), &people)), BTreeMap::from([(uuid(41), Use::Shifts)]));
        let used = read(db, |tx| imports::users_in_use(tx, org(1), &[user(11), user(12)]));
        assert_eq!(used, BTreeMap::from([(uuid(11), Use::SignedIn)]));
        let refused = write(db, |tx| imports::remove_branches(tx, org(1), &[BranchId(uuid(1))]));
        assert!(is_refused(&refused), "{refused:?}");
        write(db, |tx| {
            assert!(imports::remove_shift(tx, org(1), StaffId(uuid(41)), (day("2026-01-02"), "09:00"))?);
            assert!(!imports::remove_shift(tx, org(1), StaffId(uuid(41)), (day("2026-01-02"), "09:00"))?);
            imports::remove_staff(tx, org(1), &[StaffId(uuid(42))])?;
            imports::remove_users(tx, org(2), &[user(12)])?;
            imports::remove_users(tx, org(1), &[user(12)])?;
            imports::remove_branches(tx, org(1), &[branch_id(2)])?;
            imports::remove_region(tx, org(1), RegionId(uuid(32)))?;
            imports::remove_region(tx, org(1), RegionId(uuid(31)))
        })
        .unwrap();
        assert_eq!(read(db, |tx| reference::list_regions(tx, org(1))), [region(33, None)]);
        let days = (day("2026-01-01"), day("2026-12-31"));
        let shifts = read(db, |tx| reference::find_shifts(tx, org(1), &people, days));
        assert_eq!(shifts, [shift(41, "2026-01-03")]);
        let found = read(db, |tx| reference::find_staff_of_ids(tx, org(1), &people));
        assert_eq!(found, [staff(41, 1)]);
        assert_eq!(read(db, |tx| users::find(tx, org(1), user(12))), None);
    }

    fn an_observation_that_was_taken_back_is_listed_no_more_and_stays_stored(db) {
        imported(db);
        let (one, two) = (crate::observations::kpi(1), crate::observations::kpi(2));
        write(db, |tx| observations::append_kpis(tx, org(1), &[crate::observations::kpi(1), crate::observations::kpi(2)])).unwrap();
        let id = one.kpi_id;
        write(db, move |tx| imports::retract_kpis(tx, org(1), &[id], (uuid(3), Micros(9)))).unwrap();
        let all = read(db, |tx| observations::list_kpis(tx, org(1), &KpiFilter::default(), None, 9)).items;
        assert_eq!(all, std::slice::from_ref(&two));
        let scopes = [one.scope, two.scope];
        let found = read(db, |tx| observations::find_kpis_of_scopes(tx, org(1), &scopes, (day("1900-01-01"), day("2999-12-31"))));
        assert_eq!(found, [two]);
        assert_eq!(read(db, |tx| observations::find_kpi(tx, org(1), id)), Some(one));
        assert!(is_duplicate(&write(db, move |tx| imports::retract_kpis(tx, org(1), &[id], (uuid(3), Micros(9))))));
        for change in ["UPDATE kpi_retractions SET retracted_at = 1", "DELETE FROM kpi_retractions"] {
            let change = if db.is_sqlite() { change.to_owned() } else { change.replace("= 1", "= now()") };
            let outcome = db.execute(&change);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{change}: {outcome:?}");
        }
    }
}
