//! The decision of an appeal by somebody who had no part in the review: granted items get another answer, or count no more, in a new
//! version of the score; what the auditor recorded stays. Owns what a decision holds; who decides says `deciders`.

use super::{AppealDetail, LEFT_OUT, corrections, deciders::Deciders, lock, read};
use crate::{
    app::{
        App,
        reading::check_text,
        review::{
            FrozenScore,
            rescore::{check_blind_to_pay, refuse_redacted},
            step::{Step, take},
        },
        scores::{
            change::Change,
            scoring::{self, Corrections},
        },
        visits::content,
    },
    error::ApiError,
    office::Office,
};
use db::{
    Tx,
    appeals::{self, Appeal, AppealItem},
    scores,
};
use domain::{
    FieldProblem, Problem,
    answer::{Answers, parse_answer},
    appeal::{AppealState, ItemDecision},
    checklist::{Checklist, Item, ItemType},
    ids::AppealId,
    lifecycle::{Actor, Command, apply},
    visit_score::Percent,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::{Hash, OpId};
use utoipa::ToSchema;
use validator::Validate;

/// An answer as a person gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum GivenAnswer {
    /// `yes`, `no`, `na`, an option, a time; of a number or a duration its decimal.
    Text(String),
    /// A step of a scale, or a whole number.
    Whole(i64),
    /// Options of a multiple choice.
    Options(Vec<String>),
}

/// What is decided of one item.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    /// The item.
    #[validate(length(min = 1, max = 60))]
    pub(crate) item: String,
    /// `upheld` or `dismissed`.
    #[schema(value_type = String)]
    pub(crate) decision: ItemDecision,
    /// Of an upheld one the answer that counts from now on.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) answer: Option<GivenAnswer>,
    /// Of an upheld one, in place of an answer: it counts no more.
    #[serde(default)]
    pub(crate) leave_out: bool,
    /// Why; the branch reads it.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// At least one item is granted.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpholdOrder {
    /// Every item of the appeal, once.
    #[validate(length(min = 1, max = 100), nested)]
    pub(crate) items: Vec<Verdict>,
    /// What holds for the whole; the branch reads it.
    #[validate(length(max = 2000))]
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// Why an item is not granted.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DismissedItem {
    /// The item.
    #[validate(length(min = 1, max = 60))]
    pub(crate) item: String,
    /// Why; the branch reads it.
    #[validate(length(min = 1, max = 2000), custom(function = "check_text"))]
    pub(crate) reason: String,
}

/// No item is granted.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DismissOrder {
    /// Why; the branch reads it.
    #[validate(length(max = 2000))]
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Why each item is not, where that is told one by one.
    #[validate(length(max = 100), nested)]
    #[serde(default)]
    pub(crate) items: Vec<DismissedItem>,
}

/// An appeal that was upheld.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Decided {
    /// As it stands now.
    #[serde(flatten)]
    pub appeal: AppealDetail,
    /// The version of the score that counts now.
    pub version: u32,
    /// Its score.
    #[serde(rename = "final")]
    #[schema(value_type = String)]
    pub final_score: Percent,
}

/// Whether a person decides who had no hand in it; the machine decides nothing.
fn is_another(tx: &mut Tx<'_>, office: &Office, appeal: &Appeal) -> Result<bool, ApiError> {
    let Some(person) = office.principal() else { return Ok(false) };
    Ok(Deciders::read(tx, person, std::slice::from_ref(appeal))?.is_free(person, appeal))
}

