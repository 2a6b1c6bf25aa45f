//! What this person may do with a visit now, each as a form: only what the state and their rights allow, and who waits for whom.

use super::{
    super::{
        ui::{Choice, Field, Form, Kind},
        words::Words,
    },
    visit::Failure,
    when,
};
use crate::{
    app::review::look::{Looked, sees_pay},
    principal::Principal,
};
use db::Micros;
use domain::lifecycle::Command;
use fluent_bundle::FluentValue;
use jiff::{Timestamp, tz::TimeZone};

/// Hours that a correction has, where nobody says otherwise.
const HOURS: i64 = 24;

/// What may be done.
pub(super) struct Decision {
    /// What is in the way of an approval.
    pub(super) obstacles: Vec<String>,
    /// Who asked for what and waits for a second person.
    pub(super) waiting: Vec<String>,
    pub(super) forms: Vec<Step>,
    pub(super) send_back: Option<SendBack>,
}

/// A form with what it does.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) form: Form,
    pub(super) is_open: bool,
    /// The key that leads to it.
    pub(super) key: &'static str,
}

/// The form of a return, whose items stand beside the answers.
pub(super) struct SendBack {
    pub(super) action: String,
    pub(super) csrf: String,
    pub(super) mark: String,
    pub(super) fields: Vec<Field>,
}

/// What this person may do.
pub(super) fn decision(
    words: &Words,
    looked: &Looked,
    principal: &Principal,
    csrf: &str,
    failed: Option<&Failure>,
) -> Decision {
    let make = Maker { words, looked, principal, csrf, failed };
    let mut forms: Vec<Step> = looked.commands.iter().filter_map(|it| make.step(*it)).collect();
    // What a review usually ends with comes first.
    forms.sort_by_key(|it| it.key.is_empty());
    Decision {
        obstacles: looked.obstacles.iter().map(|it| words.lang.message(it).to_owned()).collect(),
        waiting: make.waiting(),
        forms,
        send_back: looked.commands.contains(&Command::Return).then(|| make.send_back()),
    }
}

struct Maker<'a> {
    words: &'a Words,
    looked: &'a Looked,
    principal: &'a Principal,
    csrf: &'a str,
    failed: Option<&'a Failure>,
}

