//! What an operator's log is told, for tests that read it.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Keeps every line of a level or a graver one: target and fields.
#[derive(Clone)]
pub(crate) struct Lines(Level, Arc<Mutex<Vec<String>>>);

impl Lines {
    /// No line yet.
    pub(crate) fn of(level: Level) -> Self {
        Self(level, Arc::default())
    }

    /// The lines so far that a question holds of.
    pub(crate) fn which(&self, holds: impl Fn(&str) -> bool) -> Vec<String> {
        self.1.lock().unwrap().iter().filter(|it| holds(it)).cloned().collect()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.0
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.1.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
