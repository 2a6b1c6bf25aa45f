//! What exchanges set aside, as its readers get it.

use crate::databases::Database;
use crate::exchange::Scene;
use domain::access::{Role, Scope};
use serde_json::json;

crate::on_both![what_was_set_aside_is_read_by_page_and_only_in_the_own_organization,];

const ADDRESS: &str = "/api/v1/quarantine";

async fn what_was_set_aside_is_read_by_page_and_only_in_the_own_organization(database: Database) {
    let scene = Scene::over(database).await;
    let office = &scene.office;
    let mut phone = scene.phone(1).await;
    let audit = scene.new_audit();
    for answer in ["yes", "no", "yes"] {
        phone.set(audit, 1, "A01", answer);
    }
    let request = phone.push();
    scene.done(&phone, &request).await;
    let first = office.get(&format!("{ADDRESS}?limit=2")).by(&scene.admin).send().await.expect_json();
    let expected = |dseq: u64| {
        json!({
            "dev": phone.dev().to_string(), "dseq": dseq, "user": scene.auditor.id, "audit": audit,
            "reason": "audit_without_create", "received_at": first["items"][0]["received_at"],
        })
    };
    assert_eq!(first["items"], json!([expected(1), expected(2)]));
    let next = format!("{ADDRESS}?limit=2&after={}", first["next"].as_str().unwrap());
    let second = office.get(&next).by(&scene.reviewer).send().await.expect_json();
    assert_eq!((&second["items"], second.get("next")), (&json!([expected(3)]), None));
    let answer = office.get(&format!("{ADDRESS}?after=x-1")).by(&scene.admin).send().await;
    assert_eq!(answer.fields(), [("/after".to_owned(), "bad_cursor".to_owned())]);
    let other = office.other_organization("other");
    let stranger = office.person_of(other, &[(Role::Admin, Scope::Organization)]);
    let theirs = office.get(ADDRESS).by(&stranger).send().await.expect_json();
    assert_eq!(theirs["items"], json!([]));
}

#[actix_web::test]
async fn who_sees_no_auditors_or_only_a_part_of_the_organization_does_not_read_it() {
    let scene = Scene::open().await;
    let office = &scene.office;
    let here = Scope::Branch(domain::ids::BranchId(scene.branch));
    let org = office.org;
    for (role, scope, status) in [
        (Role::Reviewer, Scope::Organization, 200),
        (Role::ProgrammeManager, Scope::Organization, 200),
        (Role::Admin, Scope::Organization, 200),
        (Role::Reviewer, here, 403),
        (Role::BranchManager, here, 403),
        (Role::BranchManager, Scope::Organization, 403),
        (Role::Auditor, Scope::Organization, 403),
        (Role::Analyst, Scope::Organization, 403),
    ] {
        let person = office.person_of(org, &[(role, scope)]);
        let answer = office.get(ADDRESS).by(&person).send().await;
        assert_eq!(answer.status.as_u16(), status, "{role} {scope:?}");
    }
}
