//! Files on their way: read a few at a time, and kept for whoever tried one on a page and is about to apply it. They are kept in memory
//! alone, since a file of people is nothing to leave lying; where one is gone, it is chosen again.

use super::{Kind, Prepared, Upload};
use crate::{
    app::{App, blocking},
    error::ApiError,
};
use actix_web::web::Bytes;
use db::Micros;
use domain::ids::UserId;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use sync_core::Hash;
use tokio::sync::OwnedSemaphorePermit;

/// Files that are kept at once.
const MOST_FILES: usize = 8;
/// Of one person: whoever tries many pushes out their own.
const MOST_OF_ONE: usize = 3;
/// How long one is kept, in microseconds: half an hour.
const KEPT_MICROS: i64 = 30 * 60 * 1_000_000;

/// A file as it came, with what it is.
#[derive(Debug, Clone)]
pub(crate) struct OwnedUpload {
    /// What it is of.
    pub(crate) kind: Kind,
    /// What it is called.
    pub(crate) file_name: String,
    /// The sheet to read; the first one that is visible where it is left out.
    pub(crate) sheet: Option<String>,
    /// What is in it.
    pub(crate) bytes: Bytes,
}

/// Reads a file once it is its turn: each that is being read takes many times its size. The turn ends with what is given beside it.
///
/// # Errors
/// As [`Prepared::read`].
pub(crate) async fn read_in_turn(
    app: &App,
    file: OwnedUpload,
) -> Result<(Prepared, OwnedSemaphorePermit), ApiError> {
    let turn = Arc::clone(&app.import_turns).acquire_owned().await.map_err(ApiError::internal)?;
    let prepared = blocking(move || {
        let OwnedUpload { kind, file_name, sheet, bytes } = &file;
        Prepared::read(Upload { kind: *kind, file_name, sheet: sheet.as_deref(), bytes })
    });
    Ok((prepared.await?, turn))
}

/// A file that was tried.
#[derive(Debug)]
struct Kept {
    by: UserId,
    hash: Hash,
    since: Micros,
    file: OwnedUpload,
}

/// Files that were tried and may be applied, the newest last.
#[derive(Debug, Default)]
pub(crate) struct KeptFiles(Mutex<VecDeque<Kept>>);

impl KeptFiles {
    /// Keeps a file for whoever sent it; the oldest goes where there are too many.
    pub(crate) fn keep(&self, by: UserId, file: OwnedUpload, now: Micros) -> Hash {
        let hash = name_of(&file);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|it| is_kept(it, now) && (it.by, it.hash) != (by, hash));
        kept.push_back(Kept { by, hash, since: now, file });
        while kept.iter().filter(|it| it.by == by).count() > MOST_OF_ONE {
            let oldest = kept.iter().position(|it| it.by == by);
            drop(oldest.and_then(|it| kept.remove(it)));
        }
        while kept.len() > MOST_FILES {
            kept.pop_front();
        }
        hash
    }

    /// The file of a person, which is kept no longer.
    pub(crate) fn take(&self, by: UserId, hash: Hash, now: Micros) -> Option<OwnedUpload> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|it| is_kept(it, now));
        let at = kept.iter().position(|it| (it.by, it.hash) == (by, hash))?;
        kept.remove(at).map(|it| it.file)
    }
}

/// What a file is kept under: how it is read is part of it.
fn name_of(file: &OwnedUpload) -> Hash {
    let read_as = format!("{}\n{}\n", file.kind.as_str(), file.sheet.as_deref().unwrap_or_default());
    Hash::of(&[read_as.as_bytes(), &Hash::of(&file.bytes).0].concat())
}

fn is_kept(it: &Kept, now: Micros) -> bool {
    now.0.saturating_sub(it.since.0) <= KEPT_MICROS
}

#[cfg(test)]
mod tests {
    use super::{KeptFiles, Kind, MOST_FILES, OwnedUpload};
    use actix_web::web::Bytes;
    use db::Micros;
    use domain::ids::UserId;
    use uuid::Uuid;

    #[test]
    fn two_sheets_of_one_workbook_are_two_files() {
        let files = KeptFiles::default();
        let ana = UserId(Uuid::from_u128(1));
        let sheet = |name: &str| OwnedUpload { sheet: Some(name.to_owned()), ..file(1) };
        let january = files.keep(ana, sheet("January"), Micros(0));
        files.keep(ana, sheet("February"), Micros(0));
        assert_eq!(files.take(ana, january, Micros(0)).unwrap().sheet.as_deref(), Some("January"));
    }

    fn file(number: u8) -> OwnedUpload {
        let bytes = Bytes::from(vec![number; 4]);
        OwnedUpload { kind: Kind::Branches, file_name: "a.csv".to_owned(), sheet: None, bytes }
    }

    #[test]
    fn a_file_is_kept_for_whoever_sent_it_for_half_an_hour_and_taken_once() {
        let files = KeptFiles::default();
        let (ana, eva) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let hash = files.keep(ana, file(1), Micros(0));
        assert!(files.take(eva, hash, Micros(0)).is_none());
        assert!(files.take(ana, hash, Micros(1_800_000_000)).is_some());
        assert!(files.take(ana, hash, Micros(0)).is_none());
        files.keep(ana, file(1), Micros(0));
        assert!(files.take(ana, hash, Micros(1_800_000_001)).is_none());
    }

    #[test]
    fn the_oldest_file_goes_where_there_are_too_many_and_the_same_again_counts_once() {
        let files = KeptFiles::default();
        let who = |number: u8| UserId(Uuid::from_u128(number.into()));
        let hashes: Vec<_> = (0..=8).map(|it| files.keep(who(it), file(it), Micros(0))).collect();
        assert_eq!(hashes.len(), MOST_FILES + 1);
        files.keep(who(8), file(8), Micros(0));
        let taken: Vec<bool> =
            (0_u8..).zip(&hashes).map(|(it, hash)| files.take(who(it), *hash, Micros(0)).is_some()).collect();
        assert_eq!(taken, [false, true, true, true, true, true, true, true, true]);
        // Of one person the own oldest goes, and nobody else's.
        let other = files.keep(who(9), file(9), Micros(0));
        let own: Vec<_> = (10..14).map(|it| files.keep(who(1), file(it), Micros(0))).collect();
        let left: Vec<bool> = own.iter().map(|it| files.take(who(1), *it, Micros(0)).is_some()).collect();
        assert_eq!(left, [false, true, true, true]);
        assert!(files.take(who(9), other, Micros(0)).is_some());
    }
}
