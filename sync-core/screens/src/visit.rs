//! The visit: its questions, which do not change while it is filled in, and its state, of which each tap brings only what changed.

use device::{AttachmentEntry, Device, DeviceError, Filled, PhotoState};
use domain::{
    FieldProblem, LocalText, Problem,
    answer::{comment_field, photo_field},
    attachment::{self, Permitted},
    checklist::{ChecklistKind, Item, ItemType, PhotoLimits, VisitRules},
    visit_facts::{ARRIVAL, DEPARTURE, OUTCOME, OUTCOME_PHOTOS, PLATFORM},
    visit_score::{Asked, PreparedChecklist, VisitScore},
};
use ordered::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};
use sync_core::{fold::Phase, payload::CreateValue, reference::Allowed};
use uuid::Uuid;

use crate::{home::BranchFacts, versions};

/// A visit whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Visit {
    /// What is asked.
    pub form: Form,
    /// How it stands.
    pub state: State,
    /// Every question, template order.
    pub items: Vec<ItemState>,
}

/// What changed in a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VisitChange {
    /// How it stands.
    pub state: State,
    /// Questions whose state is another than last answered.
    pub items: Vec<ItemState>,
}

/// What is asked in a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Form {
    /// The visit.
    pub visit: String,
    /// Where.
    pub branch: Option<BranchFacts>,
    /// Who visits, and as what.
    pub kind: ChecklistKind,
    /// The checklist's name.
    pub title: LocalText,
    /// The newest version of the checklist on this phone, where the visit has an older one.
    pub newer: Option<u32>,
    /// What the auditor asks for and how they behave.
    pub scenario: LocalText,
    /// Locale in which it is shown first.
    pub default_locale: String,
    /// How long, where, when, by when.
    pub rules: VisitRules,
    /// How large and how fine photos are kept.
    pub photo_limits: PhotoLimits,
    /// Most bytes of sound or a file.
    pub attachment_bytes: u64,
    /// Sections in order.
    pub sections: Vec<FormSection>,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FormSection {
    /// One capital letter.
    pub id: String,
    /// Its name.
    pub title: LocalText,
    /// Its questions.
    pub items: Vec<FormItem>,
}

/// A question: what of an item a screen needs, without what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FormItem {
    /// Its id.
    pub id: String,
    /// What an answer looks like.
    pub kind: ItemType,
    /// The question.
    pub q: LocalText,
    /// How to observe it.
    pub hint: Option<LocalText>,
    /// Whether a visit cannot be handed in without it while it is asked.
    pub must: bool,
    /// Whether `"na"` is an answer.
    pub na: bool,
    /// Unit of a number or duration.
    pub unit: Option<String>,
    /// Smallest number, as decimal text.
    pub min: Option<String>,
    /// Largest number, as decimal text.
    pub max: Option<String>,
    /// Fewest characters of a text.
    pub min_chars: Option<u32>,
    /// Words for the five steps of a scale.
    pub anchors: Vec<LocalText>,
    /// Options of a choice.
    pub options: Vec<FormOption>,
    /// Whether photos may stand beside the answer, or are it.
    pub photos: bool,
    /// Whether only the camera will do for them.
    pub camera_only: bool,
    /// Whether the position is taken with them.
    pub gps: bool,
    /// How large and how fine its photos are kept, where it is not as in the rest of the form.
    pub photo_limits: Option<PhotoLimits>,
    /// Media types of the sound or the files that are its answer.
    pub accepts: Vec<String>,
    /// What to photograph.
    pub photo_hint: Option<LocalText>,
    /// What to write in a comment.
    pub comment_hint: Option<LocalText>,
}

/// An option of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FormOption {
    /// Its id.
    pub id: String,
    /// Whether it cannot be chosen together with another.
    pub exclusive: bool,
    /// Its name.
    pub text: LocalText,
}

