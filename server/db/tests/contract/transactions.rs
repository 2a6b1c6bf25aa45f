//! Transactions: what is kept, what is taken back, and who waits for whom.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use db::users::{self};
use db::{Db, DbError, DbOptions, organizations};

use crate::database::{org, organization, person, read, two_organizations, user, write};
use crate::on_both;

on_both! {
    fn a_failed_job_leaves_nothing_and_its_neighbours_alone(db) {
        two_organizations(db);
        let start = Arc::new(Barrier::new(20));
        let jobs: Vec<_> = (0..20_u32)
            .map(|number| {
                let (db, start) = (db.db.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    write(&db, move |tx| {
                        users::append(tx, org(1), &person(100 + number, &format!("user-{number}")))?;
                        // Every fourth takes a login that is taken, after a row that would have been good.
                        let login = if number % 4 == 0 { "ANA".to_owned() } else { format!("second-{number}") };
                        users::append(tx, org(1), &person(200 + number, &login))
                    })
                })
            })
            .collect();
        let outcomes: Vec<_> = jobs.into_iter().map(|job| job.join().unwrap()).collect();
        for (number, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(()) => assert_ne!(number % 4, 0),
                Err(DbError::Duplicate { constraint }) => {
                    assert_eq!(number % 4, 0);
                    assert_eq!(constraint, "users(org_id, login)");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        let stored = read(db, |tx| users::list(tx, org(1), None, 1_000)).items;
        assert_eq!(stored.len(), 1 + 15 * 2);
        assert!(stored.iter().all(|it| it.user_id != user(100) && it.user_id != user(104)));
    }

    fn a_savepoint_takes_back_only_itself(db) {
        two_organizations(db);
        write(db, |tx| {
            users::append(tx, org(1), &person(12, "bea"))?;
            let refused = tx.savepoint(|tx| {
                users::append(tx, org(1), &person(13, "cira"))?;
                users::append(tx, org(1), &person(14, "ana"))
            });
            assert!(matches!(refused, Err(DbError::Duplicate { .. })), "{refused:?}");
            users::append(tx, org(1), &person(15, "dora"))
        })
        .unwrap();
        let logins: Vec<String> =
            read(db, |tx| users::list(tx, org(1), None, 10)).items.into_iter().map(|it| it.login).collect();
        assert_eq!(logins, ["ana", "bea", "dora"]);
    }

    fn a_job_that_swallows_a_failure_is_taken_back(db) {
        two_organizations(db);
        let outcome = write(db, |tx| {
            users::append(tx, org(1), &person(12, "bea"))?;
            drop(users::append(tx, org(1), &person(13, "ana")));
            Ok(())
        });
        assert!(matches!(outcome, Err(DbError::Usage(_))), "{outcome:?}");
        assert_eq!(read(db, |tx| users::find(tx, org(1), user(12))), None);
        write(db, |tx| users::append(tx, org(1), &person(12, "bea"))).unwrap();
    }

    fn a_job_that_panics_reaches_its_caller_and_nobody_else(db) {
        two_organizations(db);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            write::<()>(db, |tx| {
                users::append(tx, org(1), &person(12, "bea"))?;
                tx.savepoint(|_| -> Result<(), DbError> { panic!("in the midst of it") })
            })
        }));
        assert!(panicked.is_err());
        write(db, |tx| users::append(tx, org(1), &person(13, "cira"))).unwrap();
        assert_eq!(read(db, |tx| users::find(tx, org(1), user(12))), None);
        assert!(read(db, |tx| users::find(tx, org(1), user(13))).is_some());
    }

    fn a_read_cannot_write(db) {
        two_organizations(db);
        let outcome = db.read(|tx| users::append(tx, org(1), &person(12, "bea")));
        assert!(outcome.is_err());
        write(db, |tx| users::append(tx, org(1), &person(12, "bea"))).unwrap();
    }

    fn a_read_sees_one_state_while_others_write(db) {
        two_organizations(db);
        db.read(|tx| {
            assert_eq!(users::list(tx, org(1), None, 10)?.items.len(), 1);
            write(db, |tx| users::append(tx, org(1), &person(12, "bea")))?;
            assert_eq!(users::list(tx, org(1), None, 10)?.items.len(), 1);
            Ok::<_, DbError>(())
        })
        .unwrap();
        assert_eq!(read(db, |tx| users::list(tx, org(1), None, 10)).items.len(), 2);
    }

    fn a_lock_lets_one_at_a_time_decide_over_many_rows(db) {
        two_organizations(db);
        let start = Arc::new(Barrier::new(6));
        let jobs: Vec<_> = (0..6_u32)
            .map(|number| {
                let (db, start) = (db.db.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    write(&db, move |tx| {
                        tx.lock(org(1), "users")?;
                        let count = users::list(tx, org(1), None, 10)?.items.len();
                        if count < 3 {
                            users::append(tx, org(1), &person(50 + number, &format!("user-{number}")))?;
                        }
                        Ok(())
                    })
                })
            })
            .collect();
        for job in jobs {
            job.join().unwrap().unwrap();
        }
        assert_eq!(read(db, |tx| users::list(tx, org(1), None, 10)).items.len(), 3);
    }
}

