//! Reports of incidents: kept at once and sealed, handed in each by itself, and kept until a backup has them.

use std::collections::BTreeMap;

use device::{IncidentAnswer, IncidentTransport, Incidents, IncidentsEnd, Next, TransportError};
use domain::{
    ids::IncidentId,
    incident::{IncidentKind, Report},
};
use sync_core::{
    Bytes, DeviceId, Hash,
    exchange::{Ending, RefRow, StreamId},
    incident::{IncidentRequest, SealedFor, key_id, key_pair},
    reference::{CURRENT, INCIDENT_KEY, IncidentKeyRow},
    session::RecoverCause,
    signature::PublicKey,
};
use uuid::Uuid;

use crate::{
    Fault, NOW, Phone, Server, ad_hoc, fill,
    renewed::{copy_of, succeed},
    world,
};

const WORDS: &str = "Me pidieron dinero en la ventanilla 3";

/// What an office does with reports, as far as phones can tell.
#[derive(Default)]
struct Lane {
    keys: BTreeMap<DeviceId, PublicKey>,
    org: Uuid,
    stored: BTreeMap<Uuid, IncidentRequest>,
    asked: Vec<Uuid>,
    answers: BTreeMap<Uuid, IncidentAnswer>,
    is_down: bool,
    sender: DeviceId,
}

impl IncidentTransport for Lane {
    fn hand_in(&mut self, request: &[u8]) -> IncidentAnswer {
        if self.is_down {
            return IncidentAnswer::Unreachable(TransportError("no network".into()));
        }
        let request: IncidentRequest = serde_json::from_slice(request).unwrap();
        self.asked.push(request.id);
        if let Some(answer) = self.answers.get(&request.id) {
            return answer.clone();
        }
        let signed = request.signed_bytes(&self.org, &self.sender);
        self.keys[&self.sender].verify(&signed, &request.sig).unwrap();
        if let Some(known) = self.stored.get(&request.id) {
            assert_eq!((&known.body, known.dev, known.key), (&request.body, request.dev, request.key));
        }
        self.stored.insert(request.id, request);
        IncidentAnswer::Stored
    }
}

impl Lane {
    fn hand_in_all(&mut self, phone: &mut Phone) -> IncidentsEnd {
        let device = phone.device();
        self.org = device.enrolment().unwrap().unwrap().org;
        // The session is the former device's until the office knows of the new one.
        self.sender = device.succession().unwrap().map_or(device.dev(), |it| it.former);
        self.keys.insert(device.dev(), device.public_key());
        self.asked.clear();
        Incidents::new(device).unwrap().run(device, self).unwrap()
    }
}

fn report(number: u128) -> Report {
    Report {
        id: IncidentId(Uuid::from_u128(0x0189_0a5d_ac96_774b_8000_0000_0000_0000 + number)),
        kind: IncidentKind::Bribe,
        left: true,
        text: WORDS.into(),
        at_ms: NOW,
        zone: "America/Mexico_City".into(),
        position: None,
        visit: None,
        assignment: None,
        branch: None,
    }
}

/// The organization's secret, after its public key was told.
fn tell_key(server: &mut Server, seed: u8) -> [u8; 32] {
    let (secret, public) = key_pair(&[seed; 32]);
    let json = serde_json::to_vec(&IncidentKeyRow { key: Bytes::from(public.as_slice()) }).unwrap();
    let row = RefRow { kind: INCIDENT_KEY.into(), id: CURRENT.into(), json: Some(Bytes::from(json)) };
    server.publish(StreamId::Reference(server.org), row);
    secret
}

/// Puts the server back to a copy of just now.
fn restore(server: &mut Server) {
    let copy = server.clone();
    server.restore(&copy, true);
}

fn states(phone: &mut Phone) -> Vec<(Uuid, &'static str, bool)> {
    phone.device().incidents().unwrap().into_iter().map(|it| (it.id, it.state, it.sealed)).collect()
}

/// Whether any file of the folder holds these bytes.
fn holds(phone: &Phone, needle: &str) -> bool {
    let files = std::fs::read_dir(phone.dir.path()).unwrap().map(|it| it.unwrap().path());
    files.filter(|it| it.is_file()).any(|it| {
        let bytes = std::fs::read(it).unwrap();
        bytes.windows(needle.len()).any(|it| it == needle.as_bytes())
    })
}

