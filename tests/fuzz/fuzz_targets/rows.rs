//! libFuzzer on `fuzz::rows`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(rows);
