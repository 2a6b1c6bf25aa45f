//! What an operator's log shipper carries out of this server's power: where every stream ends, once a day.

use crate::exchange::Scene;
use server::app::verify::heads;
use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Keeps every line that is told.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[actix_web::test]
async fn the_ends_of_all_streams_are_told_once_a_day_with_the_key_of_the_server() {
    let scene = Scene::open().await;
    let mut phone = scene.phone(1).await;
    phone.fill_in(scene.new_audit(), &scene.pin());
    let request = phone.push();
    scene.done(&phone, &request).await;
    let app = &scene.office.app;
    let told = |before| {
        let lines = Lines::default();
        let day = tracing::subscriber::with_default(lines.clone(), || app.tell_heads(before).unwrap());
        let mut lines = std::mem::take(&mut *lines.0.lock().unwrap());
        lines.retain(|it| it.starts_with("veedor::heads"));
        (day, lines)
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
