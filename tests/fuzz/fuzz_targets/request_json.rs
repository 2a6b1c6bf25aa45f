//! libFuzzer on `fuzz::request_json`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(request_json);