#[test]
fn a_report_is_kept_sealed_so_that_the_phone_itself_cannot_read_it_and_opens_for_the_custodian() {
    let (mut server, _) = world();
    let secret = tell_key(&mut server, 5);
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let written = report(1);
    let kept = phone.device().report(&written, [1; 32]).unwrap();
    assert_eq!((kept.id, kept.state, kept.sealed), (written.id.0, "waiting", true));
    // The same again, as by a second tap, is the same one.
    assert_eq!(phone.device().report(&written, [2; 32]).unwrap(), kept);
    phone.kill();
    assert_eq!(states(&mut phone), [(written.id.0, "waiting", true)]);
    assert!(!holds(&phone, WORDS) && !holds(&phone, "bribe"));

    let mut lane = Lane::default();
    assert_eq!(lane.hand_in_all(&mut phone).sent, 1);
    let of = &lane.stored[&written.id.0];
    assert_eq!(of.key, Some(key_id(&key_pair(&[5; 32]).1)));
    let sealed_for = SealedFor { org: lane.org, id: of.id, dev: of.dev };
    let opened = sealed_for.open(&secret, &of.body).unwrap();
    assert_eq!(Report::parse(&opened).unwrap(), written);
    assert_eq!(states(&mut phone), [(written.id.0, "sent", true)]);
    assert_eq!(lane.hand_in_all(&mut phone), IncidentsEnd::default());
    assert!(lane.asked.is_empty());
}

#[test]
fn without_a_key_a_report_goes_as_it_was_written_and_a_later_key_seals_the_next() {
    let (mut server, _) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    assert!(!phone.device().report(&report(1), [1; 32]).unwrap().sealed);
    tell_key(&mut server, 5);
    phone.sync(&mut server);
    assert!(phone.device().report(&report(2), [1; 32]).unwrap().sealed);
    let newer = tell_key(&mut server, 6);
    phone.sync(&mut server);
    phone.device().report(&report(3), [1; 32]).unwrap();
    let mut lane = Lane::default();
    assert_eq!(lane.hand_in_all(&mut phone).sent, 3);
    assert_eq!(lane.stored[&report(1).id.0].body, Bytes::from(report(1).to_json().as_str()));
    let last = &lane.stored[&report(3).id.0];
    let of = SealedFor { org: lane.org, id: last.id, dev: last.dev };
    assert!(of.open(&newer, &last.body).is_ok());
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() {
    let (mut server, _) = world();
    let mut phone = Phone::new(1, &mut server);
    let wrong = Report { text: "ñ".repeat(10_001), ..report(1) };
    assert_eq!(phone.device().report(&wrong, [1; 32]).unwrap_err().code(), "invalid_incident");
    assert!(states(&mut phone).is_empty());
    let (dir, new) = (tempfile::TempDir::new().unwrap(), device::DeviceKind::Phone);
    let mut stranger =
        device::Device::create(dir.path(), &device::NewDevice { secret: [9; 32], kind: new }).unwrap();
    assert_eq!(stranger.report(&report(1), [1; 32]).unwrap_err().code(), "not_enrolled");
}

#[test]
fn one_that_is_refused_holds_up_no_other_and_is_offered_again_and_nobody_is_asked_without_a_network() {
    let (mut server, _) = world();
    let mut phone = Phone::new(1, &mut server);
    for number in 1..=3 {
        phone.device().report(&report(number), [1; 32]).unwrap();
    }
    let ids: Vec<Uuid> = (1..=3).map(|it| report(it).id.0).collect();
    let mut lane = Lane { is_down: true, ..Lane::default() };
    assert_eq!(lane.hand_in_all(&mut phone).in_the_way, Some((0, "unreachable".into())));
    assert_eq!(phone.device().status().unwrap().pending_incidents, 3);

    lane.is_down = false;
    lane.answers.insert(ids[0], IncidentAnswer::Refused(500, "internal".into()));
    lane.answers.insert(ids[1], IncidentAnswer::Refused(409, "incident_differs".into()));
    let end = lane.hand_in_all(&mut phone);
    assert_eq!((end.sent, &lane.asked), (1, &ids));
    assert_eq!(end.problem().unwrap().code, "incident_differs");
    let expected = [(ids[2], "sent", false), (ids[1], "refused", false), (ids[0], "waiting", false)];
    assert_eq!(states(&mut phone), expected);
    assert_eq!(phone.device().incidents().unwrap()[1].refused.as_deref(), Some("incident_differs"));

    // Who this is, is the same for all: no other is tried.
    lane.answers.insert(ids[0], IncidentAnswer::Refused(401, "session_unknown".into()));
    lane.hand_in_all(&mut phone);
    assert_eq!(lane.asked, &ids[..1]);
    lane.answers.clear();
    assert_eq!(lane.hand_in_all(&mut phone).sent, 2);
    assert_eq!(lane.asked, &ids[..2]);
    assert_eq!(phone.device().status().unwrap().pending_incidents, 0);
}

#[test]
fn nothing_of_a_visit_goes_with_it_and_an_exchange_that_fails_holds_it_up_no_more_than_it_the_exchange() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&ad_hoc(31, hash), NOW).unwrap();
    fill(phone.device(), audit);
    phone.device().report(&report(1), [1; 32]).unwrap();
    let pending = phone.device().status().unwrap().pending_ops;
    assert!(pending > 3);
    phone.sync_with(&mut server, &[Fault::Offline]);
    let mut lane = Lane::default();
    assert_eq!(lane.hand_in_all(&mut phone).sent, 1);
    assert_eq!(phone.device().status().unwrap().pending_ops, pending);
    lane.is_down = true;
    phone.device().report(&report(2), [1; 32]).unwrap();
    lane.hand_in_all(&mut phone);
    phone.sync(&mut server);
    let status = phone.device().status().unwrap();
    assert_eq!((status.pending_ops, status.pending_incidents), (0, 1));
}

