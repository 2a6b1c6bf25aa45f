//! Makes what Kotlin, Swift and Python call the core by, out of the core as it was built: `bindings LIBRARY FOLDER`. Each language gets
//! a folder of its name.

use std::{env, path::Path, process::ExitCode};

use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

/// The languages with the names of their folders.
const LANGUAGES: [(&str, TargetLanguage); 3] = [
    ("kotlin", TargetLanguage::Kotlin),
    ("swift", TargetLanguage::Swift),
    ("python", TargetLanguage::Python),
];

/// Makes them for every language.
///
/// # Errors
/// Files, and a library without the marks that UniFFI leaves in it.
pub(crate) fn make(library: &Path, folder: &Path) -> Result<(), String> {
    for (name, language) in LANGUAGES {
        let options = GenerateOptions {
            languages: vec![language],
            source: library.display().to_string().into(),
            out_dir: folder.join(name).display().to_string().into(),
            ..GenerateOptions::default()
        };
        generate(options).map_err(|error| format!("{name}: {error:#}"))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [library, folder] = arguments.as_slice() else {
        eprintln!("bindings LIBRARY FOLDER");
        return ExitCode::from(2);
    };
    match make(Path::new(library), Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
