//! Whether pages continue what the device holds of their streams. Owns the check of numbers and feed hashes on the
//! device's side.

use alloc::vec::Vec;

use super::{Cursor, RecoverCause};
use crate::{
    Hash,
    chain::feed_hash,
    codec::Nested,
    exchange::{Body, Item, Mark, Page, StreamId},
};

/// What pages bring.
pub(super) struct Read {
    /// The pages that continue their cursors.
    pub(super) pages: Vec<Page>,
    /// Streams that go back to a position that the device offered.
    pub(super) rewinds: Vec<(StreamId, Mark)>,
    /// Whether a stream's position is unknown to the server and no other was offered yet.
    pub(super) unknown: bool,
    /// Positions of the own log that entries speak of, with the chain hashes that they claim there.
    pub(super) own: Vec<(u64, Hash)>,
}

/// Checks pages against cursors.
pub(super) fn check_pages(cursors: &[Cursor], pages: Vec<Page>) -> Result<Read, RecoverCause> {
    let mut read = Read { pages: Vec::new(), rewinds: Vec::new(), unknown: false, own: Vec::new() };
    let mut seen = Vec::new();
    for page in pages {
        let repeated = seen.contains(&page.stream);
        let cursor = cursors.iter().find(|it| it.stream == page.stream && !repeated);
        let cursor = cursor.ok_or(RecoverCause::Feed)?;
        seen.push(page.stream);
        match page.rewind {
            None => {
                check_page(cursor, &page, &mut read.own)?;
                read.pages.push(page);
            }
            Some(_) if cursor.marks.is_empty() && cursor.after > 0 => read.unknown = true,
            Some(mark) if mark.after < cursor.after && is_offered(cursor, &mark) => {
                read.rewinds.push((page.stream, mark));
            }
            Some(_) => return Err(RecoverCause::Feed),
        }
    }
    Ok(read)
}

fn is_offered(cursor: &Cursor, mark: &Mark) -> bool {
    *mark == Mark::START || cursor.marks.contains(mark)
}

fn check_page(cursor: &Cursor, page: &Page, own: &mut Vec<(u64, Hash)>) -> Result<(), RecoverCause> {
    let (mut after, mut f) = (cursor.after, cursor.f);
    for item in &page.items {
        if Some(item.first) != after.checked_add(1) || item.last < item.first {
            return Err(RecoverCause::Feed);
        }
        f = feed_hash(&f, &item.h, item.last, item.recv_ms);
        after = item.last;
        own.extend(check_body(item)?);
    }
    if (after, f) == (page.next, page.f) { Ok(()) } else { Err(RecoverCause::Feed) }
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
