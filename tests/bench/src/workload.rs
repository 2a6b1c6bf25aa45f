//! Workload W: one client made 1,000 audits offline and pushes all; a second, empty client pulls all. With photos, and larger.
//! Owns the order and what is measured of each side.

use crate::{
    Bench, Outcome, floor,
    meter::{self, Usage, median},
    office::{ITEMS, Office},
    phone::Phone,
    proxy::Proxy,
    words::Words,
};
use std::time::{Duration, Instant};
use sync_core::Hash;

/// Audits of W.
pub(crate) const AUDITS: usize = 1_000;
const PHOTOS: usize = 50;
const PHOTO_BYTES: usize = 200_000;

/// One direction of one run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Leg {
    pub(crate) wall: Duration,
    pub(crate) client: Duration,
    pub(crate) server: Duration,
    pub(crate) requests: u32,
    /// Bytes from and to the client, with the headers of HTTP.
    pub(crate) bytes: (u64, u64),
    /// The most memory that the server ever held, in KiB.
    pub(crate) server_peak_kib: u64,
}

impl Leg {
    /// Prints it as a row.
    pub(crate) fn print(&self, name: &str) {
        println!(
            "  {name:<28} {:>8.3} s  client {:>7.3} s  server {:>7.3} s  {:>3} requests  up {:>11} B  down {:>11} B  server's peak {:>7} KiB",
            self.wall.as_secs_f64(),
            self.client.as_secs_f64(),
            self.server.as_secs_f64(),
            self.requests,
            self.bytes.0,
            self.bytes.1,
            self.server_peak_kib,
        );
    }
}

/// Measures what `work` costs a phone and the office.
pub(crate) fn measure(
    office: &Office,
    proxy: Option<&Proxy>,
    phone: &mut Phone,
    work: impl FnOnce(&mut Phone) -> Outcome<Duration>,
) -> Outcome<Leg> {
    if let Some(proxy) = proxy {
        proxy.take_bytes();
    }
    // It comes out of a place without a network: it has no connection.
    phone.reconnect();
    phone.take_requests();
    let (office_before, own_before) = (office.usage()?, Usage::own()?);
    let wall = work(phone)?;
    let own_after = Usage::own()?;
    let office_after = office.usage()?;
    Ok(Leg {
        wall,
        client: own_after.cpu.saturating_sub(own_before.cpu),
        server: office_after.cpu.saturating_sub(office_before.cpu),
        requests: phone.take_requests().0,
        bytes: proxy.map(Proxy::take_bytes).unwrap_or_default(),
        server_peak_kib: office_after.peak_kib,
    })
}

/// Push and pull of a workload, over the counting proxy or straight, and what making it had cost: that compresses too, which a
/// push then need not.
fn push_and_pull(bench: &Bench, audits: usize, seed: u64, counted: bool) -> Outcome<(Leg, Leg, Leg)> {
    let folder = bench.folder()?;
    let mut office = Office::set_up(&bench.veedor, &folder.path().join("office"))?;
    let proxy = counted.then(|| Proxy::before(office.host(), None)).transpose()?;
    let host = proxy.as_ref().map_or_else(|| office.host().to_owned(), |it| it.host.clone());
    let auditor = office.auditor("ana")?;
    let mut first = Phone::enrol(&mut office, auditor, &folder.path().join("first"), &host)?;
    let mut second = Phone::enrol(&mut office, auditor, &folder.path().join("second"), &host)?;
    first.sync()?;
    let branch = office.branch;
    let made = measure(&office, proxy.as_ref(), &mut first, |phone| {
        let begun = Instant::now();
        phone.make_audits(branch, &mut Words::new(seed), audits)?;
        Ok(begun.elapsed())
    })?;
    let push = measure(&office, proxy.as_ref(), &mut first, Phone::sync)?;
    let pull = measure(&office, proxy.as_ref(), &mut second, Phone::sync)?;
    let (mut after, mut held) = (None, 0);
    loop {
        let listed = second.device.list(after, 10_000)?;
        let Some(last) = listed.last() else { break };
        after = Some(last.audit);
        held += listed.iter().filter(|it| usize::try_from(it.answered) == Ok(ITEMS + 1)).count();
    }
    if held != audits {
        return Err(format!("the second client holds {held} whole audits of {audits}").into());
    }
    Ok((made, push, pull))
}

