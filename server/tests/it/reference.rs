//! Regions, branches, staff: put in bulk, read as far as roles reach.

use domain::access::{Role, Scope};
use domain::ids::{BranchId, OrgId, RegionId};
use serde_json::{Value, json};
use server::testing::{Answer, TestOffice, TestPerson};

const ZONE: &str = "America/Mexico_City";

async fn put(office: &TestOffice, by: &TestPerson, what: &str, rows: &Value) -> Answer {
    office.put(&format!("/api/v1/{what}")).by(by).json(rows).send().await
}

async fn items(office: &TestOffice, by: &TestPerson, address: &str) -> Vec<Value> {
    let found = office.get(&format!("/api/v1/{address}")).by(by).send().await.expect_json();
    found["items"].as_array().unwrap().clone()
}

fn codes(items: &[Value]) -> Vec<&str> {
    let mut codes: Vec<&str> = items.iter().map(|it| it["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    codes
}

fn id(item: &Value) -> uuid::Uuid {
    item["id"].as_str().unwrap().parse().unwrap()
}

/// The regions north, north-east below it and south, and a branch in each: `B-norte`, `B-noreste`, `B-sur`.
async fn network(office: &TestOffice, by: &TestPerson) -> (Vec<Value>, Vec<Value>) {
    let regions = json!([
        {"code": "noreste", "name": "Noreste", "parent_code": "norte"},
        {"code": "norte", "name": "Norte"},
        {"code": "sur", "name": "Sur"},
    ]);
    let regions = put(office, by, "regions", &regions).await.expect_json();
    let branch = |region: &str| json!({"code": format!("B-{region}"), "name": region, "region_code": region, "zone": ZONE});
    let branches = json!([branch("norte"), branch("noreste"), branch("sur")]);
    let branches = put(office, by, "branches", &branches).await.expect_json();
    let items = |it: &Value| it["items"].as_array().unwrap().clone();
    (items(&regions), items(&branches))
}

#[actix_web::test]
async fn regions_are_put_in_whatever_order_and_never_above_themselves() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let (regions, _) = network(&office, &manager).await;
    assert_eq!(
        regions.iter().map(|it| it["code"].as_str().unwrap()).collect::<Vec<_>>(),
        ["noreste", "norte", "sur"]
    );
    let ring = json!([{"code": "norte", "name": "Norte", "parent_code": "noreste"}]);
    let answer = put(&office, &manager, "regions", &ring).await;
    assert_eq!(answer.fields(), [("/0/parent_code".to_owned(), "region_above_itself".to_owned())]);
    let bad = json!([
        {"code": "este", "name": "Este", "parent_code": "nowhere"},
        {"code": "este", "name": "Este"},
    ]);
    let answer = put(&office, &manager, "regions", &bad).await;
    let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    assert_eq!(found, ["/1/code repeated", "/0/parent_code unknown_region"]);
    let renamed = json!([{"code": "noreste", "name": "Nor-Este"}]);
    let done = put(&office, &manager, "regions", &renamed).await.expect_json();
    assert_eq!(
        (&done["created"], &done["updated"], &done["items"][0]["id"]),
        (&json!(0), &json!(1), &regions[0]["id"])
    );
    let listed = items(&office, &manager, "regions").await;
    assert_eq!(codes(&listed), ["noreste", "norte", "sur"]);
    assert_eq!((&listed[0]["name"], &listed[0]["parent_id"]), (&json!("Nor-Este"), &regions[1]["id"]));
    let taken = json!({"code": "sur", "name": "Sur"});
    let answer = office.post("/api/v1/regions").by(&manager).json(&taken).send().await;
    assert_eq!(answer.outcome(), (409, "code_taken".to_owned()));
    assert_eq!(answer.fields(), [("/code".to_owned(), "code_taken".to_owned())]);
    let below = json!({"code": "sureste", "name": "Sureste", "parent_code": "nowhere"});
    let answer = office.post("/api/v1/regions").by(&manager).json(&below).send().await;
    assert_eq!(answer.fields(), [("/parent_code".to_owned(), "unknown_region".to_owned())]);
}

#[actix_web::test]
async fn branches_are_created_then_changed_and_what_is_left_out_stays() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    put(&office, &manager, "regions", &json!([{"code": "centro", "name": "Centro"}])).await.expect_json();
    let first = r#"[{"code":"001","name":"Zócalo","region_code":"centro","latitude":19.43260775,"longitude":"-99.133208",
        "zone":"America/Mexico_City","target":"85.00","active":false}]"#;
    let call = office.put("/api/v1/branches").by(&manager).body(first);
    let done = call.send().await.expect_json();
    assert_eq!((&done["created"], &done["updated"]), (&json!(1), &json!(0)));
    let again = json!([
        {"code": "002", "name": "Roma", "zone": ZONE},
        {"code": "001", "name": "Centro", "zone": "America/Tijuana"},
    ]);
    let again = put(&office, &manager, "branches", &again).await.expect_json();
    assert_eq!((&again["created"], &again["updated"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&again["items"][0]["code"], &again["items"][1]["id"]),
        (&json!("002"), &done["items"][0]["id"])
    );
    let address = format!("/api/v1/branches/{}", id(&again["items"][1]));
    let mut found = office.get(&address).by(&manager).send().await.expect_json();
    let found = found.as_object_mut().unwrap();
    found.remove("id");
    found.remove("region_id").unwrap();
    let expected = json!({
        "code": "001", "name": "Centro", "region_code": "centro", "latitude": "19.4326078", "longitude": "-99.1332080",
        "zone": "America/Tijuana", "target": "85.00", "active": false,
    });
    assert_eq!(Value::Object(found.clone()), expected);
}

