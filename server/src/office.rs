//! What a use case works with beside its transaction: who acts, when, new ids, the rights, and the audit log that it
//! has to write.

use crate::{
    app::App,
    config::Config,
    environment::Environment,
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{Micros, Tx, audit_log};
use domain::access::{Permission, Target};
use domain::ids::{BranchId, OrgId, UserId};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

/// One use case being carried out.
#[derive(Debug)]
pub struct Office {
    actor: Actor,
    org: OrgId,
    now: Micros,
    environment: Environment,
    config: Arc<Config>,
    entries: Vec<Entry>,
    has_secret: bool,
}

#[derive(Debug)]
enum Actor {
    Person(Principal),
    System(&'static str),
}

/// The person that a log names as the one who acted, by whatever device; none for the machine or its operator.
pub(crate) fn user_of(actor: &str) -> Option<UserId> {
    let user = actor.strip_prefix("user:")?.split('/').next()?;
    user.parse().map(UserId).ok()
}

/// One line of the audit log to be.
#[derive(Debug)]
struct Entry {
    action: &'static str,
    subject_kind: &'static str,
    subject: String,
    detail: String,
}

impl Office {
    /// For a person, with their rights.
    pub fn of_principal(app: &App, principal: Principal) -> Self {
        let org = principal.org;
        Self::new(app, Actor::Person(principal), org)
    }

    /// For the machine or its operator, who may do everything.
    pub fn of_system(app: &App, actor: &'static str, org: OrgId) -> Self {
        Self::new(app, Actor::System(actor), org)
    }

    fn new(app: &App, actor: Actor, org: OrgId) -> Self {
        let (environment, config) = (app.environment.clone(), Arc::clone(&app.config));
        Self { actor, org, now: app.now(), environment, config, entries: Vec::new(), has_secret: false }
    }

    /// The organization that it all happens in.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The instant of the use case, the same throughout.
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Clock and randomness.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A new UUIDv7.
    pub fn new_id(&self) -> Uuid {
        self.environment.new_id()
    }

    /// The person who acts; none where the machine or its operator does.
    pub fn user(&self) -> Option<UserId> {
        self.principal().map(|it| it.user)
    }

    /// The person who acts, with session and grants.
    pub fn principal(&self) -> Option<&Principal> {
        match &self.actor {
            Actor::Person(principal) => Some(principal),
            Actor::System(_) => None,
        }
    }

    /// Who acts, as logs name them.
    pub fn actor(&self) -> String {
        match &self.actor {
            Actor::Person(principal) => match principal.dev {
                Some(dev) => format!("user:{}/device:{dev}", principal.user),
                None => format!("user:{}", principal.user),
            },
            Actor::System(name) => format!("system:{name}"),
        }
    }

    /// The person who acts, where only a person can.
    ///
    /// # Errors
    /// Our fault (500) where the machine got here.
    pub fn person(&self) -> Result<&Principal, ApiError> {
        self.principal().ok_or_else(|| ApiError::internal("only a person can do this"))
    }

    /// Refuses what no role of the person gives.
    ///
    /// # Errors
    /// `forbidden` (403).
    pub fn require(&self, permission: Permission, target: &Target) -> Result<(), ApiError> {
        self.principal().map_or(Ok(()), |it| it.require(permission, target))
    }

    /// Refuses what no role of the person gives at a branch.
    ///
    /// # Errors
    /// `not_found` (404) for a branch that the organization does not have, `forbidden` (403).
    pub fn require_at(
        &self,
        tx: &mut Tx<'_>,
        permission: Permission,
        branch: BranchId,
    ) -> Result<(), ApiError> {
        let target = branch_target(tx, self.org, branch)?;
        self.require(permission, &target)
    }

    /// Notes what was done, for the audit log. Secrets do not belong in `detail`.
    ///
    /// # Errors
    /// Our fault (500) where `detail` cannot be written as JSON.
    pub fn record(
        &mut self,
        action: &'static str,
        subject_kind: &'static str,
        subject: impl ToString,
        detail: &impl Serialize,
    ) -> Result<(), ApiError> {
        let detail = serde_json::to_string(detail).map_err(ApiError::internal)?;
        self.entries.push(Entry { action, subject_kind, subject: subject.to_string(), detail });
        Ok(())
    }

    /// Says that the reply holds a secret, so that it is not kept for a repeated request: that one is refused.
    pub fn reply_is_secret(&mut self) {
        self.has_secret = true;
    }

    pub(crate) fn has_secret_reply(&self) -> bool {
        self.has_secret
    }

    /// Writes the notes into the audit log; the last thing in the transaction.
    ///
    /// # Errors
    /// Those of the database.
    pub fn close(self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        let actor = self.actor();
        for entry in self.entries {
            let news = audit_log::NewLogEntry {
                at: self.now,
                actor: actor.clone(),
                action: entry.action.to_owned(),
                subject_kind: entry.subject_kind.to_owned(),
                subject: entry.subject,
                detail: entry.detail,
            };
            audit_log::append(tx, self.org, &news)?;
        }
        Ok(())
    }
}
