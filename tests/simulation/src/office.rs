//! The office of a run: the real use cases and routes over the real database, on a disk that can lose its power. Owns
//! opening, crashing and restoring it; who does what there is `people`'s and `adversary`'s.

use crate::{
    dice::Dice,
    disk::{Disk, Image, temporary_folder},
    oracle::{Checked, broken},
    rights::REGIONS,
    versions::{Question, questions},
    vfs,
};
use db::{Hidden, devices::DeviceKind, devices::DeviceState};
use domain::{
    access::{Role, Scope},
    ids::{OrgId, RegionId},
};
use serde_json::{Value, json};
use server::{
    App, Config, Environment, SecondFactor,
    app::backup::{self, BlobCopies, Ends},
    environment::Entropy,
    testing::{Answer, Call, TestClock, TestOffice, TestPerson},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use sync_core::{DeviceId, Hash, Head, exchange::StreamId, signature::SigningKey};
use tempfile::TempDir;
use tokio::{
    runtime,
    task::{self, JoinHandle, LocalSet},
    time,
};
use uuid::Uuid;

/// Where every run begins: 2026-11-21T12:00:00Z.
pub const BEGIN_MS: u64 = 1_795_262_400_000;

/// Randomness that follows from the seed of the run, and goes on where it was when the office is opened again.
#[derive(Clone)]
struct SeededEntropy {
    seed: u64,
    count: Arc<AtomicU64>,
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(32) {
            let count = self.count.fetch_add(1, Ordering::SeqCst);
            let block = Hash::of(&[self.seed.to_be_bytes(), count.to_be_bytes()].concat());
            piece.copy_from_slice(&block.0[..piece.len()]);
        }
    }
}

/// What becomes of photos when an office is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Their folder was not touched.
    Kept,
    /// Their folder is gone, and there are copies.
    Copied,
    /// Their folder is gone.
    Lost,
}

fn copies(folder: &Path) -> BlobCopies<'_> {
    BlobCopies { folder, sealed_for: None, pass: &|bytes: &[u8]| Ok(bytes.to_vec()) }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let within = |it: PathBuf| if it.is_dir() { files(&it) } else { vec![it] };
    entries.flatten().flat_map(|it| within(it.path())).collect()
}

/// The people of the office, and what they work with.
#[derive(Clone)]
pub struct People {
    /// Issues codes, takes people out.
    pub admin: TestPerson,
    /// Plans visits.
    pub manager: TestPerson,
    /// Reviews.
    pub reviewer: TestPerson,
    /// Visit.
    pub auditors: Vec<TestPerson>,
    /// Where.
    pub branches: Vec<Uuid>,
    /// What branches lie in.
    pub regions: Vec<Uuid>,
    /// The checklist that all begin with.
    pub template: Hash,
}

/// An office that was set up once and is copied for every run.
struct Base {
    image: Image,
    org: OrgId,
    people: People,
}

/// What the office first signs with.
pub(crate) const FIRST_SECRET: [u8; 32] = [9; 32];

const DATABASE: &str = "office.db";

/// The office of one run.
pub struct Office {
    /// Its people.
    pub people: People,
    /// Its organization.
    pub org: OrgId,
    /// Its disk.
    pub disk: Disk,
    clock: TestClock,
    entropy: SeededEntropy,
    folder: TempDir,
    /// Which file it is in; a restore makes a new one.
    database: String,
    restores: u64,
    /// Bytes of photos that a phone may send in a day.
    day_bytes: u64,
    open: Option<TestOffice>,
    runtime: runtime::Runtime,
    local: LocalSet,
    /// Follows from everything that it was asked and answered.
    heard: Cell<Hash>,
    /// All its places are held on purpose.
    pub(crate) is_crowded: Cell<bool>,
    /// The first of its answers that says that something is wrong with it.
    failed: RefCell<Option<String>>,
}

/// What a server holds of a device.
#[derive(Debug, Clone)]
pub struct Held {
    /// The end of its log.
    pub head: Head,
    /// Whose it is; none for the server's own.
    pub user: Option<Uuid>,
    /// Whether it may still sync.
    pub active: bool,
}

impl Office {
    /// The office of a seed.
    #[must_use]
    pub fn open(seed: u64) -> Self {
        static BASE: OnceLock<Base> = OnceLock::new();
        let base = BASE.get_or_init(set_up);
        let mut office = Self::closed(seed, &base.image, base.org, base.people.clone());
        office.reopen();
        office
    }

