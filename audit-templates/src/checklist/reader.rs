//! From a file to the checklist type. Owns the names of its keys and words; what they may say together is judged in
//! `validator`.

use domain::{
    answer::TimeOfDay,
    checklist::{
        Anchors, Band, Checklist, ChecklistKind, CommentRule, Confirmation, Credit, CreditBand, CreditMode,
        CriticalMode, CriticalRule, Evidence, Item, ItemOption, ItemType, PhotoLimits, PhotoRule, Pooling,
        Recording, RecordingAllowed, RecordingStore, Rounding, RoundingMode, ScaleCredit, Scoring,
        ScoringMode, Section, TimeWindow, VisitRules, Weekday,
    },
};

use crate::read::Cursor;

const KINDS: [(&str, ChecklistKind); 4] = [
    ("mystery_shopper", ChecklistKind::MysteryShopper),
    ("mystery_citizen", ChecklistKind::MysteryCitizen),
    ("mystery_call", ChecklistKind::MysteryCall),
    ("inspection", ChecklistKind::Inspection),
];
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];
const RECORDING_ALLOWED: [(&str, RecordingAllowed); 2] = [
    ("never", RecordingAllowed::Never),
    ("only_if_announced_or_lawful", RecordingAllowed::OnlyIfAnnouncedOrLawful),
];
const RECORDING_STORES: [(&str, RecordingStore); 2] =
    [("hash_and_file", RecordingStore::HashAndFile), ("hash_only", RecordingStore::HashOnly)];
const SCORING_MODES: [(&str, ScoringMode); 2] =
    [("section_weighted", ScoringMode::SectionWeighted), ("points_pooled", ScoringMode::PointsPooled)];
const CRITICAL_MODES: [(&str, CriticalMode); 4] = [
    ("cap_overall", CriticalMode::CapOverall),
    ("zero_overall", CriticalMode::ZeroOverall),
    ("zero_section", CriticalMode::ZeroSection),
    ("none", CriticalMode::None),
];

/// Reads a checklist.
pub(super) fn checklist(at: &Cursor<'_>) -> Checklist {
    let mut fields = at.fields();
    let checklist = Checklist {
        schema: fields.required("schema", Cursor::text),
        id: fields.required("id", Cursor::text),
        version: fields.required("version", Cursor::integer),
        kind: fields.required("kind", |it| it.choice(&KINDS, ChecklistKind::MysteryShopper)),
        channel: fields.required("channel", Cursor::text),
        title: fields.required("title", Cursor::local_text),
        purpose: fields.required("purpose", Cursor::local_text),
        scenario: fields.required("scenario", Cursor::local_text),
        default_locale: fields.required("default_locale", Cursor::text),
        visit: fields.required("visit", visit),
        photo: fields.optional("photo", photo_limits),
        scoring: fields.required("scoring", scoring),
        sections: fields.required("sections", |it| it.list(section)),
    };
    fields.finish();
    checklist
}

fn visit(at: &Cursor<'_>) -> VisitRules {
    let mut fields = at.fields();
    let visit = VisitRules {
        minutes_min: fields.required("minutes_min", Cursor::integer),
        minutes_max: fields.required("minutes_max", Cursor::integer),
        geofence_m: fields.optional("geofence_m", Cursor::integer),
        gps_accuracy_max_m: fields.optional("gps_accuracy_max_m", Cursor::integer),
        windows: fields.optional("windows", |it| it.list(window)).unwrap_or_default(),
        shopper_lockout_days: fields.required("shopper_lockout_days", Cursor::integer),
        branch_spacing_days: fields.required("branch_spacing_days", Cursor::integer),
        submit_within_hours: fields.required("submit_within_hours", Cursor::integer),
        recording: fields.optional("recording", recording),
    };
    fields.finish();
    visit
}

fn window(at: &Cursor<'_>) -> TimeWindow {
    let mut fields = at.fields();
    let window = TimeWindow {
        days: fields.required("days", |it| it.list(|it| it.choice(&DAYS, Weekday::Mon))),
        from: fields.required("from", time),
        to: fields.required("to", time),
    };
    fields.finish();
    window
}

