//! What the office is told at its start: one value, read by the binary and passed down. Reads no file and no
//! environment itself.

use domain::FieldProblem;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

/// Every setting, with its default. Unknown keys are refused wherever it is read from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// `sqlite:FILE` or `postgres://...`; the password in it is a secret.
    pub database_url: String,
    /// PEM file with the certificate chain; together with `tls_key` it turns HTTPS on.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key.
    pub tls_key: Option<PathBuf>,
    /// Threads that serve requests; none takes one per core.
    pub workers: Option<usize>,
    /// Whether people whose role asks for a second factor get on without one.
    pub second_factor: SecondFactor,
    /// How long a session of a person lasts.
    pub session_hours: u32,
    /// How long the token of a device lasts.
    pub device_days: u32,
    /// How long a one-time code may be used.
    pub code_hours: u32,
    /// Builds of the app below this may only push: what they recorded arrives, and they are told to update.
    pub min_pull_build: u32,
    /// Folder of photos and other evidence; none takes one beside the SQLite file. What is still coming lies there too,
    /// also where the rest goes to a bucket.
    pub blob_folder: Option<PathBuf>,
    /// `s3://BUCKET/PREFIX`: where evidence lies instead; its keys and its address are the usual `AWS_*` variables.
    pub blob_bucket: Option<String>,
    /// Largest blob, in bytes.
    pub blob_max_bytes: u64,
    /// Bytes of blobs that a phone may send on a day.
    pub blob_day_bytes: u64,
    /// Ops that a phone may send on a day before it is flagged; they are taken all the same.
    pub phone_day_ops: u64,
    /// Bytes that blobs leave free on the disk: below that only answers are taken.
    pub blob_reserve_bytes: u64,
    /// Folder of the phone app that is served at `/app/`; none serves none. The binary takes one beside itself where none is named.
    pub phone: Option<PathBuf>,
    /// How long requests under way may take once the office is told to stop.
    pub shutdown_seconds: u64,
    /// Which log lines are written, as `tracing` filters: `info`, `server=debug,actix_web=warn`.
    pub log: String,
    /// `text` or `json`.
    pub log_format: LogFormat,
}

/// What is asked of people whose role asks for a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// To set one up before anything else, and to prove it where pay is approved.
    Demanded,
    /// Nothing, until they set one up themselves: for trials on one's own machine.
    Offered,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs, one object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            database_url: "sqlite:veedor.db".to_owned(),
            tls_cert: None,
            tls_key: None,
            workers: None,
            second_factor: SecondFactor::Demanded,
            session_hours: 12,
            device_days: 400,
            code_hours: 72,
            min_pull_build: 0,
            blob_folder: None,
            blob_bucket: None,
            blob_max_bytes: 64 << 20,
            blob_day_bytes: 2_000_000_000,
            phone_day_ops: 20_000,
            blob_reserve_bytes: 1 << 30,
            phone: None,
            shutdown_seconds: 30,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

