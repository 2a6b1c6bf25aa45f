//! Scorecards of the network and of a branch: figures of the use cases made readable, as addresses of pages. Computes nothing but the
//! place of a mark on a line from 0 to 100.

use super::{
    page, place as at,
    shell::{Shell, Visitor},
    ui::Pager,
    words::Words,
};
use crate::{
    app::{
        period::Period,
        scorecards::{self, BranchRow, BranchScorecard, Expectation, NetworkScorecard, RegionRow},
    },
    error::ApiError,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{
    Date, Exact, Rounded,
    access::{Permission, Target},
    ids::{BranchId, RegionId},
    scorecard::{Arrow, Figure, Gap, Index, PeriodIndex, Pooled, Trend},
};
use serde::Deserialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Branches in the tables of the best and the worst.
const ROWS: usize = 10;
/// Regions on a page.
const REGIONS: usize = 40;
/// Width of the line that a figure is marked on.
const LINE: i64 = 100;
/// Width of the field that a trend is drawn on.
const TREND_WIDTH: i64 = 300;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    at(config, "/scorecards", |it| it.route(web::get().to(network)));
    at(config, "/scorecards/{branch}", |it| it.route(web::get().to(branch)));
}

/// What the pages are asked with.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
    region: Option<Uuid>,
    /// How many regions were shown on the pages before.
    regions_from: Option<usize>,
}

impl Asked {
    /// The period asked for; the year up to today where none is.
    pub(super) fn period(&self, visitor: &Visitor) -> Result<Period, ApiError> {
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            return Period::read("", from, to);
        }
        let today = visitor.app.environment.now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
        let today = Date::parse(&today).ok_or_else(|| ApiError::internal("no such day"))?;
        Ok(Period { from: today, to: today }.year_before())
    }
}

async fn network(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    let period = asked.period(&visitor)?;
    let (region, principal) = (asked.region.map(RegionId), visitor.principal.clone());
    let found = visitor.app.read(move |tx| scorecards::network(tx, &principal, period, region)).await?;
    let reads_visits = visitor.principal.may(Permission::ReadVisits, &Target::Own);
    page(
        StatusCode::OK,
        &NetworkPage::of(visitor.shell("/scorecards"), &found, (reads_visits, asked.regions_from)),
    )
}

async fn branch(
    visitor: Visitor,
    branch: web::Path<Uuid>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let period = asked.period(&visitor)?;
    let (branch, principal, inside) =
        (BranchId(branch.into_inner()), visitor.principal.clone(), visitor.app.clone());
    let found =
        visitor.app.read(move |tx| scorecards::branch(tx, &inside, &principal, branch, period)).await?;
    let may = |it: &[Permission]| it.iter().any(|it| visitor.principal.may(*it, &Target::Own));
    let ways = Ways {
        reads_visits: may(&[Permission::ReadVisits, Permission::ReadPublishedVisits]),
        reads_appeals: may(&[Permission::AppealVisits, Permission::ReviewVisits]),
    };
    page(StatusCode::OK, &BranchPage::of(visitor.shell("/scorecards"), &found, &ways))
}

/// Where a reader may go on from a scorecard.
struct Ways {
    reads_visits: bool,
    reads_appeals: bool,
}

/// A figure with its name.
struct Labelled {
    label: String,
    value: String,
    note: String,
}

/// Marks on a line from 0 to 100.
struct Chart {
    point: String,
    range: Option<(String, String)>,
    target: Option<String>,
}

/// A named figure with its marks.
struct PooledRow {
    label: String,
    value: String,
    n: u32,
    interval: String,
    note: String,
    /// Gap to what people expect, with how many were asked.
    expected: String,
    chart: Option<Chart>,
}

/// A table of pooled figures.
struct Group {
    heading: String,
    has_expected: bool,
    rows: Vec<PooledRow>,
}

/// A region in the network.
struct RegionLine {
    href: String,
    name: String,
    branches: u32,
    n: u32,
    index: String,
    interval: String,
    critical: u32,
    chart: Option<Chart>,
}

/// An index through time: a line on a field of 300 by 100, and its figures.
struct Trending {
    line: String,
    marks: Vec<(String, String)>,
    rows: Vec<TrendRow>,
}

/// The index of one period.
struct TrendRow {
    period: String,
    n: u32,
    index: String,
}

