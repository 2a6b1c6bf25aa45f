//! Copies and what is made from them.

use db::users::{self, User};
use db::{Db, DbError, organizations};

use crate::database::{options, org, person, two_organizations, write};
use crate::on_both;

on_both! {
    fn a_copy_holds_what_was_committed_when_it_was_made_and_can_be_lived_in(db) {
        two_organizations(db);
        write(db, |tx| organizations::put_meta(tx, "mark", b"before")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        db.back_up(&copy).unwrap();
        write(db, |tx| organizations::put_meta(tx, "mark", b"after")).unwrap();

        let place = db.another_place();
        Db::restore(&place, &copy).unwrap();
        let restored = Db::open(&place, &options()).unwrap();
        restored.migrate().unwrap();
        let mark = |of: &Db| of.read(|tx| organizations::find_meta(tx, "mark")).unwrap();
        assert_eq!(mark(&restored).as_deref(), Some(&b"before"[..]));
        assert_eq!(mark(db).as_deref(), Some(&b"after"[..]));
        let all = |of: &Db| of.read(organizations::list).unwrap();
        assert_eq!(all(&restored), all(db));
        write(&restored, |tx| organizations::put_meta(tx, "mark", b"on its own")).unwrap();
        assert!(restored.read(|tx| organizations::find(tx, org(1))).unwrap().is_some());
    }

    fn neither_a_copy_nor_a_database_is_ever_overwritten(db) {
        two_organizations(db);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        db.back_up(&copy).unwrap();
        let before = std::fs::read(&copy).unwrap();
        assert!(matches!(db.back_up(&copy), Err(DbError::Usage(_))));
        assert!(std::fs::read(&copy).unwrap() == before);

        let place = db.another_place();
        Db::restore(&place, &copy).unwrap();
        let restored = Db::open(&place, &options()).unwrap();
        restored.finish_restore().unwrap();
        write(&restored, |tx| organizations::put_meta(tx, "mark", b"lived in")).unwrap();
        Db::restore(&place, &copy).unwrap_err();
        let mark = restored.read(|tx| organizations::find_meta(tx, "mark")).unwrap();
        assert_eq!(mark.as_deref(), Some(&b"lived in"[..]));
    }

    fn a_file_that_is_no_copy_makes_no_database(db) {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        std::fs::write(&copy, b"<html>not a copy</html>").unwrap();
        let place = db.another_place();
        Db::restore(&place, &copy).unwrap_err();
        if let Some(file) = place.strip_prefix("sqlite:") {
            assert!(!std::path::Path::new(file).exists());
        }
    }
}

/// What follows `pg_restore` is not in its transaction: until it is done nobody takes the database for an office.
#[test]
fn a_database_that_is_half_made_from_a_copy_says_so_and_is_finished_from_the_same_copy() {
    let db = crate::database::postgres();
    two_organizations(&db);
    assert!(!db.is_half_restored().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let [copy, other] = ["copy", "other"].map(|it| folder.path().join(it));
    db.back_up(&copy).unwrap();
    write(&db, |tx| organizations::put_meta(tx, "mark", b"other")).unwrap();
    db.back_up(&other).unwrap();
    let place = db.another_place();
    Db::restore(&place, &copy).unwrap();
    let restored = Db::open(&place, &options()).unwrap();
    assert!(restored.is_half_restored().unwrap());
    assert!(matches!(Db::restore(&place, &other), Err(DbError::Usage(_))));
    Db::restore(&place, &copy).unwrap();
    assert!(restored.is_half_restored().unwrap());
    restored.finish_restore().unwrap();
    assert!(!restored.is_half_restored().unwrap());
    assert!(matches!(Db::restore(&place, &copy), Err(DbError::Usage(_))));
    assert_eq!(restored.read(|tx| organizations::find_meta(tx, "mark")).unwrap(), None);
}

/// What the copy holds a second time, where nobody looks for it, would outlive a redaction in the office that is made from it.
#[test]
fn a_copy_of_sqlite_holds_nothing_twice() {
    let db = crate::database::sqlite();
    two_organizations(&db);
    for number in 100..200 {
        let name = format!("said-{number} {}", "well ".repeat(60));
        write(&db, move |tx| {
            users::append(tx, org(1), &User { name: name.clone(), ..person(number, &number.to_string()) })
        })
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    db.back_up(&copy).unwrap();
    let bytes = std::fs::read(&copy).unwrap();
    let count = |it: &str| bytes.windows(it.len()).filter(|bytes| *bytes == it.as_bytes()).count();
    let counts: Vec<usize> = (100..200).map(|it| count(&format!("said-{it} "))).collect();
    assert_eq!(counts, vec![1; 100]);
}
