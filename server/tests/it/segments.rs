//! How a log is cut into segments does not matter: only its ops do, and that its device may speak.

use crate::databases::Database;
use crate::exchange::{Phone, Scene, outcomes};
use sync_core::{Head, Op, SealedSegment, Segment, codec};

crate::on_both![the_same_push_many_times_at_once_is_stored_once,];

/// A cut: the positions of the first and last op of each segment of a push, counted from zero.
type Cut = Vec<(usize, usize)>;

/// Every way to send `ops` ops in one push of at most `most` segments, each beginning at or before the end of those sent
/// before it.
fn cuts(ops: usize, most: usize) -> Vec<Cut> {
    let mut open: Vec<Cut> = vec![Vec::new()];
    let mut whole = Vec::new();
    for _ in 0..most {
        let mut longer = Vec::new();
        for cut in &open {
            let sent = cut.iter().map(|it| it.1 + 1).max().unwrap_or(0);
            for first in 0..=sent.min(ops - 1) {
                longer.extend((first..ops).map(|last| [cut.as_slice(), &[(first, last)]].concat()));
            }
        }
        whole.extend(longer.iter().filter(|cut| cut.iter().any(|it| it.1 == ops - 1)).cloned());
        open = longer;
    }
    whole
}

fn segments(phone: &Phone, ops: &[Op], cut: &Cut) -> (Vec<Segment>, Head) {
    let heads: Vec<Head> = (0..=ops.len())
        .map(|it| if it == 0 { phone.head } else { phone.segment(phone.head, &ops[..it]).1 })
        .collect();
    let pushed =
        cut.iter().map(|(first, last)| phone.segment(heads[*first], &ops[*first..=*last]).0).collect();
    (pushed, *heads.last().unwrap())
}

#[actix_web::test]
async fn any_way_to_cut_a_log_into_overlapping_segments_stores_it_once() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    let cuts = cuts(4, 3);
    assert!(cuts.contains(&vec![(0, 2), (1, 3)]) && cuts.contains(&vec![(0, 1), (1, 2), (0, 3)]));
    for cut in cuts {
        let audit = scene.new_audit();
        phone.ops = sync_core::AuditOps::new();
        phone.fill_in(audit, &scene.pin());
        let ops = std::mem::take(&mut phone.unsent);
        let (pushed, last) = segments(&phone, &ops, &cut);
        let response = scene.done(&phone, &phone.request(pushed)).await;
        assert_eq!((response.dev_head, outcomes(&response)), (last, vec![]), "{cut:?}");
        assert_eq!(scene.visit(audit).await["state"], "submitted", "{cut:?}");
        phone.head = last;
    }
    let (org, dev) = (scene.office.org, phone.dev());
    let (mut after, mut next) = (0, 1);
    loop {
        let page =
            scene.office.app.db.read(|tx| db::devices::list_segments(tx, org, dev, after, 1_000)).unwrap();
        for row in &page.items {
            assert_eq!(row.first_dseq, next);
            next = row.last_dseq + 1;
        }
        let Some(more) = page.next else { break };
        after = more;
    }
    assert_eq!(next, phone.head.dseq + 1);
}

#[actix_web::test]
async fn a_segment_that_contradicts_one_of_the_same_push_is_a_fork_and_stores_nothing() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let ops = std::mem::take(&mut phone.unsent);
    let (mut pushed, _) = segments(&phone, &ops, &vec![(0, 2)]);
    let mut other = ops.clone();
    other[1].hlc += 1;
    other[2].hlc += 2;
    other[3].hlc += 3;
    pushed.extend(segments(&phone, &other, &vec![(1, 3)]).0);
    let (status, refusal) = scene.refused(&phone.enrolment.token, &phone.request(pushed)).await;
    assert_eq!((status, refusal.reason.as_str()), (409, "fork"));
    let head = scene.done(&phone, &phone.request(Vec::new())).await.dev_head;
    assert_eq!(head, Head::EMPTY);
}

#[actix_web::test]
async fn a_device_that_was_taken_out_is_refused_even_with_a_session() {
    let scene = Scene::open().await;
    let phone = scene.phone(1).await;
    let (org, dev, now) = (scene.office.org, phone.dev(), scene.office.app.now());
    scene.office.app.db.write(move |tx| db::devices::revoke(tx, org, dev, now)).unwrap();
    let (status, refusal) = scene.refused(&phone.enrolment.token, &phone.request(Vec::new())).await;
    assert_eq!((status, refusal.reason.as_str()), (401, "device_revoked"));
}

async fn the_same_push_many_times_at_once_is_stored_once(database: Database) {
    let scene = Scene::over(database).await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let request = phone.push();
    let send = || scene.done(&phone, &request);
    let (one, two, three, four) = tokio::join!(send(), send(), send(), send());
    for response in [one, two, three, four] {
        assert_eq!(response.dev_head, phone.head);
    }
    let (org, dev) = (scene.office.org, phone.dev());
    let rows = scene.office.app.db.read(|tx| db::devices::list_segments(tx, org, dev, 0, 10)).unwrap().items;
    assert_eq!(rows.len(), 1);
}

#[actix_web::test]
async fn a_log_that_was_marked_as_forked_stays_marked() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    let (org, dev) = (scene.office.org, phone.dev());
    let head = move |tx: &mut db::Tx<'_>| db::devices::find_head(tx, org, dev);
    let mut stored = scene.office.app.db.read(head).unwrap().unwrap();
    stored.forked = true;
    scene.office.app.db.write(move |tx| db::devices::set_head(tx, org, dev, &stored)).unwrap();
    phone.set(audit, 1, "A01", "yes");
    let request = phone.push();
    scene.done(&phone, &request).await;
    assert!(scene.office.app.db.read(head).unwrap().unwrap().forked);
}

#[actix_web::test]
async fn what_a_browser_did_not_compress_the_office_compresses_before_it_is_kept() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    let segment = phone.take();
    let plain = SealedSegment::uncompressed(&segment).unwrap();
    let mut request = phone.request(Vec::new());
    request.push = vec![plain.clone()];
    let response = scene.done(&phone, &request).await;
    assert_eq!((response.dev_head, outcomes(&response)), (phone.head, vec![]));
    assert_eq!(scene.visit(audit).await["state"], "submitted");
    let (org, dev) = (scene.office.org, phone.dev());
    let kept = scene.office.app.db.read(|tx| db::devices::list_segments(tx, org, dev, 0, 10)).unwrap();
    let kept: SealedSegment = codec::from_cbor(&kept.items[0].bytes).unwrap();
    assert_eq!(kept.open().unwrap(), segment);
    assert!(kept.ops.len() < plain.ops.len(), "{} of {}", kept.ops.len(), plain.ops.len());
}
