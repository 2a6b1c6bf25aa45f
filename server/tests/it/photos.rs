//! Evidence before a reviewer: what the photos show, what looks odd, who may see it, and that no visit is approved before
//! all of it is here.

use crate::databases::Database;
use crate::exchange::{Phone, Scene};
use db::blobs::{Blob, Picture};
use domain::{
    access::{Role, Scope},
    ids::{AuditId, BranchId},
};
use serde_json::{Value, json};
use server::testing::{
    Answer,
    photos::{TestCamera, bomb, encoded, jpeg, picture, with_camera},
};
use sync_core::{Hash, payload::BlobRef};
use uuid::Uuid;

crate::on_both![
    a_visit_is_approved_only_once_all_that_it_declares_is_stored,
    what_is_no_photo_is_kept_and_flagged_and_never_read_again,
    the_same_photo_and_one_that_looks_like_it_are_told_with_the_visits_that_show_them,
];

const CAMERA: TestCamera =
    TestCamera { taken_at: "2026:11:20 10:11:12", north: [4, 36, 0], west: [74, 4, 12], orientation: 6 };

impl Scene {
    /// A visit with photos that are declared and not sent; it is handed in.
    pub(crate) async fn declared(&self, phone: &mut Phone, photos: &[(&str, &BlobRef, &str)]) -> Uuid {
        let audit = self.new_audit();
        phone.ops = sync_core::AuditOps::new();
        phone.create(audit, &self.pin());
        phone.set(audit, 1, "A01", "yes");
        phone.set(audit, 1, "A02", "no");
        for (field, blob, mime) in photos {
            phone.attach(audit, field, blob, mime);
        }
        phone.submit(audit, 1);
        let request = phone.push();
        self.done(phone, &request).await;
        audit
    }

    /// A visit with one photo that is stored and was read.
    pub(crate) async fn shown(&self, phone: &mut Phone, bytes: &[u8]) -> (Uuid, BlobRef) {
        let blob = self.upload(phone, bytes).await;
        let audit = self.declared(phone, &[("A01#photo", &blob, "image/jpeg")]).await;
        self.office.app.read_photos().unwrap();
        (audit, blob)
    }

    pub(crate) async fn evidence(&self, audit: Uuid) -> Value {
        let address = format!("/api/v1/visits/{audit}/evidence");
        self.office.get(&address).by(&self.reviewer).send().await.expect_json()
    }

    pub(crate) async fn file(&self, audit: Uuid, blob: &BlobRef, file: &str) -> Answer {
        let address = format!("/api/v1/visits/{audit}/evidence/{}/{file}", blob.id);
        self.office.get(&address).by(&self.reviewer).send().await
    }

    pub(crate) fn row_of(&self, blob: &BlobRef) -> Blob {
        let org = self.office.org;
        self.office.app.db.read(|tx| db::blobs::find(tx, org, blob.id)).unwrap().unwrap()
    }
}

fn blob_of(bytes: &[u8]) -> BlobRef {
    crate::blobs::blob_of(bytes)
}

fn size_of(answer: &Answer) -> (u32, u32) {
    let image = image::load_from_memory(&answer.body).unwrap();
    (image.width(), image.height())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |it| it.to_str().unwrap())
}

async fn a_visit_is_approved_only_once_all_that_it_declares_is_stored(database: Database) {
    let scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let (first, second) = (jpeg(1, 60, 40), b"a receipt, as text".to_vec());
    let (one, two) = (blob_of(&first), blob_of(&second));
    let audit =
        scene.declared(&mut phone, &[("A01#photo", &one, "image/jpeg"), ("A02", &two, "text/plain")]).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    for bytes in [None, Some(&first)] {
        if let Some(bytes) = bytes {
            scene.upload(&phone, bytes).await;
        }
        let refused = scene.review(audit, "approve", json!({})).await;
        assert_eq!(refused.fields(), [(String::new(), "blobs_missing".to_owned())]);
        let body = json!({"visits": [audit]});
        let bulk = scene.office.post("/api/v1/visits/approve").by(&scene.reviewer).json(&body).send().await;
        assert_eq!(bulk.expect_json()["outcomes"][0]["problem"]["code"], "guard_failed");
    }
    let seen = scene.evidence(audit).await;
    let states: Vec<_> = seen["photos"].as_array().unwrap().iter().map(|it| it["state"].clone()).collect();
    assert_eq!((&seen["complete"], states), (&json!(false), vec![json!("stored"), json!("missing")]));
    scene.upload(&phone, &second).await;
    assert_eq!(scene.evidence(audit).await["complete"], true);
    let approved = scene.review(audit, "approve", json!({})).await.expect_json();
    assert_eq!(approved["state"], "approved");
}

