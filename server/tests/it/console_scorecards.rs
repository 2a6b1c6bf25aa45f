//! Scorecards from the network down to the visit, and the standard assessment of a branch, as pages.

use crate::assessments::standard;
use crate::console::{csrf_of, html, page, send};
use crate::field::{CRITICAL, FAIR, Field, GOOD};
use db::content::ContentKind;
use domain::access::{Role, Scope};
use serde_json::json;
use server::testing::TestPerson;

const PERIOD: &str = "from=2026-10-01&to=2026-12-31";

async fn visited() -> Field {
    let field = Field::open().await;
    let made = [
        (field.north, "2026-08-05", &FAIR[..]),
        (field.north, "2026-10-05", &GOOD[..]),
        (field.north, "2026-11-05", &CRITICAL[..]),
        (field.north, "2026-11-10", &FAIR[..]),
        (field.south, "2026-11-06", &FAIR[..]),
    ];
    field.published(&made).await;
    field
}

async fn shown(field: &Field, address: &str, by: &TestPerson) -> String {
    let (status, text) = page(field, address, by).await;
    assert_eq!(status, 200, "{address}: {text}");
    assert!(text.len() < 60_000, "{address}: {} bytes", text.len());
    text
}

#[actix_web::test]
async fn the_network_leads_to_its_regions_their_branches_and_the_visits_behind_them() {
    let field = visited().await;
    let reviewer = field.office.person(Role::Reviewer);
    let text = shown(&field, &format!("/scorecards?lang=es&{PERIOD}"), &reviewer).await;
    let region = format!("/scorecards?region={}&#38;from=2026-10-01&#38;to=2026-12-31", field.region);
    assert!(text.contains(&region), "{text}");
    let behind = format!(
        "/visits?branch={}&#38;state=published,appealed,locked&#38;{}",
        field.north,
        PERIOD.replace('&', "&#38;")
    );
    assert!(text.contains(&behind), "{text}");
    assert!(text.contains("una sola visita"), "the south has one: {text}");
    let within =
        shown(&field, &format!("/scorecards?lang=es&region={}&{PERIOD}", field.region), &reviewer).await;
    assert!(within.contains("<h1>Region</h1>") && within.contains("Branch north"), "{within}");
    assert!(!within.contains("Branch south"), "{within}");
    // Whoever reads figures and no visits is led to the branch.
    let analyst = field.office.person(Role::Analyst);
    let text = shown(&field, &format!("/scorecards?lang=es&{PERIOD}"), &analyst).await;
    assert!(!text.contains("/visits?branch=") && text.contains("#visits"), "{text}");
}

#[actix_web::test]
async fn a_branch_shows_each_figure_with_its_sample_and_interval_and_its_trend_as_a_chart_with_a_table() {
    let field = visited().await;
    let reviewer = field.office.person(Role::Reviewer);
    let address = format!("/scorecards/{}?lang=es&{PERIOD}", field.north);
    let text = shown(&field, &address, &reviewer).await;
    for expected in [
        "<polyline",
        "2026-07-01 – 2026-09-30",
        "Las cifras de la gráfica",
        "Visitas de Acceso: 3",
        "/branches/visits/",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // Access: 2, 2 and 1 of 2 points, each visit 100, 100 and 50: 83.33 +- 4.302653 x 28.8675 / 1.7321.
    assert!(text.contains("11.62 – 100.00"), "{text}");
    let analyst = field.office.person(Role::Analyst);
    let text = shown(&field, &address, &analyst).await;
    assert!(!text.contains("/branches/visits/") && text.contains("2026-11-10"), "{text}");
}

#[actix_web::test]
async fn what_people_expect_at_a_touchpoint_stands_beside_what_was_lived() {
    let field = visited().await;
    let manager = field.office.person(Role::ProgrammeManager);
    let observed = |kind: &str, metric: &str, value: &str| {
        json!({"observations": [{
            "scope": if kind == "branch" { json!({"kind": kind, "id": field.north}) } else { json!({"kind": kind}) },
            "metric": metric, "definition": "d", "period": {"from": "2026-10-01", "to": "2026-12-31"},
            "value": value, "n": 40, "source": "encuesta",
        }]})
    };
    for body in [
        observed("organization", "expected_acceso", "70"),
        observed("branch", "expected_acceso", "90"),
        observed("organization", "expected_certeza", "80"),
    ] {
        field.office.post("/api/v1/kpis").by(&manager).json(&body).send().await.expect_json();
    }
    let text = shown(&field, &format!("/scorecards/{}?lang=es&{PERIOD}", field.north), &manager).await;
    assert!(
        text.contains("Brecha a lo esperado") && text.contains("6.67 (n 40)"),
        "the branch's own: {text}"
    );
    assert!(text.contains("-3.33 (n 40)"), "{text}");
}

#[actix_web::test]
async fn a_branch_is_assessed_with_a_form_and_its_gates_say_what_would_lift_them() {
    let field = visited().await;
    field.store_content(ContentKind::Standard, "small", &standard());
    let manager = field.office.person(Role::ProgrammeManager);
    let at = format!("/branches/{}/standard", field.north);
    let empty = shown(&field, &format!("{at}?lang=es"), &manager).await;
    assert!(empty.contains("Todavía no se ha evaluado"), "{empty}");
    let form = format!("{at}/new");
    let csrf = csrf_of(&field, &form, &manager).await;
    let missing = send(&field, &form, &manager, &csrf, "from=2026-10-01&to=2026-12-31&enfoque-1.1=75").await;
    assert_eq!(missing.status.as_u16(), 422);
    let text = html(&missing);
    assert!(
        text.contains("id=\"e-despliegue-1.1\"") && text.contains("<option value=\"75\" selected>"),
        "{text}"
    );
    assert!(text.contains("8.1"), "what no visit gives is named: {text}");
    let whole = format!("{PERIOD}&enfoque-1.1=75&despliegue-1.1=75&mejora-1.1=50&value-8.1=0.79");
    let stored = send(&field, &form, &manager, &csrf, &whole).await;
    assert_eq!(stored.status.as_u16(), 303, "{}", String::from_utf8_lossy(&stored.body));
    let text = shown(&field, &format!("{at}?lang=es&said=standard-assessed"), &manager).await;
    for expected in ["La evaluación quedó guardada", "Enfoque 75", "a mano", "visitas (n 3)"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let backwards = whole.replace("to=2026-12-31", "to=2026-01-01");
    let refused = send(&field, &form, &manager, &csrf, &backwards).await;
    assert!(html(&refused).contains("id=\"e-to\""), "{}", html(&refused));

    let scope = [(Role::BranchManager, Scope::Branch(field.north))];
    let own = field.office.person_of(field.office.org, &scope);
    assert!(shown(&field, &at, &own).await.contains("Enfoque 75"));
    assert_eq!(page(&field, &form, &own).await.0, 403);
    let foreign = format!("/branches/{}/standard", field.south);
    assert_eq!(page(&field, &foreign, &own).await.0, 403);
}
