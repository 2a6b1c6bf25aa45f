//! libFuzzer on `fuzz::signed`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(signed);
