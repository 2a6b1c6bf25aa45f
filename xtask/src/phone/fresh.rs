//! What need not be made again: a step whose inputs have the bytes that they had when it was last done. Owns what is read of inputs
//! and remembered of them; knows nothing of the steps.

use crate::steps::Failed;
use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

/// What tools leave in folders of inputs, and what is made of these.
const NO_INPUT: [&str; 3] = ["node_modules", "dist", ".DS_Store"];

/// The inputs of a step as they are now.
pub(super) struct Stamp {
    file: PathBuf,
    now: String,
}

impl Stamp {
    /// Reads files, and folders with everything in them; `file` remembers what they were.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub(super) fn of(file: PathBuf, inputs: &[PathBuf]) -> Result<Self, Failed> {
        let mut hasher = DefaultHasher::new();
        for input in inputs {
            let found = if input.is_dir() { files(input)? } else { vec![input.clone()] };
            for path in found {
                let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
                path.strip_prefix(input).unwrap_or(&path).hash(&mut hasher);
                bytes.hash(&mut hasher);
            }
        }
        Ok(Self { file, now: format!("{:016x}", hasher.finish()) })
    }

    /// Whether the step was done with these.
    pub(super) fn holds(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|it| it == self.now)
    }

    /// Says that it was.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub(super) fn write(&self) -> Result<(), Failed> {
        let folder = self.file.parent().unwrap_or(&self.file);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&self.file, &self.now));
        written.map_err(|error| Failed(format!("{} cannot be written: {error}", self.file.display())))
    }
}

/// Every file below a folder, in order.
///
/// # Errors
/// Where a folder cannot be read.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            if NO_INPUT.iter().any(|it| entry.file_name() == *it) {
                continue;
            }
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
            if kind.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failed {
    Failed(format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_a_byte_or_a_name_changes() {
        let folder = std::env::temp_dir().join(format!("veedor-stamps-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let (inputs, file) = (folder.join("in"), folder.join("target/step"));
        fs::create_dir_all(inputs.join("node_modules")).unwrap();
        fs::write(inputs.join("a"), "1").unwrap();
        let stamp = || Stamp::of(file.clone(), std::slice::from_ref(&inputs)).unwrap();
        assert!(!stamp().holds());
        stamp().write().unwrap();
        assert!(stamp().holds());
        fs::write(inputs.join("node_modules/x"), "not an input").unwrap();
        assert!(stamp().holds());
        fs::write(inputs.join("a"), "2").unwrap();
        assert!(!stamp().holds());
        stamp().write().unwrap();
        fs::rename(inputs.join("a"), inputs.join("b")).unwrap();
        assert!(!stamp().holds());
        fs::remove_dir_all(folder).unwrap();
    }
}
