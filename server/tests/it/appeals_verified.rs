//! Appeals among what the office checks and takes out again: a correction counts when a score is computed anew, goes with the answer that it
//! stands for, and whatever does not agree is named.

use crate::databases::Database;
use crate::exchange::Scene;
use domain::access::{Role, Scope};
use domain::ids::{AppealId, AuditId, BranchId};
use serde_json::{Value, json};
use server::{
    app::{
        verify::{Report, verify},
        visits::evidence::{check, export},
    },
    testing::{Answer, TestPerson, photos},
};
use uuid::Uuid;

crate::on_both![
    a_score_after_an_appeal_is_found_again_and_its_correction_goes_with_the_answer,
    a_file_that_was_taken_out_for_good_does_not_come_back_by_an_appeal,
];

fn checked(scene: &Scene) -> Report {
    verify(&scene.office.app, None, &mut |_| ()).unwrap()
}

async fn published(scene: &Scene) -> Uuid {
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    for command in ["claim", "approve", "publish"] {
        scene.review(audit, command, json!({})).await.expect_json();
    }
    audit
}

fn manager(scene: &Scene) -> TestPerson {
    let scope = Scope::Branch(BranchId(scene.branch));
    scene.office.person_of(scene.office.org, &[(Role::BranchManager, scope)])
}

async fn appealed(scene: &Scene, by: &TestPerson, audit: Uuid) -> String {
    let body = json!({"items": [{"item": "A02", "reason": "había letrero"}]});
    let address = format!("/api/v1/visits/{audit}/appeals");
    let opened = scene.office.post(&address).by(by).json(&body).send().await.expect_json();
    opened["id"].as_str().unwrap().to_owned()
}

async fn attach(scene: &Scene, by: &TestPerson, appeal: &str, bytes: Vec<u8>) -> Answer {
    let address = format!("/api/v1/appeals/{appeal}/items/A02/evidence");
    scene.office.post(&address).by(by).body(bytes).send().await
}

async fn uphold(scene: &Scene, appeal: &str) -> Value {
    let verdict = json!({"item": "A02", "decision": "upheld", "answer": "yes", "reason": "se ve"});
    let other = scene.office.person(Role::Reviewer);
    let address = format!("/api/v1/appeals/{appeal}/uphold");
    scene.office.post(&address).by(&other).json(&json!({"items": [verdict]})).send().await.expect_json()
}

async fn a_score_after_an_appeal_is_found_again_and_its_correction_goes_with_the_answer(database: Database) {
    let scene = Scene::over(database).await;
    let audit = published(&scene).await;
    let manager = manager(&scene);
    let id = appealed(&scene, &manager, audit).await;
    attach(&scene, &manager, &id, photos::jpeg(1, 60, 40)).await.expect_json();
    let open = checked(&scene);
    assert_eq!((open.fault, open.appeals, open.blobs), (None, 1, 1));
    uphold(&scene, &id).await;
    let upheld = checked(&scene);
    assert_eq!((upheld.fault, upheld.scores), (None, 2));
    // Nor does the visit as a file need this server to be believed.
    let file = export(&scene.office.app, scene.office.org, AuditId(audit)).unwrap();
    let proved = check(&file).unwrap();
    assert_eq!((proved.score_recomputed, proved.final_score.as_deref()), (Some(true), Some("100.00")));
    let order = json!({"fields": ["A02"], "reason": "se pidio suprimirlo"});
    scene.review(audit, "redact", order).await.expect_json();
    assert_eq!(checked(&scene).fault, None);
    let seen = scene.office.get(&format!("/api/v1/appeals/{id}")).by(&manager).send().await.expect_json();
    let question = &seen["questions"][0];
    assert_eq!((question.get("answer"), &question["answer_redacted"]), (None, &json!(true)));
    assert_eq!(question["reason"], "había letrero");
    assert_eq!(seen["after"]["version"], 2, "the figures stay");
    let address = format!("/api/v1/visits/{audit}/scores");
    let scores = scene.office.get(&address).by(&scene.reviewer).send().await.expect_json();
    for version in scores.as_array().unwrap() {
        let steps = version["score"]["explain"].as_array().unwrap();
        let step = steps.iter().find(|it| it["item"] == "A02").unwrap();
        assert_eq!((step.get("answer"), &step["rule"]), (None, &json!("redacted")));
    }
}

