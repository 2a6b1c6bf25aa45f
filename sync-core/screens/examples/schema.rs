//! Prints the JSON Schema of the phone's messages (`cargo xtask messages`).

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(screens::schema().as_bytes())
}