/// How a visit stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct State {
    /// `draft`, `submitted`, `returned`, `approved`, `rejected` or `void`.
    pub phase: String,
    /// Round, from 1.
    pub round: u32,
    /// Whether it takes answers.
    pub editable: bool,
    /// By section: questions that are asked, and those of them that have an answer.
    pub progress: Vec<Progress>,
    /// What is missing or unsettled, as demands on whoever hands it in.
    pub missing: Vec<FieldProblem>,
    /// Open conflicts.
    pub conflicts: usize,
    /// What the reviewer says of the whole visit, where it was returned.
    pub returned: Vec<String>,
    /// By when it is to be corrected, where it was returned.
    pub due_ms: Option<u64>,
    /// Photos that are not on the server.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Photos that are lost, or that the server refused.
    pub lost: u64,
    /// What the visit states beside its answers.
    pub facts: Facts,
    /// What the programme allows on the phone.
    pub allowed: Allows,
    /// What the visit would score as it stands, with 2 decimals, where the programme shows it and there is something to score.
    pub preview: Option<String>,
}

/// What a programme allows on the phone, as far as pages act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Allows {
    /// Hiding the screen.
    pub covert: bool,
    /// Recording sound.
    pub audio: bool,
    /// Adding files.
    pub files: bool,
}

impl From<Allowed> for Allows {
    fn from(it: Allowed) -> Self {
        Self { covert: it.covert, audio: it.audio, files: it.files }
    }
}

/// What a visit states beside its answers, each as the JSON text that was stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Facts {
    /// Of `@arrival`.
    pub arrival: Option<String>,
    /// Of `@departure`.
    pub departure: Option<String>,
    /// Of `@platform`.
    pub platform: Option<String>,
    /// Of `@outcome`; where there is one, the visit could not happen.
    pub outcome: Option<String>,
    /// Photos that prove the outcome, in `@outcome#photo`.
    pub outcome_photos: Vec<PhotoCard>,
    /// What all this and the photos are worth as evidence.
    pub evidence: Evidence,
}

/// What a visit is worth as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// `low`, `medium` or `high`.
    pub grade: String,
    /// Why it is not higher, in words.
    pub reasons: Vec<LocalText>,
}

/// How far a section is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// The section.
    pub section: String,
    /// Questions that are asked.
    pub asked: usize,
    /// Those that have an answer.
    pub answered: usize,
    /// Demands in it that are not met.
    pub missing: usize,
    /// What it would score as it stands, where the visit has a preview and it something to score.
    pub preview: Option<String>,
}

/// How a question stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ItemState {
    /// The question.
    pub id: String,
    /// Whether it is asked.
    pub visible: bool,
    /// The answer as JSON text; none where there is none.
    pub json: Option<String>,
    /// The comment beside it.
    pub comment: Option<String>,
    /// The photos beside it, or that are it.
    pub photos: Vec<PhotoCard>,
    /// Fewest photos that the answer demands beside it.
    pub photos_wanted: u32,
    /// Fewest characters of a comment that the answer demands.
    pub comment_wanted: u32,
    /// What a grave answer says in plain words, to be confirmed.
    pub grave: Option<LocalText>,
    /// Whether other values stand beside the answer or the comment.
    pub conflict: bool,
    /// Whether the office took a value out for good.
    pub redacted: bool,
    /// What the reviewer says of it, where the visit was returned.
    pub returned: Vec<String>,
}

/// A photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PhotoCard {
    /// Its id, for taking it away.
    pub id: String,
    /// The field that it stands in.
    pub field: String,
    /// The hash of its bytes, under which they are read.
    pub blob: String,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub mime: String,
    /// When it was taken.
    pub captured_at_ms: Option<u64>,
    /// Latitude in 1e-7 degrees.
    pub lat_e7: Option<i64>,
    /// Longitude in 1e-7 degrees.
    pub lon_e7: Option<i64>,
    /// Radius of uncertainty in millimetres.
    pub accuracy_mm: Option<u64>,
    /// `hashed`, `uploading`, `stored`, `durable`, `evicted`, `lost`, `refused`, `elsewhere` or `redacted`.
    pub state: String,
    /// Bytes of it that the server has, while it is on its way.
    pub sent: u64,
    /// Why it is lost, or refused.
    pub reason: Option<String>,
}

