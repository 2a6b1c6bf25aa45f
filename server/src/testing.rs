//! An office for tests: a database of its own in a temporary folder, a clock that stands until it is moved, and calls
//! through the real routes without a port. Not part of the product.

pub mod photos;
pub mod strangers;

use crate::{
    App, Config, Environment,
    app::{organizations, sessions, users},
    config::SecondFactor,
    environment::{Clock, Entropy},
    serve::application,
};
use actix_web::{
    HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, Service, ServiceResponse},
    error::PayloadError,
    http::{Method, StatusCode, header::HeaderMap},
    test::{TestRequest, init_service},
    web::Bytes,
};
use db::Hidden;
use domain::access::{Role, Scope};
use domain::ids::{OrgId, UserId};
use futures_core::Stream;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use sync_core::{DeviceId, Hash};
use tempfile::TempDir;

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Where every test begins: 2026-11-21T12:00:00Z.
    const BEGIN_MICROS: i64 = 1_795_262_400_000_000;

    /// Moves it on.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// What it shows, in milliseconds since 1970.
    pub fn millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst) / 1_000
    }

    /// Sets it, forwards or back.
    pub fn set_millis(&self, millis: i64) {
        self.0.store(millis * 1_000, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(Self::BEGIN_MICROS)))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).expect("tests stay in this era")
    }
}

/// Bytes that differ every time and are the same in every run.
#[derive(Debug, Default)]
pub struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let block = Hash::of(&count.to_be_bytes());
            for (to, from) in piece.iter_mut().zip(block.0) {
                *to = from;
            }
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = ServiceResponse<BoxBody>>>>;
type Routes = Rc<dyn Fn(TestRequest, Option<Payload>) -> Answering>;

/// An open office with one organization, `acme`.
pub struct TestOffice {
    /// The application.
    pub app: App,
    /// Its clock.
    pub clock: TestClock,
    /// The organization.
    pub org: OrgId,
    routes: Routes,
    /// Where the database is; none where a test brought its own.
    folder: Option<TempDir>,
    /// Where evidence lies; none where a test brought its own application.
    blobs: Option<TempDir>,
}

/// A person with an open session.
#[derive(Debug, Clone)]
pub struct TestPerson {
    /// Their id.
    pub id: UserId,
    /// What they sign in with.
    pub login: String,
    /// Their bearer token.
    pub token: String,
}

impl TestOffice {
    /// Takes every place for exchanges, as a crowd of phones does, until what it gives is dropped.
    #[must_use]
    pub fn take_every_place(&self) -> impl Drop + use<> {
        self.app.exchange_places.take_all().expect("the places are free")
    }

    /// Takes every place for parts of photos and for large forms.
    pub fn take_places_of_bodies(&self) -> tokio::sync::OwnedSemaphorePermit {
        self.app.blob_places.take_all().expect("the places are free")
    }

    /// Who has how many places now for exchanges, or for parts of photos.
    #[must_use]
    pub fn places(&self, of_photos: bool) -> BTreeMap<DeviceId, u32> {
        if of_photos { self.app.blob_places.held() } else { self.app.exchange_places.held() }
    }

    /// Works on so many exchanges until what it gives is dropped.
    ///
    /// # Panics
    /// Where so many are not worked on at once.
    #[must_use]
    pub fn take_turns(&self, count: u32) -> impl Drop {
        let turns = Arc::clone(&self.app.exchange_turns);
        turns.try_acquire_many_owned(count).expect("the turns are free")
    }

