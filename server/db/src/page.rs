//! Pages: every list is read by cursor, so that a page costs what it holds and never what exists.

/// The most rows that one page holds; a larger limit is lowered to it.
pub const MAX_PAGE: u32 = 1_000;

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins (pass it as `after`); none on the last page.
    pub next: Option<K>,
}

/// How many rows to ask for: one more than the page, to see whether another page follows.
pub(crate) fn rows_to_read(limit: u32) -> i64 {
    i64::from(limit.clamp(1, MAX_PAGE)) + 1
}

impl<T, K> Page<T, K> {
    /// Cuts `items`, read with [`rows_to_read`], to one page; `key` tells a row's place in the list.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let wanted = usize::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(usize::MAX);
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}