impl From<(&String, &AttachmentEntry)> for PhotoCard {
    fn from((field, it): (&String, &AttachmentEntry)) -> Self {
        let (state, sent, reason) = match &it.state {
            PhotoState::Hashed => ("hashed", 0, None),
            PhotoState::Uploading { sent } => ("uploading", *sent, None),
            PhotoState::Stored => ("stored", it.value.size, None),
            PhotoState::Durable => ("durable", it.value.size, None),
            PhotoState::Evicted => ("evicted", it.value.size, None),
            PhotoState::Lost { cause } => ("lost", 0, Some(cause.clone())),
            PhotoState::Refused { reason } => ("refused", 0, Some(reason.clone())),
            PhotoState::Elsewhere => ("elsewhere", 0, None),
            PhotoState::Redacted => ("redacted", 0, None),
        };
        let gps = it.value.gps.as_ref();
        Self {
            id: it.id.to_string(),
            field: field.clone(),
            blob: it.value.blob.to_string(),
            size: it.value.size,
            mime: it.value.mime.clone(),
            captured_at_ms: it.value.captured_at_ms,
            lat_e7: gps.map(|it| it.lat_e7),
            lon_e7: gps.map(|it| it.lon_e7),
            accuracy_mm: gps.and_then(|it| it.accuracy_mm),
            state: state.to_owned(),
            sent,
            reason,
        }
    }
}

fn form_item(item: &Item) -> FormItem {
    let photo = item.evidence.as_ref().and_then(|it| it.photo.as_ref());
    let comment = item.evidence.as_ref().and_then(|it| it.comment.as_ref());
    let anchors = item.anchors.iter().flat_map(|it| it.es.iter().zip(&it.en));
    let option = |it: &domain::checklist::ItemOption| FormOption {
        id: it.id.clone(),
        exclusive: it.exclusive,
        text: LocalText::new(it.es.clone(), it.en.clone()),
    };
    FormItem {
        id: item.id.clone(),
        kind: item.kind,
        q: item.q.clone(),
        hint: item.hint.clone(),
        must: item.must_be_answered(),
        na: item.accepts_na(),
        unit: item.unit.clone(),
        min: item.min.as_ref().map(ToString::to_string),
        max: item.max.as_ref().map(ToString::to_string),
        min_chars: item.min_chars,
        anchors: anchors.map(|(es, en)| LocalText::new(es.clone(), en.clone())).collect(),
        options: item.options.iter().map(option).collect(),
        photos: photo.is_some() || item.kind == ItemType::Photo,
        camera_only: photo.is_some_and(|it| it.camera_only),
        gps: photo.is_some_and(|it| it.gps),
        photo_limits: photo.and_then(|it| it.limits),
        accepts: attachment::accepted(item.kind).into_iter().map(str::to_owned).collect(),
        photo_hint: photo.and_then(|it| it.hint.clone()),
        comment_hint: comment.and_then(|it| it.hint.clone()),
    }
}

fn form(
    device: &mut Device,
    visit: Uuid,
    pin: &CreateValue,
    template: &PreparedChecklist,
) -> Result<Form, DeviceError> {
    let checklist = template.checklist();
    let sections = checklist.sections.iter().map(|it| FormSection {
        id: it.id.clone(),
        title: it.title.clone(),
        items: it.items.iter().map(form_item).collect(),
    });
    Ok(Form {
        visit: visit.to_string(),
        branch: device.branches()?.iter().find(|it| it.id == pin.branch).map(BranchFacts::from),
        kind: checklist.kind,
        title: checklist.title.clone(),
        newer: versions::newer(device, &checklist.id, checklist.version)?,
        scenario: checklist.scenario.clone(),
        default_locale: checklist.default_locale.clone(),
        rules: checklist.visit.clone(),
        photo_limits: checklist.photo_limits(),
        attachment_bytes: attachment::MAX_ATTACHMENT_BYTES,
        sections: sections.collect(),
    })
}

