//! libFuzzer on `fuzz::answers`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(answers);
