//! Appeals with their items, files and messages.

use db::appeals::{self, Appeal, AppealFile, AppealFilter, AppealItem, AppealMessage};
use db::scores::ScoreVersion;
use db::{Db, DbError, Micros, audits, scores};
use domain::appeal::{AppealState, ItemDecision};
use domain::ids::{AppealId, AuditId, BranchId, UserId};
use uuid::Uuid;

use crate::audits::audit;
use crate::database::{hash, is_duplicate, is_refused, org, read, two_organizations, user, write};
use crate::devices::dev;
use crate::on_both;

fn id(number: u128) -> AppealId {
    AppealId(Uuid::from_u128(number))
}

/// The appeal `number` against the visit `visit`, open.
fn appeal(number: u128, visit: AuditId) -> Appeal {
    Appeal {
        appeal_id: id(number),
        audit_id: visit,
        branch_id: BranchId(Uuid::from_u128(1)),
        score_version: 1,
        appellant: user(11),
        created_at: Micros(1_700_000_000_000_000),
        decide_by: "2026-12-01".parse().unwrap(),
        state: AppealState::Open,
        decided_by: None,
        decided_at: None,
        reason: None,
        new_version: None,
    }
}

fn item(of: u128, name: &str, place: u32) -> AppealItem {
    AppealItem {
        appeal_id: id(of),
        item: name.to_owned(),
        place,
        reason: "había letrero".to_owned(),
        decision: None,
        decision_reason: None,
        answer: None,
        answer_redacted: false,
    }
}

fn file(of: u128, name: &str, blob: u8) -> AppealFile {
    AppealFile {
        appeal_id: id(of),
        item: name.to_owned(),
        blob: hash(blob),
        mime: "application/pdf".to_owned(),
        size: 9,
        added_by: user(11),
        added_at: Micros(i64::from(blob)),
    }
}

fn version(visit: AuditId, version: u32) -> ScoreVersion {
    ScoreVersion {
        audit_id: visit,
        version,
        submit_dev: dev(1),
        submit_dseq: 1,
        template_hash: hash(1),
        scorer_version: "1".to_owned(),
        raw_hundredths: Some(7_500),
        final_hundredths: Some(7_500),
        band: None,
        critical_failed: 0,
        doc: "{}".to_owned(),
        created_at: Micros(1),
        reason: "approve".to_owned(),
    }
}

fn closed(number: u128, visit: AuditId, state: AppealState, by: UserId) -> Appeal {
    let upheld = state == AppealState::Upheld;
    Appeal {
        state,
        decided_by: Some(by),
        decided_at: Some(Micros(1_700_000_000_000_001)),
        reason: Some("visto".to_owned()),
        new_version: upheld.then_some(2),
        ..appeal(number, visit)
    }
}

/// Two visits with scores, and an appeal against the first.
fn appealed(db: &Db) -> (AuditId, AuditId) {
    two_organizations(db);
    let (one, other) = (audit(1).audit_id, audit(2).audit_id);
    write(db, move |tx| {
        audits::upsert(tx, org(1), &[audit(1), audit(2)])?;
        scores::append(tx, org(1), &[version(one, 1), version(one, 2), version(other, 1)])?;
        appeals::append(tx, org(1), &appeal(1, one), &[item(1, "B01", 1), item(1, "A01", 0)])
    })
    .unwrap();
    (one, other)
}

