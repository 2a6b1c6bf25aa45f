//! Programmes on pages: the list, a new one, and one with what it stands on, what it allows on phones, how long branches may appeal, and
//! its waves.

use super::{
    done,
    form::{Faults, Posted, Shape, Typed},
    page, place,
    shell::{Shell, Visitor},
    status_of,
    ui::{Empty, Field, Form, Kind, Pager},
    when::wall_of,
    words::Words,
};
use crate::{
    app::{
        programmes::{self, AppealWindow, Grounds, NewProgramme, NewWave, OnPhones, Programme, Wave},
        reading,
    },
    error::ApiError,
    http::page::{PageOf, Paging},
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use domain::{
    access::{Permission, Target},
    ids::ProgrammeId,
};
use serde::Deserialize;
use uuid::Uuid;

/// What a programme may allow on phones, by the names of its parts.
const ON_PHONES: [&str; 4] = ["preview_score", "covert", "audio", "files"];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    place(config, "/programmes", |it| it.route(web::get().to(list)));
    place(config, "/programmes/new", |it| it.route(web::get().to(blank)).route(web::post().to(create)));
    place(config, "/programmes/{programme}", |it| it.route(web::get().to(show)));
    place(config, "/programmes/{programme}/on-phones", |it| it.route(web::post().to(on_phones)));
    place(config, "/programmes/{programme}/appeal-window", |it| it.route(web::post().to(appeal_window)));
    place(config, "/programmes/{programme}/grounds", |it| it.route(web::post().to(grounds)));
    place(config, "/programmes/{programme}/waves", |it| it.route(web::post().to(wave)));
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    pub(super) after: Option<String>,
}

/// Refuses who plans no visits anywhere.
pub(super) fn refuse_others(visitor: &Visitor) -> Result<(), ApiError> {
    reading::require_any(&visitor.principal, &[Permission::ManageProgrammes])
}

fn may_change(visitor: &Visitor) -> bool {
    visitor.principal.may(Permission::ManageProgrammes, &Target::Organization)
}

/// The pages of a list at `at`.
pub(super) fn pager(words: &Words, at: &str, is_first: bool, next: Option<String>) -> Pager {
    Pager {
        label: words.say("pager"),
        next: next.map(|it| (format!("{at}?after={it}"), words.say("pager-next"))),
        first: (!is_first).then(|| (at.to_owned(), words.say("pager-first"))),
    }
}

/// Whether a refused form is shown again with what is wrong, and not a page that says it.
pub(super) fn is_mended_in_the_form(error: &ApiError) -> bool {
    matches!(error.problem().status, 409 | 422)
}

// ---- the list ----

/// A programme in the list.
struct Row {
    href: String,
    name: String,
    code: String,
    is_active: bool,
    /// Whether purpose and notice are recorded.
    is_grounded: bool,
}

#[derive(Template)]
#[template(path = "programmes.html")]
struct ProgrammesPage {
    shell: Shell,
    rows: Vec<Row>,
    may_change: bool,
    empty: Empty,
    pager: Pager,
}

async fn list(visitor: Visitor, asked: web::Query<Asked>) -> Result<HttpResponse, ApiError> {
    refuse_others(&visitor)?;
    let asked = asked.into_inner().after;
    let is_first = asked.is_none();
    let (after, limit) = Paging { after: asked, limit: None }.page()?;
    let principal = visitor.principal.clone();
    let found =
        visitor.app.read(move |tx| Ok(PageOf::of(programmes::list(tx, &principal, after, limit)?, |it| it)));
    let found = found.await?;
    let (words, may_change) = (&visitor.words, may_change(&visitor));
    let shown = ProgrammesPage {
        shell: visitor.shell("/programmes"),
        rows: found.items.iter().map(row).collect(),
        may_change,
        empty: Empty {
            title: words.say("programme-empty"),
            text: words.say("programme-empty-text"),
            action: may_change.then(|| ("/programmes/new".to_owned(), words.say("programme-add"))),
        },
        pager: pager(words, "/programmes", is_first, found.next),
    };
    page(StatusCode::OK, &shown)
}

fn row(it: &Programme) -> Row {
    Row {
        href: format!("/programmes/{}", it.id),
        name: it.name.clone(),
        code: it.code.clone(),
        is_active: it.active,
        is_grounded: it.grounds.purpose.is_some() && it.grounds.notice.is_some(),
    }
}

// ---- a new one ----

