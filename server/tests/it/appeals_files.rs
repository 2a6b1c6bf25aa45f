//! Files of an appeal: what is refused leaves no byte behind, takes none away that somebody else's row names, and fills no disk.

use crate::appeals::World;
use db::appeals::Appeal;
use domain::{appeal::AppealState, ids::AppealId};
use serde_json::json;
use std::{
    cell::Cell,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};
use sync_core::Hash;

const MOST: usize = 10;

fn file(number: usize) -> Vec<u8> {
    format!("%PDF-1.7 {number}").into_bytes()
}

impl World {
    /// Where the bytes of a file lie, or would.
    fn place(&self, bytes: &[u8]) -> PathBuf {
        let name = Hash::of(bytes).to_string();
        let folder = self.field.office.blob_folder().join("objects").join(self.field.office.org.to_string());
        folder.join(&name[..2]).join(name)
    }

    /// How many files lie in the store of blobs.
    fn stored(&self) -> usize {
        count(&self.field.office.blob_folder())
    }

    /// Closes an appeal once the bytes of a file of it came to the store and before its row is written; what the sender is told.
    async fn close_while_it_comes(&self, appeal: &str, bytes: &[u8]) -> (u16, String) {
        let (app, org) = (self.field.office.app.clone(), self.field.office.org);
        let id = AppealId(appeal.parse().unwrap());
        let (begun, begins) = mpsc::channel();
        let (came, comes) = mpsc::channel();
        let closing = thread::spawn(move || {
            // Whoever writes next waits for this.
            app.db.write(move |tx| {
                let _ = begun.send(());
                let _ = comes.recv();
                let open = db::appeals::find(tx, org, id)?.unwrap();
                let ended = Appeal {
                    state: AppealState::Withdrawn,
                    decided_by: Some(open.appellant),
                    decided_at: Some(open.created_at),
                    ..open
                };
                db::appeals::close(tx, org, &ended, &[])
            })
        });
        begins.recv().unwrap();
        let (place, is_over) = (self.place(bytes), Cell::new(false));
        let before = inode(&place);
        let sending = async {
            let answer = self.attach(&self.manager, appeal, "A02", bytes.to_vec()).await;
            is_over.set(true);
            answer
        };
        let watching = async {
            while inode(&place) == before && !is_over.get() {
                tokio::task::yield_now().await;
            }
            came.send(()).unwrap();
        };
        let (answer, ()) = tokio::join!(sending, watching);
        closing.join().unwrap().unwrap();
        answer.outcome()
    }
}

fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let paths = entries.map(|it| it.unwrap().path());
    paths.map(|it| if it.is_dir() { count(&it) } else { 1 }).sum()
}

/// What tells that a file was put in place of another.
fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|it| it.ino())
}

#[actix_web::test]
async fn one_file_too_many_stores_no_byte_and_the_same_file_again_is_still_answered() {
    let world = World::open().await;
    let visit = world.published(&crate::field::FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let before = world.stored();
    let mut last = serde_json::Value::Null;
    for number in 0..MOST {
        last = world.attach(&world.manager, &id, "A02", file(number)).await.expect_json();
    }
    for number in MOST..MOST + 2 {
        let more = world.attach(&world.manager, &id, "A02", file(number)).await;
        assert_eq!(more.outcome(), (409, "too_many_files".to_owned()));
    }
    assert_eq!(world.stored(), before + MOST);
    let again = world.attach(&world.manager, &id, "A02", file(MOST - 1)).await.expect_json();
    assert_eq!(again, last);
    assert_eq!(world.stored(), before + MOST);
}

#[actix_web::test]
async fn of_many_files_at_once_the_bytes_of_those_that_have_a_place_are_kept_and_no_others() {
    let world = World::open().await;
    let visit = world.published(&crate::field::FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let before = world.stored();
    for number in 0..MOST - 1 {
        world.attach(&world.manager, &id, "A02", file(number)).await.expect_json();
    }
    let send = |number: usize| world.attach(&world.manager, &id, "A02", file(MOST + number));
    let (one, two) = tokio::join!(send(0), send(1));
    let mut outcomes = [one.outcome(), two.outcome()];
    outcomes.sort();
    assert_eq!(outcomes, [(201, String::new()), (409, "too_many_files".to_owned())]);
    assert_eq!(world.stored(), before + MOST);
}

#[actix_web::test]
async fn a_file_that_comes_while_the_disk_is_full_is_refused_and_one_that_is_there_is_answered() {
    let mut world = World::open().await;
    let visit = world.published(&crate::field::FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let there = world.attach(&world.manager, &id, "A02", file(1)).await.expect_json();
    let before = world.stored();
    world.field.office = world.field.office.with(|config| config.blob_reserve_bytes = u64::MAX).await;
    let refused = world.attach(&world.manager, &id, "A02", file(2)).await;
    assert_eq!(refused.outcome(), (503, "storage_full".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(world.stored(), before);
    let again = world.attach(&world.manager, &id, "A02", file(1)).await.expect_json();
    assert_eq!(again, there);
}

#[actix_web::test]
async fn a_file_of_an_appeal_that_is_closed_while_it_comes_leaves_nothing_behind() {
    let world = World::open().await;
    let visit = world.published(&crate::field::FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let before = world.stored();
    let refused = world.close_while_it_comes(&id, &file(1)).await;
    assert_eq!(refused, (409, "appeal_closed".to_owned()));
    assert_eq!((world.stored(), inode(&world.place(&file(1)))), (before, None));
}

#[actix_web::test]
async fn bytes_that_another_appeal_has_stay_where_the_same_are_refused() {
    let world = World::open().await;
    let (visit, other) =
        (world.published(&crate::field::FAIR).await, world.published(&crate::field::FAIR).await);
    let (id, elsewhere) = (world.appealed(visit, &["A02"]).await, world.appealed(other, &["A02"]).await);
    let held = world.attach(&world.manager, &elsewhere, "A02", file(1)).await.expect_json();
    let refused = world.close_while_it_comes(&id, &file(1)).await;
    assert_eq!(refused, (409, "appeal_closed".to_owned()));
    let address = format!("appeals/{elsewhere}/evidence/{}", held["blob"].as_str().unwrap());
    let bytes = world.read(&world.other, &address).await;
    assert_eq!((bytes.status.as_u16(), bytes.body.to_vec()), (200, file(1)));
    let none = world.read(&world.other, &format!("appeals/{id}")).await.expect_json();
    assert_eq!(none["questions"][0]["evidence"], json!([]));
}
