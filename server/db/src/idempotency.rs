//! What a request with an `Idempotency-Key` was answered, so that its repetition gets the same and does nothing.

use diesel::prelude::*;
use domain::ids::{OrgId, UserId};
use sync_core::Hash;

use crate::column::Stored;
use crate::record::{Record, read_one};
use crate::schema::idempotency_keys;
use crate::{DbError, Micros, Tx};

record! {
    /// An answer that was given.
    StoredAnswer as StoredAnswerRow in idempotency_keys {
        /// Who asked.
        user_id: UserId,
        /// The key that came with the request.
        key: String,
        /// The SHA-256 of the request, so that a key is not used for another.
        request_hash: Hash,
        /// The HTTP status.
        status: u32,
        /// The body.
        body: Vec<u8>,
        /// When.
        created_at: Micros,
    }
}

/// Appends an answer, in the transaction of what it answers.
///
/// - **Errors**: [`DbError::Duplicate`] where the key was answered.
pub fn append(tx: &mut Tx<'_>, org: OrgId, answer: &StoredAnswer) -> Result<(), DbError> {
    let row = answer.row(org);
    on_db!(tx, |c| diesel::insert_into(idempotency_keys::table).values(&row).execute(c))?;
    Ok(())
}

/// What a key was answered.
pub fn find(tx: &mut Tx<'_>, org: OrgId, user: UserId, key: &str) -> Result<Option<StoredAnswer>, DbError> {
    let row: Option<StoredAnswerRow> = on_db!(tx, |c| idempotency_keys::table
        .find((org.store(), user.store(), key))
        .select(StoredAnswerRow::as_select())
        .first(c)
        .optional())?;
    read_one(row)
}

/// Removes the answers that were given before `before`, and tells how many.
pub fn remove_before(tx: &mut Tx<'_>, org: OrgId, before: Micros) -> Result<usize, DbError> {
    on_db!(tx, |c| diesel::delete(idempotency_keys::table)
        .filter(idempotency_keys::org_id.eq(org.store()))
        .filter(idempotency_keys::created_at.lt(before.store()))
        .execute(c))
}
