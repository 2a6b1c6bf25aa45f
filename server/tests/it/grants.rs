//! What a change of rights does to the phones of a person: rights are entries of their stream, and what a phone reads of others is
//! of exactly the visits that its person may see.

use crate::databases::Database;
use crate::exchange::{Phone, Scene, assignment_of, banking, branch_of, outcomes};
use domain::{
    access::{Role, Scope},
    ids::{AssignmentId, AuditId, BranchId, RegionId, audit_of_assignment},
};
use serde_json::{Value, json};
use server::{
    app::verify::verify,
    testing::{TestOffice, TestPerson},
};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    AuditOps, Hash, OpId,
    chain::feed_hash,
    codec::Nested,
    exchange::{Body, Item, OutcomeKind, Pull, Request, StreamId},
    payload::CreateValue,
};
use uuid::Uuid;

crate::on_both![
    a_role_that_is_taken_and_given_again_reaches_the_phones_as_entries_of_their_stream,
    after_any_changes_a_phone_has_read_of_exactly_the_visits_that_its_person_may_see,
];

/// A phone that mirrors what it reads of its person's stream.
struct Reader {
    phone: Phone,
    after: u64,
    f: Hash,
    /// Ops of others, by audit.
    held: BTreeMap<Uuid, BTreeSet<OpId>>,
    revoked: BTreeSet<Uuid>,
    assignments: BTreeSet<Uuid>,
    branches: BTreeSet<Uuid>,
}

impl Reader {
    fn of(phone: Phone) -> Self {
        let (after, f) = (0, Hash::ZERO);
        let (held, revoked) = (BTreeMap::new(), BTreeSet::new());
        Self { phone, after, f, held, revoked, assignments: BTreeSet::new(), branches: BTreeSet::new() }
    }

    /// Reads what is new; what each entry says.
    async fn read(&mut self, scene: &Scene) -> Vec<String> {
        let mut news = Vec::new();
        loop {
            let stream = StreamId::User(self.phone.enrolment.user);
            let pull = Pull { stream, after: self.after, f: self.f, limit_bytes: 600, marks: Vec::new() };
            let request = Request { pull: vec![pull], ..self.phone.request(Vec::new()) };
            let page = scene.done(&self.phone, &request).await.pull.remove(0);
            assert!(page.rewind.is_none());
            for item in &page.items {
                self.f = feed_hash(&self.f, &item.h, item.last, item.recv_ms);
                assert_eq!(item.first, self.after + 1);
                self.after = item.last;
                news.push(self.take_in(item));
            }
            assert_eq!((self.after, self.f), (page.next, page.f));
            if !page.more {
                return news;
            }
        }
    }

    fn take_in(&mut self, item: &Item) -> String {
        let Nested::Known(body) = &item.body else { panic!("{item:?}") };
        match body {
            Body::Own { .. } => "own".to_owned(),
            Body::Segment(_) => unreachable!("answers are read with their segments opened"),
            Body::Ops(run) => {
                let ops = run.ops.unpack(run.dseq_first).unwrap();
                let told: Vec<u64> = ops.iter().map(|it| it.dseq).collect();
                for op in ops.iter().filter(|it| !self.revoked.contains(&it.audit)) {
                    self.held.entry(op.audit).or_default().insert(OpId::new(run.dev, op.dseq));
                }
                let proven = run.verify(&self.phone.enrolment.org).is_ok();
                format!("ops {told:?}{}", if proven { "" } else { " unproven" })
            }
            Body::RefRow(row) => {
                let id: Uuid = row.id.parse().unwrap();
                let rows = if row.kind == "branch" { &mut self.branches } else { &mut self.assignments };
                let is_there = row.json.is_some();
                if is_there {
                    rows.insert(id)
                } else {
                    rows.remove(&id)
                };
                format!("{} {}", row.kind, if is_there { "told" } else { "taken" })
            }
            Body::Revoke(right) => {
                self.held.remove(&right.audit);
                self.revoked.insert(right.audit);
                format!("revoke {}", right.audit)
            }
            Body::Grant(right) => {
                self.revoked.remove(&right.audit);
                format!("grant {}", right.audit)
            }
        }
    }
}

impl Scene {
    pub(crate) async fn role(&self, person: &TestPerson, role: &Value, gives: bool) {
        let verb = if gives { "" } else { "/revoke" };
        let address = format!("/api/v1/users/{}/roles{verb}", person.id);
        self.office.post(&address).by(&self.admin).json(role).send().await.expect_json();
    }

