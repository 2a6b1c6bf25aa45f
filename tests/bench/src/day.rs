//! A working day on a poor line: five visits with six photos each, synced after each visit.

use crate::{
    Bench, Outcome,
    meter::{self, median},
    office::{ITEMS, Office},
    phone::{Phone, fill, now_ms},
    proxy::{Proxy, Weather},
    words::Words,
};
use device::SubmitRule;
use std::time::{Duration, Instant};

const VISITS: usize = 5;
const PHOTOS: usize = 6;
const PHOTO_BYTES: usize = 200_000;
/// 3G: 750 kbit/s up, 1.6 Mbit/s down, 150 ms there and back, every tenth packet lost.
const THIRD_GENERATION: Weather =
    Weather { up: 750_000, down: 1_600_000, round_trip: Duration::from_millis(150), lost: 100 };

/// Measures the day.
pub(crate) fn run(bench: &Bench) -> Outcome<()> {
    println!(
        "\nA day on 3G with 10 % loss: {VISITS} visits of {ITEMS} answers, {} photos of {PHOTO_BYTES} bytes, load of the machine {}",
        VISITS * PHOTOS,
        meter::load()
    );
    let folder = bench.folder()?;
    let mut office = Office::set_up(&bench.veedor, &folder.path().join("office"))?;
    let proxy = Proxy::before(office.host(), Some(THIRD_GENERATION))?;
    let auditor = office.auditor("ana")?;
    let mut phone = Phone::enrol(&mut office, auditor, &folder.path().join("phone"), &proxy.host)?;
    phone.sync()?;
    proxy.take_bytes();
    phone.take_requests();
    let (begun, mut confirmed) = (Instant::now(), Vec::new());
    let mut words = Words::new(5);
    for visit in 1..=VISITS {
        let audit = phone.begin_audit(office.branch, &mut words)?;
        phone.device.batch(|it| fill(it, audit, &mut words))?;
        for _ in 0..PHOTOS {
            phone.take_photo(audit, &words.photo(PHOTO_BYTES))?;
        }
        phone.device.batch(|it| it.submit(audit, SubmitRule::ScoredItemsAnswered, now_ms()))?;
        // The phone has a signal from here. Its connections of the visit before are gone.
        phone.reconnect();
        let answers = phone.sync()?;
        confirmed.push(answers);
        let photos = phone.send_photos()?;
        println!(
            "  visit {visit}: the last answer confirmed {:.2} s after the signal, its photos {:.1} s later",
            answers.as_secs_f64(),
            photos.as_secs_f64()
        );
    }
    // What the server then says of the photos.
    phone.sync()?;
    let (up, down) = proxy.take_bytes();
    let middle = median(&confirmed).unwrap_or_default();
    let worst = confirmed.iter().max().copied().unwrap_or_default();
    println!(
        "  in all {:.1} s, up {up} B, down {down} B, {} requests; signal to the last confirmed answer: median {:.2} s, worst {:.2} s",
        begun.elapsed().as_secs_f64(),
        phone.take_requests().0,
        middle.as_secs_f64(),
        worst.as_secs_f64()
    );
    Ok(())
}
