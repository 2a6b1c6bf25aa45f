//! Sound and files on a phone: kept where the item asks for them and the programme permits it, and refused whole elsewhere.

use device::{DeviceError, PhotoFacts, Start};
use sync_core::{
    Bytes, Hash,
    exchange::{RefRow, StreamId},
    reference::Allowed,
};
use uuid::Uuid;

use crate::{BRANCH, NOW, Phone, USER, fill, model::Server, template, world};

const SOUND: &[u8] = b"\x1A\x45\xDF\xA3 a recording";

/// A phone with an assignment whose checklist asks for sound in A04, which must be there, and for a file in A05.
fn phone(allowed: Allowed) -> (Server, Phone, Uuid) {
    let (mut server, _) = world();
    let text = String::from_utf8(template()).unwrap();
    assert!(text.contains(r#""id":"A04","type":"photo","weight":0"#), "{text}");
    let text = text.replace(
        r#""id":"A04","type":"photo","weight":0"#,
        r#""id":"A05","type":"file","weight":0,"q":{"es":"x","en":"x"}},{"id":"A04","type":"audio","weight":0,"required":true"#,
    );
    let hash = Hash::of(text.as_bytes());
    let json = Some(Bytes::from(text.as_str()));
    server.publish(
        StreamId::Reference(server.org),
        RefRow { kind: "template".into(), id: hash.to_string(), json },
    );
    let id = Uuid::from_u128(31);
    let row = sync_core::reference::AssignmentRow {
        id,
        branch: BRANCH,
        template: "small".into(),
        version: 1,
        content_hash: hash,
        state: "accepted".into(),
        from: None,
        to: None,
        notes: None,
        allowed,
    };
    let json = Some(Bytes::from(serde_json::to_vec(&row).unwrap()));
    server.publish(StreamId::User(USER), RefRow { kind: "assignment".into(), id: id.to_string(), json });
    let mut phone = Phone::new(1, &mut server);
    phone.sync(&mut server);
    let audit = phone.device().start(&Start::Assignment(id), NOW).unwrap();
    fill(phone.device(), audit);
    (server, phone, audit)
}

fn keep(phone: &mut Phone, audit: Uuid, field: &str, mime: &str, bytes: &[u8]) -> Result<(), String> {
    let facts = PhotoFacts { mime: mime.to_owned(), ..PhotoFacts::default() };
    match phone.device().photo(audit, field, &mut &*bytes, &facts, NOW) {
        Ok(_) => Ok(()),
        Err(DeviceError::Problem(problem)) => Err(problem.errors[0].code.clone()),
        Err(other) => unreachable!("{other}"),
    }
}

#[test]
fn sound_and_files_are_kept_where_they_are_asked_for_and_are_what_they_say() {
    let (mut server, mut phone, audit) = phone(Allowed { audio: true, files: true, ..Allowed::default() });
    let missing = |phone: &mut Phone| {
        let missing = phone.device().view(audit).unwrap().missing;
        missing.into_iter().map(|it| it.field).collect::<Vec<_>>()
    };
    assert_eq!(missing(&mut phone), ["/A04"]);
    let head = phone.device().head();
    for (field, mime, bytes, expected) in [
        ("A04", "audio/ogg", SOUND, "wrong_bytes"),
        ("A04", "application/pdf", &b"%PDF-1.7"[..], "media_type"),
        ("A04", "audio/webm", b"", "empty_photo"),
        ("A05", "text/html", b"<p>", "media_type"),
        ("A05", "application/pdf", b"MZ\x90\0", "wrong_bytes"),
        ("A01", "audio/webm", SOUND, "no_photo_field"),
    ] {
        assert_eq!(keep(&mut phone, audit, field, mime, bytes), Err(expected.to_owned()), "{field} {mime}");
    }
    assert_eq!(phone.device().head(), head, "what was refused wrote nothing");
    assert_eq!(keep(&mut phone, audit, "A04", "audio/webm", SOUND), Ok(()));
    assert_eq!(keep(&mut phone, audit, "A05", "application/pdf", b"%PDF-1.7 a quotation"), Ok(()));
    assert_eq!(missing(&mut phone), [""; 0]);
    let entry = phone.device().view(audit).unwrap().attachments["A04"][0].value.clone();
    assert_eq!(
        (entry.size, phone.device().photo_bytes(&entry.blob).unwrap()),
        (SOUND.len() as u64, SOUND.to_vec())
    );
    assert_eq!(
        phone
            .device()
            .view(audit)
            .unwrap()
            .evidence
            .reasons
            .iter()
            .filter(|it| it.as_str().starts_with("photo"))
            .count(),
        0
    );
    phone.device().submit(audit, NOW).unwrap();
    phone.sync(&mut server);
    assert_eq!(server.audits[&audit].view().attachments.len(), 2);
}

#[test]
fn where_the_programme_permits_neither_nothing_is_demanded_and_nothing_taken() {
    let (_, mut phone, audit) = phone(Allowed::default());
    assert!(phone.device().view(audit).unwrap().missing.is_empty());
    assert_eq!(keep(&mut phone, audit, "A04", "audio/webm", SOUND), Err("not_permitted".to_owned()));
    assert_eq!(keep(&mut phone, audit, "A05", "text/csv", b"a,b"), Err("not_permitted".to_owned()));
    phone.device().submit(audit, NOW).unwrap();
}

#[test]
fn a_programme_that_permits_sound_permits_no_files_by_that() {
    let (_, mut phone, audit) = phone(Allowed { audio: true, ..Allowed::default() });
    assert_eq!(keep(&mut phone, audit, "A04", "audio/webm", SOUND), Ok(()));
    assert_eq!(keep(&mut phone, audit, "A05", "text/csv", b"a,b"), Err("not_permitted".to_owned()));
}
