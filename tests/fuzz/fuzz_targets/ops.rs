//! libFuzzer on `fuzz::ops`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(ops);
