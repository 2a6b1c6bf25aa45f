//! Versions of checklists, standards and plans: drafts may change, released ones never do.

use diesel::prelude::*;
use domain::ids::OrgId;
use domain::lifecycle::VersionState;
use sync_core::Hash;

use crate::column::Stored;
use crate::record::{Record, read_all, read_one};
use crate::schema::content_versions;
use crate::{DbError, Micros, Tx};

words! {
    /// What a piece of content is.
    ContentKind {
        /// A checklist.
        Checklist = "checklist",
        /// A standard.
        Standard = "standard",
        /// An incentive plan.
        Plan = "plan",
    }
}

record! {
    /// A version of a piece of content; an organization has its own copy of the built-in ones.
    ContentVersion as ContentVersionRow in content_versions {
        /// What it is.
        kind: ContentKind,
        /// Its id, such as `cem-1000`.
        content_id: String,
        /// 1, 2, 3...
        version: u32,
        /// The SHA-256 of its canonical JSON.
        hash: Hash,
        /// The content, kept byte for byte.
        canonical_json: String,
        /// Whether it may still change.
        state: VersionState,
        /// When it was first stored.
        created_at: Micros,
        /// When it was released.
        released_at: Option<Micros>,
    }
}

/// Appends a version, a draft or a released one.
///
/// - **Errors**: [`DbError::Duplicate`] where this version is stored, [`DbError::Refused`] for a released one without
///   `released_at`.
pub fn append(tx: &mut Tx<'_>, org: OrgId, content: &ContentVersion) -> Result<(), DbError> {
    let row = content.row(org);
    on_db!(tx, |c| diesel::insert_into(content_versions::table).values(&row).execute(c))?;
    Ok(())
}

/// Replaces the content of a draft.
///
/// - **Errors**: [`DbError::Stale`] where it is no draft, or not stored.
pub fn update_draft(tx: &mut Tx<'_>, org: OrgId, content: &ContentVersion) -> Result<(), DbError> {
    let row = content.row(org);
    let key = (row.org_id, row.kind, row.content_id, row.version);
    let changed = on_db!(tx, |c| diesel::update(content_versions::table.find(key.clone()))
        .filter(content_versions::state.eq(VersionState::Draft.as_str()))
        .set(
            (content_versions::hash.eq(&row.hash), content_versions::canonical_json.eq(&row.canonical_json),)
        )
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// Releases a draft; nothing of it changes any more.
///
/// - **Errors**: [`DbError::Stale`] where it is no draft, or not stored.
pub fn release(
    tx: &mut Tx<'_>,
    org: OrgId,
    kind: ContentKind,
    (content_id, version): (&str, u32),
    at: Micros,
) -> Result<(), DbError> {
    let key = (org.store(), kind.store(), content_id.to_owned(), version.store());
    let changed = on_db!(tx, |c| diesel::update(content_versions::table.find(key.clone()))
        .filter(content_versions::state.eq(VersionState::Draft.as_str()))
        .set((
            content_versions::state.eq(VersionState::Released.as_str()),
            content_versions::released_at.eq(Some(at.store())),
        ))
        .execute(c))?;
    if changed == 0 { Err(DbError::Stale) } else { Ok(()) }
}

/// A version of a piece of content.
pub fn find(
    tx: &mut Tx<'_>,
    org: OrgId,
    kind: ContentKind,
    content_id: &str,
    version: u32,
) -> Result<Option<ContentVersion>, DbError> {
    let key = (org.store(), kind.store(), content_id.to_owned(), version.store());
    let row: Option<ContentVersionRow> = on_db!(tx, |c| content_versions::table
        .find(key.clone())
        .select(ContentVersionRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The newest released version of a piece of content.
pub fn find_released(
    tx: &mut Tx<'_>,
    org: OrgId,
    kind: ContentKind,
    content_id: &str,
) -> Result<Option<ContentVersion>, DbError> {
    let row: Option<ContentVersionRow> = on_db!(tx, |c| content_versions::table
        .filter(content_versions::org_id.eq(org.store()))
        .filter(content_versions::kind.eq(kind.as_str()))
        .filter(content_versions::content_id.eq(content_id))
        .filter(content_versions::state.eq(VersionState::Released.as_str()))
        .order(content_versions::version.desc())
        .select(ContentVersionRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// The version with a hash, the oldest where several have the same content.
pub fn find_by_hash(
    tx: &mut Tx<'_>,
    org: OrgId,
    kind: ContentKind,
    hash: Hash,
) -> Result<Option<ContentVersion>, DbError> {
    let row: Option<ContentVersionRow> = on_db!(tx, |c| content_versions::table
        .filter(content_versions::org_id.eq(org.store()))
        .filter(content_versions::kind.eq(kind.as_str()))
        .filter(content_versions::hash.eq(hash.store()))
        .order((content_versions::content_id, content_versions::version))
        .select(ContentVersionRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Every version of a kind, by id and version, at most [`crate::MAX_PAGE`].
pub fn list(tx: &mut Tx<'_>, org: OrgId, kind: ContentKind) -> Result<Vec<ContentVersion>, DbError> {
    let found: Vec<ContentVersionRow> = on_db!(tx, |c| content_versions::table
        .filter(content_versions::org_id.eq(org.store()))
        .filter(content_versions::kind.eq(kind.as_str()))
        .order((content_versions::content_id, content_versions::version))
        .limit(i64::from(crate::MAX_PAGE))
        .select(ContentVersionRow::as_select())
        .load(c))?;
    read_all(found)
}
