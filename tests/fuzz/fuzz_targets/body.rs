//! libFuzzer on `fuzz::body`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(body);