#[test]
fn a_restored_server_is_given_it_again_until_a_backup_has_it_and_then_the_phone_lets_its_words_go() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    phone.device().report(&report(1), [1; 32]).unwrap();
    let mut lane = Lane::default();
    assert_eq!(lane.hand_in_all(&mut phone).sent, 1);
    phone.device().start(&ad_hoc(31, hash), NOW).unwrap();
    phone.sync(&mut server);
    restore(&mut server);
    lane.stored.clear();
    phone.sync(&mut server);
    assert_eq!(states(&mut phone)[0].1, "waiting");
    assert_eq!(lane.hand_in_all(&mut phone).sent, 1);
    assert_eq!(lane.stored.len(), 1);

    // What was written before is in a backup that may be older than the report.
    server.durable_through = phone.device().head().dseq;
    phone.sync(&mut server);
    restore(&mut server);
    phone.sync(&mut server);
    assert_eq!((states(&mut phone)[0].1, lane.hand_in_all(&mut phone).sent), ("waiting", 1));
    phone.device().answer(Uuid::from_u128(31), "A02", "3", NOW).unwrap();
    phone.sync(&mut server);
    server.durable_through = phone.device().head().dseq;
    phone.sync(&mut server);
    restore(&mut server);
    phone.sync(&mut server);
    assert_eq!((states(&mut phone)[0].1, lane.hand_in_all(&mut phone).sent), ("sent", 0));
    assert!(!holds(&phone, WORDS));
}

#[test]
fn a_device_that_was_taken_out_still_seals_and_hands_in_what_it_reports() {
    let (mut server, _) = world();
    let secret = tell_key(&mut server, 5);
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    phone.device().report(&report(1), [1; 32]).unwrap();
    let dev = phone.device().dev();
    server.ended.insert(dev, Ending::DeviceRevoked);
    phone.sync_with(&mut server, &[]);
    assert!(phone.device().status().unwrap().ended.is_some());
    assert!(phone.device().report(&report(2), [1; 32]).unwrap().sealed);
    let mut lane = Lane::default();
    assert_eq!(lane.hand_in_all(&mut phone).sent, 2);
    let of = SealedFor { org: lane.org, id: report(2).id.0, dev };
    assert!(of.open(&secret, &lane.stored[&report(2).id.0].body).is_ok());
}