#[actix_web::test]
async fn a_manifest_that_leaves_out_what_is_attached_approves_nothing() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (audit, hidden) = (scene.new_audit(), blob_of(b"hidden"));
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "no");
    phone.attach(audit, "A01#photo", &hidden, "image/jpeg");
    let mut value = sync_core::content::submit_value(&phone.ops, &phone.ops.view());
    value.blobs.clear();
    let value = sync_core::payload::to_value(&value).unwrap();
    phone.write(sync_core::Kind::Submit, audit, 1, "", Some(value));
    let request = phone.push();
    scene.done(&phone, &request).await;
    scene.review(audit, "claim", json!({})).await.expect_json();
    let refused = scene.review(audit, "approve", json!({})).await;
    assert_eq!(refused.fields(), [(String::new(), "blobs_missing".to_owned())]);
    scene.upload(&phone, b"hidden").await;
    scene.review(audit, "approve", json!({})).await.expect_json();
}

#[actix_web::test]
async fn a_reviewer_sees_a_photo_upright_with_what_phone_and_camera_say_and_never_the_auditor() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let original = with_camera(&jpeg(1, 800, 400), &CAMERA);
    let blob = scene.upload(&phone, &original).await;
    let audit = scene.declared(&mut phone, &[("A01#photo", &blob, "image/jpeg")]).await;
    let waits = scene.evidence(audit).await;
    assert_eq!(
        (&waits["photos"][0]["picture"], &waits["photos"][0]["flags"]),
        (&json!("pending"), &json!([]))
    );
    assert_eq!(scene.file(audit, &blob, "view").await.outcome(), (409, "picture_pending".to_owned()));
    assert_eq!(scene.office.app.read_photos().unwrap(), 1);
    let seen = scene.evidence(audit).await;
    let told = json!({
        "blob": blob.id, "field": "A01#photo", "item": "A01", "state": "stored", "picture": "ready", "flags": [],
        "size": blob.size, "declared_mime": "image/jpeg", "mime": "image/jpeg", "width": 400, "height": 800,
        "captured_at": "2026-11-21T11:59:50Z", "camera_at": "2026-11-20T10:11:12",
        "camera_where": {"latitude": "4.6000000", "longitude": "-74.0700000"},
    });
    assert_eq!(seen["photos"], json!([told]));
    for secret in [scene.auditor.id.to_string(), scene.auditor.login.clone(), phone.dev().to_string()] {
        assert!(!seen.to_string().contains(&secret), "{secret}");
    }
    let (thumbnail, view) =
        (scene.file(audit, &blob, "thumbnail").await, scene.file(audit, &blob, "view").await);
    assert_eq!((size_of(&thumbnail), size_of(&view)), ((160, 320), (400, 800)));
    for copy in [&thumbnail, &view] {
        assert_eq!(header(copy, "content-type"), "image/jpeg");
        assert!(!copy.body.windows(4).any(|it| it == b"Exif"));
    }
    let whole = scene.file(audit, &blob, "original").await;
    assert_eq!(whole.body, original);
    assert_eq!(header(&whole, "content-type"), "application/octet-stream");
    assert_eq!(header(&whole, "content-disposition"), format!("attachment; filename=\"{}\"", blob.id));
    for file in [&thumbnail, &view, &whole] {
        assert_eq!(header(file, "x-content-type-options"), "nosniff");
        assert_eq!(header(file, "content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(header(file, "cache-control"), "private, max-age=86400, immutable");
    }
    assert_ne!(header(&thumbnail, "etag"), header(&view, "etag"));
}

#[actix_web::test]
async fn a_smaller_copy_that_is_lost_is_made_again() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (audit, blob) = scene.shown(&mut phone, &jpeg(2, 500, 300)).await;
    let before = scene.file(audit, &blob, "thumbnail").await;
    let place = scene.file_of(&blob).with_extension("thumbnail.jpg");
    std::fs::remove_file(&place).unwrap();
    let again = scene.file(audit, &blob, "thumbnail").await;
    assert_eq!((again.status.as_u16(), again.body), (200, before.body));
    assert!(place.exists());
}

