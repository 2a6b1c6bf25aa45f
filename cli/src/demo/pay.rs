//! The demo's incentives: a team pool by area over two months, and an individual plan over one month in which a place has
//! too few visits, so that the sample rule acts. Staff and bands are samples; the scores are the City's.

use super::sample::{YEAR, enter_kpis, items, signed_in, text};
use crate::client::Client;
use domain::Problem;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt};

/// Two months of the pool plan.
const BIMESTER: (&str, &str) = ("2014-09-01", "2014-10-31");
/// Month of the individual plan.
const MONTH: (&str, &str) = ("2014-10-01", "2014-10-31");
/// Areas that are paid.
const AREAS: usize = 5;
/// Sample staff of an area: position, role factor.
const TEAM: [(&str, &str); 4] =
    [("gerente", "1.50"), ("ejecutivo", "1.00"), ("ejecutivo", "1.00"), ("medio tiempo", "0.75")];

/// What was paid.
#[derive(Debug, Default)]
pub(super) struct Paid {
    pool: Value,
    areas: usize,
    individual: Value,
    statements: Vec<Value>,
    place: String,
}

/// Calculates, approves and locks both runs, each step by the person who may.
pub(super) fn run(client: &Client) -> Result<Paid, Problem> {
    let manager = signed_in(client, "manager")?;
    let areas = busiest_areas(client)?;
    put_staff(&manager, &areas)?;
    let mut bands = Map::new();
    for area in &areas {
        bands.insert(area.region.clone(), "competente".into());
    }
    let ids: Vec<&str> = areas.iter().map(|it| it.region.as_str()).collect();
    if ids.is_empty() {
        // A cut of the data may have no visit in those months.
        return Ok(Paid::default());
    }
    let reason = "MUESTRA del demo: categoría supuesta / SAMPLE of the demo: supposed band";
    let unit = json!({ "kind": "region", "ids": ids, "bands": bands, "bands_reason": reason });
    let pool = locked_run(client, "sucursal-bolsa-equipo", BIMESTER, &unit)?;

    let Some(first) = areas.first() else { return Ok(Paid { pool, ..Paid::default() }) };
    let period = json!({ "from": MONTH.0, "to": MONTH.1 });
    enter_kpis(&manager, &first.branch, &period, &[("fcr", "0.7167", 240), ("csat", "0.88", 35)])?;
    let unit = json!({ "kind": "branch", "ids": [first.branch] });
    let individual = locked_run(client, "centro-contacto-individual", MONTH, &unit)?;
    let hr = signed_in(client, "hr")?;
    let statements: Value =
        hr.get(&format!("/api/v1/payout-runs/{}/statements", text(&individual, "/id")))?;
    let statements = items(&statements, "/items").to_vec();
    Ok(Paid { pool, areas: areas.len(), individual, statements, place: first.branch_name.clone() })
}

/// An area with the place in it that the sample staff work at.
#[derive(Debug)]
struct Area {
    region: String,
    branch: String,
    branch_code: String,
    branch_name: String,
    visits: u64,
}

