//! Writes the JSON Schemas of the content files to `schemas/`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    fs::create_dir_all(&folder)?;
    for (name, text) in audit_templates::schema::schemas() {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
