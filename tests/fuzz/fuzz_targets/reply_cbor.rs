//! libFuzzer on `fuzz::reply_cbor`.
#![cfg_attr(fuzzing, no_main)]
fuzz::program!(reply_cbor);
