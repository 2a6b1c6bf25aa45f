//! What screens ask and are answered, over a real device: each tap brings the next view, and only what changed of it.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use device::{Device, DeviceKind, NewDevice};
use screens::{Affected, Ask, Message, Phone, Reply, Visit, VisitChange};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

const NOW: u64 = 1_800_000_000_000;
const VISIT: Uuid = Uuid::from_u128(7);

/// Four questions: B is asked where A is no, and a no demands a comment and a photo.
fn checklist() -> String {
    let text = |it: &str| json!({"es": it, "en": it});
    let item = |id: &str, kind: &str, more: Value| {
        let mut item = json!({"id": id, "type": kind, "weight": 1, "q": text(id)});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let demanding = json!({"evidence": {
        "photo": {"required_if": "A01 == 'no'", "min": 2},
        "comment": {"required_if": "A01 == 'no'", "min_chars": 5},
    }, "confirm": {"required_if": "A01 == 'no'", "says": {"es": "Usted reporta que SÍ le pidieron dinero", "en": "They DID ask for money"}}});
    let items = [
        item("A01", "yes_no", demanding),
        item("A02", "scale_1_5", json!({"when": "A01 == 'no'", "evidence": {"comment": {"min_chars": 4}}})),
        item("A03", "number", json!({"weight": 0, "min": "0", "max": "90.5", "unit": "min"})),
        item("A04", "text", json!({"weight": 0, "min_chars": 3, "required": true})),
    ];
    // In the order of the type, which is the canonical one.
    let rest = json!({"mode": "points_pooled", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
        "scale_1_5": "linear", "bonus_cap": "100", "critical": {"mode": "none"},
        "rounding": {"decimals": 2, "mode": "half_up"}, "bands": [{"id": "all", "min": "0", "es": "t", "en": "t"}]});
    json!({"schema": "cem-checklist/1", "id": "small", "version": 1, "kind": "mystery_shopper", "channel": "presencial",
        "title": text("Banco"), "purpose": text("x"), "scenario": text("x"), "default_locale": "es-MX",
        "visit": {"minutes_min": 1, "minutes_max": 60, "shopper_lockout_days": 0, "branch_spacing_days": 0, "submit_within_hours": 24},
        "scoring": rest,
        "sections": [{"id": "A", "weight": 100, "touchpoint": "t", "title": text("Fila"), "items": items}]})
    .to_string()
}

struct Screen {
    _dir: TempDir,
    phone: Phone,
    hash: String,
}

fn screen() -> Screen {
    let dir = TempDir::new().unwrap();
    // An import device needs no mirrored branch; screens are the same for both.
    let new = NewDevice { secret: [1; 32], kind: DeviceKind::Import };
    let mut device = Device::create(dir.path(), &new).unwrap();
    let hash = device.add_template(checklist().as_bytes()).unwrap().to_string();
    Screen { _dir: dir, phone: Phone::over(device), hash }
}

impl Screen {
    fn ask(&mut self, ask: Ask) -> Reply {
        self.phone.answer(&Message { now_ms: NOW, ask })
    }

    fn begin(&mut self) -> Box<Visit> {
        let ask = Ask::StartAdHoc {
            visit: VISIT.to_string(),
            branch: Uuid::from_u128(8).to_string(),
            checklist: self.hash.clone(),
        };
        match self.ask(ask) {
            Reply::Visit(visit) => visit,
            other => unreachable!("{other:?}"),
        }
    }

    fn tap(&mut self, field: &str, json: &str) -> Box<VisitChange> {
        let ask = Ask::Answer { visit: VISIT.to_string(), field: field.into(), json: json.into() };
        match self.ask(ask) {
            Reply::Change(change) => change,
            other => unreachable!("{other:?}"),
        }
    }

    fn refusal(&mut self, ask: Ask) -> String {
        match self.ask(ask) {
            Reply::Refused(it) => it.problem.code,
            other => unreachable!("{other:?}"),
        }
    }
}

fn ids(change: &VisitChange) -> Vec<&str> {
    change.items.iter().map(|it| it.id.as_str()).collect()
}

#[test]
fn a_tap_answers_with_what_it_made_visible_and_demanded_and_nothing_else() {
    let mut screen = screen();
    let visit = screen.begin();
    let visible: Vec<bool> = visit.items.iter().map(|it| it.visible).collect();
    assert_eq!(visible, [true, false, true, true]);
    assert_eq!((visit.state.progress[0].asked, visit.state.progress[0].answered), (3, 0));
    let change = screen.tap("A01", "\"no\"");
    assert_eq!(ids(&change), ["A01", "A02"]);
    assert_eq!(change.state.preview, None, "the programme shows no preview of what could be scored");
    assert_eq!((change.items[0].photos_wanted, change.items[0].comment_wanted), (2, 5));
    assert!(change.items[1].visible);
    assert_eq!(change.items[1].comment_wanted, 0, "nothing is asked beside an answer that is not there");
    assert_eq!(screen.tap("A02", "3").items[0].comment_wanted, 4);
    let change = screen.tap("A02", "null");
    assert_eq!(change.items[0].comment_wanted, 0);
    assert_eq!((change.state.progress[0].asked, change.state.progress[0].answered), (4, 1));
    let change = screen.tap("A01#comment", "\"La fila no avanzaba\"");
    assert_eq!(ids(&change), ["A01"]);
    assert_eq!(change.items[0].comment.as_deref(), Some("La fila no avanzaba"));
    let change = screen.tap("A01", "\"yes\"");
    assert_eq!(ids(&change), ["A01", "A02"]);
    assert_eq!((change.items[0].photos_wanted, change.items[0].comment_wanted), (0, 0));
    assert_eq!(ids(&screen.tap("A01", "\"yes\"")), [""; 0], "the same answer changes nothing");
}

#[test]
fn a_decimal_comes_back_as_it_was_typed() {
    let mut screen = screen();
    screen.begin();
    let change = screen.tap("A03", "12.1");
    assert_eq!(change.items[0].json.as_deref(), Some("12.1"));
    let ask = Ask::Answer { visit: VISIT.to_string(), field: "A03".into(), json: "90.6".into() };
    assert_eq!(screen.refusal(ask), "invalid_answers");
    let Reply::Visit(visit) = screen.ask(Ask::Open { visit: VISIT.to_string() }) else { unreachable!() };
    assert_eq!(visit.items[2].json.as_deref(), Some("12.1"), "what was refused wrote nothing");
}

#[test]
fn what_is_handed_in_is_what_was_looked_at() {
    let mut screen = screen();
    screen.begin();
    screen.tap("A01", "\"yes\"");
    let Reply::Review(review) = screen.ask(Ask::Review { visit: VISIT.to_string() }) else { unreachable!() };
    assert!(!review.ready);
    let missing: Vec<&str> = review.missing.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(missing, ["/A04"]);
    let submit = Ask::Submit { visit: VISIT.to_string(), seen: review.seen };
    assert_eq!(screen.refusal(submit.clone()), "incomplete");
    screen.tap("A04", "\"Amable\"");
    assert_eq!(screen.refusal(submit), "changed_since_seen");
    let Reply::Review(review) = screen.ask(Ask::Review { visit: VISIT.to_string() }) else { unreachable!() };
    assert!(review.ready && review.missing.is_empty());
    let Reply::Visit(visit) = screen.ask(Ask::Submit { visit: VISIT.to_string(), seen: review.seen }) else {
        unreachable!()
    };
    assert_eq!((visit.state.phase.as_str(), visit.state.editable), ("submitted", false));
    let ask = Ask::Answer { visit: VISIT.to_string(), field: "A04".into(), json: "\"tarde\"".into() };
    assert_eq!(screen.refusal(ask), "audit_not_editable");
    let Reply::Outbox(outbox) = screen.ask(Ask::Outbox {}) else { unreachable!() };
    assert_eq!((outbox.visits.len(), outbox.visits[0].edits), (1, 4), "begun, two answers, handed in");
}

#[test]
fn a_visit_that_could_not_happen_demands_its_proof_instead_of_answers() {
    let mut screen = screen();
    let visit = screen.begin();
    assert_eq!(visit.state.missing.len(), 2);
    assert_eq!(visit.state.facts.evidence.grade, "low");
    assert_eq!(
        (visit.state.preview, visit.state.allowed.covert),
        (None, true),
        "no programme shows a preview"
    );
    let outcome = json!({"kind": "not_completed", "reason": "closed_in_hours", "explanation": "Cerrada desde las nueve y diez."});
    let change = screen.tap("@outcome", &outcome.to_string());
    let codes: Vec<&str> = change.state.missing.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["proof_missing"]);
    assert_eq!(change.state.facts.outcome, Some(outcome.to_string()));
    let photo = json!({"now_ms": NOW, "visit": VISIT.to_string(), "field": "@outcome#photo", "mime": "image/jpeg",
        "source": "camera"});
    let kept =
        screen.phone.attach(&photo.to_string(), b"a door", Some(b"a door with every leaf of the tree"));
    let reply: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(reply["state"]["missing"], json!([]));
    assert_eq!(reply["state"]["facts"]["outcome_photos"][0]["state"], "hashed");
    let change = screen.tap("@outcome", "null");
    assert_eq!((change.state.missing.len(), change.state.facts.outcome.as_ref()), (2, None));
}