#[derive(Template)]
#[template(path = "programme_new.html")]
struct NewPage {
    shell: Shell,
    form: Form,
}

fn phone_fields(words: &Words, prefix: &str) -> impl Iterator<Item = Field> {
    ON_PHONES.iter().map(move |it| {
        let label = words.name_of("programme-phones", it);
        Field::line(&format!("{prefix}{it}"), label).kind(Kind::Tick).optional()
    })
}

fn ground_fields(words: &Words, prefix: &str) -> [Field; 4] {
    let field = |name: &str, key: &str| Field::line(&format!("{prefix}{name}"), words.say(key)).optional();
    [
        field("purpose", "programme-purpose")
            .kind(Kind::Area)
            .most(2_000)
            .hint(words.say("programme-purpose-hint")),
        field("notice/text", "programme-notice")
            .kind(Kind::Area)
            .most(4_000)
            .hint(words.say("programme-notice-hint")),
        field("notice/given_on", "programme-notice-on").kind(Kind::Line("date")).most(10),
        field("retention_days", "programme-retention")
            .kind(Kind::Line("number"))
            .most(4)
            .hint(words.say("programme-retention-hint")),
    ]
}

fn days_field(words: &Words, name: &str) -> Field {
    let field = Field::line(name, words.say("programme-appeal-days")).kind(Kind::Line("number")).most(2);
    field.hint(words.say("programme-appeal-days-hint"))
}

fn new_form(words: &Words, csrf: &str) -> Form {
    let mut fields = vec![
        Field::line("code", words.say("programme-code")).hint(words.say("programme-code-hint")).most(60),
        Field::line("name", words.say("programme-name")),
    ];
    fields.extend(ground_fields(words, "grounds/"));
    fields.push(days_field(words, "appeal_days"));
    fields.extend(phone_fields(words, "on_phones/"));
    Form::new(words, "/programmes/new", csrf, "programme-create", fields)
}

/// The same, as it is filled in beforehand.
fn blank_form(words: &Words, csrf: &str) -> Form {
    let preset = OnPhones::default();
    let typed = Typed::with([
        ("appeal_days", domain::appeal::DEFAULT_APPEAL_DAYS.to_string()),
        ("on_phones/preview_score", tick(preset.preview_score)),
        ("on_phones/covert", tick(preset.covert)),
        ("on_phones/audio", tick(preset.audio)),
        ("on_phones/files", tick(preset.files)),
    ]);
    new_form(words, csrf).again(&typed, &Faults::default(), words.lang)
}

/// A box as a form sends it.
fn tick(is_ticked: bool) -> String {
    if is_ticked { "yes".to_owned() } else { String::new() }
}

async fn blank(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    visitor.principal.require(Permission::ManageProgrammes, &Target::Organization)?;
    let shell = visitor.shell("/programmes");
    let form = blank_form(&visitor.words, &shell.csrf);
    page(StatusCode::OK, &NewPage { shell, form })
}

const NEW: [(&str, Shape); 11] = [
    ("code", Shape::EmptyText),
    ("name", Shape::EmptyText),
    ("grounds/purpose", Shape::Text),
    ("grounds/notice/text", Shape::Text),
    ("grounds/notice/given_on", Shape::Text),
    ("grounds/retention_days", Shape::Whole),
    ("appeal_days", Shape::Whole),
    ("on_phones/preview_score", Shape::Tick),
    ("on_phones/covert", Shape::Tick),
    ("on_phones/audio", Shape::Tick),
    ("on_phones/files", Shape::Tick),
];

async fn create(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageProgrammes, &Target::Organization)?;
    let created = match typed.read::<NewProgramme>(&NEW) {
        Ok(new) => visitor.change(move |tx, office| programmes::create(tx, office, &new)).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(programme) => Ok(done(&format!("/programmes/{}", programme.id), "programme-created")),
        Err(error) if is_mended_in_the_form(&error) => {
            let shell = visitor.shell("/programmes");
            let form = new_form(&visitor.words, &shell.csrf);
            let form = form.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &NewPage { shell, form })
        }
        Err(error) => Err(error),
    }
}

// ---- one of them ----

/// A wave of the programme.
struct WaveRow {
    href: String,
    name: String,
    from: String,
    to: String,
}

/// The forms of a programme.
struct Forms {
    wave: Form,
    grounds: Form,
    on_phones: Form,
    appeal: Form,
}

