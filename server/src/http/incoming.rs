//! Bodies of sync as they travel, read within bounds of bytes and of time: whoever sends nothing, or a byte now and then, keeps no
//! place from others. A slow line has its time.

use actix_web::{dev::Payload, web::Bytes};
use futures_core::Stream as _;
use std::{future::poll_fn, pin::Pin, time::Duration};
use sync_core::exchange::RefusalCode;
use tokio::time::{Instant, timeout_at};

/// The longest time between two pieces, and before the rate counts.
const PATIENCE: Duration = Duration::from_secs(30);
/// The least that comes in a second beyond that, in bytes: a tenth of what a line of 2G carries.
const LEAST_RATE: u64 = 1_024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It is longer than it may be.
    TooLarge,
    /// It broke off.
    Off,
    /// It came too slowly.
    TooSlow,
}

impl Broken {
    /// What it is refused with: of what is too much for a line or for the server the phone sends less.
    pub(super) fn code(self) -> RefusalCode {
        match self {
            Self::TooLarge | Self::TooSlow => RefusalCode::TooLarge,
            Self::Off => RefusalCode::Malformed,
        }
    }

    /// Why, for machines.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::Off => "body_broke_off",
            Self::TooSlow => "body_too_slow",
        }
    }
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// [`Broken`].
pub(crate) async fn read(mut payload: Payload, most: usize) -> Result<Bytes, Broken> {
    let begun = Instant::now();
    let mut body = Vec::new();
    loop {
        let received = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let by_rate = begun + PATIENCE + Duration::from_secs(received / LEAST_RATE);
        let piece = poll_fn(|context| Pin::new(&mut payload).poll_next(context));
        match timeout_at(by_rate.min(Instant::now() + PATIENCE), piece).await {
            Err(_) => return Err(Broken::TooSlow),
            Ok(None) => return Ok(Bytes::from(body)),
            Ok(Some(Err(_))) => return Err(Broken::Off),
            Ok(Some(Ok(piece))) if body.len().saturating_add(piece.len()) > most => {
                return Err(Broken::TooLarge);
            }
            Ok(Some(Ok(piece))) => body.extend_from_slice(&piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::error::PayloadError;
    use std::{
        collections::VecDeque,
        task::{Context, Poll},
    };
    use tokio::time::{Sleep, sleep};

    /// Pieces, each after so many seconds; then nothing any more, or the end.
    struct Line {
        pieces: VecDeque<(u64, Result<usize, PayloadError>)>,
        waits: Option<Pin<Box<Sleep>>>,
        ends: bool,
    }

    impl futures_core::Stream for Line {
        type Item = Result<Bytes, PayloadError>;

        fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let Some((after, _)) = self.pieces.front() else {
                return if self.ends { Poll::Ready(None) } else { Poll::Pending };
            };
            let after = Duration::from_secs(*after);
            let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(after)));
            if waits.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.waits = None;
            let piece = self.pieces.pop_front().map(|it| it.1.map(|size| Bytes::from(vec![7; size])));
            Poll::Ready(piece)
        }
    }

    async fn read_line(
        pieces: impl IntoIterator<Item = (u64, Result<usize, PayloadError>)>,
        ends: bool,
        most: usize,
    ) -> (Result<usize, Broken>, u64) {
        let begun = Instant::now();
        let line = Line { pieces: pieces.into_iter().collect(), waits: None, ends };
        let line: Pin<Box<dyn futures_core::Stream<Item = _>>> = Box::pin(line);
        let read = read(Payload::from(line), most).await.map(|it| it.len());
        (read, begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_read_to_its_end_and_not_beyond_what_it_may_be() {
        let pieces = || [(0, Ok(600)), (1, Ok(424))];
        assert_eq!(read_line(pieces(), true, 1_024).await.0, Ok(1_024));
        assert_eq!(read_line(pieces(), true, 1_023).await.0, Err(Broken::TooLarge));
        let off = [(0, Ok(600)), (1, Err(PayloadError::Incomplete(None)))];
        assert_eq!(read_line(off, true, 1_024).await.0, Err(Broken::Off));
    }

    #[tokio::test(start_paused = true)]
    async fn a_phone_whose_radio_died_and_one_that_sends_a_byte_now_and_then_keep_no_place() {
        assert_eq!(read_line([(0, Ok(1))], false, 1 << 20).await, (Err(Broken::TooSlow), 30));
        // Much came fast; nothing comes any more.
        assert_eq!(read_line([(0, Ok(900_000))], false, 1 << 20).await, (Err(Broken::TooSlow), 30));
        let trickle = (0..1_000).map(|_| (10, Ok(1)));
        assert_eq!(read_line(trickle, true, 1 << 20).await, (Err(Broken::TooSlow), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_has_its_time() {
        let slow = (0..200).map(|_| (20, Ok(20 * 1_500)));
        assert_eq!(read_line(slow, true, 8 << 20).await, (Ok(200 * 20 * 1_500), 4_000));
    }
}