    pub(crate) async fn pushed(&self, phone: &mut Phone) -> Vec<String> {
        let request = phone.push();
        let response = self.done(phone, &request).await;
        assert_eq!(response.dev_head, phone.head);
        let aside = outcomes(&response).into_iter().filter(|it| it.1 == OutcomeKind::Quarantined);
        aside.map(|it| it.2.to_owned()).collect()
    }

    async fn adopted(&self, audit: Uuid) -> u16 {
        let address = format!("/api/v1/quarantine/{audit}/adopt");
        let call = self.office.post(&address).by(&self.reviewer).json(&json!({"reason": "seen"}));
        call.send().await.status.as_u16()
    }
}

async fn a_role_that_is_taken_and_given_again_reaches_the_phones_as_entries_of_their_stream(
    database: Database,
) {
    let scene = Scene::over(database).await;
    let assigned = assignment_of(&scene.office, &scene.manager, scene.branch, &scene.auditor).await;
    let offered = audit_of_assignment(AssignmentId(assigned)).0;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    assert_eq!(scene.pushed(&mut phone).await, Vec::<String>::new());
    scene.review(audit, "claim", json!({})).await.expect_json();
    let why = json!({"items": [{"item": "A01", "reason": "?"}], "deadline": "2099-01-01T00:00:00Z"});
    scene.review(audit, "return", why).await.expect_json();
    let mut sibling = Reader::of(scene.phone(2).await);
    let news = sibling.read(&scene).await;
    assert_eq!(news, ["branch told", "assignment told", "ops [1, 2, 3, 4]", "ops [1]"]);
    let whole = sibling.held.clone();
    let role = json!({"role": "auditor"});
    scene.role(&scene.auditor, &role, false).await;
    let mut both = [format!("revoke {audit}"), format!("revoke {offered}")];
    both.sort();
    let news = sibling.read(&scene).await;
    assert_eq!(
        (&news[..2], &news[2..]),
        (&both[..], &["assignment taken".to_owned(), "branch taken".to_owned()][..])
    );
    assert!(sibling.held.is_empty() && sibling.assignments.is_empty() && sibling.branches.is_empty());
    // What is brought now is set aside, and told to no phone; nor is anything of before to a phone that reads from the start.
    phone.set(audit, 2, "A01", "no");
    assert_eq!(scene.pushed(&mut phone).await, ["no_field_work"]);
    assert_eq!(sibling.read(&scene).await, ["ops [] unproven"]);
    let Some(mut late) = enrolled_again(&scene, &sibling) else { unreachable!() };
    late.read(&scene).await;
    assert!(late.held.is_empty() && late.assignments.is_empty(), "{:?}", late.held);
    // Another role is none for the field.
    scene.role(&scene.auditor, &json!({"role": "analyst"}), true).await;
    assert_eq!(sibling.read(&scene).await, Vec::<String>::new());
    assert_eq!(scene.adopted(audit).await, 200);
    assert_eq!(sibling.read(&scene).await, Vec::<String>::new());
    // With the right everything is there again, what was taken in meanwhile too, and every run proves itself.
    scene.role(&scene.auditor, &role, true).await;
    let news = sibling.read(&scene).await;
    let again = ["ops [1, 2, 3, 4]", "ops [1]", "ops [5]", "branch told", "assignment told"];
    assert_eq!((news.len(), &news[2..]), (7, &again.map(str::to_owned)[..]));
    late.read(&scene).await;
    let dev = phone.dev();
    let mut expected = whole;
    expected.get_mut(&audit).unwrap().insert(OpId::new(dev, 5));
    assert_eq!((&sibling.held, &late.held), (&expected, &expected));
    // Given twice it is told once, and what is kept of all this holds together.
    scene.role(&scene.auditor, &role, true).await;
    assert_eq!(sibling.read(&scene).await, Vec::<String>::new());
    assert_eq!(verify(&scene.office.app, None, &mut |_| ()).unwrap().fault, None);
}