fn time(at: &Cursor<'_>) -> TimeOfDay {
    let text = at.text();
    TimeOfDay::parse(&text).unwrap_or_else(|| {
        if !text.is_empty() {
            at.refuse(
                "bad_time",
                format!("«{text}» no es una hora; escriba \"HH:MM\", de \"00:00\" a \"23:59\""),
                format!("`{text}` is not a time; write \"HH:MM\", from \"00:00\" to \"23:59\""),
            );
        }
        TimeOfDay::default()
    })
}

fn recording(at: &Cursor<'_>) -> Recording {
    let mut fields = at.fields();
    let recording = Recording {
        allowed: fields.required("allowed", |it| it.choice(&RECORDING_ALLOWED, RecordingAllowed::Never)),
        store: fields.required("store", |it| it.choice(&RECORDING_STORES, RecordingStore::HashOnly)),
    };
    fields.finish();
    recording
}

fn scoring(at: &Cursor<'_>) -> Scoring {
    let mut fields = at.fields();
    let pooling = |it: &Cursor<'_>| it.choice(&[("exclude", Pooling::Exclude)], Pooling::Exclude);
    let scoring = Scoring {
        mode: fields.required("mode", |it| it.choice(&SCORING_MODES, ScoringMode::SectionWeighted)),
        na: fields.required("na", pooling),
        hidden: fields.required("hidden", pooling),
        unanswered_optional: fields.required("unanswered_optional", pooling),
        scale_1_5: fields
            .required("scale_1_5", |it| it.choice(&[("linear", ScaleCredit::Linear)], ScaleCredit::Linear)),
        bonus_cap: fields.required("bonus_cap", Cursor::exact),
        critical: fields.required("critical", critical),
        rounding: fields.required("rounding", rounding),
        bands: fields.required("bands", |it| it.list(band)),
    };
    fields.finish();
    scoring
}

fn critical(at: &Cursor<'_>) -> CriticalRule {
    let mut fields = at.fields();
    let rule = CriticalRule {
        mode: fields.required("mode", |it| it.choice(&CRITICAL_MODES, CriticalMode::None)),
        cap: fields.optional("cap", Cursor::exact),
    };
    fields.finish();
    rule
}

fn rounding(at: &Cursor<'_>) -> Rounding {
    let mut fields = at.fields();
    let rounding = Rounding {
        decimals: fields.required("decimals", Cursor::integer),
        mode: fields
            .required("mode", |it| it.choice(&[("half_up", RoundingMode::HalfUp)], RoundingMode::HalfUp)),
    };
    fields.finish();
    rounding
}

fn band(at: &Cursor<'_>) -> Band {
    let mut fields = at.fields();
    let band = Band {
        id: fields.required("id", Cursor::text),
        min: fields.required("min", Cursor::exact),
        es: fields.required("es", Cursor::text),
        en: fields.required("en", Cursor::text),
    };
    fields.finish();
    band
}

fn section(at: &Cursor<'_>) -> Section {
    let mut fields = at.fields();
    let section = Section {
        id: fields.required("id", Cursor::text),
        weight: fields.required("weight", Cursor::integer),
        touchpoint: fields.required("touchpoint", Cursor::text),
        title: fields.required("title", Cursor::local_text),
        standard: fields.optional("standard", |it| it.list(Cursor::text)).unwrap_or_default(),
        items: fields.required("items", |it| it.list(item)),
    };
    fields.finish();
    section
}