on_both! {
    fn an_appeal_is_found_with_its_items_in_its_organization_only(db) {
        let (one, other) = appealed(db);
        assert_eq!(read(db, |tx| appeals::find(tx, org(1), id(1))), Some(appeal(1, one)));
        assert_eq!(read(db, |tx| appeals::find(tx, org(2), id(1))), None);
        assert_eq!(read(db, |tx| appeals::find_open(tx, org(1), one)), Some(appeal(1, one)));
        assert_eq!(read(db, |tx| appeals::find_open(tx, org(1), other)), None);
        assert_eq!(read(db, |tx| appeals::list_items(tx, org(1), &[id(1)])), [item(1, "A01", 0), item(1, "B01", 1)]);
        assert!(read(db, |tx| appeals::list_items(tx, org(2), &[id(1)])).is_empty());
        assert_eq!(read(db, |tx| appeals::of_audits(tx, org(1), &[other, one])), [appeal(1, one)]);
    }

    fn a_visit_has_one_open_appeal_and_each_questions_a_frozen_version(db) {
        let (one, other) = appealed(db);
        assert!(is_duplicate(&write(db, move |tx| appeals::append(tx, org(1), &appeal(2, one), &[]))));
        let unfrozen = Appeal { score_version: 9, ..appeal(2, other) };
        assert!(is_refused(&write(db, move |tx| appeals::append(tx, org(1), &unfrozen, &[]))));
        let twice = [item(2, "A01", 0), item(2, "A01", 1)];
        assert!(is_duplicate(&write(db, move |tx| appeals::append(tx, org(1), &appeal(2, other), &twice))));
        write(db, move |tx| appeals::close(tx, org(1), &closed(1, one, AppealState::Withdrawn, user(11)), &[])).unwrap();
        write(db, move |tx| appeals::append(tx, org(1), &appeal(2, one), &[item(2, "A01", 0)])).unwrap();
        assert_eq!(read(db, |tx| appeals::of_audits(tx, org(1), &[one])).len(), 2);
    }

    fn appeals_are_listed_by_state_and_branch_page_by_page(db) {
        let (one, other) = appealed(db);
        write(db, move |tx| appeals::append(tx, org(1), &appeal(2, other), &[])).unwrap();
        write(db, move |tx| appeals::close(tx, org(1), &closed(1, one, AppealState::Dismissed, user(12)), &[])).unwrap();
        let open = AppealFilter { state: Some(AppealState::Open), branches: None };
        assert_eq!(read(db, |tx| appeals::list(tx, org(1), &open, None, 9)).items, [appeal(2, other)]);
        let first = read(db, |tx| appeals::list(tx, org(1), &AppealFilter::default(), None, 1));
        assert_eq!((first.items.len(), first.next), (1, Some(id(1))));
        let rest = read(db, |tx| appeals::list(tx, org(1), &AppealFilter::default(), Some(id(1)), 1));
        assert_eq!((rest.items, rest.next), (vec![appeal(2, other)], None));
        let nowhere = AppealFilter { branches: Some(vec![BranchId(Uuid::from_u128(7))]), state: None };
        assert!(read(db, |tx| appeals::list(tx, org(1), &nowhere, None, 9)).items.is_empty());
        assert!(read(db, |tx| appeals::list(tx, org(2), &AppealFilter::default(), None, 9)).items.is_empty());
    }

    fn an_appeal_is_closed_once_and_stands_for_good(db) {
        let (one, _) = appealed(db);
        let upheld = closed(1, one, AppealState::Upheld, user(12));
        let decided = AppealItem {
            decision: Some(ItemDecision::Upheld),
            decision_reason: Some("se ve".to_owned()),
            answer: Some("\"yes\"".to_owned()),
            ..item(1, "A01", 0)
        };
        let (stored, of) = (upheld.clone(), decided.clone());
        write(db, move |tx| appeals::close(tx, org(1), &stored, std::slice::from_ref(&of))).unwrap();
        assert_eq!(read(db, |tx| appeals::find(tx, org(1), id(1))), Some(upheld.clone()));
        assert_eq!(read(db, |tx| appeals::list_items(tx, org(1), &[id(1)]))[0], decided);
        let again = write(db, move |tx| appeals::close(tx, org(1), &upheld, &[]));
        assert!(matches!(again, Err(DbError::Stale)), "{again:?}");
        for change in [
            "UPDATE appeals SET reason = 'x'",
            "DELETE FROM appeals",
            "UPDATE appeal_items SET reason = 'x'",
            "UPDATE appeal_items SET decision = 'dismissed', answer = NULL WHERE item = 'A01'",
            "UPDATE appeal_items SET answer = '\"no\"' WHERE item = 'A01'",
            "DELETE FROM appeal_items",
        ] {
            let outcome = db.execute(change);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{change}: {outcome:?}");
        }
    }

    fn nobody_decides_the_own_appeal_and_a_grant_has_a_version(db) {
        let (one, _) = appealed(db);
        let own = closed(1, one, AppealState::Dismissed, user(11));
        assert!(is_refused(&write(db, move |tx| appeals::close(tx, org(1), &own, &[]))));
        let unscored = Appeal { new_version: None, ..closed(1, one, AppealState::Upheld, user(12)) };
        assert!(is_refused(&write(db, move |tx| appeals::close(tx, org(1), &unscored, &[]))));
        let missing = Appeal { new_version: Some(7), ..closed(1, one, AppealState::Upheld, user(12)) };
        assert!(is_refused(&write(db, move |tx| appeals::close(tx, org(1), &missing, &[]))));
    }

    fn an_answer_is_taken_out_of_a_decision_and_nothing_else_of_it(db) {
        let (one, _) = appealed(db);
        let decided = AppealItem {
            decision: Some(ItemDecision::Upheld),
            decision_reason: Some("se ve".to_owned()),
            answer: Some("null".to_owned()),
            ..item(1, "A01", 0)
        };
        let of = decided.clone();
        write(db, move |tx| appeals::close(tx, org(1), &closed(1, one, AppealState::Upheld, user(12)), std::slice::from_ref(&of))).unwrap();
        write(db, |tx| appeals::redact_answer(tx, org(1), id(1), "A01")).unwrap();
        write(db, |tx| appeals::redact_answer(tx, org(1), id(1), "A01")).unwrap();
        let redacted = AppealItem { answer: None, answer_redacted: true, ..decided };
        assert_eq!(read(db, |tx| appeals::list_items(tx, org(1), &[id(1)]))[0], redacted);
        let elsewhere = write(db, |tx| appeals::redact_answer(tx, org(2), id(1), "A01"));
        assert!(matches!(elsewhere, Err(DbError::NotFound)), "{elsewhere:?}");
    }

    fn files_and_messages_are_appended_once_and_kept(db) {
        appealed(db);
        for (blob, is_new) in [(2, true), (1, true), (2, false)] {
            assert_eq!(write(db, move |tx| appeals::append_file(tx, org(1), &file(1, "A01", blob))).unwrap(), is_new);
        }
        assert!(is_refused(&write(db, |tx| appeals::append_file(tx, org(1), &file(1, "Z99", 1)))));
        assert_eq!(read(db, |tx| appeals::list_files(tx, org(1), id(1))), [file(1, "A01", 1), file(1, "A01", 2)]);
        let among = |of: u32| read(db, move |tx| appeals::blobs_among(tx, org(of), &[hash(1), hash(9)]));
        assert_eq!((Vec::from_iter(among(1)), among(2).len()), (vec![hash(1)], 0));
        let message = |number: u128, text: &str| AppealMessage {
            message_id: Uuid::from_u128(number),
            appeal_id: id(1),
            author: user(11),
            of_office: number == 2,
            text: text.to_owned(),
            at: Micros(3),
        };
        let both = [message(2, "¿y la foto?"), message(1, "hola")];
        let written = both.clone();
        write(db, move |tx| written.iter().try_for_each(|it| appeals::append_message(tx, org(1), it))).unwrap();
        assert_eq!(read(db, |tx| appeals::list_messages(tx, org(1), id(1))), [message(1, "hola"), message(2, "¿y la foto?")]);
        let nowhere = message(3, "x");
        assert!(is_refused(&write(db, move |tx| appeals::append_message(tx, org(2), &nowhere))));
        for change in ["UPDATE appeal_files SET size = 1", "DELETE FROM appeal_files", "UPDATE appeal_messages SET text = 'x'", "DELETE FROM appeal_messages"] {
            let outcome = db.execute(change);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{change}: {outcome:?}");
        }
    }
}