impl Config {
    /// The same settings with their secrets hidden: what may be printed.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        Self { database_url: without_password(&self.database_url), ..self.clone() }
    }

    /// Every setting that could be used on no machine, with a text that does not repeat its secrets.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut errors = Vec::new();
        if !is_address(&self.listen) {
            errors.push(FieldProblem::new(
                "/listen",
                "bad_setting",
                "No vale: se espera DIRECCIÓN:PUERTO, por ejemplo 127.0.0.1:8080",
                "Not valid: ADDRESS:PORT is expected, for instance 127.0.0.1:8080",
            ));
        }
        if let Err(error) = db::check_address(&self.database_url) {
            errors.push(FieldProblem::new(
                "/database_url",
                "bad_setting",
                "No vale: se espera sqlite:ARCHIVO o postgres://...",
                format!("Not valid: {error}"),
            ));
        }
        if self.blob_bucket.is_some() && self.bucket().is_none() {
            errors.push(FieldProblem::new(
                "/blob_bucket",
                "bad_setting",
                "No vale: se espera s3://BALDE o s3://BALDE/PREFIJO",
                "Not valid: s3://BUCKET or s3://BUCKET/PREFIX is expected",
            ));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let field = if self.tls_cert.is_some() { "/tls_key" } else { "/tls_cert" };
            errors.push(FieldProblem::new(
                field,
                "missing",
                "tls_cert y tls_key van juntos",
                "tls_cert and tls_key go together",
            ));
        }
        errors
    }

    /// The folder of evidence.
    pub fn blob_folder(&self) -> PathBuf {
        match (&self.blob_folder, self.database_url.strip_prefix("sqlite:")) {
            (Some(folder), _) => folder.clone(),
            (None, Some(path)) => PathBuf::from(format!("{}.blobs", path.strip_prefix("//").unwrap_or(path))),
            (None, None) => PathBuf::from("veedor-blobs"),
        }
    }

    /// The bucket of evidence and the prefix of its keys there; none where it lies in the folder.
    pub fn bucket(&self) -> Option<(String, String)> {
        let place = self.blob_bucket.as_deref()?.strip_prefix("s3://")?;
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        (!name.is_empty()).then(|| (name.to_owned(), prefix.to_owned()))
    }

    /// Whether the office speaks HTTPS itself.
    pub fn is_tls(&self) -> bool {
        self.tls_cert.is_some() && self.tls_key.is_some()
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = serde_json::to_string(&self.without_secrets()).map_err(|_| std::fmt::Error)?;
        write!(f, "Config {text}")
    }
}

/// Whether a text is `HOST:PORT`; whether there is such a host shows when it is listened at.
fn is_address(text: &str) -> bool {
    let is_name = |host: &str| {
        !host.is_empty() && host.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '_'))
    };
    text.parse::<SocketAddr>().is_ok()
        || text.rsplit_once(':').is_some_and(|(host, port)| is_name(host) && port.parse::<u16>().is_ok())
}

/// A database URL whose password is `***`, both in the user part and as a parameter.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let path = match path.rsplit_once('@') {
        Some((user, host)) => {
            let user =
                user.split_once(':').map_or_else(|| user.to_owned(), |(name, _)| format!("{name}:***"));
            format!("{user}@{host}")
        }
        None => path.to_owned(),
    };
    let query = query.map_or_else(String::new, |query| {
        let shown: Vec<&str> = query
            .split('&')
            .map(|it| if it.starts_with("password=") { "password=***" } else { it })
            .collect();
        format!("?{}", shown.join("&"))
    });
    format!("{scheme}://{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for url in ["postgres://veedor:s3cret@db/veedor", "postgres://db/veedor?user=v&password=s3cret"] {
            let config = Config { database_url: url.to_owned(), ..Config::default() };
            assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
            assert!(format!("{config:?}").contains("***"));
        }
        assert_eq!(without_password("sqlite:veedor.db"), "sqlite:veedor.db");
        assert_eq!(without_password("postgres://v@h/d"), "postgres://v@h/d");
    }

    #[test]
    fn an_address_to_listen_at_has_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "[::1]:8443", "0.0.0.0:65535", "localhost:80", "veedor.example.org:443"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["nope", "", ":80", "host:", "host:65536", "host:http", "::1", "http://host:80", "a b:80"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn evidence_lies_beside_the_database_unless_another_place_is_named() {
        let of = |url: &str| Config { database_url: url.to_owned(), ..Config::default() };
        assert_eq!(of("sqlite:/var/veedor.db").blob_folder(), PathBuf::from("/var/veedor.db.blobs"));
        assert_eq!(of("postgres://db/veedor").blob_folder(), PathBuf::from("veedor-blobs"));
        let bucket = |it: &str| Config { blob_bucket: Some(it.to_owned()), ..Config::default() };
        let place = |name: &str, prefix: &str| Some((name.to_owned(), prefix.to_owned()));
        assert_eq!(bucket("s3://evidence").bucket(), place("evidence", ""));
        assert_eq!(bucket("s3://evidence/acme/1").bucket(), place("evidence", "acme/1"));
        for bad in ["evidence", "s3://", "gs://evidence"] {
            assert_eq!(bucket(bad).problems().len(), 1, "{bad}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"listten":"x"}"#).is_err());
        assert!(serde_json::from_str::<Config>("{}").is_ok_and(|it| it == Config::default()));
    }
}
