//! Laws of the visit score over checklists and answers of every kind, and an independent scorer in plain exact
//! arithmetic that must agree with it.
#![cfg(test)]

use std::collections::BTreeMap;

use domain::{
    Exact, LocalText,
    answer::{Answer, Answers},
    checklist::{
        Band, Checklist, Credit, CreditBand, CreditMode, CriticalMode, Item, ItemOption, ItemType,
        ScoringMode, condition::Condition,
    },
    visit_score::{Explanation, ItemState, PreparedChecklist, VisitScore, score_visit},
};
use proptest::prelude::*;

const BANK: &str = include_str!("fixtures/ms_banco_sucursal.json");

/// From what an item and its answer are made.
#[derive(Debug, Clone)]
struct ItemSeed {
    kind: usize,
    weight: u32,
    critical: bool,
    bonus: bool,
    /// Asked only where the answer to an earlier item, that many places back, is good.
    when: Option<usize>,
    answer: usize,
}

fn item_seed() -> impl Strategy<Value = ItemSeed> {
    (
        0..6_usize,
        0..6_u32,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.15),
        prop::option::weighted(0.3, 1..4_usize),
        0..7_usize,
    )
        .prop_map(|(kind, weight, critical, bonus, when, answer)| ItemSeed {
            kind,
            weight,
            critical,
            bonus: bonus && !critical,
            when,
            answer,
        })
}

fn visit() -> impl Strategy<Value = (Checklist, Answers)> {
    let sections = prop::collection::vec((1..60_u32, prop::collection::vec(item_seed(), 1..6)), 1..5);
    let critical = prop::sample::select(vec![
        CriticalMode::CapOverall,
        CriticalMode::ZeroOverall,
        CriticalMode::ZeroSection,
        CriticalMode::None,
    ]);
    (sections, critical, any::<bool>()).prop_map(|(sections, critical, pooled)| {
        let mut checklist = bank();
        checklist.scoring.mode =
            if pooled { ScoringMode::PointsPooled } else { ScoringMode::SectionWeighted };
        checklist.scoring.critical.cap = (critical == CriticalMode::CapOverall).then(|| number("59.99"));
        checklist.scoring.critical.mode = critical;
        let template = checklist.sections[1].clone();
        let (mut answers, mut earlier) = (Answers::new(), Vec::new());
        checklist.sections.clear();
        for (index, (weight, seeds)) in sections.into_iter().enumerate() {
            let letter = char::from(b"ABCDE"[index]);
            let mut section = template.clone();
            section.id = letter.to_string();
            section.touchpoint = format!("contacto_{}", index % 2);
            section.weight = weight;
            section.items.clear();
            for (place, seed) in seeds.iter().enumerate() {
                let item = item(format!("{letter}{place:02}"), seed, &earlier);
                if let Some(answer) = answer(&item, seed.answer) {
                    answers.insert(item.id.clone(), answer);
                }
                earlier.push(item.clone());
                section.items.push(item);
            }
            checklist.sections.push(section);
        }
        (checklist, answers)
    })
}

fn bank() -> Checklist {
    serde_json::from_str(BANK).unwrap()
}

fn number(text: &str) -> Exact {
    Exact::parse(text).unwrap()
}

fn item(id: String, seed: &ItemSeed, earlier: &[Item]) -> Item {
    let kinds = [
        ItemType::YesNo,
        ItemType::YesNoNa,
        ItemType::Scale,
        ItemType::Number,
        ItemType::SingleChoice,
        ItemType::MultiChoice,
    ];
    let kind = kinds[seed.kind];
    let option = |id: &str, c: &str| ItemOption {
        id: id.to_string(),
        c: Some(number(c)),
        exclusive: false,
        es: id.to_string(),
        en: id.to_string(),
    };
    let credit = match kind {
        ItemType::Number => Some(Credit {
            mode: None,
            bands: vec![
                CreditBand::UpTo { le: number("5"), c: number("1") },
                CreditBand::UpTo { le: number("10.5"), c: number("0.3333") },
                CreditBand::Otherwise { c: number("0") },
            ],
        }),
        ItemType::MultiChoice => Some(Credit { mode: Some(CreditMode::PerOption), bands: Vec::new() }),
        _ => None,
    };
    let when = seed.when.and_then(|back| earlier.len().checked_sub(back)).map(|place| good(&earlier[place]));
    Item {
        kind,
        weight: seed.weight,
        required: true,
        critical: seed.critical,
        bonus: seed.bonus,
        allow_na: kind == ItemType::Number,
        pillar: Some(format!("pilar_{}", seed.weight % 3)),
        indicator: None,
        when,
        q: LocalText::new(&id, &id),
        hint: None,
        unit: None,
        min: None,
        max: None,
        min_chars: None,
        anchors: None,
        options: match kind {
            ItemType::SingleChoice => vec![option("a", "1"), option("b", "0.4"), option("c", "0")],
            ItemType::MultiChoice => vec![option("a", "0.6"), option("b", "0.3"), option("c", "0.25")],
            _ => Vec::new(),
        },
        credit,
        evidence: None,
        confirm: None,
        id,
    }
}

