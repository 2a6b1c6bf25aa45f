//! What was added to the wire since `wire-1`, with a folder of its own beside it: words on offers (`accept`, `decline`). Phones and
//! offices of `wire-1` pass such ops on as of a later kind.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sync_core::{
    codec,
    exchange::{Reply, Request},
};
use uuid::Uuid;

use super::{
    reread,
    stage::{Said, Stage},
    variants::Heard,
    write_both,
};
use crate::{NOW, assign};

const TAKEN: Uuid = Uuid::from_u128(51);
const REFUSED: Uuid = Uuid::from_u128(52);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recorded/wire-1-offers")
}

/// One phone answers two offers without a line; the other one reads them.
fn played() -> Stage {
    let (mut stage, hash) = Stage::open();
    assign(&mut stage.server, TAKEN, hash, "offered");
    assign(&mut stage.server, REFUSED, hash, "offered");
    stage.sync(0);
    let phone = stage.phones[0].device();
    phone.accept(TAKEN, NOW).unwrap();
    phone.decline(REFUSED, "away that week", NOW).unwrap();
    stage.sync(0);
    assign(&mut stage.server, TAKEN, hash, "accepted");
    assign(&mut stage.server, REFUSED, hash, "declined");
    for at in [1, 0] {
        stage.sync(at);
    }
    stage
}

#[test]
#[ignore = "no test: makes this recording anew, only where it was never released"]
fn write_down() {
    let folder = folder().join("exchange");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (number, Said { by, when, request, reply }) in played().said.iter().enumerate() {
        let path = |it: &str| folder.join(format!("{number:02}-{by}{when}-{it}"));
        write_both(&path("request"), &codec::from_cbor::<Request>(request).unwrap());
        write_both(&path("reply"), &codec::from_cbor::<Reply>(reply).unwrap());
    }
}

fn recorded() -> Vec<(Request, Reply)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder().join("exchange")).unwrap().map(|it| it.unwrap().path()).collect();
    paths.retain(|it| it.to_string_lossy().ends_with("-request.cbor"));
    paths.sort();
    let reply = |it: &Path| PathBuf::from(it.to_string_lossy().replace("-request.", "-reply."));
    paths.iter().map(|it| (reread(it), reread(&reply(it)))).collect()
}

/// Takes note of all that this recording says.
pub(super) fn listen(heard: &mut Heard) {
    for (request, reply) in recorded() {
        heard.request(&request);
        heard.reply(&reply);
    }
}

#[test]
fn words_on_offers_are_said_as_they_were_recorded_and_understood_by_the_other_phone() {
    let mut stage = played();
    let said: Vec<(Request, Reply)> = stage
        .said
        .iter()
        .map(|it| (codec::from_cbor(&it.request).unwrap(), codec::from_cbor(&it.reply).unwrap()))
        .collect();
    assert_eq!(said, recorded());
    for phone in &mut stage.phones {
        let offers = phone.device().offers().unwrap();
        let told: Vec<&str> = offers.iter().map(|it| it.told.as_str()).collect();
        assert_eq!(told, ["accepted", "accepted", "declined"]);
        assert!(phone.device().list(None, 9).unwrap().is_empty());
    }
}