#[test]
fn a_grave_answer_is_said_in_plain_words_at_its_question_and_before_it_is_handed_in() {
    let mut screen = screen();
    let visit = screen.begin();
    assert!(visit.items.iter().all(|it| it.grave.is_none()), "nothing is said of what is not answered");
    let grave = |reply: Reply| match reply {
        Reply::Review(it) => it.grave.into_iter().map(|it| (it.item, it.says.es)).collect::<Vec<_>>(),
        other => unreachable!("{other:?}"),
    };
    let says = "Usted reporta que SÍ le pidieron dinero".to_owned();
    assert_eq!(screen.tap("A01", "\"no\"").items[0].grave.as_ref().map(|it| &it.es), Some(&says));
    let review = Ask::Review { visit: VISIT.to_string() };
    assert_eq!(grave(screen.ask(review.clone())), [("A01".to_owned(), says)]);
    let outcome = json!({"kind": "not_completed", "reason": "unsafe", "explanation": ""});
    screen.tap("@outcome", &outcome.to_string());
    assert_eq!(grave(screen.ask(review.clone())), [], "its answers are not handed in");
    screen.tap("@outcome", "null");
    assert_eq!(grave(screen.ask(review.clone())).len(), 1);
    assert_eq!(screen.tap("A01", "\"yes\"").items[0].grave, None);
    assert_eq!(grave(screen.ask(review)), []);
}