/// The same phone with nothing of what it had read.
fn enrolled_again(scene: &Scene, reader: &Reader) -> Option<Reader> {
    let key = sync_core::signature::SigningKey::from_secret(&[2; 32]);
    let phone = Phone {
        key,
        enrolment: reader.phone.enrolment.clone(),
        head: reader.phone.head,
        last_hlc: reader.phone.last_hlc,
        seed: reader.phone.seed,
        ops: AuditOps::new(),
        unsent: Vec::new(),
    };
    (phone.dev() == reader.phone.dev() && !scene.admin.token.is_empty()).then(|| Reader::of(phone))
}

/// A visit is begun for an assignment, and one question answered.
fn begin(scene: &Scene, phone: &mut Phone, assignment: Uuid) {
    let audit = audit_of_assignment(AssignmentId(assignment)).0;
    let pin = CreateValue {
        template: "ms-banco-sucursal".to_owned(),
        content_hash: banking(),
        assignment: Some(assignment),
        ..scene.pin()
    };
    phone.create(audit, &pin);
    phone.set(audit, 1, "A01", "yes");
}

#[actix_web::test]
async fn a_visit_of_an_assignment_that_is_withdrawn_leaves_the_phones_until_a_person_takes_it_in() {
    let scene = Scene::open().await;
    let id = assignment_of(&scene.office, &scene.manager, scene.branch, &scene.auditor).await;
    let audit = audit_of_assignment(AssignmentId(id)).0;
    let (mut phone, mut sibling) = (scene.phone(1).await, Reader::of(scene.phone(2).await));
    assert_eq!(sibling.read(&scene).await, ["branch told", "assignment told"]);
    let cancel = format!("/api/v1/assignments/{id}/cancel");
    let why = json!({"reason": "given to somebody else"});
    scene.office.post(&cancel).by(&scene.manager).json(&why).send().await.expect_json();
    assert_eq!(sibling.read(&scene).await, [format!("revoke {audit}"), "assignment told".to_owned()]);
    begin(&scene, &mut phone, id);
    assert_eq!(scene.pushed(&mut phone).await, ["assignment_withdrawn", "assignment_withdrawn"]);
    assert_eq!(sibling.read(&scene).await, ["ops [] unproven"]);
    assert_eq!(scene.adopted(audit).await, 200);
    let news = sibling.read(&scene).await;
    assert_eq!(news[0], format!("grant {audit}"));
    assert_eq!(news[1..], ["ops [1, 2]", "branch told", "assignment told"]);
    assert_eq!(sibling.held[&audit].len(), 2);
    // The other auditor's visit is another one, in another stream.
    let other = scene.office.person(Role::Auditor);
    let theirs = assignment_of(&scene.office, &scene.manager, scene.branch, &other).await;
    assert_ne!(theirs, id);
    assert_eq!(sibling.read(&scene).await, Vec::<String>::new());
}

#[actix_web::test]
async fn what_was_set_aside_while_a_right_was_gone_is_read_again_with_the_right_and_stands_once_taken_in() {
    let scene = Scene::open().await;
    let id = assignment_of(&scene.office, &scene.manager, scene.branch, &scene.auditor).await;
    let audit = audit_of_assignment(AssignmentId(id)).0;
    let (mut phone, mut sibling) = (scene.phone(1).await, Reader::of(scene.phone(2).await));
    let role = json!({"role": "auditor"});
    scene.role(&scene.auditor, &role, false).await;
    begin(&scene, &mut phone, id);
    assert_eq!(scene.pushed(&mut phone).await, ["no_field_work", "no_field_work"]);
    // What it says is kept from whoever reads it now.
    let news = sibling.read(&scene).await;
    assert_eq!(news.last().unwrap(), "ops [] unproven", "{news:?}");
    scene.role(&scene.auditor, &role, true).await;
    let news = sibling.read(&scene).await;
    assert_eq!(news[0], format!("grant {audit}"));
    assert_eq!(news[1..], ["ops [1, 2]", "branch told", "assignment told"]);
    assert_eq!(scene.adopted(audit).await, 200);
    sibling.read(&scene).await;
    let expected = [1, 2].map(|it| OpId::new(phone.dev(), it));
    assert_eq!(sibling.held[&audit], BTreeSet::from(expected));
}