/// A branch in a table of the network.
struct Row {
    branch: String,
    name: String,
    code: String,
    /// Where the visits behind it are.
    visits: String,
    n: u32,
    index: String,
    interval: String,
    shrunken: String,
    rank: String,
    chart: Option<Chart>,
}

/// A table of branches.
struct Table {
    heading: String,
    caption: String,
    rows: Vec<Row>,
}

/// All branches.
#[derive(Template)]
#[template(path = "network.html")]
pub(crate) struct NetworkPage {
    shell: Shell,
    from: String,
    to: String,
    /// The region that is shown; empty for all.
    region: String,
    /// Regions above it and itself, with where each is.
    path: Vec<(String, String)>,
    figures: Vec<Labelled>,
    regions: Vec<RegionLine>,
    pager: Pager,
    bands: Vec<Labelled>,
    tables: Vec<Table>,
}

impl NetworkPage {
    fn of(shell: Shell, network: &NetworkScorecard, (reads_visits, skipped): (bool, Option<usize>)) -> Self {
        let words = shell.words.clone();
        let (words, period) = (&words, network.period);
        let at =
            |region: &RegionId| format!("/scorecards?region={region}&from={}&to={}", period.from, period.to);
        let path = network.within.iter().map(|it| (at(&it.id), it.name.clone()));
        let mut figures = vec![labelled(&words.say("scorecard-visits"), network.n.to_string(), "")];
        figures.push(labelled(&words.say("scorecard-branches"), network.branches.len().to_string(), ""));
        figures.extend(network.index.as_ref().map(|it| index_figure(words, it)));
        figures.extend(network.critical_rate.as_ref().map(|it| rate_figure(words, it)));
        let bands = network.bands.iter().map(|it| {
            let title = words.lang.text(&it.title);
            let title = if title.is_empty() { it.id.as_str() } else { title };
            let share = domain::Exact::from(it.visits * 100).checked_div(&domain::Exact::from(network.n));
            let share = share.map(|it| it.to_fixed(1)).unwrap_or_default();
            labelled(title, it.visits.to_string(), &share)
        });
        Self {
            from: period.from.to_string(),
            to: period.to.to_string(),
            region: network.region.map(|it| it.to_string()).unwrap_or_default(),
            path: path.collect(),
            regions: network
                .regions
                .iter()
                .skip(skipped.unwrap_or_default())
                .take(REGIONS)
                .map(|it| region_line(words, at(&it.region.id), it))
                .collect(),
            pager: pager(words, network, skipped.unwrap_or_default()),
            figures,
            bands: bands.collect(),
            tables: tables(words, &network.branches, (period, reads_visits)),
            shell,
        }
    }
}

/// The next regions, where there are more than a page shows.
fn pager(words: &Words, network: &NetworkScorecard, skipped: usize) -> Pager {
    let region = network.region.map(|it| format!("region={it}&")).unwrap_or_default();
    let at = format!("/scorecards?{region}from={}&to={}", network.period.from, network.period.to);
    let shown = skipped.saturating_add(REGIONS);
    let next = (network.regions.len() > shown)
        .then(|| (format!("{at}&regions_from={shown}"), words.say("pager-next")));
    let first = (skipped > 0).then(|| (at, words.say("pager-first")));
    Pager { label: words.say("scorecard-regions"), next, first }
}

fn region_line(words: &Words, href: String, it: &RegionRow) -> RegionLine {
    let figure = &it.index.figure;
    RegionLine {
        href,
        name: it.region.name.clone(),
        branches: it.branches,
        n: it.n,
        index: figure.value.to_string(),
        interval: interval_of(words, figure.interval.as_ref()),
        critical: it.critical_visits,
        chart: Some(chart(&figure.value, figure.interval.as_ref(), None)),
    }
}

/// An interval, or that there is none since it rests on a single visit.
fn interval_of(words: &Words, interval: Option<&[Rounded; 2]>) -> String {
    interval.map_or_else(|| words.say("scorecard-single"), interval_text)
}

fn tables(words: &Words, branches: &[BranchRow], behind: (Period, bool)) -> Vec<Table> {
    let caption = &words.say("scorecard-ranking-caption");
    let table = |heading: &str, rows: Vec<Row>| Table {
        heading: heading.to_owned(),
        caption: caption.to_owned(),
        rows,
    };
    if branches.len() <= ROWS * 2 {
        let all = branches.iter().map(|it| row(words, it, behind)).collect();
        return vec![table(&words.say("scorecard-branches"), all)];
    }
    let best = branches.iter().take(ROWS).map(|it| row(words, it, behind)).collect();
    let worst = branches.iter().rev().take(ROWS).map(|it| row(words, it, behind)).collect();
    vec![table(&words.say("scorecard-best"), best), table(&words.say("scorecard-worst"), worst)]
}

