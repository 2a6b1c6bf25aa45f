//! The proof of a visit, checked while somebody waits: which keys recorded what, and that nothing of it was changed since.

use super::{
    super::{
        page,
        shell::{Shell, Visitor},
    },
    when,
};
use crate::{
    app::{
        blocking,
        visits::{evidence, require_proof},
    },
    error::ApiError,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use db::Micros;
use domain::ids::AuditId;
use jiff::Timestamp;
use uuid::Uuid;

#[derive(Template)]
#[template(path = "visit_proof.html")]
struct ProofView {
    shell: Shell,
    id: String,
    title: String,
    is_good: bool,
    /// What holds, or the first thing that does not.
    text: String,
    proves: String,
    proves_not: String,
    /// Whether the score came out the same again.
    score: String,
    ops: String,
    unproven: String,
    devices: Vec<Device>,
}

/// A device that recorded.
struct Device {
    key: String,
    kind: String,
    enrolled: String,
    is_out: bool,
}

pub(super) async fn show(visitor: Visitor, visit: web::Path<Uuid>) -> Result<HttpResponse, ApiError> {
    let (visit, org) = (AuditId(visit.into_inner()), visitor.principal.org);
    let (principal, inside) = (visitor.principal.clone(), visitor.app.clone());
    visitor.app.read(move |tx| require_proof(tx, &principal, visit)).await?;
    let checked = blocking(move || Ok(evidence::check(&evidence::export(&inside, org, visit)?))).await?;
    let words = &visitor.words;
    let lang = words.lang;
    let mut shown = ProofView {
        id: visit.to_string(),
        title: words.say("review-proof-title"),
        is_good: false,
        text: String::new(),
        proves: String::new(),
        proves_not: String::new(),
        score: String::new(),
        ops: String::new(),
        unproven: String::new(),
        devices: Vec::new(),
        shell: visitor.shell("/visits"),
    };
    match checked {
        Err(fault) => shown.text = lang.choose(&fault.es, &fault.en).to_owned(),
        Ok(proved) => {
            let [proves_es, proves_en] = proved.proves;
            let [not_es, not_en] = proved.proves_not;
            shown.is_good = proved.unproven.is_empty();
            shown.text = words.say(if shown.is_good { "review-proof-good" } else { "review-proof-part" });
            shown.proves = lang.choose(proves_es, proves_en).to_owned();
            shown.proves_not = lang.choose(not_es, not_en).to_owned();
            shown.score = match proved.score_recomputed {
                Some(_) => words.say("review-proof-score"),
                None => words.say("review-proof-no-score"),
            };
            shown.ops = words.count("review-proof-ops", i64::try_from(proved.ops.len()).unwrap_or(i64::MAX));
            if !shown.is_good {
                let unproven = i64::try_from(proved.unproven.len()).unwrap_or(i64::MAX);
                shown.unproven = words.count("review-proof-unproven", unproven);
            }
            let device = |it: &evidence::ProvedDevice| Device {
                key: it.dev.to_string(),
                kind: words.name_of("review-device", &it.kind),
                enrolled: it
                    .enrolled_at
                    .parse::<Timestamp>()
                    .map_or_else(|_| String::new(), |it| when::wall(Micros(it.as_microsecond()), "UTC")),
                is_out: it.revoked_at.is_some(),
            };
            shown.devices = proved.devices.iter().map(device).collect();
        }
    }
    page(StatusCode::OK, &shown)
}
