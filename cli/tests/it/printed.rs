//! A visit on paper, checked on a machine that has nothing but the PDF, its signature or the sheet.

use crate::{
    binary::{Serving, printed, refused, run_in},
    world::World,
};
use serde_json::json;
use std::{fs, path::Path};

fn take(serving: &Serving, folder: &Path, audit: &str, name: &str) {
    let address = format!("{}/visits/{audit}/{name}?lang=es", serving.address);
    let cookie = format!("veedor_session={}", serving.sign_in("reviewer"));
    let mut answer = ureq::get(address).header("Cookie", cookie).call().unwrap();
    fs::write(folder.join(name), answer.body_mut().read_to_vec().unwrap()).unwrap();
}

#[test]
fn a_printed_visit_is_checked_by_its_file_or_by_the_hash_on_the_sheet_without_the_office() {
    let (world, serving, audit) = World::with_a_visit_begun();
    world.fill_in(&audit);
    printed(&world.field(&["submit", &audit]));
    printed(&world.field(&["--server", &serving.address, "sync"]));
    let alone = crate::binary::folder();
    for name in ["print.pdf", "print.json"] {
        take(&serving, alone.path(), &audit, name);
    }
    assert_eq!(serving.stop(), Some(0));
    let verify = |more: &[&str]| {
        let arguments: Vec<&str> =
            ["verify-visit"].iter().chain(more).chain(&["--signature", "print.json"]).copied().collect();
        run_in(alone.path(), &arguments)
    };
    let proved = printed(&verify(&["print.pdf"]));
    assert_eq!((&proved["printed"]["visit"], &proved["file"]), (&json!(audit), &json!(true)));
    let hash = proved["hash"].as_str().unwrap();
    let on_paper = printed(&verify(&["--hash", &hash.to_uppercase()]));
    assert_eq!((&on_paper["hash"], &on_paper["file"]), (&json!(hash), &json!(null)));
    assert_eq!(refused(&verify(&["--hash", &hash[1..]])).1[0].1, "hash");
    assert_eq!(refused(&verify(&[])).1[0].1, "nothing_to_check");
    let mut bytes = fs::read(alone.path().join("print.pdf")).unwrap();
    bytes.push(b' ');
    fs::write(alone.path().join("print.pdf"), bytes).unwrap();
    assert_eq!(refused(&verify(&["print.pdf"])).1[0].1, "file");
    assert_eq!(refused(&run_in(alone.path(), &["verify-visit"])).0, "invalid_arguments");
}