#[test]
fn a_visit_tells_of_a_newer_version_and_what_a_move_to_it_would_do_and_moves_only_when_told() {
    let mut screen = screen();
    screen.begin();
    screen.tap("A02", "4");
    screen.tap("A03", "80");
    let mut newer: Value = serde_json::from_str(&checklist()).unwrap();
    newer["version"] = json!(2);
    let items = newer["sections"][0]["items"].as_array_mut().unwrap();
    items[2]["max"] = json!("60");
    items[1]["required"] = json!(true);
    items.push(json!({"id": "A05", "type": "yes_no", "weight": 1, "q": {"es": "nueva", "en": "new"}, "required": true}));
    let hash = screen.phone.device().add_template(newer.to_string().as_bytes()).unwrap().to_string();

    let Reply::Visit(visit) = screen.ask(Ask::Open { visit: VISIT.to_string() }) else { unreachable!() };
    assert_eq!(visit.form.newer, Some(2));
    let Reply::Versions(versions) = screen.ask(Ask::Versions { visit: VISIT.to_string() }) else {
        unreachable!()
    };
    assert_eq!((versions.has, versions.split, versions.others.len()), (1, false, 1));
    let other = &versions.others[0];
    assert_eq!((other.version, &other.hash, other.kept), (2, &hash, 1));
    let names = |list: &[Affected]| {
        list.iter().map(|it| (it.problem.field.clone(), it.q.clone().unwrap().es)).collect::<Vec<_>>()
    };
    assert_eq!(names(&other.dropped), [("/A03".to_owned(), "A03".to_owned())]);
    assert!(names(&other.wanted).contains(&("/A05".to_owned(), "nueva".to_owned())), "{:?}", other.wanted);
    let Reply::Visit(same) = screen.ask(Ask::Open { visit: VISIT.to_string() }) else { unreachable!() };
    assert_eq!((&same.form, &same.items), (&visit.form, &visit.items), "to be told of it moves nothing");

    let migrate = Ask::Migrate { visit: VISIT.to_string(), checklist: hash };
    let Reply::Visit(moved) = screen.ask(migrate.clone()) else { unreachable!() };
    assert_eq!((moved.form.newer, moved.form.sections[0].items.len()), (None, 5));
    let answers: Vec<_> = moved.items.iter().map(|it| it.json.as_deref()).collect();
    assert_eq!(answers, [None, Some("4"), None, None, None]);
    assert_eq!(screen.refusal(migrate), "same_version");
}

