//! Programmes and their waves.

use crate::{
    app::reading::{self, check_code, check_text},
    error::ApiError,
    office::Office,
    principal::Principal,
    zone::instant,
};
use db::{DbError, Tx, programmes};
use domain::access::{Permission, Target};
use domain::date::Date;
use domain::ids::{ProgrammeId, WaveId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use validator::Validate;

/// A programme to create.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProgramme {
    /// Its code, unique in the organization.
    #[validate(length(min = 1, max = 60), custom(function = "check_code"))]
    pub(crate) code: String,
    /// Its name.
    #[validate(length(min = 1, max = 200), custom(function = "check_text"))]
    pub(crate) name: String,
}

/// A programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Programme {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub(crate) id: ProgrammeId,
    /// Its code.
    pub(crate) code: String,
    /// Its name.
    pub(crate) name: String,
    /// False for one that is over.
    pub(crate) active: bool,
    /// When it was created, RFC 3339.
    pub(crate) created_at: String,
}

impl From<programmes::Programme> for Programme {
    fn from(it: programmes::Programme) -> Self {
        let created_at = instant(it.created_at);
        Self { id: it.programme_id, code: it.code, name: it.name, active: it.active, created_at }
    }
}

/// A wave to create.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWave {
    /// Its name.
    #[validate(length(min = 1, max = 200), custom(function = "check_text"))]
    pub(crate) name: String,
    /// Its first day, `YYYY-MM-DD`.
    #[schema(value_type = String)]
    pub(crate) window_from: Date,
    /// Its last day.
    #[schema(value_type = String)]
    pub(crate) window_to: Date,
}

/// A wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Wave {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub(crate) id: WaveId,
    /// The programme.
    #[schema(value_type = uuid::Uuid)]
    pub(crate) programme_id: ProgrammeId,
    /// Its name.
    pub(crate) name: String,
    /// Its first day.
    #[schema(value_type = String)]
    pub(crate) window_from: Date,
    /// Its last day.
    #[schema(value_type = String)]
    pub(crate) window_to: Date,
    /// When it was created, RFC 3339.
    pub(crate) created_at: String,
}

impl From<programmes::Wave> for Wave {
    fn from(it: programmes::Wave) -> Self {
        Self {
            id: it.wave_id,
            programme_id: it.programme_id,
            name: it.name,
            window_from: it.window_from,
            window_to: it.window_to,
            created_at: instant(it.created_at),
        }
    }
}

/// The programmes, by id.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn list(
    tx: &mut Tx<'_>,
    principal: &Principal,
    after: Option<ProgrammeId>,
    limit: u32,
) -> Result<db::Page<Programme, ProgrammeId>, ApiError> {
    reading::require_reader(principal)?;
    let page = programmes::list_programmes(tx, principal.org, after, limit)?;
    Ok(db::Page { items: page.items.into_iter().map(Programme::from).collect(), next: page.next })
}

/// Creates a programme.
///
/// # Errors
/// `code_taken` (409), `forbidden` (403).
pub(crate) fn create(
    tx: &mut Tx<'_>,
    office: &mut Office,
    new: &NewProgramme,
) -> Result<Programme, ApiError> {
    office.require(Permission::ManageProgrammes, &Target::Organization)?;
    let programme = programmes::Programme {
        programme_id: ProgrammeId(office.new_id()),
        code: new.code.clone(),
        name: new.name.clone(),
        active: true,
        created_at: office.now(),
    };
    programmes::append_programme(tx, office.org(), &programme).map_err(|error| match error {
        DbError::Duplicate { .. } => ApiError::taken(
            "/code",
            "code_taken",
            format!("Ya hay un programa «{}».", new.code),
            format!("there is a programme '{}' already", new.code),
        ),
        error => error.into(),
    })?;
    office.record("programme_created", "programme", programme.programme_id, &json!({"code": new.code}))?;
    Ok(programme.into())
}

/// The waves, of one programme or of all, by id.
///
/// # Errors
/// `forbidden` (403).
pub(crate) fn list_waves(
    tx: &mut Tx<'_>,
    principal: &Principal,
    programme: Option<ProgrammeId>,
    after: Option<WaveId>,
    limit: u32,
) -> Result<db::Page<Wave, WaveId>, ApiError> {
    reading::require_reader(principal)?;
    let page = programmes::list_waves(tx, principal.org, programme, after, limit)?;
    Ok(db::Page { items: page.items.into_iter().map(Wave::from).collect(), next: page.next })
}

/// Creates a wave of a programme.
///
/// # Errors
/// `not_found` (404), `ends_before_it_begins` (422), `programme_over` (409), `forbidden` (403).
pub(crate) fn create_wave(
    tx: &mut Tx<'_>,
    office: &mut Office,
    programme: ProgrammeId,
    new: &NewWave,
) -> Result<Wave, ApiError> {
    office.require(Permission::ManageProgrammes, &Target::Organization)?;
    let org = office.org();
    let found = programmes::find_programme(tx, org, programme)?
        .ok_or_else(|| ApiError::not_found("el programa", "the programme"))?;
    if !found.active {
        let es = "El programa ya terminó.";
        return Err(ApiError::conflict("programme_over", es, "the programme is over"));
    }
    if new.window_to < new.window_from {
        let es = "Termina antes de empezar.";
        return Err(ApiError::field("/window_to", "ends_before_it_begins", es, "it ends before it begins"));
    }
    let wave = programmes::Wave {
        wave_id: WaveId(office.new_id()),
        programme_id: programme,
        name: new.name.clone(),
        window_from: new.window_from,
        window_to: new.window_to,
        created_at: office.now(),
    };
    programmes::append_wave(tx, org, &wave)?;
    let detail =
        json!({"programme": programme, "name": new.name, "from": new.window_from, "to": new.window_to});
    office.record("wave_created", "wave", wave.wave_id, &detail)?;
    Ok(wave.into())
}
