//! A store that is damaged: what still hangs together is brought, what does not is left out, and nothing of it is written to.

use super::*;
use device::{Folder, Place as _, Remembered, Rescue, Signatures, salvage};
use std::collections::BTreeSet;
use sync_core::rescue::{Begin, End, Record};

/// A page of SQLite's.
const PAGE: usize = 4_096;

/// What a rescue file says.
#[derive(Default)]
struct Said {
    begin: Option<Begin>,
    runs: Vec<sync_core::exchange::Run>,
    incidents: Vec<sync_core::incident::IncidentRequest>,
    photos: std::collections::BTreeMap<Hash, Vec<u8>>,
    end: Option<End>,
}

impl Said {
    fn of(mut next: impl FnMut() -> Option<Vec<u8>>) -> Self {
        let mut said = Self::default();
        while let Some(bytes) = next() {
            let (length, record) = bytes.split_first_chunk::<4>().unwrap();
            assert_eq!(u32::from_be_bytes(*length) as usize, record.len());
            match codec::from_cbor::<Record>(record).unwrap() {
                Record::Begin(begin) => said.begin = Some(begin),
                Record::Run(run) => said.runs.push(*run),
                Record::Photo(part) => {
                    let photo = said.photos.entry(part.blob.id).or_default();
                    assert_eq!(photo.len() as u64, part.offset);
                    photo.extend_from_slice(&part.bytes);
                }
                Record::Incident(it) => said.incidents.push(*it),
                Record::End(end) => said.end = Some(end),
            }
        }
        said
    }

    /// Positions that are proved, each once.
    fn proved(&self, org: &Uuid) -> BTreeSet<u64> {
        let mut all = BTreeSet::new();
        for run in &self.runs {
            let verified = run.verify(org).expect("a run proves itself");
            assert!(verified.ops.iter().all(|it| all.insert(it.dseq)), "an op comes twice");
        }
        all
    }
}

fn rescued(device: &Device) -> Said {
    let mut rescue = device.rescue(NOW, &mut Signatures::default()).unwrap();
    Said::of(|| device.rescue_next(&mut rescue).unwrap())
}

fn salvaged(folder: &Path, remembered: Option<Remembered>) -> Result<Said, DeviceError> {
    let place = Folder::at(folder);
    let key = place.newest_key().unwrap().unwrap();
    let mut rescue: Rescue = salvage(&place, &key, remembered, NOW, &mut Signatures::default())?;
    let files = place.files();
    Ok(Said::of(|| rescue.next(&*files).unwrap()))
}

/// A phone with much on it that nobody else has: its folder, how many ops, and its photos.
fn much() -> (World, u64, BTreeSet<Hash>) {
    let mut world = World::new();
    let photos = [1, 2, 3].map(|number| world.take(number, 300_000).1).into_iter().collect();
    let audit = world.audit;
    for number in 0..400_u64 {
        let said = format!("\"{number} {}\"", "Esperé en la fila. ".repeat(20));
        world.device().answer(audit, "A02#comment", &said, NOW + number).unwrap();
    }
    let ops = world.device().head().dseq;
    // Everything is in the one file, as after a quiet night.
    world.phone.device = None;
    let store = rusqlite::Connection::open(world.phone.dir.path().join("device.db")).unwrap();
    store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(store);
    (world, ops, photos)
}

fn damage(world: &World, how: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let path = world.phone.dir.path().join("device.db");
    let mut bytes = fs::read(&path).unwrap();
    how(&mut bytes);
    fs::write(&path, &bytes).unwrap();
    bytes
}

fn is_untouched(world: &World, bytes: &[u8]) -> bool {
    fs::read(world.phone.dir.path().join("device.db")).unwrap() == bytes
}

#[test]
fn a_rescue_file_holds_every_op_that_no_backup_has_and_every_photo_that_the_office_lacks() {
    let mut world = World::new();
    let (_, sent) = world.take(1, 300_000);
    world.synchronise();
    let durable = world.device().head().dseq;
    world.server.durable_through = durable;
    world.exchange();
    let (_, waiting) = world.take(2, 600_000);
    let (_, torn) = world.take(3, 400_000);
    fs::write(world.file(torn), bytes(3, 399_999)).unwrap();
    let audit = world.audit;
    world.device().answer(audit, "A01", "\"yes\"", NOW).unwrap();
    let head = world.device().head().dseq;
    let said = rescued(world.phone.device.as_ref().unwrap());
    let begin = said.begin.as_ref().unwrap();
    assert_eq!((begin.org, begin.user, begin.salvaged), (world.server.org, USER, false));
    assert_eq!(said.proved(&world.server.org), (durable + 1..=head).collect());
    assert_eq!(said.photos.keys().copied().collect::<Vec<_>>(), [waiting]);
    assert!(said.photos[&waiting] == bytes(2, 600_000) && !said.photos.contains_key(&sent));
    assert_eq!(said.end, Some(End { runs: 1, photos: 1, lost: 0 }));
}

