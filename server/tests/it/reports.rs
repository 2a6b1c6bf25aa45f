//! What devices say of themselves, as an administrator reads it.

use crate::exchange::{Phone, Scene};
use domain::access::Role;
use serde_json::{Value, json};
use sync_core::{
    Hash, Head,
    exchange::{ClockReading, Hello, Pending, Request, StreamId},
};

impl Scene {
    /// What is shown of a device.
    async fn report(&self, phone: &Phone) -> Value {
        let listed = self.office.get("/api/v1/devices").by(&self.admin).send().await.expect_json();
        let mut devices = listed["items"].as_array().unwrap().iter();
        devices.find(|it| it["dev"] == phone.dev().to_string()).unwrap()["report"].clone()
    }
}

/// A phone whose clock is half a minute behind, with so much that it did not send.
fn hello(scene: &Scene, ends: u64, blobs: u64) -> Hello {
    let wall_ms = scene.office.clock.millis().cast_unsigned() - 30_000;
    Hello {
        head: Head { dseq: ends, h: Hash::ZERO },
        clock: ClockReading { wall_ms, ..ClockReading::default() },
        pending: Pending { ops: ends, blobs, bytes: blobs * 1_000 },
        ..Hello::default()
    }
}

#[actix_web::test]
async fn of_a_phone_that_goes_silent_is_shown_what_it_had_not_sent() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    assert_eq!(scene.report(&phone).await, Value::Null);
    phone.fill_in(scene.new_audit(), &scene.pin());
    let sent = u64::try_from(phone.unsent.len()).unwrap();
    let push = phone.push();
    scene.done(&phone, &Request { hello: hello(&scene, sent + 7, 2), ..push }).await;
    let shown = json!({
        "seen_at": "2026-11-21T12:00:00Z", "clock_ahead_seconds": -30,
        "pending_ops": 7, "pending_blobs": 2, "pending_bytes": 2_000, "over_quota_at": null,
    });
    assert_eq!(scene.report(&phone).await, shown);
    // One that only reads is noted when it has something new to say, or was not seen for a while.
    let stream = StreamId::User(phone.enrolment.user);
    let reads = |hello| Request { hello, ..phone.pull(stream) };
    scene.office.clock.advance_seconds(600);
    scene.done(&phone, &reads(hello(&scene, sent + 7, 2))).await;
    assert_eq!(scene.report(&phone).await, shown);
    scene.done(&phone, &reads(hello(&scene, sent + 7, 1))).await;
    let later = scene.report(&phone).await;
    assert_eq!((&later["seen_at"], &later["pending_blobs"]), (&json!("2026-11-21T12:10:00Z"), &json!(1)));
    scene.office.clock.advance_seconds(900);
    scene.done(&phone, &reads(hello(&scene, sent + 7, 1))).await;
    assert_eq!(scene.report(&phone).await["seen_at"], "2026-11-21T12:25:00Z");
    // Nobody else is told: an auditor sees the own devices, a colleague none of them.
    let mine = format!("/api/v1/devices?user={}", scene.auditor.id.0);
    let own = scene.office.get(&mine).by(&scene.auditor).send().await.expect_json();
    assert_eq!(own["items"][0]["report"]["pending_ops"], 7);
    let colleague = scene.office.person(Role::Auditor);
    assert_eq!(scene.office.get(&mine).by(&colleague).send().await.status, 403);
}

#[actix_web::test]
async fn a_phone_that_sends_more_than_its_day_is_flagged_and_all_of_it_is_taken() {
    let mut scene = Scene::open().await;
    scene.office = scene.office.with(|config| config.phone_day_ops = 5).await;
    let mut phone = scene.phone(1).await;
    let mut tool = Phone::enrol_as(&scene.office, &scene.admin, &scene.auditor, (2, "import")).await;
    let over = |report: Value| report["over_quota_at"].clone();
    let audit = scene.new_audit();
    phone.create(audit, &scene.pin());
    for answers in [["yes", "no", "yes"], ["no", "yes", "no"]] {
        assert_eq!(over(scene.report(&phone).await), Value::Null);
        for answer in answers {
            phone.set(audit, 1, "A01", answer);
        }
        assert!(scene.pushed(&mut phone).await.is_empty());
    }
    assert_eq!(over(scene.report(&phone).await), "2026-11-21T12:00:00Z");
    // The next day counts from nothing; that it once was over stays.
    scene.office.clock.advance_seconds(86_400);
    scene.admin = scene.office.person(Role::Admin);
    for answer in ["yes", "no"] {
        phone.set(audit, 1, "A01", answer);
        assert!(scene.pushed(&mut phone).await.is_empty());
    }
    assert_eq!(over(scene.report(&phone).await), "2026-11-21T12:00:00Z");
    let head = phone.head;
    assert_eq!(scene.done(&phone, &phone.request(Vec::new())).await.dev_head, head);
    // A tool brings in what others recorded.
    let audit = scene.new_audit();
    tool.create(audit, &scene.pin());
    for _ in 0..8 {
        tool.set(audit, 1, "A01", "yes");
    }
    assert!(scene.pushed(&mut tool).await.is_empty());
    assert_eq!(over(scene.report(&tool).await), Value::Null);
}

#[actix_web::test]
async fn numbers_that_no_phone_has_are_noted_as_the_largest_there_are() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let most = u64::MAX;
    let hello = Hello {
        head: Head { dseq: most, h: Hash::ZERO },
        clock: ClockReading { wall_ms: most, mono_ms: Some(most), boot: None },
        pending: Pending { ops: most, blobs: most, bytes: most },
        ..Hello::default()
    };
    let push = phone.push();
    scene.done(&phone, &Request { hello, ..push }).await;
    let shown = scene.report(&phone).await;
    assert_eq!((&shown["pending_ops"], &shown["pending_bytes"]), (&json!(most >> 1), &json!(most >> 1)));
    assert!(shown["clock_ahead_seconds"].as_i64().unwrap() > 1 << 40);
}
