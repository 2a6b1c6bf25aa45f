//! Open conflicts, each with the values that stand against each other.

use device::{Author, Device, DeviceError, OpenConflict, WayOut};
use domain::LocalText;
use serde::{Deserialize, Serialize};

use crate::home::LISTED;

/// Open conflicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Conflicts {
    /// Each field by itself.
    pub conflicts: Vec<Conflict>,
}

/// Values that stand against each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Conflict {
    /// The visit.
    pub visit: String,
    /// `field`, `late`, `fork`, `blob_lost`, `clock` or `submit`.
    pub kind: String,
    /// The field, or empty.
    pub field: String,
    /// The question; none where there is none.
    pub q: Option<LocalText>,
    /// The values.
    pub values: Vec<Value>,
    /// `resolve`: settled here; `migrate`: a version of the checklist is chosen here; `reviewer`: the office's; `none`.
    pub way_out: String,
}

/// One of the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Value {
    /// `this_device`, `another_device` or `office`.
    pub author: String,
    /// When, by the clock of its author.
    pub written_ms: u64,
    /// The answer as JSON text; none for a value taken back.
    pub json: Option<String>,
}

fn entry(device: &mut Device, open: &OpenConflict) -> Result<Conflict, DeviceError> {
    let conflict = &open.conflict;
    let filled = device.filled(open.audit)?;
    let item = conflict.field.split_once('#').map_or(conflict.field.as_str(), |it| it.0);
    let q = filled.checklist.as_ref().and_then(|it| it.checklist().item(item)).map(|it| it.q.clone());
    let values = conflict.values.iter().map(|it| Value {
        author: match it.author {
            Author::ThisDevice => "this_device",
            Author::AnotherDevice => "another_device",
            Author::Office => "office",
        }
        .to_owned(),
        written_ms: it.written_ms,
        json: it.value.as_ref().map(|it| it.get().to_owned()),
    });
    let way_out = match conflict.way_out {
        WayOut::Resolve => "resolve",
        WayOut::Migrate => "migrate",
        WayOut::Reviewer => "reviewer",
        WayOut::None => "none",
    };
    Ok(Conflict {
        visit: open.audit.to_string(),
        kind: conflict.kind.name().to_owned(),
        field: conflict.field.clone(),
        q,
        values: values.collect(),
        way_out: way_out.to_owned(),
    })
}

/// Fills the screen of conflicts.
///
/// - **Errors**: storage.
pub(crate) fn fill(device: &mut Device) -> Result<Conflicts, DeviceError> {
    let open = device.conflicts(LISTED)?;
    let conflicts = open.iter().map(|it| entry(device, it)).collect::<Result<_, _>>()?;
    Ok(Conflicts { conflicts })
}
