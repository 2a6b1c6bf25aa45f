//! The scorecard of one branch: every figure with its sample, its interval and the visits behind it.

use super::{filter, rows, span, without_points};
use crate::{
    app::{
        App,
        assessments::planned,
        kpis::{self, Scope},
        period::Period,
        scores::document,
        visits::content,
    },
    error::ApiError,
    principal::{Principal, branch_target},
};
use db::{
    Tx, audits,
    scores::{ScoredVisit as Row, list_current_with_doc},
};
use domain::{
    Date, Exact, LocalText, Rounded,
    access::{self, Permission},
    ids::{AuditId, BranchId, OrgId, RegionId},
    scorecard::{Points, Scorecard, ScoredVisit, Settings, Shrinkage, Standing, Target, league, scorecard},
    visit_score::{Percent, PooledPoints, VisitScore},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::Hash;
use utoipa::ToSchema;

/// Periods that a trend looks back, the one shown among them.
const TREND_PERIODS: usize = 6;
/// Visits read at once; each comes with its document.
const PAGE: u32 = 200;
/// What the metric of an expectation begins with.
const EXPECTED: &str = "expected_";
/// Codes of what is missing of a visit's evidence.
const EVIDENCE_CODES: &[&str] = &["photo_required", "comment_required"];

/// A branch by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BranchName {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: BranchId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its region.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub region: Option<RegionId>,
    /// The score that it aims at.
    #[schema(value_type = Option<String>)]
    pub target: Option<Percent>,
}

/// A visit that counts in the period.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CountedVisit {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: AuditId,
    /// Its day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// The checklist.
    pub template: String,
    /// The version of its score.
    pub version: u32,
    /// Its final score.
    #[schema(value_type = String)]
    pub score: Percent,
    /// Its band.
    pub band: Option<String>,
    /// Critical items that failed.
    pub critical_failed: u32,
}

/// What is expected at a touchpoint against what was lived there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Expectation {
    /// What is expected.
    #[schema(value_type = String)]
    pub expected: Rounded,
    /// `expected - lived`, in points.
    #[schema(value_type = String)]
    pub gap: Rounded,
    /// How many people were asked.
    pub n: Option<u32>,
    /// Who asked, and how.
    pub source: String,
}

/// The scorecard of a branch.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BranchScorecard {
    /// The branch.
    pub branch: BranchName,
    /// The period.
    pub period: Period,
    /// Index, sections, touchpoints, pillars, trend, consistency, coverage, critical rate; each with its sample,
    /// interval and formula. Sections are named `checklist/section`.
    #[schema(value_type = Object)]
    pub card: Scorecard,
    /// Where it stands in the network by its shrunken score; the rank is hidden below the least number of visits.
    #[schema(value_type = Option<Object>)]
    pub standing: Option<Standing>,
    /// What the shrinkage rests on.
    #[schema(value_type = Option<Object>)]
    pub shrinkage: Option<Shrinkage>,
    /// The visits behind every figure.
    pub visits: Vec<CountedVisit>,
    /// What people expect at a touchpoint, where somebody asked them: an observation `expected_` and the touchpoint's id, 0 to 100.
    #[schema(value_type = Object)]
    pub expectations: BTreeMap<String, Expectation>,
    /// Names of sections in both languages.
    #[schema(value_type = Object)]
    pub titles: BTreeMap<String, LocalText>,
}