    fn closed(seed: u64, image: &Image, org: OrgId, people: People) -> Self {
        let folder = temporary_folder();
        let disk = Disk::of(image);
        vfs::mount(folder.path(), &disk);
        let entropy = SeededEntropy { seed, count: Arc::default() };
        let runtime =
            runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
        let (clock, local) = (TestClock::default(), LocalSet::new());
        let database = DATABASE.to_owned();
        Self {
            people,
            org,
            disk,
            clock,
            entropy,
            folder,
            database,
            restores: 0,
            day_bytes: Config::default().blob_day_bytes,
            open: None,
            runtime,
            local,
            heard: Cell::new(Hash::ZERO),
            is_crowded: Cell::default(),
            failed: RefCell::default(),
        }
    }

    fn config(&self, database: &str) -> Config {
        let url = format!("sqlite:{}", self.folder.path().join(database).display());
        // The disk of a machine that runs tests may be as full as it likes.
        let (blob_folder, blob_reserve_bytes) = (Some(self.evidence()), 0);
        let blob_day_bytes = self.day_bytes;
        let second_factor = SecondFactor::Offered;
        Config {
            database_url: url,
            blob_folder,
            blob_reserve_bytes,
            blob_day_bytes,
            second_factor,
            ..Config::default()
        }
    }

    /// Where photos lie.
    fn evidence(&self) -> PathBuf {
        self.folder.path().join("evidence")
    }

    /// Where copies of photos lie.
    fn copies_of_evidence(&self) -> PathBuf {
        self.folder.path().join("copies")
    }

    /// Whether the bytes of a photo lie in its store, under whatever name.
    #[must_use]
    pub fn has_photo(&self, id: &Hash) -> bool {
        let id = id.to_string();
        files(&self.evidence()).iter().any(|it| it.to_string_lossy().contains(&id))
    }

    /// Writes all of its database into its file.
    pub fn gather(&self) {
        self.app().db.gather().expect("a database can be gathered");
    }

    /// The file of its database.
    #[must_use]
    pub fn database_bytes(&self) -> Vec<u8> {
        self.disk.image().file(&self.database).expect("the office has a database").to_vec()
    }

    /// Parts of photos that are not whole.
    #[must_use]
    pub fn parts(&self) -> usize {
        files(&self.evidence().join("parts")).len()
    }

    /// From here on phones may send so much of photos in a day.
    pub fn allow(&mut self, day_bytes: u64) {
        if self.day_bytes != day_bytes {
            self.day_bytes = day_bytes;
            self.close();
            self.reopen();
        }
    }

    fn environment(&self) -> Environment {
        Environment::new(self.clock.clone(), self.entropy.clone())
    }

    fn reopen(&mut self) {
        let app = App::open(self.config(&self.database), self.environment()).expect("the office opens");
        let opening = TestOffice::over(app, self.clock.clone(), self.org);
        self.open = Some(self.local.block_on(&self.runtime, opening));
    }

    fn close(&mut self) {
        self.open = None;
    }

    fn test_office(&self) -> &TestOffice {
        self.open.as_ref().expect("the office is open between two steps")
    }

