//! What every page has around it: who looks, in which language, where they may go, and what makes their forms their own.

use super::{lang::Lang, session, words::Words};
use crate::{
    app::{App, second_factor},
    error::ApiError,
    office::Office,
    principal::{Principal, SESSION_COOKIE, find_principal},
};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use db::Tx;
use domain::access::{Permission, Target};
use sha2::{Digest as _, Sha256};
use std::{future::Future, pin::Pin};

/// What the page's own scripts are let in by, once.
#[derive(Debug, Clone)]
struct Nonce(String);

/// Somebody who is signed in and looks at a page.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) app: App,
    pub(crate) principal: Principal,
    pub(crate) words: Words,
    /// The address without what says the language.
    pub(crate) address: String,
    /// What was done on the page before: the key of a text.
    said: Option<String>,
    person: String,
    organization: String,
    /// The time zone of the organization (IANA).
    pub(crate) zone: String,
    csrf: String,
    nonce: String,
}

/// A place of the console in its navigation.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) href: &'static str,
    pub(crate) label: String,
    pub(crate) is_here: bool,
}

/// What the layout is filled with.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) words: Words,
    /// Name of the organization, and of the person; none where nobody is signed in.
    pub(crate) organization: Option<String>,
    pub(crate) person: Option<String>,
    pub(crate) places: Vec<Place>,
    /// The address that the language is changed at: ends with `?` or `&`.
    pub(crate) address: String,
    /// What was done on the page before.
    pub(crate) said: Option<String>,
    pub(crate) csrf: String,
    pub(crate) nonce: String,
}

/// The places, each with what opens it; none opens to everybody.
const PLACES: [(&str, &str, &[Permission]); 10] = [
    ("/", "place-home", &[]),
    ("/visits", "place-visits", &[Permission::ReadVisits]),
    ("/branches/mine", "place-branches-mine", &[Permission::AppealVisits]),
    ("/appeals", "place-appeals", &[Permission::AppealVisits, Permission::ReviewVisits]),
    ("/scorecards", "place-scorecards", &[Permission::ReadScorecards]),
    ("/pay", "place-pay", &[Permission::ReadPay]),
    ("/programmes", "place-programmes", &[Permission::ManageProgrammes]),
    ("/people", "place-people", &[Permission::ManageUsers]),
    (
        "/imports",
        "place-imports",
        &[Permission::ManageReference, Permission::ManageUsers, Permission::EnterKpis],
    ),
    ("/organization", "place-organization", &[Permission::ManageUsers]),
];

impl Shell {
    /// Around a page for nobody in particular.
    pub(crate) fn bare(request: &HttpRequest, words: Words) -> Self {
        let (organization, person, said) = (None, None, None);
        let (address, nonce) = (switch_at(&address_of(request)), nonce_of(request));
        Self { words, organization, person, places: Vec::new(), address, said, csrf: String::new(), nonce }
    }
}

impl Visitor {
    /// Around a page of theirs; `here` is the place that it belongs to.
    pub(crate) fn shell(&self, here: &str) -> Shell {
        let may = |it: &&(&str, &str, &[Permission])| {
            it.2.is_empty() || it.2.iter().any(|right| self.principal.may(*right, &Target::Own))
        };
        let places = PLACES.iter().filter(may).map(|(href, key, _)| Place {
            href,
            label: self.words.say(key),
            is_here: *href == here,
        });
        Shell {
            places: places.collect(),
            organization: Some(self.organization.clone()),
            person: Some(self.person.clone()),
            address: switch_at(&self.address),
            said: self.said.as_ref().map(|it| self.words.say(it)),
            csrf: self.csrf.clone(),
            nonce: self.nonce.clone(),
            words: self.words.clone(),
        }
    }

    /// The name of their organization.
    pub(crate) fn organization(&self) -> &str {
        &self.organization
    }