/// A condition that a good answer to the item meets.
fn good(item: &Item) -> String {
    let id = &item.id;
    match item.kind {
        ItemType::Scale => format!("{id} >= 3"),
        ItemType::Number => format!("not {id} > 7"),
        ItemType::SingleChoice | ItemType::MultiChoice => format!("{id} in ['a', 'b']"),
        _ => format!("{id} == 'yes'"),
    }
}

/// An answer to the item, better for a lower code; `None` and not applicable among them.
fn answer(item: &Item, code: usize) -> Option<Answer> {
    let ids = |ids: &[&str]| Answer::Options(ids.iter().map(|it| it.to_string()).collect());
    if code == 6 {
        return None;
    }
    if code == 5 && item.accepts_na() {
        return Some(Answer::NotApplicable);
    }
    Some(match item.kind {
        ItemType::Scale => Answer::Scale(5 - u8::try_from(code.min(4)).unwrap()),
        ItemType::Number => Answer::Number(number(["0", "5", "5.0001", "10.5", "11", "12"][code])),
        ItemType::SingleChoice => Answer::Option(["a", "a", "b", "b", "c", "c"][code].to_string()),
        ItemType::MultiChoice => {
            [ids(&["a", "b", "c"]), ids(&["b", "a"]), ids(&["a"]), ids(&["b"]), ids(&["c"]), ids(&[])][code]
                .clone()
        }
        _ if code < 3 => Answer::Yes,
        _ => Answer::No,
    })
}

/// The credit of an answer, straight from DOMAIN.md 2.2.
fn credit(item: &Item, answer: &Answer) -> Exact {
    let of_option = |id: &String| item.option(id).unwrap().c.clone().unwrap();
    match answer {
        Answer::Yes => Exact::one(),
        Answer::No => Exact::zero(),
        Answer::Scale(step) => Exact::ratio(i64::from(*step) - 1, 4).unwrap(),
        Answer::Option(id) => of_option(id),
        Answer::Options(ids) => ids.iter().map(of_option).sum::<Exact>().min(Exact::one()),
        Answer::Number(value) => {
            let bands = &item.credit.as_ref().unwrap().bands;
            let holds = |it: &&CreditBand| match it {
                CreditBand::UpTo { le, .. } => value <= le,
                CreditBand::Otherwise { .. } => true,
            };
            let (CreditBand::UpTo { c, .. } | CreditBand::Otherwise { c }) =
                bands.iter().find(holds).unwrap();
            c.clone()
        }
        _ => panic!("the generator makes no such answer"),
    }
}

/// What the plain scorer finds.
struct Plain {
    raw: Exact,
    last: Exact,
    hidden: Vec<String>,
    failed: Vec<String>,
}

/// Scores in plain exact arithmetic; `None` where nothing is possible.
fn plain(checklist: &Checklist, answers: &Answers) -> Option<Plain> {
    let mut usable: BTreeMap<String, &Answer> = BTreeMap::new();
    let (mut hidden, mut failed) = (Vec::new(), Vec::new());
    let mut sections = Vec::new();
    for section in &checklist.sections {
        let (mut earned, mut possible, mut zeroed) = (Exact::zero(), Exact::zero(), false);
        for item in &section.items {
            let when = item.when.as_ref().map(|it| Condition::parse(it).unwrap());
            if when.is_some_and(|it| !it.holds(&|id: &String| usable.get(id).copied())) {
                hidden.push(item.id.clone());
                continue;
            }
            let Some(answer) = answers.get(&item.id) else { continue };
            usable.insert(item.id.clone(), answer);
            if *answer == Answer::NotApplicable || !item.is_scored() {
                continue;
            }
            let credit = credit(item, answer);
            let weight = Exact::from(item.weight);
            if item.critical && credit.is_zero() {
                zeroed = true;
                failed.push(item.id.clone());
            }
            earned = earned + &weight * &credit;
            if !item.bonus {
                possible = possible + weight;
            }
        }
        sections.push((Exact::from(section.weight), earned, possible, zeroed));
    }
    let hundred = Exact::from(100);
    let score = |with_zero: bool| -> Option<Exact> {
        let (mut numerator, mut denominator) = (Exact::zero(), Exact::zero());
        for (weight, earned, possible, zeroed) in sections.iter().filter(|it| !it.2.is_zero()) {
            let counts = if with_zero && *zeroed { Exact::zero() } else { Exact::one() };
            if checklist.scoring.mode == ScoringMode::SectionWeighted {
                let percentage = (&hundred * earned).checked_div(possible).unwrap().min(hundred.clone());
                numerator = numerator + weight * &percentage * counts;
                denominator = denominator + weight.clone();
            }
        }
        if checklist.scoring.mode == ScoringMode::PointsPooled {
            for (_, earned, possible, zeroed) in &sections {
                let counts = if with_zero && *zeroed { Exact::zero() } else { Exact::one() };
                numerator = numerator + &hundred * earned * counts;
                denominator = denominator + possible.clone();
            }
        }
        numerator.checked_div(&denominator).map(|it| it.min(hundred.clone()))
    };
    let raw = score(false)?;
    let last = match checklist.scoring.critical.mode {
        _ if failed.is_empty() => raw.clone(),
        CriticalMode::None => raw.clone(),
        CriticalMode::ZeroOverall => Exact::zero(),
        CriticalMode::CapOverall => raw.clone().min(number("59.99")),
        CriticalMode::ZeroSection => score(true)?,
    };
    Some(Plain { raw, last, hidden, failed })
}

