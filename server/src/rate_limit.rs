//! How often one address may knock at the doors that need no session. Counts in memory, by the clock that is passed in.

use crate::{app::App, error::ApiError};
use actix_web::HttpRequest;
use std::{collections::BTreeMap, net::IpAddr, sync::Mutex};

/// Knocks of one address in a window, at most.
const KNOCKS: u32 = 60;
/// The window.
const WINDOW_MICROS: i64 = 60_000_000;
/// Addresses remembered; beyond it the windows that are over are forgotten.
const ADDRESSES: usize = 10_000;

/// The knocks of every address in its current window.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    windows: Mutex<BTreeMap<IpAddr, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began_at: i64,
    knocks: u32,
}

impl RateLimit {
    /// Counts one knock.
    fn admit(&self, address: IpAddr, now: i64) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_over = |window: &Window| now.saturating_sub(window.began_at) >= WINDOW_MICROS;
        if windows.len() >= ADDRESSES {
            windows.retain(|_, window| !is_over(window));
        }
        if windows.len() >= ADDRESSES && !windows.contains_key(&address) {
            return false;
        }
        let window = windows.entry(address).or_insert(Window { began_at: now, knocks: 0 });
        if is_over(window) {
            *window = Window { began_at: now, knocks: 0 };
        }
        window.knocks = window.knocks.saturating_add(1);
        window.knocks <= KNOCKS
    }
}

/// Refuses an address that knocks too often.
///
/// # Errors
/// `too_many_requests` (429).
pub(crate) fn admit(request: &HttpRequest, app: &App) -> Result<(), ApiError> {
    let Some(peer) = request.peer_addr() else { return Ok(()) };
    if app.rate_limit.admit(peer.ip(), app.environment.now_micros()) {
        return Ok(());
    }
    Err(ApiError::later(
        429,
        "too_many_requests",
        "Demasiados intentos desde esta dirección; espere un minuto.",
        "too many attempts from this address; wait a minute",
    )
    .retry_after(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_refused_after_its_knocks_and_admitted_in_the_next_window() {
        let limit = RateLimit::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!((0..KNOCKS).all(|_| limit.admit(one, 5)));
        assert!(!limit.admit(one, 5 + WINDOW_MICROS - 1));
        assert!(limit.admit(other, 5));
        assert!(limit.admit(one, 5 + WINDOW_MICROS));
    }
}
