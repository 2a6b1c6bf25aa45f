//! What a phone brings back of others when it is more than one request takes.

use sync_core::{
    OpId,
    exchange::{Refusal, RefusalCode, Reply},
    payload::ReasonValue,
};

use super::*;

/// A server that takes requests up to a size, as one behind a proxy does.
struct Narrow<'a> {
    server: &'a mut Server,
    most_bytes: usize,
    refused: usize,
}

impl Transport for Narrow<'_> {
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        if request.len() > self.most_bytes {
            self.refused += 1;
            let refusal = Refusal::new(RefusalCode::TooLarge, "body_too_large");
            return Ok(codec::to_cbor(&Reply::Refused(refusal)).unwrap());
        }
        let reply = self.server.exchange(&codec::from_cbor(request).unwrap());
        Ok(codec::to_cbor(&reply).unwrap())
    }
}

#[test]
fn a_phone_with_nothing_but_words_of_the_office_sends_fewer_where_they_are_too_many() {
    const WORDS: usize = 60;
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.sync(&mut server);
    let copy = server.clone();
    for round in 2..WORDS + 2 {
        let reasons = vec!["x".repeat(4_000)];
        let value = ReturnValue { submit: None, items: vec![], reasons, due_ms: None };
        let round = u32::try_from(round).unwrap();
        server.command(USER, server_op(Kind::Return, audit, round, payload::to_value(&value).ok()));
    }
    phone.sync(&mut server);
    server.restore(&copy, true);
    let device = phone.device.as_mut().unwrap();
    assert_eq!(device.status().unwrap().pending_ops, 0);
    let mut wire = Narrow { server: &mut server, most_bytes: 100_000, refused: 0 };
    let outcome = Sync::new(device).unwrap().run(device, &mut wire, clock(), 1).unwrap();
    assert!(wire.refused > 0 && matches!(outcome, Finish::Done { .. }), "{outcome:?}");
    assert_eq!(server.audits[&audit].view().lifecycle.len(), WORDS);
}

#[test]
fn redacted_answers_are_sent_with_the_words_that_redacted_them_though_one_request_does_not_hold_those() {
    let many = sync_core::exchange::MAX_RELAYED_RUNS + 1;
    let (mut server, hash) = world();
    server.page_items = many;
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let copy = server.clone();
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let answer = |it: usize| format!("\"it was number {it}\"");
    let typed = phone.device().batch(|batch| {
        (0..many).map(|it| batch.answer(audit, "A03", &answer(it), NOW)).collect::<Result<Vec<_>, _>>()
    });
    let said: Vec<OpId> = typed.unwrap().into_iter().flatten().collect();
    assert_eq!(said.len(), many);
    phone.sync(&mut server);
    said.iter().for_each(|it| server.redact(audit, "A03", vec![*it]));
    phone.sync(&mut server);
    server.restore(&copy, false);
    phone.sync(&mut server);
    let held = &server.audits[&audit];
    let redacted = held.iter().filter(|it| it.1.op.is_redacted()).count();
    assert_eq!((redacted, phone.device().status().unwrap().pending_ops), (many, 0));
}

/// One run with a reason that no request takes, and after it a small one.
#[test]
fn what_of_others_is_too_large_for_a_proxy_keeps_nothing_else_from_the_office() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audits = [1, 2].map(|it| phone.device().start(&ad_hoc(it, hash), NOW).unwrap());
    phone.sync(&mut server);
    let copy = server.clone();
    let reasons = [vec!["x".repeat(30_000)], vec!["short".to_owned()]];
    for (audit, reasons) in audits.into_iter().zip(reasons) {
        let value = ReturnValue { submit: None, items: vec![], reasons, due_ms: None };
        server.command(USER, server_op(Kind::Return, audit, 2, payload::to_value(&value).ok()));
    }
    phone.sync(&mut server);
    server.restore(&copy, true);
    let device = phone.device.as_mut().unwrap();
    let typed = device.batch(|it| it.note(audits[0], "", "a remark", NOW + 1)).is_ok();
    let mut wire = Narrow { server: &mut server, most_bytes: 20_000, refused: 0 };
    let outcome = Sync::new(device).unwrap().run(device, &mut wire, clock(), 1).unwrap();
    assert!(typed && wire.refused > 0 && matches!(outcome, Finish::Done { .. }), "{outcome:?}");
    assert_eq!(device.status().unwrap().pending_ops, 0);
    let returned = audits.map(|it| server.audits[&it].view().lifecycle.len());
    assert_eq!(returned, [0, 1]);
    // Over a wider way it is brought too.
    phone.sync(&mut server);
    assert_eq!(server.audits[&audits[0]].view().lifecycle.len(), 1);
}

#[test]
fn a_redacted_answer_arrives_without_its_word_where_that_is_too_large_and_the_office_knows_of_it() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.sync(&mut server);
    let copy = server.clone();
    let said = vec![phone.device().answer(audit, "A03", "\"it was Ana\"", NOW).unwrap().unwrap()];
    phone.sync(&mut server);
    let value = payload::to_value(&ReasonValue { reason: "x".repeat(30_000) }).ok();
    let word = server_op(Kind::Redact, audit, 1, value);
    server.command(USER, Op { field: "A03".into(), base: said.clone(), ..word });
    phone.sync(&mut server);
    server.restore(&copy, true);
    // A person said it again, before the phone came.
    server.redact(audit, "A03", said.clone());
    let device = phone.device.as_mut().unwrap();
    let mut wire = Narrow { server: &mut server, most_bytes: 20_000, refused: 0 };
    let outcome = Sync::new(device).unwrap().run(device, &mut wire, clock(), 1).unwrap();
    assert!(wire.refused > 0 && matches!(outcome, Finish::Done { .. }), "{outcome:?}");
    assert_eq!(device.status().unwrap().pending_ops, 0);
    assert!(said.iter().all(|it| server.audits[&audit].get(it).is_some_and(|held| held.op.is_redacted())));
}

#[test]
fn words_that_are_too_many_for_a_proxy_together_go_in_several_requests() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.sync(&mut server);
    let copy = server.clone();
    // Nothing of it is redacted, and it goes before what is.
    phone.device().answer(audit, "A02", "4", NOW).unwrap();
    let said = [1, 2, 3].map(|it| {
        phone.device().answer(audit, "A03", &format!("\"it was Ana {it}\""), NOW + it).unwrap().unwrap()
    });
    phone.sync(&mut server);
    for (at, it) in said.iter().enumerate() {
        let value = payload::to_value(&ReasonValue { reason: "x".repeat(30_000 + at) }).ok();
        let word = server_op(Kind::Redact, audit, 1, value);
        server.command(USER, Op { field: "A03".into(), base: vec![*it], ..word });
    }
    phone.sync(&mut server);
    server.restore(&copy, true);
    let device = phone.device.as_mut().unwrap();
    let mut last = None;
    for _ in 0..3 {
        let mut wire = Narrow { server: &mut server, most_bytes: 80_000, refused: 0 };
        last = Some(Sync::new(device).unwrap().run(device, &mut wire, clock(), 1).unwrap());
    }
    assert_eq!(device.status().unwrap().pending_ops, 0, "{last:?}");
}
