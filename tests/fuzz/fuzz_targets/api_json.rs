//! libFuzzer on `fuzz::api_json`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(api_json);