    /// Carries out a use case for them, in one transaction with its lines of the audit log.
    ///
    /// # Errors
    /// Those of the use case, after which nothing is stored.
    pub(crate) async fn change<T, F>(&self, mut use_case: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>, &mut Office) -> Result<T, ApiError> + Send + 'static,
    {
        let (app, principal) = (self.app.clone(), self.principal.clone());
        let inside = move |tx: &mut Tx<'_>| {
            let mut office = Office::of_principal(&app, principal.clone());
            let value = use_case(tx, &mut office)?;
            office.close(tx)?;
            Ok(value)
        };
        self.app.write(inside).await
    }

    /// Whoever a token belongs to.
    ///
    /// # Errors
    /// `session_unknown`, `session_expired` (401).
    pub(super) async fn of_token(request: &HttpRequest, token: String) -> Result<Self, ApiError> {
        let app = app_of(request)?;
        let (now, csrf) = (app.now(), csrf_of(&token));
        // Who has no second factor yet can set one up, and leave.
        let policy = (!request.path().starts_with("/account")).then_some(app.config.second_factor);
        let found = app.read(move |tx| {
            let principal = find_principal(tx, &token, now)?;
            policy.map_or(Ok(()), |it| second_factor::refuse_without(tx, &principal, it))?;
            let person = db::users::find(tx, principal.org, principal.user)?;
            let organization = db::organizations::find(tx, principal.org)?;
            Ok((principal, person, organization))
        });
        let (principal, person, organization) = found.await?;
        let organization = organization.ok_or_else(|| ApiError::internal("the organization is gone"))?;
        let words = Words::of(Lang::of(request), Some(&organization.locale));
        let said = query_of(request, "said").map(|it| format!("said-{it}")).filter(|it| words.has(it));
        Ok(Self {
            person: person.map(|it| it.name).unwrap_or_default(),
            organization: organization.name,
            zone: organization.zone,
            address: address_of(request),
            nonce: nonce_of(request),
            app: app.as_ref().clone(),
            principal,
            words,
            said,
            csrf,
        })
    }
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (request, token) = (request.clone(), session_token(request));
        Box::pin(async move { Self::of_token(&request, token.ok_or_else(session::none)?).await })
    }
}

pub(super) fn app_of(request: &HttpRequest) -> Result<web::Data<App>, ApiError> {
    let app = request.app_data::<web::Data<App>>().cloned();
    app.ok_or_else(|| ApiError::internal("the application is not configured"))
}

/// The token of the session cookie.
pub(super) fn session_token(request: &HttpRequest) -> Option<String> {
    request.cookie(SESSION_COOKIE).map(|it| it.value().to_owned())
}

/// What a form of this session carries. It follows from the session's secret and tells nothing of it.
pub(super) fn csrf_of(token: &str) -> String {
    let hash = Sha256::new().chain_update(b"veedor form ").chain_update(token.as_bytes()).finalize();
    URL_SAFE_NO_PAD.encode(hash)
}

/// The nonce of a request, the same wherever it is asked for.
pub(super) fn nonce_of(request: &HttpRequest) -> String {
    if let Some(Nonce(it)) = request.extensions().get::<Nonce>() {
        return it.clone();
    }
    let bytes: Option<[u8; 16]> = app_of(request).ok().map(|it| it.environment.bytes());
    let nonce = URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default());
    request.extensions_mut().insert(Nonce(nonce.clone()));
    nonce
}

/// A parameter of the address.
pub(super) fn query_of(request: &HttpRequest, name: &str) -> Option<String> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?;
    pairs.into_inner().into_iter().find(|(it, _)| it == name).map(|(_, value)| value)
}

/// Path and parameters, but for the language and for what was said.
fn address_of(request: &HttpRequest) -> String {
    let kept = request.query_string().split('&').filter(|it| {
        let name = it.split('=').next().unwrap_or_default();
        !it.is_empty() && name != "lang" && name != "said"
    });
    let query = kept.collect::<Vec<_>>().join("&");
    if query.is_empty() { request.path().to_owned() } else { format!("{}?{query}", request.path()) }
}

fn switch_at(address: &str) -> String {
    let mark = if address.contains('?') { '&' } else { '?' };
    format!("{address}{mark}")
}