#[actix_web::test]
async fn what_is_redacted_of_a_visit_that_was_taken_from_its_author_reaches_their_phone_all_the_same() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.fill_in(audit, &scene.pin());
    assert_eq!(scene.pushed(&mut phone).await, Vec::<String>::new());
    let mut sibling = Reader::of(scene.phone(2).await);
    sibling.read(&scene).await;
    scene.role(&scene.auditor, &json!({"role": "auditor"}), false).await;
    assert_eq!(sibling.read(&scene).await, [format!("revoke {audit}")]);
    let order = json!({"fields": ["A01"], "reason": "it names somebody"});
    scene.review(audit, "redact", order).await.expect_json();
    assert_eq!(sibling.read(&scene).await, ["ops [1]"]);
}

#[actix_web::test]
async fn what_the_office_counts_as_taken_is_what_the_stream_says() {
    let scene = Scene::open().await;
    let (mut phone, audit) = (scene.phone(1).await, scene.new_audit());
    phone.create(audit, &scene.pin());
    scene.pushed(&mut phone).await;
    let (org, user, app) = (scene.office.org, scene.auditor.id, scene.office.app.clone());
    let taken = app.clone();
    taken.db.write(move |tx| db::rights::take(tx, org, user, &[AuditId(audit)])).unwrap();
    let fault = verify(&app, None, &mut |_| ()).unwrap().fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.place.position), ("rights", Some(1)));
}

/// The rights of a person as this test keeps them.
struct Person {
    who: TestPerson,
    scopes: BTreeSet<String>,
    phones: Vec<Reader>,
}

/// Where everything lies, as this test keeps it.
struct Map {
    /// Branches with their region.
    branches: Vec<(Uuid, usize)>,
    regions: Vec<Uuid>,
    /// The region that the third hangs below.
    above: usize,
}

impl Map {
    fn reaches(&self, scopes: &BTreeSet<String>, branch: Uuid) -> bool {
        let Some((_, region)) = self.branches.iter().find(|it| it.0 == branch) else { return false };
        let mut regions = vec![*region];
        if *region == 2 {
            regions.push(self.above);
        }
        let in_region = |at: &usize| scopes.contains(&format!("region {}", self.regions[*at]));
        scopes.contains("all")
            || scopes.contains(&format!("branch {branch}"))
            || regions.iter().any(in_region)
    }
}

fn scope_json(scope: &str) -> Value {
    match scope.split_once(' ') {
        Some((kind, id)) => json!({"role": "auditor", "scope": {"kind": kind, "id": id}}),
        None => json!({"role": "auditor"}),
    }
}

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

const REGIONS: [&str; 3] = ["N", "S", "X"];
const BRANCHES: [&str; 3] = ["B1", "B2", "B3"];

async fn put_regions(scene: &Scene, above: usize) -> Value {
    let rows = json!([
        {"code": "N", "name": "N"}, {"code": "S", "name": "S"},
        {"code": "X", "name": "X", "parent_code": REGIONS[above]},
    ]);
    scene.office.put("/api/v1/regions").by(&scene.manager).json(&rows).send().await.expect_json()
}

async fn move_branch(scene: &Scene, branch: usize, region: usize) {
    let code = BRANCHES[branch];
    let rows =
        json!([{"code": code, "name": code, "zone": "America/Bogota", "region_code": REGIONS[region]}]);
    scene.office.put("/api/v1/branches").by(&scene.manager).json(&rows).send().await.expect_json();
}

