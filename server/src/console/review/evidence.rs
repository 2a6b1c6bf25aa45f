//! Evidence beside the answers: photos with what is known of them, and the place of the arrival against the branch, drawn and told.

use super::{super::words::Words, answers::field_name, when};
use crate::app::{evidence::PhotoEvidence, review::look::Looked};
use db::Micros;
use domain::{attachment, place, visit_facts::Position};
use fluent_bundle::FluentValue;

/// Pieces of evidence of a page.
pub(super) const PHOTOS: usize = 24;
/// Half the side of the drawing.
const HALF: i64 = 500;
/// How far the outermost thing of a drawing lies from its middle.
const EDGE: i64 = 440;
/// Twins that a photo names.
const TWINS: usize = 3;

/// A photo, or whatever else was attached.
pub(super) struct PhotoView {
    pub(super) item: String,
    pub(super) name: String,
    /// Where the small and the large copy are; empty where there is nothing to see.
    pub(super) thumbnail: String,
    pub(super) view: String,
    /// Where the bytes are as they came; empty where they are not here.
    pub(super) original: String,
    pub(super) label: String,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// Visits with a photo like it.
    pub(super) twins: Vec<String>,
}

/// The evidence from a place on, and whether more follows.
pub(super) fn photos(words: &Words, looked: &Looked, from: usize) -> (Vec<PhotoView>, bool) {
    let all = looked.evidence.as_ref().map(|it| it.photos.as_slice()).unwrap_or_default();
    let shown = all.iter().enumerate().skip(from).take(PHOTOS);
    let shown = shown.map(|(at, it)| photo(words, looked, at, it)).collect();
    (shown, all.len() > from.saturating_add(PHOTOS))
}

fn photo(words: &Words, looked: &Looked, at: usize, it: &PhotoEvidence) -> PhotoView {
    let base = format!("/api/v1/visits/{}/evidence/{}", looked.visit.audit_id, it.blob);
    let is_stored = it.state == "stored";
    let is_ready = is_stored && it.picture == Some("ready");
    let number = i64::try_from(at.saturating_add(1)).unwrap_or(i64::MAX);
    let mut notes = Vec::new();
    if let Some(captured) = it.captured_at {
        notes.push(when::wall(Micros(captured.as_microsecond()), &looked.visit.zone));
    }
    notes.extend(it.source.map(|it| words.name_of("review-source", it)));
    if !is_stored {
        notes.push(words.name_of("review-evidence", it.state));
    } else if it.picture == Some("pending") {
        notes.push(words.say("review-evidence-pending"));
    }
    PhotoView {
        name: field_name(words, looked, &it.field),
        item: it.item.trim_start_matches('@').to_owned(),
        thumbnail: if is_ready { format!("{base}/thumbnail") } else { String::new() },
        view: if is_ready { format!("{base}/view") } else { String::new() },
        original: if is_stored { format!("{base}/original") } else { String::new() },
        label: match attachment::is_no_picture(&it.declared_mime) {
            true => words.count("review-file-n", number),
            false => words.count("review-photo-n", number),
        },
        notes,
        warnings: it.flags.iter().map(|it| flag(words, it)).collect(),
        twins: twins(looked, it),
    }
}

fn twins(looked: &Looked, it: &PhotoEvidence) -> Vec<String> {
    let others = it.twins.iter().map(|it| it.visit).filter(|it| *it != looked.visit.audit_id);
    let mut others: Vec<String> = others.map(|it| it.to_string()).collect();
    others.dedup();
    others.truncate(TWINS);
    others
}

/// What is odd of a photo; whatever this version has no words for is told as it could not be shown.
fn flag(words: &Words, code: &str) -> String {
    let key = format!("review-photo-{}", code.replace('_', "-"));
    if words.has(&key) {
        words.name_of("review-photo", code)
    } else {
        words.naming("review-photo-refused", code)
    }
}

/// The arrival against the branch.
pub(super) struct MapView {
    /// The drawing in words.
    pub(super) text: String,
    pub(super) is_far: bool,
    pub(super) drawing: Option<Drawing>,
}

/// A drawing on a square of 1,000, with the branch in its middle.
pub(super) struct Drawing {
    /// Radius of the fence; 0 for none.
    pub(super) fence: i64,
    pub(super) x: i64,
    pub(super) y: i64,
    /// Radius of what the position leaves open.
    pub(super) accuracy: i64,
}

/// Where the auditor arrived; none for a visit that says nothing of it.
pub(super) fn map(words: &Words, looked: &Looked) -> Option<MapView> {
    let arrival = looked.facts.arrival.as_ref()?;
    let told = |key: &str| MapView { text: words.say(key), is_far: false, drawing: None };
    let Some(position) = &arrival.position else { return Some(told("review-map-no-position")) };
    let Some(branch) = looked.branch.latitude_e7.zip(looked.branch.longitude_e7) else {
        return Some(told("review-map-no-branch"));
    };
    let fence = looked.checklist.checklist().visit.geofence_m;
    let distance = place::distance_m(branch, (position.lat_e7, position.lon_e7));
    let mut text = match fence {
        Some(fence) => {
            words.with("review-map-fence", &[("n", number(distance)), ("of", number(fence.into()))])
        }
        None => words.with("review-map-plain", &[("n", number(distance))]),
    };
    if let Some(accuracy) = position.accuracy_mm {
        text = format!(
            "{text} {}",
            words.with("review-map-accuracy", &[("n", number(accuracy.div_ceil(1_000)))])
        );
    }
    if position.mocked == Some(true) {
        text = format!("{text} {}", words.say("review-map-simulated"));
    }
    let source = words.lang.text(&position.source.label()).to_owned();
    let text = format!("{text} {}", words.naming("review-map-source", source));
    let is_far = fence.is_some_and(|it| distance > u64::from(it));
    Some(MapView { text, is_far, drawing: Some(drawing(branch, position, fence)) })
}

fn number(it: u64) -> FluentValue<'static> {
    FluentValue::Number(i64::try_from(it).unwrap_or(i64::MAX).into())
}

fn drawing(branch: place::Point, position: &Position, fence: Option<u32>) -> Drawing {
    let (east, north) = place::offset_mm(branch, (position.lat_e7, position.lon_e7));
    let accuracy = i64::try_from(position.accuracy_mm.unwrap_or(0)).unwrap_or(i64::MAX);
    let fence = i64::from(fence.unwrap_or(0)).saturating_mul(1_000);
    let away = east.saturating_abs().max(north.saturating_abs());
    let reach = fence.max(away.saturating_add(accuracy.min(away.saturating_add(fence)))).max(1_000);
    let scaled =
        |it: i64| i64::try_from(i128::from(it) * i128::from(EDGE) / i128::from(reach)).unwrap_or(EDGE);
    Drawing {
        fence: scaled(fence),
        x: HALF.saturating_add(scaled(east)),
        y: HALF.saturating_sub(scaled(north)),
        accuracy: scaled(accuracy).clamp(0, HALF * 2),
    }
}
