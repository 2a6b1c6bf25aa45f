//! Versions of checklists, standards and plans: read from YAML or JSON into drafts, released once and for ever. A
//! released checklist is told to every device of the organization.

use crate::{
    app::reading::{self, check_text},
    error::ApiError,
    exchange::feed,
    office::Office,
    principal::Principal,
    zone::instant,
};
use audit_templates::{
    TemplateProblem, read_checklist, read_plans, read_standard,
    released::{Versioned, canonical_json},
};
use db::{
    Tx,
    content::{self, ContentKind, ContentVersion},
};
use domain::access::{Permission, Target};
use domain::incentive::Warning;
use domain::lifecycle::{self, VersionState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::Hash;
use utoipa::ToSchema;
use validator::Validate;

/// What a piece of content is, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A checklist.
    Checklist,
    /// A standard.
    Standard,
    /// An incentive plan.
    Plan,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Checklist, Self::Standard, Self::Plan];

    /// The kind of a word; none for a word that is none.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| ContentKind::from(*it).as_str() == word)
    }
}

impl From<Kind> for ContentKind {
    fn from(it: Kind) -> Self {
        match it {
            Kind::Checklist => Self::Checklist,
            Kind::Standard => Self::Standard,
            Kind::Plan => Self::Plan,
        }
    }
}

/// Content to store as a draft.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewContent {
    /// What it is.
    pub(crate) kind: Kind,
    /// The file, YAML or JSON; one with plans may hold several.
    #[validate(custom(function = "check_text"))]
    pub(crate) text: String,
}

/// A version of a piece of content, without the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Version {
    /// `checklist`, `standard` or `plan`.
    pub(crate) kind: &'static str,
    /// Its id, such as `cem-1000`.
    pub(crate) id: String,
    /// 1, 2, 3...
    pub(crate) version: u32,
    /// SHA-256 of its canonical JSON, 64 hexadecimal digits.
    pub(crate) hash: String,
    /// `draft` or `released`.
    pub(crate) state: &'static str,
    /// When it was first stored, RFC 3339.
    pub(crate) created_at: String,
    /// When it was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) released_at: Option<String>,
    /// What is allowed but unwise in it, told once when it is stored; each with `field`, `code`, `message_es` and
    /// `message_en`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub(crate) warnings: Vec<Warning>,
}

impl From<ContentVersion> for Version {
    fn from(it: ContentVersion) -> Self {
        Self {
            kind: it.kind.as_str(),
            id: it.content_id,
            version: it.version,
            hash: it.hash.to_string(),
            state: it.state.as_str(),
            created_at: instant(it.created_at),
            released_at: it.released_at.map(instant),
            warnings: Vec::new(),
        }
    }
}

/// Every version, of one kind or of all, by kind, id and version.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    kind: Option<Kind>,
) -> Result<Vec<Version>, ApiError> {
    reading::require_reader(principal)?;
    let mut found = Vec::new();
    for it in Kind::ALL.into_iter().filter(|it| kind.is_none_or(|wanted| wanted == *it)) {
        found.extend(content::list(tx, principal.org, it.into())?.into_iter().map(Version::from));
    }
    Ok(found)
}

/// The canonical JSON of a version and its hash.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn read(
    tx: &mut Tx<'_>,
    principal: &Principal,
    kind: Kind,
    id: &str,
    version: u32,
) -> Result<(String, Hash), ApiError> {
    reading::require_reader(principal)?;
    let found = content::find(tx, principal.org, kind.into(), id, version)?.ok_or_else(not_found)?;
    Ok((found.canonical_json, found.hash))
}

/// There is no such version.
pub(crate) fn not_found() -> ApiError {
    ApiError::not_found("esa versión del contenido", "this version of the content")
}

/// A piece of content that was read: its id, its version, its canonical JSON and what is unwise in it.
struct Piece {
    id: String,
    version: u32,
    json: String,
    warnings: Vec<Warning>,
}

impl Piece {
    fn of(content: &(impl Versioned + Serialize)) -> Self {
        Self {
            id: content.id().to_owned(),
            version: content.version(),
            json: canonical_json(content),
            warnings: content.warnings(),
        }
    }
}

fn read_pieces(kind: Kind, text: &str) -> Result<Vec<Piece>, Vec<TemplateProblem>> {
    /// What problems call the text, which has no file.
    const NAME: &str = "text";
    Ok(match kind {
        Kind::Checklist => vec![Piece::of(&read_checklist(NAME, text)?)],
        Kind::Standard => vec![Piece::of(&read_standard(NAME, text)?)],
        Kind::Plan => read_plans(NAME, text)?.iter().map(Piece::of).collect(),
    })
}

