//! What a device mirrors of its organization: templates, branches and assignments. Owns reading them and the check that
//! a template is what its hash says.

use ordered::BTreeMap;
use std::sync::Arc;

use domain::{attachment::Permitted, checklist::Checklist, visit_score::PreparedChecklist};
use rusqlite::{Connection, OptionalExtension};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use sync_core::{
    Hash,
    reference::{ASSIGNMENT, Allowed, AssignmentRow, BRANCH, BranchRow, TEMPLATE},
};
use uuid::Uuid;

use crate::{DeviceError, offers, store::Device};

/// A template on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MirroredTemplate {
    /// SHA-256 of its canonical JSON.
    pub content_hash: Hash,
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u32,
}

pub(crate) fn find(conn: &Connection, kind: &str, id: &str) -> Result<Option<Vec<u8>>, DeviceError> {
    let mut find = conn.prepare_cached("SELECT json FROM reference WHERE kind = ?1 AND id = ?2")?;
    Ok(find.query_row((kind, id), |row| row.get(0)).optional()?)
}

pub(crate) fn put(conn: &Connection, kind: &str, id: &str, json: &[u8]) -> Result<(), DeviceError> {
    conn.prepare_cached(
        "INSERT INTO reference (kind, id, json) VALUES (?1, ?2, ?3) \
         ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json",
    )?
    .execute((kind, id, json))?;
    Ok(())
}

/// Whether a row can be kept as a template: JSON of whatever shape. One that this version of the app cannot read is kept for the next.
pub(crate) fn keeps_template(json: &[u8]) -> Result<(), String> {
    domain::json::read::<IgnoredAny>(json).map(drop).map_err(|e| e.to_string())
}

/// Reads a template's canonical JSON.
///
/// - **Errors**: a text of what is wrong with it.
pub(crate) fn read_template(json: &[u8]) -> Result<PreparedChecklist, String> {
    let checklist: Checklist = domain::json::read(json).map_err(|e| e.to_string())?;
    PreparedChecklist::new(&checklist).map_err(|e| e.title)
}

fn no_template(hash: &Hash) -> DeviceError {
    DeviceError::problem(
        404,
        "unknown_template",
        format!("El cuestionario {hash} no está en este dispositivo; sincronice primero"),
        format!("the checklist {hash} is not on this device; synchronise first"),
    )
}

fn too_new(why: &str) -> DeviceError {
    DeviceError::problem(
        409,
        "checklist_too_new",
        "Este cuestionario necesita una versión más nueva de la aplicación; actualícela. Lo contestado está a salvo",
        format!(
            "this checklist needs a newer version of the app; update it. What was answered is safe ({why})"
        ),
    )
}

/// A template by its hash, prepared once.
pub(crate) fn template(
    conn: &Connection,
    cache: &mut BTreeMap<Hash, Arc<PreparedChecklist>>,
    hash: &Hash,
) -> Result<Arc<PreparedChecklist>, DeviceError> {
    if let Some(known) = cache.get(hash) {
        return Ok(Arc::clone(known));
    }
    let json = find(conn, TEMPLATE, &hash.to_string())?.ok_or_else(|| no_template(hash))?;
    let prepared = Arc::new(read_template(&json).map_err(|it| too_new(&it))?);
    cache.insert(*hash, Arc::clone(&prepared));
    Ok(prepared)
}

pub(crate) fn assignment(conn: &Connection, id: Uuid) -> Result<Option<AssignmentRow>, DeviceError> {
    find(conn, ASSIGNMENT, &id.to_string())?
        .map(|json| domain::json::read(&json).map_err(DeviceError::corrupt))
        .transpose()
}

/// What is allowed on the phone in a visit of an assignment: what its row says as long as it is here.
pub(crate) fn allowed(conn: &Connection, id: Option<Uuid>) -> Result<Allowed, DeviceError> {
    let row = id.map(|it| assignment(conn, it)).transpose()?.flatten();
    Ok(row.map(|it| it.allowed).unwrap_or_default())
}

/// The items that are asked because the programme permits them.
pub(crate) fn permitted(allowed: Allowed) -> Permitted {
    Permitted { audio: allowed.audio, files: allowed.files }
}

impl Device {
    pub(crate) fn rows<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, DeviceError> {
        let mut list = self.conn.prepare_cached("SELECT json FROM reference WHERE kind = ?1 ORDER BY id")?;
        let rows = list.query_map([kind], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|json| domain::json::read(&json?).map_err(DeviceError::corrupt)).collect()
    }

    /// The assignments of the user, each in the state that it has here: an offer that was answered on this device is answered at once
    /// ([`Self::offers`] tells what the office says of it).
    ///
    /// - **Errors**: storage.
    pub fn assignments(&self) -> Result<Vec<AssignmentRow>, DeviceError> {
        let rows: Vec<AssignmentRow> = self.rows(ASSIGNMENT)?;
        rows.into_iter().map(|it| offers::with_word(&self.conn, it)).collect()
    }

    /// The branches that can be visited.
    ///
    /// - **Errors**: storage.
    pub fn branches(&self) -> Result<Vec<BranchRow>, DeviceError> {
        self.rows(BRANCH)
    }

    /// The templates on this device that this version can read.
    ///
    /// - **Errors**: storage.
    pub fn templates(&self) -> Result<Vec<MirroredTemplate>, DeviceError> {
        let mut list =
            self.conn.prepare_cached("SELECT id, json FROM reference WHERE kind = ?1 ORDER BY id")?;
        let rows =
            list.query_map([TEMPLATE], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let mut templates = Vec::new();
        for row in rows {
            let (hash, json) = row?;
            if let Ok(Checklist { id, version, .. }) = domain::json::read(&json) {
                let content_hash = hash.parse().map_err(DeviceError::Corrupt)?;
                templates.push(MirroredTemplate { content_hash, id, version });
            }
        }
        Ok(templates)
    }

    /// The hashes of the templates on this device, also of those that this version cannot read.
    ///
    /// - **Errors**: storage.
    pub fn template_hashes(&self) -> Result<Vec<Hash>, DeviceError> {
        let mut list = self.conn.prepare_cached("SELECT id FROM reference WHERE kind = ?1 ORDER BY id")?;
        let rows = list.query_map([TEMPLATE], |row| row.get::<_, String>(0))?;
        rows.map(|id| id?.parse().map_err(DeviceError::Corrupt)).collect()
    }

    /// The checklist of a hash, as prepared for scoring.
    ///
    /// - **Errors**: `unknown_template`, `checklist_too_new`; storage.
    pub fn template(&mut self, content_hash: &Hash) -> Result<Arc<PreparedChecklist>, DeviceError> {
        template(&self.conn, &mut self.templates, content_hash)
    }

    /// Puts a template on this device without the network (the importer has it at hand). It is addressed by its content, so it
    /// cannot replace another.
    ///
    /// - **Shape**: canonical JSON of the checklist.
    /// - **Errors**: `invalid_template`; storage.
    pub fn add_template(&mut self, json: &[u8]) -> Result<Hash, DeviceError> {
        read_template(json).map_err(|e| {
            DeviceError::problem(422, "invalid_template", format!("El cuestionario no es válido: {e}"), e)
        })?;
        let hash = Hash::of(json);
        put(&self.conn, TEMPLATE, &hash.to_string(), json)?;
        Ok(hash)
    }
}
