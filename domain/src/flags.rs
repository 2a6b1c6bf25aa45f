//! What of a visit a person should look at before approving it (DOMAIN.md 2.6): distance, duration, pace, photos seen before, clocks
//! and answers that are all alike. A flag says what was measured and against which limit; it decides nothing, and an honest visit may
//! have several.

use crate::{LocalText, checklist::VisitRules, lifecycle::named};
use alloc::{format, string::String, vec::Vec};

/// Median milliseconds from one answer to the next below which a visit was answered faster than anybody reads.
pub const MIN_PACE_MS: u64 = 2_000;
/// Fewest answers that have a pace.
pub const MIN_ANSWERS: usize = 8;
/// Milliseconds by which the phone's clock may differ from the office's.
pub const MAX_SKEW_MS: u64 = 300_000;
/// Fewest answers on a scale that say something when they are all the same.
pub const MIN_SCALES: usize = 5;

named! {
    /// What was noticed.
    FlagKind {
        /// The auditor arrived farther from the branch than the checklist allows.
        FarAway = "far_away", "lejos de la sucursal", "far from the branch";
        /// The position on arrival is too vague to tell.
        VaguePosition = "vague_position", "ubicación imprecisa", "vague position";
        /// The device says that the position is simulated.
        SimulatedPosition = "simulated_position", "ubicación simulada", "simulated position";
        /// The visit took less time than it needs.
        TooShort = "too_short", "visita muy corta", "very short visit";
        /// The visit took more time than it needs.
        TooLong = "too_long", "visita muy larga", "very long visit";
        /// The items were answered faster than they can be read.
        TooFast = "too_fast", "respuestas muy rápidas", "very fast answers";
        /// The very bytes of a photo are evidence of another visit, or twice of this one.
        SamePhoto = "same_photo", "foto ya usada", "photo used before";
        /// A photo looks like one of another visit.
        AlikePhoto = "alike_photo", "foto parecida a otra", "photo like another";
        /// The phone's clock and the office's differ.
        ClockSkew = "clock_skew", "reloj desajustado", "clock off";
        /// All answers on scales are the same.
        StraightLining = "straight_lining", "todas las escalas iguales", "all scales alike";
    }
}

/// What is known of a visit; what is not known flags nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Metres from the branch on arrival.
    pub distance_m: Option<u64>,
    /// Radius of uncertainty of that position, in metres.
    pub accuracy_m: Option<u64>,
    /// Whether the device says that the position is simulated.
    pub is_simulated: bool,
    /// Milliseconds from arrival to departure.
    pub duration_ms: Option<u64>,
    /// When each item was first answered, in milliseconds since 1970 by the phone's clock, in any order.
    pub answered_ms: Vec<u64>,
    /// Photos whose bytes were seen before.
    pub same_photos: u64,
    /// Photos that look like others.
    pub alike_photos: u64,
    /// Milliseconds between the phone's clock and the office's when the phone last spoke.
    pub skew_ms: Option<u64>,
    /// The answers on scales, each from 1 to 5.
    pub scales: Vec<i64>,
}

/// Something that was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// What.
    pub kind: FlagKind,
    /// What was measured, in the unit of its kind: metres, minutes, seconds, photos or answers.
    pub measured: u64,
    /// The limit that it went beyond, in the same unit.
    pub limit: u64,
}

impl Flag {
    /// What was measured and why it is told, for whoever reviews.
    pub fn explanation(self) -> LocalText {
        let Self { kind, measured, limit } = self;
        let text = |es: String, en: String| LocalText { es, en };
        match kind {
            FlagKind::FarAway => text(
                format!("Llegó a {measured} m de la sucursal; el cuestionario admite {limit} m."),
                format!("Arrived {measured} m from the branch; the checklist allows {limit} m."),
            ),
            FlagKind::VaguePosition => text(
                format!(
                    "La ubicación tiene un margen de {measured} m; se admiten {limit} m. Adentro de un edificio es común."
                ),
                format!(
                    "The position is uncertain by {measured} m; {limit} m are allowed. Common inside a building."
                ),
            ),
            FlagKind::SimulatedPosition => LocalText::new(
                "El dispositivo dice que la ubicación es simulada.",
                "The device says that the position is simulated.",
            ),
            FlagKind::TooShort => text(
                format!("Duró {measured} min; lo menos previsto son {limit} min."),
                format!("It took {measured} min; at least {limit} min are foreseen."),
            ),
            FlagKind::TooLong => text(
                format!("Duró {measured} min; lo más previsto son {limit} min."),
                format!("It took {measured} min; at most {limit} min are foreseen."),
            ),
            FlagKind::TooFast => text(
                format!(
                    "La mitad de las preguntas se respondió en {measured} s o menos cada una; se espera que tomen {limit} s."
                ),
                format!(
                    "Half of the items were answered in {measured} s or less each; {limit} s are expected."
                ),
            ),
            FlagKind::SamePhoto => text(
                format!("Fotos que ya son evidencia en otro lugar: {measured}."),
                format!("Photos that are evidence elsewhere already: {measured}."),
            ),
            FlagKind::AlikePhoto => text(
                format!(
                    "Fotos que se parecen a otras: {measured}. Dos fotos del mismo mostrador también se parecen."
                ),
                format!(
                    "Photos that look like others: {measured}. Two photos of one counter look alike too."
                ),
            ),
            FlagKind::ClockSkew => text(
                format!(
                    "El reloj del teléfono difiere {measured} min del de la oficina; se admiten {limit} min."
                ),
                format!(
                    "The phone's clock differs by {measured} min from the office's; {limit} min are allowed."
                ),
            ),
            FlagKind::StraightLining => text(
                format!("Las {measured} respuestas en escala son la misma."),
                format!("All {measured} answers on scales are the same."),
            ),
        }
    }
}

