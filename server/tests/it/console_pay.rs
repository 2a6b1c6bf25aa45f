//! Incentives as pages: from a new run to its lock by two persons, exceptions first, statements in words, the lines for payroll; and
//! nothing of it for anybody else.

use crate::appeals_paid::{NEXT, world as one_person};
use crate::console::html;
use crate::databases::Database;
use crate::payouts::{BIMESTER, QUARTER, World, team};
use crate::second_factor::{next_code, set_up};
use db::observations::KpiScope;
use domain::access::{Role, Scope};
use domain::ids::RegionId;
use domain::lifecycle::State;
use server::SecondFactor;
use server::testing::{Answer, TestOffice, TestPerson};
use uuid::Uuid;

const PLAN: &str = "sucursal-individual";
const LIVE: &str = "plan=sucursal-individual%401&period%2Ffrom=2026-04-01&period%2Fto=2026-06-30&unit%2Fkind=branch&unit%2Fids=001&mode=live";

async fn get(world: &World, by: &TestPerson, address: &str) -> Answer {
    world.office.get(address).header("Cookie", &format!("veedor_session={}", by.token)).send().await
}

pub(crate) async fn read(world: &World, by: &TestPerson, address: &str) -> String {
    let answer = get(world, by, address).await;
    let text = html(&answer);
    assert_eq!(answer.status.as_u16(), 200, "{address}: {text}");
    let headings: Vec<u8> =
        text.split("<h").skip(1).map(|it| it.as_bytes()[0]).filter(u8::is_ascii_digit).collect();
    assert_eq!(headings.first(), Some(&b'1'), "{address}: {headings:?}");
    assert!(headings.windows(2).all(|it| it[1] <= it[0] + 1 && it[1] != b'1'), "{address}: {headings:?}");
    assert_eq!(text.matches("<table").count(), text.matches("<caption").count(), "{address}: {text}");
    text
}

async fn send(world: &World, by: &TestPerson, address: &str, fields: &str) -> Answer {
    let account = String::from_utf8(get(world, by, "/account").await.body.to_vec()).unwrap();
    let csrf = account.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let call = world.office.post(address).header("Cookie", &format!("veedor_session={}", by.token));
    let call = call.header("Content-Type", "application/x-www-form-urlencoded");
    call.body(format!("csrf={csrf}&{fields}")).send().await
}

fn place(answer: &Answer) -> String {
    assert_eq!(answer.status.as_u16(), 303, "{}", String::from_utf8_lossy(&answer.body));
    answer.headers.get("location").unwrap().to_str().unwrap().split('?').next().unwrap().to_owned()
}

fn with_both_roles(world: &World) -> TestPerson {
    let both = &[(Role::HrAnalyst, Scope::Organization), (Role::HrApprover, Scope::Organization)];
    world.office.person_of(world.office.org, both)
}

