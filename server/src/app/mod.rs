//! The use cases: one file each; each decides inside one transaction and calls `db` and `domain`, never HTTP.

pub mod appeals;
pub mod assessments;
pub(crate) mod assignments;
pub mod audit_log;
pub mod backup;
mod blob_copies;
pub(crate) mod branches;
pub mod codes;
pub(crate) mod content;
pub mod devices;
pub mod evidence;
pub mod imports;
pub mod incidents;
pub mod kpis;
pub mod organizations;
pub mod payouts;
pub mod period;
pub(crate) mod places;
pub(crate) mod programmes;
pub(crate) mod quarantine;
pub(crate) mod reading;
pub mod redaction;
pub(crate) mod regions;
pub mod rescue;
pub mod review;
pub(crate) mod rights;
pub mod scorecards;
pub(crate) mod scores;
pub mod second_factor;
pub(crate) mod sessions;
pub mod setup;
pub(crate) mod staff;
pub(crate) mod successions;
pub(crate) mod upkeep;
pub mod users;
pub mod verify;
pub mod visits;
pub(crate) mod waves;

use crate::{
    app::{imports::waiting::KeptFiles, places::Places, scores::checklists::PreparedChecklists},
    blob_store::BlobStore,
    config::Config,
    environment::Environment,
    error::ApiError,
    office::Office,
    phone::Phone,
    rate_limit::RateLimit,
};
use actix_web::web;
use db::{Db, DbOptions, Micros, Tx};
use domain::ids::OrgId;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};

/// What every request works with; clones share it.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// Clock and randomness.
    pub environment: Environment,
    /// The settings.
    pub config: Arc<Config>,
    /// How many passwords are hashed at once: each takes 19 MiB.
    hashing: Arc<Semaphore>,
    /// How often an address knocked.
    pub(crate) rate_limit: Arc<RateLimit>,
    /// Evidence.
    pub(crate) blobs: Arc<BlobStore>,
    /// How many parts of blobs are taken at once.
    pub(crate) blob_places: Places,
    /// How many exchanges may be here at once; beyond it a device is told to come later.
    pub(crate) exchange_places: Places,
    /// How many of them are worked on at once.
    pub(crate) exchange_turns: Arc<Semaphore>,
    /// How many spreadsheets are read at once: each takes many times its size.
    pub(crate) import_turns: Arc<Semaphore>,
    /// Spreadsheets that were tried on a page and may be applied.
    pub(crate) kept_files: Arc<KeptFiles>,
    /// Told when there may be photos that nobody looked at.
    pub(crate) photos: Arc<Notify>,
    /// The phone app.
    pub(crate) phone: Arc<Phone>,
    /// What the first organization is created with.
    pub(crate) setup: Arc<setup::SetupCode>,
    /// Checklists ready to score.
    pub(crate) checklists: Arc<PreparedChecklists>,
}

/// Passwords hashed at the same time, at most.
const HASHES_AT_ONCE: usize = 4;
/// Parts of blobs that are taken at the same time, at most: each is held in memory.
const PARTS_AT_ONCE: usize = 64;
/// Exchanges that are here at the same time, at most: each has its body in memory, as it travels.
const EXCHANGES_AT_ONCE: usize = 256;
/// Exchanges that are worked on at the same time: each takes many times its body then. Enough that commits are shared.
const EXCHANGES_WORKED_ON: usize = 16;
/// Spreadsheets that are read at the same time.
const IMPORTS_AT_ONCE: usize = 2;

impl App {
    /// Opens the database of the settings and brings its schema to this version's.
    ///
    /// # Errors
    /// Where the database cannot be opened or migrated, and `half_restored` where making it from a copy was interrupted: it would
    /// sign under keys and an epoch under which phones know other words of it.
    pub fn open(config: Config, environment: Environment) -> Result<Self, ApiError> {
        let db = Db::open(&config.database_url, &DbOptions::default())?;
        if db.is_half_restored()? {
            return Err(ApiError::conflict(
                "half_restored",
                "La restauración se interrumpió; ejecute de nuevo veedor admin restore con la misma copia.",
                "the restore was interrupted; run veedor admin restore again with the same copy",
            ));
        }
        Self::over(db, config, environment)
    }

    /// As [`Self::open`], over a database that may be about to be made from a copy.
    ///
    /// # Errors
    /// Where the database cannot be migrated.
    pub(crate) fn over(db: Db, config: Config, environment: Environment) -> Result<Self, ApiError> {
        db.migrate()?;
        Ok(Self {
            db,
            environment,
            blobs: Arc::new(BlobStore::open(&config)?),
            blob_places: Places::new(PARTS_AT_ONCE),
            exchange_places: Places::new(EXCHANGES_AT_ONCE),
            exchange_turns: Arc::new(Semaphore::new(EXCHANGES_WORKED_ON)),
            import_turns: Arc::new(Semaphore::new(IMPORTS_AT_ONCE)),
            kept_files: Arc::default(),
            photos: Arc::default(),
            phone: Arc::new(Phone::read(&config)?),
            setup: Arc::default(),
            checklists: Arc::default(),
            config: Arc::new(config),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            rate_limit: Arc::default(),
        })
    }

    /// The instant now, as it is stored.
    pub fn now(&self) -> Micros {
        Micros(self.environment.now_micros())
    }

    /// Reads in one transaction, away from the threads that serve requests.
    ///
    /// # Errors
    /// Those of the job.
    pub async fn read<T, F>(&self, job: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, ApiError> + Send + 'static,
    {
        let db = self.db.clone();
        blocking(move || db.read(job)).await
    }

    /// Writes in one transaction, away from the threads that serve requests. What people do goes through
    /// `crate::command::execute` instead, which also answers repeats and keeps the audit log.
    ///
    /// # Errors
    /// Those of the job.
    pub async fn write<T, F>(&self, job: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, ApiError> + Send + 'static,
    {
        let db = self.db.clone();
        blocking(move || db.write(job)).await
    }

    /// Carries out a use case in one transaction with its audit log, for somebody who is no user: the operator at the
    /// command line (`cli`), a scheduled job. Blocks.
    ///
    /// # Errors
    /// Those of the use case.
    pub fn act_as<T, F>(&self, actor: &'static str, org: OrgId, mut use_case: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>, &mut Office) -> Result<T, ApiError> + Send + 'static,
    {
        let app = self.clone();
        self.db.write(move |tx| {
            let mut office = Office::of_system(&app, actor, org);
            let done = use_case(tx, &mut office)?;
            office.close(tx)?;
            Ok(done)
        })
    }

    /// Hashes or verifies passwords on a blocking thread, a few at a time.
    pub(crate) async fn with_passwords<T, F>(&self, job: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, ApiError> + Send + 'static,
    {
        let _turn = self.hashing.acquire().await.map_err(ApiError::internal)?;
        blocking(job).await
    }
}

/// Runs what blocks on a thread that may block.
pub(crate) async fn blocking<T, F>(job: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, ApiError> + Send + 'static,
{
    web::block(job).await.map_err(ApiError::internal)?
}
