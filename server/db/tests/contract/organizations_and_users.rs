//! Organizations, keys of the server, users, roles and failed logins.

use db::organizations::{self, ServerKey};
use db::users::{self, RoleGrant};
use db::{DbError, Hidden, Micros};
use domain::access::{Role, Scope};
use domain::ids::{BranchId, RegionId};
use sync_core::{Algorithm, DeviceId};

use crate::database::{org, organization, person, read, two_organizations, user, uuid, write};
use crate::on_both;

on_both! {
    fn an_organization_is_found_by_id_and_slug(db) {
        two_organizations(db);
        assert_eq!(read(db, |tx| organizations::find(tx, org(1))), Some(organization(1)));
        assert_eq!(read(db, |tx| organizations::find_by_slug(tx, "org-2")), Some(organization(2)));
        assert_eq!(read(db, |tx| organizations::find(tx, org(3))), None);
        assert_eq!(read(db, |tx| organizations::find_by_slug(tx, "org-3")), None);
        assert_eq!(read(db, organizations::list), [organization(1), organization(2)]);
    }

    fn an_organization_changes_its_name_but_not_its_slug(db) {
        two_organizations(db);
        let renamed = || organizations::Organization {
            name: "Otra".into(),
            locale: "en".into(),
            zone: "America/Bogota".into(),
            ..organization(1)
        };
        let with_slug = move || organizations::Organization { slug: "other".into(), created_at: Micros(0), ..renamed() };
        write(db, move |tx| organizations::update(tx, &with_slug())).unwrap();
        assert_eq!(read(db, organizations::list), [renamed(), organization(2)]);
        let unknown = write(db, |tx| organizations::update(tx, &organization(3)));
        assert!(matches!(unknown, Err(DbError::NotFound)));
    }

    fn those_who_may_log_in_with_a_role_everywhere_are_counted(db) {
        two_organizations(db);
        let admin = |number: u32, scope: Scope| RoleGrant {
            user_id: user(number),
            role: Role::Admin,
            scope,
            granted_by: None,
            granted_at: Micros(5),
        };
        write(db, move |tx| {
            for number in 12..=15 {
                users::append(tx, org(1), &person(number, &format!("user-{number}")))?;
            }
            for number in [11, 12, 13] {
                users::grant_role(tx, org(1), &admin(number, Scope::Organization))?;
            }
            users::grant_role(tx, org(1), &admin(14, Scope::Branch(BranchId(uuid(1)))))?;
            users::grant_role(tx, org(1), &RoleGrant { role: Role::Analyst, ..admin(15, Scope::Organization) })?;
            users::set_active(tx, org(1), user(13), false)
        })
        .unwrap();
        assert_eq!(read(db, |tx| users::count_active_with_role(tx, org(1), Role::Admin)), 2);
        assert_eq!(read(db, |tx| users::count_active_with_role(tx, org(2), Role::Admin)), 0);
    }

    fn a_slug_is_taken_once(db) {
        two_organizations(db);
        let outcome = write(db, |tx| {
            organizations::append(tx, &organizations::Organization { slug: "org-1".into(), ..organization(3) })
        });
        assert!(
            matches!(&outcome, Err(DbError::Duplicate { constraint }) if constraint == "organizations(slug)"),
            "{outcome:?}"
        );
    }

    fn the_newest_server_key_signs_and_the_old_ones_stay(db) {
        two_organizations(db);
        let key = |number: u8, at: i64| ServerKey {
            dev: DeviceId([number; 16]),
            alg: Algorithm::Ed25519,
            secret_key: Hidden(vec![number; 32]),
            public_key: vec![number; 32],
            created_at: Micros(at),
        };
        write(db, move |tx| {
            organizations::append_server_key(tx, org(1), &key(1, 10))?;
            organizations::append_server_key(tx, org(1), &key(2, 20))
        })
        .unwrap();
        assert_eq!(read(db, |tx| organizations::find_server_key(tx, org(1))), Some(key(2, 20)));
        assert_eq!(read(db, |tx| organizations::list_server_keys(tx, org(1))), [key(1, 10), key(2, 20)]);
        assert_eq!(read(db, |tx| organizations::find_server_key(tx, org(2))), None);
        assert!(!format!("{:?}", key(7, 1)).contains("secret_key: Hidden") && format!("{:?}", key(7, 1)).contains("***"));
    }

    fn a_value_of_the_installation_is_put_once_or_again(db) {
        let first = write(db, |tx| organizations::put_meta_once(tx, "epoch", b"one")).unwrap();
        let second = write(db, |tx| organizations::put_meta_once(tx, "epoch", b"two")).unwrap();
        assert_eq!((first.as_slice(), second.as_slice()), (&b"one"[..], &b"one"[..]));
        write(db, |tx| organizations::put_meta(tx, "epoch", b"three")).unwrap();
        assert_eq!(read(db, |tx| organizations::find_meta(tx, "epoch")), Some(b"three".to_vec()));
        assert_eq!(read(db, |tx| organizations::find_meta(tx, "other")), None);
    }

    fn a_login_is_one_whatever_its_case(db) {
        two_organizations(db);
        write(db, |tx| users::append(tx, org(1), &person(12, "Bea.ÑANDÚ"))).unwrap();
        let bea = read(db, |tx| users::find_by_login(tx, org(1), "BEA.ñandú")).unwrap();
        assert_eq!(bea, person(12, "bea.ñandú"));
        assert_eq!(read(db, |tx| users::find_by_login(tx, org(2), "bea.ñandú")), None);
        let outcome = write(db, |tx| users::append(tx, org(1), &person(13, "bea.Ñandú")));
        assert!(matches!(outcome, Err(DbError::Duplicate { .. })), "{outcome:?}");
    }

    fn another_organizations_user_is_not_found(db) {
        two_organizations(db);
        assert_eq!(read(db, |tx| users::find(tx, org(2), user(11))), None);
        let hash = Hidden("x".to_owned());
        let outcome = write(db, move |tx| users::set_password(tx, org(2), user(11), &hash));
        assert!(matches!(outcome, Err(DbError::NotFound)));
        let outcome = write(db, |tx| users::set_active(tx, org(2), user(11), false));
        assert!(matches!(outcome, Err(DbError::NotFound)));
        assert_eq!(read(db, |tx| users::find(tx, org(1), user(11))), Some(person(11, "ana")));
    }

    fn a_user_changes_password_and_leaves(db) {
        two_organizations(db);
        write(db, |tx| {
            users::set_password(tx, org(1), user(11), &Hidden("new".into()))?;
            users::set_active(tx, org(1), user(11), false)
        })
        .unwrap();
        let ana = read(db, |tx| users::find(tx, org(1), user(11))).unwrap();
        assert_eq!((ana.password_hash.0.as_str(), ana.active), ("new", false));
    }

    fn users_are_listed_page_by_page(db) {
        two_organizations(db);
        let many: Vec<_> = (100..1_303).map(|number| person(number, &format!("user-{number}"))).collect();
        write(db, move |tx| users::append_many(tx, org(1), &many)).unwrap();
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = read(db, |tx| users::list(tx, org(1), after, 500));
            assert!(page.items.len() <= 500);
            seen.extend(page.items.into_iter().map(|it| it.user_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected: Vec<_> = (100..1_303).map(user).collect();
        expected.insert(0, user(11));
        assert_eq!(seen, expected);
    }

    fn roles_are_given_and_taken_where_they_are_held(db) {
        two_organizations(db);
        let grant = |scope: Scope| RoleGrant {
            user_id: user(11),
            role: Role::Reviewer,
            scope,
            granted_by: None,
            granted_at: Micros(5),
        };
        let scopes =
            [Scope::Branch(BranchId(uuid(7))), Scope::Organization, Scope::Region(RegionId(uuid(8)))];
        write(db, move |tx| scopes.iter().try_for_each(|scope| users::grant_role(tx, org(1), &grant(*scope))))
            .unwrap();
        assert_eq!(read(db, |tx| users::list_roles(tx, org(1), user(11))), scopes.map(grant));
        let of = |who: &[u32]| {
            let ids: Vec<_> = who.iter().copied().map(user).collect();
            read(db, move |tx| users::list_roles_of(tx, org(1), &ids))
        };
        assert_eq!(of(&[12, 11]), scopes.map(grant));
        assert_eq!(of(&[]), []);
        assert_eq!(read(db, |tx| users::list_roles(tx, org(2), user(11))), []);
        let again = write(db, move |tx| users::grant_role(tx, org(1), &grant(Scope::Organization)));
        assert!(matches!(again, Err(DbError::Duplicate { .. })), "{again:?}");
        let foreign = write(db, move |tx| users::grant_role(tx, org(2), &grant(Scope::Organization)));
        assert!(matches!(foreign, Err(DbError::Refused { .. })), "{foreign:?}");
        let take = |number| write(db, move |tx| {
            users::revoke_role(tx, org(number), user(11), Role::Reviewer, Scope::Organization)
        });
        assert!(!take(2).unwrap());
        assert!(take(1).unwrap());
        assert!(!take(1).unwrap());
    }

    fn failed_logins_are_counted_locked_and_forgotten(db) {
        two_organizations(db);
        let fail = |at| write(db, move |tx| users::append_login_failure(tx, org(1), "Nobody", Micros(at))).unwrap();
        assert_eq!(fail(10).failures, 1);
        let second = fail(20);
        assert_eq!((second.failures, second.first_at, second.last_at), (2, Micros(10), Micros(20)));
        write(db, |tx| users::lock_login(tx, org(1), "NOBODY", Micros(99))).unwrap();
        let stands = read(db, |tx| users::find_login_failures(tx, org(1), "nobody")).unwrap();
        assert_eq!(stands.locked_until, Some(Micros(99)));
        assert_eq!(read(db, |tx| users::find_login_failures(tx, org(2), "nobody")), None);
        let unknown = write(db, |tx| users::lock_login(tx, org(2), "nobody", Micros(99)));
        assert!(matches!(unknown, Err(DbError::NotFound)));
        write(db, |tx| users::clear_login_failures(tx, org(1), "nobody")).unwrap();
        assert_eq!(read(db, |tx| users::find_login_failures(tx, org(1), "nobody")), None);
    }
}
