//! Scorecards: the same figures as the rules give on the same visits, and who may see which.

use crate::databases::Database;
use crate::field::{CRITICAL, FAIR, Field, GOOD};
use domain::{
    Date, Exact,
    access::{Role, Scope},
    scorecard::{PeriodSpan, ScoredVisit, Settings, scorecards},
};
use serde_json::json;
use std::collections::BTreeMap;

crate::on_both![figures_are_those_of_the_rules_on_the_same_visits,];

const PERIOD: &str = "from=2026-10-01&to=2026-12-31";

fn visit(id: String, branch: String, day: &str, score: &str, has_critical: bool) -> ScoredVisit {
    ScoredVisit {
        id,
        branch,
        auditor: None,
        date: Date::parse(day).unwrap(),
        channel: "small".to_owned(),
        score: Exact::parse(score).unwrap(),
        sections: BTreeMap::new(),
        touchpoints: BTreeMap::new(),
        pillars: BTreeMap::new(),
        has_critical,
        has_complete_evidence: true,
    }
}

async fn figures_are_those_of_the_rules_on_the_same_visits(database: Database) {
    let field = Field::over(database).await;
    let reviewer = field.office.person(Role::Reviewer);
    let ids = field
        .published(&[
            (field.north, "2026-10-05", &GOOD),
            (field.north, "2026-11-05", &FAIR),
            (field.south, "2026-11-06", &CRITICAL),
            (field.south, "2026-07-01", &GOOD),
        ])
        .await;
    let (north, south) = (field.north.to_string(), field.south.to_string());
    let visits = [
        visit(ids[0].to_string(), north.clone(), "2026-10-05", "100", false),
        visit(ids[1].to_string(), north.clone(), "2026-11-05", "75", false),
        visit(ids[2].to_string(), south, "2026-11-06", "39.99", true),
    ];
    let span = PeriodSpan {
        id: "2026-10-01/2026-12-31".to_owned(),
        from: Date::parse("2026-10-01").unwrap(),
        to: Date::parse("2026-12-31").unwrap(),
    };
    let expected = scorecards(&visits, &Settings::over(span));
    let address = format!("/api/v1/scorecards/network?{PERIOD}");
    let network = field.office.get(&address).by(&reviewer).send().await.expect_json();
    assert_eq!(network["n"], 3);
    assert_eq!(network["index"], serde_json::to_value(&expected.network.index).unwrap());
    assert_eq!(network["critical_rate"], serde_json::to_value(&expected.network.critical_rate).unwrap());
    let bands: Vec<(String, u64)> = network["bands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["id"].as_str().unwrap().to_owned(), it["visits"].as_u64().unwrap()))
        .collect();
    assert_eq!(bands, [("low".to_owned(), 1), ("high".to_owned(), 2)]);
    assert_eq!(network["severity"][0]["n"], 3);
    for (row, standing) in network["branches"].as_array().unwrap().iter().zip(&expected.standings) {
        assert_eq!((&row["id"], &row["shrunken"]), (&json!(standing.branch), &json!(standing.shrunken)));
    }
    let address = format!("/api/v1/branches/{north}/scorecard?{PERIOD}");
    let card = field.office.get(&address).by(&reviewer).send().await.expect_json();
    assert_eq!(card["card"]["index"]["value"], "87.50");
    assert_eq!(card["card"]["index"]["gap"]["gap"], "2.50");
    // 3 of 4 and 4 of 4 points: pooled, not averaged.
    assert_eq!(card["card"]["touchpoints"][0]["id"], "acceso");
    assert_eq!(card["card"]["touchpoints"][0]["value"], "75.00");
    assert_eq!(card["visits"].as_array().unwrap().len(), 2);
    assert_eq!(card["titles"]["small/A"]["es"], "Acceso");
}

#[actix_web::test]
async fn a_single_visit_has_no_interval_and_says_so() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    field.published(&[(field.north, "2026-11-05", &FAIR)]).await;
    let address = format!("/api/v1/branches/{}/scorecard?{PERIOD}", field.north);
    let card = field.office.get(&address).by(&reviewer).send().await.expect_json();
    assert_eq!(
        (&card["card"]["index"]["single_visit"], &card["card"]["index"]["interval"]),
        (&json!(true), &json!(null))
    );
}

#[actix_web::test]
async fn scorecards_are_narrowed_to_the_scope_and_severity_to_who_may_see_auditors() {
    let field = Field::open().await;
    field.published(&[(field.north, "2026-11-05", &GOOD), (field.south, "2026-11-05", &FAIR)]).await;
    let org = field.office.org;
    let manager = field.office.person_of(org, &[(Role::BranchManager, Scope::Branch(field.north))]);
    let address = format!("/api/v1/scorecards/network?{PERIOD}");
    let network = field.office.get(&address).by(&manager).send().await.expect_json();
    assert_eq!((network["branches"].as_array().unwrap().len(), &network["severity"]), (1, &json!(null)));
    let elsewhere = format!("/api/v1/branches/{}/scorecard?{PERIOD}", field.south);
    let refused = field.office.get(&elsewhere).by(&manager).send().await;
    assert_eq!(refused.outcome(), (403, "forbidden".to_owned()));
    let auditor = field.office.get(&address).by(&field.auditor).send().await;
    assert_eq!(auditor.outcome(), (403, "forbidden".to_owned()));
    let other = field.office.other_organization("other");
    let stranger = field.office.person_of(other, &[(Role::Reviewer, Scope::Organization)]);
    let nowhere = format!("/api/v1/branches/{}/scorecard?{PERIOD}", field.north);
    assert_eq!(
        field.office.get(&nowhere).by(&stranger).send().await.outcome(),
        (404, "not_found".to_owned())
    );
}

#[actix_web::test]
async fn days_that_are_none_are_refused_where_they_stand() {
    let field = Field::open().await;
    let reviewer = field.office.person(Role::Reviewer);
    for (query, place, code) in [
        ("from=2026-02-30&to=2026-03-01", "/from", "not_a_date"),
        ("from=2026-03-02&to=2026-03-01", "/to", "period_reversed"),
    ] {
        let answer =
            field.office.get(&format!("/api/v1/scorecards/network?{query}")).by(&reviewer).send().await;
        assert_eq!(answer.fields(), [(place.to_owned(), code.to_owned())]);
    }
}
