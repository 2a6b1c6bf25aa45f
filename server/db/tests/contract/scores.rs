//! Score versions, and the current scores of branches.

use db::Micros;
use db::audits::{self, Audit};
use db::scores::{self, ScoreFilter, ScoreVersion};
use domain::lifecycle::State;

use crate::audits::{audit, audit_id};
use crate::database::{
    branch_id, day, hash, is_duplicate, is_refused, org, read, two_organizations, user, write,
};
use crate::devices::dev;
use crate::on_both;

pub(crate) fn score(of: u32, version: u32, hundredths: i64) -> ScoreVersion {
    ScoreVersion {
        audit_id: audit_id(of),
        version,
        submit_dev: dev(1),
        submit_dseq: 46,
        template_hash: hash(1),
        scorer_version: "1".into(),
        raw_hundredths: Some(hundredths + 100),
        final_hundredths: Some(hundredths),
        band: Some("excelente".into()),
        critical_failed: 1,
        // Neither the order of keys nor the spaces nor the digits may change.
        doc: format!("{{\"raw\":\"{hundredths}\", \"a\" : 1.50}}"),
        created_at: Micros(9),
        reason: "approve".into(),
    }
}

fn april() -> ScoreFilter {
    ScoreFilter {
        branches: None,
        auditor: None,
        template_id: None,
        states: vec![],
        from: day("2026-04-01"),
        to: day("2026-04-30"),
    }
}

on_both! {
    fn the_current_score_is_the_highest_version(db) {
        two_organizations(db);
        write(db, |tx| {
            audits::upsert(tx, org(1), &[audit(1)])?;
            scores::append(tx, org(1), &[score(1, 1, 8_000), score(1, 2, 8_500)])
        })
        .unwrap();
        assert_eq!(read(db, |tx| scores::find_current(tx, org(1), audit_id(1))), Some(score(1, 2, 8_500)));
        let versions = read(db, |tx| scores::list_versions(tx, org(1), audit_id(1)));
        assert_eq!(versions, [score(1, 1, 8_000), score(1, 2, 8_500)]);
        assert_eq!(read(db, |tx| scores::find_current(tx, org(2), audit_id(1))), None);
        assert_eq!(read(db, |tx| scores::list_versions(tx, org(2), audit_id(1))), []);
    }

    fn a_version_is_frozen_once_and_only_for_a_stored_audit(db) {
        two_organizations(db);
        write(db, |tx| {
            audits::upsert(tx, org(1), &[audit(1)])?;
            scores::append(tx, org(1), &[score(1, 1, 8_000)])
        })
        .unwrap();
        assert!(is_duplicate(&write(db, |tx| scores::append(tx, org(1), &[score(1, 1, 9_000)]))));
        assert!(is_refused(&write(db, |tx| scores::append(tx, org(1), &[score(2, 1, 9_000)]))));
        let broken = || ScoreVersion { doc: "{\"raw\":".into(), ..score(1, 2, 1) };
        assert!(is_refused(&write(db, move |tx| scores::append(tx, org(1), &[broken()]))));
        // What somebody typed may hold an escaped NUL; a score must not fail over it.
        let odd = || ScoreVersion { doc: "{\"said\":\"\\u0000\"}".into(), ..score(1, 2, 1) };
        write(db, move |tx| scores::append(tx, org(1), &[odd()])).unwrap();
        assert_eq!(read(db, |tx| scores::find_current(tx, org(1), audit_id(1))), Some(odd()));
    }

    fn current_scores_are_listed_by_date_page_by_page(db) {
        two_organizations(db);
        write(db, |tx| {
            let all: Vec<Audit> = (0..60).map(audit).collect();
            audits::upsert(tx, org(1), &all)?;
            let versions: Vec<ScoreVersion> = (0..60)
                .flat_map(|it| (1..=1 + it % 3).map(move |version| score(it, version, i64::from(it * 10 + version))))
                .collect();
            scores::append(tx, org(1), &versions)
        })
        .unwrap();
        let mut expected: Vec<u32> = (0..60).collect();
        expected.sort_by_key(|it| (it % 28, *it));
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = read(db, |tx| scores::list_current(tx, org(1), &april(), after, 7));
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        for (visit, number) in seen.iter().zip(&expected) {
            assert_eq!(visit.audit_id, audit_id(*number));
            assert_eq!(visit.version, 1 + number % 3);
            assert_eq!(visit.final_hundredths, Some(i64::from(number * 10 + 1 + number % 3)));
            assert_eq!(Some(visit.visit_date), audit(*number).visit_date);
            assert_eq!((visit.branch_id, visit.auditor_id), (audit(*number).branch_id, audit(*number).auditor_id));
        }
        assert_eq!(seen.len(), 60);
        assert_eq!(read(db, |tx| scores::list_current(tx, org(2), &april(), None, 7)).items, []);
    }

    fn current_scores_are_those_of_the_filter(db) {
        two_organizations(db);
        write(db, |tx| {
            let mut all: Vec<Audit> = (0..28).map(audit).collect();
            all[3].state = State::Void;
            all[5].visit_date = None;
            all[7].template_id = "other".into();
            audits::upsert(tx, org(1), &all)?;
            let versions: Vec<ScoreVersion> = (0..28).map(|it| score(it, 1, 5_000)).collect();
            scores::append(tx, org(1), &versions)
        })
        .unwrap();
        let shown = |filter: ScoreFilter| -> Vec<u32> {
            let page = read(db, |tx| scores::list_current(tx, org(1), &filter, None, 1_000));
            (0..28).filter(|it| page.items.iter().any(|visit| visit.audit_id == audit_id(*it))).collect()
        };
        let but = |gone: &[u32]| -> Vec<u32> { (0..28).filter(|it| !gone.contains(it)).collect() };
        assert_eq!(shown(april()), but(&[5]));
        assert_eq!(shown(ScoreFilter { states: vec![State::Submitted], ..april() }), but(&[3, 5]));
        let bank = ScoreFilter { template_id: Some("ms-banco-sucursal".into()), ..april() };
        assert_eq!(shown(bank), but(&[5, 7]));
        let of_branch = ScoreFilter { branches: Some(vec![branch_id(1)]), ..april() };
        assert_eq!(shown(of_branch), (0..28).filter(|it| it % 2 == 0).collect::<Vec<_>>());
        let of_auditor = ScoreFilter { auditor: Some(user(12)), ..april() };
        assert_eq!(shown(of_auditor), (0..28).filter(|it| it % 3 == 1 && *it != 5).collect::<Vec<_>>());
        let days = ScoreFilter { from: day("2026-04-02"), to: day("2026-04-03"), ..april() };
        assert_eq!(shown(days), [1, 2]);
    }

    fn a_result_comes_back_byte_for_byte(db) {
        two_organizations(db);
        write(db, |tx| {
            audits::upsert(tx, org(1), &[audit(1)])?;
            scores::append(tx, org(1), &[score(1, 1, 7_000)])
        })
        .unwrap();
        let page = read(db, |tx| scores::list_current_with_doc(tx, org(1), &april(), None, 10));
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.items[0].1, score(1, 1, 7_000).doc);
    }
}
