//! The frozen score of a visit as it is stored: every figure as readable JSON, and the explanation packed beside it,
//! since it is ten times as long and only read when somebody asks why.

use crate::error::ApiError;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::visit_score::{Explanation, VisitScore};
use serde::{Deserialize, Serialize};

/// Fast enough to freeze thousands of visits at once; the explanation repeats itself enough for any level.
const LEVEL: i32 = 1;
/// Longest explanation that is unpacked: far beyond the largest checklist.
const MAX_EXPLANATION_BYTES: usize = 16 * 1024 * 1024;

#[derive(Serialize)]
struct Written<'a> {
    score: &'a VisitScore,
    /// Zstandard of the JSON of the steps, in Base64.
    explain: String,
}

#[derive(Deserialize)]
struct Read {
    score: VisitScore,
    explain: String,
}

#[derive(Deserialize)]
struct Figures {
    score: VisitScore,
}

/// The document of a score, ready to be stored.
pub(crate) fn freeze(mut score: VisitScore) -> Result<String, ApiError> {
    let steps = std::mem::take(&mut score.explain);
    let json = serde_json::to_vec(&steps).map_err(ApiError::internal)?;
    let packed = zstd::bulk::compress(&json, LEVEL).map_err(ApiError::internal)?;
    let written = Written { score: &score, explain: BASE64_STANDARD.encode(packed) };
    serde_json::to_string(&written).map_err(ApiError::internal)
}

/// The score of a document with its explanation.
pub(crate) fn thaw(document: &str) -> Result<VisitScore, ApiError> {
    let Read { mut score, explain } = serde_json::from_str(document).map_err(ApiError::internal)?;
    let packed = BASE64_STANDARD.decode(explain).map_err(ApiError::internal)?;
    let json = zstd::bulk::decompress(&packed, MAX_EXPLANATION_BYTES).map_err(ApiError::internal)?;
    score.explain = serde_json::from_slice::<Vec<Explanation>>(&json).map_err(ApiError::internal)?;
    Ok(score)
}

/// The figures of a document, without its explanation: what scorecards pool.
pub(crate) fn figures(document: &str) -> Result<VisitScore, ApiError> {
    let Figures { score } = serde_json::from_str(document).map_err(ApiError::internal)?;
    Ok(score)
}
