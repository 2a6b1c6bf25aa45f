//! Growth: the same push and pull with ten and a hundred times the audits, and what one changed answer costs beside them.

use crate::{
    Bench, Outcome, floor,
    meter::{self, median},
    office::Office,
    phone::{Phone, now_ms},
    proxy::Proxy,
    words::Words,
    workload::{Leg, measure, ratio},
};
use std::{fs, path::Path};

/// Changed answers of which the middle one counts.
const CHANGES: usize = 31;

/// Push, pull and one changed answer at each size.
pub(crate) fn run(bench: &Bench, sizes: &[usize]) -> Outcome<()> {
    println!("\nGrowth, load of the machine {}", meter::load());
    for audits in sizes {
        at_size(bench, *audits)?;
    }
    Ok(())
}

fn at_size(bench: &Bench, audits: usize) -> Outcome<()> {
    let folder = bench.folder()?;
    let mut office = Office::set_up(&bench.veedor, &folder.path().join("office"))?;
    let proxy = Proxy::before(office.host(), None)?;
    let auditor = office.auditor("ana")?;
    let mut first = Phone::enrol(&mut office, auditor, &folder.path().join("first"), &proxy.host)?;
    let mut second = Phone::enrol(&mut office, auditor, &folder.path().join("second"), &proxy.host)?;
    first.sync()?;
    let mut words = Words::new(11);
    first.make_audits(office.branch, &mut words, audits)?;
    let open = first.begin_audit(office.branch, &mut words)?;
    first.device.answer(open, "A00", &words.answer(), now_ms())?;
    let push = measure(&office, Some(&proxy), &mut first, Phone::sync)?;
    let pull = measure(&office, Some(&proxy), &mut second, Phone::sync)?;
    push.print(&format!("{audits} audits, push"));
    pull.print(&format!("{audits} audits, pull"));
    tell(&folder.path().join("all"), audits, floor::ROWS, (&push, &pull))?;
    let (mut pushes, mut pulls) = (Vec::new(), Vec::new());
    for _ in 0..CHANGES {
        first.device.answer(open, "A00", &words.answer(), now_ms())?;
        pushes.push(measure(&office, Some(&proxy), &mut first, Phone::sync)?);
        pulls.push(measure(&office, Some(&proxy), &mut second, Phone::sync)?);
    }
    let (push, pull) = (middle(&pushes), middle(&pulls));
    push.print(&format!("{audits} audits, 1 answer pushed"));
    pull.print(&format!("{audits} audits, 1 answer pulled"));
    tell(&folder.path().join("one"), 1, 1, (&push, &pull))
}

/// The floor, and how far from it a push and a pull are.
fn tell(folder: &Path, audits: usize, rows: usize, (push, pull): (&Leg, &Leg)) -> Outcome<()> {
    fs::create_dir(folder)?;
    let floor = floor::rows_in_one_transaction(folder, audits, rows)?
        + floor::one_request(usize::try_from(push.bytes.0)?)?;
    println!(
        "  {:<28} {:>8.3} s; push {:.2} x, pull {:.2} x",
        "floor",
        floor.as_secs_f64(),
        ratio(push.wall, floor),
        ratio(pull.wall, floor)
    );
    Ok(())
}

/// The middle of each figure.
fn middle(legs: &[Leg]) -> Leg {
    fn of<T: Ord + Copy + Default>(legs: &[Leg], figure: impl Fn(&Leg) -> T) -> T {
        median(&legs.iter().map(figure).collect::<Vec<_>>()).unwrap_or_default()
    }
    Leg {
        wall: of(legs, |it| it.wall),
        client: of(legs, |it| it.client),
        server: of(legs, |it| it.server),
        requests: of(legs, |it| it.requests),
        bytes: (of(legs, |it| it.bytes.0), of(legs, |it| it.bytes.1)),
        server_peak_kib: of(legs, |it| it.server_peak_kib),
    }
}