async fn what_is_no_photo_is_kept_and_flagged_and_never_read_again(database: Database) {
    let scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let whole = jpeg(3, 300, 200);
    let png = encoded(&picture(3, 60, 40), image::ImageFormat::Png);
    let cases = [
        (bomb(50_000), "refused", json!(["mime_differs", "too_many_pixels"])),
        (whole[..whole.len() / 2].to_vec(), "refused", json!(["truncated"])),
        (
            b"this is not a photo, whatever its name says".to_vec(),
            "refused",
            json!(["mime_differs", "not_an_image"]),
        ),
        (png, "ready", json!(["mime_differs"])),
    ];
    let mut seen = Vec::new();
    for (bytes, picture, flags) in &cases {
        let (audit, blob) = scene.shown(&mut phone, bytes).await;
        let photo = scene.evidence(audit).await["photos"][0].clone();
        assert_eq!(
            (&photo["picture"], &photo["flags"], &photo["state"]),
            (&json!(picture), flags, &json!("stored"))
        );
        let row = scene.row_of(&blob);
        assert_eq!(row.attempts, 1);
        let copy = scene.file(audit, &blob, "view").await;
        let expected = if *picture == "refused" { (409, "picture_refused") } else { (200, "") };
        assert_eq!(copy.outcome(), (expected.0, expected.1.to_owned()));
        assert_eq!(scene.file(audit, &blob, "original").await.body, *bytes);
        seen.push((blob, row));
    }
    assert_eq!(scene.office.app.read_photos().unwrap(), 0);
    for (blob, row) in seen {
        assert_eq!(scene.row_of(&blob), row);
    }
}

#[actix_web::test]
async fn a_photo_that_ended_its_reader_is_not_read_a_fourth_time() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let blob = scene.upload(&phone, &jpeg(4, 60, 40)).await;
    let (org, id) = (scene.office.org, blob.id);
    for _ in 0..3 {
        scene.office.app.db.write(move |tx| db::blobs::begin_reading(tx, org, id)).unwrap();
    }
    assert_eq!(scene.office.app.read_photos().unwrap(), 1);
    let row = scene.row_of(&blob);
    assert_eq!(
        (row.picture, row.reason.as_deref(), row.attempts),
        (Picture::Refused, Some("reader_ended"), 3)
    );
}

async fn the_same_photo_and_one_that_looks_like_it_are_told_with_the_visits_that_show_them(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let (mut phone, mut second) = (scene.phone(1).await, scene.phone(2).await);
    let (first, blob) = scene.shown(&mut phone, &jpeg(5, 640, 480)).await;
    assert_eq!(scene.evidence(first).await["photos"][0]["flags"], json!([]));
    let (again, _) = scene.shown(&mut second, &jpeg(5, 640, 480)).await;
    let (smaller, near) = scene.shown(&mut phone, &jpeg(5, 400, 300)).await;
    let (other, _) = scene.shown(&mut phone, &jpeg(99, 640, 480)).await;
    let seen = scene.evidence(first).await["photos"][0].clone();
    assert_eq!(seen["flags"], json!(["seen_before", "looks_alike"]));
    let twins = seen["twins"].as_array().unwrap();
    assert_eq!(twins.len(), 2, "{twins:?}");
    assert!(twins.contains(&json!({"distance": 0, "visit": again, "blob": blob.id})));
    assert!(twins.iter().any(|it| it["visit"] == json!(smaller) && it["blob"] == json!(near.id)));
    assert_eq!(scene.evidence(other).await["photos"][0]["flags"], json!([]));
}

#[actix_web::test]
async fn twins_beyond_a_reviewer_s_reach_are_only_counted() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (here, _) = scene.shown(&mut phone, &jpeg(6, 640, 480)).await;
    let far = crate::exchange::branch_of(&scene.office, &scene.manager, "B2").await;
    let (elsewhere, _) = scene.shown(&mut phone, &jpeg(6, 640, 480)).await;
    let org = scene.office.org;
    let moved = move |tx: &mut db::Tx<'_>| {
        let mut row = db::audits::find(tx, org, AuditId(elsewhere))?.unwrap();
        row.branch_id = BranchId(far);
        db::audits::upsert(tx, org, &[row])
    };
    scene.office.app.db.write(moved).unwrap();
    let near = Scope::Branch(BranchId(scene.branch));
    let reviewer = scene.office.person_of(org, &[(Role::Reviewer, near)]);
    let get = |audit| scene.office.get(&format!("/api/v1/visits/{audit}/evidence")).by(&reviewer).send();
    let photo = get(here).await.expect_json()["photos"][0].clone();
    assert_eq!((&photo["twins"], &photo["twins_elsewhere"]), (&Value::Null, &json!(1)));
    assert_eq!(photo["flags"], json!(["looks_alike"]));
    assert_eq!(get(elsewhere).await.outcome(), (404, "not_found".to_owned()));
}

