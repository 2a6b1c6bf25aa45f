//! `veedor admin`: what the operator of the installation does at its database, without a session.

use super::{
    backup::{self, BackupArguments, EvidenceArguments, RestoreArguments},
    rescue::{self, RescueAction},
    verify::{self, VerifyArguments},
    verify_visit,
};
use crate::{
    console, incidents,
    phone_link::{self, AppAddress},
    settings::SettingsArguments,
};
use clap::{
    Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use domain::{FieldProblem, Problem, access::Role};
use serde_json::json;
use server::{
    App, Environment,
    app::{
        audit_log,
        devices::{self, EnrolledKind},
        organizations::{self, NewOrganization},
        second_factor,
        users::{self, GrantScope, NewUser, RoleGrant},
    },
    auth::{self, Secret},
};
use std::{
    io::{BufRead as _, IsTerminal as _},
    path::{Path, PathBuf},
};
use sync_core::incident::key_pair;
use uuid::Uuid;

/// Administer the installation.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Organizations
    #[command(subcommand)]
    Org(OrgAction),
    /// People
    #[command(subcommand)]
    User(UserAction),
    /// Give somebody a new password, or a one-time code to set one
    ResetPassword(Person),
    /// Take the second factor of somebody away who lost it with its recovery codes; they set another up when they sign in
    ResetSecondFactor {
        /// The organization's name in addresses
        #[arg(long)]
        org: String,
        /// What they sign in with
        #[arg(long)]
        login: String,
    },
    /// Give an auditor a one-time code with which a phone logs in, by a link that is also drawn as a QR: `veedor field login --code`
    DeviceCode {
        /// The organization's name in addresses
        #[arg(long)]
        org: String,
        /// What the auditor signs in with
        #[arg(long)]
        login: String,
        /// What the code enrols
        #[arg(long, default_value = "phone", value_parser = kinds())]
        kind: EnrolledKind,
        #[command(flatten)]
        app: AppAddress,
    },
    /// Make the key that reports of incidents are sealed to from now on, in place of the former one. Its secret is written into a file,
    /// which the custodian keeps and nobody else: not the server, not a log. Without a key reports travel over TLS only and rest in the
    /// database as they were written, for whoever can read the database
    IncidentKey {
        /// The organization's name in addresses
        #[arg(long)]
        org: String,
        /// Where the secret is written; a file that is there already is left alone
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check the audit log of an organization entry by entry
    VerifyLog {
        /// The organization's name in addresses
        #[arg(long)]
        org: String,
    },
    /// Check that everything that is kept is what was recorded, and name the first fault
    Verify(VerifyArguments),
    /// Print a visit as evidence that `veedor verify-visit` checks without this installation
    ExportVisit {
        /// The organization's name in addresses
        #[arg(long)]
        org: String,
        /// The visit
        #[arg(long)]
        visit: Uuid,
    },
    /// Print where every stream ends, to be kept where the server has no power
    Head,
    /// Copy everything of the running installation into one file
    Backup(BackupArguments),
    /// Make the installation from a copy, where there is none yet; devices then send again what the copy lacks
    Restore(RestoreArguments),
    /// Put photos that the store lost (in a folder also damaged ones) back out of copies, and ask phones again for the rest
    Evidence(EvidenceArguments),
    /// Rescue files of phones
    #[command(subcommand)]
    Rescue(RescueAction),
}

#[derive(Debug, Subcommand)]
enum OrgAction {
    /// Create an organization with its key and the built-in content
    Add {
        /// Its name in addresses: lower case letters, digits and dashes
        #[arg(long)]
        slug: String,
        /// Its name for people
        #[arg(long)]
        name: String,
        /// Its language
        #[arg(long, default_value = "es-MX")]
        locale: String,
        /// Its time zone (IANA)
        #[arg(long, default_value = "America/Mexico_City")]
        zone: String,
    },
}

#[derive(Debug, Subcommand)]
enum UserAction {
    /// Create a person
    Add {
        #[command(flatten)]
        person: Person,
        /// Their name
        #[arg(long)]
        name: String,
        /// A role over the whole organization; may be repeated
        #[arg(long, value_parser = roles())]
        role: Vec<Role>,
    },
}

/// Whom it is about, and where the password comes from.
#[derive(Debug, Clone, clap::Args)]
struct Person {
    /// The organization's name in addresses
    #[arg(long)]
    org: String,
    /// What they sign in with
    #[arg(long)]
    login: String,
    /// Read the password from the first line of standard input; else a one-time code is printed
    #[arg(long)]
    password_stdin: bool,
}

fn roles() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|it| it.as_str())).try_map(|it| it.parse::<Role>())
}

