//! What a branch reads of its visits, by whatever route: results, and nothing by which it could tell who visited or what is not published.

use crate::console::page;
use crate::field::{self, Field};
use crate::rights;
use db::content::ContentKind;
use domain::access::{Role, Scope};
use domain::checklist::Checklist;
use domain::ids::AuditId;
use serde_json::{Value, json};
use server::testing::TestPerson;

const DAY: &str = "2026-11-10";
const STORY: &str = "Entré con mi bastón y me atendió la señora del mostrador dos";
const COMMENT: &str = "no vi letrero, lo busqué desde mi silla de ruedas";
const HOUR: &str = "10:37";
/// Why the office scored again, in its own words.
const WHY: &str = "la auditora de Puebla confundió el letrero";

/// The small checklist with what tells who came: an hour, a story and what the auditor felt, none of which counts.
fn telling() -> Checklist {
    let mut telling = serde_json::to_value(field::checklist()).unwrap();
    telling["id"] = json!("telling");
    let text = |it: &str| json!({"es": it, "en": it});
    telling["sections"].as_array_mut().unwrap().push(json!({
        "id": "Z", "weight": 0, "touchpoint": "datos", "title": text("Datos"),
        "items": [
            {"id": "Z01", "type": "time", "weight": 0, "q": text("Hora")},
            {"id": "Z02", "type": "text", "weight": 0, "q": text("Relato")},
            {"id": "Z03", "type": "single_choice", "weight": 0, "q": text("Escenario"),
             "options": [{"id": "tarjeta_azul", "es": "a", "en": "a"}, {"id": "b", "es": "b", "en": "b"}]},
        ],
    }));
    serde_json::from_value(telling).unwrap()
}

struct World {
    field: Field,
    manager: TestPerson,
    reviewer: TestPerson,
    shown: AuditId,
    /// Of the same branch, handed in and not published.
    unpublished: AuditId,
    /// Of the other branch, published.
    foreign: AuditId,
}

impl World {
    async fn open() -> Self {
        let field = Field::open().await;
        let checklist = telling();
        field.store_content(ContentKind::Checklist, "telling", &serde_json::to_string(&checklist).unwrap());
        let answers = [
            ("A01", "yes"),
            ("A02", "no"),
            ("A02#comment", COMMENT),
            ("E01", "yes"),
            ("E02", "yes"),
            ("Z01", HOUR),
            ("Z02", STORY),
            ("Z03", "tarjeta_azul"),
        ];
        let made = |branch| field.submitted_of(&checklist, branch, DAY, &answers);
        let (shown, unpublished, foreign) = (made(field.north), made(field.north), made(field.south));
        let reviewer = field.office.person(Role::Reviewer);
        for visit in [shown, foreign] {
            for command in ["claim", "approve", "publish"] {
                field.review(&reviewer, visit, command, json!({})).await.expect_json();
            }
            field.age_score(visit);
            field.review(&reviewer, visit, "rescore", json!({"reason": WHY})).await.expect_json();
        }
        let scope = [(Role::BranchManager, Scope::Branch(field.north))];
        let manager = field.office.person_of(field.office.org, &scope);
        Self { field, manager, reviewer, shown, unpublished, foreign }
    }

    async fn read(&self, by: &TestPerson, address: &str) -> Value {
        self.field.office.get(&format!("/api/v1/{address}")).by(by).send().await.expect_json()
    }

    /// What stands in no answer to the branch.
    fn secrets(&self) -> Vec<String> {
        let auditor = self.field.auditor.id;
        let mut secrets: Vec<String> =
            [COMMENT, STORY, HOUR, WHY, "tarjeta_azul"].into_iter().map(str::to_owned).collect();
        secrets.extend([auditor.to_string(), self.field.auditor.login.clone()]);
        secrets.push(self.reviewer.id.to_string());
        let devices = self.field.write(|tx, org| db::devices::list(tx, org, None, None, 100));
        assert!(!devices.items.is_empty());
        secrets.extend(devices.items.iter().map(|it| it.dev.to_string()));
        secrets
    }
}

fn item<'a>(visit: &'a Value, id: &str) -> &'a Value {
    let sections = visit["sections"].as_array().unwrap();
    sections.iter().flat_map(|it| it["items"].as_array().unwrap()).find(|it| it["id"] == id).unwrap()
}