#[test]
fn an_address_of_another_kind_is_refused() {
    for url in ["mysql://x", "veedor.db", "", "sqlite:", "sqlite::memory:", "sqlite:file:x?mode=rwc"] {
        assert!(matches!(Db::open(url, &DbOptions::default()), Err(DbError::Usage(_))), "{url}");
        assert!(matches!(db::check_address(url), Err(DbError::Usage(_))), "{url}");
    }
}

#[test]
fn a_database_that_is_not_there_is_unavailable() {
    let options = DbOptions { wait_ms: 300, ..DbOptions::default() };
    for url in ["sqlite:/no/such/folder/veedor.db", "postgres://app@%2Fno%2Fsuch%2Fsocket/app"] {
        assert!(matches!(Db::open(url, &options), Err(DbError::Unavailable(_))), "{url}");
    }
}

#[test]
fn a_full_queue_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let options = DbOptions { queue: 1, ..DbOptions::default() };
    let db = Db::open(&format!("sqlite:{}", folder.path().join("veedor.db").display()), &options).unwrap();
    db.migrate().unwrap();
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let slow = {
        let (db, entered, leave) = (db.clone(), entered.clone(), leave.clone());
        std::thread::spawn(move || {
            write(&db, move |_| {
                entered.wait();
                leave.wait();
                Ok(())
            })
        })
    };
    entered.wait();
    let queued: Vec<_> = (1..=2)
        .map(|number| {
            let db = db.clone();
            std::thread::spawn(move || write(&db, move |tx| organizations::append(tx, &organization(number))))
        })
        .collect();
    // One of the two found the only place and waits; the other is refused at once, and its thread ends.
    while !queued.iter().any(std::thread::JoinHandle::is_finished) {
        std::thread::yield_now();
    }
    leave.wait();
    slow.join().unwrap().unwrap();
    let outcomes: Vec<_> = queued.into_iter().map(|it| it.join().unwrap()).collect();
    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|it| matches!(it, Err(DbError::Busy))).count(), 1);
}

#[test]
fn a_write_inside_a_write_is_refused_where_it_would_wait_for_ever() {
    let db = crate::database::sqlite();
    let inner = db.db.clone();
    let outcome = write(&db, move |_| write(&inner, |_| Ok(())));
    assert!(matches!(outcome, Err(DbError::Usage(_))), "{outcome:?}");
}

/// PostgreSQL gives up one of two transactions that wait for each other; whoever wrote it never learns.
#[test]
fn a_transaction_that_lost_to_another_is_run_again() {
    let db = crate::database::postgres();
    two_organizations(&db);
    write(&db, |tx| users::append(tx, org(1), &person(12, "bea"))).unwrap();
    let met = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicU32::new(0));
    let jobs: Vec<_> = [[11, 12], [12, 11]]
        .into_iter()
        .map(|order| {
            let (db, met, runs) = (db.db.clone(), met.clone(), runs.clone());
            std::thread::spawn(move || {
                let mut first = true;
                write(&db, move |tx| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    users::set_active(tx, org(1), user(order[0]), false)?;
                    if std::mem::take(&mut first) {
                        met.wait();
                    }
                    users::set_active(tx, org(1), user(order[1]), false)
                })
            })
        })
        .collect();
    for job in jobs {
        job.join().unwrap().unwrap();
    }
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    let active =
        read(&db, |tx| users::list(tx, org(1), None, 10)).items.iter().filter(|it| it.active).count();
    assert_eq!(active, 0);
}

/// What the simulator does to the office over SQLite: it must see no other state, and each run begins anew.
#[test]
fn a_transaction_that_is_made_to_lose_leaves_nothing_and_is_run_again() {
    for after in [0, 1, 2, 50] {
        let db = crate::database::sqlite();
        two_organizations(&db);
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        db.lose_next_write(after);
        write(&db, move |tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            users::append(tx, org(1), &person(70, "ada"))?;
            drop(tx.savepoint(|tx| users::append(tx, org(1), &person(71, "ada"))));
            users::append(tx, org(1), &person(72, "eva"))
        })
        .unwrap();
        assert_eq!(
            (runs.load(Ordering::Relaxed), db.lost_writes(), db.lost_writes()),
            (2, u64::from(after > 0), 0)
        );
        let all = read(&db, |tx| users::list(tx, org(1), None, 100)).items;
        assert_eq!(all.iter().filter(|it| ["ada", "eva"].contains(&it.login.as_str())).count(), 2);
    }
}

