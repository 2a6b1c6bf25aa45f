//! Visits and statements as PDF: what they say, what their signature proves, who gets them, and that nobody is named who is not to be.

use crate::console_pay::read as read_pay;
use crate::field::{CRITICAL, FAIR, Field, GOOD};
use crate::payouts::World;
use domain::access::{Role, Scope};
use domain::ids::AuditId;
use lopdf::Document;
use serde_json::Value;
use server::app::visits::evidence::{ProvedPrint, check_print};
use server::testing::{Answer, TestOffice, TestPerson};

async fn get(office: &TestOffice, address: &str, by: &TestPerson) -> Answer {
    office.get(address).header("Cookie", &format!("veedor_session={}", by.token)).send().await
}

/// A file that somebody gets.
async fn file(office: &TestOffice, address: &str, by: &TestPerson, kind: &str) -> Vec<u8> {
    let answer = get(office, address, by).await;
    assert_eq!(answer.status.as_u16(), 200, "{address}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.headers.get("content-type").unwrap(), kind, "{address}");
    answer.body.to_vec()
}

async fn pdf(office: &TestOffice, address: &str, by: &TestPerson) -> Vec<u8> {
    file(office, address, by, "application/pdf").await
}

async fn seal(office: &TestOffice, address: &str, by: &TestPerson) -> String {
    String::from_utf8(file(office, address, by, "application/json").await).unwrap()
}

/// All that can be read out of a document: its pages, and whatever stands in it beside them.
fn text_of(bytes: &[u8]) -> String {
    let mut document = Document::load_mem(bytes).unwrap();
    let pages: Vec<u32> = document.get_pages().keys().copied().collect();
    let text = document.extract_text(&pages).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    document.decompress();
    let mut whole = Vec::new();
    document.save_to(&mut whole).unwrap();
    format!("{text}\n{}", String::from_utf8_lossy(&whole))
}

fn fault(seal: &str, file: Option<&[u8]>, hash: Option<&str>) -> &'static str {
    check_print(seal, file, hash).unwrap_err().code
}

#[track_caller]
fn proved(seal: &str, file: &[u8]) -> ProvedPrint {
    check_print(seal, Some(file), None).unwrap()
}

/// A published visit, and somebody who manages its branch.
async fn visited(field: &Field) -> (AuditId, TestPerson) {
    let visit = field.published(&[(field.north, "2026-11-05", &CRITICAL)]).await[0];
    let scope = [(Role::BranchManager, Scope::Branch(field.north))];
    (visit, field.office.person_of(field.office.org, &scope))
}

#[actix_web::test]
async fn a_visit_on_paper_says_what_its_page_says_and_names_no_auditor() {
    let field = Field::open().await;
    let (visit, manager) = visited(&field).await;
    let reviewer = field.office.person(Role::Reviewer);
    let office = pdf(&field.office, &format!("/visits/{visit}/print.pdf?lang=es"), &reviewer).await;
    let branch = pdf(&field.office, &format!("/branches/visits/{visit}/print.pdf?lang=es"), &manager).await;
    for (bytes, expected) in [
        (&office, ["Branch north", "39.99", "Respuestas", "1 de 1 puntos", "Teléfono del auditor", "Quién"]),
        (
            &branch,
            [
                "Branch north",
                "39.99",
                "¿Por qué perdimos puntos?",
                "No se muestran",
                "Huella (SHA-256)",
                "Visita del",
            ],
        ),
    ] {
        let text = text_of(bytes);
        for it in expected {
            assert!(text.contains(it), "{it}: {}", text.split('\n').next().unwrap());
        }
        for secret in ["Test auditor", &field.auditor.login, &field.auditor.id.to_string()] {
            assert!(!text.contains(secret), "{secret}: {}", text.split('\n').next().unwrap());
        }
    }
    let english = pdf(&field.office, &format!("/visits/{visit}/print.pdf?lang=en"), &reviewer).await;
    assert!(
        text_of(&english).contains("Auditor’s phone") && text_of(&english).contains("approve → approved")
    );
}