fn row(words: &Words, it: &BranchRow, (period, reads_visits): (Period, bool)) -> Row {
    let days = format!("from={}&to={}", period.from, period.to);
    Row {
        visits: if reads_visits {
            format!("/visits?branch={}&state=published,appealed,locked&{days}", it.id)
        } else {
            format!("/scorecards/{}?{days}#visits", it.id)
        },
        branch: it.id.to_string(),
        name: it.name.clone(),
        code: it.code.clone(),
        n: it.n,
        index: it.index.to_string(),
        interval: interval_of(words, it.interval.as_ref()),
        shrunken: it.shrunken.to_string(),
        rank: it.rank.map_or_else(|| "–".to_owned(), |it| it.to_string()),
        chart: Some(chart(&it.shrunken, it.interval.as_ref(), None)),
    }
}

/// One branch.
#[derive(Template)]
#[template(path = "branch.html")]
pub(crate) struct BranchPage {
    shell: Shell,
    branch: String,
    name: String,
    code: String,
    from: String,
    to: String,
    figures: Vec<Labelled>,
    trend: Option<Trending>,
    groups: Vec<Group>,
    visits: Vec<VisitRow>,
    reads_visits: bool,
    reads_appeals: bool,
}

/// A visit of the branch.
struct VisitRow {
    id: String,
    date: String,
    score: String,
    band: String,
    critical: u32,
}

impl BranchPage {
    fn of(shell: Shell, found: &BranchScorecard, ways: &Ways) -> Self {
        let words = shell.words.clone();
        let words = &words;
        let card = &found.card;
        let named = |it: &Pooled| {
            found.titles.get(&it.id).map_or_else(|| readable(&it.id), |it| words.lang.text(it).to_owned())
        };
        let nothing = BTreeMap::new();
        let group = |heading: &str, pooled: &[Pooled], expected: &BTreeMap<String, Expectation>| Group {
            heading: heading.to_owned(),
            has_expected: !expected.is_empty(),
            rows: pooled.iter().map(|it| pooled_row(words, named(it), it, expected.get(&it.id))).collect(),
        };
        let groups = vec![
            group(&words.say("scorecard-touchpoints"), &card.touchpoints, &found.expectations),
            group(&words.say("scorecard-sections"), &card.sections, &nothing),
            group(&words.say("scorecard-pillars"), &card.pillars, &nothing),
        ];
        let visits = found.visits.iter().map(|it| VisitRow {
            id: it.id.to_string(),
            date: it.date.to_string(),
            score: it.score.to_string(),
            band: readable(it.band.as_deref().unwrap_or_default()),
            critical: it.critical_failed,
        });
        Self {
            branch: found.branch.id.to_string(),
            name: found.branch.name.clone(),
            code: found.branch.code.clone(),
            from: found.period.from.to_string(),
            to: found.period.to.to_string(),
            figures: branch_figures(words, found),
            trend: card.trend.as_ref().and_then(trending),
            reads_visits: ways.reads_visits,
            reads_appeals: ways.reads_appeals,
            groups: groups.into_iter().filter(|it| !it.rows.is_empty()).collect(),
            visits: visits.collect(),
            shell,
        }
    }
}

/// The line of an index through time; none for fewer than two periods.
fn trending(trend: &Trend) -> Option<Trending> {
    let steps = i64::try_from(trend.periods.len().checked_sub(1)?).ok().filter(|it| *it > 0)?;
    let at = |(step, it): (i64, &PeriodIndex)| {
        let across = Exact::from(step * TREND_WIDTH).checked_div(&Exact::from(steps))?;
        let down = Exact::from(LINE) - place(it.index.value());
        Some((across.to_fixed(2), down.to_fixed(2)))
    };
    let marks: Vec<(String, String)> = (0_i64..).zip(&trend.periods).filter_map(at).collect();
    let rows = trend.periods.iter().map(|it| TrendRow {
        period: it.period.replace('/', " – "),
        n: it.n,
        index: it.index.to_string(),
    });
    let line = marks.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ");
    Some(Trending { line, marks, rows: rows.collect() })
}

