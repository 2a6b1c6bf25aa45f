//! The form of a new run.

use super::{
    super::{
        done,
        form::{Faults, Posted, Typed},
        page,
        shell::{Shell, Visitor},
        status_of,
        ui::{Choice, Field, Form, Kind},
        words::Words,
    },
    plan_text,
};
use crate::{
    app::payouts::{self, NewRun, Offer},
    error::ApiError,
    http::body::FromJson as _,
    office::Office,
};
use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use db::Tx;
use domain::access::{Permission, Target};
use serde_json::json;

#[derive(Template)]
#[template(path = "pay_new.html")]
struct NewPage {
    shell: Shell,
    /// None where there is no plan to choose.
    form: Option<Form>,
}

async fn offers_of(visitor: &Visitor) -> Result<Vec<Offer>, ApiError> {
    let principal = visitor.principal.clone();
    visitor.app.read(move |tx| payouts::offers(tx, &principal)).await
}

fn form(words: &Words, csrf: &str, offers: &[Offer]) -> Form {
    let plans = offers.iter().map(|it| Choice {
        value: format!("{}@{}", it.id, it.version),
        label: plan_text(words, it.title.as_ref(), &it.id, it.version),
        is_chosen: false,
    });
    let choice = |value: &str, key: &str, is_chosen: bool| Choice {
        value: value.to_owned(),
        label: words.say(key),
        is_chosen,
    };
    let kinds = vec![
        choice("organization", "pay-unit-organization", true),
        choice("region", "pay-unit-regions", false),
        choice("branch", "pay-unit-branches", false),
    ];
    let modes =
        vec![choice("shadow", "pay-mode-shadow-long", true), choice("live", "pay-mode-live-long", false)];
    let day = |name: &str, id: &str, key: &str| {
        Field::line(name, words.say(key)).id(id).kind(Kind::Line("date")).most(10)
    };
    let fields = vec![
        Field::line("plan", words.say("pay-plan")).kind(Kind::Select(plans.collect())),
        day("period/from", "period-from", "pay-from"),
        day("period/to", "period-to", "pay-to"),
        Field::line("unit/kind", words.say("pay-unit")).id("unit-kind").kind(Kind::Select(kinds)),
        Field::line("unit/ids", words.say("pay-unit-codes"))
            .id("unit-ids")
            .hint(words.say("pay-unit-codes-hint"))
            .most(5_000)
            .optional(),
        Field::line("mode", words.say("pay-mode")).hint(words.say("pay-mode-hint")).kind(Kind::Radio(modes)),
    ];
    Form::new(words, "/pay/new", csrf, "pay-create", fields)
}

pub(super) async fn blank(visitor: Visitor) -> Result<HttpResponse, ApiError> {
    let offers = offers_of(&visitor).await?;
    let shell = visitor.shell("/pay");
    let form = (!offers.is_empty()).then(|| form(&visitor.words, &shell.csrf, &offers));
    page(StatusCode::OK, &NewPage { shell, form })
}

/// What was typed: the run but for its unit's ids, and the codes of the unit.
fn read(typed: &Typed) -> Result<(NewRun, Vec<String>), ApiError> {
    let text = |name: &str| typed.get(name).trim().to_owned();
    let plan = text("plan");
    let (id, version) = plan.rsplit_once('@').unwrap_or((&plan, ""));
    let body = json!({
        "plan": {"id": id, "version": version.parse::<u32>().ok()},
        "period": {"from": text("period/from"), "to": text("period/to")},
        "unit": {"kind": text("unit/kind"), "ids": []},
        "mode": text("mode"),
    });
    let codes = text("unit/ids");
    let codes = codes.split([',', ';', ' ', '\n']).map(str::trim).filter(|it| !it.is_empty());
    Ok((NewRun::from_json(&body.to_string())?, codes.map(str::to_owned).collect()))
}

pub(super) async fn create(posted: Posted) -> Result<HttpResponse, ApiError> {
    let Posted { visitor, typed } = posted;
    // Before anything of the organization is looked up by code.
    visitor.principal.require(Permission::CalculatePay, &Target::Organization)?;
    let created = match read(&typed) {
        Ok((new, codes)) => {
            let change = move |tx: &mut Tx<'_>, office: &mut Office| {
                let unit = payouts::of_codes(tx, office.org(), new.unit.kind, &codes)?;
                payouts::create(tx, office, &NewRun { unit, ..new.clone() })
            };
            visitor.change(change).await
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(run) => Ok(done(&format!("/pay/{}", run.id), "pay-created")),
        Err(error) if error.problem().status == 422 => {
            let offers = offers_of(&visitor).await?;
            let shell = visitor.shell("/pay");
            let form = form(&visitor.words, &shell.csrf, &offers);
            let form = form.again(&typed, &Faults::of(&error), visitor.words.lang);
            page(status_of(&error), &NewPage { shell, form: Some(form) })
        }
        Err(error) => Err(error),
    }
}
