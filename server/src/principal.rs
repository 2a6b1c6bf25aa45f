//! Who asks, what they may do and how far that reaches. Read from the session of the request, never from its body.

use crate::{
    app::{App, second_factor, users},
    auth,
    error::ApiError,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, http::Method, web};
use db::{Micros, Tx, devices::DeviceState};
use domain::access::{Grant, Permission, Scope, Target, allows};
use domain::ids::{BranchId, OrgId, RegionId, UserId};
use std::collections::BTreeSet;
use std::{future::Future, pin::Pin};
use sync_core::{DeviceId, Hash, exchange::Ending};

/// The cookie that the console's pages are read with; it opens nothing but GET.
pub const SESSION_COOKIE: &str = "veedor_session";

/// A person, or a device of theirs, with an open session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Their organization; everything that they can see is in it.
    pub org: OrgId,
    /// The person.
    pub user: UserId,
    /// Their roles, each with its scope.
    pub grants: Vec<Grant>,
    /// The hash of the token: the key of the session.
    pub session: Hash,
    /// The device, where the session is a device's.
    pub dev: Option<DeviceId>,
    /// When the person last gave a code of their second factor in this session.
    pub proved_at: Option<Micros>,
}

impl Principal {
    /// Whether one of the roles gives the permission on the target.
    pub fn may(&self, permission: Permission, target: &Target) -> bool {
        allows(&self.grants, permission, target)
    }

    /// Refuses what no role gives.
    ///
    /// # Errors
    /// `forbidden` (403) with the name of the permission.
    pub fn require(&self, permission: Permission, target: &Target) -> Result<(), ApiError> {
        if self.may(permission, target) { Ok(()) } else { Err(ApiError::forbidden(permission.as_str())) }
    }

    /// Where the person may do field work; nowhere without a role for it.
    ///
    /// # Errors
    /// Those of the database.
    pub fn field_reach(&self, tx: &mut Tx<'_>) -> Result<Reach, ApiError> {
        reach_of(tx, self.org, &self.grants, Permission::FieldWork)
    }

    /// How far the permission reaches: what a list is narrowed to.
    ///
    /// # Errors
    /// `forbidden` where no role gives the permission anywhere.
    pub fn reach(&self, tx: &mut Tx<'_>, permission: Permission) -> Result<Reach, ApiError> {
        self.require(permission, &Target::Own)?;
        reach_of(tx, self.org, &self.grants, permission)
    }
}

/// How far grants give a permission; nowhere where none does.
///
/// # Errors
/// Those of the database.
pub(crate) fn reach_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    grants: &[Grant],
    permission: Permission,
) -> Result<Reach, ApiError> {
    let mut regions = BTreeSet::new();
    let mut branches = BTreeSet::new();
    for grant in grants.iter().filter(|it| it.role.permissions().contains(&permission)) {
        match grant.scope {
            Scope::Organization => return Ok(Reach::Everywhere),
            Scope::Region(region) => drop(regions.insert(region)),
            Scope::Branch(branch) => drop(branches.insert(branch)),
        }
    }
    let regions = with_regions_below(tx, org, regions)?;
    Ok(Reach::Within { regions, branches })
}

/// How far a permission reaches in the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    Everywhere,
    /// What lies in these regions, their sub-regions already among them, and these branches.
    Within {
        /// The regions, closed downwards.
        regions: BTreeSet<RegionId>,
        /// Branches granted one by one.
        branches: BTreeSet<BranchId>,
    },
}

impl Reach {
    /// Nothing at all.
    pub const NOWHERE: Self = Self::Within { regions: BTreeSet::new(), branches: BTreeSet::new() };

    /// Whether nothing can lie within.
    pub fn is_nowhere(&self) -> bool {
        *self == Self::NOWHERE
    }

    /// Whether a branch in the given region lies within.
    pub fn holds(&self, branch: BranchId, region: Option<RegionId>) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Within { regions, branches } => {
                branches.contains(&branch) || region.is_some_and(|it| regions.contains(&it))
            }
        }
    }
}

/// A branch as a target: with its region and all regions above it.
///
/// # Errors
/// `not_found` (404) for a branch that the organization does not have.
pub fn branch_target(tx: &mut Tx<'_>, org: OrgId, branch: BranchId) -> Result<Target, ApiError> {
    let found = db::reference::find_branch(tx, org, branch)?
        .ok_or_else(|| ApiError::not_found("la sucursal", "the branch"))?;
    Ok(Target::Branch { branch, regions: regions_above(tx, org, found.region_id)? })
}

fn regions_above(tx: &mut Tx<'_>, org: OrgId, mut next: Option<RegionId>) -> Result<Vec<RegionId>, ApiError> {
    let mut above = Vec::new();
    while let Some(region) = next {
        if above.contains(&region) {
            return Err(ApiError::internal(format!("the region {region} lies above itself")));
        }
        above.push(region);
        next = db::reference::find_region(tx, org, region)?.and_then(|it| it.parent_id);
    }
    Ok(above)
}

