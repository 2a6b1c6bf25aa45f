//! A branch against a standard: points by section and criterion, which gates hold and what would lift them, and the form that people
//! rate the enablers with.

use super::{
    done,
    form::{Faults, Posted, Typed},
    page, place,
    shell::{Shell, Visitor},
    status_of,
    ui::{Choice, Empty, Field, Form, Kind},
    words::Words,
};
use crate::{
    app::assessments::{self, Assessment, NewAssessment, StandardSheet},
    error::ApiError,
    http::body::FromJson as _,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{
    FieldProblem,
    access::{Permission, Target},
    ids::{AssessmentId, BranchId},
    standard::{Criterion, CriterionRating, Part, Standard},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/branches/{branch}/standard", |it| it.route(web::get().to(show)));
    place(config, "/branches/{branch}/standard/new", |it| {
        it.route(web::get().to(blank)).route(web::post().to(assess))
    });
}

/// A criterion with what it was rated.
struct Line {
    id: String,
    title: String,
    earned: String,
    points: u32,
    pct: u32,
    /// Dimensions of an enabler, or the figure of a result.
    rated: String,
    source: String,
    is_ko: bool,
    is_open: bool,
}

/// A section with its criteria.
struct SectionBlock {
    title: String,
    earned: String,
    points: u32,
    pct: String,
    lines: Vec<Line>,
}

/// A gate that holds.
struct GateLine {
    title: String,
    max: u32,
    lowers: bool,
    because: String,
    lifted_by: String,
}

/// An assessment before.
struct Earlier {
    href: String,
    period: String,
    total: String,
    is_shown: bool,
}

/// What was rated.
struct Rated {
    period: String,
    total: String,
    before_gates: String,
    band: String,
    of: u32,
    gates: Vec<GateLine>,
    parts: Vec<SectionBlock>,
}

#[derive(Template)]
#[template(path = "standard.html")]
struct StandardPage {
    shell: Shell,
    branch: String,
    name: String,
    standard: String,
    rated: Option<Rated>,
    earlier: Vec<Earlier>,
    may_assess: bool,
    empty: Empty,
}

/// Which assessment.
#[derive(Debug, Deserialize)]
struct Asked {
    assessment: Option<Uuid>,
}

async fn sheet_of(
    visitor: &Visitor,
    branch: BranchId,
    asked: Option<AssessmentId>,
) -> Result<StandardSheet, ApiError> {
    let principal = visitor.principal.clone();
    visitor.app.read(move |tx| assessments::sheet(tx, &principal, branch, asked)).await
}

async fn show(
    visitor: Visitor,
    branch: web::Path<Uuid>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let branch = BranchId(branch.into_inner());
    let sheet = sheet_of(&visitor, branch, asked.assessment.map(AssessmentId)).await?;
    let words = &visitor.words;
    let rated = sheet.shown.as_ref().zip(sheet.standard.as_ref()).map(|(it, by)| rated(words, it, by));
    let shown = sheet.shown.as_ref().map(|it| it.id);
    let earlier = sheet.all.iter().map(|it| Earlier {
        href: format!("/branches/{branch}/standard?assessment={}", it.id),
        period: format!("{} – {}", it.period.from, it.period.to),
        total: it.total.clone(),
        is_shown: Some(it.id) == shown,
    });
    let may_assess = sheet.may_assess && sheet.standard.is_some();
    let new = (format!("/branches/{branch}/standard/new"), words.say("standard-assess"));
    let shown = StandardPage {
        shell: visitor.shell("/scorecards"),
        branch: branch.to_string(),
        name: sheet.branch.name.clone(),
        standard: sheet.standard.as_ref().map(|it| words.lang.text(&it.title).to_owned()).unwrap_or_default(),
        rated,
        earlier: earlier.collect(),
        may_assess,
        empty: Empty {
            title: words.say("standard-empty"),
            text: words.say("standard-empty-text"),
            action: may_assess.then_some(new),
        },
    };
    page(StatusCode::OK, &shown)
}

fn rated(words: &Words, it: &Assessment, by: &Standard) -> Rated {
    let rating = &it.rating;
    let gates = rating.gate_reports.iter().filter(|it| it.holds).map(|it| {
        let gate = by.gates.iter().find(|gate| gate.id == it.id);
        let title = gate.map(|it| in_lang(words, &it.es, &it.en)).unwrap_or_default();
        GateLine {
            title,
            max: it.max_points,
            lowers: it.lowers,
            because: it.because.join(", "),
            lifted_by: words.lang.text(&it.lifted_by).to_owned(),
        }
    });
    let part = |section: &domain::standard::Section| {
        let found = rating.sections.get(&section.id)?;
        let lines = section.criteria.iter().filter_map(|criterion| line(words, it, criterion));
        Some(SectionBlock {
            title: format!("{} {}", section.id, words.lang.text(&section.title)),
            earned: found.earned.to_string(),
            points: found.points,
            pct: found.pct.to_string(),
            lines: lines.collect(),
        })
    };
    Rated {
        period: format!("{} – {}", it.period.from, it.period.to),
        total: rating.total.to_string(),
        before_gates: rating.total_before_gates.to_string(),
        band: words.lang.text(&rating.band_title).to_owned(),
        of: by.total_points,
        gates: gates.collect(),
        parts: by.sections.iter().filter_map(part).collect(),
    }
}

fn in_lang(words: &Words, es: &str, en: &str) -> String {
    words.lang.text(&domain::LocalText::new(es, en)).to_owned()
}

fn line(words: &Words, it: &Assessment, criterion: &Criterion) -> Option<Line> {
    let found: &CriterionRating = it.rating.criteria.iter().find(|it| it.id == criterion.id)?;
    let dimensions = found
        .dimensions
        .iter()
        .map(|(id, level)| format!("{} {level}", words.name_of("standard-dimension", id)));
    let figure = found.curve.as_ref().map(|it| format!("{} {}", it.metric, it.value));
    let source = it.sources.iter().find(|it| it.criterion == criterion.id);
    let source = source.map(|it| {
        let n = it.n.map(|n| format!(" (n {n})")).unwrap_or_default();
        format!("{}{n}", words.name_of("standard-source", &it.from))
    });
    Some(Line {
        id: criterion.id.clone(),
        title: in_lang(words, &criterion.es, &criterion.en),
        earned: found.earned.to_string(),
        points: found.points,
        pct: found.pct_floor,
        rated: figure.into_iter().chain(dimensions).collect::<Vec<_>>().join(" · "),
        source: source.unwrap_or_default(),
        is_ko: criterion.ko,
        is_open: found.knock_out.as_ref().is_some_and(|it| it.open),
    })
}

// ---- rating by hand ----

/// What each level of a dimension means.
struct Level {
    level: u32,
    texts: Vec<String>,
}

#[derive(Template)]
#[template(path = "standard_new.html")]
struct NewPage {
    shell: Shell,
    branch: String,
    name: String,
    dimensions: Vec<String>,
    levels: Vec<Level>,
    form: Form,
}

impl NewPage {
    fn of(visitor: &Visitor, sheet: &StandardSheet) -> Result<Self, ApiError> {
        let standard = standard(sheet)?;
        let words = &visitor.words;
        let shell = visitor.shell("/scorecards");
        let rules = standard.rules(Part::Enablers);
        let levels = rules.levels.iter().map(|level| Level {
            level: *level,
            texts: rules
                .dimensions
                .iter()
                .map(|it| words.name_of("standard-rubric", &format!("{}-{level}", it.id)))
                .collect(),
        });
        Ok(Self {
            branch: sheet.branch.branch_id.to_string(),
            name: sheet.branch.name.clone(),
            dimensions: rules
                .dimensions
                .iter()
                .map(|it| words.name_of("standard-dimension", &it.id))
                .collect(),
            levels: levels.collect(),
            form: form(words, &shell.csrf, sheet, standard),
            shell,
        })
    }
}

fn standard(sheet: &StandardSheet) -> Result<&Standard, ApiError> {
    sheet.standard.as_ref().ok_or_else(|| ApiError::not_found("el estándar", "the standard"))
}

fn form(words: &Words, csrf: &str, sheet: &StandardSheet, standard: &Standard) -> Form {
    let day = |name: &str, key: &str| Field::line(name, words.say(key)).kind(Kind::Line("date")).most(10);
    let mut fields = vec![day("from", "scorecard-from"), day("to", "scorecard-to")];
    for (section, criterion) in standard.criteria() {
        match section.part {
            Part::Enablers => fields.extend(enabler(words, sheet, standard, criterion)),
            Part::Results => fields.extend(result(words, criterion)),
        }
    }
    let at = format!("/branches/{}/standard/new", sheet.branch.branch_id);
    Form::new(words, &at, csrf, "standard-assess", fields)
}

/// A choice for each dimension; what was rated last is chosen already.
fn enabler(words: &Words, sheet: &StandardSheet, standard: &Standard, it: &Criterion) -> Vec<Field> {
    let rules = standard.rules(Part::Enablers);
    let last = sheet.shown.as_ref().and_then(|all| all.inputs.criteria.iter().find(|last| last.id == it.id));
    let field = |dimension: &domain::standard::Dimension| {
        let before = last.and_then(|last| last.dimensions.get(&dimension.id)).copied();
        let level = |level: &u32| Choice {
            value: level.to_string(),
            label: level.to_string(),
            is_chosen: before == Some(*level),
        };
        let none = Choice { value: String::new(), label: words.say("appeal-answer-none"), is_chosen: false };
        let choices = std::iter::once(none).chain(rules.levels.iter().map(level)).collect();
        let title = in_lang(words, &it.es, &it.en);
        let name = words.name_of("standard-dimension", &dimension.id);
        let label = format!("{} {title}: {name}", it.id);
        Field::line(&format!("{}-{}", dimension.id, it.id), label).kind(Kind::Select(choices)).optional()
    };
    rules.dimensions.iter().map(field).collect()
}

/// The figure of a result, where neither visits nor observations give it, and the confirmed cases of a knock-out.
fn result(words: &Words, it: &Criterion) -> Vec<Field> {
    let title = in_lang(words, &it.es, &it.en);
    let hint = words.naming("standard-value-hint", it.metric.as_deref().unwrap_or_default());
    let value = Field::line(&format!("value-{}", it.id), format!("{} {title}", it.id)).hint(hint).optional();
    let confirmed = Field::line(&format!("confirmed-{}", it.id), words.naming("standard-confirmed", &it.id));
    let confirmed = confirmed.kind(Kind::Line("number")).optional().most(6);
    std::iter::once(value.most(30)).chain(it.ko.then_some(confirmed)).collect()
}

async fn blank(visitor: Visitor, branch: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    visitor.principal.require(Permission::AssessStandard, &Target::Own)?;
    let sheet = sheet_of(&visitor, BranchId(branch.into_inner()), None).await?;
    require_assessor(&sheet)?;
    page(StatusCode::OK, &NewPage::of(&visitor, &sheet)?)
}

fn require_assessor(sheet: &StandardSheet) -> Result<(), ApiError> {
    let permission = Permission::AssessStandard;
    if sheet.may_assess { Ok(()) } else { Err(ApiError::forbidden(permission.as_str())) }
}

/// What was typed as the use case takes it, with the criteria in the order in which they stand in it.
fn body(typed: &Typed, standard: &Standard) -> (Value, Vec<String>) {
    let (mut criteria, mut named) = (Vec::new(), Vec::new());
    for (section, it) in standard.criteria() {
        let mut given = Map::new();
        let text =
            |name: &str| Some(typed.get(&format!("{name}-{}", it.id)).trim()).filter(|it| !it.is_empty());
        if section.part == Part::Enablers {
            for dimension in &standard.rules(Part::Enablers).dimensions {
                if let Some(level) = text(&dimension.id).and_then(|it| it.parse::<u32>().ok()) {
                    given.insert(dimension.id.clone(), json!(level));
                }
            }
        }
        if let Some(value) = text("value") {
            given.insert("value".to_owned(), json!(value));
        }
        if let Some(confirmed) = text("confirmed").and_then(|it| it.parse::<u32>().ok()) {
            given.insert("confirmed".to_owned(), json!(confirmed));
        }
        if !given.is_empty() {
            given.insert("id".to_owned(), json!(it.id));
            criteria.push(Value::Object(given));
            named.push(it.id.clone());
        }
    }
    let period = json!({"from": typed.get("from").trim(), "to": typed.get("to").trim()});
    let by = json!({"id": standard.id, "version": standard.version});
    (json!({"standard": by, "period": period, "criteria": criteria}), named)
}

/// Moves what is wrong to the fields of the form.
fn to_fields(error: &ApiError, named: &[String]) -> ApiError {
    let moved = error.problem().errors.iter().cloned().map(|it| {
        let steps: Vec<&str> = it.field.split('/').skip(1).collect();
        let field = match steps.as_slice() {
            ["period", end, ..] => Some(format!("/{end}")),
            ["criteria", index, dimension, ..] => {
                let named = index.parse::<usize>().ok().and_then(|it| named.get(it));
                named.map(|id| format!("/{dimension}-{id}"))
            }
            _ => None,
        };
        FieldProblem { field: field.unwrap_or(it.field.clone()), ..it }
    });
    ApiError::invalid(moved.collect())
}

async fn assess(posted: Posted, branch: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::AssessStandard, &Target::Own)?;
    let branch = BranchId(branch.into_inner());
    let sheet = sheet_of(&visitor, branch, None).await?;
    require_assessor(&sheet)?;
    let (body, named) = body(&typed, standard(&sheet)?);
    let assessed = match NewAssessment::from_json(&body.to_string()) {
        Ok(new) => {
            let inside = visitor.app.clone();
            visitor.change(move |tx, office| assessments::assess(tx, &inside, office, branch, &new)).await
        }
        Err(error) => Err(error),
    };
    match assessed {
        Ok(_) => Ok(done(&format!("/branches/{branch}/standard"), "standard-assessed")),
        Err(error) if error.problem().status == 422 => {
            let mut shown = NewPage::of(&visitor, &sheet)?;
            let faults = Faults::of(&to_fields(&error, &named));
            shown.form = shown.form.again(&typed, &faults, visitor.words.lang);
            page(status_of(&error), &shown)
        }
        Err(error) => Err(error),
    }
}