    /// Its application.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.test_office().app
    }

    /// The time, as the office has it.
    pub fn set_time(&self, ms: u64) {
        self.clock.set_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.local.block_on(&self.runtime, future)
    }

    /// Carries a call out.
    pub fn send<'a>(&'a self, call: impl FnOnce(&'a TestOffice) -> Call<'a>) -> Answer {
        let answer = self.wait(call(self.test_office()).send());
        let is_off = self.disk.is_off();
        if !is_off {
            // Who writes goes on after the answer: what that does to the disk belongs to this call, not to whatever comes next.
            drop(self.app().db.write(|_| Ok::<_, db::DbError>(())));
        }
        self.hear(&[answer.status.as_u16().to_be_bytes().as_slice(), &answer.body].concat());
        // That photos have no room is said on purpose, and that there is no place where all are held.
        let is_meant =
            answer.status.as_u16() == 507 || (answer.status.as_u16() == 503 && self.is_crowded.get());
        if !is_off && answer.status.is_server_error() && !is_meant {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            self.failed.borrow_mut().get_or_insert(format!("{} {text}", answer.status));
        }
        answer
    }

    /// Begins a call that goes on by itself.
    pub(crate) fn begin(
        &self,
        call: impl FnOnce(&TestOffice) -> Pin<Box<dyn Future<Output = Answer>>>,
    ) -> JoinHandle<Answer> {
        self.local.spawn_local(call(self.test_office()))
    }

    /// Lets calls that were begun go on for a moment.
    pub(crate) fn go_on(&self) {
        self.wait(task::yield_now());
    }

    /// From here on the time of its sockets stands; the rest of it has another clock.
    pub(crate) fn stop_sockets(&self) {
        self.wait(async { time::pause() });
    }

    /// From here on the time of its sockets runs again.
    pub(crate) fn run_sockets(&self) {
        self.wait(async { time::resume() });
    }

    /// The answer to a call that was begun, after some time of its sockets.
    pub(crate) fn after(&self, time: Duration, call: JoinHandle<Answer>) -> Answer {
        let answer = self.wait(async {
            time::advance(time).await;
            call.await.expect("a call ends")
        });
        self.hear(&answer.body);
        answer
    }

    /// Who has how many places now for exchanges, or for parts of photos.
    pub(crate) fn places(&self, of_photos: bool) -> BTreeMap<DeviceId, u32> {
        self.test_office().places(of_photos)
    }

    /// Takes every place for exchanges until what it gives is dropped.
    pub(crate) fn take_every_place(&self) -> impl Drop + use<> {
        self.test_office().take_every_place()
    }

    /// Takes note of what it was asked or answered.
    pub(crate) fn hear(&self, bytes: &[u8]) {
        self.heard.set(Hash::of(&[self.heard.get().0, Hash::of(bytes).0].concat()));
    }

    /// Follows from everything that it was asked and answered.
    #[must_use]
    pub fn heard(&self) -> Hash {
        self.heard.get()
    }

    /// The office answers whatever it is asked, as long as it has power.
    ///
    /// # Errors
    /// Where it could not.
    pub fn check_answered(&self) -> Checked {
        self.failed.borrow_mut().take().map_or(Ok(()), |it| broken("the office answers", it))
    }

    /// A call of a person with a body; a session that ended in the meantime is opened anew.
    pub fn ask(&self, by: &TestPerson, path: &str, body: &Value) -> Answer {
        let post = |token: &str| {
            self.send(|it| match body {
                Value::Null => it.post(path).bearer(token),
                body => it.post(path).bearer(token).json(body),
            })
        };
        let answer = post(&by.token);
        if answer.status.as_u16() != 401 {
            return answer;
        }
        post(&self.test_office().session_of(self.org, by.id))
    }

    /// A session of a person that holds.
    pub fn session(&self, of: &TestPerson) -> String {
        self.test_office().session_of(self.org, of.id)
    }

    /// A one-time code for a phone of an auditor.
    pub fn code(&self, auditor: usize) -> Answer {
        let body = json!({"user": self.people.auditors[auditor].id, "kind": "phone"});
        self.ask(&self.people.admin, "/api/v1/devices/codes", &body)
    }

    // ---- what goes wrong with it ----

    /// The power was cut: it comes back with what its disk had made durable.
    pub fn restart(&mut self, dice: &mut Dice) {
        self.disk.switch_off();
        self.close();
        self.disk.lose_power(dice);
        self.reopen();
    }

    /// An old copy of its files is put in their place by hand; nothing says so.
    pub fn put_back(&mut self, copy: &Copied) {
        self.disk.switch_off();
        self.close();
        self.disk.put_back(&copy.files);
        self.database.clone_from(&copy.database);
        for (path, bytes) in &copy.evidence {
            let path = self.evidence().join(path);
            fs::create_dir_all(path.parent().expect("a photo lies in a folder"))
                .expect("a folder can be made");
            fs::write(path, bytes).expect("a photo can be put back");
        }
        self.reopen();
    }

    /// A second instance of it over an older copy of its files; whatever that one writes is gone with it.
    #[must_use]
    pub fn over(&self, copy: &Copied) -> Self {
        let mut other = Self::closed(self.entropy.seed, &copy.files, self.org, self.people.clone());
        other.clock = self.clock.clone();
        other.database.clone_from(&copy.database);
        other.reopen();
        other
    }

    /// Copies its files.
    #[must_use]
    pub fn copy_files(&self) -> Copied {
        let folder = self.evidence();
        let photos = files(&folder.join("objects")).into_iter().map(|it| {
            let bytes = fs::read(&it).expect("a photo can be read");
            (it.strip_prefix(&folder).map(Path::to_owned).unwrap_or(it), bytes)
        });
        let evidence = photos.collect();
        Copied { files: self.disk.image(), database: self.database.clone(), evidence }
    }

    /// Copies it with its own command, and its photos into a folder that copies share; how many of these it lacks.
    #[must_use]
    pub fn back_up(&mut self) -> (Vec<u8>, u64) {
        self.restores += 1;
        let name = format!("copy-{}", self.restores);
        let to = self.folder.path().join(&name);
        let copied = backup::back_up(self.app(), &to, Some(copies(&self.copies_of_evidence())));
        let missing = copied.expect("an office can be copied").blobs.missing;
        let copy = self.disk.image().file(&name).expect("the copy is there").to_vec();
        self.disk.remove(&name);
        (copy, missing)
    }

    /// Tells phones to rest on a copy that is made now.
    #[must_use]
    pub fn back_up_for_good(&mut self) -> Option<Vec<u8>> {
        let ends = Ends::now(self.app()).expect("an office can be read");
        let (copy, missing) = self.back_up();
        (missing == 0).then(|| ends.note_durable(self.app()).expect("an office can be written"))?;
        Some(copy)
    }

    /// Makes it anew from a copy with its own command: a new epoch, a new key. Photos are as they were, or gone and brought from
    /// their copies, or gone.
    pub fn restore(&mut self, copy: &[u8], evidence: Evidence) {
        self.disk.switch_off();
        self.close();
        self.disk.put_back(&Image::default());
        self.restores += 1;
        let from = self.folder.path().join(format!("from-{}", self.restores));
        fs::write(&from, copy).expect("the copy can be written");
        self.database = format!("office-{}.db", self.restores);
        if evidence != Evidence::Kept {
            let _ = fs::remove_dir_all(self.evidence());
        }
        let folder = self.copies_of_evidence();
        let copies = (evidence == Evidence::Copied).then(|| copies(&folder));
        backup::restore(self.config(&self.database), self.environment(), &from, copies)
            .expect("a copy is restored");
        self.reopen();
    }

    // ---- what can be read of it ----

    /// Reads its database.
    pub fn read<T>(&self, job: impl FnOnce(&mut db::Tx<'_>, OrgId) -> Result<T, db::DbError>) -> T {
        let org = self.org;
        self.app().db.read(|tx| job(tx, org)).expect("the office's database can be read")
    }

    /// Writes its database, past every use case.
    pub fn write<T: Send + 'static>(
        &self,
        mut job: impl FnMut(&mut db::Tx<'_>, OrgId) -> Result<T, db::DbError> + Send + 'static,
    ) -> T {
        let org = self.org;
        self.app().db.write(move |tx| job(tx, org)).expect("the office's database can be written")
    }

    /// What it holds of every device.
    #[must_use]
    pub fn devices(&self) -> BTreeMap<DeviceId, Held> {
        self.read(|tx, org| {
            let mut all = BTreeMap::new();
            for device in db::devices::list(tx, org, None, None, 500)?.items {
                let head = db::devices::find_head(tx, org, device.dev)?.unwrap_or_default().head.head;
                let active = device.state == DeviceState::Active;
                all.insert(device.dev, Held { head, user: device.user_id.map(|it| it.0), active });
            }
            Ok(all)
        })
    }

    /// How far the stream of an auditor goes.
    #[must_use]
    pub fn stream_end(&self, auditor: usize) -> u64 {
        let stream = StreamId::User(self.people.auditors[auditor].id.0);
        self.read(|tx, org| db::feed::find_end(tx, org, stream)).last
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.disk.switch_off();
        self.close();
        vfs::unmount(self.folder.path());
    }
}

