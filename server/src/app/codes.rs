//! One-time codes: to set a password or to enrol a device. Stored as hashes, told once, used once, in their time.

use crate::{
    app::sessions::HOUR_MICROS,
    auth::{self, Secret},
    error::ApiError,
    office::Office,
    zone::instant,
};
use db::{Micros, Tx, sessions, users};
use domain::ids::{OrgId, UserId};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// What a code opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Setting the password.
    Password,
    /// Enrolling a phone.
    Phone,
    /// Enrolling an importer: a device exempt from quotas and clock flags.
    Import,
}

impl Purpose {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Phone => "phone",
            Self::Import => "import",
        }
    }
}

/// A code that was issued; told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IssuedCode {
    /// The code, to be typed or shown as a QR; case, spaces and dashes do not matter.
    pub code: String,
    /// When it ends, RFC 3339.
    pub expires_at: String,
}

/// Issues a code for a user.
pub(crate) fn issue(
    tx: &mut Tx<'_>,
    office: &mut Office,
    user: UserId,
    purpose: Purpose,
) -> Result<IssuedCode, ApiError> {
    let (code, code_hash) = auth::new_code(office.environment(), purpose.as_str());
    let lasts = i64::from(office.config().code_hours).saturating_mul(HOUR_MICROS);
    let expires_at = Micros(office.now().0.saturating_add(lasts));
    let row = sessions::EnrolmentCode {
        code_hash,
        user_id: user,
        // The operator has no user: such a code counts as the person's own.
        created_by: office.user().unwrap_or(user),
        created_at: office.now(),
        expires_at,
        used_at: None,
    };
    sessions::append_code(tx, office.org(), &row)?;
    office.record(
        "code_issued",
        "user",
        user,
        &json!({"purpose": purpose, "expires_at": instant(expires_at)}),
    )?;
    office.reply_is_secret();
    Ok(IssuedCode { code, expires_at: instant(expires_at) })
}

/// Takes a code: it serves once, in its time, for its purpose and in its organization. Tells whose it was.
///
/// # Errors
/// `code_not_valid` (401), whatever of that does not hold: who has no valid code learns nothing more.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    organization: &str,
    code: &Secret,
    purpose: Purpose,
    now: Micros,
) -> Result<(OrgId, UserId), ApiError> {
    let (org, user) = take_anywhere(tx, code, purpose, now)?;
    let organization = db::organizations::find_by_slug(tx, organization)?;
    organization.filter(|it| it.org_id == org).ok_or_else(not_valid)?;
    Ok((org, user))
}

/// Whose a code is, without taking it; none for one that is not valid.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    code: &Secret,
    purpose: Purpose,
    now: Micros,
) -> Result<Option<(OrgId, UserId)>, ApiError> {
    let hash = auth::code_hash(code.expose_secret(), purpose.as_str());
    Ok(sessions::find_code(tx, hash, now)?.map(|(org, it)| (org, it.user_id)))
}

/// Takes a code of whatever organization issued it: a phone that scans one knows no organization yet.
///
/// # Errors
/// As [`take`].
pub(crate) fn take_anywhere(
    tx: &mut Tx<'_>,
    code: &Secret,
    purpose: Purpose,
    now: Micros,
) -> Result<(OrgId, UserId), ApiError> {
    let hash = auth::code_hash(code.expose_secret(), purpose.as_str());
    let (org, found) = sessions::use_code(tx, hash, now)?.ok_or_else(not_valid)?;
    users::find(tx, org, found.user_id)?.filter(|it| it.active).ok_or_else(not_valid)?;
    Ok((org, found.user_id))
}

fn not_valid() -> ApiError {
    ApiError::unauthenticated(
        "code_not_valid",
        "El código no es de esta organización, ya se usó o venció; revíselo o pida otro.",
        "the code is not of this organization, was used or has expired; check it or ask for another",
    )
}
