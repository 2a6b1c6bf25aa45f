//! Who may decide an appeal: nobody who had a hand in the visit or its review, whatever trace it left, and nobody who manages the branch.

use crate::appeals::{DAY, World, codes, upheld};
use crate::console::{csrf_of, html, page, send};
use crate::databases::Database;
use crate::field::{FAIR, GOOD};
use domain::access::{Role, Scope};
use domain::ids::AuditId;
use serde_json::{Value, json};
use server::testing::TestPerson;

crate::on_both![
    whoever_settled_a_conflict_decides_no_appeal_of_the_visit,
    whoever_scored_the_visit_again_decides_no_appeal_of_it,
    whoever_manages_the_branch_decides_no_appeal_of_it_whatever_else_they_are,
    whoever_recorded_a_part_of_the_visit_decides_no_appeal_of_it,
];

impl World {
    fn reviewer_and(&self, role: Role, scope: Scope) -> TestPerson {
        let roles = [(Role::Reviewer, Scope::Organization), (role, scope)];
        self.field.office.person_of(self.field.office.org, &roles)
    }

    async fn publish(&self, visit: AuditId, commands: &[&str]) {
        for command in commands {
            self.field.review(&self.reviewer, visit, command, json!({})).await.expect_json();
        }
    }

    /// What lists, the appeal itself and its pages say of whether somebody may decide.
    async fn is_offered(&self, by: &TestPerson, appeal: &str) -> bool {
        let list = self.read(by, "appeals").await.expect_json();
        let rows = list["items"].as_array().unwrap();
        let listed = rows.iter().find(|it| it["id"] == appeal).unwrap()["may_decide"].clone();
        let detail = self.read(by, &format!("appeals/{appeal}")).await.expect_json();
        assert_eq!(detail["may_decide"], listed);
        let may = listed.as_bool().unwrap();
        let (status, text) = page(&self.field, "/appeals?lang=es&state=open&branch=", by).await;
        assert_eq!((status, text.contains("usted puede decidir")), (200, may), "{text}");
        let (status, text) = page(&self.field, &format!("/appeals/{appeal}?lang=es"), by).await;
        let said =
            (text.contains(&format!("/appeals/{appeal}/decision\"")), text.contains("decide otra persona"));
        assert_eq!((status, said), (200, (may, !may)), "{text}");
        let (status, text) = page(&self.field, &format!("/appeals/{appeal}/decision?lang=es"), by).await;
        assert_eq!((status, text.contains("verdict-A02")), (200, may), "{text}");
        may
    }

    /// Whoever decides nothing is told so before and refused when trying, by the API and by the form.
    async fn assert_decides_nothing(&self, by: &TestPerson, appeal: &str) {
        assert!(!self.is_offered(by, appeal).await);
        for (step, body) in [("dismiss", json!({"reason": "no"})), ("uphold", upheld("A02", json!("yes")))] {
            let refused = self.step(by, appeal, step, body).await;
            assert_eq!(codes(&refused), [" same_reviewer"], "{step}");
        }
        let csrf = csrf_of(&self.field, &format!("/appeals/{appeal}"), by).await;
        let fields = "verdict-A02=dismiss&reason-A02=no&reason=no";
        let refused = send(&self.field, &format!("/appeals/{appeal}/decision"), by, &csrf, fields).await;
        assert_eq!(refused.status.as_u16(), 422, "{}", html(&refused));
        let seen = self.read(&self.manager, &format!("appeals/{appeal}")).await.expect_json();
        assert_eq!(seen["state"], "open");
    }

    /// Somebody who had no hand in it decides.
    async fn assert_decides(&self, by: &TestPerson, appeal: &str) {
        assert!(self.is_offered(by, appeal).await);
        let decided = self.step(by, appeal, "dismiss", json!({"reason": "no"})).await.expect_json();
        assert_eq!(decided["state"], "dismissed");
    }
}

async fn whoever_settled_a_conflict_decides_no_appeal_of_the_visit(database: Database) {
    let world = World::over(database).await;
    let settler = world.field.office.person(Role::Reviewer);
    let visit = world.field.in_conflict(world.field.north, DAY);
    world.publish(visit, &["claim"]).await;
    let seen = world.read(&settler, &format!("visits/{visit}")).await.expect_json();
    let stands = seen["conflicts"][0]["values"][0]["op"].clone();
    let choice = json!({"field": "A01", "stands": stands, "reason": "se ve en la foto"});
    world.field.review(&settler, visit, "resolve", choice).await.expect_json();
    approve(&world, visit).await;
    let id = world.appealed(visit, &["A02"]).await;
    world.assert_decides_nothing(&settler, &id).await;
    world.assert_decides(&world.other, &id).await;
}