/// Runs of W, each against the floor of its own moment.
pub(crate) struct Runs {
    seed: u64,
    /// Bytes of the push.
    bytes: u64,
    pushes: Vec<Duration>,
    pulls: Vec<Duration>,
    floors: Vec<Duration>,
}

impl Runs {
    /// Counts the bytes of W; these runs are not among the medians.
    pub(crate) fn begin(bench: &Bench) -> Outcome<Self> {
        println!("\nW: {AUDITS} audits of {ITEMS} answers, load of the machine {}", meter::load());
        let seed = 20_261_121;
        let (made, pushed, pulled) = push_and_pull(bench, AUDITS, seed, true)?;
        made.print("made and compressed, offline");
        pushed.print("push, counted by a proxy");
        pulled.print("pull, counted by a proxy");
        let (pushes, pulls, floors) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { seed, bytes: pushed.bytes.0, pushes, pulls, floors })
    }

    /// One more run.
    pub(crate) fn once(&mut self, bench: &Bench) -> Outcome<()> {
        let folder = bench.folder()?;
        let floor = floor::of_audits(folder.path(), AUDITS, self.bytes)?;
        self.seed += 1;
        let (_, push, pull) = push_and_pull(bench, AUDITS, self.seed, false)?;
        push.print("push");
        pull.print("pull");
        println!("  {:<28} {:>8.3} s", "floor", floor.as_secs_f64());
        self.floors.push(floor);
        self.pushes.push(push.wall);
        self.pulls.push(pull.wall);
        Ok(())
    }

    /// Tells the medians, and gives those of the pushes and pulls.
    pub(crate) fn end(&self) -> (Duration, Duration) {
        let middle = |it: &[Duration]| median(it).unwrap_or_default();
        let (push, pull, floor) = (middle(&self.pushes), middle(&self.pulls), middle(&self.floors));
        println!(
            "  medians of {}: floor {:.3} s, push {:.3} s = {:.2} x floor, pull {:.3} s = {:.2} x floor",
            self.floors.len(),
            floor.as_secs_f64(),
            push.as_secs_f64(),
            ratio(push, floor),
            pull.as_secs_f64(),
            ratio(pull, floor),
        );
        (push, pull)
    }
}

/// How often one fits into the other.
pub(crate) fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64()
}

/// W with photos.
pub(crate) fn photos(bench: &Bench) -> Outcome<()> {
    println!("\n{PHOTOS} photos of {PHOTO_BYTES} bytes, load of the machine {}", meter::load());
    let folder = bench.folder()?;
    let mut office = Office::set_up(&bench.veedor, &folder.path().join("office"))?;
    let proxy = Proxy::before(office.host(), None)?;
    let auditor = office.auditor("ana")?;
    let mut first = Phone::enrol(&mut office, auditor, &folder.path().join("first"), &proxy.host)?;
    let mut second = Phone::enrol(&mut office, auditor, &folder.path().join("second"), &proxy.host)?;
    first.sync()?;
    let mut words = Words::new(3);
    first.make_audits(office.branch, &mut words, AUDITS)?;
    let mut photos: Vec<Hash> = Vec::new();
    while photos.len() < PHOTOS {
        let audit = first.begin_audit(office.branch, &mut words)?;
        for _ in 0..10 {
            photos.push(first.take_photo(audit, &words.photo(PHOTO_BYTES))?);
        }
    }
    measure(&office, Some(&proxy), &mut first, Phone::sync)?.print("push of the answers");
    let sent = measure(&office, Some(&proxy), &mut first, Phone::send_photos)?;
    sent.print("push of the photos");
    let floor = floor::files(folder.path(), PHOTOS, PHOTO_BYTES)?
        + floor::one_request(usize::try_from(sent.bytes.0)?)?;
    println!(
        "  floor of the photos: as many files, each on the disk, and one request: {:.3} s; the push is {:.2} x",
        floor.as_secs_f64(),
        ratio(sent.wall, floor)
    );
    measure(&office, Some(&proxy), &mut second, Phone::sync)?.print("pull of the answers");
    let pulled = measure(&office, Some(&proxy), &mut second, |phone| {
        let begun = Instant::now();
        for id in &photos {
            phone.fetch_photo(id)?;
        }
        Ok(begun.elapsed())
    })?;
    pulled.print("pull of the photos");
    Ok(())
}
