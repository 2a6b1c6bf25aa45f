//! What a page costs the database: as many statements for much as for little.

use crate::console::{html, page};
use crate::field::{FAIR, Field, GOOD};
use domain::access::{Role, Scope};
use domain::ids::BranchId;
use server::testing::TestPerson;

/// The most statements that any page takes.
const MOST: u64 = 30;

/// Branches with a few published visits each, people, and appeals.
async fn grow(field: &Field, from: u32, to: u32) -> Vec<BranchId> {
    let mut branches = Vec::new();
    for number in from..to {
        let id = BranchId(field.office.app.environment.new_id());
        let branch = db::reference::Branch {
            branch_id: id,
            region_id: Some(field.region),
            code: format!("c{number}"),
            name: format!("Branch {number}"),
            latitude_e7: None,
            longitude_e7: None,
            zone: "America/Mexico_City".to_owned(),
            target_hundredths: None,
            active: true,
        };
        field.write(move |tx, org| db::reference::upsert_branches(tx, org, std::slice::from_ref(&branch)));
        field.office.person_of(field.office.org, &[(Role::BranchManager, Scope::Branch(id))]);
        branches.push(id);
    }
    let days = ["2026-08-03", "2026-08-12"];
    let both = branches.iter().flat_map(|it| days.map(|day| (*it, day, &FAIR[..])));
    let more = [(field.north, "2026-08-04", &GOOD[..]), (field.north, "2026-08-05", &FAIR[..])];
    field.published(&both.chain(more).collect::<Vec<_>>()).await;
    branches
}

async fn costs(field: &Field, address: &str, by: &TestPerson) -> u64 {
    // The first time fills what is kept in memory.
    assert_eq!(page(field, address, by).await.0, 200, "{address}");
    field.office.app.db.statements_read();
    let cookie = format!("veedor_session={}", by.token);
    let answer = field.office.get(address).header("Cookie", &cookie).send().await;
    let cost = field.office.app.db.statements_read();
    // What a phone on a bad line is to read in a moment.
    assert!(html(&answer).len() < 60_000, "{address} is long");
    cost
}

#[actix_web::test]
async fn every_page_of_a_list_costs_the_same_for_twenty_as_for_three() {
    let field = Field::open().await;
    let person = |role| field.office.person(role);
    let manager =
        field.office.person_of(field.office.org, &[(Role::BranchManager, Scope::Region(field.region))]);
    let (admin, reviewer, analyst) = (person(Role::Admin), person(Role::Reviewer), person(Role::Analyst));
    let north = field.north;
    let period = "from=2026-07-01&to=2026-09-30";
    let pages = [
        ("/".to_owned(), &reviewer),
        ("/people".to_owned(), &admin),
        ("/imports".to_owned(), &admin),
        (format!("/scorecards?{period}"), &analyst),
        (format!("/scorecards/{north}?{period}"), &analyst),
        (format!("/branches/mine?{period}"), &manager),
        (format!("/branches/{north}/poster?{period}"), &manager),
        ("/appeals".to_owned(), &reviewer),
        ("/visits?state=published".to_owned(), &reviewer),
    ];
    grow(&field, 0, 3).await;
    let mut few = Vec::new();
    for (address, by) in &pages {
        few.push(costs(&field, address, by).await);
    }
    grow(&field, 3, 20).await;
    let mut wrong = Vec::new();
    for ((address, by), few) in pages.iter().zip(few) {
        let many = costs(&field, address, by).await;
        if many > few || many > MOST {
            wrong.push(format!("{address}: {few} statements, then {many}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
