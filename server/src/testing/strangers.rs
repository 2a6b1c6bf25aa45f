//! What the office reads of the bytes of strangers before it looks into its database, for tests that send it everything.
//! Not part of the product.

use crate::{
    ApiError,
    app::{
        assessments::NewAssessment,
        assignments::{self, Cancellation, NewAssignment},
        branches::{self, BranchRow},
        content::NewContent,
        devices::{NewCode, NewDevice},
        kpis::NewObservations,
        organizations::OrganizationChange,
        payouts::NewRun,
        programmes::{NewProgramme, NewWave},
        quarantine::Verdict,
        regions::{MAX_REGIONS, RegionRow},
        review::{
            approve::Approval,
            bulk::BulkApproval,
            commands::{Because, ReturnOrder},
            conflicts::{Acknowledgement, Choice},
            rescore::Rescoring,
        },
        staff::{AbsenceRow, ShiftRow, StaffRow},
        successions::NewSuccession,
        users::{NewUser, RoleGrant},
    },
    evidence,
    http::{
        blobs::{Asked, asked_range, part_of},
        body::{FromJson, read_json},
        exchange::{Unpack, encoding, unpack},
        rows::Rows,
        sessions::{SignIn, SignInByCode},
    },
};
use actix_web::{
    http::{
        Uri,
        header::{HeaderValue, RANGE},
    },
    test::TestRequest,
};
use sync_core::{Hash, blob::CHUNK_HASH_HEADER, payload::BlobRef};

/// Unpacks the body of an exchange to at most so many bytes; else why not.
///
/// # Errors
/// `too_large`, `encoding` or `broken`.
pub fn body(name: &str, body: &[u8], most: u64) -> Result<Vec<u8>, &'static str> {
    unpack(encoding(Some(name)), body, most).map_err(|why| match why {
        Unpack::TooLarge => "too_large",
        Unpack::Encoding => "encoding",
        Unpack::Broken => "broken",
    })
}

/// Reads the address and the header of a part of a blob: its blob, where it begins, and its hash.
pub fn part(blob: &str, query: &[u8], hash: &[u8]) -> Option<(BlobRef, u64, Hash)> {
    let query = std::str::from_utf8(query).ok()?;
    let address = Uri::try_from(format!("/sync/v1/blobs/x?{query}")).ok()?;
    let request = TestRequest::default().uri(&address.to_string()).param("blob", blob.to_owned());
    let request = request.insert_header((CHUNK_HASH_HEADER, HeaderValue::from_bytes(hash).ok()?));
    part_of(&request.to_http_request())
}

/// Reads which bytes of a blob are asked for: from the first to the one after the last; all where that is not said; none
/// where they lie beyond it.
pub fn range(header: &[u8], size: u64) -> Option<(u64, u64)> {
    let Ok(header) = HeaderValue::from_bytes(header) else { return Some((0, size)) };
    let request = TestRequest::default().insert_header((RANGE, header)).to_http_request();
    match asked_range(&request, size) {
        Asked::Everything => Some((0, size)),
        Asked::Part(from, to) => Some((from, to)),
        Asked::Beyond => None,
    }
}

/// A photo as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPhoto {
    /// Upright.
    pub width: u32,
    /// Upright.
    pub height: u32,
    /// The copy for lists, JPEG.
    pub thumbnail: Vec<u8>,
    /// The copy that fills a screen, JPEG.
    pub view: Vec<u8>,
    /// When the camera says that it was taken.
    pub taken_at: Option<String>,
    /// Where, latitude and longitude in 1e-7 degrees.
    pub place: Option<(i64, i64)>,
}

/// Reads a photo; else the code of the reason why not.
///
/// # Errors
/// As the evidence of a visit tells it: `truncated`, `not_an_image`, ...
pub fn photo(bytes: &[u8], expired: &dyn Fn() -> bool) -> Result<SeenPhoto, &'static str> {
    let photo = evidence::read(bytes, expired).map_err(evidence::Unreadable::code)?;
    let evidence::Photo { width, height, thumbnail, view, camera, .. } = photo;
    Ok(SeenPhoto { width, height, thumbnail, view, taken_at: camera.taken_at, place: camera.place })
}

/// Reads a body of the API as something.
pub type ReadBody = fn(&[u8]) -> Result<(), ApiError>;

fn read<T: FromJson>(bytes: &[u8]) -> Result<(), ApiError> {
    read_json::<T>(bytes).map(drop)
}

/// Every shape that a body of the API may have to be read as.
pub const BODIES: [ReadBody; 31] = [
    read::<NewAssessment>,
    read::<Rows<NewAssignment, { assignments::MAX_ROWS }>>,
    read::<Cancellation>,
    read::<BranchRow>,
    read::<Rows<BranchRow, { branches::MAX_ROWS }>>,
    read::<NewContent>,
    read::<NewCode>,
    read::<NewDevice>,
    read::<NewSuccession>,
    read::<NewObservations>,
    read::<OrganizationChange>,
    read::<NewRun>,
    read::<NewProgramme>,
    read::<NewWave>,
    read::<Verdict>,
    read::<Rows<RegionRow, MAX_REGIONS>>,
    read::<BulkApproval>,
    read::<Because>,
    read::<ReturnOrder>,
    read::<Choice>,
    read::<Acknowledgement>,
    read::<Approval>,
    read::<Rescoring>,
    read::<SignIn>,
    read::<SignInByCode>,
    read::<Rows<StaffRow, { branches::MAX_ROWS }>>,
    read::<Rows<ShiftRow, { branches::MAX_ROWS }>>,
    read::<Rows<AbsenceRow, { branches::MAX_ROWS }>>,
    read::<StaffRow>,
    read::<NewUser>,
    read::<RoleGrant>,
];
