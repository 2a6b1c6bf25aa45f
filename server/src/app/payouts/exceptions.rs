//! What an approver has to see before anything else: a period that is not the plan's, bands
//! given by hand, people whose sample was too small, whose line pays nothing, who
//! reach a cap, whose pay is held while a visit is disputed, or who are here for adjustments only; and what of earlier runs cannot be
//! calculated again. Read from the totals as they are kept, and from the frozen inputs.

use super::{frozen::Frozen, retro::Stands};
use crate::error::ApiError;
use db::payouts::PayoutRun;
use domain::{
    LocalText, Rounded,
    ids::RunId,
    incentive::{AdjustmentLine, Held, IndividualPayout, Line, Note, Period, Plan, PoolShare},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something about a run or a person's pay that an approver has to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PayException {
    /// Stable code: the sample rule that acted (`redistribute_weight`, `hold_harmless`, `carry_forward`, `zero`),
    /// `zero_line`, `capped`, `component_capped`, `pool_capped`, `disputed`, `appeal_decided`, `only_adjustments`, `in_another_run`; of a whole run `period_length`, `bands_by_hand`, `cannot_recalculate`.
    pub code: String,
    /// The component, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// In Spanish.
    pub message_es: String,
    /// In English.
    pub message_en: String,
}

impl PayException {
    fn new(code: &str, component: Option<&str>, text: LocalText) -> Self {
        let component = component.map(str::to_owned);
        Self { code: code.to_owned(), component, message_es: text.es, message_en: text.en }
    }
}

/// The document of a total: of a person, or of a share in a pool.
#[derive(Deserialize)]
#[serde(untagged)]
enum TotalDocument {
    Share { pool: Pool, share: PoolShare },
    Person(IndividualPayout),
}

/// What is looked at of a pool.
#[derive(Deserialize)]
struct Pool {
    pool: Rounded,
    pool_before_cap: Rounded,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    held: Vec<Held>,
}

/// The exceptions of a total's document.
///
/// # Errors
/// Our fault (500) where the stored document cannot be read.
pub(super) fn exceptions(doc: &str) -> Result<Vec<PayException>, ApiError> {
    match serde_json::from_str(doc).map_err(ApiError::internal)? {
        TotalDocument::Person(payout) => Ok(of_person(&payout)),
        TotalDocument::Share { pool, share } => Ok(of_share(&pool, &share)),
    }
}

/// What an approver has to see of a run as a whole.
pub(super) fn of_run(plan: &Plan, run: &PayoutRun, frozen: &Frozen) -> Vec<PayException> {
    let unit = &frozen.unit;
    let mut found: Vec<PayException> = frozen.stands.iter().map(stands).collect();
    if !plan.is_whole_period(Period { from: run.period_from, to: run.period_to }) {
        let months = plan.period.months();
        let text = LocalText::new(
            format!(
                "el periodo no es de {months} meses completos, y los montos del plan son de un periodo completo"
            ),
            format!(
                "the period is not of {months} whole months, and the plan's amounts are of a whole period"
            ),
        );
        found.push(PayException::new("period_length", None, text));
    }
    if !unit.bands.is_empty() {
        let bands: Vec<String> = unit.bands.iter().map(|(id, band)| format!("{id}: {band}")).collect();
        let (bands, reason) = (bands.join(", "), unit.bands_reason.as_deref().unwrap_or_default());
        let text = LocalText::new(
            format!("categorías dadas a mano ({bands}); motivo: {reason}"),
            format!("bands given by hand ({bands}); reason: {reason}"),
        );
        found.push(PayException::new("bands_by_hand", None, text));
    }
    found
}

/// What of an earlier run cannot be calculated without visits that count no more.
fn stands(it: &Stands) -> PayException {
    let (run, period, people) = (it.run, it.period, it.people.join(", "));
    let visits = it.visits.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (from, to, reason) = (period.from, period.to, &it.reason);
    let text = LocalText::new(
        format!(
            "{people}: ya no cuentan las visitas {visits}, y sin ellas no se puede repetir el cálculo {run} (del {from} al {to}): {}; queda lo que se pagó, hasta que una persona decida",
            reason.es
        ),
        format!(
            "{people}: the visits {visits} count no more, and without them the run {run} ({from} to {to}) cannot be calculated again: {}; what was paid stands until a person decides",
            reason.en
        ),
    );
    PayException::new("cannot_recalculate", None, text)
}

