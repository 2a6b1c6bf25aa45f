//! Deny unless granted, on pages: every address of the console, read and sent to, by nobody, by every role that lacks the right, by a
//! manager of another branch and by people of another organization.

use crate::rights::{address, furnish};
use actix_web::http::Method;
use domain::{
    access::{Permission, Role, Scope},
    ids::BranchId,
};
use server::testing::{Answer, TestOffice, TestPerson};
use uuid::Uuid;

/// Whom an address opens to, for one way of calling it.
#[derive(Clone, Copy)]
enum Opens {
    /// It is not called so.
    Never,
    /// Everybody: it is a door.
    Anyone,
    /// Whoever is signed in; it is about themselves.
    Signed,
    /// Whoever has one of these permissions.
    To(&'static [Permission]),
}

/// An address: whom its page opens to, and whom its form.
struct Row(&'static str, Opens, Opens);

const REVIEW: &[Permission] = &[Permission::ReviewVisits];
const USERS: &[Permission] = &[Permission::ManageUsers];
const APPEAL: &[Permission] = &[Permission::AppealVisits];
const APPEALS: &[Permission] = &[Permission::AppealVisits, Permission::ReviewVisits];
const PUBLISHED: &[Permission] = &[Permission::ReadPublishedVisits, Permission::ReadVisits];
const SCORES: &[Permission] = &[Permission::ReadScorecards];
const VISITS: &[Permission] = &[Permission::ReadVisits];
const PAY: &[Permission] = &[Permission::ReadPay];
const CALCULATE: &[Permission] = &[Permission::CalculatePay];
const APPROVE: &[Permission] = &[Permission::ApprovePay];
const CALCULATE_OR_APPROVE: &[Permission] = &[Permission::CalculatePay, Permission::ApprovePay];
const IMPORT: &[Permission] = &[Permission::ManageReference, Permission::ManageUsers, Permission::EnterKpis];

const PROGRAMMES: &[Permission] = &[Permission::ManageProgrammes];

fn table() -> Vec<Row> {
    doors().into_iter().chain(office()).chain(work()).collect()
}

fn doors() -> Vec<Row> {
    use Opens::{Anyone, Never, Signed};
    vec![
        Row("/", Signed, Never),
        Row("/sign-in", Anyone, Anyone),
        Row("/sign-in/step", Anyone, Anyone),
        Row("/sign-in/password", Anyone, Anyone),
        Row("/sign-out", Never, Anyone),
        Row("/setup", Anyone, Anyone),
        Row("/gallery", Signed, Never),
        Row("/account", Signed, Never),
        Row("/account/password", Never, Signed),
        Row("/account/second-factor", Signed, Signed),
        Row("/account/second-factor/confirm", Never, Signed),
    ]
}

/// What the office is set up with.
fn office() -> Vec<Row> {
    use Opens::{Never, Signed, To};
    vec![
        Row("/people", To(USERS), Never),
        Row("/people/new", To(USERS), To(USERS)),
        Row("/people/{user}", To(USERS), Never),
        Row("/people/{user}/roles", Never, To(USERS)),
        Row("/people/{user}/roles/take", Never, To(USERS)),
        Row("/people/{user}/access", Never, To(USERS)),
        Row("/people/{user}/code", Never, To(USERS)),
        Row("/people/{user}/device", Never, To(USERS)),
        Row("/people/{user}/second-factor/reset", Never, To(USERS)),
        Row("/organization", To(USERS), To(USERS)),
        Row("/programmes", To(PROGRAMMES), Never),
        Row("/programmes/new", To(PROGRAMMES), To(PROGRAMMES)),
        Row("/programmes/{programme}", To(PROGRAMMES), Never),
        Row("/programmes/{programme}/on-phones", Never, To(PROGRAMMES)),
        Row("/programmes/{programme}/appeal-window", Never, To(PROGRAMMES)),
        Row("/programmes/{programme}/grounds", Never, To(PROGRAMMES)),
        Row("/programmes/{programme}/waves", Never, To(PROGRAMMES)),
        Row("/waves/{wave}", To(PROGRAMMES), Never),
        Row("/waves/{wave}/assignments", Never, To(PROGRAMMES)),
        Row("/waves/{wave}/assignments.csv", To(PROGRAMMES), Never),
        Row("/waves/{wave}/assignments/{assignment}/withdraw", To(PROGRAMMES), To(PROGRAMMES)),
        Row("/imports", To(IMPORT), To(IMPORT)),
        Row("/imports/apply", Signed, Signed),
        Row("/imports/{import}", To(IMPORT), Never),
        Row("/imports/{import}/undo", Never, To(IMPORT)),
        Row("/pay", To(PAY), Never),
        Row("/pay/new", To(CALCULATE), To(CALCULATE)),
        Row("/pay/{run}", To(PAY), Never),
        Row("/pay/{run}/lines.csv", To(PAY), Never),
        Row("/pay/{run}/people/{person}", To(PAY), Never),
        Row("/pay/{run}/people/{person}/print.pdf", To(PAY), Never),
        Row("/pay/{run}/calculate", Never, To(CALCULATE)),
        Row("/pay/{run}/submit", Never, To(CALCULATE)),
        Row("/pay/{run}/approve", Never, To(APPROVE)),
        Row("/pay/{run}/lock", Never, To(APPROVE)),
        Row("/pay/{run}/back-to-draft", Never, To(CALCULATE_OR_APPROVE)),
    ]
}

/// What is done in it day by day.
fn work() -> Vec<Row> {
    use Opens::{Never, Signed, To};
    vec![
        Row("/visits", To(VISITS), Never),
        Row("/visits/approve", Signed, To(REVIEW)),
        Row("/visits/{visit}", To(VISITS), Never),
        Row("/visits/{visit}/proof", To(VISITS), Never),
        Row("/visits/{visit}/print.pdf", To(VISITS), Never),
        Row("/visits/{visit}/print.json", To(VISITS), Never),
        Row("/visits/{visit}/{step}", Signed, To(VISITS)),
        Row("/branches/mine", To(APPEAL), Never),
        Row("/branches/visits/{visit}", To(PUBLISHED), Never),
        Row("/branches/visits/{visit}/print.pdf", To(PUBLISHED), Never),
        Row("/branches/visits/{visit}/print.json", To(PUBLISHED), Never),
        Row("/branches/visits/{visit}/appeal", To(PUBLISHED), To(APPEAL)),
        Row("/branches/{branch}/poster", To(SCORES), Never),
        Row("/branches/{branch}/standard", To(SCORES), Never),
        Row(
            "/branches/{branch}/standard/new",
            To(&[Permission::AssessStandard]),
            To(&[Permission::AssessStandard]),
        ),
        Row("/appeals", To(APPEALS), Never),
        Row("/appeals/{appeal}", To(APPEALS), Never),
        Row("/appeals/{appeal}/messages", Never, To(APPEALS)),
        Row("/appeals/{appeal}/withdraw", Never, To(APPEAL)),
        Row("/appeals/{appeal}/files", Never, To(APPEAL)),
        Row("/appeals/{appeal}/decision", To(REVIEW), To(REVIEW)),
        Row("/scorecards", To(SCORES), Never),
        Row("/scorecards/{branch}", To(SCORES), Never),
    ]
}

/// Each address with each way of calling it.
fn calls() -> Vec<(Method, &'static str, Opens)> {
    let both = table()
        .into_iter()
        .flat_map(|Row(path, read, sent)| [(Method::GET, path, read), (Method::POST, path, sent)]);
    both.collect()
}

/// Calls an address as a browser does, with the mark of the session in the form.
async fn call(office: &TestOffice, method: &Method, path: &str, by: &TestPerson) -> Answer {
    let cookie = format!("veedor_session={}", by.token);
    let at = address(path);
    let at = if path.starts_with("/scorecards") || path.contains("poster") {
        at + "?from=2026-07-01&to=2026-09-30"
    } else {
        at
    };
    let request = office.call(method.clone(), &at).header("Cookie", &cookie);
    if method == Method::GET {
        return request.send().await;
    }
    let account = office.get("/account").header("Cookie", &cookie).send().await;
    let account = String::from_utf8(account.body.to_vec()).unwrap();
    let csrf = account.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let (kind, body) = if ["/imports", "/appeals/{appeal}/files"].contains(&path) {
        let body = format!("--e\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--e--\r\n");
        ("multipart/form-data; boundary=e", body)
    } else {
        ("application/x-www-form-urlencoded", format!("csrf={csrf}&reason=because&role=reviewer&note=x"))
    };
    request.header("Content-Type", kind).body(body).send().await
}

#[actix_web::test]
async fn the_table_holds_every_address_of_the_console() {
    let office = TestOffice::open().await;
    let mut missing = office.console_addresses();
    missing.retain(|path| !table().iter().any(|it| it.0 == path));
    assert!(missing.is_empty(), "add to the table of the console's rights: {missing:?}");
    let placed = office.console_addresses();
    let gone: Vec<&str> =
        table().iter().map(|it| it.0).filter(|it| !placed.iter().any(|p| p == it)).collect();
    assert!(gone.is_empty(), "no address any more: {gone:?}");
}

#[actix_web::test]
async fn without_a_session_only_the_doors_open() {
    let office = TestOffice::open().await;
    for (method, path, opens) in calls() {
        let answer = office.call(method.clone(), &address(path)).send().await;
        let status = answer.status.as_u16();
        match opens {
            Opens::Never => assert_eq!(status, 405, "{method} {path}"),
            Opens::Anyone => assert!(status < 500, "{method} {path}: {status}"),
            // The start page is the door.
            Opens::Signed if path == "/" => assert_eq!(status, 200),
            Opens::Signed | Opens::To(_) => assert_eq!(status, 401, "{method} {path}"),
        }
    }
}

#[actix_web::test]
async fn a_role_without_the_right_comes_to_no_page_and_sends_no_form() {
    let office = TestOffice::open().await;
    furnish(&office);
    let mut wrong = Vec::new();
    for role in Role::ALL {
        let person = office.person(*role);
        for (method, path, opens) in calls() {
            let Opens::To(permissions) = opens else { continue };
            let status = call(&office, &method, path, &person).await.status.as_u16();
            let told = format!("{role} {method} {path}: {status}");
            let may = permissions.iter().any(|it| role.permissions().contains(it));
            // What somebody may not see is not there for them. What `furnish` stores is not whole: who may see it comes as far as that.
            let is_refused = [403, 404].contains(&status);
            if status == 401 || (may && status == 403) || (!may && !is_refused) {
                wrong.push(told);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix_web::test]
async fn neither_another_branch_nor_another_organization_sees_anything_of_this_one() {
    let office = TestOffice::open().await;
    furnish(&office);
    let other = office.other_organization("other");
    let elsewhere = Scope::Branch(BranchId(Uuid::from_u128(7)));
    let foreign: Vec<_> = Role::ALL.iter().map(|it| (*it, Scope::Organization)).collect();
    let people = [
        office.person_of(office.org, &[(Role::BranchManager, elsewhere)]),
        office.person_of(office.org, &[(Role::Reviewer, elsewhere)]),
        office.person_of(other, &foreign),
    ];
    let mut wrong = Vec::new();
    for person in &people {
        for (method, path, opens) in calls() {
            if !matches!(opens, Opens::To(_)) || !path.contains('{') {
                continue;
            }
            let answer = call(&office, &method, path, person).await;
            let told = format!("{} {method} {path}: {}", person.login, answer.status);
            let is_refused = [403, 404].contains(&answer.status.as_u16());
            if !is_refused || String::from_utf8_lossy(&answer.body).contains("Oculta") {
                wrong.push(told);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
