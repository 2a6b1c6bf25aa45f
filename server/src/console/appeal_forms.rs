//! The forms that begin an appeal and end one. Each item has its own fields, named by it; what the use case refuses is shown beside them.

use super::{
    appeals::sheet_of,
    branches::{Cost, appeal_text, costs, result_of},
    done,
    form::{Faults, Posted, Typed},
    page, place,
    shell::{Shell, Visitor},
    status_of,
    ui::{Choice, Field, Form, Kind},
    words::Words,
};
use crate::{
    app::{
        appeals::{self, AppealSheet, DismissOrder, NewAppeal, SheetItem, Standing, UpholdOrder},
        visits::VisitResult,
    },
    error::ApiError,
    http::body::FromJson as _,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{
    FieldProblem,
    checklist::ItemType,
    ids::{AppealId, AuditId},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Longest reason, in characters.
const MOST_CHARS: u32 = 2_000;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/branches/visits/{visit}/appeal", |it| {
        it.route(web::get().to(blank)).route(web::post().to(open))
    });
    place(config, "/appeals/{appeal}/decision", |it| {
        it.route(web::get().to(undecided)).route(web::post().to(decide))
    });
}

/// Moves what is wrong with the numbered items of a body to the fields of each item: `/items/0/reason` to `/reason-A02`.
fn to_fields(error: &ApiError, items: &[String], rename: impl Fn(&str) -> String) -> ApiError {
    let moved = error.problem().errors.iter().cloned().map(|it| {
        let mut steps = it.field.split('/').skip(1);
        let place = match (steps.next(), steps.next().and_then(|it| it.parse::<usize>().ok())) {
            (Some("items"), Some(index)) => {
                items.get(index).map(|item| format!("/{}-{item}", rename(steps.next().unwrap_or_default())))
            }
            _ => None,
        };
        FieldProblem { field: place.unwrap_or(it.field.clone()), ..it }
    });
    ApiError::invalid(moved.collect())
}

// ---- open ----

#[derive(Template)]
#[template(path = "appeal_new.html")]
struct OpenPage {
    shell: Shell,
    visit: String,
    branch: String,
    day: String,
    may_appeal: bool,
    text: String,
    form: Form,
}

impl OpenPage {
    fn of(shell: Shell, found: &VisitResult) -> Self {
        let words = shell.words.clone();
        let offered = offered(&words, found);
        Self {
            visit: found.id.to_string(),
            branch: found.branch.name.clone(),
            day: found.day.map(|it| it.to_string()).unwrap_or_default(),
            may_appeal: found.appealing.standing == Standing::Open && !offered.is_empty(),
            text: appeal_text(&words, found),
            form: open_form(&words, &shell.csrf, found, &offered),
            shell,
        }
    }
}

/// What cost points and was not decided before.
fn offered(words: &Words, found: &VisitResult) -> Vec<Cost> {
    costs(words, found).into_iter().filter(|it| found.appealing.items.contains(&it.item)).collect()
}

fn open_form(words: &Words, csrf: &str, found: &VisitResult, offered: &[Cost]) -> Form {
    let fields = offered.iter().flat_map(|it| {
        let label = format!("{} (−{})", it.q, it.points);
        let told = format!(
            "{}: {} · {}: {}",
            words.say("branch-found"),
            it.answer,
            words.say("branch-expected"),
            it.expected
        );
        let tick = Field::line(&format!("tick-{}", it.item), label).kind(Kind::Tick).hint(told).optional();
        let reason = Field::line(&format!("reason-{}", it.item), words.naming("appeal-reason-of", &it.item));
        [tick, reason.kind(Kind::Area).optional().most(MOST_CHARS)]
    });
    let at = format!("/branches/visits/{}/appeal", found.id);
    Form::new(words, &at, csrf, "appeal-open", fields.collect())
}

async fn blank(visitor: Visitor, visit: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let found = result_of(&visitor, AuditId(visit.into_inner())).await?;
    page(StatusCode::OK, &OpenPage::of(visitor.shell("/branches/mine"), &found))
}