/// The files of an office as they once were.
#[derive(Clone)]
pub struct Copied {
    files: Image,
    database: String,
    /// Photos, by where they lie in their folder.
    evidence: Vec<(PathBuf, Vec<u8>)>,
}

/// A checklist of a few items; which, its version says.
#[must_use]
pub fn checklist(version: u32) -> String {
    let text = |it: &str| json!({"es": it, "en": it});
    let item = |it: Question| {
        json!({"id": it.id, "type": it.kind, "weight": it.weight, "required": it.required, "critical": false,
               "pillar": "integridad", "q": text(it.id)})
    };
    let items: Vec<Value> = questions(version).into_iter().map(item).collect();
    json!({
        "schema": "cem-checklist/1", "id": "small", "version": version, "kind": "mystery_shopper",
        "channel": "presencial", "title": text("t"), "purpose": text("p"), "scenario": text("s"),
        "default_locale": "es-MX",
        "visit": {"minutes_min": 1, "minutes_max": 60, "shopper_lockout_days": 0, "branch_spacing_days": 0,
                  "submit_within_hours": 24},
        "scoring": {
            "mode": "section_weighted", "na": "exclude", "hidden": "exclude", "unanswered_optional": "exclude",
            "scale_1_5": "linear", "bonus_cap": "100", "critical": {"mode": "cap_overall", "cap": "39.99"},
            "rounding": {"decimals": 2, "mode": "half_up"},
            "bands": [{"id": "low", "min": "0", "es": "Baja", "en": "Low"},
                      {"id": "high", "min": "60", "es": "Alta", "en": "High"}]
        },
        "sections": [{"id": "A", "weight": 100, "touchpoint": "acceso", "title": text("Acceso"), "items": items}]
    })
    .to_string()
}

