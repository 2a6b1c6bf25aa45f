//! Lists by page: what a caller says of the page wanted, and how a page is answered.

use crate::error::ApiError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

/// Rows of a page where the caller does not say.
const DEFAULT_LIMIT: u32 = 100;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// `next` of the page before; none for the first page.
    pub(crate) after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    pub(crate) limit: Option<u32>,
}

impl Paging {
    /// Where the page begins, and how many rows it has at most.
    pub(crate) fn page<K: FromStr>(&self) -> Result<(Option<K>, u32), ApiError> {
        let after = self.after.as_deref().map(|text| {
            text.parse().map_err(|_| {
                ApiError::field(
                    "/after",
                    "bad_cursor",
                    "«after» no viene de una página anterior de esta lista.",
                    "'after' does not come from an earlier page of this list",
                )
            })
        });
        Ok((after.transpose()?, self.limit.unwrap_or(DEFAULT_LIMIT)))
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageOf<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Where the next page begins (pass it as `after`); absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> PageOf<T> {
    /// A page of the database, row by row.
    pub(crate) fn of<R, K: ToString>(page: db::Page<R, K>, shown: impl FnMut(R) -> T) -> Self {
        Self { items: page.items.into_iter().map(shown).collect(), next: page.next.map(|it| it.to_string()) }
    }
}