#[test]
fn a_report_outlives_the_renewal_of_a_copied_device_and_opens_as_the_former_one_sealed_it() {
    let (mut server, hash) = world();
    let secret = tell_key(&mut server, 5);
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    phone.device().start(&ad_hoc(31, hash), NOW).unwrap();
    phone.sync(&mut server);
    phone.device().report(&report(1), [1; 32]).unwrap();
    phone.device = None;
    let dir = copy_of(phone.dir.path());
    let mut copy = Phone { device: Some(device::Device::open(dir.path()).unwrap()), dir };
    phone.kill();
    let former = copy.device().dev();
    copy.device().renew(RecoverCause::Fork, [77; 32]).unwrap();
    succeed(copy.device(), &mut server);
    assert_ne!(copy.device().dev(), former);
    let mut lane = Lane::default();
    // Both have it, and both hand in the same.
    assert_eq!(lane.hand_in_all(&mut copy).sent, 1);
    assert_eq!(lane.hand_in_all(&mut phone).sent, 1);
    let of = SealedFor { org: lane.org, id: report(1).id.0, dev: former };
    assert!(of.open(&secret, &lane.stored[&report(1).id.0].body).is_ok());
}

#[test]
fn a_renewed_device_hands_in_as_the_one_that_the_office_knows_until_that_knows_of_the_renewal() {
    let (mut server, hash) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    phone.device().start(&ad_hoc(31, hash), NOW).unwrap();
    phone.sync(&mut server);
    let mut lane = Lane::default();
    lane.hand_in_all(&mut phone);
    let former = lane.sender;
    phone.device().report(&report(1), [1; 32]).unwrap();
    phone.device().renew(RecoverCause::Fork, [77; 32]).unwrap();
    let renewed = phone.device().dev();
    assert_eq!((lane.hand_in_all(&mut phone).sent, lane.sender), (1, former));
    phone.device().report(&report(2), [2; 32]).unwrap();
    phone.kill();
    assert_eq!((lane.hand_in_all(&mut phone).sent, lane.sender), (1, former));
    // Whose it is stays with it: it was sealed for the device on which it was written.
    assert_eq!(lane.stored[&report(2).id.0].dev, renewed);

    succeed(phone.device(), &mut server);
    phone.device().report(&report(3), [3; 32]).unwrap();
    assert_eq!((lane.hand_in_all(&mut phone).sent, lane.sender), (1, renewed));
}

#[test]
fn one_that_is_written_while_another_goes_goes_with_it_whatever_the_clock_says_meanwhile() {
    let (mut server, _) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.device().report(&report(2), [1; 32]).unwrap();
    let mut sending = Incidents::new(phone.device()).unwrap();
    let mut sent = Vec::new();
    loop {
        match sending.next(phone.device()).unwrap() {
            Next::GoOn => {}
            Next::Sign(_) => sending.signed(vec![7; 64]),
            Next::Send(json) => {
                sent.push(serde_json::from_slice::<IncidentRequest>(&json).unwrap().id);
                // Ids begin with the time: this clock was put back.
                phone.device().report(&report(1), [2; 32]).unwrap();
                sending.answered(IncidentAnswer::Stored);
            }
            Next::Finished(end) => break assert_eq!(end.sent, 2),
        }
    }
    assert_eq!(sent, [report(2).id.0, report(1).id.0]);
}

#[test]
fn whoever_waits_for_a_signature_or_a_reply_holds_the_device_meanwhile_for_nobody() {
    let (mut server, _) = world();
    let mut phone = Phone::new(1, &mut server);
    phone.device().report(&report(1), [1; 32]).unwrap();
    let mut sending = Incidents::new(phone.device()).unwrap();
    assert!(matches!(sending.next(phone.device()).unwrap(), Next::Sign(_)));
    phone.device().report(&report(2), [1; 32]).unwrap();
    sending.signed(vec![7; 64]);
    let Next::Send(json) = sending.next(phone.device()).unwrap() else { panic!("it is to be sent") };
    let sent: IncidentRequest = serde_json::from_slice(&json).unwrap();
    assert_eq!((sent.id, Hash::of(&sent.sig)), (report(1).id.0, Hash::of(&[7; 64])));
    sending.answered(IncidentAnswer::Stored);
    assert!(matches!(sending.next(phone.device()).unwrap(), Next::GoOn));
    // The one that was written meanwhile goes in the same run.
    assert!(matches!(sending.next(phone.device()).unwrap(), Next::Sign(_)));
}
