//! The phone's core for shells in other languages: thin bindings of `screens` and `device`, which UniFFI puts into Kotlin, Swift and
//! Python. Owns the boundary (one lock, one error, what goes over it) and the forms in which platforms give keys and signatures. Holds
//! no rule, reads no clock, opens no socket: the shell does, and may keep the key.

mod error;
mod keys;
mod phone;
mod salvage;
mod shared;
mod steps;

pub use error::{PhoneError, Problem};
pub use keys::{Keys, PlatformKey, device_of};
pub use phone::Phone;
pub use salvage::Salvage;
pub use steps::{Ended, Holds, How, Rest, Step};

uniffi::setup_scaffolding!();
