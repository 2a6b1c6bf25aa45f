//! What authoring costs on a device with durable settings: 1,000 imported audits of 44 answers in batches of 500.
#![expect(clippy::unwrap_used, reason = "a bench may stop where it stands")]

use device::{Device, DeviceKind, NewDevice, Start, SubmitRule};
use divan::{Bencher, counter::ItemsCount};
use sync_core::Hash;
use uuid::Uuid;

const AUDITS: u128 = 1_000;
const ITEMS: usize = 44;
const NOW: u64 = 1_800_000_000_000;

fn main() {
    divan::main();
}

fn template() -> Vec<u8> {
    let text = r#"{"es":"x","en":"x"}"#;
    let item =
        |n: usize| format!(r#"{{"id":"A{n:02}","type":"yes_no_na","weight":1,"required":true,"q":{text}}}"#);
    let items: Vec<String> = (0..ITEMS).map(item).collect();
    format!(
        r#"{{"schema":"cem-checklist/1","id":"bench","version":1,"kind":"inspection","channel":"presencial","title":{text},"purpose":{text},"scenario":{text},"default_locale":"es-MX","visit":{{"minutes_min":1,"minutes_max":60,"shopper_lockout_days":0,"branch_spacing_days":0,"submit_within_hours":24}},"scoring":{{"mode":"points_pooled","na":"exclude","hidden":"exclude","unanswered_optional":"exclude","scale_1_5":"linear","bonus_cap":"100","critical":{{"mode":"none"}},"rounding":{{"decimals":2,"mode":"half_up"}},"bands":[{{"id":"all","min":"0","es":"t","en":"t"}}]}},"sections":[{{"id":"A","weight":100,"touchpoint":"t","title":{text},"items":[{}]}}]}}"#,
        items.join(",")
    )
    .into_bytes()
}

fn author(device: &mut Device, content_hash: Hash) {
    for batch_of in 0..2 {
        device
            .batch(|batch| {
                for number in 0..AUDITS / 2 {
                    let audit = Uuid::from_u128(batch_of * AUDITS + number);
                    let branch = Uuid::from_u128(number);
                    let start = Start::AdHoc { audit, branch, content_hash, source: None, visited_at: None };
                    batch.start(&start, NOW)?;
                    for item in 0..ITEMS {
                        batch.answer(audit, &format!("A{item:02}"), "\"yes\"", NOW)?;
                    }
                    batch.submit(audit, SubmitRule::ScoredItemsAnswered, NOW)?;
                }
                Ok(())
            })
            .unwrap();
    }
}

#[divan::bench(sample_count = 5)]
fn author_a_thousand_audits(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(1_000_u32))
        .with_inputs(|| {
            let dir = tempfile::TempDir::new().unwrap();
            let new = NewDevice { secret: [1; 32], kind: DeviceKind::Import };
            let mut device = Device::create(dir.path(), &new).unwrap();
            let hash = device.add_template(&template()).unwrap();
            (dir, device, hash)
        })
        .bench_values(|(dir, mut device, hash)| {
            author(&mut device, hash);
            (dir, device)
        });
}
