//! libFuzzer on `fuzz::incident`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(incident);