async fn open(posted: Posted, visit: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    let visit = AuditId(visit.into_inner());
    // What is not offered any more is sent all the same, and refused by the use case with its reason.
    let named: Vec<String> = typed.beginning("tick-").map(|(it, _)| it.to_owned()).collect();
    let items: Vec<Value> = named
        .iter()
        .map(|it| json!({"item": it, "reason": typed.get(&format!("reason-{it}")).trim()}))
        .collect();
    let opened = match NewAppeal::from_json(&json!({"items": items}).to_string()) {
        Ok(new) => {
            let inside = visitor.app.clone();
            visitor.change(move |tx, office| appeals::open(tx, &inside, office, visit, &new)).await
        }
        Err(error) => Err(error),
    };
    match opened {
        Ok(appeal) => Ok(done(&format!("/appeals/{}", appeal.summary.id), "appeal-opened")),
        Err(error) if error.problem().status == 422 => {
            let found = result_of(&visitor, visit).await?;
            let mut shown = OpenPage::of(visitor.shell("/branches/mine"), &found);
            let rename = |it: &str| if it == "item" { "tick".to_owned() } else { it.to_owned() };
            let faults = Faults::of(&to_fields(&error, &named, rename));
            shown.form = shown.form.again(&typed, &faults, visitor.words.lang);
            // What was ticked in time and came too late is shown again with why.
            shown.may_appeal = true;
            page(status_of(&error), &shown)
        }
        Err(error) => Err(error),
    }
}

// ---- decide ----

#[derive(Template)]
#[template(path = "appeal_decision.html")]
struct DecisionPage {
    shell: Shell,
    appeal: String,
    visit: String,
    branch: String,
    day: String,
    /// Why the reader does not decide; the form is left out then.
    refused: Option<String>,
    form: Form,
}

impl DecisionPage {
    fn of(shell: Shell, sheet: &AppealSheet) -> Self {
        let words = shell.words.clone();
        let summary = &sheet.detail.summary;
        let refused = match summary.may_decide {
            Some(true) => None,
            Some(false) => Some(words.say("appeal-decide-not")),
            None => Some(words.say("appeal-decide-nothing")),
        };
        Self {
            appeal: summary.id.to_string(),
            visit: summary.visit.to_string(),
            branch: sheet.branch.name.clone(),
            day: sheet.day.map(|it| it.to_string()).unwrap_or_default(),
            refused,
            form: decision_form(&words, &shell.csrf, sheet),
            shell,
        }
    }
}

fn decision_form(words: &Words, csrf: &str, sheet: &AppealSheet) -> Form {
    let items = sheet.detail.questions.iter().filter_map(|it| Some((it, sheet.items.get(&it.item)?)));
    let mut fields: Vec<Field> = items.flat_map(|(it, known)| item_fields(words, it, known)).collect();
    let whole = Field::line("reason", words.say("appeal-whole")).kind(Kind::Area).most(MOST_CHARS);
    fields.push(whole.hint(words.say("appeal-whole-hint")).optional());
    let at = format!("/appeals/{}/decision", sheet.detail.summary.id);
    Form::new(words, &at, csrf, "appeal-decide", fields)
}

fn item_fields(words: &Words, it: &appeals::AppealedQuestion, known: &SheetItem) -> Vec<Field> {
    let id = &it.item;
    let text = |it: &domain::LocalText| words.lang.text(it).to_owned();
    let choice =
        |value: &str, key: &str| Choice { value: value.to_owned(), label: words.say(key), is_chosen: false };
    let choices = vec![
        choice("correct", "appeal-verdict-correct"),
        choice("leave_out", "appeal-verdict-leave-out"),
        choice("dismiss", "appeal-verdict-dismiss"),
    ];
    let counts = known.counts.as_ref().map(text).unwrap_or_default();
    let told =
        format!("{}: {} · {}: {counts}", words.say("appeal-said"), it.reason, words.say("appeal-counts-now"));
    let q = it.q.as_ref().map(text).unwrap_or_default();
    let verdict = Field::line(&format!("verdict-{id}"), format!("{id} · {q}"));
    let mut fields = vec![verdict.kind(Kind::Radio(choices)).hint(told)];
    fields.extend(answer_field(words, id, known));
    let reason = Field::line(&format!("reason-{id}"), words.naming("appeal-why-of", id));
    fields.push(reason.kind(Kind::Area).most(MOST_CHARS));
    fields
}

/// Where the right answer is given; of several options each is named by its id.
fn answer_field(words: &Words, id: &str, known: &SheetItem) -> Option<Field> {
    let item = &known.item;
    let choice = |value: String, label: String| Choice { value, label, is_chosen: false };
    let named =
        |value: &str| choice(value.to_owned(), words.lang.text(&item.answer_in_words(value)).to_owned());
    let mut choices = vec![choice(String::new(), words.say("appeal-answer-none"))];
    match item.kind {
        ItemType::YesNo => choices.extend(["yes", "no"].map(named)),
        ItemType::YesNoNa => choices.extend(["yes", "no", "na"].map(named)),
        ItemType::Scale => choices.extend(["1", "2", "3", "4", "5"].map(named)),
        ItemType::SingleChoice => choices.extend(item.options.iter().map(|it| named(&it.id))),
        ItemType::MultiChoice | ItemType::Number | ItemType::Duration => choices.clear(),
        _ => return None,
    }
    let field = Field::line(&format!("answer-{id}"), words.naming("appeal-answer-of", id)).optional();
    if !choices.is_empty() {
        return Some(field.kind(Kind::Select(choices)));
    }
    let options = item.options.iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(", ");
    let unit = item.unit.clone().unwrap_or_default();
    Some(field.hint(if options.is_empty() { unit } else { options }))
}