    /// Opens an office over SQLite in a temporary folder.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite:{}", folder.path().join("veedor.db").display());
        let mut office = Self::open_at(url).await;
        office.folder = Some(folder);
        office
    }

    /// Opens an office over a database that the test brings, empty.
    pub async fn open_at(database_url: String) -> Self {
        let clock = TestClock::default();
        let environment = Environment::new(clock.clone(), TestEntropy::default());
        let blobs = tempfile::tempdir().expect("a temporary folder can be made");
        // The disk of a machine that runs tests may be as full as it likes.
        let (blob_folder, blob_reserve_bytes) = (Some(blobs.path().to_owned()), 0);
        // Most tests are about something else; those of the second factor demand it.
        let second_factor = SecondFactor::Offered;
        let config =
            Config { database_url, blob_folder, blob_reserve_bytes, second_factor, ..Config::default() };
        let app = App::open(config, environment).expect("the database opens");
        let org = create_organization(&app, "acme");
        let mut office = Self::over(app, clock, org).await;
        office.blobs = Some(blobs);
        office
    }

    /// An office over an application that the test opened, perhaps not for the first time, with the organization that calls
    /// of people and devices are about.
    pub async fn over(app: App, clock: TestClock, org: OrgId) -> Self {
        let routes = routes(&app).await;
        Self { app, clock, org, routes, folder: None, blobs: None }
    }

    /// The same office with other settings; those of the database and of the evidence's place stay.
    #[must_use]
    pub async fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::clone(&self.app.config);
        change(&mut config);
        self.app.phone = Arc::new(crate::phone::Phone::read(&config).expect("the phone can be read"));
        self.app.config = Arc::new(config);
        self.routes = routes(&self.app).await;
        self
    }

    /// Where evidence lies.
    pub fn blob_folder(&self) -> std::path::PathBuf {
        self.blobs.as_ref().map_or_else(|| self.app.config.blob_folder(), |it| it.path().to_owned())
    }

    /// Creates another organization.
    pub fn other_organization(&self, slug: &str) -> OrgId {
        create_organization(&self.app, slug)
    }

    /// A person of `acme` with one role everywhere; the login is the role's name with a number.
    pub fn person(&self, role: Role) -> TestPerson {
        self.person_of(self.org, &[(role, Scope::Organization)])
    }

    /// A person of an organization with roles in scopes.
    pub fn person_of(&self, org: OrgId, roles: &[(Role, Scope)]) -> TestPerson {
        let id = UserId(self.app.environment.new_id());
        let name = roles.first().map_or("nobody", |(role, _)| role.as_str());
        let login = format!("{name}-{}", id.0.simple());
        let user = db::users::User {
            user_id: id,
            login: login.clone(),
            name: format!("Test {name}"),
            password_hash: Hidden(String::new()),
            active: true,
            created_at: self.app.now(),
        };
        let grants: Vec<_> = roles
            .iter()
            .map(|(role, scope)| db::users::RoleGrant {
                user_id: id,
                role: *role,
                scope: *scope,
                granted_by: None,
                granted_at: self.app.now(),
            })
            .collect();
        self.app
            .act_as("test", org, move |tx, office| {
                db::users::append(tx, office.org(), &user)?;
                for grant in &grants {
                    db::users::grant_role(tx, office.org(), grant)?;
                }
                Ok(())
            })
            .expect("a new person can be stored");
        let token = self.session_of(org, id);
        TestPerson { id, login, token }
    }

    /// Every address of the console, as it is placed: with its names in braces.
    pub fn console_addresses(&self) -> Vec<String> {
        let placed = crate::console::PLACED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        placed.iter().cloned().collect()
    }

    /// Opens a session for a person without a password.
    pub fn session_of(&self, org: OrgId, user: UserId) -> String {
        use secrecy::ExposeSecret as _;
        let app = self.app.clone();
        let opened = self
            .app
            .db
            .write(move |tx| sessions::open_session(tx, &app, org, user, "signed_in"))
            .expect("a session can be opened");
        opened.token.expose_secret().to_owned()
    }

    /// Gives a person of `acme` a password.
    pub fn set_password(&self, login: &str, password: &str) {
        let hash = crate::auth::hash_password(&password.into()).expect("the password is within its limits");
        let login = login.to_owned();
        self.app
            .act_as("test", self.org, move |tx, office| users::reset_password(tx, office, &login, &hash))
            .expect("the person is there");
    }

    /// Begins a call.
    pub fn call(&self, method: Method, address: &str) -> Call<'_> {
        Call { office: self, request: TestRequest::default().method(method).uri(address) }
    }

    /// Begins a `GET`.
    pub fn get(&self, address: &str) -> Call<'_> {
        self.call(Method::GET, address)
    }

    /// Begins a `POST`.
    pub fn post(&self, address: &str) -> Call<'_> {
        self.call(Method::POST, address)
    }

    /// Begins a `PUT`.
    pub fn put(&self, address: &str) -> Call<'_> {
        self.call(Method::PUT, address)
    }

    /// Begins a `PATCH`.
    pub fn patch(&self, address: &str) -> Call<'_> {
        self.call(Method::PATCH, address)
    }

    /// Begins a `DELETE`.
    pub fn delete(&self, address: &str) -> Call<'_> {
        self.call(Method::DELETE, address)
    }

    /// Where the database file is, for a test that looks at it or opens it again.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