/// Approves a visit of several submissions and publishes it.
async fn approve(world: &World, visit: AuditId) {
    let seen = world.read(&world.reviewer, &format!("visits/{visit}")).await.expect_json();
    let body = json!({"submit": seen["submissions"][0]});
    world.field.review(&world.reviewer, visit, "approve", body).await.expect_json();
    world.publish(visit, &["publish"]).await;
}

#[actix_web::test]
async fn whoever_took_note_of_what_came_late_decides_no_appeal_of_the_visit() {
    let world = World::open().await;
    let noter = world.field.office.person(Role::Reviewer);
    let visit = world.field.with_late(world.field.north, DAY);
    world.publish(visit, &["claim"]).await;
    let seen = world.read(&noter, &format!("visits/{visit}")).await.expect_json();
    let note = json!({"ops": [seen["late"][0]["op"]], "reason": "no cambia nada"});
    world.field.review(&noter, visit, "acknowledge", note).await.expect_json();
    world.publish(visit, &["approve", "publish"]).await;
    let id = world.appealed(visit, &["A02"]).await;
    world.assert_decides_nothing(&noter, &id).await;
    world.assert_decides(&world.other, &id).await;
}

async fn whoever_scored_the_visit_again_decides_no_appeal_of_it(database: Database) {
    let world = World::over(database).await;
    let rescorer = world.field.office.person(Role::Reviewer);
    let visit = world.published(&FAIR).await;
    world.field.age_score(visit);
    world.field.review(&rescorer, visit, "rescore", json!({"reason": "reglas nuevas"})).await.expect_json();
    let id = world.appealed(visit, &["A02"]).await;
    world.assert_decides_nothing(&rescorer, &id).await;
    world.assert_decides(&world.other, &id).await;
}

#[actix_web::test]
async fn whoever_took_the_visit_out_of_the_scores_and_back_decides_no_appeal_of_it() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let planner = |_| world.reviewer_and(Role::ProgrammeManager, Scope::Organization);
    let planners: Vec<TestPerson> = (0..4).map(planner).collect();
    for (by, command) in planners.iter().zip(["exclude", "exclude", "include", "include"]) {
        world.field.review(by, visit, command, json!({"reason": "simulacro"})).await.expect_json();
    }
    let id = world.appealed(visit, &["A02"]).await;
    for by in &planners {
        world.assert_decides_nothing(by, &id).await;
    }
    // To manage the programme is no hand in the visit.
    world.assert_decides(&planner(4), &id).await;
}

#[actix_web::test]
async fn whoever_held_or_returned_the_visit_decides_no_appeal_of_it() {
    let world = World::open().await;
    let (holder, returner) =
        (world.field.office.person(Role::Reviewer), world.field.office.person(Role::Reviewer));
    let visit = world.field.submitted(world.field.north, DAY, &FAIR);
    world.publish(visit, &["claim"]).await;
    for (by, command) in [(&holder, "hold"), (&returner, "release")] {
        world.field.review(by, visit, command, json!({"reason": "falta el recibo"})).await.expect_json();
    }
    world.publish(visit, &["approve", "publish"]).await;
    let id = world.appealed(visit, &["A02"]).await;
    for by in [&holder, &returner] {
        world.assert_decides_nothing(by, &id).await;
    }
    world.assert_decides(&world.other, &id).await;
}

async fn whoever_manages_the_branch_decides_no_appeal_of_it_whatever_else_they_are(database: Database) {
    let world = World::over(database).await;
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let (north, south, region) = (world.field.north, world.field.south, world.field.region);
    for scope in [Scope::Branch(north), Scope::Region(region), Scope::Organization] {
        let both = world.reviewer_and(Role::BranchManager, scope);
        world.assert_decides_nothing(&both, &id).await;
    }
    let elsewhere = world.reviewer_and(Role::BranchManager, Scope::Branch(south));
    world.assert_decides(&elsewhere, &id).await;
}

