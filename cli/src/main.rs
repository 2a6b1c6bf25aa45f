//! The `veedor` binary.

#[cfg_attr(not(test), expect(dead_code, reason = "the command that feeds these audits to a device calls it"))]
mod import;

fn main() {}
