//! Where every stream ends, as a small document that is kept where this server has no power: whoever keeps one can tell later
//! that nothing before it was rewritten.

use super::{Place, Stop, Walk, fault};
use crate::{app::App, error::ApiError, exchange};
use db::{MAX_PAGE, feed};
use serde::{Deserialize, Serialize};
use sync_core::{DeviceId, Hash, exchange::StreamId};

/// The heads of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heads {
    /// `veedor-heads-1`.
    pub format: String,
    /// When, RFC 3339.
    pub at: String,
    /// The epoch.
    pub epoch: u64,
    /// Each organization.
    pub organizations: Vec<OrganizationHeads>,
}

/// The heads of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationHeads {
    /// Its name in addresses.
    pub slug: String,
    /// The server's own device, made of the key with which it signs; absent in heads of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<DeviceId>,
    /// One hash over all of `streams`: short enough to be written on paper.
    pub digest: Hash,
    /// Where each stream ends.
    pub streams: Vec<StreamHead>,
}

/// Where a stream ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamHead {
    /// The stream.
    pub stream: StreamId,
    /// Its last number.
    pub last: u64,
    /// The feed's hash there, which covers all before it.
    pub f: Hash,
}

impl Heads {
    /// The name of the form.
    pub const FORMAT: &'static str = "veedor-heads-1";

    pub(super) fn of(&self, slug: &str) -> Option<&OrganizationHeads> {
        self.organizations.iter().find(|it| it.slug == slug)
    }
}

fn digest(streams: &[StreamHead]) -> Hash {
    let lines = streams.iter().map(|it| format!("{} {} {}\n", it.stream, it.last, it.f));
    Hash::of(lines.collect::<String>().as_bytes())
}

/// The heads now. Blocks.
///
/// # Errors
/// Those of the database.
pub fn heads(app: &App) -> Result<Heads, ApiError> {
    let at = crate::zone::instant(app.now());
    app.db.read(|tx| {
        let mut organizations = Vec::new();
        for organization in db::organizations::list(tx)? {
            let (mut streams, mut after) = (Vec::new(), None);
            loop {
                let page = feed::list_ends(tx, organization.org_id, after, MAX_PAGE)?;
                let head = |(stream, end): (StreamId, feed::StreamEnd)| StreamHead {
                    stream,
                    last: end.last,
                    f: end.f,
                };
                streams.extend(page.items.into_iter().map(head));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let key = db::organizations::find_server_key(tx, organization.org_id)?;
            organizations.push(OrganizationHeads {
                slug: organization.slug,
                server: key.map(|it| it.dev),
                digest: digest(&streams),
                streams,
            });
        }
        Ok(Heads { format: Heads::FORMAT.to_owned(), at, epoch: exchange::epoch(tx)?, organizations })
    })
}

impl Walk<'_, '_> {
    /// Whether every stream still has what stood there when the heads were written down.
    pub(super) fn kept_heads(&mut self, kept: &OrganizationHeads) -> Result<(), Stop> {
        for head in &kept.streams {
            if feed::find_hash_at(self.tx, self.org, head.stream, head.last)? != Some(head.f) {
                return Err(fault(
                    "kept_head",
                    Place::stream(head.stream, head.last),
                    "el flujo no es el que se guardó fuera: fue reescrito, o se restauró una copia anterior",
                    "the stream is not the one that was kept elsewhere: it was rewritten, or an older copy restored",
                ));
            }
            self.report.heads += 1;
        }
        Ok(())
    }
}