/// The areas with the most visits in the pool's two months.
fn busiest_areas(client: &Client) -> Result<Vec<Area>, Problem> {
    let reviewer = signed_in(client, "reviewer")?;
    let manager = signed_in(client, "manager")?;
    let path = format!("/api/v1/scorecards/network?from={}&to={}", BIMESTER.0, BIMESTER.1);
    let network: Value = reviewer.get(&path)?;
    let visits: BTreeMap<String, u64> = items(&network, "/branches")
        .iter()
        .map(|it| (text(it, "/id"), it.pointer("/n").and_then(Value::as_u64).unwrap_or(0)))
        .collect();
    let mut areas: BTreeMap<String, Area> = BTreeMap::new();
    let mut after: Option<String> = None;
    loop {
        let from = after.map(|it| format!("&after={it}")).unwrap_or_default();
        let page: Value = manager.get(&format!("/api/v1/branches?limit=1000{from}"))?;
        for branch in items(&page, "/items") {
            let id = text(branch, "/id");
            let region = text(branch, "/region_id");
            let Some(count) = visits.get(&id).copied().filter(|_| !region.is_empty()) else { continue };
            let here = Area {
                region,
                branch: id,
                branch_code: text(branch, "/code"),
                branch_name: text(branch, "/name"),
                visits: count,
            };
            // Of an area's places the first code, since ids are new in every demo.
            match areas.get_mut(&here.region) {
                Some(area) if area.branch_code < here.branch_code => area.visits += count,
                Some(area) => *area = Area { visits: area.visits + count, ..here },
                None => drop(areas.insert(here.region.clone(), here)),
            }
        }
        after = page.pointer("/next").and_then(Value::as_str).map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    let mut areas: Vec<Area> = areas.into_values().collect();
    areas.sort_by(|one, other| {
        other.visits.cmp(&one.visits).then_with(|| one.branch_code.cmp(&other.branch_code))
    });
    areas.truncate(AREAS);
    Ok(areas)
}

fn put_staff(manager: &Client, areas: &[Area]) -> Result<(), Problem> {
    let mut staff = Vec::new();
    for (place, area) in (1..).zip(areas) {
        for (number, (position, factor)) in (1..).zip(TEAM) {
            staff.push(json!({
                "employee_no": format!("MUESTRA-{place}-{number}"),
                "name": format!("Persona de muestra {place}-{number}"),
                "position": position,
                "role_factor": factor,
                "branch_code": area.branch_code,
                "employed_from": YEAR.0,
            }));
        }
    }
    if staff.is_empty() {
        return Ok(());
    }
    let _: Value = manager.put("/api/v1/staff", &staff)?;
    Ok(())
}

/// A run from its creation by HR to its lock by finance.
fn locked_run(client: &Client, plan: &str, period: (&str, &str), unit: &Value) -> Result<Value, Problem> {
    let hr = signed_in(client, "hr")?;
    let body = json!({
        "plan": { "id": plan },
        "period": { "from": period.0, "to": period.1 },
        "unit": unit,
        "mode": "shadow",
    });
    let run: Value = hr.post("/api/v1/payout-runs", &body)?;
    let id = text(&run, "/id");
    let step = |who: &Client, step: &str| -> Result<Value, Problem> {
        Ok(who.post(&format!("/api/v1/payout-runs/{id}/{step}"), &json!({}))?)
    };
    step(&hr, "calculate")?;
    step(&hr, "submit")?;
    step(&signed_in(client, "hr-approver")?, "approve")?;
    step(&signed_in(client, "finance")?, "lock")?;
    Ok(hr.get(&format!("/api/v1/payout-runs/{id}"))?)
}

impl fmt::Display for Paid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.areas == 0 {
            return writeln!(
                f,
                "Pay        nothing: no area has a visit from {} to {}",
                BIMESTER.0, BIMESTER.1
            );
        }
        writeln!(
            f,
            "Pay        team pool of {} areas of 0.02 degrees, {} to {}: {} people, {} {} ({}, shadow mode; staff and band are samples)",
            self.areas,
            BIMESTER.0,
            BIMESTER.1,
            text(&self.pool, "/people"),
            text(&self.pool, "/payable"),
            text(&self.pool, "/currency"),
            text(&self.pool, "/state"),
        )?;
        writeln!(
            f,
            "           individual plan at {}, {} to {}: {} people, {} {}; what the sample rule did:",
            self.place,
            MONTH.0,
            MONTH.1,
            text(&self.individual, "/people"),
            text(&self.individual, "/payable"),
            text(&self.individual, "/currency"),
        )?;
        for statement in self.statements.iter().take(1) {
            for excluded in items(statement, "/calculation/excluded_components") {
                writeln!(f, "             {excluded}")?;
            }
            for line in items(statement, "/lines") {
                writeln!(f, "             {}: {}", text(line, "/component"), text(line, "/amount"))?;
            }
        }
        Ok(())
    }
}
