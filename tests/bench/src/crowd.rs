//! Two hundred phones that sync at once.

use crate::{
    Bench, Outcome,
    meter::{self, Usage},
    office::Office,
    phone::Phone,
    words::Words,
};
use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// Audits on each phone.
const AUDITS: usize = 10;

struct Told {
    took: Duration,
    requests: u32,
    pushed_back: u32,
    waits: u32,
}

/// Measures them.
pub(crate) fn run(bench: &Bench, phones: usize) -> Outcome<()> {
    let folder = bench.folder()?;
    let mut office = Office::set_up(&bench.veedor, &folder.path().join("office"))?;
    let mut made = Vec::new();
    for number in 0..phones {
        let auditor = office.auditor(&format!("auditor{number}"))?;
        made.push((auditor, number));
    }
    let mut crowd = Vec::new();
    let mut sent = 0;
    for (auditor, number) in made {
        let mut phone =
            Phone::enrol(&mut office, auditor, &folder.path().join(format!("phone{number}")), "-")?;
        phone.move_to(office.host());
        phone.sync()?;
        phone.make_audits(office.branch, &mut Words::new(900 + u64::try_from(number)?), AUDITS)?;
        sent += phone.device.head().dseq;
        crowd.push(phone);
    }
    office.restart()?;
    println!("\n{phones} phones at once, {AUDITS} audits each, load of the machine {}", meter::load());
    let (before, barrier, begun) = (office.usage()?, Barrier::new(phones), Instant::now());
    let told = thread::scope(|scope| {
        let runs: Vec<_> = crowd
            .iter_mut()
            .map(|phone| {
                phone.move_to(office.host());
                let barrier = &barrier;
                scope.spawn(move || one(phone, barrier).map_err(|it| it.to_string()))
            })
            .collect();
        runs.into_iter()
            .map(|it| it.join().map_err(|_| "a phone's thread failed".to_owned()).flatten())
            .collect::<Vec<_>>()
    });
    let wall = begun.elapsed();
    let failed: Vec<&String> = told.iter().filter_map(|it| it.as_ref().err()).collect();
    let mut done: Vec<&Told> = told.iter().flatten().collect();
    done.sort_by_key(|it| it.took);
    let at = |percent: usize| {
        done.get((done.len().max(1) - 1) * percent / 100).map_or(0.0, |it| it.took.as_secs_f64())
    };
    let Usage { cpu, peak_kib } = office.usage()?;
    let held = stored(&office)?;
    println!(
        "  {:.2} s in all; a phone's sync: median {:.3} s, p99 {:.3} s, longest {:.3} s; {} requests, of them {} told to come later, {} waits; {} errors",
        wall.as_secs_f64(),
        at(50),
        at(99),
        at(100),
        done.iter().map(|it| it.requests).sum::<u32>(),
        done.iter().map(|it| it.pushed_back).sum::<u32>(),
        done.iter().map(|it| it.waits).sum::<u32>(),
        failed.len(),
    );
    println!(
        "  ops made {sent}, on the server {held}; server {:.2} s of processor, peak {peak_kib} KiB",
        cpu.saturating_sub(before.cpu).as_secs_f64()
    );
    match failed.first() {
        Some(first) => Err(format!("{} phones failed, the first with: {first}", failed.len()).into()),
        None if held != sent => Err(format!("the server holds {held} ops of {sent}").into()),
        None => Ok(()),
    }
}

fn one(phone: &mut Phone, barrier: &Barrier) -> Outcome<Told> {
    barrier.wait();
    let (begun, mut waits) = (Instant::now(), 0);
    while let Some(wait) = phone.try_sync()? {
        waits += 1;
        thread::sleep(wait);
    }
    let took = begun.elapsed();
    let (requests, pushed_back) = phone.take_requests();
    Ok(Told { took, requests, pushed_back, waits })
}

/// Ops of devices that the server holds.
fn stored(office: &Office) -> Outcome<u64> {
    let mut sum = 0;
    let mut after = String::new();
    loop {
        let page = office.call("GET", &format!("/api/v1/devices{after}"), &serde_json::Value::Null)?;
        let devices = page["items"].as_array().into_iter().flatten();
        sum += devices.filter(|it| it["kind"] == "phone").filter_map(|it| it["ops"].as_u64()).sum::<u64>();
        match page["next"].as_str() {
            Some(next) => after = format!("?after={next}"),
            None => return Ok(sum),
        }
    }
}
