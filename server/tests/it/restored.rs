//! An office made from a copy on PostgreSQL: whole, or none that anybody takes for one; and what phones are told of copies.

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

crate::on_both![phones_are_told_how_far_their_log_is_in_a_copy_that_is_kept_elsewhere,];

async fn phones_are_told_how_far_their_log_is_in_a_copy_that_is_kept_elsewhere(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.durable_through, 0);
    let ends = backup::Ends::now(&scene.office.app).unwrap();
    // What comes while the copy is made is perhaps not in it.
    phone.set(audit, 1, "A01", "yes");
    let request = phone.push();
    assert_eq!(scene.done(&phone, &request).await.durable_through, 0);
    ends.note_durable(&scene.office.app).unwrap();
    let idle = phone.request(Vec::new());
    assert_eq!(scene.done(&phone, &idle).await.durable_through, 1);
    // An earlier copy that is noted later takes nothing back; another phone has its own.
    let ends = backup::Ends::now(&scene.office.app).unwrap();
    let sibling = scene.phone(2).await;
    ends.clone().note_durable(&scene.office.app).unwrap();
    ends.note_durable(&scene.office.app).unwrap();
    assert_eq!(scene.done(&phone, &idle).await.durable_through, 2);
    assert_eq!(scene.done(&sibling, &sibling.request(Vec::new())).await.durable_through, 0);
    let log = scene.office.get("/api/v1/audit-log").by(&scene.admin).send().await.expect_json();
    let noted = log["items"].as_array().unwrap().iter().filter(|it| it["action"] == "copy_kept_elsewhere");
    assert_eq!(noted.count(), 3);
}
