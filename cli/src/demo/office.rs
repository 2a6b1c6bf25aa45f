//! The demo's server and its people.

use crate::settings::checked;
use domain::{Problem, access::Role};
use server::{
    App, Config, SecondFactor,
    app::{
        organizations::{self, NewOrganization},
        users::{self, GrantScope, NewUser, RoleGrant},
    },
    auth,
    environment::Environment,
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

/// Short name of the demo's organization.
pub(super) const SLUG: &str = "chicago-demo";
/// Password of everybody in the demo: it runs on this machine only, over open data.
pub(super) const PASSWORD: &str = "veedor-demo-2026";

/// Who is there: login, name, role.
pub(super) const PEOPLE: [(&str, &str, Role); 7] = [
    ("admin", "Administración (demo)", Role::Admin),
    ("manager", "Responsable del programa (demo)", Role::ProgrammeManager),
    ("reviewer", "Revisión (demo)", Role::Reviewer),
    ("hr", "Recursos humanos (demo)", Role::HrAnalyst),
    ("hr-approver", "Aprobación de incentivos (demo)", Role::HrApprover),
    ("finance", "Finanzas (demo)", Role::HrApprover),
    ("analyst", "Análisis (demo)", Role::Analyst),
];

/// A server in this process, on a thread of its own.
pub(super) struct Running {
    /// Where it answers, such as `http://127.0.0.1:8080`.
    pub(super) address: String,
    thread: thread::JoinHandle<Result<(), Problem>>,
}

impl Running {
    /// Its address and port alone.
    pub(super) fn listens_at(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// Serves until Ctrl-C.
    pub(super) fn wait(self) -> Result<(), Problem> {
        joined(self.thread)
    }
}

fn joined(thread: thread::JoinHandle<Result<(), Problem>>) -> Result<(), Problem> {
    thread.join().unwrap_or_else(|_| Err(internal("the server's thread failed")))
}

fn internal(cause: impl std::fmt::Display) -> Problem {
    Problem::single(500, "internal", format!("Falló el servidor del demo: {cause}"), cause.to_string())
}

/// Opens the demo's database, sets the organization up where it is not there yet, and serves.
pub(super) fn open(
    data: &Path,
    listen: &str,
    phone: Option<PathBuf>,
    environment: &Environment,
) -> Result<Running, Problem> {
    let database = data.join("veedor.db");
    let config = Config {
        listen: listen.to_owned(),
        database_url: format!("sqlite:{}", database.display()),
        phone,
        // Whoever tries it on their own machine is not asked for an authenticator app before they have seen anything.
        second_factor: SecondFactor::Offered,
        ..Config::default()
    };
    let app = App::open(checked(config)?, environment.clone()).map_err(|it| it.for_operator())?;
    set_up(&app)?;
    serve(app)
}

fn set_up(app: &App) -> Result<(), Problem> {
    let new = NewOrganization {
        slug: SLUG.to_owned(),
        name: "Ciudad de Chicago (demo)".to_owned(),
        locale: "es-MX".to_owned(),
        zone: "America/Chicago".to_owned(),
    };
    let organization = match organizations::create(app, new) {
        Ok(organization) => organization.id,
        // An interrupted demo left it; its people may still be missing.
        Err(error) if error.problem().code == "slug_taken" => {
            organizations::find_by_slug(app, SLUG).map_err(|it| it.for_operator())?
        }
        Err(error) => return Err(error.for_operator()),
    };
    let hash = auth::hash_password(&PASSWORD.into()).map_err(internal)?;
    for (login, name, role) in PEOPLE {
        let person = NewUser {
            login: login.to_owned(),
            name: name.to_owned(),
            password: None,
            roles: vec![RoleGrant { role, scope: GrantScope::Organization }],
        };
        let hash = hash.clone();
        let created = app.act_as("demo", organization, move |tx, office| {
            users::create(tx, office, &person, Some(&hash)).map(drop)
        });
        match created {
            Err(error) if error.problem().code != "login_taken" => return Err(error.for_operator()),
            _ => {}
        }
    }
    Ok(())
}

fn serve(app: App) -> Result<Running, Problem> {
    let (told, address) = mpsc::channel();
    let thread = thread::spawn(move || {
        let tell = |addresses: &[SocketAddr]| {
            // Nobody waits any more where the demo has ended.
            let _ = told.send(addresses.first().copied());
        };
        server::serve::run(app, tell).map_err(|it| it.for_operator())
    });
    match address.recv() {
        Ok(Some(address)) => Ok(Running { address: format!("http://{address}"), thread }),
        _ => joined(thread).and(Err(internal("the server does not listen"))),
    }
}
