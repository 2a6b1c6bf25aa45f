//! What people of the demo do after the import, each with their own login over the API: approve, read scorecards, enter
//! sample KPIs, rate a branch. Everything that is not the City's data is called a sample.

use super::{
    office::{PASSWORD, SLUG},
    report::grouped,
};
use crate::{client::Client, office::Office};
use domain::Problem;
use serde_json::{Value, json};
use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fmt::{self, Write},
};

/// First day of the City's data.
const FROM: &str = "2011-09-01";
/// Last day of the City's data.
const TO: &str = "2014-12-31";
/// The year that a branch is rated over: the last one of the data.
pub(super) const YEAR: (&str, &str) = ("2014-01-01", "2014-12-31");
/// Visits approved by one request.
const VISITS_PER_REQUEST: usize = 500;

/// A client in the name of one of the demo's people.
pub(super) fn signed_in(client: &Client, login: &str) -> Result<Client, Problem> {
    Ok(Office::sign_in_with(client, SLUG, login, PASSWORD)?.client().clone())
}

/// A text of a JSON answer; empty where it is not there.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

pub(super) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What review came to.
#[derive(Debug, Default)]
pub(super) struct Reviewed {
    published: u64,
    refused: u64,
}

/// Approves and publishes every visit that waits for review and has nothing against it.
pub(super) fn approve_all(client: &Client) -> Result<Reviewed, Problem> {
    let client = signed_in(client, "reviewer")?;
    let mut reviewed = Reviewed::default();
    let mut after: Option<String> = None;
    loop {
        let from = after.map(|it| format!("&after={it}")).unwrap_or_default();
        let page: Value =
            client.get(&format!("/api/v1/visits?state=submitted&limit={VISITS_PER_REQUEST}{from}"))?;
        let ids: Vec<String> = items(&page, "/items").iter().map(|it| text(it, "/id")).collect();
        if !ids.is_empty() {
            let report: Value = client.post("/api/v1/visits/approve", &json!({ "visits": ids }))?;
            reviewed.published += report.pointer("/published").and_then(Value::as_u64).unwrap_or(0);
            reviewed.refused += report.pointer("/refused").and_then(Value::as_u64).unwrap_or(0);
        }
        after = page.pointer("/next").and_then(Value::as_str).map(str::to_owned);
        if after.is_none() {
            return Ok(reviewed);
        }
    }
}

impl fmt::Display for Reviewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (published, refused) = (grouped(self.published), grouped(self.refused));
        writeln!(f, "Review     {published} visits approved and published now, {refused} left to a person")
    }
}

/// The network's scorecard, with what later steps choose from it.
#[derive(Debug, Default)]
pub(super) struct Network {
    scorecard: Value,
}

/// Scorecards of the whole network over the whole data.
pub(super) fn scorecards(client: &Client) -> Result<Network, Problem> {
    let client = signed_in(client, "reviewer")?;
    Ok(Network { scorecard: client.get(&format!("/api/v1/scorecards/network?from={FROM}&to={TO}"))? })
}

impl Network {
    fn branches(&self) -> &[Value] {
        items(&self.scorecard, "/branches")
    }

    /// Branches with a rank, best first.
    fn ranked(&self) -> Vec<&Value> {
        self.branches().iter().filter(|it| it.pointer("/rank").is_some_and(Value::is_u64)).collect()
    }

    /// The branch with the most visits; of several the first code, since ids are new in every demo.
    fn busiest(&self) -> Option<&Value> {
        let key = |it: &Value| (Reverse(it.pointer("/n").and_then(Value::as_u64)), text(it, "/code"));
        self.branches().iter().min_by_key(|it| key(it))
    }
}

fn league_line(branch: &Value) -> String {
    let name: String = text(branch, "/name").chars().take(34).collect();
    let interval = match (text(branch, "/interval/0"), text(branch, "/interval/1")) {
        (low, high) if !low.is_empty() => format!("[{low}, {high}]"),
        _ => "una sola visita".to_owned(),
    };
    format!(
        "             {:>6}  {:34} n {:>2}  mean {:>6} {:22} shrunken {:>6}",
        text(branch, "/rank"),
        name,
        text(branch, "/n"),
        text(branch, "/index"),
        interval,
        text(branch, "/shrunken"),
    )
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let card = &self.scorecard;
        let bands: Vec<String> = items(card, "/bands")
            .iter()
            .map(|it| format!("{} {}", text(it, "/id"), text(it, "/visits")))
            .collect();
        writeln!(
            f,
            "Scores     index {} [{}, {}], n {}; bands: {}",
            text(card, "/index/value"),
            text(card, "/index/interval/0"),
            text(card, "/index/interval/1"),
            text(card, "/n"),
            bands.join(", ")
        )?;
        writeln!(
            f,
            "           {} places; variance within places {}, between {}, k {}",
            grouped(u64::try_from(self.branches().len()).unwrap_or(0)),
            text(card, "/shrinkage/within"),
            text(card, "/shrinkage/between"),
            text(card, "/shrinkage/k")
        )?;
        let ranked = self.ranked();
        writeln!(
            f,
            "           five best of {} places with enough visits for a rank:",
            grouped(u64::try_from(ranked.len()).unwrap_or(0))
        )?;
        for branch in ranked.iter().take(5) {
            writeln!(f, "{}", league_line(branch))?;
        }
        writeln!(f, "           five worst:")?;
        for branch in ranked.iter().rev().take(5) {
            writeln!(f, "{}", league_line(branch))?;
        }
        writeln!(f, "Severity   of the inspector groups (a diagnostic: never part of a score or of pay)")?;
        for group in items(card, "/severity") {
            writeln!(
                f,
                "             {:10} n {:>6}  mean {:>6}  with a critical failure {:>6} % [{}, {}]  against others in the same places {:>6}",
                text(group, "/name"),
                text(group, "/n"),
                text(group, "/mean"),
                text(group, "/critical_rate/value"),
                text(group, "/critical_rate/interval/0"),
                text(group, "/critical_rate/interval/1"),
                text(group, "/difference/value"),
            )?;
        }
        Ok(())
    }
}

