//! A copy of the whole office, and what changes when one takes the place of an office that is lost.

use crate::{
    app::{App, organizations},
    config::Config,
    environment::Environment,
    error::ApiError,
    exchange,
};
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// The epoch of the office that was copied.
    pub epoch: u64,
    /// Its organizations.
    pub organizations: usize,
}

/// Copies everything that is committed now into a new file, without stopping anybody. The file holds the office's keys and
/// password hashes.
///
/// # Errors
/// Those of the database and the file system.
pub fn back_up(app: &App, to: &Path) -> Result<Copied, ApiError> {
    app.db.back_up(to)?;
    count(app)
}

/// Makes an office from a copy where there is none yet. Devices notice by its new epoch that it may have lost what they sent
/// last, and send it again; from here on it signs with new keys, since under the old ones there may be ops that the copy
/// does not know.
///
/// # Errors
/// Those of the database and the file system.
pub fn restore(config: Config, environment: Environment, from: &Path) -> Result<Copied, ApiError> {
    db::Db::restore(&config.database_url, from)?;
    let app = App::open(config, environment)?;
    let now = app.now();
    let epoch = app.db.write(move |tx| exchange::raise_epoch(tx, now))?;
    for organization in app.db.read(db::organizations::list)? {
        app.act_as("operator", organization.org_id, move |tx, office| {
            let first = db::organizations::list_server_keys(tx, office.org())?.into_iter().next();
            let first =
                first.ok_or_else(|| ApiError::internal("the organization has no key of the server"))?;
            let secret = exchange::relay::server_secret_of(&first.secret_key.0, epoch)?;
            organizations::append_server_key(tx, office, secret)?;
            office.record("office_restored", "organization", office.org(), &json!({ "epoch": epoch }))
        })?;
    }
    app.db.gather()?;
    count(&app)
}

fn count(app: &App) -> Result<Copied, ApiError> {
    app.db.read(|tx| {
        Ok(Copied { epoch: exchange::epoch(tx)?, organizations: db::organizations::list(tx)?.len() })
    })
}
