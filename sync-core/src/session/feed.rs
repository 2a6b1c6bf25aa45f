//! Whether pages continue what the device holds of their streams. Owns the check of numbers and feed hashes on the
//! device's side.

use alloc::vec::Vec;

use super::{Cursor, RecoverCause};
use crate::{
    Hash,
    chain::feed_hash,
    codec::Nested,
    exchange::{Body, Item, Page},
};

/// Checks pages against cursors; gives the positions of the own log that they speak of, with the chain hashes that they
/// claim there.
pub(super) fn check_pages(cursors: &[Cursor], pages: &[Page]) -> Result<Vec<(u64, Hash)>, RecoverCause> {
    let mut own = Vec::new();
    for (index, page) in pages.iter().enumerate() {
        let repeated = pages.iter().take(index).any(|it| it.stream == page.stream);
        let cursor = cursors.iter().find(|it| it.stream == page.stream && !repeated);
        let cursor = cursor.ok_or(RecoverCause::Feed)?;
        let (mut after, mut f) = (cursor.after, cursor.f);
        for item in &page.items {
            if Some(item.first) != after.checked_add(1) || item.last < item.first {
                return Err(RecoverCause::Feed);
            }
            f = feed_hash(&f, &item.h, item.last, item.recv_ms);
            after = item.last;
            own.extend(check_body(item)?);
        }
        if (after, f) != (page.next, page.f) {
            return Err(RecoverCause::Feed);
        }
    }
    Ok(own)
}

/// Whether what an entry carries is what its hash covers, as far as the entry alone can tell.
fn check_body(item: &Item) -> Result<Option<(u64, Hash)>, RecoverCause> {
    match &item.body {
        Nested::Known(Body::Own { dseq_first }) => {
            let last = dseq_first.checked_add(item.last.saturating_sub(item.first));
            last.map(|last| Some((last, item.h))).ok_or(RecoverCause::Feed)
        }
        Nested::Known(Body::RefRow(row)) if row.hash() != item.h => Err(RecoverCause::Feed),
        _ => Ok(None),
    }
}
