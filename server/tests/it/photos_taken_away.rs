//! Photos while the store is out, and photos that are redacted while somebody works with them.

use crate::blobs::blob_of;
use crate::databases::Database;
use crate::exchange::Scene;
use db::{blobs::Picture, redactions::RedactedBlob};
use jiff::Timestamp;
use server::{
    App, Config, Environment,
    app::verify::verify,
    environment::Clock,
    testing::{TestClock, TestEntropy, photos::jpeg},
};
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use sync_core::{Hash, payload::BlobRef};

crate::on_both![
    a_store_that_is_out_makes_no_good_photo_one_that_ended_its_reader,
    a_photo_that_is_redacted_while_it_is_read_leaves_no_smaller_copy,
    a_photo_that_is_redacted_while_an_office_is_verified_is_no_fault,
];

/// The smaller copies of a photo.
fn copies(scene: &Scene, blob: &BlobRef) -> [PathBuf; 2] {
    let original = scene.file_of(blob);
    [".thumbnail.jpg", ".view.jpg"].map(|suffix| {
        let name = original.file_name().unwrap().to_string_lossy().into_owned();
        original.with_file_name(name + suffix)
    })
}

/// Takes a photo away as a redaction does.
fn redact(app: &App, org: domain::ids::OrgId, blob: Hash) {
    app.db
        .write(move |tx| {
            db::blobs::forget(tx, org, &[blob])?;
            let gone = RedactedBlob { blob, redacted_at: db::Micros(1), purged: false };
            db::redactions::append_blobs(tx, org, &[gone])
        })
        .unwrap();
    app.purge_redacted(org).unwrap();
}

async fn a_store_that_is_out_makes_no_good_photo_one_that_ended_its_reader(database: Database) {
    let scene = Scene::over(database).await;
    let phone = scene.phone(1).await;
    let blob = scene.upload(&phone, &jpeg(4, 60, 40)).await;
    // Nothing can be written in its place.
    let [_, view] = copies(&scene, &blob);
    fs::create_dir_all(view.join("in the way")).unwrap();
    for _ in 0..5 {
        scene.office.app.read_photos().expect_err("the store is out");
        let row = scene.row_of(&blob);
        assert_eq!((row.picture, row.attempts), (Picture::Pending, 0));
    }
    fs::remove_dir_all(&view).unwrap();
    assert_eq!(scene.office.app.read_photos().unwrap(), 1);
    let row = scene.row_of(&blob);
    assert_eq!((row.picture, row.attempts), (Picture::Ready, 1));
}

#[actix_web::test]
async fn one_photo_that_the_store_fails_at_does_not_keep_the_others_from_being_read() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let mut blobs = Vec::new();
    for number in 0..40 {
        blobs.push(scene.upload(&phone, &jpeg(number, 60, 40)).await);
    }
    // The store fails at all of the first batch but one, and at the first of the second.
    blobs.sort_by_key(|it| it.id);
    let failing = |at: usize| at != 7 && at <= 33;
    for at in (0..40).filter(|it| failing(*it)) {
        fs::create_dir_all(copies(&scene, &blobs[at])[1].join("in the way")).unwrap();
    }
    scene.office.app.read_photos().expect_err("the store fails at some");
    for (at, blob) in blobs.iter().enumerate() {
        let expected = if failing(at) { (Picture::Pending, 0) } else { (Picture::Ready, 1) };
        let row = scene.row_of(blob);
        assert_eq!((row.picture, row.attempts), expected, "photo {at}");
    }
}

/// A clock that does something the first time it is asked after it was told what.
#[derive(Clone)]
struct Interrupting(TestClock, Arc<Mutex<Option<Job>>>);

type Job = Box<dyn FnOnce() + Send>;

impl Clock for Interrupting {
    fn now(&self) -> Timestamp {
        let job = self.1.lock().unwrap().take();
        if let Some(job) = job {
            job();
        }
        self.0.now()
    }
}

async fn a_photo_that_is_redacted_while_it_is_read_leaves_no_smaller_copy(database: Database) {
    let scene = Scene::over(database).await;
    let phone = scene.phone(1).await;
    let (org, office) = (scene.office.org, &scene.office);
    let clock = Interrupting(office.clock.clone(), Arc::default());
    let environment = Environment::new(clock.clone(), TestEntropy::default());
    let app = App::open(Config::clone(&office.app.config), environment).unwrap();
    let blob = scene.upload(&phone, &jpeg(4, 60, 40)).await;
    // The clock is asked once the bytes were read, and before anything is made of them.
    let (other, id) = (office.app.clone(), blob.id);
    *clock.1.lock().unwrap() = Some(Box::new(move || redact(&other, org, id)));
    app.read_photos().unwrap();
    assert!(clock.1.lock().unwrap().is_none(), "it was redacted while it was read");
    assert_eq!(copies(&scene, &blob).map(|it| it.exists()), [false, false]);
    assert_eq!(verify(&app, None, &mut |_| ()).unwrap().fault, None);
    // One that lies there for whatever reason is told.
    let [thumbnail, _] = copies(&scene, &blob);
    fs::write(&thumbnail, b"a face").unwrap();
    let fault = verify(&app, None, &mut |_| ()).unwrap().fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.place.blob), ("redacted_copy_kept", Some(blob.id)));
}

async fn a_photo_that_is_redacted_while_an_office_is_verified_is_no_fault(database: Database) {
    let scene = Scene::over(database).await;
    let phone = scene.phone(1).await;
    let (blob, lost) = (scene.upload(&phone, &jpeg(4, 60, 40)).await, blob_of(b"lost"));
    let (app, org) = (&scene.office.app, scene.office.org);
    let mut is_redacted = false;
    let report = verify(app, None, &mut |_| {
        if !is_redacted {
            is_redacted = true;
            redact(app, org, blob.id);
        }
    });
    assert!(is_redacted);
    assert_eq!(report.unwrap().fault, None);
    // What is counted on and is not there is one.
    scene.upload(&phone, b"lost").await;
    fs::remove_file(scene.file_of(&lost)).unwrap();
    let fault = verify(app, None, &mut |_| ()).unwrap().fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.place.blob), ("blob_missing", Some(lost.id)));
}