#[derive(Template)]
#[template(path = "programme.html")]
struct ProgrammePage {
    shell: Shell,
    name: String,
    code: String,
    is_active: bool,
    since: String,
    /// Each with what it is.
    facts: Vec<(String, String)>,
    /// What is not recorded and should be.
    missing: Vec<String>,
    waves: Vec<WaveRow>,
    empty: Empty,
    pager: Pager,
    /// None for whoever only looks.
    forms: Option<Forms>,
}

async fn show(
    visitor: Visitor,
    programme: web::Path<Uuid>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let asked = asked.into_inner();
    let shown = programme_page(&visitor, ProgrammeId(programme.into_inner()), asked).await?;
    page(StatusCode::OK, &shown)
}

async fn programme_page(visitor: &Visitor, id: ProgrammeId, asked: Asked) -> Result<ProgrammePage, ApiError> {
    refuse_others(visitor)?;
    let is_first = asked.after.is_none();
    let (after, limit) = Paging { after: asked.after, limit: None }.page()?;
    let principal = visitor.principal.clone();
    let found = visitor.app.read(move |tx| {
        let programme = programmes::read(tx, &principal, id)?;
        let waves = programmes::list_waves(tx, &principal, Some(id), after, limit)?;
        Ok((programme, PageOf::of(waves, |it| it)))
    });
    let (programme, waves) = found.await?;
    let words = &visitor.words;
    let shell = visitor.shell("/programmes");
    Ok(ProgrammePage {
        name: programme.name.clone(),
        code: programme.code.clone(),
        is_active: programme.active,
        since: wall_of(&programme.created_at, &visitor.zone),
        facts: facts(words, &programme),
        missing: missing(words, &programme.grounds),
        waves: waves.items.iter().map(wave_row).collect(),
        empty: Empty {
            title: words.say("programme-waves-empty"),
            text: words.say("programme-waves-empty-text"),
            action: None,
        },
        pager: pager(words, &format!("/programmes/{id}"), is_first, waves.next),
        forms: may_change(visitor).then(|| forms(words, &shell.csrf, &programme)),
        shell,
    })
}

fn wave_row(it: &Wave) -> WaveRow {
    WaveRow {
        href: format!("/waves/{}", it.id),
        name: it.name.clone(),
        from: it.window_from.to_string(),
        to: it.window_to.to_string(),
    }
}

fn facts(words: &Words, it: &Programme) -> Vec<(String, String)> {
    let OnPhones { preview_score, covert, audio, files } = it.on_phones;
    let allowed = ON_PHONES.iter().zip([preview_score, covert, audio, files]).filter(|it| it.1);
    let allowed: Vec<String> = allowed.map(|(name, _)| words.name_of("programme-phones", name)).collect();
    let nothing = || words.say("programme-phones-nothing");
    let mut facts = vec![
        (words.say("programme-appeal-days"), it.appeal_days.to_string()),
        (
            words.say("programme-phones-title"),
            if allowed.is_empty() { nothing() } else { allowed.join(" · ") },
        ),
    ];
    let Grounds { purpose, notice, retention_days } = &it.grounds;
    facts.extend(purpose.iter().map(|it| (words.say("programme-purpose"), it.clone())));
    facts.extend(notice.iter().map(|it| {
        let told = format!("{} ({})", words.say("programme-notice"), it.given_on);
        (told, it.text.clone())
    }));
    facts.extend(retention_days.iter().map(|it| (words.say("programme-retention"), it.to_string())));
    facts
}

fn missing(words: &Words, it: &Grounds) -> Vec<String> {
    let purpose = it.purpose.is_none().then_some("programme-no-purpose");
    let notice = it.notice.is_none().then_some("programme-no-notice");
    let retention = it.retention_days.is_none().then_some("programme-no-retention");
    [purpose, notice, retention].into_iter().flatten().map(|it| words.say(it)).collect()
}