#[test]
fn a_photo_is_shown_beside_its_question_and_read_back_to_the_byte() {
    let mut screen = screen();
    screen.begin();
    let photo = json!({"now_ms": NOW, "visit": VISIT.to_string(), "field": "A01#photo", "mime": "image/jpeg",
        "captured_at_ms": NOW, "position": {"lat_e7": 194_326_077, "lon_e7": -991_332_080, "accuracy_mm": 12_000}});
    let kept = screen.phone.attach(&photo.to_string(), b"a picture", None);
    let reply: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(reply["reply"], "change");
    let card = &reply["items"][0]["photos"][0];
    assert_eq!((card["state"].as_str(), card["lat_e7"].as_i64()), (Some("hashed"), Some(194_326_077)));
    let blob = card["blob"].as_str().unwrap();
    assert_eq!(screen.phone.photo(blob).unwrap(), b"a picture");
    let ask = Ask::Detach { visit: VISIT.to_string(), photo: card["id"].as_str().unwrap().into() };
    let Reply::Change(change) = screen.ask(ask) else { unreachable!() };
    assert!(change.items[0].photos.is_empty());
}

#[test]
fn a_message_that_cannot_be_understood_is_refused_with_words_in_both_languages() {
    let mut screen = screen();
    for (text, part) in [
        ("", "EOF"),
        ("{}", "now_ms"),
        (r#"{"now_ms":1,"ask":{"ask":"dance"}}"#, "dance"),
        (r#"{"now_ms":1,"ask":{"ask":"open"}}"#, "`visit` is missing"),
        (r#"{"now_ms":1,"ask":{"ask":"open","visit":"x","more":1}}"#, "more"),
        (r#"{"now_ms":1,"ask":{"ask":"open","visit":"x"}}"#, "x"),
    ] {
        let reply: Value = serde_json::from_str(&screen.phone.handle(text)).unwrap();
        assert_eq!(
            (reply["reply"].as_str(), reply["problem"]["code"].as_str()),
            (Some("refused"), Some("malformed"))
        );
        let error = &reply["problem"]["errors"][0];
        assert!(error["message_en"].as_str().unwrap().contains(part), "{text}: {error}");
        assert!(!error["message_es"].as_str().unwrap().is_empty());
    }
}

#[test]
fn what_is_asked_reads_as_it_is_written() {
    let id = || "1".to_owned();
    for ask in [
        Ask::Home {},
        Ask::Briefing { assignment: id() },
        Ask::Accept { assignment: id() },
        Ask::Decline { assignment: id(), reason: id() },
        Ask::Start { assignment: id() },
        Ask::StartAdHoc { visit: id(), branch: id(), checklist: id() },
        Ask::Open { visit: id() },
        Ask::Answer { visit: id(), field: id(), json: id() },
        Ask::Detach { visit: id(), photo: id() },
        Ask::Resolve { visit: id(), field: id(), json: id() },
        Ask::Versions { visit: id() },
        Ask::Migrate { visit: id(), checklist: id() },
        Ask::Review { visit: id() },
        Ask::Submit { visit: id(), seen: id() },
        Ask::Outbox {},
        Ask::Conflicts {},
        Ask::Report {
            incident: id(),
            seed: id(),
            kind: id(),
            left: true,
            text: id(),
            zone: id(),
            position: None,
            visit: None,
        },
        Ask::Incidents {},
    ] {
        let written = serde_json::to_string(&ask).unwrap();
        assert_eq!(serde_json::from_str::<Ask>(&written).unwrap(), ask, "{written}");
    }
}

#[test]
fn the_pages_types_are_made_of_these_messages() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../phone/src/core/messages.schema.json");
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written == screens::schema(), "not the same: run `cargo xtask messages`");
}
