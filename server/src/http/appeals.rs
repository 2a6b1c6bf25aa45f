//! `/api/v1/appeals`: a branch questions items of a published visit, and somebody who had no part in its review decides.

use super::{
    evidence::untouched,
    incoming::{self, Broken},
};
use crate::{
    app::{
        App,
        appeals::{
            self, AppealDetail, AppealFileEntry, AppealSummary, Decided, DismissOrder, NewAppeal, NewMessage,
            UpholdOrder,
        },
        blocking,
    },
    command::{Command, Nothing, execute, read},
    error::ApiError,
    http::{
        body::Query,
        page::{PageOf, Paging},
    },
    principal::Principal,
};
use actix_web::{
    HttpResponse,
    body::SizedStream,
    get,
    http::{StatusCode, header},
    post, web,
};
use domain::{
    FieldProblem,
    appeal::{AppealState, MAX_FILE_BYTES},
    attachment,
    ids::{AppealId, AuditId, BranchId},
};
use serde::Deserialize;
use sync_core::DeviceId;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use validator::Validate;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(open)
        .service(list)
        .service(show)
        .service(uphold)
        .service(dismiss)
        .service(withdraw)
        .service(write)
        .service(attach)
        .service(show_file);
}

/// Questions items of a published visit, each with a reason.
///
/// Only an item that counted in the score can be appealed, and each is decided once. Refusals: `appeal_open`, `wrong_state`, `no_score`
/// (409), `appeal_window_closed`, `items_missing`, `unknown_item`, `repeated_item`, `item_not_counted`, `item_decided` (422).
#[utoipa::path(tag = "appeals", request_body = NewAppeal, responses((status = 201, body = AppealDetail)))]
#[post("/visits/{visit}/appeals")]
pub(crate) async fn open(
    app: web::Data<App>,
    visit: web::Path<Uuid>,
    command: Command<NewAppeal>,
) -> Result<HttpResponse, ApiError> {
    let (visit, inside) = (AuditId(visit.into_inner()), app.clone());
    execute(&app, command, StatusCode::CREATED, move |tx, office, new| {
        appeals::open(tx, &inside, office, visit, new)
    })
    .await
}

/// Which appeals.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// `open`, `upheld`, `dismissed`, `withdrawn` or `void`; all where it is left out.
    state: Option<String>,
    /// Against visits to this branch.
    branch: Option<Uuid>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of the page, at most 1000; 100 where it is left out.
    #[validate(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// The appeals within the caller's scope, oldest first: a branch's own, or the queue of whoever reviews there.
///
/// Refusals: `unknown_name` (422) for a state that does not exist.
#[utoipa::path(tag = "appeals", params(Which), responses((status = 200, body = PageOf<AppealSummary>)))]
#[get("/appeals")]
pub(crate) async fn list(
    app: web::Data<App>,
    principal: Principal,
    which: Query<Which>,
) -> Result<web::Json<PageOf<AppealSummary>>, ApiError> {
    let Which { state, branch, after, limit } = which.0;
    let page = Paging { after, limit }.page()?;
    let state = state
        .map(|it| it.parse::<AppealState>())
        .transpose()
        .map_err(|problem| ApiError::from(FieldProblem { field: "/state".to_owned(), ..problem }))?;
    let branch = branch.map(BranchId);
    read(&app, principal, move |tx, principal| {
        Ok(PageOf::of(appeals::list(tx, principal, (state, branch), page)?, |it| it))
    })
    .await
}

/// One appeal: its items, files and messages, the decision, and the scores before and after.
#[utoipa::path(tag = "appeals", responses((status = 200, body = AppealDetail)))]
#[get("/appeals/{appeal}")]
pub(crate) async fn show(
    app: web::Data<App>,
    principal: Principal,
    appeal: web::Path<Uuid>,
) -> Result<web::Json<AppealDetail>, ApiError> {
    let (id, inside) = (AppealId(appeal.into_inner()), app.clone());
    read(&app, principal, move |tx, principal| appeals::detail(tx, &inside, principal, id)).await
}

