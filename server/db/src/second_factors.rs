//! The second factor of people: the secret of an authenticator app, the last of its steps that was used, and the codes for the day
//! that the phone is lost, stored as their SHA-256 only.

use diesel::prelude::*;
use domain::ids::{OrgId, UserId};
use sync_core::Hash;

use crate::column::Stored;
use crate::record::{Record, read_one};
use crate::schema::{recovery_codes, second_factors};
use crate::{DbError, Hidden, Micros, Tx};

record! {
    /// What somebody proves to be themselves with, beside the password.
    SecondFactor as SecondFactorRow in second_factors {
        /// Whose it is.
        user_id: UserId,
        /// The secret whose codes count, 20 bytes; none before the first was confirmed.
        secret: Option<Hidden<Vec<u8>>>,
        /// A secret that was shown and not confirmed yet.
        offered: Option<Hidden<Vec<u8>>>,
        /// When it was shown.
        offered_at: Option<Micros>,
        /// When the secret that counts was confirmed.
        confirmed_at: Option<Micros>,
        /// The step of the last code that was taken: it and all before it serve no more.
        last_step: u64,
    }
}

/// The second factor of a person, confirmed or not.
pub fn find(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<Option<SecondFactor>, DbError> {
    let row: Option<SecondFactorRow> = on_db!(tx, |c| second_factors::table
        .find((org.store(), user.store()))
        .select(SecondFactorRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Keeps a secret that is shown to a person at `at`, in place of one that they did not confirm.
///
/// - **Errors**: [`DbError::Refused`] for a user of no such id.
pub fn offer(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    secret: &Hidden<Vec<u8>>,
    at: Micros,
) -> Result<(), DbError> {
    let first = SecondFactor {
        user_id: user,
        secret: None,
        offered: Some(secret.clone()),
        offered_at: Some(at),
        confirmed_at: None,
        last_step: 0,
    };
    let row = first.row(org);
    on_db!(tx, |c| diesel::insert_into(second_factors::table)
        .values(&row)
        .on_conflict((second_factors::org_id, second_factors::user_id))
        .do_update()
        .set((
            second_factors::offered.eq(Some(secret.0.clone())),
            second_factors::offered_at.eq(Some(at.store())),
        ))
        .execute(c))?;
    Ok(())
}

/// Makes the secret that was shown the one that counts; `step` is that of the code that proved it.
///
/// - **Errors**: [`DbError::NotFound`] where `secret` is not what was shown last.
pub fn confirm(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    secret: &Hidden<Vec<u8>>,
    step: u64,
    at: Micros,
) -> Result<(), DbError> {
    let changed = on_db!(tx, |c| diesel::update(second_factors::table.find((org.store(), user.store())))
        .filter(second_factors::offered.eq(Some(secret.0.clone())))
        .set((
            second_factors::secret.eq(Some(secret.0.clone())),
            second_factors::offered.eq(None::<Vec<u8>>),
            second_factors::offered_at.eq(None::<Micros>.map(|it| it.store())),
            second_factors::confirmed_at.eq(Some(at.store())),
            second_factors::last_step.eq(step.store()),
        ))
        .execute(c))?;
    if changed == 0 { Err(DbError::NotFound) } else { Ok(()) }
}

/// Takes the code of a step: false where it or a later one was taken before.
pub fn take_step(tx: &mut Tx<'_>, org: OrgId, user: UserId, step: u64) -> Result<bool, DbError> {
    let changed = on_db!(tx, |c| diesel::update(second_factors::table.find((org.store(), user.store())))
        .filter(second_factors::last_step.lt(step.store()))
        .set(second_factors::last_step.eq(step.store()))
        .execute(c))?;
    Ok(changed > 0)
}

/// Forgets the second factor of a person with its recovery codes; false where there was none.
pub fn remove(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<bool, DbError> {
    replace_recovery_codes(tx, org, user, &[])?;
    let gone =
        on_db!(tx, |c| diesel::delete(second_factors::table.find((org.store(), user.store()))).execute(c))?;
    Ok(gone > 0)
}

/// Puts recovery codes in place of those before.
pub fn replace_recovery_codes(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    codes: &[Hash],
) -> Result<(), DbError> {
    on_db!(tx, |c| diesel::delete(recovery_codes::table)
        .filter(recovery_codes::org_id.eq(org.store()))
        .filter(recovery_codes::user_id.eq(user.store()))
        .execute(c))?;
    let rows: Vec<_> = codes
        .iter()
        .map(|it| {
            (
                recovery_codes::org_id.eq(org.store()),
                recovery_codes::user_id.eq(user.store()),
                recovery_codes::code_hash.eq(it.store()),
            )
        })
        .collect();
    on_db!(tx, |c| diesel::insert_into(recovery_codes::table).values(&rows).execute(c))?;
    Ok(())
}

/// Uses a recovery code up; false for one that is not there or was used.
pub fn use_recovery_code(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: UserId,
    code: Hash,
    at: Micros,
) -> Result<bool, DbError> {
    let used = on_db!(tx, |c| diesel::update(recovery_codes::table)
        .filter(recovery_codes::org_id.eq(org.store()))
        .filter(recovery_codes::user_id.eq(user.store()))
        .filter(recovery_codes::code_hash.eq(code.store()))
        .filter(recovery_codes::used_at.is_null())
        .set(recovery_codes::used_at.eq(Some(at.store())))
        .execute(c))?;
    Ok(used > 0)
}

/// How many recovery codes of a person are left.
pub fn count_recovery_codes(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<u64, DbError> {
    let count: i64 = on_db!(tx, |c| recovery_codes::table
        .filter(recovery_codes::org_id.eq(org.store()))
        .filter(recovery_codes::user_id.eq(user.store()))
        .filter(recovery_codes::used_at.is_null())
        .count()
        .get_result(c))?;
    u64::try_from(count).map_err(|_| DbError::Corrupt("a negative count"))
}