/// Whether a condition of the checklist looks at the item.
fn is_looked_at(checklist: &Checklist, id: &str) -> bool {
    checklist.items().any(|it| it.when.as_ref().is_some_and(|it| it.contains(id)))
}

fn explained_points(score: &VisitScore, section: &str) -> (i64, i64, i64) {
    let mut points = (0, 0, 0);
    for step in &score.explain {
        if let Explanation::Item(it) = step
            && it.section == section
        {
            points.0 += it.earned.units();
            points.1 += it.possible.units();
            points.2 += it.bonus.units();
        }
    }
    points
}

proptest! {
    #[test]
    fn a_plain_scorer_agrees_to_the_last_digit((checklist, answers) in visit()) {
        match (plain(&checklist, &answers), score_visit(&checklist, &answers)) {
            (None, Err(problem)) => prop_assert_eq!(problem.code, "nothing_to_score"),
            (Some(expected), Ok(score)) => {
                prop_assert_eq!(&score.raw_exact, &expected.raw);
                prop_assert_eq!(score.raw.to_string(), expected.raw.to_fixed(2));
                prop_assert_eq!(score.final_score.to_string(), expected.last.to_fixed(2));
                prop_assert_eq!(&score.hidden, &expected.hidden);
                prop_assert_eq!(&score.critical_failed, &expected.failed);
            }
            (expected, score) => prop_assert!(false, "{:?} against {:?}", expected.map(|it| it.raw), score),
        }
    }

    #[test]
    fn earned_never_passes_possible_and_scores_stay_between_0_and_100((checklist, answers) in visit()) {
        if let Ok(score) = score_visit(&checklist, &answers) {
            for section in score.sections.values() {
                prop_assert!(section.earned <= section.possible && section.bonus.units() >= 0);
            }
            let all = score.sections.values().map(|it| it.score);
            let percentages = all.chain(score.pillars.values().copied()).chain(score.touchpoints.values().copied());
            for percentage in percentages.chain([score.raw, score.final_score]) {
                prop_assert!((0..=10_000).contains(&percentage.units()));
            }
        }
    }

    #[test]
    fn the_critical_rule_never_raises_a_score((checklist, answers) in visit()) {
        if let Ok(score) = score_visit(&checklist, &answers) {
            prop_assert!(score.final_score <= score.raw);
            prop_assert!(!score.critical_failed.is_empty() || score.final_score == score.raw);
        }
    }

    #[test]
    fn not_applicable_never_changes_another_section((checklist, mut answers) in visit(), pick in any::<prop::sample::Index>()) {
        let items: Vec<&Item> = checklist.items().filter(|it| it.accepts_na()).collect();
        prop_assume!(!items.is_empty());
        let id = pick.get(&items).id.clone();
        prop_assume!(!is_looked_at(&checklist, &id));
        let before = score_visit(&checklist, &answers);
        answers.insert(id.clone(), Answer::NotApplicable);
        if let (Ok(before), Ok(after)) = (before, score_visit(&checklist, &answers)) {
            for (section, score) in before.sections.iter().filter(|(it, _)| !id.starts_with(it.as_str())) {
                prop_assert_eq!(Some(score), after.sections.get(section));
            }
        }
    }

    #[test]
    fn a_better_answer_never_lowers_a_score((checklist, answers) in visit(), pick in any::<prop::sample::Index>(), better in 0..5_usize) {
        let items: Vec<&Item> = checklist.items().collect();
        let item = *pick.get(&items);
        prop_assume!(!is_looked_at(&checklist, &item.id));
        let worse = answers.get(&item.id).filter(|it| **it != Answer::NotApplicable).cloned();
        let (Some(worse), Some(better)) = (worse, answer(item, better)) else { return Ok(()) };
        let (worse, better) = if credit(item, &worse) <= credit(item, &better) { (worse, better) } else { (better, worse) };
        let with = |it: Answer| { let mut answers = answers.clone(); answers.insert(item.id.clone(), it); answers };
        if let (Ok(low), Ok(high)) = (score_visit(&checklist, &with(worse)), score_visit(&checklist, &with(better))) {
            prop_assert!(low.raw_exact <= high.raw_exact);
            prop_assert!(low.final_score <= high.final_score);
        }
    }

    #[test]
    fn the_explanation_redoes_the_sum((checklist, answers) in visit()) {
        if let Ok(score) = score_visit(&checklist, &answers) {
            for (id, section) in &score.sections {
                let found = (section.earned.units(), section.possible.units(), section.bonus.units());
                prop_assert_eq!(explained_points(&score, id), found);
            }
            let told: Vec<_> = score.explain.iter().filter_map(|it| match it { Explanation::Item(it) => Some(it), _ => None }).collect();
            prop_assert_eq!(told.len(), checklist.items().count());
            let excluded: Vec<&String> = told.iter().filter(|it| it.state == ItemState::Excluded && it.weight > 0).map(|it| &it.item).collect();
            prop_assert_eq!(excluded, score.excluded.iter().collect::<Vec<_>>());
            let Some(Explanation::Visit(visit)) = score.explain.iter().find(|it| matches!(it, Explanation::Visit(_))) else { panic!("no visit step") };
            let quotient = visit.numerator.checked_div(&visit.denominator).unwrap().min(Exact::from(100));
            prop_assert_eq!(&quotient, &score.raw_exact);
            let Some(Explanation::Band(band)) = score.explain.last() else { panic!("no band step") };
            prop_assert!(band.from <= score.final_score && band.below.is_none_or(|it| score.final_score < it));
            prop_assert_eq!(&band.band, &score.band);
        }
    }

    #[test]
    fn the_quick_form_differs_only_in_the_explanation((checklist, answers) in visit()) {
        let prepared = PreparedChecklist::new(&checklist).unwrap();
        if let (Ok(quick), Ok(mut explained)) = (prepared.score(&answers), prepared.score_explained(&answers)) {
            prop_assert!(quick.explain.is_empty());
            explained.explain.clear();
            prop_assert_eq!(quick, explained);
        }
    }

    #[test]
    fn pools_of_touchpoints_and_pillars_hold_every_point_once((checklist, answers) in visit()) {
        if let Ok(score) = score_visit(&checklist, &answers) {
            let total: i64 = score.sections.values().map(|it| it.possible.units()).sum();
            for pools in [&score.touchpoint_points, &score.pillar_points] {
                prop_assert_eq!(pools.values().map(|it| it.possible.units()).sum::<i64>(), total);
            }
        }
    }
}

