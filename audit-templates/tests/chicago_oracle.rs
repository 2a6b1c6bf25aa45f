//! A free oracle: the City of Chicago published a score for each of 27,600 inspections, and ours must equal it on every
//! row. Reads the City's files by the numbers in our item ids, without the importer.

use audit_templates::find_checklist;
use domain::{Exact, answer::Answer, visit_score::PreparedChecklist};
use flate2::read::GzDecoder;
use std::{fs::File, io::Read, path::Path};

const INSPECTIONS: usize = 27_600;

fn rows(file: &str) -> csv::Reader<impl Read> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/chicago").join(file);
    csv::Reader::from_reader(GzDecoder::new(File::open(path).expect("the City's data is checked in")))
}

/// Our item ids end in the City's number: `A01` is `v1`.
fn city_column(item: &str) -> String {
    let number: u32 = item[1..].parse().expect("two digits");
    format!("v{number}")
}

#[test]
fn every_inspection_scores_as_the_city_published_it() {
    let checklist = &find_checklist("chicago-food-canvass", Some(1)).unwrap().content;
    let prepared = PreparedChecklist::new(checklist).unwrap();
    let (mut inspections, mut violations) = (rows("inspections.csv.gz"), rows("violations.csv.gz"));
    let (about, items) = (inspections.headers().unwrap().clone(), violations.headers().unwrap().clone());
    let place = |header: &csv::StringRecord, name: &str| header.iter().position(|it| it == name).unwrap();
    let columns: Vec<(&str, usize)> =
        checklist.items().map(|it| (it.id.as_str(), place(&items, &city_column(&it.id)))).collect();
    assert_eq!(columns.len(), items.len() - 1, "every column of the City is one item of ours");
    let named = ["inspection_id", "score_demo", "any_critical"].map(|it| place(&about, it));
    let mut compared = 0;
    for (inspection, violated) in inspections.records().zip(violations.records()) {
        let (inspection, violated) = (inspection.unwrap(), violated.unwrap());
        let [id, city_score, city_any_critical] = named.map(|it| &inspection[it]);
        assert_eq!(id, &violated[0]);
        let answer = |cell: &str| if cell == "0" { Answer::Yes } else { Answer::No };
        let answers = columns.iter().map(|(item, at)| ((*item).to_owned(), answer(&violated[*at]))).collect();
        let score = prepared.score(&answers).unwrap();
        assert_eq!(score.raw.to_string(), Exact::parse(city_score).unwrap().to_fixed(2), "{id}");
        assert_eq!(score.final_score, score.raw, "{id}: the critical rule of this checklist is none");
        assert_eq!(!score.critical_failed.is_empty(), city_any_critical == "1", "{id}");
        compared += 1;
    }
    assert_eq!(compared, INSPECTIONS);
    assert!(inspections.records().next().is_none() && violations.records().next().is_none());
}

#[test]
fn an_item_weighs_what_its_class_in_the_city_s_form_does() {
    let checklist = &find_checklist("chicago-food-canvass", Some(1)).unwrap().content;
    for item in checklist.items() {
        let number: u32 = item.id[1..].parse().unwrap();
        let (weight, critical) = match number {
            1..=14 => (3, true),
            15..=29 => (2, false),
            30..=44 | 70 => (1, false),
            _ => panic!("{}: not a number of the City's form", item.id),
        };
        assert_eq!((item.weight, item.critical, item.required), (weight, critical, true), "{}", item.id);
    }
}
