//! Pages of an answer as a device reads them.

use sync_core::{
    codec::Nested,
    exchange::{Body, Page, Response, Run},
};

/// Whole segments as the runs that they are.
pub(crate) fn open(response: &mut Response) {
    for item in response.pull.iter_mut().flat_map(|it| &mut it.items) {
        if let Nested::Known(body @ Body::Segment(_)) = &mut item.body {
            *body = body.clone().opened().expect("a segment opens");
        }
    }
}

/// The runs of a page.
pub(crate) fn runs(page: &Page) -> impl Iterator<Item = &Run> {
    page.items.iter().filter_map(|it| match &it.body {
        Nested::Known(Body::Ops(run)) => Some(run),
        _ => None,
    })
}
