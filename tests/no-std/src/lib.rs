//! Proves that nothing below the pure crates links the standard library: what a panic does is said here, once for a
//! whole program, and the standard library says it too. Where any crate below links it, the compiler refuses this one
//! (E0152, duplicate lang item). Needs no target but the machine's own, and holds no code of the product.
#![no_std]

use domain as _;
use sync_core as _;

#[cfg(feature = "proof")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
