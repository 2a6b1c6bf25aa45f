//! libFuzzer on `fuzz::reply_json`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(reply_json);
