//! The audit log: who did what, each entry chained to the one before by a hash, and the check of that chain.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use domain::ids::OrgId;
use sha2::{Digest, Sha256};
use sync_core::Hash;

use crate::column::Stored;
use crate::page::rows_to_read;
use crate::record::{BATCH, Record, read_all};
use crate::schema::{audit_log, audit_log_heads};
use crate::{DbError, MAX_PAGE, Micros, Page, Tx};

/// What is to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogEntry {
    /// When.
    pub at: Micros,
    /// Who, such as `user:<id>`.
    pub actor: String,
    /// What, such as `audit.approve`.
    pub action: String,
    /// To what kind of thing.
    pub subject_kind: String,
    /// To which.
    pub subject: String,
    /// What else matters, JSON, kept byte for byte.
    pub detail: String,
}

record! {
    /// An entry of the log.
    LogEntry as LogEntryRow in audit_log {
        /// 1, 2, 3... without gaps in each organization.
        seq: u64,
        /// When.
        at: Micros,
        /// Who.
        actor: String,
        /// What.
        action: String,
        /// To what kind of thing.
        subject_kind: String,
        /// To which.
        subject: String,
        /// What else matters, JSON.
        detail: String,
        /// The hash of the entry before; zero before the first.
        prev_hash: Hash,
        /// The hash of this one.
        hash: Hash,
    }
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    /// The number of the last entry; 0 for an empty log.
    pub seq: u64,
    /// Its hash; zero for an empty log.
    pub hash: Hash,
}

/// The first place where the log is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogBreak {
    /// An entry is missing; this is the number that should have come.
    Missing(u64),
    /// The entry of this number is not chained to the one before.
    Unchained(u64),
    /// The entry of this number was changed.
    Changed(u64),
    /// Entries follow behind the log's end, from this number.
    Beyond(u64),
}

/// The hash of an entry: `SHA-256("veedor-log-1" || org || prev || seq || at || texts)`, each text behind its length.
fn entry_hash(org: OrgId, prev: &Hash, seq: u64, entry: &NewLogEntry) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(b"veedor-log-1");
    hasher.update(org.as_bytes());
    hasher.update(prev.as_bytes());
    hasher.update(seq.to_be_bytes());
    hasher.update(entry.at.0.to_be_bytes());
    for text in [&entry.actor, &entry.action, &entry.subject_kind, &entry.subject, &entry.detail] {
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    Hash(hasher.finalize().into())
}

/// Appends an entry and returns where the log then ends; others who append wait until this transaction ends.
pub fn append(tx: &mut Tx<'_>, org: OrgId, entry: &NewLogEntry) -> Result<LogEnd, DbError> {
    let before = lock_end(tx, org)?;
    let seq = before.seq.checked_add(1).ok_or(DbError::Corrupt("an audit log without end"))?;
    let hash = entry_hash(org, &before.hash, seq, entry);
    let row = LogEntry {
        seq,
        at: entry.at,
        actor: entry.actor.clone(),
        action: entry.action.clone(),
        subject_kind: entry.subject_kind.clone(),
        subject: entry.subject.clone(),
        detail: entry.detail.clone(),
        prev_hash: before.hash,
        hash,
    }
    .row(org);
    on_db!(tx, |c| diesel::insert_into(audit_log::table).values(&row).execute(c))?;
    on_db!(tx, |c| diesel::update(audit_log_heads::table.find(org.store()))
        .set((audit_log_heads::seq.eq(seq.store()), audit_log_heads::hash.eq(hash.store())))
        .execute(c))?;
    Ok(LogEnd { seq, hash })
}

/// The end of the log, made where there is none, and held until the transaction ends.
fn lock_end(tx: &mut Tx<'_>, org: OrgId) -> Result<LogEnd, DbError> {
    on_db!(tx, |c| diesel::insert_into(audit_log_heads::table)
        .values((
            audit_log_heads::org_id.eq(org.store()),
            audit_log_heads::seq.eq(0),
            audit_log_heads::hash.eq(Hash::ZERO.store()),
        ))
        .on_conflict_do_nothing()
        .execute(c))?;
    let columns = (audit_log_heads::seq, audit_log_heads::hash);
    let (seq, hash): (i64, Vec<u8>) = on_db!(
        tx,
        pg | c | audit_log_heads::table.find(org.store()).select(columns).for_update().first(c),
        sqlite | c | audit_log_heads::table.find(org.store()).select(columns).first(c),
    )?;
    Ok(LogEnd { seq: Stored::read(seq)?, hash: Stored::read(hash)? })
}