/// The item of a problem's field (`/B02#comment` is of `B02`).
pub(crate) fn item_of(field: &str) -> &str {
    let field = field.trim_start_matches('/');
    field.split_once('#').map_or(field, |it| it.0)
}

fn item_state(asked: &Asked<'_>, filled: &Filled) -> ItemState {
    let detail = &filled.detail;
    let id = &asked.item.id;
    let (comment, photo) = (comment_field(id), photo_field(id));
    let answer = detail.answers.get(id);
    let remark = detail.answers.get(&comment);
    let photos = [id, &photo].into_iter().flat_map(|field| {
        detail.attachments.get(field).into_iter().flatten().map(move |it| PhotoCard::from((field, it)))
    });
    let photos: Vec<PhotoCard> = photos.collect();
    let of_item = |it: &&sync_core::payload::ReturnedItem| item_of(&it.field) == id;
    let returned = detail.returned.iter().filter(|_| detail.round > 1);
    let returned = returned.flat_map(|it| &it.items).filter(of_item).map(|it| it.reason.clone());
    let both = || [answer, remark].into_iter().flatten();
    ItemState {
        visible: asked.visible,
        json: answer.and_then(|it| it.value.as_ref()).map(|it| it.get().to_owned()),
        comment: remark
            .and_then(|it| it.value.as_ref())
            .and_then(|it| domain::json::read(it.get().as_bytes()).ok()),
        photos_wanted: asked.photos,
        comment_wanted: asked.comment,
        grave: asked.grave.cloned(),
        conflict: both().any(|it| it.conflict),
        redacted: both().any(|it| it.redacted) || photos.iter().any(|it| it.state == "redacted"),
        photos,
        returned: returned.collect(),
        id: id.clone(),
    }
}

fn state(filled: &Filled, template: &PreparedChecklist, items: &BTreeMap<&str, &ItemState>) -> State {
    let detail = &filled.detail;
    let score = preview(filled, template);
    let is_answered = |it: &ItemState| it.json.is_some() || !it.photos.is_empty();
    let progress = template.checklist().sections.iter().map(|section| {
        let ids: BTreeSet<&str> = section.items.iter().map(|it| it.id.as_str()).collect();
        let asked = ids.iter().filter_map(|it| items.get(it)).filter(|it| it.visible);
        Progress {
            section: section.id.clone(),
            asked: asked.clone().count(),
            answered: asked.filter(|it| is_answered(it)).count(),
            missing: detail.missing.iter().filter(|it| ids.contains(item_of(&it.field))).count(),
            preview: score
                .as_ref()
                .and_then(|it| it.sections.get(&section.id))
                .map(|it| it.score.to_string()),
        }
    });
    let returned = detail.returned.as_ref().filter(|_| detail.round > 1);
    State {
        phase: detail.phase.name().to_owned(),
        round: detail.round,
        editable: matches!(detail.phase, Phase::Draft | Phase::Returned),
        progress: progress.collect(),
        missing: detail.missing.clone(),
        conflicts: detail.conflicts.iter().filter(|it| it.resolved_by.is_none()).count(),
        returned: returned.map(|it| it.reasons.clone()).unwrap_or_default(),
        due_ms: returned.and_then(|it| it.due_ms),
        photos: detail.unsent.photos,
        bytes: detail.unsent.bytes,
        lost: detail.unsent.lost,
        facts: facts(filled),
        allowed: Allows::from(filled.allowed),
        preview: score.map(|it| it.final_score.to_string()),
    }
}

