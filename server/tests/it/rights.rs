//! Deny unless granted: every route without a session, and every route with every role that lacks the right.

use db::{
    Micros,
    audits::{Audit, VisitKind},
    observations::StandardAssessment,
    payouts::{PayoutRun, RunMode},
    reference::Branch,
};
use domain::{
    access::{Permission, Role},
    ids::{AssessmentId, AuditId, BranchId, RunId, UserId},
    lifecycle::{RunState, State},
};
use serde_json::{Value, json};
use server::testing::TestOffice;
use sync_core::Hash;
use uuid::Uuid;

/// What a route asks for.
enum Needs {
    /// Nothing: it is a door.
    Nothing,
    /// A session; whatever more it asks is tried elsewhere.
    Session,
    /// A session with one of these permissions.
    Right(&'static [Permission]),
}

/// One row of the table: method, path of the OpenAPI document, what it asks for, and a body that could be carried out.
struct Row(&'static str, &'static str, Needs, Value);

/// What the paths of the table name; it is there, so that nothing but the right is missing.
const ID: u128 = 0x0189_0a5d_ac96_774b_bcce_b302_099a_8057;

/// Every route of the API as method, path and body, but for those that end the session of whoever asks.
pub(crate) fn calls() -> Vec<(&'static str, &'static str, Value)> {
    let kept = table().into_iter().filter(|it| !it.1.starts_with("/api/v1/sessions/current"));
    kept.map(|Row(method, path, _, body)| (method, path, body)).collect()
}

fn table() -> Vec<Row> {
    let all = [doors(), people(), reference(), plans(), visits(), appeals(), figures(), pay(), incidents()];
    all.into_iter().flatten().collect()
}

fn incidents() -> Vec<Row> {
    use Needs::{Right, Session};
    const HANDLE: &[Permission] = &[Permission::HandleIncidents];
    let handled = json!({"state": "in_hand", "note": "because"});
    vec![
        // Only a device hands in: `incidents.rs` tries it.
        Row("post", "/api/v1/incidents", Session, Value::Null),
        Row("get", "/api/v1/incidents", Right(HANDLE), Value::Null),
        Row("post", "/api/v1/incidents/{incident}/open", Right(HANDLE), json!({"reason": "because"})),
        Row("post", "/api/v1/incidents/{incident}/state", Right(HANDLE), handled),
        Row("get", "/api/v1/incidents/{incident}/custody", Right(HANDLE), Value::Null),
    ]
}

fn doors() -> Vec<Row> {
    use Needs::{Nothing, Session};
    vec![
        Row("get", "/healthz", Nothing, Value::Null),
        Row("get", "/readyz", Nothing, Value::Null),
        Row("post", "/api/v1/sessions", Nothing, Value::Null),
        Row("post", "/api/v1/sessions/by-code", Nothing, Value::Null),
        Row("post", "/api/v1/devices/enrol", Nothing, Value::Null),
        Row("get", "/api/v1/sessions/current", Session, Value::Null),
        Row("delete", "/api/v1/sessions/current", Session, Value::Null),
        Row("put", "/api/v1/sessions/current/password", Session, Value::Null),
        Row("get", "/api/v1/sessions/current/second-factor", Session, Value::Null),
        Row("post", "/api/v1/sessions/current/second-factor", Session, Value::Null),
        Row("post", "/api/v1/sessions/current/second-factor/confirm", Session, json!({"code": "1"})),
        Row("post", "/api/v1/sessions/current/second-factor/prove", Session, json!({"code": "1"})),
        Row("get", "/api/v1/organization", Session, Value::Null),
    ]
}

fn people() -> Vec<Row> {
    use Needs::{Right, Session};
    const USERS: &[Permission] = &[Permission::ManageUsers];
    const LOG: &[Permission] = &[Permission::ReadAuditLog];
    let role = json!({"role": "reviewer"});
    let organization = json!({"name": "Acme", "locale": "es", "zone": "UTC"});
    let code = json!({"user": Uuid::from_u128(ID), "kind": "phone"});
    vec![
        Row("put", "/api/v1/organization", Right(USERS), organization),
        Row("post", "/api/v1/users", Right(USERS), json!({"login": "ana", "name": "Ana"})),
        Row("get", "/api/v1/users", Right(USERS), Value::Null),
        Row("get", "/api/v1/users/{user}", Right(USERS), Value::Null),
        Row("post", "/api/v1/users/{user}/activate", Right(USERS), Value::Null),
        Row("post", "/api/v1/users/{user}/deactivate", Right(USERS), Value::Null),
        Row("post", "/api/v1/users/{user}/roles", Right(USERS), role.clone()),
        Row("post", "/api/v1/users/{user}/roles/revoke", Right(USERS), role),
        Row("post", "/api/v1/users/{user}/code", Right(USERS), Value::Null),
        Row("post", "/api/v1/users/{user}/second-factor/reset", Right(USERS), Value::Null),
        Row("post", "/api/v1/devices/codes", Right(USERS), code),
        // Only a device has a successor: `successions.rs` tries it.
        Row("post", "/api/v1/devices/succession", Session, Value::Null),
        Row("get", "/api/v1/devices", Right(USERS), Value::Null),
        // Asked once the device is known, since one's own needs no right: `devices.rs` tries it.
        Row("post", "/api/v1/devices/{dev}/revoke", Session, Value::Null),
        Row("get", "/api/v1/audit-log", Right(LOG), Value::Null),
        Row("get", "/api/v1/audit-log/verification", Right(LOG), Value::Null),
    ]
}

fn reference() -> Vec<Row> {
    use Needs::{Right, Session};
    const MANAGE: &[Permission] = &[Permission::ManageReference];
    const ANY: &[Permission] = &[Permission::ManageReference, Permission::ManageUsers, Permission::EnterKpis];
    let region = json!({"code": "R", "name": "R"});
    let branch = json!({"code": "B", "name": "B", "zone": "UTC"});
    let staff = json!({
        "employee_no": "1", "name": "A", "position": "p", "branch_code": "B", "employed_from": "2026-01-01",
    });
    let shift = json!([{"employee_no": "1", "date": "2026-01-01", "begins": "09:00", "ends": "18:00"}]);
    let absence = json!([{"employee_no": "1", "from": "2026-01-01", "to": "2026-01-01", "kind": "leave"}]);
    vec![
        // Any of many rights opens these: `reference.rs` tries them.
        Row("get", "/api/v1/regions", Session, Value::Null),
        Row("get", "/api/v1/branches", Session, Value::Null),
        Row("get", "/api/v1/branches/{branch}", Session, Value::Null),
        Row("get", "/api/v1/staff", Session, Value::Null),
        Row("post", "/api/v1/regions", Right(MANAGE), region.clone()),
        Row("put", "/api/v1/regions", Right(MANAGE), json!([region])),
        Row("post", "/api/v1/branches", Right(MANAGE), branch.clone()),
        Row("put", "/api/v1/branches", Right(MANAGE), json!([branch])),
        Row("post", "/api/v1/staff", Right(MANAGE), staff.clone()),
        Row("put", "/api/v1/staff", Right(MANAGE), json!([staff])),
        Row("post", "/api/v1/shifts", Right(MANAGE), shift),
        Row("post", "/api/v1/absences", Right(MANAGE), absence),
        Row("get", "/api/v1/imports", Right(ANY), Value::Null),
        Row("get", "/api/v1/imports/{import}", Right(ANY), Value::Null),
        Row("post", "/api/v1/imports/{import}/undo", Right(ANY), json!({})),
        Row("get", "/api/v1/imports/templates/{kind}", Session, Value::Null),
        // Each kind has its right: `imports.rs` tries the others.
        Row(
            "post",
            "/api/v1/imports?kind=branches&mode=check&file_name=a.csv",
            Right(MANAGE),
            json!("codigo,nombre"),
        ),
    ]
}

fn plans() -> Vec<Row> {
    use Needs::{Right, Session};
    const CONTENT: &[Permission] = &[Permission::ManageContent];
    const MANAGE: &[Permission] = &[Permission::ManageProgrammes];
    let wave = json!({"name": "W", "window_from": "2026-01-01", "window_to": "2026-01-31"});
    let id = Uuid::from_u128(ID);
    let assignment = json!([{
        "branch_id": id, "auditor_id": id, "template": {"id": "x", "version": 1},
        "window_from": "2026-01-01", "window_to": "2026-01-31",
    }]);
    let because = json!({"reason": "flooded"});
    vec![
        // Any of many rights opens these: `content.rs` and `assignments.rs` try them.
        Row("get", "/api/v1/content", Session, Value::Null),
        Row("get", "/api/v1/content/{kind}/{id}/{version}", Session, Value::Null),
        Row("post", "/api/v1/content/{kind}/{id}/{version}/release", Session, Value::Null),
        Row("get", "/api/v1/programmes", Session, Value::Null),
        Row("get", "/api/v1/waves", Session, Value::Null),
        Row("get", "/api/v1/assignments", Session, Value::Null),
        Row("post", "/api/v1/content", Right(CONTENT), json!({"kind": "checklist", "text": "x"})),
        Row("post", "/api/v1/programmes", Right(MANAGE), json!({"code": "P", "name": "P"})),
        Row("put", "/api/v1/programmes/{programme}/on-phones", Right(MANAGE), json!({"audio": true})),
        Row("put", "/api/v1/programmes/{programme}/appeal-window", Right(MANAGE), json!({"days": 10})),
        Row("put", "/api/v1/programmes/{programme}/grounds", Right(MANAGE), json!({"purpose": "service"})),
        Row("post", "/api/v1/programmes/{programme}/waves", Right(MANAGE), wave),
        Row("post", "/api/v1/assignments", Right(MANAGE), assignment),
        Row("post", "/api/v1/assignments/{assignment}/cancel", Right(MANAGE), because),
    ]
}

fn visits() -> Vec<Row> {
    use Needs::Right;
    const READ: &[Permission] = &[Permission::ReadVisits, Permission::ReadPublishedVisits];
    const ASIDE: &[Permission] = &[Permission::SeeAuditors, Permission::ManageUsers];
    const REVIEW: &[Permission] = &[Permission::ReviewVisits];
    const MANAGE: &[Permission] = &[Permission::ManageProgrammes];
    let because = json!({"reason": "because"});
    let choice = json!({"field": "a", "stands": "x:1", "reason": "because"});
    let note = json!({"ops": ["x:1"], "reason": "because"});
    let redaction = json!({"fields": ["a"], "reason": "because"});
    let back = json!({"items": [{"item": "a", "reason": "b"}], "deadline": "2026-12-01T00:00:00Z"});
    vec![
        Row("get", "/api/v1/visits", Right(READ), Value::Null),
        Row("get", "/api/v1/visits/{visit}", Right(READ), Value::Null),
        Row("get", "/api/v1/visits/{visit}/scores", Right(READ), Value::Null),
        Row("get", "/api/v1/visits/{visit}/evidence", Right(REVIEW), Value::Null),
        Row("get", "/api/v1/visits/{visit}/evidence/{blob}/thumbnail", Right(REVIEW), Value::Null),
        Row("get", "/api/v1/visits/{visit}/evidence/{blob}/view", Right(REVIEW), Value::Null),
        Row("get", "/api/v1/visits/{visit}/evidence/{blob}/original", Right(REVIEW), Value::Null),
        Row("get", "/api/v1/visits/{visit}/proof", Right(&[Permission::SeeAuditors]), Value::Null),
        Row("post", "/api/v1/visits/{visit}/redact", Right(&[Permission::RedactVisits]), redaction),
        Row("get", "/api/v1/quarantine", Right(ASIDE), Value::Null),
        Row("get", "/api/v1/quarantine/{visit}", Right(ASIDE), Value::Null),
        Row("get", "/api/v1/devices/{dev}/beside", Right(ASIDE), Value::Null),
        Row("post", "/api/v1/quarantine/{visit}/adopt", Right(REVIEW), because.clone()),
        Row("post", "/api/v1/quarantine/{visit}/dismiss", Right(REVIEW), because.clone()),
        Row("post", "/api/v1/visits/approve", Right(REVIEW), json!({"visits": [Uuid::from_u128(ID)]})),
        Row("post", "/api/v1/visits/{visit}/claim", Right(REVIEW), json!({})),
        Row("post", "/api/v1/visits/{visit}/hold", Right(REVIEW), because.clone()),
        Row("post", "/api/v1/visits/{visit}/release", Right(REVIEW), json!({})),
        Row("post", "/api/v1/visits/{visit}/return", Right(REVIEW), back),
        Row("post", "/api/v1/visits/{visit}/approve", Right(REVIEW), json!({})),
        Row("post", "/api/v1/visits/{visit}/resolve", Right(REVIEW), choice),
        Row("post", "/api/v1/visits/{visit}/acknowledge", Right(REVIEW), note),
        Row("post", "/api/v1/visits/{visit}/reject", Right(REVIEW), because.clone()),
        Row("post", "/api/v1/visits/{visit}/publish", Right(REVIEW), json!({})),
        Row("post", "/api/v1/visits/{visit}/exclude", Right(MANAGE), because.clone()),
        Row("post", "/api/v1/visits/{visit}/include", Right(MANAGE), because.clone()),
        Row("post", "/api/v1/visits/{visit}/void", Right(MANAGE), because.clone()),
        Row("post", "/api/v1/visits/{visit}/rescore", Right(REVIEW), because),
    ]
}

fn appeals() -> Vec<Row> {
    use Needs::Right;
    const APPEAL: &[Permission] = &[Permission::AppealVisits];
    const DECIDE: &[Permission] = &[Permission::ReviewVisits];
    const EITHER: &[Permission] = &[Permission::AppealVisits, Permission::ReviewVisits];
    let appeal = json!({"items": [{"item": "a", "reason": "b"}]});
    let verdict = json!({"item": "a", "decision": "upheld", "answer": "yes", "reason": "b"});
    vec![
        Row("post", "/api/v1/visits/{visit}/appeals", Right(APPEAL), appeal),
        Row("get", "/api/v1/appeals", Right(EITHER), Value::Null),
        Row("get", "/api/v1/appeals/{appeal}", Right(EITHER), Value::Null),
        Row("post", "/api/v1/appeals/{appeal}/uphold", Right(DECIDE), json!({"items": [verdict]})),
        Row("post", "/api/v1/appeals/{appeal}/dismiss", Right(DECIDE), json!({"reason": "because"})),
        Row("post", "/api/v1/appeals/{appeal}/withdraw", Right(APPEAL), json!({})),
        Row("post", "/api/v1/appeals/{appeal}/messages", Right(EITHER), json!({"text": "hello"})),
        Row("post", "/api/v1/appeals/{appeal}/items/{item}/evidence", Right(APPEAL), Value::Null),
        Row("get", "/api/v1/appeals/{appeal}/evidence/{blob}", Right(EITHER), Value::Null),
    ]
}

fn figures() -> Vec<Row> {
    use Needs::Right;
    const SCORES: &[Permission] = &[Permission::ReadScorecards];
    const ASSESS: &[Permission] = &[Permission::AssessStandard];
    const ENTER: &[Permission] = &[Permission::EnterKpis];
    const KPIS: &[Permission] = &[Permission::ReadScorecards, Permission::EnterKpis];
    let period = json!({"from": "2026-07-01", "to": "2026-09-30"});
    let assessment = json!({"standard": {"id": "cem-1000"}, "period": period});
    let observation = json!({
        "scope": {"kind": "organization"}, "metric": "csat_t2b", "definition": "d", "period": period, "value": "80",
        "n": 5, "source": "s",
    });
    vec![
        Row("post", "/api/v1/branches/{branch}/assessments", Right(ASSESS), assessment),
        Row("get", "/api/v1/branches/{branch}/assessments", Right(SCORES), Value::Null),
        Row("get", "/api/v1/assessments/{assessment}", Right(SCORES), Value::Null),
        Row("post", "/api/v1/kpis", Right(ENTER), json!({"observations": [observation]})),
        Row("get", "/api/v1/kpis", Right(KPIS), Value::Null),
        Row(
            "get",
            "/api/v1/branches/{branch}/scorecard?from=2026-07-01&to=2026-09-30",
            Right(SCORES),
            Value::Null,
        ),
        Row("get", "/api/v1/scorecards/network?from=2026-07-01&to=2026-09-30", Right(SCORES), Value::Null),
    ]
}

fn pay() -> Vec<Row> {
    use Needs::Right;
    const READ: &[Permission] = &[Permission::ReadPay];
    const CALCULATE: &[Permission] = &[Permission::CalculatePay];
    const APPROVE: &[Permission] = &[Permission::ApprovePay];
    const EITHER: &[Permission] = &[Permission::CalculatePay, Permission::ApprovePay];
    let run = json!({
        "plan": {"id": "x"}, "period": {"from": "2026-07-01", "to": "2026-09-30"},
        "unit": {"kind": "organization"}, "mode": "shadow",
    });
    vec![
        Row("post", "/api/v1/payout-runs", Right(CALCULATE), run),
        Row("get", "/api/v1/payout-runs", Right(READ), Value::Null),
        Row("get", "/api/v1/payout-runs/{run}", Right(READ), Value::Null),
        Row("get", "/api/v1/payout-runs/{run}/inputs", Right(READ), Value::Null),
        Row("get", "/api/v1/payout-runs/{run}/bundle", Right(READ), Value::Null),
        Row("get", "/api/v1/payout-runs/{run}/lines", Right(READ), Value::Null),
        Row("post", "/api/v1/payout-runs/{run}/calculate", Right(CALCULATE), json!({})),
        Row("post", "/api/v1/payout-runs/{run}/submit", Right(CALCULATE), json!({})),
        Row("post", "/api/v1/payout-runs/{run}/approve", Right(APPROVE), json!({})),
        Row("post", "/api/v1/payout-runs/{run}/lock", Right(APPROVE), json!({})),
        Row("post", "/api/v1/payout-runs/{run}/back-to-draft", Right(EITHER), json!({"reason": "because"})),
        Row("get", "/api/v1/payout-runs/{run}/statements", Right(READ), Value::Null),
        Row("get", "/api/v1/payout-runs/{run}/statements/{person}", Right(READ), Value::Null),
    ]
}

/// Stores what the paths of the table name.
pub(crate) fn furnish(office: &TestOffice) {
    let auditor = office.person(Role::Auditor).id;
    let (now, id) = (office.app.now(), Uuid::from_u128(ID));
    let stored = office.app.act_as("test", office.org, move |tx, office| {
        let org = office.org();
        db::reference::upsert_branches(tx, org, &[branch(id)])?;
        db::audits::upsert(tx, org, &[visit(id, auditor, now)])?;
        db::observations::append_assessment(tx, org, &assessment(id, auditor, now))?;
        db::payouts::append_run(tx, org, &run(id, auditor, now))?;
        Ok(())
    });
    stored.unwrap();
}

fn branch(id: Uuid) -> Branch {
    Branch {
        branch_id: BranchId(id),
        region_id: None,
        code: "B1".to_owned(),
        name: "Sucursal Oculta".to_owned(),
        latitude_e7: None,
        longitude_e7: None,
        zone: "UTC".to_owned(),
        target_hundredths: None,
        active: true,
    }
}

fn visit(id: Uuid, auditor: UserId, now: Micros) -> Audit {
    Audit {
        audit_id: AuditId(id),
        branch_id: BranchId(id),
        auditor_id: auditor,
        assignment_id: None,
        template_id: "t".to_owned(),
        template_version: 1,
        template_hash: Hash::ZERO,
        state: State::Submitted,
        round: 0,
        kind: VisitKind::Visit,
        visit_date: None,
        zone: "UTC".to_owned(),
        submitted_at: Some(now),
        decided_at: None,
        decided_by: None,
        open_conflicts: 0,
        late_ops: 0,
        claimed_by: None,
        external_ref: None,
        updated_at: now,
    }
}

fn assessment(id: Uuid, by: UserId, now: Micros) -> StandardAssessment {
    StandardAssessment {
        assessment_id: AssessmentId(id),
        branch_id: BranchId(id),
        standard_id: "s".to_owned(),
        standard_version: 1,
        standard_hash: Hash::ZERO,
        period_from: "2026-07-01".parse().unwrap(),
        period_to: "2026-09-30".parse().unwrap(),
        inputs: "{}".to_owned(),
        result: "{}".to_owned(),
        total_hundredths: 0,
        band: "none".to_owned(),
        assessed_by: by,
        assessed_at: now,
    }
}

fn run(id: Uuid, by: UserId, now: Micros) -> PayoutRun {
    PayoutRun {
        run_id: RunId(id),
        plan_id: "p".to_owned(),
        plan_version: 1,
        plan_hash: Hash::ZERO,
        period_from: "2026-07-01".parse().unwrap(),
        period_to: "2026-09-30".parse().unwrap(),
        currency: "MXN".to_owned(),
        mode: RunMode::Shadow,
        state: RunState::Draft,
        created_by: by,
        created_at: now,
        calculated_by: None,
        calculated_at: None,
        approved_by: None,
        approved_at: None,
        locked_by: None,
        locked_at: None,
        inputs: "{}".to_owned(),
        inputs_hash: Hash::ZERO,
        result_hash: None,
    }
}

pub(crate) fn address(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, String::new()), |it| (it.0, format!("?{}", it.1)));
    let id = Uuid::from_u128(ID).to_string();
    let steps: Vec<&str> = path.split('/').map(|it| if it.starts_with('{') { &id } else { it }).collect();
    steps.join("/") + &query
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
    missing.retain(|(method, path)| {
        !table().iter().any(|it| it.0 == method && it.1.split('?').next() == Some(path))
    });
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
    furnish(&office);
    for role in Role::ALL {
        let person = office.person(*role);
        for Row(name, path, needs, body) in table() {
            let Needs::Right(permissions) = needs else { continue };
            if permissions.iter().any(|it| role.permissions().contains(it)) {
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