/// Somebody whom another live run of the plan pays for some of the same days.
pub(super) fn in_another_run(other: RunId) -> PayException {
    let text = LocalText::new(
        format!("el cálculo {other} del mismo plan también le paga días de este periodo"),
        format!("the run {other} of the same plan pays days of this period too"),
    );
    PayException::new("in_another_run", None, text)
}

/// Notes about a person; that of the period's length is told once, of the whole run.
fn of_notes(notes: &[Note]) -> impl Iterator<Item = PayException> + '_ {
    notes.iter().filter(|it| it.code != "period_length").map(|it| {
        // The text of a component's sample rule begins with the component: «csat: muestra insuficiente…».
        let component = it.text.es.split_once(": ").map(|(id, _)| id);
        PayException::new(&it.code, component, it.text.clone())
    })
}

fn of_person(payout: &IndividualPayout) -> Vec<PayException> {
    let mut found: Vec<PayException> = of_notes(&payout.notes).collect();
    for it in &payout.lines {
        let id = &it.component;
        if it.amount.value().is_zero() {
            let text =
                LocalText::new(format!("{id}: la línea paga cero"), format!("{id}: the line pays zero"));
            found.push(PayException::new("zero_line", Some(id), text));
        }
        if is_capped(it) {
            let text = LocalText::new(format!("{id}: llega a su tope"), format!("{id}: reaches its cap"));
            found.push(PayException::new("component_capped", Some(id), text));
        }
    }
    found.extend(payout.held.iter().map(disputed));
    found.extend(payout.adjustments.iter().filter_map(decided));
    found
}

/// What a decided appeal changes of an earlier period.
fn decided(it: &AdjustmentLine) -> Option<PayException> {
    let is_rerun = it.method.as_deref() == Some("rerun");
    let (period, amount, reason) = (&it.period, &it.amount, it.reason.as_deref().unwrap_or_default());
    let waits = it.carried_forward.as_ref().filter(|it| !it.value().is_zero());
    let later = |before: &str| waits.map(|it| format!("{before}{it}")).unwrap_or_default();
    let (es, en) = (later(", y queda por recuperar "), later(", and still to recover "));
    let text = LocalText::new(
        format!("ajuste de {period}: {amount}{es} ({reason})"),
        format!("adjustment of {period}: {amount}{en} ({reason})"),
    );
    is_rerun.then(|| PayException::new("appeal_decided", None, text))
}

fn is_capped(line: &Line) -> bool {
    line.steps.iter().any(|it| it.step == "component_cap" && it.inputs.get("amount") != Some(&it.value))
}

fn disputed(held: &Held) -> PayException {
    let amount = &held.amount;
    let due = |before: &str| held.decision_due.map(|it| format!("{before}{it}")).unwrap_or_default();
    let (es, en) = (due(", a más tardar el "), due(", by "));
    let text = LocalText::new(
        format!("{amount} retenido hasta que se decidan las visitas en aclaración{es}"),
        format!("{amount} held until the disputed visits are decided{en}"),
    );
    PayException::new("disputed", None, text)
}

fn of_share(pool: &Pool, share: &PoolShare) -> Vec<PayException> {
    if share.only_adjustments {
        // What is told of the pool is not about them.
        let note = Note::only_adjustments();
        let alone = PayException::new(&note.code, None, note.text);
        return std::iter::once(alone).chain(share.adjustments.iter().filter_map(decided)).collect();
    }
    let mut found: Vec<PayException> = of_notes(&pool.notes).collect();
    if pool.pool.value() < pool.pool_before_cap.value() {
        let text = LocalText::new("la bolsa llega a su tope", "the pool reaches its cap");
        found.push(PayException::new("pool_capped", None, text));
    }
    if share.share.value().is_zero() {
        let text = LocalText::new("la parte de la bolsa es cero", "the share of the pool is zero");
        found.push(PayException::new("zero_line", None, text));
    }
    found.extend(pool.held.iter().filter(|it| it.person == share.id).map(disputed));
    found.extend(share.adjustments.iter().filter_map(decided));
    found
}
