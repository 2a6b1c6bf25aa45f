//! Audits that a person's phones were told to forget, and blobs that a device which was taken out still owes.

use db::rights;
use db::{blobs, devices, users};
use domain::access::{Role, Scope};
use domain::ids::{AuditId, BranchId, RegionId, UserId};

use crate::database::{hash, org, person, read, two_organizations, uuid, write};
use crate::devices::{dev, device};
use crate::on_both;

fn audit(number: u32) -> AuditId {
    AuditId(uuid(number))
}

fn two_people(db: &db::Db) {
    two_organizations(db);
    write(db, |tx| users::append(tx, org(1), &person(12, "eva"))).unwrap();
}

on_both! {
    fn what_was_taken_is_given_back_one_by_one_and_belongs_to_one_person_of_one_organization(db) {
        two_people(db);
        let (one, other) = (UserId(uuid(11)), UserId(uuid(12)));
        write(db, move |tx| {
            rights::take(tx, org(1), one, &[audit(3), audit(1), audit(2)])?;
            // Taken twice it is taken once.
            rights::take(tx, org(1), one, &[audit(2), audit(4)])?;
            rights::take(tx, org(1), one, &[])
        })
        .unwrap();
        let taken = |of: u32, user| read(db, move |tx| rights::list(tx, org(of), user));
        assert_eq!(taken(1, one), [1, 2, 3, 4].map(audit).into());
        assert_eq!((taken(1, other), taken(2, one)), Default::default());
        write(db, move |tx| rights::give_back(tx, org(1), one, &[audit(1), audit(4), audit(9)])).unwrap();
        write(db, move |tx| rights::give_back(tx, org(1), other, &[audit(2)])).unwrap();
        assert_eq!(taken(1, one), [2, 3].map(audit).into());
    }

    fn people_whose_role_is_bounded_are_found_once(db) {
        two_people(db);
        let (one, other) = (UserId(uuid(11)), UserId(uuid(12)));
        let grant = |user_id, role, scope| users::RoleGrant {
            user_id,
            role,
            scope,
            granted_by: None,
            granted_at: db::Micros(1),
        };
        let everywhere = grant(other, Role::Auditor, Scope::Organization);
        let bounded = [
            grant(one, Role::Auditor, Scope::Region(RegionId(uuid(5)))),
            grant(one, Role::Auditor, Scope::Branch(BranchId(uuid(6)))),
            grant(other, Role::Reviewer, Scope::Branch(BranchId(uuid(6)))),
        ];
        write(db, move |tx| {
            users::grant_role(tx, org(1), &everywhere)?;
            bounded.iter().try_for_each(|it| users::grant_role(tx, org(1), it))
        })
        .unwrap();
        let found = |of: u32| read(db, move |tx| users::list_with_scoped_role(tx, org(of), &[Role::Auditor]));
        assert_eq!((found(1), found(2)), (vec![one], vec![]));
    }

    fn a_blob_is_awaited_of_the_device_whose_op_names_it(db) {
        two_organizations(db);
        let user = UserId(uuid(11));
        write(db, move |tx| {
            devices::append(tx, org(1), &device(1, Some(11)))?;
            devices::append(tx, org(1), &device(3, Some(11)))?;
            blobs::await_of(tx, org(1), dev(1), &[hash(1), hash(2)])?;
            blobs::await_of(tx, org(1), dev(1), &[hash(2)])
        })
        .unwrap();
        let awaited = |of: u32, by: u8, blob: u8| {
            read(db, move |tx| blobs::is_awaited(tx, org(of), (user, dev(by)), hash(blob)))
        };
        assert!(awaited(1, 1, 1) && awaited(1, 1, 2));
        assert!(!awaited(1, 1, 3) && !awaited(1, 3, 1) && !awaited(2, 1, 1));
    }
}
