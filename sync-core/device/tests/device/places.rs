//! Devices in other places than a folder: photos in a SQLite file, keys that the platform keeps and that only it can sign with.

use std::{any::Any, collections::BTreeSet, io::Read, sync::Arc, sync::Mutex};

use device::{DeviceKey, Files, Folder, Next, PackedFiles, PhotoFacts, Place, Signatures};
use p256::ecdsa::{SigningKey, signature::Signer as _};
use rusqlite::Connection;
use sync_core::{DeviceId, PublicKey, signature::Algorithm};

use crate::*;

/// A key as a browser keeps it: it signs, and gives nobody its secret.
fn platform_key(number: u8) -> (SigningKey, PublicKey) {
    let key = SigningKey::from_slice(&[number; 32]).unwrap();
    let public = key.verifying_key().to_sec1_point(false);
    (key, PublicKey::parse(Algorithm::Es256, public.as_bytes()).unwrap())
}

fn sign(key: &SigningKey, bytes: &[u8]) -> Vec<u8> {
    let signature: p256::ecdsa::Signature = key.sign(bytes);
    signature.to_bytes().to_vec()
}

/// Secrets and public keys as a page keeps them.
type Kept = Arc<Mutex<Vec<([u8; 32], PublicKey)>>>;

/// A place as of a browser: databases here, photos packed, keys known by what was kept before the device was told of them.
struct Pool {
    folder: Folder,
    photos: Arc<dyn Files>,
    kept: Kept,
}

impl Pool {
    fn at(dir: &Path, kept: &Kept) -> Box<dyn Place> {
        let photos = Connection::open(dir.join("photos.db")).unwrap();
        let photos = Arc::new(PackedFiles::over(photos, || 0).unwrap());
        Box::new(Self { folder: Folder::at(dir), photos, kept: Arc::clone(kept) })
    }
}

impl Place for Pool {
    fn lock(&self) -> Result<Box<dyn Any + Send>, DeviceError> {
        self.folder.lock()
    }
    fn has_database(&self) -> bool {
        self.folder.has_database()
    }
    fn connect(&self) -> Result<Connection, DeviceError> {
        self.folder.connect()
    }
    fn connect_to_read(&self) -> Result<Connection, DeviceError> {
        self.folder.connect_to_read()
    }
    fn files(&self) -> Arc<dyn Files> {
        Arc::clone(&self.photos)
    }
    fn prepare_key(&self, key: &DeviceKey) -> Result<(), DeviceError> {
        assert!(self.find_key(key.dev())?.is_some(), "the page keeps a key before the device is told of it");
        Ok(())
    }
    fn settle_key(&self) -> Result<(), DeviceError> {
        Ok(())
    }
    fn find_key(&self, dev: DeviceId) -> Result<Option<DeviceKey>, DeviceError> {
        let kept = self.kept.lock().unwrap();
        let keys = kept.iter().map(|it| DeviceKey::of_platform(it.0, it.1.clone()));
        Ok(keys.into_iter().find(|it| it.dev() == dev))
    }
}

/// A phone whose platform signs.
struct PlatformPhone {
    dir: TempDir,
    device: Option<Device>,
    kept: Kept,
    keys: Vec<(DeviceId, SigningKey)>,
}

impl PlatformPhone {
    fn new(number: u8, server: &mut Server) -> Self {
        let mut phone =
            Self { dir: TempDir::new().unwrap(), device: None, kept: Arc::default(), keys: Vec::new() };
        let key = phone.keep_key(number);
        let place = Pool::at(phone.dir.path(), &phone.kept);
        let mut device = Device::create_in(place, key, DeviceKind::Phone).unwrap();
        assert_eq!(device.enrolment_request("code").unwrap_err().code(), "key_of_platform");
        let sig = sign(&phone.keys[0].1, &device.enrolment_bytes("code"));
        let request = device.signed_enrolment("code", sig).unwrap();
        assert_eq!(request.check().unwrap(), device.dev());
        server.enrol(request.key, USER);
        let enrolment = Enrolment {
            org: server.org,
            user: USER,
            epoch: server.epoch,
            server_key: server.key.public_key(),
            token: "secret".into(),
            streams: vec![StreamId::User(USER), StreamId::Reference(server.org)],
            rescue_key: None,
        };
        device.enrolled(&enrolment).unwrap();
        phone.device = Some(device);
        assert!(matches!(phone.sync(server, |_| {}), Finish::Done(_)));
        phone
    }