#[actix_web::test]
async fn every_bad_row_is_named_and_nothing_is_written() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let shapes = json!([
        {"code": "1", "name": "One", "zone": ZONE},
        {"code": "2", "name": "Two"},
        {"code": "3", "name": "", "zone": "Mars/Olympus"},
        {"code": "4", "name": "Four", "zone": ZONE, "latitude": true},
        7,
    ]);
    let answer = put(&office, &manager, "branches", &shapes).await;
    let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    assert_eq!(
        found,
        [
            "/1/zone missing_field",
            "/2/name length",
            "/2/zone unknown_zone",
            "/3/latitude wrong_shape",
            "/4 wrong_shape"
        ]
        .map(str::to_owned)
    );
    let values = json!([
        {"code": "1", "name": "One", "zone": ZONE},
        {"code": "1", "name": "One", "zone": ZONE},
        {"code": "2", "name": "Two", "zone": ZONE, "region_code": "nowhere", "target": "85.001"},
        {"code": "3", "name": "Three", "zone": ZONE, "latitude": "90.0000001", "longitude": "1"},
        {"code": "4", "name": "Four", "zone": ZONE, "latitude": "1"},
    ]);
    let answer = put(&office, &manager, "branches", &values).await;
    let mut found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    found.sort_unstable();
    let expected = [
        "/1/code repeated",
        "/2/region_code unknown_region",
        "/2/target out_of_range",
        "/3/latitude out_of_range",
        "/4/longitude coordinate_missing",
    ];
    assert_eq!(found, expected);
    assert_eq!(answer.status.as_u16(), 422);
    let answer = put(&office, &manager, "branches", &json!([])).await;
    assert_eq!(answer.fields(), [(String::new(), "length".to_owned())]);
    assert_eq!(items(&office, &manager, "branches").await, Vec::<Value>::new());
}

#[actix_web::test]
async fn two_thousand_branches_are_put_at_once_and_read_page_by_page() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let rows: Vec<Value> =
        (0..2_000).map(|it| json!({"code": format!("S{it:04}"), "name": "Sucursal", "zone": ZONE})).collect();
    let done = put(&office, &manager, "branches", &json!(rows)).await.expect_json();
    assert_eq!(done["created"], 2_000);
    assert_eq!(done["items"][1_999]["code"], "S1999");
    let again = put(&office, &manager, "branches", &json!(rows)).await.expect_json();
    assert_eq!((&again["created"], &again["updated"]), (&json!(0), &json!(2_000)));
    assert_eq!(again["items"], done["items"]);
    let (mut seen, mut after) = (0, String::new());
    loop {
        let page =
            office.get(&format!("/api/v1/branches?limit=900{after}")).by(&manager).send().await.expect_json();
        seen += page["items"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, 2_000);
}