impl Maker<'_> {
    fn step(&self, command: Command) -> Option<Step> {
        // Its own place, beside the answers.
        if command == Command::Return || self.is_asked_by_self(command) || self.sees_pay(command) {
            return None;
        }
        let name = command.as_str();
        let words = self.words;
        let fields = match command {
            Command::Hold | Command::Reject | Command::Exclude | Command::Include => vec![self.reason(name)],
            Command::Void => {
                let sure = Field::line("sure", words.say("review-void-sure")).kind(Kind::Tick);
                vec![self.reason(name), sure]
            }
            Command::Approve => self.submissions().into_iter().collect(),
            _ => Vec::new(),
        };
        let action = format!("/visits/{}/{name}", self.looked.visit.audit_id);
        let mut form = Form::new(words, &action, self.csrf, "", fields);
        form.submit = words.name_of("review-do", name);
        form.is_danger = matches!(command, Command::Reject | Command::Exclude | Command::Void);
        form = form.with_hidden("mark", self.looked.mark.clone());
        let failed = self.failed.filter(|it| it.name == name);
        if let Some(failed) = failed {
            form = form.again(&failed.typed, &failed.faults(), words.lang);
        }
        let is_first =
            matches!(command, Command::Claim | Command::Approve | Command::Publish | Command::Release);
        Some(Step {
            name,
            title: words.name_of("review-do", name),
            text: words.name_of("review-why", name),
            form,
            is_open: is_first || failed.is_some(),
            key: if is_first { "a" } else { "" },
        })
    }

    fn reason(&self, name: &str) -> Field {
        let field = Field::line("reason", self.words.say("review-reason")).kind(Kind::Area).most(2_000);
        let is_second = self.request(name).is_some();
        let field = field.id(&format!("{name}-reason"));
        if is_second { field.optional() } else { field }
    }

    /// Which submission is approved, where that has to be said.
    fn submissions(&self) -> Option<Field> {
        let all = self.looked.detail.submissions.as_deref().unwrap_or_default();
        let is_clear = all.len() < 2 && self.looked.receipts.has_seen_all != Some(false);
        if is_clear {
            return None;
        }
        let words = self.words;
        let one = |value: &str, label: String| Choice {
            value: value.to_owned(),
            label,
            is_chosen: value.is_empty(),
        };
        let none = one("", words.say("review-submission-none"));
        let all = all.iter().enumerate().map(|(at, it)| {
            let number = i64::try_from(at.saturating_add(1)).unwrap_or(i64::MAX);
            one(it, words.with("review-submission", &[("n", FluentValue::Number(number.into()))]))
        });
        let field = Field::line("submit", words.say("review-submissions"));
        let field = field.kind(Kind::Select(std::iter::once(none).chain(all).collect()));
        Some(field.hint(words.say("review-submissions-hint")).optional())
    }

    fn send_back(&self) -> SendBack {
        let words = self.words;
        let failed = self.failed.filter(|it| it.name == "return");
        let zone = &self.looked.visit.zone;
        let mut deadline =
            Field::line("deadline", words.say("review-deadline")).kind(Kind::Line("datetime-local"));
        deadline.value = tomorrow(self.looked.now, zone);
        let deadline = deadline.hint(words.naming("review-deadline-hint", zone));
        let reason = Field::line("reason", words.say("review-return-reason")).kind(Kind::Area).most(2_000);
        let mut fields = vec![deadline, reason.id("return-reason").optional()];
        if let Some(failed) = failed {
            let faults = failed.faults();
            fields = fields.into_iter().map(|it| it.filled(&failed.typed, &faults, words.lang)).collect();
        }
        SendBack {
            action: format!("/visits/{}/return", self.looked.visit.audit_id),
            csrf: self.csrf.to_owned(),
            mark: self.looked.mark.clone(),
            fields,
        }
    }

    /// Who asked for a command that waits for a second person: an event that leads where it began.
    fn request(&self, name: &str) -> Option<&crate::app::visits::EventEntry> {
        let events = self.looked.detail.events.as_deref().unwrap_or_default();
        let since = events.iter().rev().take_while(|it| it.from == Some(it.to));
        since.filter(|it| it.command.as_str() == name).last()
    }

    fn is_asked_by_self(&self, command: Command) -> bool {
        self.request(command.as_str()).is_some_and(|it| it.actor_id == Some(self.principal.user.0))
    }

    /// Whether this person cannot be the second one since they see pay.
    fn sees_pay(&self, command: Command) -> bool {
        command == Command::Exclude && self.request(command.as_str()).is_some() && sees_pay(self.principal)
    }

    fn waiting(&self) -> Vec<String> {
        let names = [Command::Reject, Command::Exclude, Command::Include, Command::Void];
        let asked = names.into_iter().filter_map(|it| Some((it, self.request(it.as_str())?)));
        let told = asked.map(|(command, it)| {
            let is_own = it.actor_id == Some(self.principal.user.0);
            let who = ("who", FluentValue::from(self.looked.name_of(it.actor_id)));
            let parts = [
                ("it", FluentValue::from(self.words.lang.text(&command.label()).to_owned())),
                (
                    "at",
                    FluentValue::from(when::wall(Micros(it.at.as_microsecond()), &self.looked.visit.zone)),
                ),
                ("why", FluentValue::from(it.reason.clone().unwrap_or_default())),
            ];
            match is_own {
                true => self.words.with("review-waiting-own", &parts),
                false => self.words.with("review-waiting", &[&[who][..], &parts[..]].concat()),
            }
        });
        told.collect()
    }
}

/// The wall clock of the branch a day from now, to the full hour, as a field takes it.
fn tomorrow(now: Micros, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let later = now.0.saturating_add((HOURS + 1) * 3_600_000_000);
    let at = Timestamp::from_microsecond(later).map(|it| it.to_zoned(zone));
    at.map_or_else(|_| String::new(), |it| it.strftime("%Y-%m-%dT%H:00").to_string())
}