async fn map_of(scene: &Scene) -> Map {
    let put = put_regions(scene, 0).await;
    let regions =
        put["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().parse().unwrap());
    let regions = regions.collect();
    let mut branches = Vec::new();
    for (at, code) in BRANCHES.into_iter().enumerate() {
        let id = if at == 0 { scene.branch } else { branch_of(&scene.office, &scene.manager, code).await };
        move_branch(scene, at, at).await;
        branches.push((id, at));
    }
    Map { branches, regions, above: 0 }
}

async fn person_of(scene: &Scene, number: u8) -> Person {
    let who = scene.office.person_of(scene.office.org, &[(Role::Auditor, Scope::Organization)]);
    let mut phones = Vec::new();
    for at in 0..2 {
        phones.push(Reader::of(Phone::enrol(&scene.office, &scene.admin, &who, number + at).await));
    }
    Person { who, scopes: BTreeSet::from(["all".to_owned()]), phones }
}

async fn after_any_changes_a_phone_has_read_of_exactly_the_visits_that_its_person_may_see(
    database: Database,
) {
    let (seeds, mut seen) = (if matches!(database, Database::Sqlite) { 0..6 } else { 0..2 }, [0_usize; 3]);
    for seed in seeds {
        let scene = Scene::over(database).await;
        let mut dice = Dice(seed);
        let mut map = map_of(&scene).await;
        let mut people = vec![person_of(&scene, 10).await, person_of(&scene, 20).await];
        let mut audits: Vec<(usize, Uuid)> = Vec::new();
        for _ in 0..40 {
            let (who, phone) = (dice.below(2), dice.below(2));
            match dice.below(10) {
                0 | 1 => change_role(&scene, &map, &mut people[who], &mut dice).await,
                2 => {
                    let (branch, region) = (dice.below(3), dice.below(3));
                    move_branch(&scene, branch, region).await;
                    map.branches[branch].1 = region;
                }
                3 => {
                    map.above = dice.below(2);
                    put_regions(&scene, map.above).await;
                }
                4 | 5 => {
                    let (audit, branch) = (scene.new_audit(), map.branches[dice.below(3)].0);
                    let it = &mut people[who].phones[phone].phone;
                    it.ops = AuditOps::new();
                    it.create(audit, &CreateValue { branch, ..scene.pin() });
                    it.set(audit, 1, "A01", "yes");
                    scene.pushed(it).await;
                    audits.push((who, audit));
                }
                6 if !audits.is_empty() => {
                    let (owner, audit) = audits[dice.below(audits.len())];
                    let it = &mut people[owner].phones[phone].phone;
                    it.ops = AuditOps::new();
                    it.set(audit, 1, "A02", "no");
                    scene.pushed(it).await;
                }
                7 if !audits.is_empty() => drop(scene.adopted(audits[dice.below(audits.len())].1).await),
                8 => offer_or_withdraw(&scene, &map, &people[who], &mut dice).await,
                _ => drop(people[who].phones[phone].read(&scene).await),
            }
        }
        for person in &mut people {
            for reader in &mut person.phones {
                let news = reader.read(&scene).await;
                seen[2] += news.len();
            }
            let counts = check(&scene, &map, person);
            seen = [seen[0] + counts.0, seen[1] + counts.1, seen[2]];
        }
        assert_eq!(verify(&scene.office.app, None, &mut |_| ()).unwrap().fault, None, "seed {seed}");
    }
    assert!(seen.iter().all(|it| *it > 5), "visits seen, visits not seen, entries: {seen:?}");
}

async fn change_role(scene: &Scene, map: &Map, person: &mut Person, dice: &mut Dice) {
    let scope = match dice.below(4) {
        0 => "all".to_owned(),
        1 => format!("branch {}", map.branches[dice.below(3)].0),
        _ => format!("region {}", map.regions[dice.below(3)]),
    };
    let gives = !person.scopes.contains(&scope);
    scene.role(&person.who, &scope_json(&scope), gives).await;
    if gives {
        person.scopes.insert(scope)
    } else {
        person.scopes.remove(&scope)
    };
}

async fn offer_or_withdraw(scene: &Scene, map: &Map, person: &Person, dice: &mut Dice) {
    let branch = map.branches[dice.below(3)].0;
    if !map.reaches(&person.scopes, branch) {
        return;
    }
    let id = assignment_of(&scene.office, &scene.manager, branch, &person.who).await;
    if dice.below(2) == 0 {
        let cancel = format!("/api/v1/assignments/{id}/cancel");
        let why = json!({"reason": "x"});
        scene.office.post(&cancel).by(&scene.manager).json(&why).send().await.expect_json();
    }
}

/// What each phone holds of others against what its person may see; how many visits may be seen, and how many not.
fn check(scene: &Scene, map: &Map, person: &Person) -> (usize, usize) {
    let org = scene.office.org;
    let filter = db::audits::AuditFilter { auditor: Some(person.who.id), ..Default::default() };
    let offers = db::programmes::AssignmentFilter { auditor: Some(person.who.id), ..Default::default() };
    let read = |tx: &mut db::Tx<'_>| -> Result<_, db::DbError> {
        let rows = db::audits::list(tx, org, &filter, None, 500)?.items;
        let mut all = Vec::new();
        for row in rows {
            let ops = db::audits::find_ops(tx, org, row.audit_id)?.unwrap_or_default();
            all.push((row, AuditOps::decode(&ops).unwrap()));
        }
        Ok((all, db::programmes::list_assignments(tx, org, &offers, None, 500)?.items))
    };
    let (all, offers) = scene.office.app.db.read(read).unwrap();
    let (seen, unseen): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|it| map.reaches(&person.scopes, it.0.branch_id.0));
    let expected_rows: BTreeSet<Uuid> = offers
        .iter()
        .filter(|it| it.state.as_str() != "void" && map.reaches(&person.scopes, it.branch_id.0))
        .map(|it| it.assignment_id.0)
        .collect();
    let withdrawn: BTreeSet<Uuid> =
        offers.iter().filter(|it| it.state.as_str() == "void").map(|it| it.assignment_id.0).collect();
    for reader in &person.phones {
        let of_others = |ops: &AuditOps| -> BTreeSet<OpId> {
            ops.iter().map(|it| *it.0).filter(|it| it.dev != reader.phone.dev()).collect()
        };
        let expected: BTreeMap<Uuid, BTreeSet<OpId>> = seen
            .iter()
            .map(|(row, ops)| (row.audit_id.0, of_others(ops)))
            .filter(|it| !it.1.is_empty())
            .collect();
        assert_eq!(reader.held, expected);
        let rows: BTreeSet<Uuid> = reader.assignments.difference(&withdrawn).copied().collect();
        assert_eq!(rows, expected_rows);
        assert!(expected_rows.is_subset(&reader.assignments));
        for offer in offers.iter().filter(|it| expected_rows.contains(&it.assignment_id.0)) {
            assert!(reader.branches.contains(&offer.branch_id.0));
        }
        // Of what was withdrawn the phones keep that it was, and where.
        let is_told =
            |it: &Uuid| offers.iter().any(|of| of.branch_id.0 == *it && of.state.as_str() == "void");
        assert!(reader.branches.iter().all(|it| map.reaches(&person.scopes, *it) || is_told(it)));
    }
    (seen.len(), unseen.len())
}

