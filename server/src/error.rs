//! How the office says no: one error type whose outside is a problem detail (RFC 9457) with a stable code and texts
//! in both languages, and whose cause goes to the log only. Status codes are decided here and nowhere else.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use db::DbError;
use domain::{FieldProblem, Problem};
use std::fmt;

/// Why a request was not carried out.
#[derive(Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    /// What really happened; logged once, never sent.
    cause: Option<String>,
    /// After how many seconds it is worth another try, for 429 and 503.
    retry_after: u32,
}

impl ApiError {
    /// Input that breaks rules: 422 with every offending field.
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        Problem::invalid("invalid_input", "the input breaks rules", errors).into()
    }

    /// One offending field: 422.
    pub fn field(field: &str, code: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem::new(field, code, es, en)])
    }

    /// A document that cannot be read at all: 400.
    pub fn malformed(field: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        let errors = vec![FieldProblem::new(field, "malformed", es, en)];
        Problem::with_status(400, "malformed", "the request cannot be read", errors).into()
    }

    /// Nobody, or somebody whose session ended: 401.
    pub fn unauthenticated(code: &str, es: &str, en: &str) -> Self {
        Problem::single(401, code, es, en).into()
    }

    /// Somebody without the right: 403.
    pub fn forbidden(permission: &str) -> Self {
        Problem::single(
            403,
            "forbidden",
            format!("Su cuenta no tiene el permiso «{permission}» aquí; pídalo a quien administra."),
            format!("your account lacks the permission '{permission}' here; ask your administrator for it"),
        )
        .into()
    }

    /// Somebody with the right, who has to do something else first: 403.
    pub fn refused(code: &str, es: &str, en: &str) -> Self {
        Problem::single(403, code, es, en).into()
    }

    /// Nothing here that the caller may know of: 404. Also said of another organization's ids.
    pub fn not_found(es: &str, en: &str) -> Self {
        Problem::single(404, "not_found", format!("No existe: {es}."), format!("not found: {en}")).into()
    }

    /// The state of things forbids it now: 409.
    pub fn conflict(code: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        Problem::single(409, code, es, en).into()
    }

    /// A field whose value something else has already: 409 that names it.
    pub fn taken(field: &str, code: &str, es: impl Into<String>, en: impl Into<String>) -> Self {
        let en = en.into();
        let errors = vec![FieldProblem::new(field, code, es, en.clone())];
        Problem::with_status(409, code, &en, errors).into()
    }

    /// A body beyond the limit: 413.
    pub fn too_large(limit_bytes: usize) -> Self {
        Problem::single(
            413,
            "body_too_large",
            format!("El cuerpo pasa de {limit_bytes} bytes; divídalo."),
            format!("the body is larger than {limit_bytes} bytes; split it"),
        )
        .into()
    }

    /// The path exists, the method does not: 405.
    pub fn wrong_method(allowed: &str) -> Self {
        Problem::single(
            405,
            "method_not_allowed",
            format!("Esta dirección admite sólo: {allowed}."),
            format!("this address takes only: {allowed}"),
        )
        .into()
    }

    /// Come back later: 429 or 503.
    pub fn later(status: u16, code: &str, es: &str, en: &str) -> Self {
        Problem::single(status, code, es, en).into()
    }

    /// Our fault: 500, with the cause for the log.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let problem = Problem::single(
            500,
            "internal",
            "Falló algo nuestro; no se guardó nada. Intente de nuevo y, si sigue, avise con el identificador de la solicitud.",
            "something of ours failed and nothing was stored; try again and report the request id if it persists",
        );
        Self { cause: Some(cause.to_string()), ..problem.into() }
    }

    /// The same, worth another try only after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = seconds;
        self
    }

    /// The same, with a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// What the operator at the command line is told: the problem with its cause, since no log is written there.
    pub fn for_operator(self) -> Problem {
        let mut problem = *self.problem;
        if let (Some(cause), Some(error)) = (self.cause, problem.errors.first_mut()) {
            error.message_es = format!("{} ({cause})", error.message_es);
            error.message_en = format!("{} ({cause})", error.message_en);
        }
        problem
    }

    /// What is sent.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), cause: None, retry_after: 2 }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound => Self::not_found("lo que se pidió", "what was asked for"),
            DbError::Duplicate { constraint } => Self::conflict(
                "already_exists",
                format!("Ya existe uno igual ({constraint})."),
                format!("one like it exists already ({constraint})"),
            ),
            DbError::Stale => Self::conflict(
                "changed_meanwhile",
                "Otra persona lo cambió mientras tanto; vuelva a leerlo.",
                "somebody else changed it in the meantime; read it again",
            ),
            DbError::Refused { constraint } => Self::conflict(
                "refused",
                "Los datos guardados no lo permiten.",
                "what is stored does not allow it",
            )
            .because(constraint),
            DbError::Busy => Self::later(
                503,
                "busy",
                "El sistema está ocupado; intente de nuevo en unos segundos.",
                "the system is busy; try again in a few seconds",
            ),
            DbError::Unavailable(cause) => Self::later(
                503,
                "database_unavailable",
                "La base de datos no responde; intente de nuevo más tarde.",
                "the database does not answer; try again later",
            )
            .because(cause),
            DbError::Corrupt(cause) | DbError::Usage(cause) => Self::internal(cause),
        }
    }
}

impl From<FieldProblem> for ApiError {
    fn from(error: FieldProblem) -> Self {
        Self::invalid(vec![error])
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem.title, self.problem.code)?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        if let Some(cause) = &self.cause {
            tracing::error!(code = %self.problem.code, %cause, "request failed");
        }
        let mut response = HttpResponse::build(self.status_code());
        if matches!(self.problem.status, 429 | 503) {
            response.insert_header(("Retry-After", self.retry_after.to_string()));
        }
        response.content_type("application/problem+json").body(
            serde_json::to_string(&self.problem).expect("a problem is plain strings and always serialises"),
        )
    }
}
