//! Programmes, what they allow on phones, and their waves.

use crate::{
    app::{
        assignments,
        reading::{self, check_code, check_text},
        rights,
    },
    error::ApiError,
    exchange::feed,
    office::Office,
    principal::Principal,
    zone::instant,
};
use db::{DbError, Tx, programmes};
use domain::access::{Permission, Target};
use domain::appeal::DEFAULT_APPEAL_DAYS;
use domain::date::Date;
use domain::ids::{OrgId, ProgrammeId, UserId, WaveId};
use domain::lifecycle::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{exchange::StreamId, reference::Allowed};
use utoipa::ToSchema;
use validator::Validate;

/// What a programme allows on the phones of its auditors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OnPhones {
    /// Whether phones show what a visit would score as it stands; no where it is left out.
    pub(crate) preview_score: bool,
    /// Whether phones offer to hide the screen behind a plain list; yes where it is left out.
    pub(crate) covert: bool,
    /// Whether phones record sound where a checklist asks for it; no where it is left out.
    pub(crate) audio: bool,
    /// Whether phones take files where a checklist asks for them; no where it is left out.
    pub(crate) files: bool,
}

impl Default for OnPhones {
    fn default() -> Self {
        let Allowed { preview_score, covert, audio, files } = Allowed::default();
        Self { preview_score, covert, audio, files }
    }
}

/// What staff were told of a programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaffNotice {
    /// What they were told.
    #[validate(length(min = 1, max = 4000), custom(function = "check_text"))]
    pub(crate) text: String,
    /// The day they were told, `YYYY-MM-DD`.
    #[schema(value_type = String)]
    pub(crate) given_on: Date,
}

/// What a programme stands on: kept as a record for whoever asks why people were observed; nothing is deleted by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grounds {
    /// Why it is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) purpose: Option<String>,
    /// What staff were told, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    pub(crate) notice: Option<StaffNotice>,
    /// For how many days after a visit its records are meant to be kept, 30 to 3650.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 30, max = 3650))]
    pub(crate) retention_days: Option<u32>,
}

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
    /// What it allows on phones.
    #[serde(default)]
    pub(crate) on_phones: OnPhones,
    /// Days that branches have to appeal after a publication, 1 to 90; 7 where it is left out.
    #[serde(default = "default_appeal_days")]
    #[validate(range(min = 1, max = 90))]
    pub(crate) appeal_days: u32,
    /// What it stands on.
    #[serde(default)]
    #[validate(nested)]
    pub(crate) grounds: Grounds,
}

fn default_appeal_days() -> u32 {
    DEFAULT_APPEAL_DAYS
}

/// How long branches may appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppealWindow {
    /// Days after a publication, 1 to 90; the last one counts whole, by the branch's calendar.
    #[validate(range(min = 1, max = 90))]
    pub(crate) days: u32,
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
    /// What it allows on phones.
    pub(crate) on_phones: OnPhones,
    /// Days that branches have to appeal after a publication.
    pub(crate) appeal_days: u32,
    /// What it stands on.
    pub(crate) grounds: Grounds,
    /// When it was created, RFC 3339.
    pub(crate) created_at: String,
}

impl From<programmes::Programme> for Programme {
    fn from(it: programmes::Programme) -> Self {
        let programmes::Programme { preview_score, covert, audio, files, .. } = it;
        let notice = it.notice_text.zip(it.notice_on);
        let notice = notice.map(|(text, given_on)| StaffNotice { text, given_on });
        Self {
            id: it.programme_id,
            code: it.code,
            name: it.name,
            active: it.active,
            on_phones: OnPhones { preview_score, covert, audio, files },
            appeal_days: it.appeal_days,
            grounds: Grounds { purpose: it.purpose, notice, retention_days: it.retention_days },
            created_at: instant(it.created_at),
        }
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
    let OnPhones { preview_score, covert, audio, files } = new.on_phones;
    let programme = grounded(
        &new.grounds,
        programmes::Programme {
            programme_id: ProgrammeId(office.new_id()),
            code: new.code.clone(),
            name: new.name.clone(),
            active: true,
            created_at: office.now(),
            preview_score,
            covert,
            audio,
            files,
            appeal_days: new.appeal_days,
            purpose: None,
            notice_text: None,
            notice_on: None,
            retention_days: None,
        },
    );
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

/// A programme that stands on these grounds.
fn grounded(grounds: &Grounds, it: programmes::Programme) -> programmes::Programme {
    programmes::Programme {
        purpose: grounds.purpose.clone(),
        notice_text: grounds.notice.as_ref().map(|it| it.text.clone()),
        notice_on: grounds.notice.as_ref().map(|it| it.given_on),
        retention_days: grounds.retention_days,
        ..it
    }
}

/// A programme.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn read(
    tx: &mut Tx<'_>,
    principal: &Principal,
    programme: ProgrammeId,
) -> Result<Programme, ApiError> {
    reading::require_reader(principal)?;
    let found = programmes::find_programme(tx, principal.org, programme)?;
    found.map(Programme::from).ok_or_else(|| ApiError::not_found("el programa", "the programme"))
}

/// Replaces what a programme stands on. What it was before stays in the audit log.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn set_grounds(
    tx: &mut Tx<'_>,
    office: &mut Office,
    programme: ProgrammeId,
    new: &Grounds,
) -> Result<Programme, ApiError> {
    office.require(Permission::ManageProgrammes, &Target::Organization)?;
    let org = office.org();
    let found = programmes::find_programme(tx, org, programme)?
        .ok_or_else(|| ApiError::not_found("el programa", "the programme"))?;
    let changed = grounded(new, found.clone());
    if changed == found {
        return Ok(found.into());
    }
    programmes::set_grounds(tx, org, &changed)?;
    let detail = json!({"before": Programme::from(found).grounds, "after": new});
    office.record("programme_grounds_changed", "programme", programme, &detail)?;
    Ok(changed.into())
}