/// Where the log ends.
pub fn find_end(tx: &mut Tx<'_>, org: OrgId) -> Result<LogEnd, DbError> {
    let row: Option<(i64, Vec<u8>)> = on_db!(tx, |c| audit_log_heads::table
        .find(org.store())
        .select((audit_log_heads::seq, audit_log_heads::hash))
        .first(c)
        .optional())?;
    row.map_or(Ok(LogEnd { seq: 0, hash: Hash::ZERO }), |(seq, hash)| {
        Ok(LogEnd { seq: Stored::read(seq)?, hash: Stored::read(hash)? })
    })
}

/// The entries after a number, oldest first; those about one thing where `subject` (kind and id) is given.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    subject: Option<(&str, &str)>,
    after: u64,
    limit: u32,
) -> Result<Page<LogEntry, u64>, DbError> {
    let found: Vec<LogEntryRow> = on_db!(tx, |c| {
        let mut query = audit_log::table
            .filter(audit_log::org_id.eq(org.store()))
            .filter(audit_log::seq.gt(after.store()))
            .into_boxed();
        if let Some((kind, id)) = subject {
            query = query.filter(audit_log::subject_kind.eq(kind)).filter(audit_log::subject.eq(id));
        }
        query.order(audit_log::seq).limit(rows_to_read(limit)).select(LogEntryRow::as_select()).load(c)
    })?;
    Ok(Page::cut(read_all(found)?, limit, |it: &LogEntry| it.seq))
}

/// Who did something to each of many things of a kind, by the thing, some actions left out. Things to which nobody did are left out.
pub fn actors_of_many(
    tx: &mut Tx<'_>,
    org: OrgId,
    (kind, subjects): (&str, &[String]),
    but: &[&str],
) -> Result<BTreeMap<String, BTreeSet<String>>, DbError> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for subjects in subjects.chunks(BATCH) {
        let found: Vec<(String, String)> = on_db!(tx, |c| audit_log::table
            .filter(audit_log::org_id.eq(org.store()))
            .filter(audit_log::subject_kind.eq(kind))
            .filter(audit_log::subject.eq_any(subjects))
            .filter(audit_log::action.ne_all(but))
            .select((audit_log::subject, audit_log::actor))
            .distinct()
            .load(c))?;
        for (subject, actor) in found {
            all.entry(subject).or_default().insert(actor);
        }
    }
    Ok(all)
}

/// Reads the whole log, page by page, and tells the first place where it is not what was written; none where it holds.
pub fn verify(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<LogBreak>, DbError> {
    let end = find_end(tx, org)?;
    let mut last = LogEnd { seq: 0, hash: Hash::ZERO };
    loop {
        let page = list(tx, org, None, last.seq, MAX_PAGE)?;
        for entry in page.items {
            match check_entry(org, last, entry) {
                Ok(next) => last = next,
                Err(broken) => return Ok(Some(broken)),
            }
        }
        if page.next.is_none() {
            break;
        }
    }
    Ok(match last.seq.cmp(&end.seq) {
        std::cmp::Ordering::Less => Some(LogBreak::Missing(last.seq.saturating_add(1))),
        std::cmp::Ordering::Greater => Some(LogBreak::Beyond(end.seq.saturating_add(1))),
        std::cmp::Ordering::Equal if last.hash != end.hash => Some(LogBreak::Changed(end.seq)),
        std::cmp::Ordering::Equal => None,
    })
}

fn check_entry(org: OrgId, last: LogEnd, entry: LogEntry) -> Result<LogEnd, LogBreak> {
    let expected = last.seq.saturating_add(1);
    if entry.seq != expected {
        return Err(LogBreak::Missing(expected));
    }
    if entry.prev_hash != last.hash {
        return Err(LogBreak::Unchained(entry.seq));
    }
    let LogEntry { seq, at, actor, action, subject_kind, subject, detail, hash, .. } = entry;
    let written = NewLogEntry { at, actor, action, subject_kind, subject, detail };
    if entry_hash(org, &last.hash, seq, &written) != hash {
        return Err(LogBreak::Changed(seq));
    }
    Ok(LogEnd { seq, hash })
}
