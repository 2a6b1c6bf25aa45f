//! What stands on each page, as texts: figures of the use cases made readable. Computes nothing but the place of a mark
//! on a line from 0 to 100.

use super::lang::Lang;
use crate::app::{
    period::Period,
    scorecards::{BranchRow, BranchScorecard, NetworkScorecard},
};
use askama::Template;
use domain::{
    Problem, Rounded,
    scorecard::{Arrow, Figure, Gap, Index, Pooled},
};

/// Branches in the tables of the best and the worst.
const ROWS: usize = 10;
/// Width of the line that a figure is marked on.
const LINE: i64 = 100;

/// What every page has around it.
pub(crate) struct Frame {
    pub(crate) lang: Lang,
    /// Who is signed in.
    pub(crate) person: Option<String>,
    /// The rest of the address, kept when the language changes; ends with `&`.
    pub(crate) query: String,
}

impl Frame {
    fn bare(lang: Lang) -> Self {
        Self { lang, person: None, query: String::new() }
    }
}

/// The form to sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    frame: Frame,
    problems: Vec<String>,
    organization: String,
    login: String,
}

impl SignInPage {
    pub(crate) fn empty(lang: Lang) -> Self {
        Self::again(lang, "", "")
    }

    /// The form with what was typed, but for the password.
    pub(crate) fn again(lang: Lang, organization: &str, login: &str) -> Self {
        Self {
            frame: Frame::bare(lang),
            problems: Vec::new(),
            organization: organization.to_owned(),
            login: login.to_owned(),
        }
    }

    pub(crate) fn with(self, problems: Vec<String>) -> Self {
        Self { problems, ..self }
    }
}

/// A refusal.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage {
    frame: Frame,
    heading: String,
    texts: Vec<String>,
}

impl ProblemPage {
    pub(crate) fn of(lang: Lang, problem: &Problem) -> Self {
        let heading = match problem.status {
            403 => lang.t("Sin permiso", "Not allowed"),
            404 => lang.t("No existe", "Not found"),
            400..=499 => lang.t("No se entiende la solicitud", "The request is not understood"),
            _ => lang.t("Falló algo nuestro", "Something of ours failed"),
        };
        Self { frame: Frame::bare(lang), heading: heading.to_owned(), texts: lang.problem(problem) }
    }
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
    note: String,
    chart: Option<Chart>,
}

/// A table of pooled figures.
struct Group {
    heading: String,
    rows: Vec<PooledRow>,
}

/// A branch in a table of the network.
struct Row {
    branch: String,
    name: String,
    code: String,
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
    frame: Frame,
    from: String,
    to: String,
    figures: Vec<Labelled>,
    bands: Vec<Labelled>,
    tables: Vec<Table>,
}

impl NetworkPage {
    pub(crate) fn of(frame: Frame, network: &NetworkScorecard, period: Period) -> Self {
        let lang = frame.lang;
        let mut figures = vec![labelled(lang.t("Visitas", "Visits"), network.n.to_string(), "")];
        figures.push(labelled(lang.t("Sucursales", "Branches"), network.branches.len().to_string(), ""));
        figures.extend(network.index.as_ref().map(|it| index_figure(lang, it)));
        figures.extend(network.critical_rate.as_ref().map(|it| rate_figure(lang, it)));
        let bands = network.bands.iter().map(|it| {
            let title = lang.text(&it.title);
            let title = if title.is_empty() { it.id.as_str() } else { title };
            let share = domain::Exact::from(it.visits * 100).checked_div(&domain::Exact::from(network.n));
            let share = share.map(|it| it.to_fixed(1)).unwrap_or_default();
            labelled(title, it.visits.to_string(), &share)
        });
        Self {
            from: period.from.to_string(),
            to: period.to.to_string(),
            figures,
            bands: bands.collect(),
            tables: tables(lang, &network.branches),
            frame,
        }
    }
}

fn tables(lang: Lang, branches: &[BranchRow]) -> Vec<Table> {
    let caption = lang.t(
        "Por el índice ajustado: con pocas visitas pesa más la media de la red. El lugar se oculta con menos de 4 visitas.",
        "By the shrunken index: with few visits the mean of the network weighs more. The rank is hidden below 4 visits.",
    );
    let table = |heading: &str, rows: Vec<Row>| Table {
        heading: heading.to_owned(),
        caption: caption.to_owned(),
        rows,
    };
    if branches.len() <= ROWS * 2 {
        let all = branches.iter().map(|it| row(lang, it)).collect();
        return vec![table(lang.t("Sucursales", "Branches"), all)];
    }
    let best = branches.iter().take(ROWS).map(|it| row(lang, it)).collect();
    let worst = branches.iter().rev().take(ROWS).map(|it| row(lang, it)).collect();
    vec![
        table(lang.t("Las mejores", "The best"), best),
        table(lang.t("Las que más necesitan atención", "Those that need most attention"), worst),
    ]
}