fn item(at: &Cursor<'_>) -> Item {
    let mut fields = at.fields();
    let types = ItemType::ALL.map(|it| (it.name(), it));
    let item = Item {
        id: fields.required("id", Cursor::text),
        kind: fields.required("type", |it| it.choice(&types, ItemType::Text)),
        weight: fields.required("weight", Cursor::integer),
        required: fields.flag("required"),
        critical: fields.flag("critical"),
        bonus: fields.flag("bonus"),
        allow_na: fields.flag("allow_na"),
        pillar: fields.optional("pillar", Cursor::text),
        indicator: fields.optional("indicator", Cursor::text),
        when: fields.optional("when", Cursor::text),
        q: fields.required("q", Cursor::local_text),
        hint: fields.optional("hint", Cursor::local_text),
        unit: fields.optional("unit", Cursor::text),
        min: fields.optional("min", Cursor::exact),
        max: fields.optional("max", Cursor::exact),
        min_chars: fields.optional("min_chars", Cursor::integer),
        anchors: fields.optional("anchors", anchors),
        options: fields.optional("options", |it| it.list(option)).unwrap_or_default(),
        credit: fields.optional("credit", credit),
        evidence: fields.optional("evidence", evidence),
        confirm: fields.optional("confirm", confirmation),
    };
    fields.finish();
    item
}

fn anchors(at: &Cursor<'_>) -> Anchors {
    let mut fields = at.fields();
    let texts = |it: &Cursor<'_>| it.list(Cursor::text);
    let anchors = Anchors { es: fields.required("es", texts), en: fields.required("en", texts) };
    fields.finish();
    anchors
}

fn option(at: &Cursor<'_>) -> ItemOption {
    let mut fields = at.fields();
    let option = ItemOption {
        id: fields.required("id", Cursor::text),
        c: fields.optional("c", Cursor::exact),
        exclusive: fields.flag("exclusive"),
        es: fields.required("es", Cursor::text),
        en: fields.required("en", Cursor::text),
    };
    fields.finish();
    option
}

fn credit(at: &Cursor<'_>) -> Credit {
    let mut fields = at.fields();
    let modes = [("per_option", CreditMode::PerOption)];
    let credit = Credit {
        mode: fields.optional("mode", |it| it.choice(&modes, CreditMode::PerOption)),
        bands: fields.optional("bands", |it| it.list(credit_band)).unwrap_or_default(),
    };
    fields.finish();
    credit
}

fn credit_band(at: &Cursor<'_>) -> CreditBand {
    let mut fields = at.fields();
    let band = if fields.has("else") {
        CreditBand::Otherwise { c: fields.required("else", Cursor::exact) }
    } else {
        CreditBand::UpTo { le: fields.required("le", Cursor::exact), c: fields.required("c", Cursor::exact) }
    };
    fields.finish();
    band
}

fn evidence(at: &Cursor<'_>) -> Evidence {
    let mut fields = at.fields();
    let evidence =
        Evidence { photo: fields.optional("photo", photo), comment: fields.optional("comment", comment) };
    fields.finish();
    evidence
}

fn confirmation(at: &Cursor<'_>) -> Confirmation {
    let mut fields = at.fields();
    let confirmation = Confirmation {
        required_if: fields.required("required_if", Cursor::text),
        says: fields.required("says", Cursor::local_text),
    };
    fields.finish();
    confirmation
}

fn photo(at: &Cursor<'_>) -> PhotoRule {
    let mut fields = at.fields();
    let rule = PhotoRule {
        required_if: fields.optional("required_if", Cursor::text),
        min: fields.optional("min", Cursor::integer).unwrap_or_default(),
        camera_only: fields.flag("camera_only"),
        gps: fields.flag("gps"),
        limits: fields.optional("limits", photo_limits),
        hint: fields.optional("hint", Cursor::local_text),
    };
    fields.finish();
    rule
}

fn photo_limits(at: &Cursor<'_>) -> PhotoLimits {
    let mut fields = at.fields();
    let limits = PhotoLimits {
        long_edge: fields.required("long_edge", Cursor::integer),
        quality: fields.required("quality", Cursor::integer),
    };
    fields.finish();
    limits
}

fn comment(at: &Cursor<'_>) -> CommentRule {
    let mut fields = at.fields();
    let rule = CommentRule {
        required_if: fields.optional("required_if", Cursor::text),
        min_chars: fields.required("min_chars", Cursor::integer),
        hint: fields.optional("hint", Cursor::local_text),
    };
    fields.finish();
    rule
}
