//! A push of several segments: the log, the stream and the visits stand as if each had come alone.

use crate::{
    exchange::{Phone, Scene},
    pages,
};
use sync_core::{Op, Segment, exchange::StreamId, fold::Arrival};
use uuid::Uuid;

/// What was not sent, in segments of so many ops; counts as sent.
fn in_segments(phone: &mut Phone, length: usize) -> Vec<Segment> {
    let ops: Vec<Op> = std::mem::take(&mut phone.unsent);
    let segments = ops.chunks(length).map(|part| {
        let (segment, last) = phone.segment(phone.head, part);
        phone.head = last;
        segment
    });
    segments.collect()
}

#[actix_web::test]
async fn segments_that_come_together_stand_in_log_and_stream_one_behind_the_other() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let audits = [scene.new_audit(), scene.new_audit(), scene.new_audit()];
    for audit in audits {
        phone.ops = sync_core::AuditOps::new();
        phone.fill_in(audit, &scene.pin());
    }
    // Twelve ops: every visit but the first begins in one segment and ends in another.
    let segments = in_segments(&mut phone, 5);
    let push = phone.request(segments);
    let response = scene.done(&phone, &push).await;
    assert_eq!((response.dev_head, response.outcomes), (phone.head, Vec::new()));
    let (org, dev, stream) = (scene.office.org, phone.dev(), StreamId::User(scene.auditor.id.0));
    let read = |tx: &mut db::Tx<'_>| -> Result<_, db::DbError> {
        let log = db::devices::list_segments(tx, org, dev, 0, 10)?.items;
        Ok((log, db::feed::list(tx, org, stream, 0, 10)?.items))
    };
    let (log, feed) = scene.office.app.db.read(read).unwrap();
    let log: Vec<_> = log.iter().map(|it| (it.first_dseq, it.last_dseq, it.sseq)).collect();
    let runs = feed.iter().filter(|it| it.dev == Some(dev));
    let told: Vec<_> = runs.map(|it| (it.dseq_first.unwrap(), it.dseq_last.unwrap(), it.sseq_last)).collect();
    assert_eq!(log, told);
    let ends: Vec<_> = log.iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(ends, [(1, 5), (6, 10), (11, 12)]);
    assert!(log.windows(2).all(|it| it[1].2 - it[0].2 == it[1].1 - it[0].1));
    for audit in audits {
        assert_eq!(scene.visit(audit).await["state"], "submitted");
    }
    // Another phone of the same person reads each as it was signed.
    let mut second = scene.phone(2).await;
    let page = second.read(&scene).await;
    let (mut news, mut positions) = (sync_core::AuditOps::new(), Vec::new());
    for run in pages::runs(&page) {
        assert!(run.verify(&phone.enrolment.org).is_ok());
        for op in run.ops.unpack(run.dseq_first).unwrap() {
            positions.push(op.dseq);
            news.insert(run.dev, op, Arrival::LOCAL);
        }
    }
    assert_eq!(positions, (1..=12).collect::<Vec<u64>>());
}

#[actix_web::test]
async fn a_visit_that_is_set_aside_is_set_aside_whole_though_it_came_in_parts() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let (good, bad) = (scene.new_audit(), scene.new_audit());
    let nowhere = sync_core::payload::CreateValue { branch: Uuid::from_u128(404), ..scene.pin() };
    phone.fill_in(bad, &nowhere);
    phone.ops = sync_core::AuditOps::new();
    phone.fill_in(good, &scene.pin());
    let segments = in_segments(&mut phone, 2);
    let push = phone.request(segments);
    let response = scene.done(&phone, &push).await;
    let told: Vec<_> = response.outcomes.iter().map(|it| (it.dseq, it.reason.as_str())).collect();
    assert_eq!(told, [1, 2, 3, 4].map(|dseq| (dseq, "unknown_branch")));
    let aside: Vec<_> = scene.quarantine().into_iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(aside, [1, 2, 3, 4].map(|dseq| (dseq, bad)));
    assert_eq!(scene.visit(good).await["state"], "submitted");
}