fn row(lang: Lang, it: &BranchRow) -> Row {
    let single = lang.t("una sola visita", "a single visit");
    Row {
        branch: it.id.to_string(),
        name: it.name.clone(),
        code: it.code.clone(),
        n: it.n,
        index: it.index.to_string(),
        interval: it.interval.as_ref().map_or_else(|| single.to_owned(), interval_text),
        shrunken: it.shrunken.to_string(),
        rank: it.rank.map_or_else(|| "–".to_owned(), |it| it.to_string()),
        chart: Some(chart(&it.shrunken, it.interval.as_ref(), None)),
    }
}

/// One branch.
#[derive(Template)]
#[template(path = "branch.html")]
pub(crate) struct BranchPage {
    frame: Frame,
    branch: String,
    name: String,
    code: String,
    from: String,
    to: String,
    figures: Vec<Labelled>,
    groups: Vec<Group>,
    visits: Vec<VisitRow>,
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
    pub(crate) fn of(frame: Frame, found: &BranchScorecard) -> Self {
        let lang = frame.lang;
        let card = &found.card;
        let named = |it: &Pooled| {
            found.titles.get(&it.id).map_or_else(|| readable(&it.id), |it| lang.text(it).to_owned())
        };
        let group = |heading: &str, pooled: &[Pooled]| Group {
            heading: heading.to_owned(),
            rows: pooled.iter().map(|it| pooled_row(named(it), it)).collect(),
        };
        let groups = vec![
            group(lang.t("Puntos de contacto", "Touchpoints"), &card.touchpoints),
            group(lang.t("Secciones", "Sections"), &card.sections),
            group(lang.t("Pilares", "Pillars"), &card.pillars),
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
            figures: branch_figures(lang, found),
            groups: groups.into_iter().filter(|it| !it.rows.is_empty()).collect(),
            visits: visits.collect(),
            frame,
        }
    }
}

fn branch_figures(lang: Lang, found: &BranchScorecard) -> Vec<Labelled> {
    let card = &found.card;
    let Some(index) = &card.index else { return Vec::new() };
    let mut figures = vec![index_figure(lang, index)];
    figures.push(labelled(lang.t("Visitas", "Visits"), card.n.to_string(), ""));
    if let Some(standing) = &found.standing {
        let rank = standing.rank.map(|it| format!("{} {it} / {}", lang.t("lugar", "rank"), standing.of));
        figures.push(labelled(
            lang.t("Índice ajustado", "Shrunken index"),
            standing.shrunken.to_string(),
            &rank.unwrap_or_default(),
        ));
    }
    if let Some(gap) = &index.gap {
        figures.push(labelled(
            lang.t("Brecha a la meta", "Gap to target"),
            gap.gap.to_string(),
            &goal(lang, gap),
        ));
    }
    if let Some(trend) = &card.trend {
        let arrow = match trend.arrow {
            Arrow::Up => lang.t("mejora", "better"),
            Arrow::Down => lang.t("empeora", "worse"),
            Arrow::None => lang.t("sin cambio demostrable", "no proven change"),
        };
        let note = format!("{arrow}; {} {}", lang.t("antes", "before"), trend.previous);
        figures.push(labelled(lang.t("Tendencia", "Trend"), trend.difference.value.to_string(), &note));
    }
    let rest = [
        (lang.t("Consistencia (desviación)", "Consistency (deviation)"), &card.consistency),
        (lang.t("Cobertura", "Coverage"), &card.coverage),
    ];
    figures.extend(
        rest.into_iter()
            .filter_map(|(label, it)| it.as_ref().map(|it| labelled(label, it.value.to_string(), ""))),
    );
    figures.extend(card.critical_rate.as_ref().map(|it| rate_figure(lang, it)));
    figures
}

fn goal(lang: Lang, gap: &Gap) -> String {
    format!("{} {}", lang.t("meta", "target"), gap.target)
}

fn labelled(label: &str, value: String, note: &str) -> Labelled {
    Labelled { label: label.to_owned(), value, note: note.to_owned() }
}

fn index_figure(lang: Lang, index: &Index) -> Labelled {
    let note = match &index.figure.interval {
        Some(interval) => {
            format!("{} {}", lang.t("intervalo 95 %:", "95% interval:"), interval_text(interval))
        }
        None => lang.text(&index.wording).to_owned(),
    };
    labelled(lang.t("Índice", "Index"), index.figure.value.to_string(), &note)
}

fn rate_figure(lang: Lang, figure: &Figure) -> Labelled {
    let note = figure.interval.as_ref().map(interval_text).unwrap_or_default();
    labelled(
        lang.t("Visitas con falla crítica, %", "Visits with a critical failure, %"),
        figure.value.to_string(),
        &note,
    )
}

fn interval_text(interval: &[Rounded; 2]) -> String {
    let [low, high] = interval;
    format!("{low} – {high}")
}

fn pooled_row(label: String, it: &Pooled) -> PooledRow {
    PooledRow {
        label,
        value: it.figure.value.to_string(),
        note: it.gap.as_ref().map(|it| it.gap.to_string()).unwrap_or_default(),
        chart: Some(chart(&it.figure.value, None, it.gap.as_ref().map(|it| &it.target))),
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
fn readable(id: &str) -> String {
    let words = id.rsplit('/').next().unwrap_or_default().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