#[actix_web::test]
async fn the_signature_holds_for_the_very_file_and_for_the_hash_on_its_paper_and_for_nothing_else() {
    let field = Field::open().await;
    let (visit, manager) = visited(&field).await;
    let reviewer = field.office.person(Role::Reviewer);
    let mut hashes = Vec::new();
    for (at, by) in [(format!("/visits/{visit}"), &reviewer), (format!("/branches/visits/{visit}"), &manager)]
    {
        let bytes = pdf(&field.office, &format!("{at}/print.pdf?lang=es"), by).await;
        // A clock that went on changes nothing of what is printed.
        field.office.clock.advance_seconds(90);
        let seal = seal(&field.office, &format!("{at}/print.json?lang=es"), by).await;
        let proved = proved(&seal, &bytes);
        assert_eq!(proved.printed.visit, visit.0);
        assert_eq!((proved.printed.branch.as_str(), proved.file), ("north", Some(true)));
        let score = proved.printed.score.as_ref().unwrap();
        assert_eq!((score.version, score.value.as_deref()), (1, Some("39.99")));
        let hash = proved.hash.to_string();
        let groups: Vec<String> =
            hash.as_bytes().chunks(8).map(|it| String::from_utf8(it.to_vec()).unwrap()).collect();
        let text = text_of(&bytes);
        assert!(groups.iter().all(|it| text.contains(it.as_str())), "{hash}");
        // As it is copied from paper, and without the file.
        let copied = groups.join(" ").to_uppercase();
        assert_eq!(check_print(&seal, None, Some(&copied)).unwrap().file, None);
        assert_eq!(fault(&seal, None, Some(&copied.replace(&copied[..1], "x"))), "hash");
        let mut other = bytes.clone();
        *other.last_mut().unwrap() ^= 1;
        assert_eq!(fault(&seal, Some(&other), None), "file");
        assert_eq!(fault(&seal.replace("39.99", "89.99"), Some(&bytes), None), "seal");
        assert_eq!(fault("{}", Some(&bytes), None), "unreadable");
        let mut parts: Value = serde_json::from_str(&seal).unwrap();
        parts["file"] = Value::from(hash.clone());
        assert_eq!(fault(&parts.to_string(), None, Some(&hash)), "seal");
        hashes.push(hash);
    }
    assert_eq!(hashes[0], hashes[1], "both papers state the same record");
}

#[actix_web::test]
async fn a_branch_prints_its_own_published_visits_and_no_others() {
    let field = Field::open().await;
    let (visit, manager) = visited(&field).await;
    let foreign = field.published(&[(field.south, "2026-11-06", &FAIR)]).await[0];
    let unpublished = field.submitted(field.north, "2026-11-20", &GOOD);
    for ending in ["print.pdf", "print.json"] {
        for hidden in [foreign, unpublished] {
            let answer = get(&field.office, &format!("/branches/visits/{hidden}/{ending}"), &manager).await;
            assert_eq!(answer.status.as_u16(), 404, "{ending}");
        }
        let inner = get(&field.office, &format!("/visits/{visit}/{ending}"), &manager).await;
        assert_eq!(inner.status.as_u16(), 403, "{ending}");
    }
    let reviewer = field.office.person(Role::Reviewer);
    let early = pdf(&field.office, &format!("/visits/{unpublished}/print.pdf?lang=es"), &reviewer).await;
    assert!(text_of(&early).contains("Todavía sin calificación"));
}

#[actix_web::test]
async fn a_statement_on_paper_says_what_is_paid_and_why() {
    let world = World::open().await;
    world.quarter();
    let run = crate::console_pay::calculated(&world, "sucursal-individual", crate::payouts::QUARTER).await;
    let address = format!("{run}/people/E01");
    let page = read_pay(&world, &world.analyst, &format!("{address}?lang=es")).await;
    assert!(page.contains(&format!("href=\"{address}/print.pdf\"")), "{page}");
    let text = text_of(&pdf(&world.office, &format!("{address}/print.pdf?lang=es"), &world.analyst).await);
    for expected in ["Persona E01", "4609.15 MXN", "Nombre y firma", "Huella del resultado"] {
        assert!(text.contains(expected), "{expected}: {}", text.split('\n').next().unwrap());
    }
    let manager = world.office.person(Role::ProgrammeManager);
    let refused = get(&world.office, &format!("{address}/print.pdf"), &manager).await;
    assert_eq!(refused.status.as_u16(), 403);
}