fn branch_figures(words: &Words, found: &BranchScorecard) -> Vec<Labelled> {
    let card = &found.card;
    let Some(index) = &card.index else { return Vec::new() };
    let mut figures = vec![index_figure(words, index)];
    figures.push(labelled(&words.say("scorecard-visits"), card.n.to_string(), ""));
    if let Some(standing) = &found.standing {
        let rank =
            standing.rank.map(|it| format!("{} / {}", words.count("scorecard-in-rank", it), standing.of));
        figures.push(labelled(
            &words.say("scorecard-shrunken-index"),
            standing.shrunken.to_string(),
            &rank.unwrap_or_default(),
        ));
    }
    if let Some(gap) = &index.gap {
        figures.push(labelled(&words.say("scorecard-gap-to-target"), gap.gap.to_string(), &goal(words, gap)));
    }
    if let Some(trend) = &card.trend {
        let arrow = match trend.arrow {
            Arrow::Up => &words.say("scorecard-better"),
            Arrow::Down => &words.say("scorecard-worse"),
            Arrow::None => &words.say("scorecard-unproven"),
        };
        let note = format!("{arrow}; {} {}", &words.say("scorecard-before"), trend.previous);
        figures.push(labelled(&words.say("scorecard-trend"), trend.difference.value.to_string(), &note));
    }
    let rest = [
        (&words.say("scorecard-consistency"), &card.consistency),
        (&words.say("scorecard-coverage"), &card.coverage),
    ];
    figures.extend(
        rest.into_iter()
            .filter_map(|(label, it)| it.as_ref().map(|it| labelled(label, it.value.to_string(), ""))),
    );
    figures.extend(card.critical_rate.as_ref().map(|it| rate_figure(words, it)));
    figures
}

fn goal(words: &Words, gap: &Gap) -> String {
    format!("{} {}", &words.say("scorecard-target"), gap.target)
}

fn labelled(label: &str, value: String, note: &str) -> Labelled {
    Labelled { label: label.to_owned(), value, note: note.to_owned() }
}

fn index_figure(words: &Words, index: &Index) -> Labelled {
    let note = match &index.figure.interval {
        Some(interval) => {
            format!("{} {}", &words.say("scorecard-interval"), interval_text(interval))
        }
        None => words.lang.text(&index.wording).to_owned(),
    };
    labelled(&words.say("scorecard-index"), index.figure.value.to_string(), &note)
}

fn rate_figure(words: &Words, figure: &Figure) -> Labelled {
    let note = figure.interval.as_ref().map(interval_text).unwrap_or_default();
    labelled(&words.say("scorecard-critical-visits"), figure.value.to_string(), &note)
}

fn interval_text(interval: &[Rounded; 2]) -> String {
    let [low, high] = interval;
    format!("{low} – {high}")
}

fn pooled_row(words: &Words, label: String, it: &Pooled, expected: Option<&Expectation>) -> PooledRow {
    let expected = expected.map(|it| {
        let asked = it.n.map(|n| format!(" (n {n})")).unwrap_or_default();
        format!("{}{asked}", it.gap)
    });
    let interval = it.figure.interval.as_ref();
    PooledRow {
        label,
        value: it.figure.value.to_string(),
        n: it.figure.n,
        interval: interval_of(words, interval),
        note: it.gap.as_ref().map(|it| it.gap.to_string()).unwrap_or_default(),
        expected: expected.unwrap_or_default(),
        chart: Some(chart(&it.figure.value, interval, it.gap.as_ref().map(|it| &it.target))),
    }
}

fn chart(point: &Rounded, interval: Option<&[Rounded; 2]>, target: Option<&Rounded>) -> Chart {
    let range = interval.map(|[low, high]| {
        let (low, high) = (place(low.value()), place(high.value()));
        (low.to_fixed(2), (high - &low).to_fixed(2))
    });
    Chart {
        point: place(point.value()).to_fixed(2),
        range,
        target: target.map(|it| place(it.value()).to_fixed(2)),
    }
}

/// The place of a value on the line; what lies beyond its ends is drawn at the end.
fn place(value: &domain::Exact) -> domain::Exact {
    value.clone().max(domain::Exact::zero()).min(domain::Exact::from(LINE))
}

/// `orientacion_espera` as words.
pub(super) fn readable(id: &str) -> String {
    let words = id.rsplit('/').next().unwrap_or_default().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