    fn keep_key(&mut self, number: u8) -> DeviceKey {
        let (key, public) = platform_key(number);
        self.keys.push((public.device(), key));
        self.kept.lock().unwrap().push(([number; 32], public.clone()));
        DeviceKey::of_platform([number; 32], public)
    }

    fn sign(&self, dev: DeviceId, bytes: &[u8]) -> Vec<u8> {
        sign(&self.keys.iter().find(|it| it.0 == dev).unwrap().1, bytes)
    }

    fn device(&mut self) -> &mut Device {
        self.device.as_mut().unwrap()
    }

    fn open_again(&mut self) {
        self.device = None;
        self.device = Some(Device::open_in(Pool::at(self.dir.path(), &self.kept)).unwrap());
    }

    /// As a browser drives it: whatever has to wait is asked outside, and the device answers taps meanwhile.
    fn sync(&mut self, server: &mut Server, mut meanwhile: impl FnMut(&mut Device)) -> Finish {
        let mut sync = Sync::new(self.device()).unwrap();
        sync.begin(clock(), 1 << 31);
        loop {
            match sync.next(self.device()).unwrap() {
                Next::GoOn => {}
                Next::Sign(bytes) => {
                    meanwhile(self.device());
                    let dev = self.device().dev();
                    let signature = self.sign(dev, &bytes);
                    sync.signed(signature);
                }
                Next::Send(body) => {
                    meanwhile(self.device());
                    let reply = server.exchange(&codec::from_cbor(&body).unwrap());
                    sync.answered(Ok(codec::to_cbor(&reply).unwrap()));
                }
                Next::Finished(finish) => return finish,
            }
        }
    }
}

fn photo() -> PhotoFacts {
    PhotoFacts { mime: "image/jpeg".into(), captured_at_ms: None, gps: None, ..PhotoFacts::default() }
}

