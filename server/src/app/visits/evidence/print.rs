//! A printed visit: what it states as a record whose hash stands on the paper, and the server's detached signature over that record and
//! over the very bytes of the file. `read` and `sign` belong to the office; `check_print` needs nothing but the files.

use super::{EvidenceFault, check::fault};
use crate::{
    app::{
        App,
        scores::document,
        visits::read::{find, for_branch},
    },
    error::ApiError,
    exchange::signing_key,
    principal::Principal,
};
use db::{Tx, scores as versions};
use domain::{
    ids::{AuditId, OrgId},
    visit_score::Percent,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sync_core::{Bytes, DeviceId, Hash, PublicKey};
use uuid::Uuid;

/// The name of the form.
const FORM: &str = "veedor-print-1";

/// What a printed visit states. Names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Printed {
    /// The organization.
    pub organization: Uuid,
    /// The visit.
    pub visit: Uuid,
    /// The code of its branch.
    pub branch: String,
    /// Its day, in the branch's calendar.
    pub day: Option<String>,
    /// Hash of the checklist that it answers.
    pub checklist: Hash,
    /// The score that counts; none before an approval.
    pub score: Option<PrintedScore>,
}

/// The score of a printed visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintedScore {
    /// Its version, from 1.
    pub version: u32,
    /// The version of the rules that it was scored with.
    pub scorer: String,
    /// The final score, 0 to 100 with two decimals; none where nothing could be scored.
    pub value: Option<String>,
    /// The band's id.
    pub band: Option<String>,
    /// Hash of the explanation, item by item, as a branch may read it.
    pub explanation: Hash,
}

impl Printed {
    /// The record as it is hashed and signed.
    fn text(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(ApiError::internal)
    }

    /// What stands on the paper: SHA-256 of the record.
    ///
    /// # Errors
    /// `internal` where it cannot be written.
    pub(crate) fn hash(&self) -> Result<Hash, ApiError> {
        Ok(Hash::of(self.text()?.as_bytes()))
    }
}

/// The signature beside a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    format: String,
    record: Box<RawValue>,
    /// SHA-256 of the file.
    file: Hash,
    key: PublicKey,
    sig: Bytes,
}

fn sealed_bytes(record: &str, file: Hash) -> Vec<u8> {
    let mut out = Vec::from(FORM.as_bytes());
    out.extend_from_slice(&Hash::of(record.as_bytes()).0);
    out.extend_from_slice(&file.0);
    out
}

/// What a print of a visit states, for somebody who may read the visit.
///
/// # Errors
/// `not_found` (404) for a visit that the person may not see, `forbidden` (403) for somebody who reads no visits.
pub(crate) fn read(tx: &mut Tx<'_>, principal: &Principal, visit: AuditId) -> Result<Printed, ApiError> {
    let seen = find(tx, principal, visit)?.visit;
    let org = principal.org;
    let branch = db::reference::find_branch(tx, org, seen.branch_id)?
        .ok_or_else(|| ApiError::internal("a visit without its branch"))?;
    let score = versions::find_current(tx, org, visit)?.map(|it| -> Result<PrintedScore, ApiError> {
        let explained = for_branch(document::thaw(&it.doc)?);
        let explained = serde_json::to_vec(&explained).map_err(ApiError::internal)?;
        Ok(PrintedScore {
            version: it.version,
            scorer: it.scorer_version,
            value: it.final_hundredths.map(|it| Percent::from_units(it).to_string()),
            band: it.band,
            explanation: Hash::of(&explained),
        })
    });
    Ok(Printed {
        organization: org.0,
        visit: visit.0,
        branch: branch.code,
        day: seen.visit_date.map(|it| it.to_string()),
        checklist: seen.template_hash,
        score: score.transpose()?,
    })
}

