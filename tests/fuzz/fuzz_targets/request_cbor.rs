//! libFuzzer on `fuzz::request_cbor`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(request_cbor);