fn kinds() -> impl TypedValueParser<Value = EnrolledKind> {
    PossibleValuesParser::new(EnrolledKind::ALL.map(EnrolledKind::as_str)).try_map(|name| {
        EnrolledKind::ALL.into_iter().find(|it| it.as_str() == name).ok_or("not a kind of device")
    })
}

/// Runs the command.
///
/// # Errors
/// Those of the use cases, and `log_broken` for an audit log that somebody changed.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Problem> {
    let open = || {
        let config = arguments.settings.read()?;
        App::open(config, Environment::default()).map_err(|it| it.for_operator())
    };
    match &arguments.action {
        Action::Org(OrgAction::Add { slug, name, locale, zone }) => {
            let new = NewOrganization {
                slug: slug.clone(),
                name: name.clone(),
                locale: locale.clone(),
                zone: zone.clone(),
            };
            let created = organizations::create(&open()?, new).map_err(|it| it.for_operator())?;
            console::print(&created)
        }
        Action::User(UserAction::Add { person, name, role }) => add_user(&open()?, person, name, role),
        Action::ResetPassword(person) => reset_password(&open()?, person),
        Action::ResetSecondFactor { org, login } => {
            let (app, login) = (open()?, login.clone());
            let org = organizations::find_by_slug(&app, org).map_err(|it| it.for_operator())?;
            let reset = app
                .act_as("operator", org, move |tx, office| second_factor::reset_by_login(tx, office, &login));
            reset.map_err(|it| it.for_operator())
        }
        Action::DeviceCode { org, login, kind, app } => device_code(&open()?, (org, login), *kind, app),
        Action::IncidentKey { org, out } => incident_key(&open()?, org, out),
        Action::VerifyLog { org } => verify_log(&open()?, org),
        Action::Verify(arguments) => verify::verify(&open()?, arguments),
        Action::ExportVisit { org, visit } => verify_visit::export_visit(&open()?, org, *visit),
        Action::Head => verify::head(&open()?),
        Action::Backup(arguments) => backup::back_up(&open()?, arguments),
        Action::Restore(restore) => backup::restore(&arguments.settings, restore),
        Action::Evidence(arguments) => backup::bring_evidence(&open()?, arguments),
        Action::Rescue(action) => rescue::run(&open()?, action),
    }
}

fn add_user(app: &App, person: &Person, name: &str, roles: &[Role]) -> Result<(), Problem> {
    let org = organizations::find_by_slug(app, &person.org).map_err(|it| it.for_operator())?;
    let password = password(person)?;
    let hash = hash(password.as_ref())?;
    let new = NewUser {
        login: person.login.clone(),
        name: name.to_owned(),
        password,
        roles: roles.iter().map(|role| RoleGrant { role: *role, scope: GrantScope::Organization }).collect(),
    };
    users::check(&new).map_err(|it| it.for_operator())?;
    let created = app
        .act_as("operator", org, move |tx, office| users::create(tx, office, &new, hash.as_deref()))
        .map_err(|it| it.for_operator())?;
    console::print(&created)
}

