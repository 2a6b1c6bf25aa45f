//! What the phone weighs: every file that is served, as it is and as it travels, and whether that is more than it may be. Measures and
//! prints; packs nothing.

use super::fresh::files;
use crate::steps::Failed;
use std::{fs, path::Path};

/// Most that a phone loads at first, in bytes as they travel (brotli): everything that is served.
const MOST_IN_ALL: u64 = 600_000;
/// Most of it that shows something, in bytes as they travel: the page, its styles, and its scripts without the workers' and without
/// the second language, for which only those wait who read it.
const MOST_OF_SCREENS: u64 = 60_000;

/// A file that is served.
struct Served {
    name: String,
    bytes: u64,
    /// As they travel.
    packed: u64,
}

impl Served {
    /// Whether the page shows something with it.
    fn is_of_screens(&self) -> bool {
        let is_beside = ["sw.js", "assets/worker-", "assets/en-"].iter().any(|it| self.name.starts_with(it));
        let is_shown = [".html", ".css", ".js"].iter().any(|it| self.name.ends_with(it));
        is_shown && !is_beside
    }
}

/// Prints bytes and packed bytes of each file, the heaviest first, and of all.
///
/// # Errors
/// More than the phone may weigh.
pub(super) fn print(folder: &Path) -> Result<(), Failed> {
    let mut served = measure(folder)?;
    served.sort_by(|one, other| other.packed.cmp(&one.packed).then_with(|| one.name.cmp(&other.name)));
    println!("xtask: the phone, {}\n{:>12} {:>12}", folder.display(), "bytes", "brotli");
    for Served { name, bytes, packed } in &served {
        println!("{bytes:>12} {packed:>12}  {name}");
    }
    let line = |name: &str, of: &dyn Fn(&Served) -> bool| {
        let bytes = served.iter().filter(|it| of(it)).map(|it| it.bytes).sum::<u64>();
        let packed = packed(&served, of);
        println!("{bytes:>12} {packed:>12}  {name}");
    };
    line("in all", &|_| true);
    line("of it screens", &Served::is_of_screens);
    within_budget(&served)
}

fn measure(folder: &Path) -> Result<Vec<Served>, Failed> {
    let size = |path: &Path| fs::metadata(path).ok().map(|it| it.len());
    let mut served = Vec::new();
    for path in files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        if name.ends_with(".br") || name.ends_with(".gz") {
            continue;
        }
        let bytes = size(&path).unwrap_or(0);
        let packed = size(&folder.join(format!("{name}.br"))).unwrap_or(bytes);
        served.push(Served { name, bytes, packed });
    }
    Ok(served)
}

fn packed(served: &[Served], of: &dyn Fn(&Served) -> bool) -> u64 {
    served.iter().filter(|it| of(it)).map(|it| it.packed).sum()
}

/// What is over the budget, with how much it is and may be.
fn within_budget(served: &[Served]) -> Result<(), Failed> {
    let (all, screens) = (packed(served, &|_| true), packed(served, &Served::is_of_screens));
    let over = [("in all", all, MOST_IN_ALL), ("of screens", screens, MOST_OF_SCREENS)]
        .into_iter()
        .filter(|it| it.1 > it.2);
    let told: Vec<String> = over
        .map(|(what, is, may)| {
            format!("{is} bytes of brotli {what}, {} more than the {may} that it may be", is - may)
        })
        .collect();
    if told.is_empty() {
        Ok(())
    } else {
        Err(Failed(format!(
            "the phone is too heavy: {} (xtask/src/phone/sizes.rs; sync-core/wasm/README.md)",
            told.join("; ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(name: &str, packed: u64) -> Served {
        Served { name: name.to_owned(), bytes: packed * 3, packed }
    }

    fn told(served: &[Served]) -> String {
        within_budget(served).err().map_or_else(String::new, |it| it.0)
    }

    #[test]
    fn a_phone_within_its_budget_passes() {
        let all = [
            served("assets/core.wasm", MOST_IN_ALL - MOST_OF_SCREENS),
            served("assets/app-1.js", MOST_OF_SCREENS),
        ];
        assert_eq!(told(&all), "");
    }

    #[test]
    fn a_byte_too_much_in_all_is_told() {
        let all = [served("assets/core.wasm", MOST_IN_ALL - 10), served("icons/512.png", 11)];
        let over = format!("{} bytes of brotli in all, 1 more", MOST_IN_ALL + 1);
        assert!(told(&all).contains(&over), "{}", told(&all));
    }

    #[test]
    fn screens_have_a_budget_of_their_own() {
        let all = [
            served("assets/app-1.js", MOST_OF_SCREENS - 400),
            served("assets/app-1.css", 200),
            served("index.html", 202),
        ];
        let told = told(&all);
        assert!(
            told.contains("60002 bytes of brotli of screens, 2 more") && !told.contains("in all"),
            "{told}"
        );
    }

    #[test]
    fn the_workers_and_the_second_language_are_not_of_the_screens() {
        let all = [
            served("assets/worker-1.js", MOST_OF_SCREENS),
            served("sw.js", 1_000),
            served("assets/en-1.js", 1_000),
            served("icons/192.png", 1_000),
        ];
        assert_eq!(told(&all), "");
    }
}
