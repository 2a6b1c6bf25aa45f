//! libFuzzer on `fuzz::blob_lane`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(blob_lane);
