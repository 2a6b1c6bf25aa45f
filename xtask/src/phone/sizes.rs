//! What the phone weighs: every file that is served, as it is and as it travels. Measures and prints; packs nothing.

use super::fresh::files;
use crate::steps::Failed;
use std::{fs, path::Path};

/// Prints bytes and packed bytes of each file, the heaviest first, and of all.
pub(super) fn print(folder: &Path) -> Result<(), Failed> {
    let size = |path: &Path| fs::metadata(path).ok().map(|it| it.len());
    let mut rows: Vec<(u64, u64, String)> = Vec::new();
    for path in files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        if name.ends_with(".br") || name.ends_with(".gz") {
            continue;
        }
        let whole = size(&path).unwrap_or(0);
        rows.push((size(&folder.join(format!("{name}.br"))).unwrap_or(whole), whole, name));
    }
    rows.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.2.cmp(&other.2)));
    println!("xtask: the phone, {}\n{:>12} {:>12}", folder.display(), "bytes", "brotli");
    for (packed, whole, name) in &rows {
        println!("{whole:>12} {packed:>12}  {name}");
    }
    let all = |of: fn(&(u64, u64, String)) -> u64| rows.iter().map(of).sum::<u64>();
    println!("{:>12} {:>12}  in all", all(|it| it.1), all(|it| it.0));
    Ok(())
}