#[actix_web::test]
async fn a_branch_reads_what_counted_and_a_mark_in_place_of_what_tells_who_came() {
    let world = World::open().await;
    let address = format!("visits/{}", world.shown);
    let own = world.read(&world.manager, &address).await;
    assert_eq!(item(&own, "A02")["answer"], "no");
    assert_eq!(item(&own, "A02")["withheld"], json!(["comment"]));
    for id in ["Z01", "Z02", "Z03"] {
        assert_eq!(
            (&item(&own, id)["answer"], &item(&own, id)["withheld"]),
            (&Value::Null, &json!(["answer"]))
        );
    }
    let scores = world.read(&world.manager, &format!("{address}/scores")).await;
    let steps = scores[0]["score"]["explain"].as_array().unwrap();
    let answer = |id: &str| steps.iter().find(|it| it["item"] == id).unwrap().get("answer").cloned();
    assert_eq!((answer("A02"), answer("Z01")), (Some(json!("no")), None));

    let office = world.read(&world.reviewer, &address).await;
    assert_eq!(item(&office, "A02")["comment"], COMMENT);
    assert_eq!((&item(&office, "Z01")["answer"], item(&office, "Z01").get("withheld")), (&json!(HOUR), None));
}

#[actix_web::test]
async fn a_branch_is_told_that_its_visit_was_scored_again_and_never_in_the_words_of_the_office() {
    let world = World::open().await;
    let address = format!("visits/{}", world.shown);
    let reasons = |all: &Value| -> Vec<Value> {
        all.as_array().unwrap().iter().map(|it| it["reason"].clone()).collect()
    };
    for (by, last) in [(&world.manager, "rescored"), (&world.reviewer, WHY)] {
        let seen = world.read(by, &address).await;
        assert_eq!(reasons(&seen["scores"]), ["approved", "approved", last]);
        let scores = world.read(by, &format!("{address}/scores")).await;
        assert_eq!(reasons(&scores), ["approved", "approved", last]);
    }
    let north = world.field.north;
    for address in [
        format!("/branches/visits/{}?lang=es", world.shown),
        format!("/branches/visits/{}/appeal?lang=es", world.shown),
        format!("/scorecards/{north}?lang=es"),
        format!("/branches/{north}/poster?lang=es"),
        "/branches/mine?lang=es".to_owned(),
    ] {
        let (status, text) = page(&world.field, &address, &world.manager).await;
        assert!(status == 200 && !text.contains(WHY), "{address} {status}: {text}");
    }
}

#[actix_web::test]
async fn no_route_tells_a_branch_who_visited_or_what_is_not_published() {
    let world = World::open().await;
    let items = json!({"items": [{"item": "A02", "reason": "hay letrero"}]});
    let opened = format!("/api/v1/visits/{}/appeals", world.shown);
    let appeal = world.field.office.post(&opened).by(&world.manager).json(&items).send().await.expect_json();
    let appeal = appeal["id"].as_str().unwrap().to_owned();
    let note = json!({"text": "lo vemos"});
    world
        .field
        .office
        .post(&format!("/api/v1/appeals/{appeal}/messages"))
        .by(&world.reviewer)
        .json(&note)
        .send()
        .await
        .expect_json();
    let secrets = world.secrets();
    let mut read = 0;
    for (method, path, body) in rights::calls() {
        for visit in [world.shown, world.unpublished, world.foreign] {
            for branch in [world.field.north, world.field.south] {
                let address = path
                    .replace("{visit}", &visit.to_string())
                    .replace("{branch}", &branch.to_string())
                    .replace("{appeal}", &appeal)
                    .replace("{item}", "A02");
                let address = address.split('{').next().unwrap().to_owned()
                    + if address.contains('{') { "00000000-0000-7000-8000-000000000000" } else { "" };
                let mut call = world.field.office.call(method.to_uppercase().parse().unwrap(), &address);
                if !body.is_null() {
                    call = call.json(&body);
                }
                let answer = call.by(&world.manager).send().await;
                read += u32::from(answer.status.is_success());
                let text = String::from_utf8_lossy(&answer.body);
                for secret in &secrets {
                    assert!(!text.contains(secret), "{method} {address} tells {secret}: {text}");
                }
                if !address.contains(&world.unpublished.to_string()) {
                    let hidden = world.unpublished.to_string();
                    assert!(!text.contains(&hidden), "{method} {address} tells {hidden}: {text}");
                }
                if visit == world.unpublished && path.contains("{visit}") {
                    assert!(
                        matches!(answer.status.as_u16(), 403 | 404 | 422),
                        "{method} {address} {}",
                        answer.status
                    );
                }
            }
        }
    }
    assert!(read > 50, "{read} answers had something to tell");
}