#[test]
fn every_problem_of_a_checklist_that_cannot_be_scored_is_told() {
    let mut checklist = bank();
    checklist.scoring.bands = vec![Band { min: Exact::one(), ..checklist.scoring.bands[0].clone() }];
    checklist.scoring.critical.cap = None;
    checklist.sections[1].items[1].weight = 10_001;
    checklist.sections[2].items[2].when = Some("C01 == 'yes'".to_string());
    checklist.sections[3].items[0].id = "A01".to_string();
    checklist.sections[2].items[1].credit = None;
    let problem = score_visit(&checklist, &Answers::new()).unwrap_err();
    let fields: Vec<&str> = problem.errors.iter().map(|it| it.field.as_str()).collect();
    let expected = [
        "/scoring/bands/0/min",
        "/scoring/critical/cap",
        "/sections/1/items/1/weight",
        "/sections/2/items/1/credit",
        "/sections/2/items/2/when",
        "/sections/3/items/0/id",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn answers_that_are_not_of_the_checklist_are_refused_together() {
    let answers = Answers::from([
        ("A01".to_string(), Answer::Scale(3)),
        ("A02".to_string(), Answer::NotApplicable),
        ("B01#comment".to_string(), Answer::Text("hecho".to_string())),
        ("C04".to_string(), Answer::Scale(9)),
        ("X01".to_string(), Answer::Yes),
    ]);
    let problem = score_visit(&bank(), &answers).unwrap_err();
    let found: Vec<(&str, &str)> =
        problem.errors.iter().map(|it| (it.field.as_str(), it.code.as_str())).collect();
    assert_eq!(
        found,
        [("/A01", "wrong_type"), ("/A02", "wrong_type"), ("/C04", "wrong_type"), ("/X01", "unknown_item")]
    );
}