#[test]
fn a_log_with_a_hole_in_the_middle_is_brought_on_both_sides_of_it() {
    let (world, ops, photos) = much();
    let whole = salvaged(world.phone.dir.path(), None).unwrap();
    assert_eq!(whole.proved(&world.server.org), (1..=ops).collect());
    let bytes = damage(&world, |it| {
        let middle = it.len() / 2 / PAGE * PAGE;
        it[middle..middle + 6 * PAGE].fill(0xA5);
    });
    let said = salvaged(world.phone.dir.path(), None).unwrap();
    let proved = said.proved(&world.server.org);
    let lost = ops - proved.len() as u64;
    assert!((1..ops / 2).contains(&lost), "{lost} of {ops}");
    assert!(proved.contains(&1) && proved.contains(&ops), "{proved:?}");
    assert!(said.begin.unwrap().salvaged);
    assert_eq!(said.photos.keys().copied().collect::<BTreeSet<_>>(), photos);
    assert!(is_untouched(&world, &bytes));
}

#[test]
fn of_a_file_that_was_cut_off_or_has_no_beginning_comes_what_is_left() {
    let (world, ops, photos) = much();
    let whole = fs::read(world.phone.dir.path().join("device.db")).unwrap();
    let bytes = damage(&world, |it| it.truncate(it.len() / 2 + 17));
    let cut = salvaged(world.phone.dir.path(), None).unwrap();
    let proved = cut.proved(&world.server.org);
    assert!(proved.contains(&1) && (proved.len() as u64) < ops, "{}", proved.len());
    assert_eq!(cut.photos.keys().copied().collect::<BTreeSet<_>>(), photos);
    assert!(is_untouched(&world, &bytes));

    let bytes = damage(&world, |it| {
        *it = whole;
        it[..PAGE].fill(0x5A);
    });
    assert_eq!(salvaged(world.phone.dir.path(), None).err().unwrap().code(), "not_enrolled");
    let remembered = Remembered { org: world.server.org, user: USER, rescue_key: None };
    let said = salvaged(world.phone.dir.path(), Some(remembered)).unwrap();
    assert!(said.proved(&world.server.org).is_empty());
    assert_eq!(said.photos.keys().copied().collect::<BTreeSet<_>>(), photos);
    assert!(is_untouched(&world, &bytes));
}

#[test]
fn what_the_disk_changed_is_not_said_in_its_authors_name_and_no_photo_that_is_not_its_own() {
    let (world, ops, photos) = much();
    let path = world.phone.dir.path().join("device.db");
    let store = rusqlite::Connection::open(&path).unwrap();
    store.execute("UPDATE oplog SET value = X'6E6F' WHERE dseq = 50", []).unwrap();
    drop(store);
    let spoilt = *photos.first().unwrap();
    fs::write(world.file(spoilt), bytes(9, 300_000)).unwrap();
    let said = salvaged(world.phone.dir.path(), None).unwrap();
    let expected: BTreeSet<u64> = (1..=ops).filter(|it| *it != 50).collect();
    assert_eq!(said.proved(&world.server.org), expected);
    assert!(!said.photos.contains_key(&spoilt) && said.photos.len() == 2);
}

#[test]
fn a_report_that_waits_is_in_the_file_signed_and_as_sealed_as_it_was_kept_also_out_of_a_damaged_store() {
    let mut world = World::new();
    let id = domain::ids::IncidentId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
    let report = domain::incident::Report {
        id,
        kind: domain::incident::IncidentKind::Violence,
        left: true,
        text: "Hubo un pleito en la puerta".into(),
        at_ms: NOW,
        zone: "America/Mexico_City".into(),
        position: None,
        visit: None,
        assignment: None,
        branch: None,
    };
    world.device().report(&report, [7; 32]).unwrap();
    let org = world.server.org;
    let said = rescued(world.phone.device.as_ref().unwrap());
    let key = world.device().public_key();
    let dev = world.device().dev();
    world.phone.device = None;
    for said in [said, salvaged(world.phone.dir.path(), None).unwrap()] {
        let request = &said.incidents[0];
        assert_eq!((request.id, said.incidents.len()), (id.0, 1));
        key.verify(&request.signed_bytes(&org, &dev), &request.sig).expect("the device signed it");
    }
}
