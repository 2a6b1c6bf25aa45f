//! libFuzzer on `fuzz::content`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(content);