async fn whoever_recorded_a_part_of_the_visit_decides_no_appeal_of_it(database: Database) {
    let world = World::over(database).await;
    let visit = world.published(&FAIR).await;
    let (with_them, left_out) = (recorder(&world, visit, true), recorder(&world, visit, false));
    let id = world.appealed(visit, &["A02"]).await;
    world.assert_decides_nothing(&with_them, &id).await;
    world.assert_decides(&left_out, &id).await;
}

/// A reviewer of whose phone something was set aside on the visit, and taken into it or left out.
fn recorder(world: &World, visit: AuditId, is_adopted: bool) -> TestPerson {
    use db::{
        devices::{Device, DeviceKind, DeviceState},
        quarantine::{Decision, QuarantinedOp},
    };
    let person = world.field.office.person(Role::Reviewer);
    let (user, now) = (person.id, world.field.office.app.now());
    let (dev, decider) = (sync_core::DeviceId(*user.0.as_bytes()), world.reviewer.id);
    let decision = if is_adopted { Decision::Adopted } else { Decision::Dismissed };
    world.field.write(move |tx, org| {
        let device = Device {
            dev,
            user_id: Some(user),
            kind: DeviceKind::Phone,
            alg: sync_core::signature::SigningKey::from_secret(&[3; 32]).public_key().alg,
            public_key: user.0.as_bytes().repeat(2),
            name: "test".to_owned(),
            state: DeviceState::Active,
            enrolled_at: now,
            revoked_at: None,
        };
        db::devices::append(tx, org, &device)?;
        let op = QuarantinedOp {
            dev,
            dseq: 1,
            audit_id: visit,
            reason: "foreign_visit".to_owned(),
            received_at: now,
            decision: Some(decision),
            decided_at: Some(now),
            decided_by: Some(decider),
            why: Some("fueron juntos".to_owned()),
        };
        db::quarantine::append(tx, org, &[op])
    });
    person
}

#[actix_web::test]
async fn the_auditor_of_the_visit_decides_nothing_of_it_also_where_they_manage_a_branch() {
    let world = World::open().await;
    let office = &world.field.office;
    let auditor = world.field.auditor.id;
    for (role, scope) in
        [(Role::Reviewer, Scope::Organization), (Role::BranchManager, Scope::Branch(world.field.south))]
    {
        world.field.write(move |tx, org| {
            let grant = db::users::RoleGrant {
                user_id: auditor,
                role,
                scope,
                granted_by: None,
                granted_at: db::Micros(0),
            };
            db::users::grant_role(tx, org, &grant)
        });
    }
    let visit = world.published(&FAIR).await;
    let id = world.appealed(visit, &["A02"]).await;
    let by = TestPerson { token: office.session_of(office.org, auditor), ..world.field.auditor.clone() };
    let list = world.read(&by, "appeals").await.expect_json();
    assert_eq!(list["items"][0]["may_decide"], false);
    for (step, body) in [("dismiss", json!({"reason": "no"})), ("uphold", upheld("A02", json!("yes")))] {
        assert_eq!(world.step(&by, &id, step, body).await.outcome(), (403, "own_visit".to_owned()));
    }
    for address in [format!("/appeals/{id}"), format!("/appeals/{id}/decision")] {
        assert_eq!(page(&world.field, &address, &by).await.0, 403);
    }
}

#[actix_web::test]
async fn whoever_decided_a_former_appeal_may_decide_the_next_and_a_hand_in_one_visit_is_none_in_another() {
    let world = World::open().await;
    let visit = world.published(&FAIR).await;
    let first = world.appealed(visit, &["A02"]).await;
    world.step(&world.other, &first, "uphold", upheld("A02", json!("yes"))).await.expect_json();
    let next = world.appealed(visit, &["E02"]).await;
    let detail = world.read(&world.other, &format!("appeals/{next}")).await.expect_json();
    assert_eq!(detail["may_decide"], Value::Bool(true));
    let decided = world.step(&world.other, &next, "dismiss", json!({"reason": "no"})).await;
    decided.expect_json();
    // The other reviewed this one.
    let foreign = world.field.submitted(world.field.north, DAY, &GOOD);
    for command in ["claim", "approve", "publish"] {
        world.field.review(&world.other, foreign, command, json!({})).await.expect_json();
    }
    let third = world.appealed(foreign, &["A02"]).await;
    world.assert_decides_nothing(&world.other, &third).await;
    world.assert_decides(&world.reviewer, &third).await;
}