/// What of a visit should be looked at, in the order of [`FlagKind`].
pub fn flags(observed: &Observed, rules: &VisitRules) -> Vec<Flag> {
    let mut found = Vec::new();
    let mut note = |kind, measured, limit| found.push(Flag { kind, measured, limit });
    let minutes = observed.duration_ms.map(|it| it / 60_000);
    let pace = pace_ms(&observed.answered_ms);
    if let (Some(distance), Some(limit)) = (observed.distance_m, rules.geofence_m.map(u64::from)) {
        // What the position leaves open speaks for the auditor.
        if distance.saturating_sub(observed.accuracy_m.unwrap_or(0)) > limit {
            note(FlagKind::FarAway, distance, limit);
        }
    }
    if let (Some(accuracy), Some(limit)) = (observed.accuracy_m, rules.gps_accuracy_max_m.map(u64::from))
        && accuracy > limit
    {
        note(FlagKind::VaguePosition, accuracy, limit);
    }
    if observed.is_simulated {
        note(FlagKind::SimulatedPosition, 1, 0);
    }
    if let Some(minutes) = minutes.filter(|it| *it < u64::from(rules.minutes_min)) {
        note(FlagKind::TooShort, minutes, rules.minutes_min.into());
    }
    if let Some(minutes) = minutes.filter(|it| *it > u64::from(rules.minutes_max)) {
        note(FlagKind::TooLong, minutes, rules.minutes_max.into());
    }
    if let Some(pace) = pace.filter(|it| *it < MIN_PACE_MS) {
        note(FlagKind::TooFast, pace.div_ceil(1_000), MIN_PACE_MS / 1_000);
    }
    if observed.same_photos > 0 {
        note(FlagKind::SamePhoto, observed.same_photos, 0);
    }
    if observed.alike_photos > 0 {
        note(FlagKind::AlikePhoto, observed.alike_photos, 0);
    }
    if let Some(skew) = observed.skew_ms.filter(|it| *it > MAX_SKEW_MS) {
        note(FlagKind::ClockSkew, skew / 60_000, MAX_SKEW_MS / 60_000);
    }
    let first = observed.scales.first();
    if observed.scales.len() >= MIN_SCALES && observed.scales.iter().all(|it| Some(it) == first) {
        let count = u64::try_from(observed.scales.len()).unwrap_or(u64::MAX);
        note(FlagKind::StraightLining, count, u64::try_from(MIN_SCALES).unwrap_or(u64::MAX));
    }
    found
}

