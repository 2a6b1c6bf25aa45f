//! libFuzzer on `fuzz::spreadsheet`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(spreadsheet);