#[test]
fn a_phone_whose_platform_signs_sends_what_was_typed_also_while_it_was_sending() {
    let (mut server, hash) = world();
    let mut phone = PlatformPhone::new(1, &mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let mut typed = 0_u32;
    let finish = phone.sync(&mut server, |device| {
        typed += 1;
        device.answer(audit, "A02", &(1 + typed % 5).to_string(), NOW).unwrap();
    });
    assert!(matches!(finish, Finish::Done(_)), "{finish:?}");
    assert!(matches!(phone.sync(&mut server, |_| {}), Finish::Done(_)));
    assert!(typed >= 2);
    let dev = phone.device().dev();
    assert_eq!(server.devices[&dev].head.head, phone.device().head());
    phone.open_again();
    assert_eq!(server.devices[&dev].head.head, phone.device().head());
}

#[test]
fn a_phone_whose_platform_signs_goes_on_as_a_new_device_only_once_everything_is_signed() {
    let (mut server, hash) = world();
    let mut phone = PlatformPhone::new(1, &mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    phone.device().answer(audit, "A02", "2", NOW).unwrap();
    let former = phone.device().dev();
    phone.keep_key(2);
    let cause = RecoverCause::ForkBeforeAcked;
    let new_key = || {
        let (_, public) = platform_key(2);
        DeviceKey::of_platform([2; 32], public)
    };
    let mut signatures = Signatures::default();
    let mut rounds = 0;
    loop {
        phone.device().renew_with(cause, new_key(), &mut signatures).unwrap();
        let wanted = signatures.take_wanted();
        if wanted.is_empty() {
            break;
        }
        rounds += 1;
        assert!(rounds < 4, "the same is asked for again and again");
        assert_eq!(phone.device().dev(), former, "nothing is done before everything is signed");
        phone.open_again();
        assert_eq!(phone.device().dev(), former);
        for (dev, bytes) in wanted {
            let signature = phone.sign(dev, &bytes);
            signatures.hold(dev, bytes, signature);
        }
    }
    assert_ne!(phone.device().dev(), former);
    phone.open_again();
    crate::renewed::succeed_signed(phone.device.as_mut().unwrap(), &mut server, |bytes| {
        sign(&platform_key(2).0, bytes)
    });
    assert!(matches!(phone.sync(&mut server, |_| {}), Finish::Done(_)));
    assert_eq!(phone.device().view(audit).unwrap().answers["A02"].value.as_ref().unwrap().get(), "2");
}

#[test]
fn an_export_whose_platform_signs_verifies_and_is_the_same_as_of_a_key_in_software() {
    let (mut server, hash) = world();
    let mut phone = PlatformPhone::new(1, &mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    fill(phone.device(), audit);
    assert_eq!(phone.device().export(audit).unwrap_err().code(), "key_of_platform");
    let mut signatures = Signatures::default();
    phone.device().export_with(audit, &mut signatures).unwrap();
    for (dev, bytes) in signatures.take_wanted() {
        let signature = phone.sign(dev, &bytes);
        signatures.hold(dev, bytes, signature);
    }
    let export = phone.device().export_with(audit, &mut signatures).unwrap();
    assert!(signatures.take_wanted().is_empty());
    for segment in &export.segments {
        segment.verify(&export.key, &server.org, server.epoch).unwrap();
    }
}

#[test]
fn photos_in_a_sqlite_file_outlive_the_program_and_are_lost_where_it_is_lost() {
    let (mut server, hash) = world();
    let mut phone = PlatformPhone::new(1, &mut server);
    let audit = phone.device().start(&ad_hoc(1, hash), NOW).unwrap();
    let bytes = vec![7_u8; 700_001];
    phone.device().photo(audit, "A04", &mut &*bytes, &photo(), NOW).unwrap();
    phone.open_again();
    let blob = phone.device().view(audit).unwrap().attachments["A04"][0].value.blob;
    assert_eq!(phone.device().photo_bytes(&blob).unwrap(), bytes);
    assert!(phone.device().check_submit(audit).is_err(), "answers are missing");
    phone.device = None;
    std::fs::remove_file(phone.dir.path().join("photos.db")).unwrap();
    phone.open_again();
    assert_eq!(phone.device().photo_bytes(&blob).unwrap_err().code(), "no_such_photo");
    fill(phone.device(), audit);
    let DeviceError::Problem(problem) = phone.device().check_submit(audit).unwrap_err() else {
        unreachable!()
    };
    assert_eq!(problem.errors.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["photo_lost"]);
}

struct Stores(TempDir, Vec<(&'static str, Arc<dyn Files>)>);

fn stores() -> Stores {
    let dir = TempDir::new().unwrap();
    let folder = Folder::at(dir.path()).files();
    let packed = Arc::new(
        PackedFiles::over(Connection::open(dir.path().join("p.db")).unwrap(), || 1_700_000_000_000).unwrap(),
    );
    Stores(dir, vec![("folder", folder), ("packed", packed)])
}

/// Fails in mid-reading.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the camera went away"))
    }
}

#[test]
fn a_key_that_is_printed_tells_no_secret() {
    let printed = format!("{:?}", DeviceKey::software([0xAB; 32]));
    assert!(!printed.contains("171") && !printed.to_lowercase().contains("abab"), "{printed}");
}

#[test]
fn both_stores_of_photos_keep_the_same_promises() {
    let Stores(_dir, stores) = stores();
    for (name, files) in stores {
        let bytes: Vec<u8> = (0..600_000_u32).map(|it| (it % 251) as u8).collect();
        let blob = files.take_in(&mut &*bytes, 1_000_000).unwrap();
        assert_eq!(blob.id, Hash::of(&bytes), "{name}");
        assert_eq!((blob.size, files.size(&blob.id)), (600_000, Some(600_000)), "{name}");
        assert_eq!(
            files.take_in(&mut &*bytes, 1_000_000).unwrap(),
            blob,
            "{name}: the same bytes are one file"
        );
        for (offset, len) in [(0, 0), (0, 600_000), (262_143, 2), (262_144, 262_144), (599_999, 1)] {
            let part = files.read(&blob.id, offset as u64, len as u64).unwrap();
            assert_eq!(part, bytes[offset..offset + len], "{name} {offset} {len}");
        }
        assert!(files.read(&blob.id, 599_999, 2).is_err(), "{name}: beyond the end");
        assert_eq!(files.take_in(&mut &b""[..], 10).unwrap_err().code(), "empty_photo", "{name}");
        assert_eq!(
            files.take_in(&mut &b"elevenbytes"[..], 10).unwrap_err().code(),
            "photo_too_large",
            "{name}"
        );
        assert_eq!(files.take_in(&mut Broken, 10).unwrap_err().code(), "device_file_failed", "{name}");
        let listed = files.list().unwrap();
        assert_eq!(
            listed.iter().map(|it| it.0).collect::<BTreeSet<_>>(),
            BTreeSet::from([blob.id]),
            "{name}"
        );
        assert!(listed[0].1 > 1_600_000_000_000, "{name}: when it was written is known");
        files.remove(&blob.id).unwrap();
        files.remove(&blob.id).unwrap();
        assert_eq!(files.size(&blob.id), None, "{name}");
        assert!(files.read(&blob.id, 0, 1).is_err(), "{name}");
        files.tidy();
    }
}
