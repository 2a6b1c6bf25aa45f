//! What the office takes out of a visit goes from every phone, from every byte of its file, and the phone goes on.

use sync_core::{OpId, Seed, chain::Blinds, content::obstacles_to_approval, payload::ReasonValue};

use super::*;

const NAME: &str = "Ximena Quetzalcoatl-Ibarguengoitia";

impl Server {
    pub(super) fn redact(&mut self, audit: Uuid, field: &str, base: Vec<OpId>) {
        let value = payload::to_value(&ReasonValue { reason: "asked for".into() }).ok();
        self.command(USER, Op { field: field.into(), base, ..server_op(Kind::Redact, audit, 1, value) });
    }
}

/// A phone with a visit that names somebody, twice; gives the ops that do.
fn named(server: &mut Server, hash: Hash) -> (Phone, Uuid, Vec<OpId>) {
    let mut phone = Phone::new(1, server);
    phone.sync(server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(phone.device(), audit);
    let mut said = Vec::new();
    for text in [format!("\"it was {NAME}\""), format!("\"it was {NAME}, I think\"")] {
        said.push(phone.device().answer(audit, "A03", &text, NOW).unwrap().unwrap());
    }
    (phone, audit, said)
}

#[track_caller]
fn assert_gone(phone: &Phone, audit: Uuid, said: &[OpId]) {
    let seed = Seed::derive(&[1; 32], &audit).unwrap();
    let blinds = Blinds::of_seed(&seed).unwrap();
    let mut parts = vec![NAME.as_bytes().to_vec(), seed.0.to_vec()];
    parts.extend(said.iter().map(|it| blinds.blind(it.dseq, Kind::Set, "A03").0.to_vec()));
    for file in ["device.db", "device.db-wal"] {
        let bytes = std::fs::read(phone.dir.path().join(file)).unwrap_or_default();
        for (number, part) in parts.iter().enumerate() {
            assert!(!bytes.windows(part.len()).any(|it| it == part), "part {number} stands in {file}");
        }
    }
}

#[track_caller]
fn assert_rebuilds(phone: &mut Phone) -> Hash {
    let device = phone.device();
    device.verify_log().unwrap();
    let before = device.projection_hash().unwrap();
    device.rebuild().unwrap();
    assert_eq!(device.projection_hash().unwrap(), before);
    before
}

#[test]
fn a_redacted_answer_leaves_every_phone_that_has_it_and_the_file_too() {
    let (mut server, hash) = world();
    let (mut one, audit, said) = named(&mut server, hash);
    one.sync(&mut server);
    let mut two = Phone::new(2, &mut server);
    two.sync(&mut server);
    server.redact(audit, "A03", said.clone());
    for phone in [&mut one, &mut two] {
        phone.sync(&mut server);
        let view = phone.device().view(audit).unwrap();
        assert!(view.answers["A03"].redacted && view.answers["A03"].value.is_none());
        assert_eq!(view.answers["A01"].value.as_ref().unwrap().get(), "\"yes\"");
        assert_eq!(view.missing.len(), 1, "it is answered again before the visit is handed in");
        assert_gone(phone, audit, &said);
    }
    assert_eq!(assert_rebuilds(&mut one), assert_rebuilds(&mut two));
    assert_eq!(server.audits[&audit].view().answer("A03"), None);
    // It goes on, killed or not, under blinds that nobody can compute from what was known.
    one.kill();
    assert_gone(&one, audit, &said);
    one.device().answer(audit, "A03", "\"it was somebody\"", NOW).unwrap();
    let submit = one.device().submit(audit, NOW).unwrap();
    assert_rebuilds(&mut one);
    one.sync(&mut server);
    two.sync(&mut server);
    assert_eq!(assert_rebuilds(&mut one), assert_rebuilds(&mut two));
    for phone in [&one, &two] {
        assert_gone(phone, audit, &said);
    }
    let set = &server.audits[&audit];
    let later = set.get(&submit).unwrap();
    let seed = Seed::derive(&[1; 32], &audit).unwrap();
    let known = Blinds::of_seed(&seed).unwrap().blind(submit.dseq, Kind::Submit, "");
    assert!(matches!(later.op.opening, Opening::Blind(blind) if blind != known));
    let server_dev = server.key.public_key().device();
    let held =
        |it: &sync_core::DeviceId| if *it == server_dev { server.server_head.dseq } else { submit.dseq };
    assert_eq!(obstacles_to_approval(set, &submit, held), []);
}

#[test]
fn what_was_not_sent_when_the_redaction_came_is_sent_and_still_proves_itself() {
    let (mut server, hash) = world();
    let (mut phone, audit, said) = named(&mut server, hash);
    phone.sync(&mut server);
    server.redact(audit, "A03", said.clone());
    // Written before the phone knows: the seed goes with the redaction, the answers do not.
    phone.device().answer(audit, "A02", "5", NOW).unwrap();
    let export = phone.device().export(audit).unwrap();
    assert_eq!(
        export.segments[0].verify_as_kept(&export.key, &export.org, export.epoch).unwrap().last(),
        phone.device().head()
    );
    phone.sync(&mut server);
    phone.sync(&mut server);
    assert_eq!(phone.device().status().unwrap().pending_ops, 0);
    assert_gone(&phone, audit, &said);
    assert_rebuilds(&mut phone);
    let export = phone.device().export(audit).unwrap();
    let segment = &export.segments[0];
    assert!(segment.verify(&export.key, &export.org, export.epoch).is_err());
    let kept = segment.verify_as_kept(&export.key, &export.org, export.epoch).unwrap();
    assert_eq!((kept.last(), kept.seeds.len()), (phone.device().head(), 0));
}

#[test]
fn an_office_that_forgot_a_redaction_learns_of_it_from_a_phone_that_was_taken_out_and_came_back() {
    for by_command in [true, false] {
        let (mut server, hash) = world();
        let (mut phone, audit, said) = named(&mut server, hash);
        phone.sync(&mut server);
        let copy = server.clone();
        server.redact(audit, "A03", said.clone());
        phone.sync(&mut server);
        let ended = sync_core::exchange::Ending::UserEnded;
        server.ended.insert(phone.device().dev(), ended);
        assert_eq!(phone.sync_with(&mut server, &[]), Finish::AuthNeeded { reason: ended.name().into() });
        server.restore(&copy, by_command);
        let knows = |server: &Server| server.audits[&audit].iter().any(|it| it.1.op.kind == Kind::Redact);
        assert!(!knows(&server));
        let enrolment = phone.device().enrolment().unwrap().unwrap();
        phone.device().enrolled(&enrolment).unwrap();
        phone.sync(&mut server);
        assert!(knows(&server), "by command: {by_command}");
        // Once is enough.
        let store = rusqlite::Connection::open(phone.dir.path().join("device.db")).unwrap();
        let asked = "SELECT count(*), sum(offered) FROM proofs";
        let (held, offered): (u64, u64) =
            store.query_row(asked, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!((held, offered), (1, 1));
        phone.sync(&mut server);
        assert_gone(&phone, audit, &said);
    }
}
