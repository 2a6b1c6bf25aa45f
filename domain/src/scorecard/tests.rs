//! Each figure by a hand calculation, and laws.

use super::*;
use crate::statistics::level_95;
use alloc::{format, vec};
use proptest::prelude::*;

fn exact(text: &str) -> Exact {
    Exact::parse(text).unwrap()
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn points(earned: &str, possible: &str) -> Points {
    Points { earned: exact(earned), possible: exact(possible) }
}

/// A visit with points at the desk, and at the queue where `queue` says so.
fn visit(id: &str, branch: &str, auditor: &str, day: &str, score: &str) -> ScoredVisit {
    let desk = BTreeMap::from([("desk".to_string(), points("3", "4"))]);
    ScoredVisit {
        id: id.to_string(),
        branch: branch.to_string(),
        auditor: (!auditor.is_empty()).then(|| auditor.to_string()),
        date: date(day),
        channel: "presencial".to_string(),
        score: exact(score),
        sections: desk.clone(),
        touchpoints: desk.clone(),
        pillars: desk,
        has_critical: false,
        has_complete_evidence: true,
    }
}

fn quarter(id: &str, from: &str, to: &str) -> PeriodSpan {
    PeriodSpan { id: id.to_string(), from: date(from), to: date(to) }
}

fn settings() -> Settings {
    Settings {
        periods: vec![quarter("T1", "2026-01-01", "2026-03-31"), quarter("T2", "2026-04-01", "2026-06-30")],
        ..Settings::over(quarter("", "2026-01-01", "2026-01-01"))
    }
}

fn card_of(visits: &[ScoredVisit], settings: &Settings) -> Scorecard {
    scorecard("b1", &visits.iter().collect::<Vec<_>>(), settings)
}

fn four() -> Vec<ScoredVisit> {
    ["71.25", "83.10", "64.40", "78.00"]
        .iter()
        .enumerate()
        .map(|(index, score)| visit(&format!("v{index}"), "b1", "ana", "2026-05-04", score))
        .collect()
}

fn ends(figure: &Figure) -> [alloc::string::String; 2] {
    figure.interval.as_ref().unwrap().each_ref().map(ToString::to_string)
}

#[test]
fn the_index_is_the_mean_with_its_t_interval_and_says_what_it_rests_on() {
    let card = card_of(&four(), &settings());
    let index = card.index.unwrap();
    assert_eq!((index.figure.value.to_string(), index.figure.n), ("74.19".into(), 4));
    // 3.182446 x 8.132074 / 2 = 12.9399.
    assert_eq!(ends(&index.figure), ["61.25", "87.13"]);
    assert_eq!(index.figure.inputs["t"], "3.182446");
    assert_eq!(index.figure.inputs["half_width"], "12.9399");
    assert_eq!(index.max_visit_share.to_string(), "25.00");
    assert!(!index.single_visit);
    assert_eq!(card.visits, ["v0", "v1", "v2", "v3"]);
    assert_eq!(card.consistency.unwrap().value.to_string(), "8.13");
}

#[test]
fn a_single_visit_has_no_interval_and_says_so() {
    let card = card_of(&four()[..1], &settings());
    let index = card.index.unwrap();
    assert!(index.single_visit && index.figure.interval.is_none());
    assert_eq!((index.wording.es.as_str(), index.wording.en.as_str()), ("una sola visita", "a single visit"));
    assert!(card.consistency.is_none());
}

#[test]
fn no_visits_give_no_figures_rather_than_zeros() {
    let card = card_of(&[], &settings());
    assert_eq!(card.n, 0);
    assert!(card.index.is_none() && card.critical_rate.is_none() && card.trend.is_none());
    assert!(card.sections.is_empty() && card.coverage.is_none());
}

#[test]
fn pooled_scores_add_points_up_and_name_the_visits_without_any() {
    let mut visits = four();
    visits[0].touchpoints.insert("queue".to_string(), points("1", "10"));
    visits[1].touchpoints.insert("queue".to_string(), points("1", "2"));
    visits[2].touchpoints.insert("queue".to_string(), points("0", "0"));
    let mut with_target = settings();
    let target = Target { target: exact("90"), weight: exact("2") };
    with_target.touchpoint_targets = BTreeMap::from([
        ("queue".into(), target.clone()),
        ("desk".into(), Target { target: exact("70"), ..target }),
    ]);
    let card = card_of(&visits, &with_target);
    let queue = card.touchpoints.iter().find(|it| it.id == "queue").unwrap();
    // 2 of 12 pooled, not the mean of 10 % and 50 %.
    assert_eq!((queue.figure.value.to_string(), queue.figure.n), ("16.67".into(), 2));
    assert_eq!(queue.visits_without, ["v2", "v3"]);
    let gap = queue.gap.as_ref().unwrap();
    assert_eq!((gap.gap.to_string(), gap.priority.to_string()), ("73.33".into(), "146.67".into()));
    // A target that is exceeded has a negative gap and no priority.
    let desk = card.touchpoints.iter().find(|it| it.id == "desk").unwrap().gap.as_ref().unwrap();
    assert_eq!((desk.gap.to_string(), desk.priority.to_string()), ("-5.00".into(), "0.00".into()));
}

#[test]
fn a_pooled_score_has_the_interval_of_a_ratio_and_a_single_visit_none() {
    let desk = |all: &[(&str, &str)]| {
        let visits: Vec<ScoredVisit> = (0..)
            .zip(all)
            .map(|(index, (earned, possible))| {
                let mut visit = visit(&format!("v{index}"), "b1", "ana", "2026-05-04", "50");
                visit.touchpoints.insert("desk".to_string(), points(earned, possible));
                visit
            })
            .collect();
        card_of(&visits, &settings()).touchpoints.remove(0).figure
    };
    // Where all visits have the same possible points it is the interval of their mean: 3.182446 x 14.433757 / 2 = 22.9673.
    assert_eq!(ends(&desk(&[("3", "4"), ("2", "4"), ("3", "4"), ("2", "4")])), ["39.53", "85.47"]);
    // A visit with more points moves it more: 66.67 stands for 77.78, 55.56 and 66.67, 4.302653 x 11.111111 / 1.732051 = 27.6016.
    assert_eq!(ends(&desk(&[("3", "4"), ("1", "2")])), ["0.00", "100.00"]);
    let three = desk(&[("3", "4"), ("1", "2"), ("2", "3")]);
    assert_eq!((three.value.to_string(), ends(&three)), ("66.67".into(), ["39.07".into(), "94.27".into()]));
    assert_eq!(desk(&[("3", "4")]).interval, None);
}

#[test]
fn an_arrow_needs_an_interval_that_excludes_zero() {
    let mut visits = four();
    for (index, score) in ["50", "51", "49", "50"].iter().enumerate() {
        visits.push(visit(&format!("p{index}"), "b1", "ana", "2026-02-04", score));
    }
    let trend = card_of(&visits, &settings()).trend.unwrap();
    assert_eq!((trend.difference.value.to_string(), trend.arrow), ("24.19".into(), Arrow::Up));
    assert_eq!((trend.previous_period.as_str(), trend.previous.to_string()), ("T1", "50.00".into()));
    assert_eq!(trend.slope.unwrap().value.to_string(), "24.19");
    for it in &mut visits {
        it.score = Exact::from(100) - &it.score;
    }
    assert_eq!(card_of(&visits, &settings()).trend.unwrap().arrow, Arrow::Down);
    // A better mean of visits that scatter proves nothing either.
    let scattered =
        [four(), vec![visit("p", "b1", "", "2026-02-04", "60"), visit("q", "b1", "", "2026-02-04", "80")]]
            .concat();
    let trend = card_of(&scattered, &settings()).trend.unwrap();
    assert_eq!((trend.difference.value.to_string(), trend.arrow), ("4.19".into(), Arrow::None));
    assert!(trend.difference.interval.is_some());
    // A single visit before proves nothing.
    let alone = [four(), vec![visit("p", "b1", "ana", "2026-02-04", "1")]].concat();
    let trend = card_of(&alone, &settings()).trend.unwrap();
    assert_eq!((trend.arrow, trend.difference.interval), (Arrow::None, None));
}

#[test]
fn the_slope_counts_periods_without_visits_as_time_that_passed() {
    let mut settings = settings();
    settings.periods = vec![
        quarter("T1", "2026-01-01", "2026-03-31"),
        quarter("T2", "2026-04-01", "2026-06-30"),
        quarter("T3", "2026-07-01", "2026-09-30"),
    ];
    let visits = [visit("a", "b1", "", "2026-02-01", "60"), visit("b", "b1", "", "2026-08-01", "80")];
    let trend = card_of(&visits, &settings).trend.unwrap();
    assert_eq!(trend.slope.unwrap().value.to_string(), "10.00");
    assert_eq!(trend.periods.iter().map(|it| it.period.as_str()).collect::<Vec<_>>(), ["T1", "T3"]);
}

#[test]
fn rates_carry_wilson_intervals_and_coverage_its_plan() {
    let mut visits = four();
    visits[1].has_critical = true;
    visits[2].has_complete_evidence = false;
    let mut settings = settings();
    settings.planned = BTreeMap::from([("b1".to_string(), 5), ("b2".to_string(), 3)]);
    let card = card_of(&visits, &settings);
    let critical = card.critical_rate.unwrap();
    assert_eq!(
        (critical.value.to_string(), ends(&critical)),
        ("25.00".into(), ["4.56".into(), "69.94".into()])
    );
    assert_eq!(card.evidence_rate.unwrap().value.to_string(), "75.00");
    assert_eq!(card.coverage.unwrap().value.to_string(), "80.00");
    let network = scorecards(&visits, &settings).network;
    assert_eq!(network.coverage.unwrap().value.to_string(), "50.00");
}

#[test]
fn visits_outside_the_shown_period_are_not_counted() {
    let mut visits = four();
    visits.push(visit("late", "b1", "ana", "2026-07-01", "0"));
    visits.push(visit("first", "b1", "ana", "2026-04-01", "80"));
    visits.push(visit("last", "b1", "ana", "2026-06-30", "80"));
    assert_eq!(card_of(&visits, &settings()).n, 6);
}

#[test]
fn branches_stand_by_their_shrunken_score_and_few_visits_hide_the_rank() {
    let mut settings = settings();
    settings.shrinkage_k = Some(exact("2.068"));
    let mut visits = vec![visit("z", "one", "", "2026-05-01", "98")];
    for index in 0..4 {
        visits.push(visit(&format!("f{index}"), "four", "", "2026-05-01", "74.1875"));
    }
    for index in 0..12 {
        visits.push(visit(&format!("t{index}"), "twelve", "", "2026-05-01", "91"));
    }
    let got = scorecards(&visits, &settings);
    let rows: Vec<_> =
        got.standings.iter().map(|it| (it.branch.as_str(), it.weight.to_string(), it.rank, it.of)).collect();
    assert_eq!(
        rows,
        [
            ("one", "0.325945".to_string(), None, 2),
            ("twelve", "0.853000".to_string(), Some(1), 2),
            ("four", "0.659196".to_string(), Some(2), 2),
        ]
    );
    // Grand mean of the 17 visits: (98 + 296.75 + 1092) / 17.
    assert_eq!(got.shrinkage.unwrap().grand_mean.to_string(), "87.455882");
}

#[test]
fn ties_are_broken_by_more_visits_then_by_id() {
    let mut settings = settings();
    settings.shrinkage_k = Some(Exact::one());
    settings.min_n = 1;
    let mut visits = Vec::new();
    for (branch, count) in [("b", 2), ("a", 2), ("c", 3)] {
        for index in 0..count {
            visits.push(visit(&format!("{branch}{index}"), branch, "", "2026-05-01", "80"));
        }
    }
    let order: Vec<_> = scorecards(&visits, &settings).standings.into_iter().map(|it| it.branch).collect();
    assert_eq!(order, ["c", "a", "b"]);
}

#[test]
fn branches_that_do_not_differ_have_no_rank() {
    let visits: Vec<ScoredVisit> = ["a", "b"]
        .iter()
        .flat_map(|branch| {
            ["70", "80", "90", "60"].iter().enumerate().map(move |(index, score)| {
                visit(&format!("{branch}{index}"), branch, "", "2026-05-01", score)
            })
        })
        .collect();
    let got = scorecards(&visits, &settings());
    assert_eq!(got.shrinkage.unwrap().k, None);
    assert!(got.standings.iter().all(|it| it.rank.is_none() && it.shrunken.to_string() == "75.00"));
}

#[test]
fn an_auditor_is_compared_with_others_in_the_same_branches_only() {
    let mut visits = vec![
        visit("1", "a", "hard", "2026-05-01", "60"),
        visit("2", "a", "soft", "2026-05-01", "80"),
        visit("3", "b", "hard", "2026-05-01", "70"),
        visit("4", "b", "soft", "2026-05-01", "86"),
        visit("5", "b", "soft", "2026-05-01", "90"),
        visit("6", "c", "hard", "2026-05-01", "100"),
        visit("7", "c", "", "2026-05-01", "0"),
    ];
    visits[0].has_critical = true;
    let got = severity(&visits, &level_95());
    let hard = &got[0];
    assert_eq!((hard.auditor.as_str(), hard.n, hard.shared_branches), ("hard", 3, 2));
    assert_eq!(hard.mean.to_string(), "76.67");
    assert_eq!(hard.own_mean.as_ref().unwrap().to_string(), "65.00");
    assert_eq!(hard.others_mean.as_ref().unwrap().to_string(), "84.00");
    assert_eq!(hard.difference.as_ref().unwrap().value.to_string(), "-19.00");
    assert_eq!(hard.critical_rate.as_ref().unwrap().value.to_string(), "33.33");
    assert_eq!(got[1].difference.as_ref().unwrap().value.to_string(), "19.00");
    assert_eq!(got.len(), 2, "an unassigned visit is nobody's");
}

#[test]
fn survey_figures_keep_their_definitions() {
    let nps = nps_of(&Ratings::from([(10, 40), (9, 5), (8, 30), (6, 20), (0, 5)]), &level_95()).unwrap();
    assert_eq!(
        (nps.figure.value.to_string(), ends(&nps.figure)),
        ("20.00".into(), ["4.08".into(), "35.92".into()])
    );
    let csat = csat(&Ratings::from([(5, 10), (4, 7), (1, 3)]), &level_95()).unwrap();
    assert_eq!(
        (csat.figure.value.to_string(), ends(&csat.figure)),
        ("85.00".into(), ["63.96".into(), "94.76".into()])
    );
    assert_eq!(csat.mean.unwrap().to_string(), "4.05");
    let ces = ces(&Ratings::from([(7, 3), (5, 1), (4, 4)]), &level_95()).unwrap();
    assert_eq!((ces.figure.value.to_string(), ces.definition.as_str()), ("50.00".into(), "5-7 on 1-7"));
}

#[test]
fn a_rating_off_its_scale_or_nobody_give_no_figure() {
    assert!(nps_of(&Ratings::from([(11, 1)]), &level_95()).is_none());
    assert!(csat(&Ratings::from([(0, 1), (5, 1)]), &level_95()).is_none());
    assert!(ces(&Ratings::from([(8, 1)]), &level_95()).is_none());
    assert!(csat(&Ratings::new(), &level_95()).is_none());
}

#[test]
fn channels_have_their_own_index() {
    let mut visits = four();
    visits[3].channel = "telefonico".to_string();
    let card = card_of(&visits, &settings());
    let rows: Vec<_> =
        card.channels.iter().map(|it| (it.id.as_str(), it.index.figure.n, it.index.single_visit)).collect();
    assert_eq!(rows, [("presencial", 3, false), ("telefonico", 1, true)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_of_the_visits_changes_nothing(
        (visits, shuffled) in prop::collection::vec((0_i64..=10_000, 0_usize..4, 0_usize..3, any::<bool>()), 1..24)
            .prop_map(|it| {
                it.into_iter().enumerate().map(|(index, (score, branch, day, critical))| {
                    let day = ["2026-02-01", "2026-05-01", "2026-09-01"][day];
                    let mut it = visit(&format!("v{index:02}"), ["a", "b", "c", "d"][branch], ["x", "y", ""][index % 3], day, "0");
                    it.score = Exact::scaled(score, 2);
                    it.has_critical = critical;
                    it
                }).collect::<Vec<_>>()
            })
            .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
    ) {
        let (a, b) = (scorecards(&visits, &settings()), scorecards(&shuffled, &settings()));
        prop_assert_eq!(serde_json::to_string(&a).unwrap(), serde_json::to_string(&b).unwrap());
        prop_assert_eq!(severity(&visits, &level_95()), severity(&shuffled, &level_95()));
        let visits: u32 = a.branches.iter().map(|it| it.n).sum();
        prop_assert_eq!(visits, a.network.n);
    }
}

#[test]
fn the_league_shows_the_figures_of_the_cards() {
    let visits = [
        visit("v1", "b1", "a", "2026-04-02", "80"),
        visit("v2", "b1", "b", "2026-05-02", "90"),
        visit("v3", "b2", "a", "2026-05-09", "70"),
        visit("v4", "b2", "b", "2026-06-09", "71.25"),
        visit("v5", "b3", "a", "2026-06-12", "99"),
        visit("v6", "b4", "a", "2020-01-01", "10"),
    ];
    let settings = Settings::over(quarter("2026-T2", "2026-04-01", "2026-06-30"));
    let (cards, league) = (scorecards(&visits, &settings), league(&visits, &settings));
    assert_eq!((&league.network, &league.standings), (&cards.network, &cards.standings));
    let of_cards: BTreeMap<String, Index> =
        cards.branches.into_iter().filter_map(|it| Some((it.scope, it.index?))).collect();
    assert_eq!(league.indexes, of_cards);
    assert_eq!(league.indexes.len(), 3);
}