/// Whatever is redacted one day must not lie on where a job had written it that was taken back.
#[test]
fn what_a_failed_job_wrote_on_free_pages_of_sqlite_is_overwritten_when_that_is_asked() {
    for free in [200_000, 40_000_000] {
        let db = crate::database::sqlite();
        two_organizations(&db);
        let make = format!("CREATE TABLE t (b BLOB); INSERT INTO t VALUES (zeroblob({free})); DROP TABLE t");
        db.execute(&make).unwrap();
        let long = || users::User { name: "redacted".repeat(8_000), ..person(70, "ada") };
        let failed = write(&db, move |tx| {
            users::append(tx, org(1), &long())?;
            Err::<(), _>(DbError::Stale)
        });
        assert!(matches!(failed, Err(DbError::Stale)), "{failed:?}");
        // Wherever it lies among pages that are free.
        write(&db, |tx| users::append(tx, org(1), &person(71, "eva"))).unwrap();
        db.clear_free_pages().unwrap();
        let is_written = || {
            let bytes = std::fs::read(db.path().unwrap()).unwrap();
            bytes.windows(16).any(|it| it == b"redactedredacted")
        };
        assert!(!is_written());
        write(&db, move |tx| users::append(tx, org(1), &long())).unwrap();
        db.gather().unwrap();
        assert!(is_written());
    }
}

/// SQLite gives up a whole transaction where, for example, the disk is full; here a trigger makes it do so.
#[test]
fn a_group_that_sqlite_gives_up_is_answered_with_errors_and_nothing_of_it_is_kept() {
    let db = crate::database::sqlite();
    two_organizations(&db);
    db.execute(
        "CREATE TRIGGER disk_full BEFORE INSERT ON users WHEN NEW.login = 'bomb'
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    )
    .unwrap();
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let slow = {
        let (db, entered, leave) = (db.db.clone(), entered.clone(), leave.clone());
        std::thread::spawn(move || {
            write(&db, move |_| {
                entered.wait();
                leave.wait();
                Ok(())
            })
        })
    };
    entered.wait();
    let queued: Vec<_> = (100..140_u32)
        .map(|number| {
            let db = db.db.clone();
            std::thread::spawn(move || {
                let login = if number == 120 { "bomb".to_owned() } else { format!("user-{number}") };
                write(&db, move |tx| users::append(tx, org(1), &person(number, &login)))
            })
        })
        .collect();
    leave.wait();
    slow.join().unwrap().unwrap();
    let outcomes: Vec<_> = queued.into_iter().map(|it| it.join().unwrap()).collect();
    let stored = read(&db, |tx| users::list(tx, org(1), None, 1_000)).items;
    for (number, outcome) in (100..).zip(&outcomes) {
        let kept = stored.iter().any(|it| it.user_id == user(number));
        assert_eq!(outcome.is_ok(), kept, "{number}: {outcome:?}");
    }
    assert!(matches!(outcomes[20], Err(DbError::Unavailable(_))), "{:?}", outcomes[20]);
    write(&db, |tx| users::append(tx, org(1), &person(200, "after"))).unwrap();
}

#[test]
fn servers_that_start_at_once_migrate_once() {
    let db = crate::database::postgres();
    db.revert_everything().unwrap();
    let servers: Vec<_> = (0..4)
        .map(|_| {
            let db = db.db.clone();
            std::thread::spawn(move || db.migrate())
        })
        .collect();
    for server in servers {
        server.join().unwrap().unwrap();
    }
    two_organizations(&db);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_files_of_an_sqlite_database_even_where_they_could_before() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("veedor.db");
    let files = ["veedor.db", "veedor.db-wal", "veedor.db-shm"].map(|it| folder.path().join(it));
    let open = || {
        let db = Db::open(&format!("sqlite:{}", path.display()), &DbOptions::default()).unwrap();
        db.migrate().unwrap();
        db
    };
    let rights = || files.each_ref().map(|it| std::fs::metadata(it).unwrap().permissions().mode() & 0o777);
    let first = open();
    assert_eq!(rights(), [0o600; 3]);
    // As an earlier version left them, with the files beside it still there.
    for file in &files {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let second = open();
    assert_eq!(rights(), [0o600; 3]);
    drop((first, second));
}

#[test]
fn the_journal_is_taken_over_into_the_file_and_does_not_grow_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("veedor.db");
    let db = Db::open(&format!("sqlite:{}", path.display()), &DbOptions::default()).unwrap();
    db.migrate().unwrap();
    for number in 0..60_u8 {
        let half = vec![number; 1 << 19];
        db.write(move |tx| db::organizations::put_meta(tx, "test", &half)).unwrap();
    }
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
    assert!(size("veedor.db-wal") < 8 << 20, "{} bytes of 30 MiB are still there", size("veedor.db-wal"));
    assert!(size("veedor.db") > 1 << 19);
}
