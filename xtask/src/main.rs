//! veedor
fn main() {}
