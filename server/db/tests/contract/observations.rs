//! KPI observations and assessments.

use db::Micros;
use db::observations::{self, KpiFilter, KpiObservation, KpiScope, StandardAssessment};
use domain::ids::{AssessmentId, KpiId, StaffId};

use crate::database::{
    branch_id, day, hash, is_duplicate, is_refused, org, read, two_organizations_with_branches, user, uuid,
    write,
};
use crate::on_both;

pub(crate) fn kpi(number: u32) -> KpiObservation {
    KpiObservation {
        kpi_id: KpiId(uuid(number)),
        scope: match number % 3 {
            0 => KpiScope::Organization,
            1 => KpiScope::Branch(branch_id(1)),
            _ => KpiScope::Staff(StaffId(uuid(5))),
        },
        metric: if number.is_multiple_of(2) { "nps".into() } else { "csat".into() },
        definition: "promotores menos detractores".into(),
        period_from: day(&format!("2026-{number:02}-01")),
        period_to: day(&format!("2026-{number:02}-28")),
        value: "-12.50".into(),
        n: Some(320),
        numerator: None,
        denominator: Some("320".into()),
        source: "encuesta".into(),
        observed_at: Micros(7),
        entered_by: user(11),
    }
}

pub(crate) fn assessment(number: u32) -> StandardAssessment {
    StandardAssessment {
        assessment_id: AssessmentId(uuid(number)),
        branch_id: branch_id(1 + number % 2),
        standard_id: "cem-1000".into(),
        standard_version: 1,
        standard_hash: hash(4),
        period_from: day("2026-01-01"),
        period_to: day("2026-03-31"),
        inputs: "{\"b\": 1,\"a\": 2}".into(),
        result: "{\"total\":\"742.00\"}".into(),
        total_hundredths: 74_200,
        band: "confiable".into(),
        assessed_by: user(11),
        assessed_at: Micros(8),
    }
}

on_both! {
    fn observations_are_found_by_whom_what_and_when(db) {
        two_organizations_with_branches(db);
        write(db, |tx| observations::append_kpis(tx, org(1), &(1..=9).map(kpi).collect::<Vec<_>>())).unwrap();
        assert_eq!(read(db, |tx| observations::find_kpi(tx, org(1), KpiId(uuid(2)))), Some(kpi(2)));
        assert_eq!(read(db, |tx| observations::find_kpi(tx, org(2), KpiId(uuid(2)))), None);
        let shown = |filter: KpiFilter| read(db, |tx| observations::list_kpis(tx, org(1), &filter, None, 50)).items;
        let all = KpiFilter::default();
        assert_eq!(shown(KpiFilter { scope: Some(KpiScope::Organization), ..all.clone() }), [3, 6, 9].map(kpi));
        assert_eq!(shown(KpiFilter { scope: Some(KpiScope::Branch(branch_id(1))), ..all.clone() }), [1, 4, 7].map(kpi));
        assert_eq!(shown(KpiFilter { scope: Some(KpiScope::Branch(branch_id(2))), ..all.clone() }), []);
        assert_eq!(shown(KpiFilter { metric: Some("nps".into()), ..all.clone() }), [2, 4, 6, 8].map(kpi));
        let spring = KpiFilter { from: Some(day("2026-03-28")), to: Some(day("2026-05-01")), ..all.clone() };
        assert_eq!(shown(spring), [3, 4, 5].map(kpi));
        let first = read(db, |tx| observations::list_kpis(tx, org(1), &all, None, 8));
        assert_eq!((first.items.len(), first.next), (8, Some(KpiId(uuid(8)))));
        let rest = read(db, |tx| observations::list_kpis(tx, org(1), &all, first.next, 8));
        assert_eq!((rest.items, rest.next), (vec![kpi(9)], None));
        assert_eq!(read(db, |tx| observations::list_kpis(tx, org(2), &all, None, 8)).items, []);
        assert!(is_duplicate(&write(db, |tx| observations::append_kpis(tx, org(1), &[kpi(1)]))));
    }

    fn assessments_are_kept_as_they_were_made(db) {
        two_organizations_with_branches(db);
        write(db, |tx| (1..=3).try_for_each(|it| observations::append_assessment(tx, org(1), &assessment(it)))).unwrap();
        let id = AssessmentId(uuid(2));
        assert_eq!(read(db, |tx| observations::find_assessment(tx, org(1), id)), Some(assessment(2)));
        assert_eq!(read(db, |tx| observations::find_assessment(tx, org(2), id)), None);
        let of_branch = read(db, |tx| observations::list_assessments(tx, org(1), Some(branch_id(2)), None, 9)).items;
        assert_eq!(of_branch, [assessment(1), assessment(3)]);
        let first = read(db, |tx| observations::list_assessments(tx, org(1), None, None, 2));
        let rest = read(db, |tx| observations::list_assessments(tx, org(1), None, first.next, 2));
        assert_eq!((first.items.len(), rest.items), (2, vec![assessment(3)]));
        assert!(is_duplicate(&write(db, |tx| observations::append_assessment(tx, org(1), &assessment(1)))));
        assert!(is_refused(&write(db, |tx| observations::append_assessment(tx, org(2), &assessment(1)))));
    }
}
