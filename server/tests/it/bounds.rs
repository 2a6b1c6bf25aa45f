//! What one small request may cost the server: streams, relayed runs and the bytes of an answer are bounded.

use crate::exchange::{Phone, Scene};
use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
};
use sync_core::{
    AuditOps, Bytes, Hash, Kind, SealedSegment,
    codec::{self, Nested},
    exchange::{
        Body, MAX_PULL_BYTES, MAX_PUSHED_OPS, MAX_PUSHED_SEGMENTS, MAX_RELAYED_RUNS, Page, Pull, RefusalCode,
        Request, Run, StreamId,
    },
    sealed::Effort,
};

fn pull(stream: StreamId, from: Option<&Page>) -> Pull {
    let (after, f) = from.map_or((0, Hash::ZERO), |it| (it.next, it.f));
    Pull { stream, after, f, limit_bytes: u64::MAX, marks: Vec::new() }
}

async fn refusal(scene: &Scene, phone: &Phone, request: &Request) -> (u16, RefusalCode, String) {
    let (status, refusal) = scene.refused(&phone.enrolment.token, request).await;
    (status, refusal.code, refusal.reason)
}

/// A visit with notes of more bytes than one page may have, one feed entry each.
/// Notes of 30 kB each: more than an answer takes.
const NOTES: usize = 170;

async fn a_long_stream(scene: &Scene) {
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    for _ in 0..NOTES {
        phone.write(Kind::Note, audit, 1, "", Some(Bytes::from("n".repeat(30_000).as_str())));
        let request = phone.push();
        scene.done(&phone, &request).await;
    }
}

#[actix_web::test]
async fn a_request_that_reads_a_stream_twice_or_more_streams_than_a_device_has_is_refused() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (user, reference) = (StreamId::User(scene.auditor.id.0), StreamId::Reference(scene.office.org.0));
    phone.fill_in(scene.new_audit(), &scene.pin());
    let push = phone.push();
    let before = scene.stored();
    let asking = |streams: &[StreamId]| Request {
        pull: streams.iter().map(|it| pull(*it, None)).collect(),
        ..push.clone()
    };
    for (streams, reason) in [
        (vec![user; 20_000], "too_many_streams"),
        (vec![user, reference, StreamId::User(scene.new_audit())], "too_many_streams"),
        (vec![user, user], "repeated_stream"),
        (vec![reference, reference], "repeated_stream"),
    ] {
        let told = refusal(&scene, &phone, &asking(&streams)).await;
        assert_eq!(told, (422, RefusalCode::Invalid, reason.to_owned()));
    }
    assert_eq!(scene.stored(), before);
    assert_eq!(scene.done(&phone, &asking(&[user, reference])).await.pull.len(), 2);
}

#[actix_web::test]
async fn a_push_of_more_segments_or_ops_than_a_session_sends_is_refused_also_if_all_are_there_already() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let push = phone.push();
    scene.done(&phone, &push).await;
    let before = scene.stored();
    let again = |times: usize| Request { push: vec![push.push[0].clone(); times], ..push.clone() };
    let told = refusal(&scene, &phone, &again(MAX_PUSHED_SEGMENTS + 1)).await;
    assert_eq!(told, (413, RefusalCode::TooLarge, "too_many_pushed".to_owned()));
    let mut huge = push.clone();
    let mut opened = huge.push[0].open().unwrap();
    opened.ops.ops = vec![opened.ops.ops[0].clone(); MAX_PUSHED_OPS + 1];
    huge.push[0] = SealedSegment::of(&opened, Effort::Quick).unwrap();
    let told = refusal(&scene, &phone, &huge).await;
    assert_eq!(told, (413, RefusalCode::TooLarge, "too_many_pushed".to_owned()));
    scene.done(&phone, &again(MAX_PUSHED_SEGMENTS)).await;
    assert_eq!(scene.stored(), before);
}

#[actix_web::test]
async fn a_device_that_finds_every_place_taken_is_told_to_come_later_and_loses_nothing() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let (push, before) = (phone.push(), scene.stored());
    let taken = scene.office.take_every_place();
    let told = refusal(&scene, &phone, &push).await;
    assert_eq!(told, (503, RefusalCode::Unavailable, "too_many_exchanges".to_owned()));
    assert_eq!(scene.stored(), before);
    drop(taken);
    scene.done(&phone, &push).await;
    assert_ne!(scene.stored(), before);
}