fn reset_password(app: &App, person: &Person) -> Result<(), Problem> {
    let org = organizations::find_by_slug(app, &person.org).map_err(|it| it.for_operator())?;
    let password = password(person)?;
    let hash = hash(password.as_ref())?;
    let login = person.login.clone();
    let code = app
        .act_as("operator", org, move |tx, office| match &hash {
            Some(hash) => users::reset_password(tx, office, &login, hash).map(|()| None),
            None => users::issue_code_by_login(tx, office, &login).map(Some),
        })
        .map_err(|it| it.for_operator())?;
    console::print(&json!({"login": person.login, "code": code}))
}

fn device_code(
    app: &App,
    (org, login): (&str, &str),
    kind: EnrolledKind,
    address: &AppAddress,
) -> Result<(), Problem> {
    let org = organizations::find_by_slug(app, org).map_err(|it| it.for_operator())?;
    let login = login.to_owned();
    let code = app
        .act_as("operator", org, move |tx, office| devices::issue_code_by_login(tx, office, &login, kind))
        .map_err(|it| it.for_operator())?;
    let printed = |link: Option<&str>| {
        let mut shown = json!({"code": code.code, "expires_at": code.expires_at});
        if let (Some(link), Some(shown)) = (link, shown.as_object_mut()) {
            shown.insert("link".to_owned(), link.into());
        }
        console::print(&shown)
    };
    if kind != EnrolledKind::Phone {
        return printed(None);
    }
    let link = address.link(&app.config.listen, app.config.is_tls(), &code.code);
    printed(Some(&link))?;
    // Beside the result, so that scripts read JSON and people see what a camera takes.
    eprint!("{}", phone_link::qr(&link, std::io::stderr().is_terminal())?);
    eprintln!("{link}");
    Ok(())
}

fn incident_key(app: &App, slug: &str, out: &Path) -> Result<(), Problem> {
    let org = organizations::find_by_slug(app, slug).map_err(|it| it.for_operator())?;
    let (secret, public) = key_pair(&app.environment.bytes());
    // The secret first: nothing is ever sealed to a key that nobody has.
    incidents::write_secret(out, &secret)?;
    let key = server::app::incidents::set_key(app, org, public).map_err(|it| it.for_operator())?;
    console::print(&json!({"key": key, "secret": out}))
}

fn verify_log(app: &App, slug: &str) -> Result<(), Problem> {
    let org = organizations::find_by_slug(app, slug).map_err(|it| it.for_operator())?;
    let found = audit_log::verify_log(app, org).map_err(|it| it.for_operator())?;
    console::print(&found)?;
    match found.broken_at {
        None => Ok(()),
        Some(seq) => Err(Problem::single(
            500,
            "log_broken",
            format!("La bitácora fue alterada en la entrada {seq}"),
            format!("the audit log was changed at entry {seq}"),
        )),
    }
}

/// The password of standard input, within its limits; none where it was not asked for.
fn password(person: &Person) -> Result<Option<Secret>, Problem> {
    if !person.password_stdin {
        return Ok(None);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| {
        Problem::single(
            400,
            "unreadable_input",
            format!("No se puede leer la contraseña: {error}"),
            format!("cannot read the password: {error}"),
        )
    })?;
    let password = Secret::from(line.trim_end_matches(['\r', '\n']));
    users::check_password(&password).map_err(|error| {
        let text = error.message.unwrap_or_default();
        let (es, en) = text.split_once(" / ").unwrap_or((&text, &text));
        let error = FieldProblem::new("/password", error.code.as_ref(), es, en);
        Problem::invalid("invalid_input", "the input breaks rules", vec![error])
    })?;
    Ok(Some(password))
}

fn hash(password: Option<&Secret>) -> Result<Option<String>, Problem> {
    password
        .map(|it| auth::hash_password(it))
        .transpose()
        .map_err(|cause| Problem::single(500, "internal", cause.clone(), cause))
}