/// The signature of the organization's server over a record and the file that states it, as the text of a file. Blocks.
///
/// # Errors
/// Those of the database; `internal` where the organization has no server key.
pub(crate) fn sign(app: &App, org: OrgId, record: &Printed, file: &[u8]) -> Result<String, ApiError> {
    let key = app.db.read(|tx| signing_key(tx, org))?;
    let text = record.text()?;
    let file = Hash::of(file);
    let seal = Seal {
        format: FORM.to_owned(),
        file,
        key: key.public_key(),
        sig: Bytes::from(key.sign(&sealed_bytes(&text, file))),
        record: RawValue::from_string(text).map_err(ApiError::internal)?,
    };
    serde_json::to_string(&seal).map_err(ApiError::internal)
}

/// What a signature proves of a printed visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvedPrint {
    /// What was printed.
    pub printed: Printed,
    /// The hash that stands on the paper.
    pub hash: Hash,
    /// The key of the server, which has to be compared with the one that is known from elsewhere.
    pub server: DeviceId,
    /// Whether the file is the one that was signed; none where there was no file.
    pub file: Option<bool>,
    /// What this proves, in Spanish and English.
    pub proves: [&'static str; 2],
    /// What it does not, in Spanish and English.
    pub proves_not: [&'static str; 2],
}

const PROVES: [&str; 2] = [
    "El servidor de esta organización imprimió esta visita con esta calificación, y lo comprobado es lo que imprimió.",
    "The server of this organization printed this visit with this score, and what was checked is what it printed.",
];
const PROVES_NOT: [&str; 2] = [
    "Que la calificación siga vigente: una apelación resuelta después da otra versión. Lo respondido se comprueba con la evidencia de la visita.",
    "That the score still counts: an appeal decided later makes another version. What was answered is proved by the evidence of the visit.",
];

/// Checks a printed visit against its signature: the file, the hash as it stands on the paper, or both.
///
/// # Errors
/// `unreadable`, `seal`, `file` or `hash`: the first thing that does not hold.
pub fn check_print(
    seal: &str,
    file: Option<&[u8]>,
    on_paper: Option<&str>,
) -> Result<ProvedPrint, EvidenceFault> {
    let unreadable = |cause: &serde_json::Error| EvidenceFault {
        code: "unreadable",
        es: format!("no es la firma de una visita impresa: {cause}"),
        en: format!("it is not the signature of a printed visit: {cause}"),
    };
    let text = seal.trim_end_matches(['\n', '\r']);
    let seal: Seal = serde_json::from_str(text).map_err(|it| unreadable(&it))?;
    let holds = seal.key.verify(&sealed_bytes(seal.record.get(), seal.file), &seal.sig).is_ok();
    if seal.format != FORM || !holds {
        let es = "la firma no es del servidor que dice, o se alteró después de firmar";
        return Err(fault(
            "seal",
            es,
            "the signature is not of the server that it names, or was changed since",
        ));
    }
    let hash = Hash::of(seal.record.get().as_bytes());
    if file.is_some_and(|it| Hash::of(it) != seal.file) {
        let es = "el archivo no es el que se firmó";
        return Err(fault("file", es, "the file is not the one that was signed"));
    }
    if on_paper.is_some_and(|it| bare(it) != hash.to_string()) {
        let es = "la huella del papel no es la de lo que se firmó";
        return Err(fault("hash", es, "the hash on the paper is not the one of what was signed"));
    }
    let printed: Printed = serde_json::from_str(seal.record.get()).map_err(|it| unreadable(&it))?;
    Ok(ProvedPrint {
        printed,
        hash,
        server: seal.key.device(),
        file: file.map(|_| true),
        proves: PROVES,
        proves_not: PROVES_NOT,
    })
}

/// A hash as people copy it from paper: spaces, dashes and the case of its letters say nothing.
fn bare(text: &str) -> String {
    text.chars().filter(|it| it.is_ascii_alphanumeric()).map(|it| it.to_ascii_lowercase()).collect()
}