fn with_regions_below(
    tx: &mut Tx<'_>,
    org: OrgId,
    mut regions: BTreeSet<RegionId>,
) -> Result<BTreeSet<RegionId>, ApiError> {
    if regions.is_empty() {
        return Ok(regions);
    }
    let all = db::reference::list_regions(tx, org)?;
    loop {
        let before = regions.len();
        for region in &all {
            if region.parent_id.is_some_and(|it| regions.contains(&it)) {
                regions.insert(region.region_id);
            }
        }
        if regions.len() == before {
            return Ok(regions);
        }
    }
}

/// The principal of a session's token.
///
/// # Errors
/// `session_unknown` for a token that is nobody's or was revoked, `session_expired` for one whose time is over (401).
pub fn find_principal(tx: &mut Tx<'_>, token: &str, now: Micros) -> Result<Principal, ApiError> {
    let hash = auth::token_hash(token);
    let (org, session) = db::sessions::find_by_token(tx, hash)?.ok_or_else(session_unknown)?;
    let user = db::users::find(tx, org, session.user_id)?.ok_or_else(session_unknown)?;
    if session.revoked_at.is_some() || session.awaits_factor || !user.active {
        return Err(session_unknown());
    }
    if session.expires_at <= now {
        return Err(ApiError::unauthenticated(
            "session_expired",
            "La sesión venció; inicie sesión de nuevo.",
            "the session has expired; sign in again",
        ));
    }
    let mut grants = users::grants(tx, org, session.user_id)?;
    if session.dev.is_some() {
        // No code is asked for where a phone enrols: what asks for one is not opened by it.
        grants.retain(|it| !it.role.asks_second_factor());
    }
    let (user, dev, proved_at) = (session.user_id, session.dev, session.proved_at);
    Ok(Principal { org, user, grants, session: hash, dev, proved_at })
}

/// A device that was taken out, or whose person was ended. It may hand in what it had not sent and nothing else: its token is
/// remembered to tell it from strangers, its signatures prove what it hands in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) org: OrgId,
    pub(crate) user: UserId,
    pub(crate) dev: DeviceId,
    /// Why.
    pub(crate) reason: Ending,
}

/// The device behind a token that opens nothing any more; none for a stranger, and for a device that can be enrolled again.
///
/// # Errors
/// Those of the database.
pub(crate) fn find_ended(tx: &mut Tx<'_>, token: &str) -> Result<Option<Ended>, ApiError> {
    let Some((org, session)) = db::sessions::find_by_token(tx, auth::token_hash(token))? else {
        return Ok(None);
    };
    let Some(dev) = session.dev else { return Ok(None) };
    let user = session.user_id;
    let device = db::devices::find(tx, org, dev)?.filter(|it| it.user_id == Some(user));
    let Some(device) = device else { return Ok(None) };
    let reason = match device.state {
        DeviceState::Revoked => Ending::DeviceRevoked,
        DeviceState::Active if db::users::find(tx, org, user)?.is_some_and(|it| !it.active) => {
            Ending::UserEnded
        }
        DeviceState::Active => return Ok(None),
    };
    Ok(Some(Ended { org, user, dev, reason }))
}

pub(crate) fn session_unknown() -> ApiError {
    ApiError::unauthenticated(
        "session_unknown",
        "La sesión no existe o fue cerrada; inicie sesión de nuevo.",
        "the session does not exist or was closed; sign in again",
    )
}

pub(crate) fn no_session() -> ApiError {
    ApiError::unauthenticated(
        "no_session",
        "Falta la sesión: envíe «Authorization: Bearer …».",
        "no session: send 'Authorization: Bearer …'",
    )
}

/// The token of a request: of its `Authorization`, or for GET of the session cookie.
pub(crate) fn token(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get("authorization").and_then(|it| it.to_str().ok());
    if let Some(header) = header {
        let (scheme, token) = header.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    is_read.then(|| request.cookie(SESSION_COOKIE).map(|it| it.value().to_owned())).flatten()
}

impl FromRequest for Principal {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let token = token(request);
        // Who has no second factor yet can set one up, and leave.
        let is_about_oneself = request.path().starts_with("/api/v1/sessions/current");
        Box::pin(async move {
            let app = app.ok_or_else(|| ApiError::internal("the application is not configured"))?;
            let token = token.ok_or_else(no_session)?;
            let (now, policy) = (app.now(), app.config.second_factor);
            app.read(move |tx| {
                let principal = find_principal(tx, &token, now)?;
                if !is_about_oneself {
                    second_factor::refuse_without(tx, &principal, policy)?;
                }
                Ok(principal)
            })
            .await
        })
    }
}
