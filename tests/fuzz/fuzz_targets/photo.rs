//! libFuzzer on `fuzz::photo`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(photo);