/// Grants items of an appeal: a new version of the visit's score.
///
/// # Errors
/// `not_found` (404), `own_visit` (403), `appeal_closed`, `answer_redacted` (409), `same_reviewer`, `second_person_sees_pay`,
/// `item_not_appealed`, `repeated_item`, `item_undecided`, `nothing_upheld`, `answer_missing`, `answer_unwanted`, `same_answer` (422), and
/// those of an answer that its item does not take.
pub(crate) fn uphold(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    id: AppealId,
    order: &UpholdOrder,
) -> Result<Decided, ApiError> {
    let (found, mut visit) = lock(tx, office, id, Actor::Reviewer)?;
    let org = office.org();
    let mut step = Step::new(Command::Uphold, Actor::Reviewer).because(order.reason.as_deref());
    step.facts.another_reviewer = is_another(tx, office, &found)?;
    // Before anything is read of the answers: whoever may not decide is told that.
    apply(Some(visit.state), step.command, step.actor, &step.facts)?;
    let ops = content::ops(tx, org, visit.audit_id)?;
    let view = ops.view();
    refuse_redacted(&view)?;
    let checklist = content::checklist(tx, app, org, visit.template_hash)?;
    let mut counted = corrections(tx, org, visit.audit_id)?;
    let now = scoring::corrected_answers(checklist.checklist(), &view, &counted)?;
    let items = appeals::list_items(tx, org, &[id])?;
    let decided = verdicts(checklist.checklist(), &now, items, &order.items)?;
    correct(&mut counted, &decided);
    let score = FrozenScore::of(scoring::score_corrected(&checklist, &view, &counted)?)?;
    let current = scores::find_current(tx, org, visit.audit_id)?
        .ok_or_else(|| ApiError::internal("an appealed visit without a score"))?;
    if current.band.as_deref() != Some(score.band.as_str()) {
        check_blind_to_pay(office)?;
    }
    let submit = OpId::new(current.submit_dev, current.submit_dseq);
    let version = current.version.saturating_add(1);
    scores::append(
        tx,
        org,
        &[score.version(&visit, submit, version, office.now(), Change::Appeal.as_str())],
    )?;
    step.hashes = (Some(Hash::of(current.doc.as_bytes())), Some(score.hash()));
    take(tx, office, &mut visit, &step)?;
    let ended = Appeal {
        state: AppealState::Upheld,
        new_version: Some(version),
        ..ended(office, found, order.reason.as_deref())
    };
    appeals::close(tx, org, &ended, &decided)?;
    let granted = decided.iter().filter(|it| it.decision == Some(ItemDecision::Upheld));
    let granted: Vec<&str> = granted.map(|it| it.item.as_str()).collect();
    let figures = json!({"version": version, "final_hundredths": score.last.units(), "band": score.band});
    let before = json!({"version": current.version, "final_hundredths": current.final_hundredths, "band": current.band});
    let detail = json!({"visit": visit.audit_id, "upheld": granted, "before": before, "after": figures});
    office.record("appeal_upheld", "appeal", id, &detail)?;
    let appeal = read::detail(tx, app, office.person()?, id)?;
    Ok(Decided { appeal, version, final_score: score.last })
}

/// Grants no item of an appeal.
///
/// # Errors
/// `not_found` (404), `own_visit` (403), `appeal_closed` (409), `same_reviewer`, `reason_missing`, `item_not_appealed`,
/// `repeated_item` (422).
pub(crate) fn dismiss(
    tx: &mut Tx<'_>,
    app: &App,
    office: &mut Office,
    id: AppealId,
    order: &DismissOrder,
) -> Result<AppealDetail, ApiError> {
    let (found, mut visit) = lock(tx, office, id, Actor::Reviewer)?;
    let mut step = Step::new(Command::Dismiss, Actor::Reviewer).because(order.reason.as_deref());
    step.facts.another_reviewer = is_another(tx, office, &found)?;
    take(tx, office, &mut visit, &step)?;
    let ended = Appeal { state: AppealState::Dismissed, ..ended(office, found, step.reason.as_deref()) };
    let items = appeals::list_items(tx, office.org(), &[id])?;
    let named: Vec<&str> = order.items.iter().map(|it| it.item.as_str()).collect();
    let problems = misnamed(&items, &named);
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    let told =
        |item: &str| order.items.iter().find(|it| it.item == item).map(|it| it.reason.trim().to_owned());
    let decided: Vec<AppealItem> = items
        .into_iter()
        .map(|it| AppealItem {
            decision: Some(ItemDecision::Dismissed),
            decision_reason: told(&it.item),
            ..it
        })
        .collect();
    appeals::close(tx, office.org(), &ended, &decided)?;
    office.record("appeal_dismissed", "appeal", id, &json!({"visit": visit.audit_id}))?;
    read::detail(tx, app, office.person()?, id)
}

fn ended(office: &Office, found: Appeal, reason: Option<&str>) -> Appeal {
    Appeal {
        decided_by: office.user(),
        decided_at: Some(office.now()),
        reason: reason.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned),
        ..found
    }
}

/// Puts what was granted among what counts.
fn correct(counted: &mut Corrections, decided: &[AppealItem]) {
    for it in decided {
        if let Some(answer) = &it.answer {
            counted.insert(it.item.clone(), Some(answer.clone()).filter(|it| it != LEFT_OUT));
        }
    }
}

/// Items that are named in a decision and cannot be.
fn misnamed(items: &[AppealItem], named: &[&str]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for (index, it) in named.iter().enumerate() {
        let at = format!("/items/{index}/item");
        if !items.iter().any(|item| item.item == *it) {
            let (es, en) = ("La apelación no nombra esa pregunta.", "the appeal does not name this item");
            problems.push(FieldProblem::new(at, "item_not_appealed", es, en));
        } else if named.iter().take(index).any(|other| other == it) {
            let (es, en) = (
                "Esa pregunta ya está decidida arriba; deje una sola.",
                "this item is decided above; leave one",
            );
            problems.push(FieldProblem::new(at, "repeated_item", es, en));
        }
    }
    problems
}