/// Stores content as a draft; a draft of the same version is replaced.
///
/// # Errors
/// `invalid_template` (422) with every problem, `version_released` (409) where the version is frozen, `forbidden` (403).
pub(crate) fn create(
    tx: &mut Tx<'_>,
    office: &mut Office,
    new: &NewContent,
) -> Result<Vec<Version>, ApiError> {
    office.require(Permission::ManageContent, &Target::Organization)?;
    let pieces = read_pieces(new.kind, &new.text)
        .map_err(|problems| ApiError::from(audit_templates::to_problem(&problems)))?;
    pieces.into_iter().map(|it| store_draft(tx, office, new.kind.into(), it)).collect()
}

fn store_draft(
    tx: &mut Tx<'_>,
    office: &mut Office,
    kind: ContentKind,
    piece: Piece,
) -> Result<Version, ApiError> {
    let org = office.org();
    let stored = content::find(tx, org, kind, &piece.id, piece.version)?;
    let draft = ContentVersion {
        kind,
        hash: Hash::of(piece.json.as_bytes()),
        content_id: piece.id,
        version: piece.version,
        canonical_json: piece.json,
        state: VersionState::Draft,
        created_at: stored.as_ref().map_or(office.now(), |it| it.created_at),
        released_at: None,
    };
    match stored.map(|it| it.state) {
        None => content::append(tx, org, &draft)?,
        Some(VersionState::Draft) => content::update_draft(tx, org, &draft)?,
        Some(VersionState::Released) => return Err(version_released(&draft)),
    }
    record(office, "content_stored", &draft)?;
    Ok(Version { warnings: piece.warnings, ..draft.into() })
}

fn version_released(draft: &ContentVersion) -> ApiError {
    let (id, version) = (&draft.content_id, draft.version);
    ApiError::taken(
        "/text",
        "version_released",
        format!("La versión {version} de «{id}» ya está liberada y no cambia; use una versión mayor."),
        format!("version {version} of '{id}' is released and does not change; use a higher version"),
    )
}

fn record(office: &mut Office, action: &'static str, version: &ContentVersion) -> Result<(), ApiError> {
    let subject = format!("{}/{}/{}", version.kind.as_str(), version.content_id, version.version);
    office.record(action, "content", subject, &json!({"hash": version.hash.to_string()}))
}

/// Releases a draft: from now on it can be assigned, and never changes.
///
/// # Errors
/// `not_found` (404), `wrong_state` (409) where it is released already, `forbidden` (403).
pub(crate) fn release(
    tx: &mut Tx<'_>,
    office: &mut Office,
    kind: Kind,
    id: &str,
    version: u32,
) -> Result<Version, ApiError> {
    office.require(Permission::ManageContent, &Target::Organization)?;
    let (org, now) = (office.org(), office.now());
    let mut found = content::find(tx, org, kind.into(), id, version)?.ok_or_else(not_found)?;
    found.state = lifecycle::release(found.state)?;
    found.released_at = Some(now);
    content::release(tx, org, kind.into(), (id, version), now)?;
    publish(tx, office, &found)?;
    record(office, "content_released", &found)?;
    Ok(found.into())
}

/// Tells the devices of a released checklist; the other kinds are none of theirs.
fn publish(tx: &mut Tx<'_>, office: &Office, released: &ContentVersion) -> Result<(), ApiError> {
    if released.kind != ContentKind::Checklist {
        return Ok(());
    }
    feed::publish_checklist(tx, office.org(), released.hash, &released.canonical_json, office.now())
}

/// Gives a new organization its copy of everything that is built in, released.
///
/// # Errors
/// Those of the database.
pub(crate) fn append_built_in(tx: &mut Tx<'_>, office: &mut Office) -> Result<(), ApiError> {
    for entry in audit_templates::catalogue() {
        let kind = ContentKind::from_word(entry.kind)
            .ok_or_else(|| ApiError::internal(format!("no kind of content {}", entry.kind)))?;
        let released = ContentVersion {
            kind,
            content_id: entry.id.to_owned(),
            version: entry.version,
            hash: Hash::of(entry.canonical_json.as_bytes()),
            canonical_json: entry.canonical_json.to_owned(),
            state: VersionState::Released,
            created_at: office.now(),
            released_at: Some(office.now()),
        };
        content::append(tx, office.org(), &released)?;
        publish(tx, office, &released)?;
        record(office, "content_released", &released)?;
    }
    Ok(())
}