/// Replaces what a programme allows on phones, and tells it to the phones of every visit that is still theirs to make or to correct.
/// What a visit holds already stays.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn set_on_phones(
    tx: &mut Tx<'_>,
    office: &mut Office,
    programme: ProgrammeId,
    new: &OnPhones,
) -> Result<Programme, ApiError> {
    office.require(Permission::ManageProgrammes, &Target::Organization)?;
    let org = office.org();
    let found = programmes::find_programme(tx, org, programme)?
        .ok_or_else(|| ApiError::not_found("el programa", "the programme"))?;
    let OnPhones { preview_score, covert, audio, files } = *new;
    let changed = programmes::Programme { preview_score, covert, audio, files, ..found.clone() };
    if changed == found {
        return Ok(found.into());
    }
    programmes::set_on_phones(tx, org, &changed)?;
    let waves = all_waves(tx, org, programme)?;
    let mut auditors = BTreeSet::new();
    for wave in &waves {
        let open = open_assignments(tx, org, *wave, None)?;
        auditors.extend(open.into_iter().map(|it| it.auditor_id));
    }
    for auditor in auditors {
        tell_again(tx, office, auditor, &waves, allowed_by(&changed))?;
    }
    office.record("programme_on_phones_changed", "programme", programme, &json!(new))?;
    Ok(changed.into())
}

/// Replaces how long branches may appeal. It holds for every visit of the programme from now on, also for those that were published before.
///
/// # Errors
/// `not_found` (404), `forbidden` (403).
pub(crate) fn set_appeal_days(
    tx: &mut Tx<'_>,
    office: &mut Office,
    programme: ProgrammeId,
    new: &AppealWindow,
) -> Result<Programme, ApiError> {
    office.require(Permission::ManageProgrammes, &Target::Organization)?;
    let org = office.org();
    let found = programmes::find_programme(tx, org, programme)?
        .ok_or_else(|| ApiError::not_found("el programa", "the programme"))?;
    if found.appeal_days == new.days {
        return Ok(found.into());
    }
    programmes::set_appeal_days(tx, org, programme, new.days)?;
    let detail = json!({"before": found.appeal_days, "after": new.days});
    office.record("programme_appeal_days_changed", "programme", programme, &detail)?;
    Ok(programmes::Programme { appeal_days: new.days, ..found }.into())
}

fn all_waves(tx: &mut Tx<'_>, org: OrgId, programme: ProgrammeId) -> Result<Vec<WaveId>, ApiError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = programmes::list_waves(tx, org, Some(programme), after, db::MAX_PAGE)?;
        all.extend(page.items.into_iter().map(|it| it.wave_id));
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// The visits of a wave that are still to be made or to be corrected, of one auditor or of all.
fn open_assignments(
    tx: &mut Tx<'_>,
    org: OrgId,
    wave: WaveId,
    auditor: Option<UserId>,
) -> Result<Vec<programmes::Assignment>, ApiError> {
    let states = vec![State::Offered, State::Accepted, State::InProgress, State::Returned];
    let filter = programmes::AssignmentFilter { auditor, wave: Some(wave), states, ..Default::default() };
    rights::all_assignments(tx, org, &filter)
}

/// Tells an auditor's phones the open visits of these waves again. What was taken from them is not told: where it is given back, it
/// is told as it then is.
fn tell_again(
    tx: &mut Tx<'_>,
    office: &Office,
    auditor: UserId,
    waves: &[WaveId],
    allowed: Allowed,
) -> Result<(), ApiError> {
    let org = office.org();
    rights::lock(tx, org, auditor)?;
    let taken = db::rights::list(tx, org, auditor)?;
    let mut rows = Vec::new();
    for wave in waves {
        let open = open_assignments(tx, org, *wave, Some(auditor))?;
        for it in open.iter().filter(|it| !taken.contains(&it.audit_id)) {
            rows.push(feed::assignment_row(&assignments::row_of(it, allowed))?);
        }
    }
    feed::append_all(tx, org, StreamId::User(auditor.0), rows, office.now()).map(drop)
}

fn allowed_by(it: &programmes::Programme) -> Allowed {
    Allowed { preview_score: it.preview_score, covert: it.covert, audio: it.audio, files: it.files }
}

/// What is allowed on the phone in a visit of a wave; outside any, what every programme allows.
///
/// # Errors
/// Those of the database.
pub(crate) fn allowed(tx: &mut Tx<'_>, org: OrgId, wave: Option<WaveId>) -> Result<Allowed, ApiError> {
    let Some(wave) = wave else { return Ok(Allowed::default()) };
    let found = programmes::find_programme_of_wave(tx, org, wave)?;
    Ok(found.as_ref().map(allowed_by).unwrap_or_default())
}

/// [`allowed`] for many visits: each wave is read once.
#[derive(Default)]
pub(crate) struct AllowedByWave(BTreeMap<Option<WaveId>, Allowed>);

impl AllowedByWave {
    /// As [`allowed`].
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn of(
        &mut self,
        tx: &mut Tx<'_>,
        org: OrgId,
        wave: Option<WaveId>,
    ) -> Result<Allowed, ApiError> {
        if let Some(known) = self.0.get(&wave) {
            return Ok(*known);
        }
        let found = allowed(tx, org, wave)?;
        self.0.insert(wave, found);
        Ok(found)
    }
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
