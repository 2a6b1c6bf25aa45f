//! libFuzzer on `fuzz::rescue`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(rescue);