/// A branch rated against the standard.
#[derive(Debug, Default)]
pub(super) struct Rated {
    name: String,
    assessment: Value,
}

/// Sample KPIs of the rated branch: metric, value, n, in the units of the standard's curves.
const SAMPLE_KPIS: [(&str, &str, u32); 8] = [
    ("service_level", "0.76", 1200),
    ("abandonment", "0.06", 1200),
    ("fcr", "0.73", 400),
    ("aht_dev", "0.18", 900),
    ("csat_t2b", "0.79", 180),
    ("nps", "22", 180),
    ("ces_t3b", "0.66", 180),
    ("complaints_per_1000", "2.6", 5000),
];

/// Sample ratings of the enablers, by hand: criterion, approach, deployment, improvement.
const SAMPLE_ENABLERS: [(&str, u32, u32, u32); 22] = [
    ("1.1", 75, 75, 50),
    ("1.2", 75, 50, 50),
    ("1.3", 50, 50, 50),
    ("1.4", 75, 75, 75),
    ("2.1", 50, 50, 50),
    ("2.2", 75, 75, 75),
    ("2.3", 75, 50, 25),
    ("2.4", 100, 75, 75),
    ("2.5", 50, 75, 50),
    ("3.1", 100, 75, 75),
    ("3.2", 75, 75, 50),
    ("3.3", 75, 75, 75),
    ("3.4", 50, 50, 25),
    ("3.5", 75, 75, 50),
    ("4.1", 75, 75, 75),
    ("4.2", 50, 50, 50),
    ("4.3", 100, 75, 75),
    ("4.4", 50, 50, 50),
    ("5.1", 75, 75, 75),
    ("5.2", 75, 50, 50),
    ("5.3", 75, 50, 50),
    ("5.4", 50, 50, 25),
];

/// Rates the place with the most visits against CEM-1000, over the whole data, with sample KPIs and enablers.
pub(super) fn rate(client: &Client, network: &Network) -> Result<Rated, Problem> {
    let Some(branch) = network.busiest() else { return Ok(Rated::default()) };
    let (id, name) = (text(branch, "/id"), text(branch, "/name"));
    let client = signed_in(client, "manager")?;
    let period = json!({ "from": FROM, "to": TO });
    enter_kpis(&client, &id, &period, &SAMPLE_KPIS)?;
    let mut criteria: Vec<Value> = SAMPLE_ENABLERS
        .iter()
        .map(|it| json!({ "id": it.0, "enfoque": it.1, "despliegue": it.2, "mejora": it.3 }))
        .collect();
    // The City's form asks nothing about truthful information or improper requests: both are samples too.
    criteria.push(json!({ "id": "9.1", "value": "0.94", "tendencia": 60, "cobertura": 100 }));
    criteria.push(json!({ "id": "9.2", "value": "0", "tendencia": 100, "cobertura": 100 }));
    let body = json!({ "standard": { "id": "cem-1000" }, "period": period, "criteria": criteria });
    let assessment = client.post(&format!("/api/v1/branches/{id}/assessments"), &body)?;
    Ok(Rated { name, assessment })
}

/// Enters observations of a branch, called samples in their definition and source.
pub(super) fn enter_kpis(
    client: &Client,
    branch: &str,
    period: &Value,
    kpis: &[(&str, &str, u32)],
) -> Result<(), Problem> {
    let observations: Vec<Value> = kpis
        .iter()
        .map(|(metric, value, n)| {
            json!({
                "scope": { "kind": "branch", "id": branch },
                "metric": metric,
                "definition": "MUESTRA del demo, no medida / SAMPLE of the demo, not measured",
                "period": period,
                "value": value,
                "n": n,
                "source": "demo (sample)",
            })
        })
        .collect();
    let _: Value = client.post("/api/v1/kpis", &json!({ "observations": observations }))?;
    Ok(())
}

impl fmt::Display for Rated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rating = self.assessment.pointer("/rating").unwrap_or(&Value::Null);
        writeln!(
            f,
            "Standard   {} against CEM-1000 (enablers, KPIs, 9.1 and 9.2 are samples; 6.x and 9.3 are the City's)",
            self.name
        )?;
        let sections: BTreeMap<String, String> = rating
            .pointer("/sections")
            .and_then(Value::as_object)
            .map(|it| {
                it.iter()
                    .map(|(id, it)| (id.clone(), format!("{}/{}", text(it, "/earned"), text(it, "/points"))))
                    .collect()
            })
            .unwrap_or_default();
        let mut line = String::new();
        for (id, points) in &sections {
            write!(line, "{id}: {points}  ")?;
        }
        writeln!(f, "             {}", line.trim_end())?;
        let gates: Vec<String> = items(rating, "/gates").iter().map(|it| text(it, "")).collect();
        writeln!(
            f,
            "             {} points before gates, {} after, band {}; gates that hold: {}",
            text(rating, "/total_before_gates"),
            text(rating, "/total"),
            text(rating, "/band"),
            if gates.is_empty() { "none".to_owned() } else { gates.join(", ") }
        )
    }
}