#[actix_web::test]
async fn what_does_not_agree_with_an_appeal_is_named() {
    let scene = Scene::over(Database::Sqlite).await;
    let audit = published(&scene).await;
    let manager = manager(&scene);
    let id = appealed(&scene, &manager, audit).await;
    let file = attach(&scene, &manager, &id, b"%PDF-1.7".to_vec()).await.expect_json();
    let org = scene.office.org;
    let write = |job: fn(&mut db::Tx<'_>, domain::ids::OrgId, AppealId) -> Result<(), db::DbError>| {
        let id = AppealId(id.parse().unwrap());
        scene.office.app.db.write(move |tx| job(tx, org, id)).unwrap();
    };
    let blob: sync_core::Hash = file["blob"].as_str().unwrap().parse().unwrap();
    scene.office.app.db.write(move |tx| db::blobs::forget(tx, org, &[blob])).unwrap();
    let fault = checked(&scene).fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.place.blob), ("appeal_file", Some(blob)));
    // Closed by nobody's step: the visit still waits.
    write(|tx, org, id| {
        let open = db::appeals::find(tx, org, id)?.unwrap();
        let state = domain::appeal::AppealState::Withdrawn;
        db::appeals::close(
            tx,
            org,
            &db::appeals::Appeal { state, decided_at: Some(db::Micros(1)), ..open },
            &[],
        )
    });
    let fault = checked(&scene).fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.place.audit), ("audit_row", Some(AuditId(audit))));
}

#[actix_web::test]
async fn a_correction_that_is_not_what_was_scored_is_named() {
    let scene = Scene::over(Database::Sqlite).await;
    let audit = published(&scene).await;
    let id = appealed(&scene, &manager(&scene), audit).await;
    uphold(&scene, &id).await;
    let org = scene.office.org;
    let id = AppealId(id.parse().unwrap());
    // What a redaction alone may do, without one.
    scene.office.app.db.write(move |tx| db::appeals::redact_answer(tx, org, id, "A02")).unwrap();
    let fault = checked(&scene).fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.place.position), ("score", Some(2)));
}

async fn a_file_that_was_taken_out_for_good_does_not_come_back_by_an_appeal(database: Database) {
    let scene = Scene::over(database).await;
    let audit = published(&scene).await;
    let manager = manager(&scene);
    let id = appealed(&scene, &manager, audit).await;
    let bytes = photos::jpeg(1, 60, 40);
    let file = attach(&scene, &manager, &id, bytes.clone()).await.expect_json();
    let blob: sync_core::Hash = file["blob"].as_str().unwrap().parse().unwrap();
    let org = scene.office.org;
    let among = scene.office.app.db.read(move |tx| db::appeals::blobs_among(tx, org, &[blob])).unwrap();
    assert_eq!(Vec::from_iter(among), [blob]);
    // One that was taken out for good does not come back by an appeal.
    let gone = b"%PDF-1.7 with a name".to_vec();
    let redacted = db::redactions::RedactedBlob {
        blob: sync_core::Hash::of(&gone),
        redacted_at: scene.office.app.now(),
        purged: true,
    };
    scene
        .office
        .app
        .db
        .write(move |tx| db::redactions::append_blobs(tx, org, std::slice::from_ref(&redacted)))
        .unwrap();
    let refused = attach(&scene, &manager, &id, gone).await;
    assert_eq!(refused.outcome(), (409, "redacted".to_owned()));
    assert_eq!(checked(&scene).fault, None);
}
