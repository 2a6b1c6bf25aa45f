//! Photos before a server that was started anew: what could not be decoded is kept, flagged, and not decoded a second time.

use crate::databases::Database;
use crate::exchange::Scene;
use serde_json::{Value, json};
use server::{
    App, Config,
    testing::{
        TestOffice,
        photos::{bomb, jpeg},
    },
};
use std::fs;

crate::on_both![a_photo_that_could_not_be_decoded_is_not_decoded_again_after_a_restart];

impl Scene {
    /// Starts the server anew over what is stored; what is returned keeps the folders.
    async fn restart(&mut self) -> TestOffice {
        let old = &self.office;
        let app = App::open(Config::clone(&old.app.config), old.app.environment.clone()).unwrap();
        let office = TestOffice::over(app, old.clock.clone(), old.org).await;
        std::mem::replace(&mut self.office, office)
    }
}

fn seen(evidence: &Value) -> (Value, Value) {
    let photo = &evidence["photos"][0];
    (photo["picture"].clone(), photo["flags"].clone())
}

async fn a_photo_that_could_not_be_decoded_is_not_decoded_again_after_a_restart(database: Database) {
    let mut scene = Scene::over(database).await;
    let mut phone = scene.phone(1).await;
    let whole = jpeg(3, 300, 200);
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
    let cases = [
        ("a bomb", bomb(50_000), json!(["mime_differs", "too_many_pixels"])),
        ("truncated", whole[..whole.len() / 2].to_vec(), json!(["truncated"])),
        ("of another type than it says", gif, json!(["mime_differs", "format_not_taken"])),
        ("no image", b"a letter".to_vec(), json!(["mime_differs", "not_an_image"])),
    ];
    let mut stored = Vec::new();
    for (name, bytes, flags) in cases {
        let (audit, blob) = scene.shown(&mut phone, &bytes).await;
        assert_eq!(seen(&scene.evidence(audit).await), (json!("refused"), flags), "{name}");
        stored.push((name, audit, blob, scene.row_of(&blob)));
    }
    // Whoever looked at one of them again would now find a photo that can be decoded.
    for (_, _, blob, _) in &stored {
        fs::write(scene.file_of(blob), &whole).unwrap();
    }
    let before = scene.restart().await;
    assert_eq!(scene.office.app.read_photos().unwrap(), 0);
    for (name, audit, blob, row) in &stored {
        assert_eq!(scene.row_of(blob), *row, "{name}");
        assert_eq!(seen(&scene.evidence(*audit).await).0, json!("refused"), "{name}");
        for file in ["thumbnail", "view"] {
            let copy = scene.file(*audit, blob, file).await.outcome();
            assert_eq!(copy, (409, "picture_refused".to_owned()), "{name}");
        }
    }
    // The server does look at what comes now.
    let (audit, _) = scene.shown(&mut phone, &jpeg(9, 60, 40)).await;
    assert_eq!(seen(&scene.evidence(audit).await), (json!("ready"), json!([])));
    drop(before);
}