/// The scorecard of a branch for a period.
///
/// # Errors
/// `not_found`, `forbidden`.
pub fn branch(
    tx: &mut Tx<'_>,
    app: &App,
    principal: &Principal,
    branch: BranchId,
    period: Period,
) -> Result<BranchScorecard, ApiError> {
    principal.require(Permission::ReadScorecards, &access::Target::Own)?;
    let target = branch_target(tx, principal.org, branch)?;
    principal.require(Permission::ReadScorecards, &target)?;
    let found = db::reference::find_branch(tx, principal.org, branch)?
        .ok_or_else(|| ApiError::not_found("la sucursal", "the branch"))?;
    let periods = periods_up_to(period);
    let whole = Period { from: periods.first().map_or(period.from, |it| it.from), to: period.to };
    let read = read(tx, app, principal.org, branch, whole)?;
    let goal = found.target_hundredths.map(Percent::from_units);
    let mut settings = Settings::over(span(period));
    settings.periods = periods.into_iter().map(span).collect();
    settings.slope_periods = TREND_PERIODS;
    if let Some(planned) = planned(tx, principal.org, branch, period)? {
        settings.planned.insert(branch.to_string(), planned);
    }
    if let Some(goal) = goal {
        set_targets(&mut settings, &goal.to_exact(), &read);
    }
    let visits: Vec<&ScoredVisit> = read.visits.iter().map(|(_, it)| it).collect();
    let card = scorecard(&branch.to_string(), &visits, &settings);
    let (standing, shrinkage) = standing(tx, principal.org, branch, period)?;
    let shown = read.visits.iter().filter(|(row, _)| (period.from..=period.to).contains(&row.visit_date));
    let visits = shown.map(|(row, _)| counted(row)).collect();
    let (code, name, region) = (found.code, found.name, found.region_id);
    let expectations = expectations(tx, principal.org, (branch, region), period, &card)?;
    let branch = BranchName { id: branch, code, name, region, target: goal };
    Ok(BranchScorecard {
        branch,
        period,
        card,
        standing,
        shrinkage,
        visits,
        expectations,
        titles: read.titles,
    })
}

/// The gap between what is expected and what was lived (DOMAIN.md 10.5), by touchpoint: as the branch's own people say, else those of its
/// region, else of all.
fn expectations(
    tx: &mut Tx<'_>,
    org: OrgId,
    (branch, region): (BranchId, Option<RegionId>),
    period: Period,
    card: &Scorecard,
) -> Result<BTreeMap<String, Expectation>, ApiError> {
    let scopes = [Some(Scope::Branch(branch)), region.map(Scope::Region), Some(Scope::Organization)];
    let mut observed = Vec::new();
    for scope in scopes.into_iter().flatten() {
        observed.push(kpis::of_period(tx, org, scope, period)?);
    }
    let mut found = BTreeMap::new();
    for lived in &card.touchpoints {
        let metric = format!("{EXPECTED}{}", lived.id);
        let Some(it) = observed.iter().find_map(|all| all.get(&metric)) else { continue };
        let expected = Exact::parse(&it.value).map_err(ApiError::internal)?;
        if expected.is_negative() || expected > Exact::from(100_i64) {
            continue;
        }
        let gap = &expected - lived.figure.value.value();
        let entry = Expectation {
            expected: Rounded::new(&expected, 2),
            gap: Rounded::new(&gap, 2),
            n: it.n,
            source: it.source.clone(),
        };
        found.insert(lived.id.clone(), entry);
    }
    Ok(found)
}

/// The period with those before it, oldest first.
fn periods_up_to(period: Period) -> Vec<Period> {
    let mut periods = vec![period];
    let mut first = period;
    for _ in 1..TREND_PERIODS {
        first = first.previous();
        periods.push(first);
    }
    periods.reverse();
    periods
}

pub(super) fn counted(row: &Row) -> CountedVisit {
    CountedVisit {
        id: row.audit_id,
        date: row.visit_date,
        template: row.template_id.clone(),
        version: row.version,
        score: Percent::from_units(row.final_hundredths.unwrap_or_default()),
        band: row.band.clone(),
        critical_failed: row.critical_failed,
    }
}

/// The visits of a branch with their points, and what its checklists call their sections.
#[derive(Default)]
pub(super) struct Read {
    pub(super) visits: Vec<(Row, ScoredVisit)>,
    titles: BTreeMap<String, LocalText>,
    /// Weight of each section and touchpoint in its checklist, as a share of 1.
    section_weights: BTreeMap<String, Exact>,
    touchpoint_weights: BTreeMap<String, Exact>,
}

