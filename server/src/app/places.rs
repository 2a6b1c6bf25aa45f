//! Who is let in at the same time with an exchange, or with a part of a photo: a bounded crowd, and of one device only a few, so
//! that a broken phone or a stolen token cannot take the places of all others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use sync_core::DeviceId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of one device: a phone that lost its connection comes again before the server gave the old one up.
const OF_A_DEVICE: u32 = 4;

type Held = Arc<Mutex<BTreeMap<DeviceId, u32>>>;

/// The places.
#[derive(Clone)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    held: Held,
}

/// A place, free again once it is dropped.
pub(crate) struct Place {
    _place: OwnedSemaphorePermit,
    dev: DeviceId,
    held: Held,
}

impl Places {
    /// So many for all.
    pub(crate) fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), held: Held::default() }
    }

    /// A place for a device; none where there is none, or where the device has enough.
    pub(crate) fn take(&self, dev: DeviceId) -> Option<Place> {
        let place = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.entry(dev).or_default();
        if *own >= OF_A_DEVICE {
            return None;
        }
        *own = own.saturating_add(1);
        Some(Place { _place: place, dev, held: Arc::clone(&self.held) })
    }

    /// Who has how many.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn held(&self) -> BTreeMap<DeviceId, u32> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every place that is free.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn take_all(&self) -> Option<OwnedSemaphorePermit> {
        let count = u32::try_from(self.all.available_permits()).ok()?;
        Arc::clone(&self.all).try_acquire_many_owned(count).ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = held.get_mut(&self.dev) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                held.remove(&self.dev);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: usize = 256;

    fn dev(number: u8) -> DeviceId {
        DeviceId([number; 16])
    }

    #[test]
    fn one_device_takes_four_places_and_leaves_the_others_to_others() {
        let places = Places::new(AT_ONCE);
        let mut own: Vec<Place> = (0..4).filter_map(|_| places.take(dev(1))).collect();
        assert_eq!(own.len(), 4);
        assert!(places.take(dev(1)).is_none());
        assert!(places.take(dev(2)).is_some());
        own.pop();
        assert!(places.take(dev(1)).is_some());
        drop(own);
        assert!(places.held.lock().unwrap().is_empty());
        assert_eq!(places.all.available_permits(), AT_ONCE);
    }

    #[test]
    fn nobody_is_let_in_where_every_place_is_taken() {
        let places = Places::new(AT_ONCE);
        let all = places.take_all();
        assert!(all.is_some() && places.take(dev(1)).is_none());
        drop(all);
        assert!(places.take(dev(1)).is_some());
    }
}
