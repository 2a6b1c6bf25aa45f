//! Sessions of people and devices, and the one-time codes that enrol a device or reset a password.
//!
//! Tokens and codes are stored as their SHA-256 only, and are found by it alone: who comes with one does not know the
//! organization yet.

use diesel::prelude::*;
use domain::ids::{OrgId, UserId};
use sync_core::{DeviceId, Hash};

use crate::column::Stored;
use crate::record::Record;
use crate::schema::{enrolment_codes, sessions};
use crate::{DbError, Micros, Tx};

record! {
    /// A session: what a token stands for.
    Session as SessionRow in sessions {
        /// The SHA-256 of the token.
        token_hash: Hash,
        /// Whose it is.
        user_id: UserId,
        /// The device it is bound to; none for a browser.
        dev: Option<DeviceId>,
        /// When it began.
        created_at: Micros,
        /// When it ends by itself.
        expires_at: Micros,
        /// When it was ended.
        revoked_at: Option<Micros>,
        /// Whether it opens nothing yet: the code of the person's second factor is still to come.
        awaits_factor: bool,
        /// When the person last gave such a code in it.
        proved_at: Option<Micros>,
    }
}

record! {
    /// A one-time code for one user.
    EnrolmentCode as EnrolmentCodeRow in enrolment_codes {
        /// The SHA-256 of the code.
        code_hash: Hash,
        /// For whom.
        user_id: UserId,
        /// Who issued it.
        created_by: UserId,
        /// When.
        created_at: Micros,
        /// Until when it serves.
        expires_at: Micros,
        /// When it was used.
        used_at: Option<Micros>,
    }
}

/// Appends a session.
pub fn append(tx: &mut Tx<'_>, org: OrgId, session: &Session) -> Result<(), DbError> {
    let row = session.row(org);
    on_db!(tx, |c| diesel::insert_into(sessions::table).values(&row).execute(c))?;
    Ok(())
}

/// The session of a token with its organization, expired and revoked ones too.
pub fn find_by_token(tx: &mut Tx<'_>, token: Hash) -> Result<Option<(OrgId, Session)>, DbError> {
    let row: Option<SessionRow> = on_db!(tx, |c| sessions::table
        .find(token.store())
        .select(SessionRow::as_select())
        .first(c)
        .optional())?;
    row.map(|row| Ok((OrgId::read(row.org_id)?, Session::from_row(row)?))).transpose()
}

/// Ends a session; false where it has ended before or is not this organization's.
pub fn revoke(tx: &mut Tx<'_>, org: OrgId, token: Hash, at: Micros) -> Result<bool, DbError> {
    let ended = on_db!(tx, |c| diesel::update(sessions::table)
        .filter(sessions::org_id.eq(org.store()))
        .filter(sessions::token_hash.eq(token.store()))
        .filter(sessions::revoked_at.is_null())
        .set(sessions::revoked_at.eq(Some(at.store())))
        .execute(c))?;
    Ok(ended > 0)
}

/// Ends every session of a user and tells how many there were.
pub fn revoke_all_of_user(tx: &mut Tx<'_>, org: OrgId, user: UserId, at: Micros) -> Result<usize, DbError> {
    on_db!(tx, |c| diesel::update(sessions::table)
        .filter(sessions::org_id.eq(org.store()))
        .filter(sessions::user_id.eq(user.store()))
        .filter(sessions::revoked_at.is_null())
        .set(sessions::revoked_at.eq(Some(at.store())))
        .execute(c))
}

/// Ends every session of a device and tells how many there were.
pub fn revoke_all_of_device(
    tx: &mut Tx<'_>,
    org: OrgId,
    dev: DeviceId,
    at: Micros,
) -> Result<usize, DbError> {
    on_db!(tx, |c| diesel::update(sessions::table)
        .filter(sessions::org_id.eq(org.store()))
        .filter(sessions::dev.eq(Some(dev.store())))
        .filter(sessions::revoked_at.is_null())
        .set(sessions::revoked_at.eq(Some(at.store())))
        .execute(c))
}

/// Removes the sessions of browsers that ended by themselves before `before`, and tells how many; for the installation's
/// upkeep. Those of devices stay: by them a device that was taken out is known that still has work to hand in.
pub fn remove_expired(tx: &mut Tx<'_>, before: Micros) -> Result<usize, DbError> {
    on_db!(tx, |c| diesel::delete(sessions::table)
        .filter(sessions::expires_at.lt(before.store()))
        .filter(sessions::dev.is_null())
        .execute(c))
}

/// Appends a code.
pub fn append_code(tx: &mut Tx<'_>, org: OrgId, code: &EnrolmentCode) -> Result<(), DbError> {
    let row = code.row(org);
    on_db!(tx, |c| diesel::insert_into(enrolment_codes::table).values(&row).execute(c))?;
    Ok(())
}

/// A code that could be used at `at`, without using it.
pub fn find_code(tx: &mut Tx<'_>, code: Hash, at: Micros) -> Result<Option<(OrgId, EnrolmentCode)>, DbError> {
    let row: Option<EnrolmentCodeRow> = on_db!(tx, |c| enrolment_codes::table
        .filter(enrolment_codes::code_hash.eq(code.store()))
        .filter(enrolment_codes::used_at.is_null())
        .filter(enrolment_codes::expires_at.gt(at.store()))
        .select(EnrolmentCodeRow::as_select())
        .first(c)
        .optional())?;
    row.map(|row| Ok((OrgId::read(row.org_id)?, EnrolmentCode::from_row(row)?))).transpose()
}

/// Notes that the person gave a code of their second factor in a session.
///
/// - **Errors**: [`DbError::NotFound`].
pub fn set_proved(tx: &mut Tx<'_>, org: OrgId, token: Hash, at: Micros) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(sessions::table)
        .filter(sessions::org_id.eq(org.store()))
        .filter(sessions::token_hash.eq(token.store()))
        .set(sessions::proved_at.eq(Some(at.store())))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Uses a code up: once, and only before it expires. None for a code that is unknown, used or expired.
pub fn use_code(tx: &mut Tx<'_>, code: Hash, at: Micros) -> Result<Option<(OrgId, EnrolmentCode)>, DbError> {
    let row: Option<EnrolmentCodeRow> = on_db!(tx, |c| diesel::update(enrolment_codes::table)
        .filter(enrolment_codes::code_hash.eq(code.store()))
        .filter(enrolment_codes::used_at.is_null())
        .filter(enrolment_codes::expires_at.gt(at.store()))
        .set(enrolment_codes::used_at.eq(Some(at.store())))
        .returning(EnrolmentCodeRow::as_returning())
        .get_result(c)
        .optional())?;
    row.map(|row| Ok((OrgId::read(row.org_id)?, EnrolmentCode::from_row(row)?))).transpose()
}

/// Ends every session of a user but one, and tells how many there were.
pub fn revoke_others_of_user(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    kept: Hash,
    at: Micros,
) -> Result<usize, DbError> {
    on_db!(tx, |c| diesel::update(sessions::table)
        .filter(sessions::org_id.eq(org.store()))
        .filter(sessions::user_id.eq(user.store()))
        .filter(sessions::token_hash.ne(kept.store()))
        .filter(sessions::revoked_at.is_null())
        .set(sessions::revoked_at.eq(Some(at.store())))
        .execute(c))
}
