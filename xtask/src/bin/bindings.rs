//! `bindings MODULE FOLDER NAME`: what JavaScript and TypeScript call a module of Rust by. A program of its own so that only the phone's
//! build compiles the generator; cargo has one version of it and of the library that the module was compiled with.

use std::{env, process::ExitCode};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    match generate(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bindings: {why}");
            ExitCode::FAILURE
        }
    }
}

fn generate(arguments: &[String]) -> Result<(), String> {
    let [module, folder, name] = arguments else {
        return Err("MODULE FOLDER NAME are expected".to_owned());
    };
    let mut generator = Bindgen::new();
    let made = generator.input_path(module).web(true).and_then(|it| {
        // `wasm-opt` puts functions in the order of their names, and of these the generic part comes first.
        it.demangle(false);
        // Without the path, `init()` would have to be told where the module is.
        it.typescript(true).out_name(name).remove_producers_section(true).omit_default_module_path(false);
        it.generate(folder)
    });
    made.map_err(|error| format!("{error:#}"))
}