fn create_organization(app: &App, slug: &str) -> OrgId {
    let new = organizations::NewOrganization {
        slug: slug.to_owned(),
        name: format!("Organization {slug}"),
        locale: "es-MX".to_owned(),
        zone: "America/Mexico_City".to_owned(),
    };
    organizations::create(app, new).expect("a new organization can be stored").id
}

async fn routes(app: &App) -> Routes {
    let service = Rc::new(init_service(application(app)).await);
    Rc::new(move |request: TestRequest, slow: Option<Payload>| {
        let service = Rc::clone(&service);
        Box::pin(async move {
            let request = request.to_request();
            let request = match slow {
                Some(body) => request.replace_payload(body).0,
                None => request,
            };
            match service.call(request).await {
                Ok(response) => response.map_into_boxed_body(),
                Err(error) => {
                    let response = HttpResponse::from_error(error);
                    ServiceResponse::new(TestRequest::default().to_http_request(), response)
                }
            }
        })
    })
}

/// A call that is being put together.
pub struct Call<'a> {
    office: &'a TestOffice,
    request: TestRequest,
}

impl Call<'_> {
    /// With a session.
    #[must_use]
    pub fn by(self, person: &TestPerson) -> Self {
        self.bearer(&person.token)
    }

    /// With a token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.insert_header((name, value));
        self
    }

    /// With an idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        let text = serde_json::to_string(body).expect("a test's body is JSON");
        self.header("Content-Type", "application/json").body(text)
    }

    /// With a body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.request = self.request.set_payload(body);
        self
    }

    /// Calls.
    pub async fn send(self) -> Answer {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 40_000));
        let request = self.request.peer_addr(address);
        answer_of((self.office.routes)(request, None).await).await
    }

    /// Calls with a body that begins like this and does not end; others can call meanwhile.
    pub fn send_without_end(self, begun: impl Into<Bytes>) -> Pin<Box<dyn Future<Output = Answer>>> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 40_000));
        let body: BoxedPayloadStream = Box::pin(Endless(Some(begun.into())));
        let answering = (self.office.routes)(self.request.peer_addr(address), Some(Payload::from(body)));
        Box::pin(async move { answer_of(answering.await).await })
    }
}

type BoxedPayloadStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

/// A body of which one piece comes, and then neither another nor the end.
struct Endless(Option<Bytes>);

impl Stream for Endless {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.take().map_or(Poll::Pending, |it| Poll::Ready(Some(Ok(it))))
    }
}

async fn answer_of(response: ServiceResponse<BoxBody>) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = match response.into_body().try_into_bytes() {
        Ok(bytes) => bytes,
        Err(body) => actix_web::body::to_bytes(body).await.unwrap_or_default(),
    };
    Answer { status, headers, body }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `null` where there is none.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }

    fn member(&self, name: &str) -> Value {
        self.json().get(name).cloned().unwrap_or(Value::Null)
    }

    /// Status and, for a problem, its code: `(403, "forbidden")`, `(201, "")`.
    pub fn outcome(&self) -> (u16, String) {
        let code = match self.status.is_success() || self.body.is_empty() {
            true => String::new(),
            false => self.member("code").as_str().unwrap_or("no problem detail").to_owned(),
        };
        (self.status.as_u16(), code)
    }

    /// The offending fields of a problem, each with its code.
    pub fn fields(&self) -> Vec<(String, String)> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let errors = self.member("errors").as_array().cloned().unwrap_or_default();
        errors.iter().map(|it| (text(it.get("field")), text(it.get("code")))).collect()
    }

    /// The body of a success, else a panic that shows what came.
    ///
    /// # Panics
    /// Where the status is no success.
    pub fn expect_json(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }
}
