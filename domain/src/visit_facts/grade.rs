//! What a visit's facts are worth as evidence (DOMAIN.md 10.6): a grade with every reason that keeps it from a higher one. A grade
//! says what the platform could prove, never that somebody lied: a browser proves little of an honest visit too.

use alloc::vec::Vec;
use serde::Serialize;

use super::{Moment, PlatformKind, PositionSource, VisitFacts};

crate::lifecycle::named! {
    /// How much the facts of a visit prove.
    EvidenceGrade {
        /// The auditor's word.
        Low = "low", "baja", "low";
        /// A device's word, where whoever holds it could make it say otherwise.
        Medium = "medium", "media", "medium";
        /// A device's word, signed by its hardware.
        High = "high", "alta", "high";
    }
}

crate::lifecycle::named! {
    /// Why a grade is not higher.
    GradeReason {
        /// Nothing says what the app ran on.
        PlatformUnknown = "platform_unknown", "no se sabe en qué se registró", "the platform is not known";
        /// A browser cannot know whether a position is simulated.
        Browser = "browser", "se registró en un navegador", "recorded in a browser";
        /// The key may be copied from the device.
        NoHardwareKey = "no_hardware_key", "la clave no está en el hardware", "the key is not in hardware";
        /// Nothing says when and where the auditor arrived.
        NoArrival = "no_arrival", "no consta la llegada", "no arrival is recorded";
        /// The arrival has no position.
        ArrivalWithoutPosition = "arrival_without_position", "la llegada no tiene ubicación", "the arrival has no position";
        /// The position on arrival was typed.
        ArrivalTyped = "arrival_typed", "la ubicación de la llegada se escribió a mano", "the position on arrival was typed";
        /// Nothing says when and where the auditor left.
        NoDeparture = "no_departure", "no consta la salida", "no departure is recorded";
        /// The departure has no position.
        DepartureWithoutPosition = "departure_without_position", "la salida no tiene ubicación", "the departure has no position";
        /// The position on departure was typed.
        DepartureTyped = "departure_typed", "la ubicación de la salida se escribió a mano", "the position on departure was typed";
        /// The platform says that a position is simulated.
        MockedPosition = "mocked_position", "el dispositivo dice que una ubicación es simulada", "the device says that a position is simulated";
        /// A photo was picked as a file.
        PhotoFromFile = "photo_from_file", "una foto se eligió de un archivo", "a photo was picked from a file";
        /// A photo does not say where it comes from.
        PhotoSourceUnknown = "photo_source_unknown", "no se sabe de dónde viene una foto", "the source of a photo is not known";
        /// A photo has no position.
        PhotoWithoutPosition = "photo_without_position", "una foto no tiene ubicación", "a photo has no position";
    }
}

impl GradeReason {
    /// The best grade that a visit can have for all this.
    pub fn at_most(self) -> EvidenceGrade {
        match self {
            Self::PlatformUnknown
            | Self::NoArrival
            | Self::ArrivalWithoutPosition
            | Self::ArrivalTyped
            | Self::MockedPosition => EvidenceGrade::Low,
            Self::Browser
            | Self::NoHardwareKey
            | Self::NoDeparture
            | Self::DepartureWithoutPosition
            | Self::DepartureTyped
            | Self::PhotoFromFile
            | Self::PhotoSourceUnknown
            | Self::PhotoWithoutPosition => EvidenceGrade::Medium,
        }
    }
}

/// What is known of where a photo comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhotoProvenance {
    /// Whether the app's own camera took it; none where nobody says.
    pub by_camera: Option<bool>,
    /// Whether it says where it was taken.
    pub has_position: bool,
    /// Whether the platform says that this position is simulated.
    pub is_mocked: bool,
}

/// A grade with its reasons, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graded {
    /// The grade.
    pub grade: EvidenceGrade,
    /// Why it is not higher.
    pub reasons: Vec<GradeReason>,
}

/// The evidence grade of a visit.
///
/// - **Shape**: `photos` are those that stand, in any order.
/// - **Source**: DOMAIN.md 10.6.
pub fn grade(facts: &VisitFacts, photos: &[PhotoProvenance]) -> Graded {
    use GradeReason as R;
    let mut reasons = Vec::new();
    match &facts.platform {
        None => reasons.push(R::PlatformUnknown),
        Some(it) => {
            reasons.extend((it.kind == PlatformKind::Browser).then_some(R::Browser));
            reasons.extend((!it.hardware_key).then_some(R::NoHardwareKey));
        }
    }
    let arrival = [R::NoArrival, R::ArrivalWithoutPosition, R::ArrivalTyped];
    let departure = [R::NoDeparture, R::DepartureWithoutPosition, R::DepartureTyped];
    reasons.extend(lack(facts.arrival.as_ref(), arrival));
    reasons.extend(lack(facts.departure.as_ref(), departure));
    let moments = [&facts.arrival, &facts.departure].into_iter().flatten();
    let mocked = moments.filter_map(|it| it.position.as_ref()).any(|it| it.mocked == Some(true));
    let any = |what: fn(&PhotoProvenance) -> bool| photos.iter().any(what);
    let of_photos = [
        (mocked || any(|it| it.is_mocked), R::MockedPosition),
        (any(|it| it.by_camera == Some(false)), R::PhotoFromFile),
        (any(|it| it.by_camera.is_none()), R::PhotoSourceUnknown),
        (any(|it| !it.has_position), R::PhotoWithoutPosition),
    ];
    reasons.extend(of_photos.into_iter().filter(|it| it.0).map(|it| it.1));
    let grade = reasons.iter().map(|it| it.at_most()).min().unwrap_or(EvidenceGrade::High);
    Graded { grade, reasons }
}

/// What a moment lacks: it is not there, it has no position, or somebody typed it.
fn lack(moment: Option<&Moment>, [none, bare, typed]: [GradeReason; 3]) -> Option<GradeReason> {
    match moment {
        None => Some(none),
        Some(it) => match &it.position {
            None => Some(bare),
            Some(it) => (it.source == PositionSource::Typed).then_some(typed),
        },
    }
}