/// A branch that is moved and a region that is hung elsewhere take and give, as a role does; renaming either does not.
#[actix_web::test]
async fn a_branch_or_a_region_that_moves_takes_and_gives_the_visits_there() {
    let scene = Scene::open().await;
    let map = map_of(&scene).await;
    let north = (Role::Auditor, Scope::Region(RegionId(map.regions[0])));
    let who = scene.office.person_of(scene.office.org, &[north]);
    let mut phone = Phone::enrol(&scene.office, &scene.admin, &who, 1).await;
    let mut sibling = Reader::of(Phone::enrol(&scene.office, &scene.admin, &who, 2).await);
    let (here, below) = (scene.new_audit(), scene.new_audit());
    for (audit, branch) in [(here, map.branches[0].0), (below, map.branches[2].0)] {
        phone.ops = AuditOps::new();
        phone.create(audit, &CreateValue { branch, ..scene.pin() });
        assert_eq!(scene.pushed(&mut phone).await, Vec::<String>::new());
    }
    assert_eq!(sibling.read(&scene).await, ["ops [1]", "ops [2]"]);
    move_branch(&scene, 0, 1).await;
    assert_eq!(sibling.read(&scene).await, [format!("revoke {here}")]);
    put_regions(&scene, 1).await;
    assert_eq!(sibling.read(&scene).await, [format!("revoke {below}")]);
    assert!(sibling.held.is_empty());
    move_branch(&scene, 0, 1).await;
    put_regions(&scene, 1).await;
    assert_eq!(sibling.read(&scene).await, Vec::<String>::new());
    move_branch(&scene, 0, 0).await;
    put_regions(&scene, 0).await;
    let news = sibling.read(&scene).await;
    assert_eq!(news, [format!("grant {here}"), "ops [1]".into(), format!("grant {below}"), "ops [2]".into()]);
    // A role over one branch alone.
    let role = json!({"role": "auditor", "scope": {"kind": "region", "id": map.regions[0]}});
    scene
        .role(&who, &json!({"role": "auditor", "scope": {"kind": "branch", "id": map.branches[0].0}}), true)
        .await;
    assert_eq!(sibling.read(&scene).await, Vec::<String>::new());
    scene.role(&who, &role, false).await;
    assert_eq!(sibling.read(&scene).await, [format!("revoke {below}")]);
    let branch = BranchId(map.branches[0].0);
    let office: &TestOffice = &scene.office;
    let row = office.app.db.read(|tx| db::reference::find_branch(tx, office.org, branch)).unwrap().unwrap();
    assert_eq!(row.region_id, Some(RegionId(map.regions[0])));
}
