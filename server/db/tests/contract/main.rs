//! One contract for both databases: every function of the crate does the same on SQLite and on PostgreSQL.

#[cfg(test)]
mod appeals;
#[cfg(test)]
mod audit_log;
#[cfg(test)]
mod audits;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod blobs;
#[cfg(test)]
mod content_and_programmes;
#[cfg(test)]
mod database;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod former;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod observations;
#[cfg(test)]
mod organizations_and_users;
#[cfg(test)]
mod payouts;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod redactions;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod reference_batches;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod scores;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod transactions;