#[actix_web::test]
async fn evidence_is_for_reviewers_of_the_organization_and_of_this_visit_only() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (audit, blob) = scene.shown(&mut phone, &jpeg(7, 60, 40)).await;
    let (unrelated, _) = scene.shown(&mut phone, &jpeg(8, 60, 40)).await;
    let elsewhere = scene.office.other_organization("other");
    let stranger = scene.office.person_of(elsewhere, &[(Role::Reviewer, Scope::Organization)]);
    let paths = ["", "/thumbnail", "/view", "/original"];
    for path in paths {
        let path = if path.is_empty() { String::new() } else { format!("/{}{path}", blob.id) };
        let address = format!("/api/v1/visits/{audit}/evidence{path}");
        let answer = scene.office.get(&address).by(&stranger).send().await;
        assert_eq!(answer.outcome(), (404, "not_found".to_owned()), "{path}");
        for role in
            [Role::BranchManager, Role::Analyst, Role::HrAnalyst, Role::Auditor, Role::ProgrammeManager]
        {
            let answer = scene.office.get(&address).by(&scene.office.person(role)).send().await;
            assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{role} {path}");
        }
    }
    for file in ["thumbnail", "view", "original"] {
        assert_eq!(scene.file(unrelated, &blob, file).await.status.as_u16(), 404);
        let nothing = BlobRef { id: Hash([1; 32]), size: 1 };
        assert_eq!(scene.file(audit, &nothing, file).await.status.as_u16(), 404);
    }
}

#[actix_web::test]
async fn a_reviewer_reads_where_a_photo_comes_from_and_what_it_was_scaled_down_from() {
    use sync_core::payload::{self, AttachValue, Gps, Original, PhotoSource};
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (audit, blob, original) = (scene.new_audit(), blob_of(b"small"), Hash::of(b"as the camera gave it"));
    phone.create(audit, &scene.pin());
    let gps = Gps {
        lat_e7: 46_097_100,
        lon_e7: -740_817_500,
        accuracy_mm: Some(12_500),
        mocked: None,
        at_ms: Some(1_795_262_386_000),
    };
    let value = AttachValue {
        blob: blob.id,
        size: blob.size,
        mime: "image/jpeg".to_owned(),
        captured_at_ms: Some(1_795_262_390_000),
        gps: Some(gps),
        source: Some(PhotoSource::Camera),
        original: Some(Original { hash: original, size: 4_000_000 }),
    };
    let value = Some(payload::to_value(&value).unwrap());
    phone.write(sync_core::Kind::Attach, audit, 1, "A01#photo", value);
    phone.attach(audit, "A02#photo", &blob_of(b"other"), "image/jpeg");
    let request = phone.push();
    scene.done(&phone, &request).await;
    let seen = scene.evidence(audit).await;
    let (told, untold) = (&seen["photos"][0], &seen["photos"][1]);
    assert_eq!(told["source"], "camera");
    assert_eq!(told["original"], json!({"hash": original, "size": 4_000_000}));
    let place = json!({"latitude": "4.6097100", "longitude": "-74.0817500", "accuracy": "12.500", "at": "2026-11-21T11:59:46Z"});
    assert_eq!(told["captured_where"], place);
    assert_eq!((untold.get("source"), untold.get("original")), (None, None));
}

#[actix_web::test]
async fn the_original_of_a_photo_is_read_by_its_hash_and_goes_with_the_photo_when_that_is_redacted() {
    use sync_core::payload::{self, AttachValue, Original};
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let small = scene.upload(&phone, &server::testing::photos::jpeg(3, 300, 200)).await;
    let whole = scene.upload(&phone, &server::testing::photos::jpeg(3, 900, 600)).await;
    let audit = scene.new_audit();
    phone.create(audit, &scene.pin());
    phone.set(audit, 1, "A01", "yes");
    phone.set(audit, 1, "A02", "no");
    let value = AttachValue {
        blob: small.id,
        size: small.size,
        mime: "image/jpeg".to_owned(),
        captured_at_ms: None,
        gps: None,
        source: None,
        original: Some(Original { hash: whole.id, size: whole.size }),
    };
    let value = Some(payload::to_value(&value).unwrap());
    phone.write(sync_core::Kind::Attach, audit, 1, "A01#photo", value);
    phone.submit(audit, 1);
    let request = phone.push();
    scene.done(&phone, &request).await;
    scene.office.app.read_photos().unwrap();
    assert_eq!(scene.file(audit, &whole, "original").await.status.as_u16(), 200);
    // It is no photo of another, though it shows the same.
    let twins = &scene.evidence(audit).await["photos"][0]["twins"];
    assert!(twins.as_array().is_none_or(Vec::is_empty), "{twins}");
    let order = json!({"fields": ["A01#photo"], "reason": "a face"});
    scene.review(audit, "redact", order).await.expect_json();
    for blob in [&small, &whole] {
        assert_eq!(scene.file(audit, blob, "original").await.outcome(), (410, "redacted".to_owned()));
        assert!(!scene.file_of(blob).exists());
    }
}
