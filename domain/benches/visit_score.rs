//! How many item scores a second one core gives. Run with `cargo bench -p domain --bench visit_score`.

use divan::{Bencher, counter::ItemsCount};
use domain::{
    answer::{Answers, parse_answers},
    checklist::Checklist,
    visit_score::PreparedChecklist,
};

const BANK: &str = include_str!("../tests/fixtures/ms_banco_sucursal.json");
const ANSWERS: &str = r#"{"Z01":"10:02","Z02":["p1"],"Z03":"ambos","Z04":"10:41","A01":"yes","A02":"no","A03":"na",
"A04":1,"B01":"yes","B02":12,"B03":"no","B04":"yes","C01":"yes","C02":"yes","C03":"yes","C04":4,"D01":"no","D02":4,
"D03":"yes","D04":3,"D05":["identificacion","domicilio","deposito"],"D06":"breve","E01":"yes","E02":"yes","E03":"no",
"E04":"no","E05":"yes","F01":"no","F02":"parcial","F03":"yes","F04":"yes","F05":"no","G01":"yes","G02":"no","G03":4,
"G04":7,"G05":5,"G06":"Relato de la visita en orden, con lo que pasó, lo que se dijo y lo que hizo quien visita, sin juicios ni adjetivos que no vengan al caso."}"#;

fn main() {
    divan::main();
}

fn visit() -> (PreparedChecklist, Answers) {
    let checklist: Checklist = serde_json::from_str(BANK).expect("the fixture is a checklist");
    let answers = parse_answers(&checklist, ANSWERS).expect("the answers fit it");
    (PreparedChecklist::new(&checklist).expect("the checklist can be scored"), answers)
}

/// Scoring, counted in items of the checklist.
#[divan::bench]
fn score(bencher: Bencher) {
    let (prepared, answers) = visit();
    let items = prepared.checklist().items().count();
    bencher.counter(ItemsCount::new(items)).bench(|| prepared.score(divan::black_box(&answers)));
}

/// Scoring with the explanation of every step.
#[divan::bench]
fn score_explained(bencher: Bencher) {
    let (prepared, answers) = visit();
    let items = prepared.checklist().items().count();
    bencher.counter(ItemsCount::new(items)).bench(|| prepared.score_explained(divan::black_box(&answers)));
}

/// Reading the answers from JSON.
#[divan::bench]
fn parse(bencher: Bencher) {
    let (prepared, answers) = visit();
    bencher
        .counter(ItemsCount::new(answers.len()))
        .bench(|| parse_answers(prepared.checklist(), divan::black_box(ANSWERS)));
}
