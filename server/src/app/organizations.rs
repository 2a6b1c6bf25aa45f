//! The organization: created by the operator with everything that it needs from the first day, read and changed by its
//! administrators.

use crate::{
    app::{App, content},
    error::ApiError,
    office::Office,
    principal::Principal,
    zone,
};
use db::{
    Hidden, Tx,
    devices::{Device, DeviceKind, DeviceState},
    organizations,
};
use domain::access::{Permission, Target};
use domain::ids::OrgId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::signature::SigningKey;
use utoipa::ToSchema;
use validator::Validate;

/// An organization to create.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// Its name in addresses: lower case letters, digits and dashes.
    #[validate(length(min = 2, max = 40), custom(function = "check_slug"))]
    pub slug: String,
    /// Its name for people.
    #[validate(length(min = 1, max = 200))]
    pub name: String,
    /// Its language, one of [`LOCALES`].
    #[validate(custom(function = "check_locale"))]
    pub locale: String,
    /// Its time zone (IANA).
    #[validate(custom(function = "zone::check"))]
    pub zone: String,
}

/// What an administrator may change of it.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationChange {
    /// Its name for people.
    #[validate(length(min = 1, max = 200))]
    pub name: String,
    /// Its language: es, es-MX, es-CO, es-CL, es-ES or en.
    #[validate(custom(function = "check_locale"))]
    pub locale: String,
    /// Its time zone (IANA).
    #[validate(custom(function = "zone::check"))]
    pub zone: String,
}

/// An organization as its people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Organization {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: OrgId,
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its language.
    pub locale: String,
    /// Its time zone (IANA).
    pub zone: String,
}

impl From<organizations::Organization> for Organization {
    fn from(it: organizations::Organization) -> Self {
        Self { id: it.org_id, slug: it.slug, name: it.name, locale: it.locale, zone: it.zone }
    }
}

/// Languages of screens: neutral Spanish, its overlays, English.
pub const LOCALES: [&str; 6] = ["es", "es-MX", "es-CO", "es-CL", "es-ES", "en"];

fn check_locale(locale: &str) -> Result<(), validator::ValidationError> {
    if LOCALES.contains(&locale) {
        return Ok(());
    }
    let known = LOCALES.join(", ");
    let text = format!("Use uno de: {known}. / use one of: {known}");
    Err(validator::ValidationError::new("unknown_locale").with_message(text.into()))
}

fn check_slug(slug: &str) -> Result<(), validator::ValidationError> {
    let is_good = slug.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if is_good {
        return Ok(());
    }
    let text = "Use minúsculas, dígitos y guiones. / use lower case letters, digits and dashes";
    Err(validator::ValidationError::new("bad_slug").with_message(text.into()))
}

/// Creates an organization with its signing key and the built-in content, released. For the operator.
///
/// # Errors
/// Broken rules, and `already_exists` for a slug that is taken.
pub fn create(app: &App, new: NewOrganization) -> Result<Organization, ApiError> {
    crate::http::body::check(&new)?;
    let org = OrgId(app.environment.new_id());
    app.act_as("operator", org, move |tx, office| append(tx, office, &new))
}

/// Creates the organization of an office that has none yet.
///
/// # Errors
/// `slug_taken` (409).
pub(crate) fn append(
    tx: &mut Tx<'_>,
    office: &mut Office,
    new: &NewOrganization,
) -> Result<Organization, ApiError> {
    let org = office.org();
    let organization = organizations::Organization {
        org_id: org,
        slug: new.slug.clone(),
        name: new.name.clone(),
        locale: new.locale.clone(),
        zone: new.zone.clone(),
        created_at: office.now(),
    };
    if organizations::find_by_slug(tx, &new.slug)?.is_some() {
        return Err(ApiError::taken(
            "/slug",
            "slug_taken",
            format!("Ya hay una organización «{}».", new.slug),
            format!("there is an organization '{}' already", new.slug),
        ));
    }
    organizations::append(tx, &organization)?;
    append_server_key(tx, office, office.environment().bytes())?;
    content::append_built_in(tx, office)?;
    office.record("organization_created", "organization", org, &json!({"slug": new.slug}))?;
    Ok(organization.into())
}

/// The organization of a slug. For the operator.
///
/// # Errors
/// `not_found`.
pub fn find_by_slug(app: &App, slug: &str) -> Result<OrgId, ApiError> {
    let found = app.db.read(|tx| organizations::find_by_slug(tx, slug))?;
    found.map(|it| it.org_id).ok_or_else(|| ApiError::not_found("la organización", "the organization"))
}

/// The key with which the server signs receipts and its own ops for the organization, and the device that it is.
pub(crate) fn append_server_key(tx: &mut Tx<'_>, office: &Office, secret: [u8; 32]) -> Result<(), ApiError> {
    let public = SigningKey::from_secret(&secret).public_key();
    let key = organizations::ServerKey {
        dev: public.device(),
        alg: public.alg,
        secret_key: Hidden(secret.to_vec()),
        public_key: public.key.to_vec(),
        created_at: office.now(),
    };
    organizations::append_server_key(tx, office.org(), &key)?;
    let device = Device {
        dev: key.dev,
        user_id: None,
        kind: DeviceKind::Server,
        alg: key.alg,
        public_key: key.public_key,
        name: "server".to_owned(),
        state: DeviceState::Active,
        enrolled_at: office.now(),
        revoked_at: None,
    };
    Ok(db::devices::append(tx, office.org(), &device)?)
}

/// The organization of the one who asks.
pub(crate) fn read(tx: &mut Tx<'_>, principal: &Principal) -> Result<Organization, ApiError> {
    let found = organizations::find(tx, principal.org)?;
    found.map(Organization::from).ok_or_else(|| ApiError::internal("the organization is gone"))
}

/// Changes the organization.
pub(crate) fn change(
    tx: &mut Tx<'_>,
    office: &mut Office,
    change: &OrganizationChange,
) -> Result<Organization, ApiError> {
    office.require(Permission::ManageUsers, &Target::Organization)?;
    let org = office.org();
    let before =
        organizations::find(tx, org)?.ok_or_else(|| ApiError::internal("the organization is gone"))?;
    let after = organizations::Organization {
        name: change.name.clone(),
        locale: change.locale.clone(),
        zone: change.zone.clone(),
        ..before.clone()
    };
    organizations::update(tx, &after)?;
    let (before, after) = (Organization::from(before), Organization::from(after));
    office.record("organization_changed", "organization", org, &json!({"before": before, "after": after}))?;
    Ok(after)
}
