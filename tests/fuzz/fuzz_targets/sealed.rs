//! libFuzzer on `fuzz::sealed`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(sealed);