#[actix_web::test]
async fn a_run_goes_its_way_by_forms_and_another_person_approves_and_locks_it() {
    let world = World::open().await;
    world.quarter();
    let (analyst, approver) = (&world.analyst, &world.approver);
    let empty = read(&world, analyst, "/pay?lang=es").await;
    assert!(empty.contains("Todavía no hay cálculos") && empty.contains("href=\"/pay/new\""), "{empty}");
    let none = read(&world, approver, "/pay?lang=es").await;
    assert!(!none.contains("href=\"/pay/new\""), "who only approves makes no run: {none}");
    let form = read(&world, analyst, "/pay/new?lang=es").await;
    assert!(form.contains("value=\"sucursal-individual@1\""), "{form}");
    assert!(form.contains("value=\"shadow\" checked") && !form.contains("value=\"live\" checked"), "{form}");

    let run = place(&send(&world, analyst, "/pay/new", LIVE).await);
    let draft = read(&world, analyst, &format!("{run}?lang=es&said=pay-created")).await;
    assert!(draft.contains("Todavía no se calcula") && draft.contains("001 Sucursal 001"), "{draft}");
    assert_eq!(place(&send(&world, analyst, &format!("{run}/calculate"), "").await), run);
    let calculated = read(&world, analyst, &format!("{run}?lang=es")).await;
    for expected in ["15\u{202f}283.30 MXN", "4609.15 MXN", "6065.00 MXN", "Persona E02", "/people/E03\""] {
        assert!(calculated.contains(expected), "{expected}: {calculated}");
    }
    assert!(calculated.contains(&format!("action=\"{run}/submit\"")), "{calculated}");
    assert!(!calculated.contains("/approve\""), "{calculated}");
    place(&send(&world, analyst, &format!("{run}/submit"), "").await);
    let waiting = read(&world, approver, &format!("{run}?lang=en")).await;
    assert!(waiting.contains(&format!("action=\"{run}/approve\"")), "{waiting}");
    assert!(waiting.contains("15,283.30 MXN") && !waiting.contains("/lock\""), "{waiting}");
    place(&send(&world, approver, &format!("{run}/approve"), "").await);
    place(&send(&world, approver, &format!("{run}/lock"), "").await);
    let locked = read(&world, approver, &format!("{run}?lang=es")).await;
    assert!(locked.contains("<b>cerrado</b>"), "{locked}");
    assert!(!locked.contains("method=\"post\" action=\"/pay"), "{locked}");
    let deeds = ["creó el cálculo", "calculó", "envió a aprobación", "aprobó", "cerró"];
    let places: Vec<usize> = deeds.iter().map(|it| locked.find(&format!("<p>{it}")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");

    let second = place(&send(&world, analyst, "/pay/new", &LIVE.replace("mode=live", "mode=shadow")).await);
    let list = read(&world, approver, "/pay?lang=es").await;
    assert!(list.find(&second).unwrap() < list.find(&run).unwrap(), "the newest first: {list}");
    assert!(list.contains("Test hr_analyst") && list.contains("Test hr_approver"), "{list}");
    assert!(
        list.contains("15\u{202f}283.30 MXN") && list.contains("prueba") && list.contains("real"),
        "{list}"
    );
}

#[actix_web::test]
async fn a_new_run_with_mistakes_keeps_what_was_typed_and_names_each_field() {
    let world = World::open().await;
    let wrong = LIVE.replace("2026-06-30", "2026-03-01");
    let refused = send(&world, &world.analyst, "/pay/new", &wrong).await;
    let text = html(&refused);
    assert_eq!(refused.status.as_u16(), 422);
    assert!(text.contains("id=\"e-period-to\"") && text.contains("value=\"2026-03-01\""), "{text}");
    assert!(text.contains("value=\"live\" checked") && text.contains("value=\"001\""), "{text}");
    let cases = [
        (LIVE.replace("=001", "=%3Cb%3E9"), "e-unit-ids"),
        (LIVE.replace("=branch", "=organization"), "e-unit-ids"),
        (LIVE.replace("=001", "="), "e-unit-ids"),
        (LIVE.replace("%401", "%407"), "e-plan"),
        (LIVE.replace("2026-06-30", "2026-05-31"), "e-period"),
        (LIVE.replace("2026-06-30", ""), "e-period-to"),
    ];
    for (fields, id) in cases {
        let refused = send(&world, &world.analyst, "/pay/new?lang=es", &fields).await;
        let text = html(&refused);
        assert_eq!(refused.status.as_u16(), 422, "{fields}");
        let is_whole = id == "e-period" && text.contains("meses completos");
        assert!(text.contains(&format!("id=\"{id}\"")) || is_whole, "{id}: {text}");
        assert!(!text.contains("<b>9"), "{text}");
    }
    assert!(read(&world, &world.analyst, "/pay?lang=es").await.contains("Todavía no hay cálculos"));
}

#[actix_web::test]
async fn what_is_missing_for_a_calculation_is_told_on_the_page_and_a_way_back_asks_for_a_reason() {
    let world = World::open().await;
    let run = place(&send(&world, &world.analyst, "/pay/new", LIVE).await);
    world.staff("E01", "2020-01-01", None);
    let refused = send(&world, &world.analyst, &format!("{run}/calculate?lang=es"), "").await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(html(&refused).contains("csat") && html(&refused).contains("/calculate\""), "{}", html(&refused));
    let world = World::open().await;
    world.quarter();
    let run = place(&send(&world, &world.analyst, "/pay/new", LIVE).await);
    place(&send(&world, &world.analyst, &format!("{run}/calculate"), "").await);
    let silent = send(&world, &world.approver, &format!("{run}/back-to-draft?lang=es"), "reason=+").await;
    assert_eq!(silent.status.as_u16(), 422);
    assert!(html(&silent).contains("id=\"e-reason\""), "{}", html(&silent));
    let fields = "reason=%3Cscript%3Efaltaba+una+visita";
    place(&send(&world, &world.approver, &format!("{run}/back-to-draft"), fields).await);
    let draft = read(&world, &world.analyst, &format!("{run}?lang=es")).await;
    assert!(draft.contains("devolvió a borrador: &#60;script&#62;faltaba una visita"), "{draft}");
}

#[actix_web::test]
async fn who_calculated_is_not_offered_approval_and_refused_when_sending_it() {
    let world = World::open().await;
    world.quarter();
    let one = with_both_roles(&world);
    let run = place(&send(&world, &one, "/pay/new", LIVE).await);
    place(&send(&world, &one, &format!("{run}/calculate"), "").await);
    place(&send(&world, &one, &format!("{run}/submit"), "").await);
    let text = read(&world, &one, &format!("{run}?lang=es")).await;
    assert!(!text.contains("/approve\"") && text.contains("aprueba y cierra otra persona"), "{text}");
    let refused = send(&world, &one, &format!("{run}/approve?lang=es"), "").await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(html(&refused).contains("no puede aprobar ni cerrar"), "{}", html(&refused));
    let other = with_both_roles(&world);
    let text = read(&world, &other, &format!("{run}?lang=es")).await;
    assert!(text.contains("/approve\"") && !text.contains("aprueba y cierra otra persona"), "{text}");
}

#[actix_web::test]
async fn approving_asks_for_a_code_of_the_last_five_minutes_and_the_form_comes_back_with_its_field() {
    let office = TestOffice::open().await.with(|it| it.second_factor = SecondFactor::Demanded).await;
    let world = World::of(office);
    world.quarter();
    set_up(&world.office, &world.analyst).await;
    let (secret, _) = set_up(&world.office, &world.approver).await;
    let run = place(&send(&world, &world.analyst, "/pay/new", LIVE).await);
    place(&send(&world, &world.analyst, &format!("{run}/calculate"), "").await);
    place(&send(&world, &world.analyst, &format!("{run}/submit"), "").await);
    world.office.clock.advance_seconds(301);
    let approve = format!("{run}/approve");
    let asked = send(&world, &world.approver, &approve, "").await;
    let text = html(&asked);
    assert_eq!(asked.status.as_u16(), 403);
    assert!(text.contains("name=\"proof\"") && text.contains(&format!("action=\"{approve}\"")), "{text}");
    let wrong = send(&world, &world.approver, &approve, "proof=000000").await;
    assert_eq!(wrong.status.as_u16(), 422);
    assert!(read(&world, &world.approver, &format!("{run}?lang=es")).await.contains("<b>en aprobación</b>"));
    let code = next_code(&world.office, &secret);
    place(&send(&world, &world.approver, &approve, &format!("proof={code}")).await);
    assert!(read(&world, &world.approver, &format!("{run}?lang=es")).await.contains("<b>aprobado</b>"));
}

pub(crate) async fn calculated(world: &World, plan: &str, period: (&str, &str)) -> String {
    let run = world.draft(&world.body(plan, period.0, period.1)).await;
    world.step(&world.analyst, &run, "calculate").await.expect_json();
    format!("/pay/{run}")
}

/// Fails where a step is told by its key or its formula rather than in words.
fn in_words(text: &str) {
    let raw = [
        "pay-",
        "payout_pct",
        "per_head",
        "once per line",
        "mean of visits",
        "sum of the lines",
        "never below 0",
    ];
    // Links to visits and runs, and the name of the file.
    let body = text.split("<main").nth(1).unwrap();
    assert!(raw.iter().all(|it| !body.contains(it)), "{body}");
}

#[actix_web::test]
async fn a_statement_tells_every_step_in_words_with_its_figures_and_the_visits_behind_it() {
    let world = World::open().await;
    world.quarter();
    let run = calculated(&world, PLAN, QUARTER).await;
    let es = read(&world, &world.analyst, &format!("{run}/people/E01?lang=es")).await;
    let steps = [
        "Promedio de las visitas (88.8, 88): 88.4; con dos decimales, 88.4",
        "resultado 88.4 ÷ meta 85 × 100 = 104 %",
        "104 queda entre dos puntos; 100 + (104 - 100) × 2.5 = 110 %",
        "Meta 6000 × peso 0.4 × 110 % = 2640",
        "2640 × 71/91 (≈ 0.780220) = 187440/91 (≈ 2059.780220)",
        "2059.78 MXN",
        "Suma de las líneas: 4609.15",
        "<strong>4609.15 MXN</strong>",
        "2026-04-15",
        "88.80",
        "Nombre y firma",
    ];
    for expected in steps {
        assert!(es.contains(expected), "{expected}: {es}");
    }
    let en = read(&world, &world.analyst, &format!("{run}/people/E01?lang=en")).await;
    assert!(
        en.contains("Target 6000 × weight 0.4 × 110 % = 2640") && en.contains("Mean of the visits"),
        "{en}"
    );
    in_words(&es);
    in_words(&en);
    assert!(!en.contains("Promedio") && !es.contains("Mean of"));
    // Who reads visits goes on to them; pay alone does not open them, and the auditor is named to nobody.
    assert!(!es.contains("href=\"/visits/"), "{es}");
    let roles = &[(Role::HrAnalyst, Scope::Organization), (Role::Reviewer, Scope::Organization)];
    let reviewer = world.office.person_of(world.office.org, roles);
    let linked = read(&world, &reviewer, &format!("{run}/people/E01?lang=es")).await;
    assert!(linked.contains("href=\"/visits/"), "{linked}");
    let elsewhere = &[
        (Role::HrAnalyst, Scope::Organization),
        (Role::Reviewer, Scope::Region(RegionId(Uuid::from_u128(9)))),
    ];
    let near = world.office.person_of(world.office.org, elsewhere);
    let unlinked = read(&world, &near, &format!("{run}/people/E01?lang=es")).await;
    assert!(!unlinked.contains("href=\"/visits/"), "{unlinked}");
    for text in [&es, &linked] {
        assert!(!text.contains(&world.auditor.to_string()) && !text.contains("secret-illness"), "{text}");
    }
    assert_eq!(get(&world, &world.analyst, &format!("{run}/people/E99")).await.status.as_u16(), 404);
}

#[actix_web::test]
async fn the_statements_of_a_pool_and_of_a_small_sample_are_in_words_too() {
    let world = World::open().await;
    team(&world);
    world.assessed("excelencia", ("2026-01-01", "2026-03-31"));
    let run = calculated(&world, "sucursal-bolsa-equipo", BIMESTER).await;
    for lang in ["es", "en"] {
        in_words(&read(&world, &world.analyst, &format!("{run}/people/E02?lang={lang}")).await);
    }
    let text = read(&world, &world.analyst, &format!("{run}/people/E02?lang=es")).await;
    for expected in ["Parte de la bolsa del equipo", "3164.41 MXN", "300.00 MXN", "97.30", "16\u{202f}250"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let world = World::open().await;
    let month = ("2026-04-01", "2026-04-30");
    world.staff("E01", "2020-01-01", None);
    for date in ["2026-04-02", "2026-04-09", "2026-04-16", "2026-04-23"] {
        world.visit(date, 7_600, 1, State::Approved);
    }
    world.kpi("fcr", KpiScope::Branch(world.branch), month, "0.75", Some(240));
    let run = calculated(&world, "centro-contacto-individual", month).await;
    for lang in ["es", "en"] {
        in_words(&read(&world, &world.analyst, &format!("{run}/people/E01?lang={lang}")).await);
    }
    let text = read(&world, &world.analyst, &format!("{run}/people/E01?lang=es")).await;
    assert!(text.contains("pasó a los demás componentes") && text.contains("Desacelerador"), "{text}");
}

#[actix_web::test]
async fn exceptions_come_first_and_what_was_decided_later_is_an_adjustment_with_its_reason() {
    let world = one_person(Database::Sqlite).await;
    let (appeal, visit) = world.locked_with_a_dispute().await;
    let list = read(&world, &world.approver, "/pay?lang=es").await;
    let first = list.split("<th scope=\"row\"><a href=\"").nth(1).unwrap().split('"').next().unwrap();
    let text = read(&world, &world.approver, &format!("{first}?lang=es")).await;
    assert!(text.find("retenido hasta que").unwrap() < text.find("<h2>Totales").unwrap(), "{text}");
    assert!(text.contains("Una persona tiene algo que revisar"), "{text}");
    let held = read(&world, &world.approver, &format!("{first}/people/E01?lang=es")).await;
    assert!(held.contains("Retenido: 352.94") && held.contains("2026-07-08"), "{held}");
    assert!(held.contains("en aclaración</span>") || held.contains("Sin ellas"), "{held}");
    in_words(&held);
    world.decided(appeal, visit, None);
    let next = calculated(&world, PLAN, NEXT).await;
    let text = read(&world, &world.approver, &format!("{next}/people/E01?lang=es")).await;
    assert!(
        text.contains("Ajuste de un periodo anterior") && text.contains("Corrige el periodo 2026-04"),
        "{text}"
    );
    assert!(text.contains("352.94 MXN") && text.contains(&format!("<a href=\"{first}\">")), "{text}");
    in_words(&text);
}

#[actix_web::test]
async fn names_are_shown_as_they_are_written_and_never_run() {
    let world = World::open().await;
    world.quarter();
    let bad = "=1+1/<script>alert(1)</script>";
    let id = world.staff(bad, "2020-01-01", None);
    world.kpi("calidad", KpiScope::Staff(id), QUARTER, "85", None);
    let run = calculated(&world, PLAN, QUARTER).await;
    let text = read(&world, &world.analyst, &format!("{run}?lang=es")).await;
    assert!(text.contains("&#60;script&#62;alert(1)") && !text.contains("<script>alert"), "{text}");
    let statement =
        text.split("href=\"").find(|it| it.contains("%3Cscript")).unwrap().split('"').next().unwrap();
    let text = read(&world, &world.analyst, &format!("{statement}?lang=es")).await;
    assert!(text.contains("6065.00") && !text.contains("<script>alert"), "{text}");
    let csv = String::from_utf8(get(&world, &world.analyst, &format!("{run}/lines.csv")).await.body.to_vec())
        .unwrap();
    assert!(csv.contains(",'=1+1/<script>"), "{csv}");
}

#[actix_web::test]
async fn the_lines_are_a_file_that_spreadsheets_and_programs_read() {
    let world = World::open().await;
    world.quarter();
    let draft = format!("/pay/{}", world.draft(&world.body(PLAN, QUARTER.0, QUARTER.1)).await);
    assert_eq!(get(&world, &world.analyst, &format!("{draft}/lines.csv")).await.status.as_u16(), 409);
    let run = calculated(&world, PLAN, QUARTER).await;
    let file = get(&world, &world.approver, &format!("{run}/lines.csv")).await;
    assert_eq!(file.headers.get("content-type").unwrap(), "text/csv; charset=utf-8");
    let disposition = file.headers.get("content-disposition").unwrap().to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"pay-"), "{disposition}");
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    let lines: Vec<&str> = text.strip_prefix('\u{feff}').unwrap().split("\r\n").collect();
    assert_eq!(lines.len(), 11, "{text}");
    assert!(lines[0].starts_with("run,plan,version,mode,state,period_from"), "{text}");
    assert!(lines[1].ends_with(",E01,Persona E01,1,ms_index,2059.78,MXN"), "{text}");
    assert_eq!(lines[10], "");
}

#[actix_web::test]
async fn pay_reaches_those_of_pay_alone() {
    let world = World::open().await;
    world.quarter();
    let run = calculated(&world, PLAN, QUARTER).await;
    let pages = ["", "/people/E01", "/lines.csv"].map(|it| format!("{run}{it}"));
    for role in [Role::Reviewer, Role::BranchManager, Role::Admin, Role::Auditor, Role::Analyst] {
        let person = world.office.person(role);
        for page in pages.iter().chain([&"/pay".to_owned(), &"/pay/new".to_owned()]) {
            let answer = get(&world, &person, page).await;
            assert_eq!(answer.status.as_u16(), 403, "{role} {page}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("4609"), "{role} {page}");
        }
        for step in ["calculate", "submit", "approve", "lock", "back-to-draft"] {
            let answer = send(&world, &person, &format!("{run}/{step}"), "reason=because").await;
            assert_eq!(answer.status.as_u16(), 403, "{role} {step}");
        }
        assert!(!html(&get(&world, &person, "/").await).contains("href=\"/pay\""), "{role}");
    }
    let other = world.office.other_organization("other");
    let both = &[(Role::HrAnalyst, Scope::Organization), (Role::HrApprover, Scope::Organization)];
    let stranger = world.office.person_of(other, both);
    for page in &pages {
        assert_eq!(get(&world, &stranger, page).await.status.as_u16(), 404, "{page}");
    }
    for step in ["calculate", "submit", "approve", "lock", "back-to-draft"] {
        let answer = send(&world, &stranger, &format!("{run}/{step}"), "reason=because").await;
        assert_eq!(answer.status.as_u16(), 404, "{step}");
    }
    assert!(!read(&world, &stranger, "/pay").await.contains(&run), "nothing of another organization");
}

/// Payroll pays what the file adds up to.
#[actix_web::test]
async fn the_rows_of_each_person_add_up_to_what_the_run_pays_also_where_the_plan_caps_it() {
    let world = World::open().await;
    let id = world.staff("E01", "2020-01-01", None);
    world.kpi("calidad", KpiScope::Staff(id), QUARTER, "100", None);
    world.kpi("csat", KpiScope::Branch(world.branch), QUARTER, "5.00", None);
    world.visit("2026-04-15", 10_000, 0, State::Published);
    world.visit("2026-06-30", 10_000, 0, State::Published);
    let run = calculated(&world, PLAN, QUARTER).await;
    let told = world.office.get(&format!("/api/v1/payout-runs/{}", run.trim_start_matches("/pay/")));
    let told = told.by(&world.analyst).send().await.expect_json();
    let file = get(&world, &world.approver, &format!("{run}/lines.csv")).await;
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    let cents = |it: &str| it.replace('.', "").parse::<i64>().unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|it| it.split(',').collect()).collect();
    let sum: i64 = rows.iter().map(|it| cents(it[11])).sum();
    assert_eq!(sum, cents(told["payable"].as_str().unwrap()), "{text}");
    // The lines are 8401.97; the cap is 130 % of 6000.
    let last = rows.last().unwrap();
    assert_eq!((last[10], last[11]), ("cap_and_recognitions", "-601.97"), "{text}");
}

#[actix_web::test]
async fn figures_that_changed_since_they_were_seen_are_not_approved() {
    let world = World::open().await;
    world.quarter();
    let run = place(&send(&world, &world.analyst, "/pay/new", LIVE).await);
    let to_approval = async || {
        place(&send(&world, &world.analyst, &format!("{run}/calculate"), "").await);
        place(&send(&world, &world.analyst, &format!("{run}/submit"), "").await);
    };
    to_approval().await;
    let seen = read(&world, &world.approver, &format!("{run}?lang=es")).await;
    let hash = |page: &str| {
        let it = page.split("name=\"result_hash\" value=\"").nth(1).expect("the form says what was seen");
        format!("result_hash={}", it.split('"').next().unwrap())
    };
    let before = hash(&seen);
    place(&send(&world, &world.analyst, &format!("{run}/back-to-draft"), "reason=late+figure").await);
    let id = world.staff("E05", "2020-01-01", None);
    world.kpi("calidad", KpiScope::Staff(id), QUARTER, "85", None);
    to_approval().await;
    let refused = send(&world, &world.approver, &format!("{run}/approve"), &before).await;
    let page = html(&refused);
    assert_eq!(refused.status.as_u16(), 409);
    assert!(page.contains("cambió desde que lo vio") && page.contains("Persona E05"), "{page}");
    // The page that says so has the figures of now.
    place(&send(&world, &world.approver, &format!("{run}/approve"), &hash(&page)).await);
}
