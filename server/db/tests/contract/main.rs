//! One contract for both databases: every function of the crate does the same on SQLite and on PostgreSQL.

#[cfg(test)]
mod database;

#[cfg(test)]
mod organizations_and_users;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod transactions;
