//! libFuzzer on `fuzz::evidence_file`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(evidence_file);
