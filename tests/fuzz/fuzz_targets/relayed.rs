//! libFuzzer on `fuzz::relayed`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(relayed);