/// Grants items of an appeal: each gets another answer or counts no more, in a new version of the score; the rest is dismissed.
///
/// Refusals: `appeal_closed`, `answer_redacted` (409), `same_reviewer` for who had a hand in the visit or its review, appealed or manages the branch,
/// `second_person_sees_pay` where the band changes, `item_not_appealed`, `repeated_item`, `item_undecided`, `nothing_upheld`,
/// `answer_missing`, `answer_unwanted`, `same_answer` (422).
#[utoipa::path(tag = "appeals", request_body = UpholdOrder, responses((status = 200, body = Decided)))]
#[post("/appeals/{appeal}/uphold")]
pub(crate) async fn uphold(
    app: web::Data<App>,
    appeal: web::Path<Uuid>,
    command: Command<UpholdOrder>,
) -> Result<HttpResponse, ApiError> {
    let (id, inside) = (AppealId(appeal.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, order| {
        appeals::uphold(tx, &inside, office, id, order)
    })
    .await
}

/// Grants no item of an appeal, with a reason.
///
/// Refusals: `appeal_closed` (409), `same_reviewer` as for `uphold`, `reason_missing`, `item_not_appealed`, `repeated_item` (422).
#[utoipa::path(tag = "appeals", request_body = DismissOrder, responses((status = 200, body = AppealDetail)))]
#[post("/appeals/{appeal}/dismiss")]
pub(crate) async fn dismiss(
    app: web::Data<App>,
    appeal: web::Path<Uuid>,
    command: Command<DismissOrder>,
) -> Result<HttpResponse, ApiError> {
    let (id, inside) = (AppealId(appeal.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, order| {
        appeals::dismiss(tx, &inside, office, id, order)
    })
    .await
}

/// Takes an appeal back.
///
/// Refusals: `appeal_closed` (409), `not_the_appellant` (422).
#[utoipa::path(tag = "appeals", responses((status = 200, body = AppealDetail)))]
#[post("/appeals/{appeal}/withdraw")]
pub(crate) async fn withdraw(
    app: web::Data<App>,
    appeal: web::Path<Uuid>,
    command: Command<Nothing>,
) -> Result<HttpResponse, ApiError> {
    let (id, inside) = (AppealId(appeal.into_inner()), app.clone());
    execute(&app, command, StatusCode::OK, move |tx, office, _| appeals::withdraw(tx, &inside, office, id))
        .await
}

/// Writes on an open appeal, for the branch or for the office.
///
/// Refusals: `appeal_closed`, `too_many_messages` (409).
#[utoipa::path(tag = "appeals", request_body = NewMessage, responses((status = 201, body = AppealDetail)))]
#[post("/appeals/{appeal}/messages")]
pub(crate) async fn write(
    app: web::Data<App>,
    appeal: web::Path<Uuid>,
    command: Command<NewMessage>,
) -> Result<HttpResponse, ApiError> {
    let (id, inside) = (AppealId(appeal.into_inner()), app.clone());
    execute(&app, command, StatusCode::CREATED, move |tx, office, new| {
        appeals::write(tx, &inside, office, id, new)
    })
    .await
}

/// Attaches a file to an item of an open appeal: the body is the file, a JPEG, PNG or WebP picture or a PDF of at most 10 MB, ten in all.
/// The same file again changes nothing.
///
/// Refusals: `appeal_closed`, `too_many_files`, `redacted` (409), `item_not_appealed`, `empty_file`, `file_too_large`, `media_type` (422),
/// `busy`, `storage_full` (503).
#[utoipa::path(
    tag = "appeals",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = AppealFileEntry))
)]
#[post("/appeals/{appeal}/items/{item}/evidence")]
pub(crate) async fn attach(
    app: web::Data<App>,
    principal: Principal,
    path: web::Path<(Uuid, String)>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (appeal, item) = path.into_inner();
    let id = AppealId(appeal);
    let (who, named) = (principal.clone(), item.clone());
    app.read(move |tx| appeals::may_attach(tx, &who, id, &named)).await?;
    // Taken before the body is read: bodies are what fills the memory.
    let Some(_place) = app.blob_places.take(DeviceId(*principal.user.as_bytes())) else {
        return Err(appeals::too_many_at_once());
    };
    let most = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
    let bytes = incoming::read(body.into_inner(), most).await.map_err(|it| match it {
        Broken::TooLarge => appeals::too_large(),
        Broken::Off | Broken::TooSlow => ApiError::malformed(
            "",
            "El archivo no llegó completo; envíelo de nuevo.",
            "the file did not come whole; send it again",
        ),
    })?;
    let inside = app.get_ref().clone();
    let stored = blocking(move || appeals::attach(&inside, &principal, id, &item, bytes.to_vec())).await?;
    Ok(HttpResponse::Created().json(stored))
}

/// A file of an appeal as it came, to be saved and not shown: nobody vouches for what is in it.
#[utoipa::path(
    tag = "appeals",
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>))
)]
#[get("/appeals/{appeal}/evidence/{blob}")]
pub(crate) async fn show_file(
    app: web::Data<App>,
    principal: Principal,
    path: web::Path<(Uuid, String)>,
) -> Result<HttpResponse, ApiError> {
    let (appeal, blob) = path.into_inner();
    let org = principal.org;
    let found = app.read(move |tx| appeals::find_file(tx, &principal, AppealId(appeal), &blob)).await?;
    let lost = || ApiError::internal(format!("the stored blob {} is missing", found.blob));
    let bytes = app.blobs.read(org, found.blob, None).await?.ok_or_else(lost)?;
    let ending = attachment::extension(&found.mime).map(|it| format!(".{it}")).unwrap_or_default();
    let name = format!("attachment; filename=\"{}{ending}\"", found.blob);
    let mut response = HttpResponse::Ok();
    untouched(&mut response, &format!("\"{}\"", found.blob))
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, name));
    Ok(response.body(SizedStream::new(found.size, bytes.into_stream())))
}
