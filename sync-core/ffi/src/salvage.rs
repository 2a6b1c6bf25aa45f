//! What can still be read of a folder that does not open.

use std::path::Path;

use device::Folder;

use crate::{
    PhoneError,
    keys::{self, Keys, place},
    shared::{Answer, Shared},
    steps::{Holds, Step, to_sign},
};

/// The folder of a phone that `Phone.open` refused since it is damaged: a rescue file is made of it, and it is only read.
#[derive(uniffi::Object)]
pub struct Salvage(Shared<screens::Salvage>);

#[uniffi::export]
impl Salvage {
    /// Opens a folder with its keys; `remembered` is what `Phone.remembered` gave, none where nobody knows it.
    #[uniffi::constructor]
    pub fn open(folder: String, keys: Keys, remembered: Option<String>) -> Answer<Self> {
        let folder = Folder::at(Path::new(&folder));
        let kept = keys.kept()?;
        let key = match &kept {
            Some(_) => keys.newest()?,
            None => folder.newest_key()?.ok_or_else(PhoneError::key_lost)?,
        };
        let remembered = remembered.map(|it| serde_json::from_str(&it)).transpose();
        let remembered = remembered.map_err(|error| PhoneError::malformed(&error.to_string()))?;
        Ok(Self(Shared::new(screens::Salvage::of(place(folder, kept), key, remembered)?)))
    }

    /// As `rescue_begin` of a phone.
    pub fn rescue_begin(&self, now_ms: u64, signature: Option<Vec<u8>>) -> Answer<Option<Step>> {
        let signature = signature.map(keys::signature).transpose()?;
        self.0.with(|it| Ok(it.rescue_begin(now_ms, signature)?.map(to_sign)))
    }

    /// As `rescue_holds` of a phone.
    pub fn rescue_holds(&self) -> Answer<Option<Holds>> {
        self.0.with(|it| Ok(it.rescue().map(Into::into)))
    }

    /// As `rescue_next` of a phone.
    pub fn rescue_next(&self) -> Answer<Option<Vec<u8>>> {
        self.0.with(|it| Ok(it.rescue_next()?))
    }

    /// Gives the folder back.
    pub fn give_back(&self) {
        self.0.give_back();
    }
}
