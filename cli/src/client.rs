//! Talks to a Veedor server over HTTP: the JSON API as a person, the exchange as a device. Owns how a refusal is read
//! back as the problem that the server sent, and how a body is compressed.

use domain::Problem;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, thread, time::Duration};
use sync_core::{
    Hash,
    blob::{CHUNK_HASH_HEADER, QUERY_PATH},
    exchange::EXCHANGE_PATH,
};

/// Largest answer that is read: a network scorecard of tens of thousands of branches fits.
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;
/// Level of zstd for what travels: the level that the protocol was measured at.
const ZSTD_LEVEL: i32 = 3;
/// How often is tried what nobody waits for, such as an import's calls, before it is given up for now.
pub(crate) const PATIENT: u32 = 6;
/// How often is tried what somebody waits for.
pub(crate) const PROMPT: u32 = 2;
/// Longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Waits before the next attempt, longer each time; false where enough were made.
pub(crate) fn wait_before_retry(made: u32, attempts: u32) -> bool {
    let again = made < attempts;
    if again {
        thread::sleep(LONGEST_WAIT.min(Duration::from_millis(200 << made)));
    }
    again
}

/// Why a call did not work.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The server could not be reached, or the line broke: nothing is lost, try again.
    Unreachable(String),
    /// The server refused and said why.
    Refused(Box<Problem>),
    /// Something answered that is not this server (a captive portal, a proxy).
    NotVeedor {
        /// HTTP status of the answer.
        status: u16,
        /// What was unexpected about it.
        detail: String,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(cause) => write!(f, "the server cannot be reached: {cause}"),
            Self::Refused(problem) => {
                write!(f, "{} ({})", problem.title, problem.code)?;
                problem.errors.iter().try_for_each(|it| write!(f, "\n  {} {}", it.field, it.message_en))
            }
            Self::NotVeedor { status, detail } => {
                write!(f, "the answer (HTTP {status}) is not a Veedor server's: {detail}")
            }
        }
    }
}

impl std::error::Error for ClientError {}

/// A connection to one server, with the token of one person or device.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
    is_patient: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.base)
    }
}

