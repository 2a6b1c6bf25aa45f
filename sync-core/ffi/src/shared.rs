//! What many threads of a shell share: one at a time is in it, and it can be given back.

use std::sync::{Mutex, PoisonError};

use crate::PhoneError;

pub(crate) type Answer<T> = Result<T, PhoneError>;

/// Something that is open; none once it is given back.
pub(crate) struct Shared<T>(Mutex<Option<T>>);

impl<T> Shared<T> {
    pub(crate) fn new(inside: T) -> Self {
        Self(Mutex::new(Some(inside)))
    }

    pub(crate) fn with<A>(&self, work: impl FnOnce(&mut T) -> Answer<A>) -> Answer<A> {
        let mut inside = self.0.lock().unwrap_or_else(|broken: PoisonError<_>| {
            // Whatever panicked, the database holds what was confirmed, and memory may hold something else.
            let mut inside = broken.into_inner();
            *inside = None;
            self.0.clear_poison();
            inside
        });
        work(inside.as_mut().ok_or_else(PhoneError::closed)?)
    }

    pub(crate) fn give_back(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| PhoneError::malformed(&error.to_string()))
}
