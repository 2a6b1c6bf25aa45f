//! Rescue files, as whoever makes one does it: what is to be signed for it one by one, then its bytes piece by piece, which the platform
//! seals. Of a phone that is open, or of a store that does not open. Holds no rule: what goes in is `device`'s.

use std::any::Any;

use device::{DeviceError, DeviceKey, Place, Remembered, Rescue, Signatures};
use sync_core::DeviceId;

use crate::{Phone, runs::none_under_way};

/// What is to be signed, and with the key of which device.
pub type ToSign = (DeviceId, Vec<u8>);

/// The signatures of work that needs several, asked for one by one.
#[derive(Default)]
pub(crate) struct Signing {
    signatures: Signatures,
    asked: Option<ToSign>,
}

impl Signing {
    /// Goes on with the signature of what was asked for last; with none it begins anew.
    pub(crate) fn signed(&mut self, signature: Option<Vec<u8>>) -> &mut Signatures {
        match (self.asked.take(), signature) {
            (Some((dev, bytes)), Some(signature)) => self.signatures.hold(dev, bytes, signature),
            _ => self.signatures = Signatures::default(),
        }
        &mut self.signatures
    }

    /// What is to be signed next; none where the work is done.
    pub(crate) fn next(&mut self) -> Option<ToSign> {
        self.asked = self.signatures.take_wanted().into_iter().next();
        if self.asked.is_none() {
            *self = Self::default();
        }
        self.asked.clone()
    }
}

impl Phone {
    /// What the platform remembers beside the store, for [`Salvage`]; none before the phone is enrolled.
    ///
    /// - **Errors**: storage.
    pub fn remembered(&self) -> Result<Option<Remembered>, DeviceError> {
        let enrolment = self.device.enrolment()?;
        Ok(enrolment.map(|it| Remembered { org: it.org, user: it.user, rescue_key: it.rescue_key }))
    }

    /// Begins a rescue file: gives what is to be signed for it, and goes on with the signature, until none is wanted.
    ///
    /// - **Shape**: `made_ms` is now, milliseconds since 1970; `signature` is of what came last.
    /// - **Errors**: `not_enrolled`; storage.
    pub fn rescue_begin(
        &mut self,
        made_ms: u64,
        signature: Option<Vec<u8>>,
    ) -> Result<Option<ToSign>, DeviceError> {
        let Self { device, runs, .. } = self;
        let rescue = device.rescue(made_ms, runs.signing.signed(signature))?;
        let wanted = runs.signing.next();
        runs.rescue = wanted.is_none().then_some(rescue);
        Ok(wanted)
    }

    /// The rescue file that is begun: what it will hold and what it is to be sealed for.
    pub fn rescue(&self) -> Option<&Rescue> {
        self.runs.rescue.as_ref()
    }

    /// The next bytes of the rescue file, to be sealed; none once it is whole.
    ///
    /// - **Errors**: `no_run` where none is begun.
    pub fn rescue_next(&mut self) -> Result<Option<Vec<u8>>, DeviceError> {
        let rescue = self.runs.rescue.as_mut().ok_or_else(none_under_way)?;
        self.device.rescue_next(rescue)
    }
}

/// A store that does not open, of which a rescue file is made. It is only read.
pub struct Salvage {
    place: Box<dyn Place>,
    key: DeviceKey,
    remembered: Option<Remembered>,
    signing: Signing,
    rescue: Option<Rescue>,
    _lock: Box<dyn Any + Send>,
}

impl Salvage {
    /// The store of a place, taken for this program alone.
    ///
    /// - **Shape**: `key` is the device's; `remembered` is whose store it is, for where the store cannot say it any more.
    /// - **Errors**: `device_in_use`; files.
    pub fn of(
        place: Box<dyn Place>,
        key: DeviceKey,
        remembered: Option<Remembered>,
    ) -> Result<Self, DeviceError> {
        let lock = place.lock()?;
        Ok(Self { place, key, remembered, signing: Signing::default(), rescue: None, _lock: lock })
    }

    /// As [`Phone::rescue_begin`].
    ///
    /// - **Errors**: `not_enrolled` where nobody can say whose store it is. What cannot be read is left out.
    pub fn rescue_begin(
        &mut self,
        made_ms: u64,
        signature: Option<Vec<u8>>,
    ) -> Result<Option<ToSign>, DeviceError> {
        let Self { place, key, remembered, signing, .. } = self;
        let rescue = device::salvage(&**place, key, remembered.clone(), made_ms, signing.signed(signature))?;
        let wanted = signing.next();
        self.rescue = wanted.is_none().then_some(rescue);
        Ok(wanted)
    }

    /// As [`Phone::rescue`].
    pub fn rescue(&self) -> Option<&Rescue> {
        self.rescue.as_ref()
    }

    /// As [`Phone::rescue_next`].
    ///
    /// - **Errors**: `no_run` where none is begun.
    pub fn rescue_next(&mut self) -> Result<Option<Vec<u8>>, DeviceError> {
        self.rescue.as_mut().ok_or_else(none_under_way)?.next(&*self.place.files())
    }
}
