//! What an operator's log shipper carries out of this server's power: where every stream ends, once a day.

use crate::exchange::Scene;
use crate::operator::Lines;
use server::app::verify::heads;
use tracing::Level;

#[actix_web::test]
async fn the_ends_of_all_streams_are_told_once_a_day_with_the_key_of_the_server() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    let app = &scene.office.app;
    let told = |before| {
        let lines = Lines::of(Level::INFO);
        let day = tracing::subscriber::with_default(lines.clone(), || app.tell_heads(before).unwrap());
        (day, lines.which(|it| it.starts_with("veedor::heads")))
    };
    let (day, lines) = told(None);
    let known = heads(app).unwrap();
    let organization = &known.organizations[0];
    assert_eq!(organization.server, Some(phone.enrolment.server_key.device()));
    assert_eq!(lines.len(), 1 + organization.streams.len());
    assert!(lines[0].contains(&phone.enrolment.server_key.device().to_string()), "{lines:?}");
    for (line, head) in lines[1..].iter().zip(&organization.streams) {
        let parts = [head.stream.to_string(), head.f.to_string(), format!("last={}", head.last)];
        assert!(parts.iter().all(|it| line.contains(it)), "{line}");
    }
    assert_eq!(told(day), (day, Vec::new()));
    assert_eq!(told(day.map(|it| it - 1)).1, lines);
}