#[actix_web::test]
async fn a_list_holds_what_the_roles_reach() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let (regions, branches) = network(&office, &manager).await;
    let north = Scope::Region(RegionId(id(&regions[1])));
    let south = Scope::Branch(BranchId(id(&branches[2])));
    let reviewer = office.person_of(office.org, &[(Role::Reviewer, north)]);
    let of_branch = office.person_of(office.org, &[(Role::BranchManager, south)]);
    let both = office.person_of(office.org, &[(Role::Reviewer, north), (Role::BranchManager, south)]);
    let auditor = office.person(Role::Auditor);
    assert_eq!(codes(&items(&office, &manager, "branches?region=norte").await), ["B-noreste", "B-norte"]);
    assert_eq!(codes(&items(&office, &reviewer, "branches").await), ["B-noreste", "B-norte"]);
    assert_eq!(codes(&items(&office, &reviewer, "branches?region=noreste").await), ["B-noreste"]);
    assert_eq!(codes(&items(&office, &reviewer, "regions").await), ["noreste", "norte"]);
    assert_eq!(codes(&items(&office, &of_branch, "branches").await), ["B-sur"]);
    assert_eq!(codes(&items(&office, &both, "branches").await), ["B-noreste", "B-norte", "B-sur"]);
    let unknown = office.get("/api/v1/branches?region=nowhere").by(&manager).send().await;
    assert_eq!(unknown.fields(), [("/region".to_owned(), "unknown_region".to_owned())]);
    let beyond = format!("/api/v1/branches/{}", id(&branches[2]));
    assert_eq!(office.get(&beyond).by(&reviewer).send().await.outcome(), (404, "not_found".to_owned()));
    for address in ["/api/v1/regions", "/api/v1/branches", &beyond, "/api/v1/staff"] {
        let answer = office.get(address).by(&auditor).send().await;
        assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{address}");
    }
}

#[actix_web::test]
async fn only_who_manages_reference_everywhere_writes() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let (regions, _) = network(&office, &manager).await;
    let regional = Scope::Region(RegionId(id(&regions[0])));
    let regional = office.person_of(office.org, &[(Role::ProgrammeManager, regional)]);
    let reviewer = office.person(Role::Reviewer);
    let branch = json!({"code": "X", "name": "X", "zone": ZONE});
    let staff = json!({"employee_no": "1", "name": "A", "position": "p", "branch_code": "B-sur", "employed_from": "2026-01-01"});
    let shift = json!({"employee_no": "1", "date": "2026-01-01", "begins": "09:00", "ends": "18:00"});
    let absence = json!({"employee_no": "1", "from": "2026-01-01", "to": "2026-01-01", "kind": "leave"});
    let region = json!({"code": "X", "name": "X"});
    for person in [&regional, &reviewer] {
        let many = [("regions", &region), ("branches", &branch), ("staff", &staff)];
        for (what, row) in many {
            let answer = put(&office, person, what, &json!([row])).await;
            assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{what}");
            let answer = office.post(&format!("/api/v1/{what}")).by(person).json(row).send().await;
            assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{what}");
        }
        for (what, row) in [("shifts", &shift), ("absences", &absence)] {
            let answer = office.post(&format!("/api/v1/{what}")).by(person).json(&json!([row])).send().await;
            assert_eq!(answer.outcome(), (403, "forbidden".to_owned()), "{what}");
        }
    }
    let listed = items(&office, &manager, "branches").await;
    assert_eq!(codes(&listed), ["B-noreste", "B-norte", "B-sur"]);
}

#[actix_web::test]
async fn another_organization_has_its_own_codes_and_sees_nothing_of_ours() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let (_, branches) = network(&office, &manager).await;
    let other: OrgId = office.other_organization("other");
    let stranger = office.person_of(other, &[(Role::ProgrammeManager, Scope::Organization)]);
    let address = format!("/api/v1/branches/{}", id(&branches[0]));
    assert_eq!(office.get(&address).by(&stranger).send().await.outcome(), (404, "not_found".to_owned()));
    let address = format!("/api/v1/staff?branch={}", id(&branches[0]));
    assert_eq!(office.get(&address).by(&stranger).send().await.outcome(), (404, "not_found".to_owned()));
    assert_eq!(items(&office, &stranger, "branches").await, Vec::<Value>::new());
    let theirs = json!([{"code": "B-norte", "name": "Theirs", "zone": ZONE}]);
    let done = put(&office, &stranger, "branches", &theirs).await.expect_json();
    assert_eq!(done["created"], 1);
    assert_ne!(done["items"][0]["id"], branches[0]["id"]);
    let ours =
        office.get(&format!("/api/v1/branches/{}", id(&branches[0]))).by(&manager).send().await.expect_json();
    assert_eq!(ours["name"], "norte");
}

#[actix_web::test]
async fn a_repeated_put_with_its_key_is_answered_once_more() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let rows = json!([{"code": "1", "name": "One", "zone": ZONE}]);
    let call = || office.put("/api/v1/branches").by(&manager).key("k").json(&rows);
    let first = call().send().await;
    let again = call().send().await;
    assert_eq!(first.expect_json()["created"], 1);
    assert_eq!((&first.body, again.headers.contains_key("idempotency-replayed")), (&again.body, true));
}

