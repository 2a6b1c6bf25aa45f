//! An office made from a copy on PostgreSQL: whole, or none that anybody takes for one.

use crate::{databases::Database, exchange::Scene};
use server::{App, Config, Environment, app::backup};

#[actix_web::test]
async fn a_restore_that_was_interrupted_is_no_office_and_is_finished_from_the_same_copy() {
    let scene = Scene::over(Database::Postgres).await;
    let mut phone = scene.phone(1).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let push = phone.push();
    scene.done(&phone, &push).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let (app, to) = (scene.office.app.clone(), copy.clone());
    let before = actix_web::web::block(move || backup::back_up(&app, &to, None)).await.unwrap().unwrap();
    let config = Config {
        database_url: test_postgres::cluster().empty_database(),
        blob_folder: Some(folder.path().join("blobs")),
        ..(*scene.office.app.config).clone()
    };
    let done = actix_web::web::block(move || {
        // As far as a machine came that lost its power then.
        db::Db::restore(&config.database_url, &copy).unwrap();
        let open = || App::open(config.clone(), Environment::default());
        let refused = open().err().expect("it is no office yet").for_operator();
        assert_eq!(refused.code, "half_restored");
        let restored = backup::restore(config.clone(), Environment::default(), &copy, None).unwrap();
        let office = open().unwrap();
        let again = backup::restore(config.clone(), Environment::default(), &copy, None);
        assert!(again.is_err(), "there is an office now");
        let keys = office.db.read(|tx| {
            let all = db::organizations::list(tx)?;
            db::organizations::list_server_keys(tx, all[0].org_id)
        });
        (restored, keys.unwrap().len())
    });
    let (restored, keys) = done.await.unwrap();
    assert!(restored.epoch > before.epoch, "{restored:?}");
    assert_eq!((restored.organizations, keys), (before.organizations, 2));
}
