//! The pages of a branch: its figures, why its visits lost points, and its poster; never who visited, never what is not published.

use crate::console::page;
use crate::field::{CRITICAL, FAIR, Field, GOOD};
use domain::access::{Role, Scope};
use domain::ids::AuditId;
use server::testing::TestPerson;

const PERIOD: &str = "from=2026-10-01&to=2026-12-31";

struct World {
    field: Field,
    manager: TestPerson,
    fair: AuditId,
    critical: AuditId,
    foreign: AuditId,
    unpublished: AuditId,
}

impl World {
    async fn open() -> Self {
        let field = Field::open().await;
        let made = [
            (field.north, "2026-10-05", &GOOD[..]),
            (field.north, "2026-11-05", &CRITICAL[..]),
            (field.north, "2026-11-10", &FAIR[..]),
            (field.south, "2026-11-06", &FAIR[..]),
        ];
        let ids = field.published(&made).await;
        let unpublished = field.submitted(field.north, "2026-11-20", &GOOD);
        let scope = [(Role::BranchManager, Scope::Branch(field.north))];
        let manager = field.office.person_of(field.office.org, &scope);
        Self { manager, critical: ids[1], fair: ids[2], foreign: ids[3], unpublished, field }
    }

    async fn page(&self, address: &str) -> (u16, String) {
        page(&self.field, address, &self.manager).await
    }

    /// A page without a word about who visited or what is not published.
    async fn shown(&self, address: &str) -> String {
        let (status, text) = self.page(address).await;
        assert_eq!(status, 200, "{address}: {text}");
        let auditor = &self.field.auditor;
        for secret in [auditor.id.to_string(), auditor.login.clone(), self.unpublished.to_string()] {
            assert!(!text.contains(&secret), "{address} tells {secret}");
        }
        assert!(text.len() < 60_000, "{address}: {} bytes", text.len());
        text
    }
}

#[actix_web::test]
async fn a_manager_finds_the_own_branch_its_visits_and_why_the_newest_lost_points() {
    let world = World::open().await;
    let text = world.shown(&format!("/branches/mine?lang=es&{PERIOD}")).await;
    for expected in ["Branch north", "71.66", "3 visitas", "intervalo 95 %", "1 visita con falla crítica"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(text.contains(&format!("href=\"/branches/visits/{}\"", world.fair)), "{text}");
    assert!(text.contains("−25.00") && !text.contains("Branch south"), "{text}");
    let (_, home) = world.page("/").await;
    assert!(home.contains("href=\"/branches/mine\""), "two clicks from home: {home}");
    let reviewer = world.field.office.person(Role::Reviewer);
    assert_eq!(page(&world.field, "/branches/mine", &reviewer).await.0, 403);
}

#[actix_web::test]
async fn a_branch_with_one_visit_is_told_that_it_is_one() {
    let field = Field::open().await;
    field.published(&[(field.north, "2026-11-05", &FAIR)]).await;
    let scope = [(Role::BranchManager, Scope::Branch(field.north))];
    let manager = field.office.person_of(field.office.org, &scope);
    let (_, text) = page(&field, &format!("/branches/mine?lang=es&{PERIOD}"), &manager).await;
    assert!(text.contains("una sola visita") && !text.contains("intervalo 95"), "{text}");
    let (_, empty) = page(&field, "/branches/mine?lang=es&from=2025-01-01&to=2025-01-31", &manager).await;
    assert!(empty.contains("No hay visitas publicadas"), "{empty}");
}

#[actix_web::test]
async fn a_visit_says_what_each_item_cost_and_until_when_it_may_be_appealed() {
    let world = World::open().await;
    let fair = world.shown(&format!("/branches/visits/{}?lang=es", world.fair)).await;
    for expected in
        ["75.00", "−25.00", "Se encontró: No · Se esperaba: Sí", "hasta el 2026-11-28", "/appeal\"", "Acceso"]
    {
        assert!(fair.contains(expected), "{expected}: {fair}");
    }
    let critical = world.shown(&format!("/branches/visits/{}?lang=es", world.critical)).await;
    for expected in ["39.99", "falla crítica", "quitó 35.01 puntos más"] {
        assert!(critical.contains(expected), "{expected}: {critical}");
    }
    for (visit, expected) in [(world.unpublished, 404), (world.foreign, 404)] {
        for address in [format!("/branches/visits/{visit}"), format!("/branches/visits/{visit}/appeal")] {
            assert_eq!(world.page(&address).await.0, expected, "{address}");
        }
    }
}

#[actix_web::test]
async fn after_the_window_a_visit_says_that_it_is_closed_and_offers_no_appeal() {
    let world = World::open().await;
    world.field.office.clock.advance_seconds(9 * 86_400);
    let scope = [(Role::BranchManager, Scope::Branch(world.field.north))];
    let manager = world.field.office.person_of(world.field.office.org, &scope);
    let (_, text) = page(&world.field, &format!("/branches/visits/{}?lang=es", world.fair), &manager).await;
    assert!(text.contains("El plazo para apelar terminó el 2026-11-28."), "{text}");
    assert!(!text.contains("/appeal\""), "{text}");
}

#[actix_web::test]
async fn a_poster_tells_the_score_what_got_better_and_what_comes_next_and_no_visit() {
    let world = World::open().await;
    let address = format!("/branches/{}/poster?lang=es&from=2026-11-01&to=2026-11-30", world.field.north);
    let text = world.shown(&address).await;
    for expected in ["Branch north", "57.50", "intervalo 95 %", "E01", "A02", "Lo que se espera: Sí"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for hidden in [world.fair.to_string(), world.critical.to_string(), "2026-11-05".to_owned()] {
        assert!(!text.contains(&hidden), "{hidden}: {text}");
    }
    let better = world.shown(&format!("/branches/{}/poster?lang=es&{PERIOD}", world.field.north)).await;
    assert!(better.contains("Todavía no hay un periodo anterior"), "{better}");
    let foreign = format!("/branches/{}/poster", world.field.south);
    assert_eq!(world.page(&foreign).await.0, 403);
}