/// The ids of rows that are put.
fn put(office: &Office, path: &str, rows: &[Value]) -> Vec<Uuid> {
    let manager = office.people.manager.token.clone();
    let put = office.send(|it| it.put(path).bearer(&manager).json(&rows)).expect_json();
    let rows = put["items"].as_array().expect("rows").iter();
    rows.map(|it| it["id"].as_str().and_then(|it| it.parse().ok()).expect("a row has an id")).collect()
}

/// Sets the office up that every run begins with.
fn set_up() -> Base {
    let nobody =
        TestPerson { id: domain::ids::UserId(Uuid::nil()), login: String::new(), token: String::new() };
    let people = People {
        admin: nobody.clone(),
        manager: nobody.clone(),
        reviewer: nobody,
        auditors: Vec::new(),
        branches: Vec::new(),
        regions: Vec::new(),
        template: Hash::ZERO,
    };
    let mut office = Office::closed(u64::MAX, &Image::default(), OrgId(Uuid::from_u128(1)), people);
    office.reopen();
    create_organization(&office);
    let person = |role| office.test_office().person(role);
    let mut people = People {
        admin: person(Role::Admin),
        manager: person(Role::ProgrammeManager),
        reviewer: person(Role::Reviewer),
        ..office.people.clone()
    };
    office.people = people.clone();
    people.template = office.release(1).expect("the checklist is released");
    let regions: Vec<Value> = REGIONS.iter().map(|it| json!({"code": it, "name": it})).collect();
    people.regions = put(&office, "/api/v1/regions", &regions);
    let branches: Vec<Value> = [("B1", REGIONS[0]), ("B2", REGIONS[1]), ("B3", REGIONS[1])]
        .iter()
        .map(|it| json!({"code": it.0, "name": it.0, "zone": "America/Bogota", "region_code": it.1}))
        .collect();
    people.branches = put(&office, "/api/v1/branches", &branches);
    let within: Vec<(Role, Scope)> =
        people.regions.iter().map(|it| (Role::Auditor, Scope::Region(RegionId(*it)))).collect();
    people.auditors =
        vec![office.test_office().person(Role::Auditor), office.test_office().person_of(office.org, &within)];
    office.close();
    Base { image: office.disk.image(), org: office.org, people }
}

impl Office {
    /// Stores and releases a version of the checklist; its hash, or none where there is such a version already.
    pub fn release(&self, version: u32) -> Option<Hash> {
        let body = json!({"kind": "checklist", "text": checklist(version)});
        let stored = self.ask(&self.people.manager, "/api/v1/content", &body);
        if !stored.status.is_success() {
            let is_known = stored.status.as_u16() == 409;
            assert!(version > 1 && is_known, "{}", String::from_utf8_lossy(&stored.body));
            return None;
        }
        let hash = stored.json()["items"][0]["hash"].as_str().and_then(|it| it.parse().ok());
        let address = format!("/api/v1/content/checklist/small/{version}/release");
        let released = self.ask(&self.people.manager, &address, &Value::Null);
        if released.status.is_success() { hash } else { None }
    }
}

/// An organization with nothing but its key: the built-in checklists are large, and no run needs them.
fn create_organization(office: &Office) {
    let key = SigningKey::from_secret(&FIRST_SECRET);
    let public = key.public_key();
    office.write(move |tx, org| {
        let organization = db::organizations::Organization {
            org_id: org,
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            locale: "es-MX".to_owned(),
            zone: "America/Mexico_City".to_owned(),
            created_at: db::Micros(0),
        };
        db::organizations::append(tx, &organization)?;
        let key = db::organizations::ServerKey {
            dev: public.device(),
            alg: public.alg,
            secret_key: Hidden(FIRST_SECRET.to_vec()),
            public_key: public.key.to_vec(),
            created_at: db::Micros(0),
        };
        db::organizations::append_server_key(tx, org, &key)?;
        let device = db::devices::Device {
            dev: key.dev,
            user_id: None,
            kind: DeviceKind::Server,
            alg: key.alg,
            public_key: key.public_key,
            name: "server".to_owned(),
            state: DeviceState::Active,
            enrolled_at: db::Micros(0),
            revoked_at: None,
        };
        db::devices::append(tx, org, &device)
    });
}
