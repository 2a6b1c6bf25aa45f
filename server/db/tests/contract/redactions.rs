//! What was redacted: found again by audit and by blob, in its organization only, and never taken back.

use db::redactions::{self, RedactedBlob, Redaction};
use db::{DbError, Micros, devices, feed, scores};

use crate::audits::one_of_everything;
use crate::database::{hash, org, read, two_organizations, write};
use crate::devices::dev;
use crate::on_both;
use domain::ids::AuditId;
use uuid::Uuid;

fn audit(number: u128) -> AuditId {
    AuditId(Uuid::from_u128(number))
}

fn redaction(number: u128, dseq: u64, field: &str) -> Redaction {
    Redaction { audit_id: audit(number), dev: dev(1), dseq, field: field.to_owned() }
}

fn blob(number: u8, purged: bool) -> RedactedBlob {
    RedactedBlob { blob: hash(number), redacted_at: Micros(5), purged }
}

on_both! {
    fn what_was_redacted_is_known_by_its_audit_and_field_and_stays(db) {
        two_organizations(db);
        assert!(!read(db, |tx| redactions::any(tx, org(1))));
        let all = [redaction(1, 3, "a"), redaction(1, 3, "b"), redaction(2, 3, "a")];
        let new = all.clone();
        write(db, move |tx| {
            redactions::append(tx, org(1), &new)?;
            redactions::append(tx, org(1), &new)
        })
        .unwrap();
        assert!(read(db, |tx| redactions::any(tx, org(1))));
        assert!(!read(db, |tx| redactions::any(tx, org(2))));
        assert_eq!(read(db, |tx| redactions::of_audits(tx, org(1), &[audit(1)])), all[..2]);
        assert_eq!(read(db, |tx| redactions::of_audits(tx, org(1), &[audit(2), audit(1)])), all);
        assert_eq!(read(db, |tx| redactions::of_audits(tx, org(2), &[audit(1)])), []);
        for sql in ["UPDATE redactions SET field = 'c'", "DELETE FROM redactions"] {
            let outcome = db.execute(sql);
            assert!(matches!(&outcome, Err(why) if why.contains("append-only")), "{sql}: {outcome:?}");
        }
    }

    fn a_redacted_blob_waits_until_its_bytes_are_gone(db) {
        two_organizations(db);
        write(db, |tx| redactions::append_blobs(tx, org(1), &[blob(1, false), blob(2, false)])).unwrap();
        let waiting = |after| read(db, |tx| redactions::list_blobs(tx, org(1), false, after, 10));
        assert_eq!(waiting(None), [blob(1, false), blob(2, false)]);
        assert_eq!(waiting(Some(hash(1))), [blob(2, false)]);
        write(db, |tx| redactions::set_purged(tx, org(1), hash(1))).unwrap();
        assert_eq!(waiting(None), [blob(2, false)]);
        assert_eq!(read(db, |tx| redactions::list_blobs(tx, org(1), true, None, 10)), [blob(1, true)]);
        // It came again: it has to go again.
        write(db, |tx| redactions::append_blobs(tx, org(1), &[blob(1, false)])).unwrap();
        assert_eq!(waiting(None).len(), 2);
        let among = |of| read(db, |tx| redactions::blobs_among(tx, of, &[hash(1), hash(3)])).into_iter().collect::<Vec<_>>();
        assert_eq!((among(org(1)), among(org(2))), (vec![hash(1)], vec![]));
    }

    fn a_value_is_taken_out_of_what_is_there_and_out_of_nothing_else(db) {
        one_of_everything(db);
        let nothing = write(db, |tx| devices::rewrite_segment(tx, org(2), dev(1), 1, &[1]));
        assert!(matches!(nothing, Err(DbError::NotFound)), "{nothing:?}");
        let nothing = write(db, |tx| scores::rewrite_document(tx, org(2), audit(1), 1, "{}"));
        assert!(matches!(nothing, Err(DbError::NotFound)), "{nothing:?}");
        let stream = sync_core::exchange::StreamId::Reference(org(2).0);
        let nothing = write(db, move |tx| feed::rewrite_payload(tx, org(2), stream, 9, &[1]));
        assert!(matches!(nothing, Err(DbError::NotFound)), "{nothing:?}");
        assert_eq!(read(db, |tx| feed::list_carried(tx, org(2), dev(1))), []);
    }
}