/// The forms, each filled in as things stand.
fn forms(words: &Words, csrf: &str, it: &Programme) -> Forms {
    let at = format!("/programmes/{}", it.id);
    let form = |step: &str, submit: &str, fields: Vec<Field>, typed: &Typed| {
        let form = Form::new(words, &format!("{at}{step}"), csrf, submit, fields);
        form.again(typed, &Faults::default(), words.lang)
    };
    let Grounds { purpose, notice, retention_days } = &it.grounds;
    let notice = notice.as_ref();
    let stands = Typed::with([
        ("purpose", purpose.clone().unwrap_or_default()),
        ("notice/text", notice.map(|it| it.text.clone()).unwrap_or_default()),
        ("notice/given_on", notice.map(|it| it.given_on.to_string()).unwrap_or_default()),
        ("retention_days", retention_days.map(|it| it.to_string()).unwrap_or_default()),
    ]);
    let phones = Typed::with([
        ("preview_score", tick(it.on_phones.preview_score)),
        ("covert", tick(it.on_phones.covert)),
        ("audio", tick(it.on_phones.audio)),
        ("files", tick(it.on_phones.files)),
    ]);
    let days = Typed::with([("days", it.appeal_days.to_string())]);
    let wave = vec![
        Field::line("name", words.say("programme-wave-name")).hint(words.say("programme-wave-name-hint")),
        Field::line("window_from", words.say("programme-wave-from")).kind(Kind::Line("date")).most(10),
        Field::line("window_to", words.say("programme-wave-to")).kind(Kind::Line("date")).most(10),
    ];
    Forms {
        wave: form("/waves", "programme-wave-create", wave, &Typed::default()),
        grounds: form("/grounds", "programme-grounds-change", ground_fields(words, "").into(), &stands),
        on_phones: form("/on-phones", "programme-phones-change", phone_fields(words, "").collect(), &phones),
        appeal: form("/appeal-window", "programme-appeal-change", vec![days_field(words, "days")], &days),
    }
}

/// What became of a form of a programme: on to its page, or the page with the form as it was typed.
async fn settled<T>(
    visitor: &Visitor,
    id: ProgrammeId,
    typed: &Typed,
    outcome: Result<T, ApiError>,
    (said, of): (&str, fn(&mut Forms) -> &mut Form),
) -> Result<HttpResponse, ApiError> {
    match outcome {
        Ok(_) => Ok(done(&format!("/programmes/{id}"), said)),
        Err(error) if is_mended_in_the_form(&error) => {
            let mut shown = programme_page(visitor, id, Asked::default()).await?;
            if let Some(forms) = &mut shown.forms {
                let form = of(forms);
                *form = form.clone().again(typed, &Faults::of(&error), visitor.words.lang);
            }
            page(status_of(&error), &shown)
        }
        Err(error) => Err(error),
    }
}

async fn on_phones(posted: Posted, programme: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageProgrammes, &Target::Organization)?;
    let id = ProgrammeId(programme.into_inner());
    let outcome = match typed.read::<OnPhones>(&ON_PHONES.map(|it| (it, Shape::Tick))) {
        Ok(new) => visitor.change(move |tx, office| programmes::set_on_phones(tx, office, id, &new)).await,
        Err(error) => Err(error),
    };
    settled(&visitor, id, &typed, outcome, ("programme-changed", |it| &mut it.on_phones)).await
}

async fn appeal_window(posted: Posted, programme: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageProgrammes, &Target::Organization)?;
    let id = ProgrammeId(programme.into_inner());
    let outcome = match typed.read::<AppealWindow>(&[("days", Shape::Whole)]) {
        Ok(new) => visitor.change(move |tx, office| programmes::set_appeal_days(tx, office, id, &new)).await,
        Err(error) => Err(error),
    };
    settled(&visitor, id, &typed, outcome, ("programme-changed", |it| &mut it.appeal)).await
}

async fn grounds(posted: Posted, programme: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageProgrammes, &Target::Organization)?;
    let id = ProgrammeId(programme.into_inner());
    let shapes = [
        ("purpose", Shape::Text),
        ("notice/text", Shape::Text),
        ("notice/given_on", Shape::Text),
        ("retention_days", Shape::Whole),
    ];
    let outcome = match typed.read::<Grounds>(&shapes) {
        Ok(new) => visitor.change(move |tx, office| programmes::set_grounds(tx, office, id, &new)).await,
        Err(error) => Err(error),
    };
    settled(&visitor, id, &typed, outcome, ("programme-changed", |it| &mut it.grounds)).await
}

async fn wave(posted: Posted, programme: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    visitor.principal.require(Permission::ManageProgrammes, &Target::Organization)?;
    let id = ProgrammeId(programme.into_inner());
    let shapes =
        [("name", Shape::EmptyText), ("window_from", Shape::EmptyText), ("window_to", Shape::EmptyText)];
    let outcome = match typed.read::<NewWave>(&shapes) {
        Ok(new) => visitor.change(move |tx, office| programmes::create_wave(tx, office, id, &new)).await,
        Err(error) => Err(error),
    };
    settled(&visitor, id, &typed, outcome, ("wave-created", |it| &mut it.wave)).await
}