#[actix_web::test]
async fn staff_is_put_by_employee_number_with_money_in_minor_units() {
    let office = TestOffice::open().await;
    let (manager, hr) = (office.person(Role::ProgrammeManager), office.person(Role::HrAnalyst));
    let (_, branches) = network(&office, &manager).await;
    let row = |no: &str, more: Value| {
        let mut row = json!({
            "employee_no": no, "name": "Ana", "position": "cajera", "branch_code": "B-sur", "employed_from": "2026-01-15",
        });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let rows = json!([
        row("7", json!({"target": "1500.5", "role_factor": 1.25})),
        row("8", json!({"target": 120000, "target_decimals": 0, "employed_to": "2026-06-30"})),
    ]);
    let done = put(&office, &manager, "staff", &rows).await.expect_json();
    assert_eq!((&done["created"], &done["items"][1]["code"]), (&json!(2), &json!("8")));
    let moved = json!([{
        "employee_no": "7", "name": "Ana", "position": "gerente", "branch_code": "B-norte", "employed_from": "2026-01-15",
    }]);
    put(&office, &manager, "staff", &moved).await.expect_json();
    let all = items(&office, &hr, "staff").await;
    let targets: Vec<&Value> = all.iter().map(|it| &it["target_minor"]).collect();
    assert!(targets.contains(&&json!(150_050)) && targets.contains(&&json!(120_000)), "{all:?}");
    let north = items(&office, &hr, &format!("staff?branch={}", id(&branches[0]))).await;
    assert_eq!(north.len(), 1);
    assert_eq!((&north[0]["position"], &north[0]["role_factor"]), (&json!("gerente"), &json!("1.25")));
    let bad = json!([
        row("9", json!({"branch_code": "nowhere"})),
        row("9", json!({"target": "0.001"})),
        row("10", json!({"employed_to": "2026-01-14"})),
        row("11", json!({"employed_from": "2026-02-30"})),
    ]);
    let answer = put(&office, &manager, "staff", &bad).await;
    assert_eq!(answer.fields(), [("/3/employed_from".to_owned(), "wrong_shape".to_owned())]);
    let bad = json!(bad.as_array().unwrap()[..3].to_vec());
    let answer = put(&office, &manager, "staff", &bad).await;
    let found: Vec<String> = answer.fields().into_iter().map(|it| format!("{} {}", it.0, it.1)).collect();
    assert_eq!(
        found,
        [
            "/1/employee_no repeated",
            "/0/branch_code unknown_branch",
            "/1/target out_of_range",
            "/2/employed_to ends_before_it_begins"
        ]
    );
    assert_eq!(items(&office, &hr, "staff").await.len(), 2);
}

#[actix_web::test]
async fn shifts_and_absences_are_appended_all_or_none() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    network(&office, &manager).await;
    let staff = json!([{"employee_no": "7", "name": "Ana", "position": "p", "branch_code": "B-sur", "employed_from": "2026-01-15"}]);
    put(&office, &manager, "staff", &staff).await.expect_json();
    let post = async |what: &str, rows: Value| {
        office.post(&format!("/api/v1/{what}")).by(&manager).json(&rows).send().await
    };
    let shift = |date: &str, begins: &str| json!({"employee_no": "7", "date": date, "begins": begins, "ends": "06:00"});
    let good = shift("2026-03-01", "22:00");
    let bad = json!([good, {"employee_no": "x", "date": "2026-03-01", "begins": "09:00", "ends": "10:00"}]);
    assert_eq!(
        post("shifts", bad).await.fields(),
        [("/1/employee_no".to_owned(), "unknown_staff".to_owned())]
    );
    let bad = json!([shift("2026-03-01", "24:00")]);
    assert_eq!(post("shifts", bad).await.fields(), [("/0/begins".to_owned(), "bad_time".to_owned())]);
    let twice = json!([good, good]);
    assert_eq!(post("shifts", twice).await.fields(), [("/1/begins".to_owned(), "repeated".to_owned())]);
    let one = json!([good]);
    assert_eq!(post("shifts", one.clone()).await.expect_json()["created"], 1);
    assert_eq!(post("shifts", one).await.outcome(), (409, "already_exists".to_owned()));
    let absence =
        |from: &str, to: &str| json!({"employee_no": "7", "from": from, "to": to, "kind": "vacation"});
    let backwards = json!([absence("2026-03-05", "2026-03-04")]);
    assert_eq!(
        post("absences", backwards).await.fields(),
        [("/0/to".to_owned(), "ends_before_it_begins".to_owned())]
    );
    let good = json!([absence("2026-03-04", "2026-03-05"), absence("2026-04-01", "2026-04-01")]);
    assert_eq!(post("absences", good).await.expect_json()["created"], 2);
}
