//! The phone's core in a browser's worker: thin bindings of `screens` and `device` for JavaScript. Owns where a phone lives in a
//! browser (a pool of files in OPFS, encrypted) and how requests and signatures, which a browser answers later, go out and come back.
//! Holds no rule. Empty elsewhere, so that the workspace builds everywhere.

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod bindings;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod pool;