/// The lower median of the milliseconds from each answer to the next; none of a few answers.
fn pace_ms(answered: &[u64]) -> Option<u64> {
    if answered.len() < MIN_ANSWERS {
        return None;
    }
    let mut times = answered.to_vec();
    times.sort_unstable();
    let mut steps: Vec<u64> =
        times.iter().zip(times.iter().skip(1)).map(|(from, to)| to.saturating_sub(*from)).collect();
    steps.sort_unstable();
    steps.get(steps.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn rules() -> VisitRules {
        VisitRules {
            minutes_min: 10,
            minutes_max: 60,
            geofence_m: Some(100),
            gps_accuracy_max_m: Some(50),
            windows: Vec::new(),
            shopper_lockout_days: 0,
            branch_spacing_days: 0,
            submit_within_hours: 24,
            recording: None,
        }
    }

    fn kinds(observed: &Observed) -> Vec<FlagKind> {
        flags(observed, &rules()).iter().map(|it| it.kind).collect()
    }

    const MINUTE: u64 = 60_000;

    #[test]
    fn a_visit_of_which_nothing_is_known_has_no_flag() {
        assert_eq!(flags(&Observed::default(), &rules()), []);
    }

    #[test]
    fn a_plain_visit_has_no_flag() {
        let observed = Observed {
            distance_m: Some(100),
            accuracy_m: Some(50),
            duration_ms: Some(10 * MINUTE),
            answered_ms: (0..20).map(|it| it * 9_000).collect(),
            skew_ms: Some(MAX_SKEW_MS),
            scales: vec![5, 5, 5, 5, 4],
            ..Observed::default()
        };
        assert_eq!(kinds(&observed), []);
    }

    #[test]
    fn the_distance_counts_beyond_what_the_position_leaves_open() {
        let at = |distance_m, accuracy_m| Observed {
            distance_m: Some(distance_m),
            accuracy_m: Some(accuracy_m),
            ..Observed::default()
        };
        assert_eq!(kinds(&at(150, 50)), []);
        assert_eq!(kinds(&at(151, 50)), [FlagKind::FarAway]);
        assert_eq!(kinds(&at(0, 51)), [FlagKind::VaguePosition]);
        let nowhere = VisitRules { geofence_m: None, gps_accuracy_max_m: None, ..rules() };
        assert_eq!(flags(&at(9_000, 900), &nowhere), []);
        let simulated = Observed { is_simulated: true, ..Observed::default() };
        assert_eq!(kinds(&simulated), [FlagKind::SimulatedPosition]);
    }

    #[test]
    fn a_visit_is_too_short_or_too_long_by_whole_minutes() {
        let of = |duration_ms| kinds(&Observed { duration_ms: Some(duration_ms), ..Observed::default() });
        assert_eq!(of(10 * MINUTE - 1), [FlagKind::TooShort]);
        assert_eq!(of(10 * MINUTE), []);
        assert_eq!(of(61 * MINUTE - 1), []);
        assert_eq!(of(61 * MINUTE), [FlagKind::TooLong]);
    }

    #[test]
    fn the_pace_is_the_median_so_that_one_pause_or_one_burst_hides_nothing() {
        let of = |answered_ms| kinds(&Observed { answered_ms, ..Observed::default() });
        let with_pause: Vec<u64> = (0..10).map(|it| it * 1_000 + if it > 5 { 600_000 } else { 0 }).collect();
        assert_eq!(of(with_pause), [FlagKind::TooFast]);
        assert_eq!(of((0..10).map(|it| it * 2_000).collect()), []);
        // Seven answers say nothing of a pace.
        assert_eq!(of((0..7).collect()), []);
        let burst: Vec<u64> = (0..10).map(|it| if it < 3 { it } else { it * 9_000 }).collect();
        assert_eq!(of(burst), []);
    }

    #[test]
    fn the_order_of_the_answers_does_not_matter() {
        let mut answered: Vec<u64> = (0..10).map(|it| it * 1_500).collect();
        let forwards = flags(&Observed { answered_ms: answered.clone(), ..Observed::default() }, &rules());
        answered.reverse();
        assert_eq!(forwards, flags(&Observed { answered_ms: answered, ..Observed::default() }, &rules()));
        assert_eq!(forwards.first().map(|it| (it.measured, it.limit)), Some((2, 2)));
    }

    #[test]
    fn photos_clocks_and_scales_are_told_with_what_was_measured() {
        let observed = Observed {
            same_photos: 2,
            alike_photos: 1,
            skew_ms: Some(7 * MINUTE),
            scales: vec![3; 6],
            ..Observed::default()
        };
        let found = flags(&observed, &rules());
        let measured: Vec<(FlagKind, u64)> = found.iter().map(|it| (it.kind, it.measured)).collect();
        let expected = [
            (FlagKind::SamePhoto, 2),
            (FlagKind::AlikePhoto, 1),
            (FlagKind::ClockSkew, 7),
            (FlagKind::StraightLining, 6),
        ];
        assert_eq!(measured, expected);
        assert_eq!(kinds(&Observed { scales: vec![3; 4], ..Observed::default() }), []);
    }

    #[test]
    fn every_flag_is_explained_in_both_languages_with_its_figures() {
        for kind in FlagKind::ALL {
            let text = Flag { kind: *kind, measured: 7_777, limit: 33 }.explanation();
            assert!(!text.es.is_empty() && !text.en.is_empty() && text.es != text.en, "{kind}");
            assert_eq!(text.es.contains("7777"), text.en.contains("7777"), "{kind}");
            assert_eq!(text.es.contains("33"), text.en.contains("33"), "{kind}");
        }
    }
}