/// The items of an appeal with what was decided of each.
fn verdicts(
    checklist: &Checklist,
    now: &Answers,
    items: Vec<AppealItem>,
    verdicts: &[Verdict],
) -> Result<Vec<AppealItem>, Problem> {
    let named: Vec<&str> = verdicts.iter().map(|it| it.item.as_str()).collect();
    let mut problems = misnamed(&items, &named);
    let mut decided = Vec::with_capacity(items.len());
    for item in items {
        let Some((index, verdict)) = verdicts.iter().enumerate().find(|it| it.1.item == item.item) else {
            let name = &item.item;
            problems.push(FieldProblem::new(
                "/items",
                "item_undecided",
                format!("Falta decidir la pregunta «{name}»."),
                format!("the item \"{name}\" is not decided"),
            ));
            continue;
        };
        let found = checklist.item(&item.item);
        match found.map_or(Ok(None), |it| answer(it, now, verdict, &format!("/items/{index}"))) {
            Err(problem) => problems.push(problem),
            Ok(answer) => decided.push(AppealItem {
                decision: Some(verdict.decision),
                decision_reason: Some(verdict.reason.trim().to_owned()),
                answer,
                ..item
            }),
        }
    }
    if problems.is_empty() && !decided.iter().any(|it| it.decision == Some(ItemDecision::Upheld)) {
        let (es, en) = (
            "Ninguna pregunta se acepta; para eso, desestime la apelación.",
            "no item is upheld; dismiss the appeal instead",
        );
        problems.push(FieldProblem::new("/items", "nothing_upheld", es, en));
    }
    if problems.is_empty() {
        return Ok(decided);
    }
    Err(Problem::invalid("invalid_input", "the input breaks rules", problems))
}

/// The answer that a verdict puts in place, as JSON; none where it is dismissed.
fn answer(item: &Item, now: &Answers, verdict: &Verdict, at: &str) -> Result<Option<String>, FieldProblem> {
    let field = |name: &str| format!("{at}/{name}");
    if verdict.decision == ItemDecision::Dismissed {
        if verdict.answer.is_none() && !verdict.leave_out {
            return Ok(None);
        }
        let (es, en) =
            ("Una pregunta desestimada conserva su respuesta.", "a dismissed item keeps its answer");
        return Err(FieldProblem::new(field("answer"), "answer_unwanted", es, en));
    }
    let given = match (&verdict.answer, verdict.leave_out) {
        (None, true) => return Ok(Some(LEFT_OUT.to_owned())),
        (Some(given), false) => given,
        (Some(_), true) => {
            let (es, en) =
                ("Indique la respuesta o «leave_out», no ambos.", "give the answer or leave_out, not both");
            return Err(FieldProblem::new(field("answer"), "answer_unwanted", es, en));
        }
        (None, false) => {
            let (es, en) = (
                "Indique la respuesta correcta, o «leave_out» si la pregunta ya no debe contar.",
                "give the right answer, or leave_out where the item is to count no more",
            );
            return Err(FieldProblem::new(field("answer"), "answer_missing", es, en));
        }
    };
    let parsed = match json_of(item, given) {
        Some(json) => {
            parse_answer(item, &json).map_err(|it| FieldProblem { field: field("answer"), ..it })?
        }
        None => None,
    };
    let Some(parsed) = parsed else {
        let (es, en) = (
            "Esta pregunta no se corrige con una respuesta; use «leave_out».",
            "this item is not corrected by an answer; use leave_out",
        );
        return Err(FieldProblem::new(field("answer"), "answer_unwanted", es, en));
    };
    if now.get(&item.id) == Some(&parsed) {
        let (es, en) = ("Es la respuesta que ya cuenta.", "this is the answer that counts already");
        return Err(FieldProblem::new(field("answer"), "same_answer", es, en));
    }
    Ok(Some(parsed.to_json()))
}

/// The JSON of an answer; none where nobody can give one for the item.
fn json_of(item: &Item, given: &GivenAnswer) -> Option<String> {
    let is_decimal = matches!(item.kind, ItemType::Number | ItemType::Duration);
    match (item.kind, given) {
        (kind, _) if kind.holds_blobs() || kind == ItemType::Text => None,
        // A decimal travels as text and is read from it.
        (_, GivenAnswer::Text(text)) if is_decimal && text != "na" => Some(text.trim().to_owned()),
        (_, GivenAnswer::Text(text)) => serde_json::to_string(text).ok(),
        (_, GivenAnswer::Whole(number)) => Some(number.to_string()),
        (_, GivenAnswer::Options(options)) => serde_json::to_string(options).ok(),
    }
}