#[actix_web::test]
async fn sixteen_exchanges_are_worked_on_at_once_and_the_next_waits_for_its_turn() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let fifteen = scene.office.take_turns(15);
    phone.fill_in(scene.new_audit(), &scene.pin());
    let push = phone.push();
    scene.done(&phone, &push).await;
    drop(fifteen);
    phone.ops = AuditOps::new();
    phone.fill_in(scene.new_audit(), &scene.pin());
    let (push, before) = (phone.push(), scene.stored());
    let sixteen = scene.office.take_turns(16);
    let mut waiting = pin!(scene.done(&phone, &push));
    // Everything else is answered meanwhile.
    for _ in 0..30 {
        let is_ready = poll_fn(|it| Poll::Ready(waiting.as_mut().poll(it).is_ready())).await;
        assert!(!is_ready, "nobody gave a turn back");
        scene.office.get("/api/v1/visits").by(&scene.reviewer).send().await.expect_json();
    }
    assert_eq!(scene.stored(), before);
    drop(sixteen);
    assert_eq!(waiting.await.dev_head, phone.head);
    assert_ne!(scene.stored(), before);
}

#[actix_web::test]
async fn all_pages_of_an_answer_together_have_a_bound_and_no_stream_waits_for_another() {
    let scene = Scene::open().await;
    a_long_stream(&scene).await;
    let reader = scene.phone(2).await;
    let streams = [StreamId::User(scene.auditor.id.0), StreamId::Reference(scene.office.org.0)];
    let mut held: [Option<Page>; 2] = [None, None];
    let mut counts = Vec::new();
    loop {
        let asked = [0, 1].map(|it| pull(streams[it], held[it].as_ref()));
        let request = Request { pull: asked.to_vec(), ..reader.request(Vec::new()) };
        let response = scene.done(&reader, &request).await;
        let size = |it: &Page| u64::try_from(codec::to_cbor(&it.items).unwrap().len()).unwrap();
        let largest = 200_000;
        assert!(response.pull.iter().map(size).sum::<u64>() < MAX_PULL_BYTES + 2 * largest);
        counts.push([0, 1].map(|it| response.pull[it].items.len()));
        let more = response.pull.iter().any(|it| it.more);
        held = response.pull.into_iter().map(Some).collect::<Vec<_>>().try_into().unwrap();
        if !more {
            break;
        }
    }
    // The first answer is full of the one stream, and still brings the other on.
    assert!(counts[0][0] > 20 && counts[0][1] == 1, "{counts:?}");
    let whole: usize = counts.iter().map(|it| it[0]).sum();
    assert_eq!(whole, NOTES);
    let org = scene.office.org;
    let rows = scene.office.app.db.read(|tx| db::feed::list(tx, org, streams[1], 0, 500)).unwrap().items;
    assert_eq!(counts.iter().map(|it| it[1]).sum::<usize>(), rows.len());
}

#[actix_web::test]
async fn a_request_that_relays_more_runs_or_ops_than_an_answer_is_worth_is_refused() {
    let scene = Scene::open().await;
    let (mut phone, mut sibling) = (scene.phone(1).await, scene.phone(2).await);
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    sibling.ops = AuditOps::new();
    let page = sibling.read(&scene).await;
    let run = page.items.into_iter().find_map(|it| match it.body {
        Nested::Known(Body::Ops(run)) => Some(run),
        _ => None,
    });
    let run = run.unwrap();
    let relaying = |runs: Vec<Run>| Request { relay: runs, ..sibling.request(Vec::new()) };
    let expected = (422, RefusalCode::Invalid, "too_many_relayed".to_owned());
    let many = vec![Run { proof: None, ..run.clone() }; MAX_RELAYED_RUNS + 1];
    assert_eq!(refusal(&scene, &sibling, &relaying(many)).await, expected);
    let mut long = Run { proof: None, ..run.clone() };
    while sync_core::exchange::may_relay([&long]) {
        let ops = long.ops.ops.clone();
        long.ops.ops.extend(ops);
    }
    assert_eq!(refusal(&scene, &sibling, &relaying(vec![long])).await, expected);
    scene.done(&sibling, &relaying(vec![run; 3])).await;
}
