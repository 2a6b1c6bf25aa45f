//! What is sent from the page of a visit: each form made into the order of its use case, carried out only while the visit is as it was
//! shown to whoever sent it.

use super::super::form::{Shape, Typed};
use crate::{
    app::{
        App,
        review::{
            Standing,
            approve::{Approval, approve},
            commands::{Because, ReturnOrder, claim, manage, plain, reject, send_back},
            conflicts::{Acknowledgement, Choice, acknowledge, resolve},
            look::mark,
            step::lock_visit,
        },
    },
    error::ApiError,
    http::body::FromJson as _,
    office::Office,
};
use db::Tx;
use domain::{
    FieldProblem,
    ids::AuditId,
    lifecycle::{Actor, Command},
};
use jiff::{civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

/// Prefix of the fields that name an item of a return.
pub(super) const FIX: &str = "fix.";
/// Prefix of the fields with what is wrong with it.
pub(super) const WHY: &str = "why.";

/// What somebody asks for.
#[derive(Debug, Clone)]
pub(super) enum Order {
    Claim,
    Plain(Command, Because),
    Return(ReturnOrder),
    Approve(Approval),
    Reject(Because),
    Manage(Command, Because),
    Resolve(Choice),
    Acknowledge(Acknowledgement),
}

impl Order {
    /// The order that a form says; none for an address that has no form. `zone` is that of the branch.
    ///
    /// # Errors
    /// Every field that breaks a rule (422), under its name in the form.
    pub(super) fn read(name: &str, typed: &Typed, zone: &str) -> Result<Option<Self>, ApiError> {
        let because = || typed.read::<Because>(&[("reason", Shape::Text)]);
        Ok(Some(match name {
            "claim" => Self::Claim,
            "hold" => Self::Plain(Command::Hold, because()?),
            "release" => Self::Plain(Command::Release, Because::default()),
            "publish" => Self::Plain(Command::Publish, Because::default()),
            "return" => Self::Return(return_order(typed, zone)?),
            "approve" => Self::Approve(typed.read(&[("submit", Shape::Text)])?),
            "reject" => Self::Reject(because()?),
            "exclude" => Self::Manage(Command::Exclude, because()?),
            "include" => Self::Manage(Command::Include, because()?),
            "void" => Self::Manage(Command::Void, sure(typed, because()?)?),
            "resolve" => {
                let shapes =
                    [("field", Shape::EmptyText), ("stands", Shape::EmptyText), ("reason", Shape::EmptyText)];
                if typed.get("stands").is_empty() {
                    let (es, en) = ("Elija cuál vale.", "choose which one stands");
                    return Err(ApiError::field("/stands", "nothing_chosen", es, en));
                }
                Self::Resolve(typed.read(&shapes)?)
            }
            "acknowledge" => {
                let body = json!({"ops": typed.all("ops"), "reason": typed.get("reason").trim()});
                Self::Acknowledge(Acknowledgement::from_json(&body.to_string())?)
            }
            _ => return Ok(None),
        }))
    }

    fn actor(&self) -> Actor {
        match self {
            Self::Manage(..) => Actor::Manager,
            _ => Actor::Reviewer,
        }
    }

    /// Carries it out; where the visit stands then, where its state is the order's business.
    ///
    /// # Errors
    /// `changed_meanwhile` (409) where the visit is not as it was shown; those of the use case.
    pub(super) fn carry_out(
        &self,
        tx: &mut Tx<'_>,
        app: &App,
        office: &mut Office,
        visit: AuditId,
        shown: &str,
    ) -> Result<Option<Standing>, ApiError> {
        let now = lock_visit(tx, office, visit, self.actor())?;
        // The table of states has its own words for whoever comes too late.
        let is_gone =
            self.command().is_some_and(|it| domain::lifecycle::arrow(Some(now.state), it).is_none());
        if !is_gone && mark(&now) != shown {
            return Err(changed_meanwhile());
        }
        Ok(match self {
            Self::Claim => Some(claim(tx, office, visit)?),
            Self::Plain(command, because) => Some(plain(tx, office, visit, *command, because)?),
            Self::Return(order) => Some(send_back(tx, app, office, visit, order)?),
            Self::Approve(approval) => Some(approve(tx, app, office, visit, approval)?.standing),
            Self::Reject(because) => Some(reject(tx, office, visit, because)?),
            Self::Manage(command, because) => Some(manage(tx, office, visit, *command, because)?),
            Self::Resolve(choice) => {
                resolve(tx, app, office, visit, choice)?;
                None
            }
            Self::Acknowledge(note) => {
                acknowledge(tx, office, visit, note)?;
                None
            }
        })
    }

    fn command(&self) -> Option<Command> {
        match self {
            Self::Claim => Some(Command::Claim),
            Self::Plain(command, _) | Self::Manage(command, _) => Some(*command),
            Self::Return(_) => Some(Command::Return),
            Self::Approve(_) => Some(Command::Approve),
            Self::Reject(_) => Some(Command::Reject),
            Self::Resolve(_) | Self::Acknowledge(_) => None,
        }
    }
}

fn changed_meanwhile() -> ApiError {
    ApiError::conflict(
        "changed_meanwhile",
        "La visita cambió mientras usted la miraba; abajo está como es ahora. No se guardó nada: revise y envíe de nuevo.",
        "the visit changed while you looked at it; below is how it is now. Nothing was stored: look again and send again",
    )
}

fn sure(typed: &Typed, because: Because) -> Result<Because, ApiError> {
    if typed.get("sure").is_empty() {
        let (es, en) = ("Marque la casilla para confirmar.", "tick the box to confirm");
        return Err(ApiError::field("/sure", "not_confirmed", es, en));
    }
    Ok(because)
}

fn return_order(typed: &Typed, zone: &str) -> Result<ReturnOrder, ApiError> {
    let ticked: Vec<&str> = typed.beginning(FIX).filter(|it| !it.1.is_empty()).map(|it| it.0).collect();
    let why = |item: &str| typed.get(&format!("{WHY}{item}")).trim();
    if ticked.is_empty() {
        let (es, en) =
            ("Marque al menos una pregunta por corregir.", "tick at least one item to be corrected");
        return Err(ApiError::field("", "items_missing", es, en));
    }
    let items: Vec<Value> = ticked.iter().map(|it| json!({"item": it, "reason": why(it)})).collect();
    let mut problems: Vec<FieldProblem> = typed
        .beginning(WHY)
        .filter(|it| !it.1.trim().is_empty() && !ticked.contains(&it.0))
        .map(|it| {
            let (es, en) = ("Marque la pregunta, o borre el motivo.", "tick the item, or clear the reason");
            FieldProblem::new(format!("/{WHY}{}", it.0), "not_ticked", es, en)
        })
        .collect();
    let mut body = Map::from_iter([("items".to_owned(), Value::from(items))]);
    if let Some(reason) = Some(typed.get("reason").trim()).filter(|it| !it.is_empty()) {
        body.insert("reason".to_owned(), Value::from(reason));
    }
    match deadline(typed.get("deadline"), zone) {
        Some(deadline) => drop(body.insert("deadline".to_owned(), Value::from(deadline))),
        None => {
            let (es, en) = ("Fije el día y la hora.", "set the day and the time");
            problems.push(FieldProblem::new("/deadline", "deadline_missing", es, en));
            body.insert("deadline".to_owned(), Value::from("2000-01-01T00:00:00Z"));
        }
    }
    let read = ReturnOrder::from_json(&Value::Object(body).to_string());
    problems.extend(read.as_ref().err().iter().flat_map(|it| it.problem().errors.clone()));
    match read {
        Ok(order) if problems.is_empty() => Ok(order),
        _ => Err(of_items(&ApiError::invalid(problems), &ticked)),
    }
}

/// The same problems, those of an item under its own field.
pub(super) fn of_items(error: &ApiError, ticked: &[&str]) -> ApiError {
    let mut problem = error.problem().clone();
    for it in &mut problem.errors {
        let index =
            it.field.strip_prefix("/items/").and_then(|it| it.split('/').next()?.parse::<usize>().ok());
        if let Some(item) = index.and_then(|at| ticked.get(at)) {
            it.field = format!("/{WHY}{item}");
        }
    }
    problem.into()
}

/// The instant of a wall clock in the zone of the branch, as the use case reads it.
fn deadline(local: &str, zone: &str) -> Option<String> {
    let local: DateTime = local.trim().parse().ok()?;
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Some(local.to_zoned(zone).ok()?.timestamp().to_string())
}