pub(super) fn read(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    branch: BranchId,
    whole: Period,
) -> Result<Read, ApiError> {
    let filter = filter(Some(vec![branch]), whole);
    let (mut read, mut after) = (Read::default(), None);
    loop {
        let page = list_current_with_doc(tx, org, &filter, after, PAGE)?;
        let ids: Vec<AuditId> = page.items.iter().map(|(it, _)| it.audit_id).collect();
        let found = audits::find_many(tx, org, &ids)?;
        for hash in found.iter().map(|it| it.template_hash).collect::<BTreeSet<Hash>>() {
            read.learn(tx, app, org, hash)?;
        }
        for (row, doc) in page.items.into_iter().filter(|(it, _)| it.final_hundredths.is_some()) {
            let visit = with_points(&row, &document::figures(&doc)?);
            read.visits.push((row, visit));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(read),
        }
    }
}

impl Read {
    fn learn(&mut self, tx: &mut Tx<'_>, app: &App, org: OrgId, hash: Hash) -> Result<(), ApiError> {
        let prepared = content::checklist(tx, app, org, hash)?;
        let checklist = prepared.checklist();
        let mut touchpoints: BTreeMap<String, Exact> = BTreeMap::new();
        for section in &checklist.sections {
            let key = section_key(&checklist.id, &section.id);
            let weight = Exact::scaled(i64::from(section.weight), 2);
            self.titles.insert(key.clone(), section.title.clone());
            self.section_weights.insert(key, weight.clone());
            let sum = touchpoints.entry(section.touchpoint.clone()).or_default();
            *sum = &*sum + &weight;
        }
        self.touchpoint_weights.extend(touchpoints);
        Ok(())
    }
}

/// Sections of different checklists share letters, not meaning.
fn section_key(template: &str, section: &str) -> String {
    format!("{template}/{section}")
}

fn with_points(row: &Row, score: &VisitScore) -> ScoredVisit {
    let pools = |all: &BTreeMap<String, PooledPoints>| {
        all.iter().map(|(id, it)| (id.clone(), points(it))).collect::<BTreeMap<_, _>>()
    };
    let sections = score.sections.iter().map(|(id, it)| {
        let pool = PooledPoints { earned: it.earned, possible: it.possible };
        (section_key(&row.template_id, id), points(&pool))
    });
    let lacks = score.incomplete.iter().any(|it| EVIDENCE_CODES.contains(&it.code.as_str()));
    ScoredVisit {
        sections: sections.collect(),
        touchpoints: pools(&score.touchpoint_points),
        pillars: pools(&score.pillar_points),
        has_complete_evidence: !lacks,
        ..without_points(row)
    }
}

fn points(pool: &PooledPoints) -> Points {
    Points { earned: pool.earned.to_exact(), possible: pool.possible.to_exact() }
}

/// The branch's own target for everything; what weighs more in the checklist comes first.
fn set_targets(settings: &mut Settings, goal: &Exact, read: &Read) {
    let target = |weight: &Exact| Target { target: goal.clone(), weight: weight.clone() };
    let weighted = |all: &BTreeMap<String, Exact>| {
        all.iter().map(|(id, weight)| (id.clone(), target(weight))).collect::<BTreeMap<_, _>>()
    };
    settings.index_target = Some(goal.clone());
    settings.section_targets = weighted(&read.section_weights);
    settings.touchpoint_targets = weighted(&read.touchpoint_weights);
    let pillars = read.visits.iter().flat_map(|(_, it)| it.pillars.keys());
    settings.pillar_targets = pillars.map(|id| (id.clone(), target(&Exact::one()))).collect();
}

/// Where a branch stands among all branches of the organization in the period.
fn standing(
    tx: &mut Tx<'_>,
    org: OrgId,
    branch: BranchId,
    period: Period,
) -> Result<(Option<Standing>, Option<Shrinkage>), ApiError> {
    let all: Vec<ScoredVisit> = rows(tx, org, None, period)?.iter().map(without_points).collect();
    let ranking = league(&all, &Settings::over(span(period)));
    let own = branch.to_string();
    Ok((ranking.standings.into_iter().find(|it| it.branch == own), ranking.shrinkage))
}