async fn undecided(visitor: Visitor, appeal: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let sheet = sheet_of(&visitor, AppealId(appeal.into_inner())).await?;
    if !sheet.is_office {
        return Err(ApiError::forbidden(domain::access::Permission::ReviewVisits.as_str()));
    }
    page(StatusCode::OK, &DecisionPage::of(visitor.shell("/appeals"), &sheet))
}

/// What was decided of an item, as the use case takes it.
fn verdict(typed: &Typed, item: &str, known: Option<&SheetItem>) -> Result<Value, FieldProblem> {
    let reason = typed.get(&format!("reason-{item}")).trim();
    let answer = typed.get(&format!("answer-{item}")).trim();
    match typed.get(&format!("verdict-{item}")) {
        "dismiss" => Ok(json!({"item": item, "decision": "dismissed", "reason": reason})),
        "leave_out" => Ok(json!({"item": item, "decision": "upheld", "leave_out": true, "reason": reason})),
        "correct" if answer.is_empty() => Ok(json!({"item": item, "decision": "upheld", "reason": reason})),
        "correct" => {
            let kind = known.map(|it| it.item.kind);
            let whole = answer.parse::<i64>().ok().filter(|_| kind == Some(ItemType::Scale));
            let answer = match (kind, whole) {
                (_, Some(step)) => json!(step),
                (Some(ItemType::MultiChoice), _) => {
                    json!(answer.split(',').map(str::trim).collect::<Vec<_>>())
                }
                _ => json!(answer),
            };
            Ok(json!({"item": item, "decision": "upheld", "answer": answer, "reason": reason}))
        }
        _ => {
            let (es, en) = ("Decida esta pregunta.", "decide this item");
            Err(FieldProblem::new(format!("/verdict-{item}"), "item_undecided", es, en))
        }
    }
}

/// The order that a form comes to.
enum Order {
    Uphold(UpholdOrder),
    Dismiss(DismissOrder),
}

fn order(typed: &Typed, sheet: &AppealSheet) -> Result<Order, ApiError> {
    let (mut verdicts, mut undecided) = (Vec::new(), Vec::new());
    for it in &sheet.detail.questions {
        match verdict(typed, &it.item, sheet.items.get(&it.item)) {
            Ok(verdict) => verdicts.push(verdict),
            Err(problem) => undecided.push(problem),
        }
    }
    if !undecided.is_empty() {
        return Err(ApiError::invalid(undecided));
    }
    let whole = Some(typed.get("reason").trim()).filter(|it| !it.is_empty());
    if verdicts.iter().any(|it| it["decision"] == "upheld") {
        let body = json!({"items": verdicts, "reason": whole});
        return UpholdOrder::from_json(&body.to_string()).map(Order::Uphold);
    }
    let items: Vec<Value> =
        verdicts.iter().map(|it| json!({"item": it["item"], "reason": it["reason"]})).collect();
    DismissOrder::from_json(&json!({"items": items, "reason": whole}).to_string()).map(Order::Dismiss)
}

async fn decide(posted: Posted, appeal: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    let id = AppealId(appeal.into_inner());
    let sheet = sheet_of(&visitor, id).await?;
    let inside = visitor.app.clone();
    let decided = match order(&typed, &sheet) {
        Ok(Order::Uphold(order)) => visitor
            .change(move |tx, office| appeals::uphold(tx, &inside, office, id, &order).map(drop))
            .await
            .map(|()| "appeal-upheld"),
        Ok(Order::Dismiss(order)) => visitor
            .change(move |tx, office| appeals::dismiss(tx, &inside, office, id, &order).map(drop))
            .await
            .map(|()| "appeal-dismissed"),
        Err(error) => Err(error),
    };
    match decided {
        Ok(said) => Ok(done(&format!("/appeals/{id}"), said)),
        Err(error) if error.problem().status == 422 => {
            let named: Vec<String> = sheet.detail.questions.iter().map(|it| it.item.clone()).collect();
            let rename = |it: &str| match it {
                "item" | "decision" => "verdict".to_owned(),
                "leave_out" => "answer".to_owned(),
                other => other.to_owned(),
            };
            let faults = Faults::of(&to_fields(&error, &named, rename));
            let mut shown = DecisionPage::of(visitor.shell("/appeals"), &sheet);
            shown.form = shown.form.again(&typed, &faults, visitor.words.lang);
            page(status_of(&error), &shown)
        }
        Err(error) => Err(error),
    }
}