impl Client {
    /// A client without a session; `server` is the address such as `https://veedor.example.org`.
    pub(crate) fn new(server: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(300)))
            .build()
            .into();
        Self { agent, base: server.trim_end_matches('/').to_owned(), token: None, is_patient: false }
    }

    /// The same connection with a bearer token.
    #[must_use]
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same connection for calls of the JSON API that may be made twice: a server that is away for moments is waited
    /// for.
    #[must_use]
    pub(crate) fn patient(&self) -> Self {
        Self { is_patient: true, ..self.clone() }
    }

    /// `GET` of the JSON API.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.attempt(|| {
            let mut request =
                self.agent.get(format!("{}{path}", self.base)).header("Accept", "application/json");
            if let Some(token) = &self.token {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            read(request.call())
        })
    }

    fn attempt<T>(&self, call: impl Fn() -> Result<T, ClientError>) -> Result<T, ClientError> {
        let mut made = 0;
        loop {
            let result = call();
            made += 1;
            let is_away = self.is_patient && matches!(result, Err(ClientError::Unreachable(_)));
            if !is_away || !wait_before_retry(made, PATIENT) {
                return result;
            }
        }
    }

    /// `POST` of the JSON API.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.attempt(|| self.send(self.agent.post(format!("{}{path}", self.base)), body))
    }

    /// `POST` of the JSON API, of a body that is written already.
    pub(crate) fn post_bytes<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, ClientError> {
        self.attempt(|| self.send_bytes(self.agent.post(format!("{}{path}", self.base)), body))
    }

    /// `PUT` of the JSON API.
    pub(crate) fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.attempt(|| self.send(self.agent.put(format!("{}{path}", self.base)), body))
    }

    fn send<T: DeserializeOwned>(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|cause| ClientError::Unreachable(cause.to_string()))?;
        self.send_bytes(request, &body)
    }

    fn send_bytes<T: DeserializeOwned>(
        &self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &[u8],
    ) -> Result<T, ClientError> {
        request = request.header("Content-Type", "application/json").header("Accept", "application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(request.send(body))
    }

    /// One exchange of the sync protocol: CBOR in, CBOR out, zstd on the line both ways.
    ///
    /// Gives the HTTP status with the decompressed body; what they mean is the session's to decide.
    pub(crate) fn exchange(
        &self,
        request: &[u8],
        traffic: &mut Traffic,
    ) -> Result<(u16, Vec<u8>), ClientError> {
        let packed = zstd::bulk::compress(request, ZSTD_LEVEL)
            .map_err(|cause| ClientError::Unreachable(cause.to_string()))?;
        let call = self
            .agent
            .post(format!("{}{EXCHANGE_PATH}", self.base))
            .header("Content-Type", "application/cbor")
            .header("Content-Encoding", "zstd")
            .header("Accept-Encoding", "zstd");
        self.converse(call, &packed, traffic)
    }

    /// Asks where blobs stand: CBOR in, CBOR out.
    pub(crate) fn query_blobs(&self, request: &[u8], traffic: &mut Traffic) -> Result<Vec<u8>, ClientError> {
        let call =
            self.agent.post(format!("{}{QUERY_PATH}", self.base)).header("Content-Type", "application/cbor");
        self.converse(call, request, traffic).map(|it| it.1)
    }

    /// Sends a part of a blob as it is; photos do not compress. CBOR comes back.
    pub(crate) fn send_part(
        &self,
        path: &str,
        hash: &Hash,
        bytes: &[u8],
        traffic: &mut Traffic,
    ) -> Result<Vec<u8>, ClientError> {
        let call = self
            .agent
            .patch(format!("{}{path}", self.base))
            .header("Content-Type", "application/octet-stream")
            .header(CHUNK_HASH_HEADER, hash.to_string());
        self.converse(call, bytes, traffic).map(|it| it.1)
    }

    /// One request of the sync protocol, answered in CBOR whatever the HTTP status.
    fn converse(
        &self,
        mut call: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &[u8],
        traffic: &mut Traffic,
    ) -> Result<(u16, Vec<u8>), ClientError> {
        let unreachable = |cause: &dyn fmt::Display| ClientError::Unreachable(cause.to_string());
        traffic.requests += 1;
        traffic.sent += u64::try_from(body.len()).unwrap_or(u64::MAX);
        call = call.header("Accept", "application/cbor");
        if let Some(token) = &self.token {
            call = call.header("Authorization", format!("Bearer {token}"));
        }
        let mut answer = call.send(body).map_err(|it| unreachable(&it))?;
        let status = answer.status().as_u16();
        let compressed = answer.headers().get("Content-Encoding").is_some_and(|it| it == "zstd");
        let is_cbor = answer.headers().get("Content-Type").is_some_and(|it| it == "application/cbor");
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec()
            .map_err(|it| unreachable(&it))?;
        traffic.received += u64::try_from(body.len()).unwrap_or(u64::MAX);
        if !is_cbor {
            return Err(refusal(status, &body));
        }
        let limit = usize::try_from(MAX_ANSWER_BYTES).unwrap_or(usize::MAX);
        let body = if compressed {
            zstd::bulk::Decompressor::new()
                .and_then(|mut it| it.decompress(&body, decompressed_len(&body).min(limit)))
                .map_err(|it| unreachable(&it))?
        } else {
            body
        };
        Ok((status, body))
    }
}

/// What the frame's header says it holds; frames without the figure are given 64 MiB.
fn decompressed_len(frame: &[u8]) -> usize {
    zstd::zstd_safe::get_frame_content_size(frame)
        .ok()
        .flatten()
        .and_then(|it| usize::try_from(it).ok())
        .unwrap_or(64 * 1024 * 1024)
}

/// What went over the line.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    /// Requests made.
    pub(crate) requests: u64,
    /// Body bytes sent, compressed.
    pub(crate) sent: u64,
    /// Body bytes received, compressed.
    pub(crate) received: u64,
}

fn read<T: DeserializeOwned>(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T, ClientError> {
    let mut answer = answer.map_err(|cause| ClientError::Unreachable(cause.to_string()))?;
    let status = answer.status();
    let body = answer
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_vec()
        .map_err(|cause| ClientError::Unreachable(cause.to_string()))?;
    if !status.is_success() {
        return Err(refusal(status.as_u16(), &body));
    }
    let body = if body.is_empty() { b"null".as_slice() } else { body.as_slice() };
    serde_json::from_slice(body)
        .map_err(|cause| ClientError::NotVeedor { status: status.as_u16(), detail: cause.to_string() })
}

fn refusal(status: u16, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ClientError::Refused(Box::new(problem)),
        Err(cause) => ClientError::NotVeedor { status, detail: cause.to_string() },
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(problem) => *problem,
            other => Self::single(
                503,
                "server_unreachable",
                format!("No se pudo hablar con el servidor: {other}"),
                other.to_string(),
            ),
        }
    }
}