/// What the answers would score now, by the rule that the office scores with; none where the programme does not show it, the visit
/// could not happen, or nothing that has weight is answered.
pub(crate) fn preview(filled: &Filled, template: &PreparedChecklist) -> Option<VisitScore> {
    let is_shown = filled.allowed.preview_score && !filled.detail.facts.is_not_completed();
    is_shown.then(|| template.score(&filled.answers).ok()).flatten()
}

fn facts(filled: &Filled) -> Facts {
    let detail = &filled.detail;
    let stated = |field: &str| detail.answers.get(field)?.value.as_ref().map(|it| it.get().to_owned());
    let proofs = detail.attachments.get_key_value(OUTCOME_PHOTOS);
    let proofs = proofs.into_iter().flat_map(|(field, list)| list.iter().map(move |it| (field, it)));
    let reasons = detail.evidence.reasons.iter().map(|it| it.label());
    Facts {
        arrival: stated(ARRIVAL),
        departure: stated(DEPARTURE),
        platform: stated(PLATFORM),
        outcome: stated(OUTCOME),
        outcome_photos: proofs.map(PhotoCard::from).collect(),
        evidence: Evidence { grade: detail.evidence.grade.as_str().to_owned(), reasons: reasons.collect() },
    }
}

/// What is asked of every item, as far as the programme permits it.
pub(crate) fn asked<'a>(filled: &Filled, template: &'a PreparedChecklist) -> Vec<Asked<'a>> {
    let Allowed { audio, files, .. } = filled.allowed;
    template.asked(&filled.answers, Permitted { audio, files })
}

pub(crate) fn too_new() -> DeviceError {
    DeviceError::from(Problem::single(
        409,
        "checklist_not_readable",
        "Esta visita usa un cuestionario que este teléfono no tiene o que pide una versión más nueva de la aplicación. \
         Lo contestado está a salvo: sincronice y actualice la aplicación",
        "this visit uses a checklist that is not on this phone, or that needs a newer version of the app. What was answered is \
         safe: synchronise and update the app",
    ))
}

/// A visit as it was last answered, so that only what changed is answered again.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) visit: Uuid,
    items: Vec<ItemState>,
}

fn read(device: &mut Device, visit: Uuid) -> Result<(Filled, State, Vec<ItemState>), DeviceError> {
    let filled = device.filled(visit)?;
    let template = filled.checklist.clone().ok_or_else(too_new)?;
    let items: Vec<ItemState> = asked(&filled, &template).iter().map(|it| item_state(it, &filled)).collect();
    let by_id = items.iter().map(|it| (it.id.as_str(), it)).collect();
    let state = state(&filled, &template, &by_id);
    Ok((filled, state, items))
}

/// Fills the screen of a visit.
///
/// - **Errors**: `unknown_audit`, `checklist_not_readable`; storage.
pub(crate) fn fill(device: &mut Device, visit: Uuid) -> Result<(Visit, Shown), DeviceError> {
    let (filled, state, items) = read(device, visit)?;
    let (Some(pin), Some(template)) = (&filled.detail.pin, &filled.checklist) else {
        return Err(too_new());
    };
    let form = form(device, visit, pin, template)?;
    let shown = Shown { visit, items: items.clone() };
    Ok((Visit { form, state, items }, shown))
}

/// What changed since the visit was last answered.
///
/// - **Errors**: as of [`fill`].
pub(crate) fn change(device: &mut Device, shown: &mut Shown) -> Result<VisitChange, DeviceError> {
    let (_, state, items) = read(device, shown.visit)?;
    let before = std::mem::replace(&mut shown.items, items);
    let changed = shown.items.iter().enumerate();
    let changed = changed.filter(|(index, it)| before.get(*index) != Some(it)).map(|it| it.1.clone());
    Ok(VisitChange { state, items: changed.collect() })
}
