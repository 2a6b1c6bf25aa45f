//! Which audits a person's phones were told to forget: what the rights in the person's stream come to.

use std::collections::BTreeSet;

use diesel::prelude::*;
use domain::ids::{AuditId, OrgId, UserId};

use crate::column::Stored;
use crate::record::{BATCH, rows};
use crate::schema::revoked_audits;
use crate::{DbError, Tx};

record! {
    /// An audit that was taken from a person's phones.
    RevokedAudit as RevokedAuditRow in revoked_audits {
        /// Whose phones.
        user_id: UserId,
        /// The audit.
        audit_id: AuditId,
    }
}

/// Notes that audits are taken from a person's phones; nothing for one that is taken already.
pub fn take(tx: &mut Tx<'_>, org: OrgId, user: UserId, audits: &[AuditId]) -> Result<(), DbError> {
    let taken: Vec<RevokedAudit> =
        audits.iter().map(|audit_id| RevokedAudit { user_id: user, audit_id: *audit_id }).collect();
    for batch in taken.chunks(BATCH) {
        let batch = rows(org, batch);
        on_db!(
            tx,
            pg | c
                | diesel::insert_into(revoked_audits::table)
                    .values(&batch)
                    .on_conflict_do_nothing()
                    .execute(c),
            sqlite | c | diesel::insert_or_ignore_into(revoked_audits::table).values(&batch).execute(c)
        )?;
    }
    Ok(())
}

/// Notes that audits are given back to a person's phones.
pub fn give_back(tx: &mut Tx<'_>, org: OrgId, user: UserId, audits: &[AuditId]) -> Result<(), DbError> {
    for audits in audits.chunks(BATCH) {
        let audits: Vec<_> = audits.iter().map(Stored::store).collect();
        on_db!(tx, |c| diesel::delete(revoked_audits::table)
            .filter(revoked_audits::org_id.eq(org.store()))
            .filter(revoked_audits::user_id.eq(user.store()))
            .filter(revoked_audits::audit_id.eq_any(&audits))
            .execute(c))?;
    }
    Ok(())
}

/// The audits that a person's phones were told to forget.
pub fn list(tx: &mut Tx<'_>, org: OrgId, user: UserId) -> Result<BTreeSet<AuditId>, DbError> {
    let found: Vec<_> = on_db!(tx, |c| revoked_audits::table
        .filter(revoked_audits::org_id.eq(org.store()))
        .filter(revoked_audits::user_id.eq(user.store()))
        .select(revoked_audits::audit_id)
        .load(c))?;
    found.into_iter().map(AuditId::read).collect()
}
