//! Deny unless granted: every route without a session, and every route with every role that lacks the right.

use domain::access::{Permission, Role};
use serde_json::{Value, json};
use server::testing::TestOffice;

/// What a route asks for.
enum Needs {
    /// Nothing: it is a door.
    Nothing,
    /// A session.
    Session,
    /// A session with this permission.
    Right(Permission),
}

/// One row of the table: method, path of the OpenAPI document, what it asks for, and a body that could be carried out.
struct Row(&'static str, &'static str, Needs, Value);

fn table() -> Vec<Row> {
    use Needs::{Nothing, Right, Session};
    use Permission::{ManageContent, ManageProgrammes, ManageReference, ManageUsers, ReadAuditLog};
    let none = Value::Null;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let role = json!({"role": "reviewer"});
    let region = json!({"code": "R", "name": "R"});
    let branch = json!({"code": "B", "name": "B", "zone": "UTC"});
    let staff = json!({
        "employee_no": "1", "name": "A", "position": "p", "branch_code": "B", "employed_from": "2026-01-01",
    });
    vec![
        Row("get", "/healthz", Nothing, none.clone()),
        Row("get", "/readyz", Nothing, none.clone()),
        Row("post", "/api/v1/sessions", Nothing, none.clone()),
        Row("post", "/api/v1/sessions/by-code", Nothing, none.clone()),
        Row("post", "/api/v1/devices/enrol", Nothing, none.clone()),
        Row("get", "/api/v1/sessions/current", Session, none.clone()),
        Row("delete", "/api/v1/sessions/current", Session, none.clone()),
        Row("put", "/api/v1/sessions/current/password", Session, none.clone()),
        Row("get", "/api/v1/organization", Session, none.clone()),
        Row(
            "put",
            "/api/v1/organization",
            Right(ManageUsers),
            json!({"name": "Acme", "locale": "es", "zone": "UTC"}),
        ),
        Row("post", "/api/v1/users", Right(ManageUsers), json!({"login": "ana", "name": "Ana"})),
        Row("get", "/api/v1/users", Right(ManageUsers), none.clone()),
        Row("get", "/api/v1/users/{user}", Right(ManageUsers), none.clone()),
        Row("post", "/api/v1/users/{user}/activate", Right(ManageUsers), none.clone()),
        Row("post", "/api/v1/users/{user}/deactivate", Right(ManageUsers), none.clone()),
        Row("post", "/api/v1/users/{user}/roles", Right(ManageUsers), role.clone()),
        Row("post", "/api/v1/users/{user}/roles/revoke", Right(ManageUsers), role),
        Row("post", "/api/v1/users/{user}/code", Right(ManageUsers), none.clone()),
        Row("post", "/api/v1/devices/codes", Right(ManageUsers), json!({"user": id, "kind": "phone"})),
        Row("get", "/api/v1/devices", Right(ManageUsers), none.clone()),
        // Asked only once the device is known, since one's own needs no right: `devices.rs` tries it.
        Row("post", "/api/v1/devices/{dev}/revoke", Session, none.clone()),
        // Any of many rights opens these: `reference.rs`, `content.rs` and `assignments.rs` try them.
        Row("get", "/api/v1/regions", Session, none.clone()),
        Row("get", "/api/v1/branches", Session, none.clone()),
        Row("get", "/api/v1/branches/{branch}", Session, none.clone()),
        Row("get", "/api/v1/staff", Session, none.clone()),
        Row("get", "/api/v1/content", Session, none.clone()),
        Row("get", "/api/v1/content/{kind}/{id}/{version}", Session, none.clone()),
        Row("post", "/api/v1/content/{kind}/{id}/{version}/release", Session, none.clone()),
        Row("get", "/api/v1/programmes", Session, none.clone()),
        Row("get", "/api/v1/waves", Session, none.clone()),
        Row("get", "/api/v1/assignments", Session, none.clone()),
        Row("post", "/api/v1/regions", Right(ManageReference), region.clone()),
        Row("put", "/api/v1/regions", Right(ManageReference), json!([region])),
        Row("post", "/api/v1/branches", Right(ManageReference), branch.clone()),
        Row("put", "/api/v1/branches", Right(ManageReference), json!([branch])),
        Row("post", "/api/v1/staff", Right(ManageReference), staff.clone()),
        Row("put", "/api/v1/staff", Right(ManageReference), json!([staff])),
        Row(
            "post",
            "/api/v1/shifts",
            Right(ManageReference),
            json!([{"employee_no": "1", "date": "2026-01-01", "begins": "09:00", "ends": "18:00"}]),
        ),
        Row(
            "post",
            "/api/v1/absences",
            Right(ManageReference),
            json!([{"employee_no": "1", "from": "2026-01-01", "to": "2026-01-01", "kind": "leave"}]),
        ),
        Row("post", "/api/v1/content", Right(ManageContent), json!({"kind": "checklist", "text": "x"})),
        Row("post", "/api/v1/programmes", Right(ManageProgrammes), json!({"code": "P", "name": "P"})),
        Row(
            "post",
            "/api/v1/programmes/{programme}/waves",
            Right(ManageProgrammes),
            json!({"name": "W", "window_from": "2026-01-01", "window_to": "2026-01-31"}),
        ),
        Row(
            "post",
            "/api/v1/assignments",
            Right(ManageProgrammes),
            json!([{
                "branch_id": id, "auditor_id": id, "template": {"id": "x", "version": 1},
                "window_from": "2026-01-01", "window_to": "2026-01-31",
            }]),
        ),
        Row(
            "post",
            "/api/v1/assignments/{assignment}/cancel",
            Right(ManageProgrammes),
            json!({"reason": "flooded"}),
        ),
        Row("get", "/api/v1/audit-log", Right(ReadAuditLog), none.clone()),
        Row("get", "/api/v1/audit-log/verification", Right(ReadAuditLog), none),
    ]
}

fn address(path: &str) -> String {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    path.split('/').map(|it| if it.starts_with('{') { id } else { it }).collect::<Vec<_>>().join("/")
}

fn method(name: &str) -> actix_web::http::Method {
    name.to_uppercase().parse().unwrap()
}

/// Every operation of the document.
fn operations() -> Vec<(String, String)> {
    let document = server::openapi::document();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
        })
        .collect()
}

#[test]
fn the_table_holds_every_route() {
    let mut missing = operations();
    missing.retain(|(method, path)| !table().iter().any(|it| it.0 == method && it.1 == path));
    assert!(missing.is_empty(), "add to the table of rights: {missing:?}");
}

#[actix_web::test]
async fn without_a_session_only_the_doors_answer() {
    let office = TestOffice::open().await;
    for Row(name, path, needs, body) in table() {
        if matches!(needs, Needs::Nothing) {
            continue;
        }
        let answer = office.call(method(name), &address(path)).json(&body).send().await;
        assert_eq!(answer.outcome(), (401, "no_session".to_owned()), "{name} {path}");
    }
}

#[actix_web::test]
async fn a_role_without_the_right_is_refused_everywhere() {
    let office = TestOffice::open().await;
    for role in Role::ALL {
        let person = office.person(*role);
        for Row(name, path, needs, body) in table() {
            let Needs::Right(permission) = needs else { continue };
            if role.permissions().contains(&permission) {
                continue;
            }
            let mut call = office.call(method(name), &address(path)).by(&person);
            if !body.is_null() {
                call = call.json(&body);
            }
            let answer = call.send().await;
            assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{role} {name} {path}");
        }
    }
}
