//! Evidence in a copy of the office, and in an office made from one.

use crate::exchange::Scene;
use server::{
    App, Config, Environment,
    app::{
        backup::{self, BlobCopies, CopiedBlobs},
        evidence::BlobCheck,
    },
    testing::{TestClock, TestEntropy, TestOffice},
};
use std::fs;
use sync_core::blob::BlobState;

#[actix_web::test]
async fn a_restored_office_has_the_evidence_of_its_copy_and_asks_again_for_what_is_lost() {
    let mut scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (kept, lost, damaged) = (
        scene.upload(&phone, b"kept").await,
        scene.upload(&phone, b"lost").await,
        scene.upload(&phone, b"damaged").await,
    );
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // As sealing would: what lies there is not what is stored.
    let pass = |bytes: &[u8]| Ok(bytes.iter().map(|it| it ^ 0x5a).collect());
    let place = at("evidence");
    let copies = BlobCopies { folder: &place, sealed_for: Some("ana"), pass: &pass };
    let first = backup::back_up(&scene.office.app, &at("copy"), Some(copies)).unwrap();
    assert_eq!(first.blobs, CopiedBlobs { copied: 3, ..CopiedBlobs::default() });
    let again = backup::back_up(&scene.office.app, &at("later"), Some(copies)).unwrap();
    assert_eq!(again.blobs, CopiedBlobs { already: 3, ..CopiedBlobs::default() });
    let copy_of = |id: &str| {
        let copies = fs::read_dir(place.join(scene.office.org.to_string()).join(&id[..2])).unwrap();
        let mut of = copies.map(|it| it.unwrap().path());
        of.find(|it| it.file_name().unwrap().to_str().unwrap().starts_with(&format!("{id}.ana."))).unwrap()
    };
    fs::remove_file(copy_of(&lost.id.to_string())).unwrap();
    fs::write(copy_of(&damaged.id.to_string()), b"something else").unwrap();

    let config = Config {
        database_url: format!("sqlite:{}", at("restored.db").display()),
        blob_reserve_bytes: 0,
        ..Config::default()
    };
    let environment = || Environment::new(TestClock::default(), TestEntropy::default());
    let restored = backup::restore(config.clone(), environment(), &at("copy"), Some(copies)).unwrap();
    assert_eq!(restored.blobs, CopiedBlobs { copied: 1, missing: 2, ..CopiedBlobs::default() });
    let (app, org) = (App::open(config, environment()).unwrap(), scene.office.org);
    assert_eq!(app.check_blob(org, kept.id).unwrap(), BlobCheck::Good);
    scene.office = TestOffice::over(app, TestClock::default(), org).await;
    phone.enrolment.epoch = restored.epoch;
    assert_eq!(scene.blob_state(&phone, &kept).await, BlobState::Have);
    for (blob, bytes) in [(&lost, b"lost".as_slice()), (&damaged, b"damaged")] {
        assert_eq!(scene.blob_state(&phone, blob).await, BlobState::Want);
        scene.upload(&phone, bytes).await;
        assert_eq!(scene.office.app.check_blob(org, blob.id).unwrap(), BlobCheck::Good);
    }
}
