//! Versions of content, programmes, waves and assignments.

use db::Micros;
use db::content::{self, ContentKind, ContentVersion};
use db::programmes::{self, Assignment, AssignmentFilter, Programme, Wave};
use domain::ids::{AssignmentId, AuditId, ProgrammeId, WaveId};
use domain::lifecycle::{State, VersionState};

use crate::database::{
    branch_id, day, hash, is_duplicate, is_refused, is_stale, org, read, two_organizations,
    two_organizations_with_branches, user, uuid, write,
};
use crate::on_both;

fn checklist(version: u32, state: VersionState) -> ContentVersion {
    ContentVersion {
        kind: ContentKind::Checklist,
        content_id: "cc-llamada".into(),
        version,
        hash: hash(u8::try_from(version).unwrap()),
        canonical_json: format!("{{\"b\":1,\"a\":{version}.0}}"),
        state,
        created_at: Micros(1),
        released_at: (state == VersionState::Released).then_some(Micros(2)),
    }
}

pub(crate) fn programme(number: u32) -> Programme {
    Programme {
        programme_id: ProgrammeId(uuid(number)),
        code: format!("P{number}"),
        name: "Programa".into(),
        active: true,
        created_at: Micros(1),
        preview_score: number == 3,
        covert: number != 3,
        audio: false,
        files: false,
        appeal_days: 7,
        purpose: (number == 3).then(|| "Mejorar el trato".into()),
        notice_text: (number == 3).then(|| "Se avisó al personal".into()),
        notice_on: (number == 3).then(|| day("2026-03-01")),
        retention_days: (number == 3).then_some(730),
    }
}

pub(crate) fn wave(number: u32, of: u32) -> Wave {
    Wave {
        wave_id: WaveId(uuid(number)),
        programme_id: ProgrammeId(uuid(of)),
        name: format!("Oleada {number}"),
        window_from: day("2026-04-01"),
        window_to: day("2026-06-30"),
        created_at: Micros(1),
    }
}

pub(crate) fn assignment(number: u32) -> Assignment {
    Assignment {
        assignment_id: AssignmentId(uuid(number)),
        wave_id: (number > 2).then_some(WaveId(uuid(1))),
        branch_id: branch_id(1 + number % 2),
        auditor_id: user(11),
        template_id: "cc-llamada".into(),
        template_version: 1,
        template_hash: hash(1),
        window_from: day("2026-04-01"),
        window_to: day("2026-04-30"),
        state: State::Offered,
        audit_id: AuditId(uuid(1_000 + number)),
        created_at: Micros(1),
        declined_for: None,
    }
}

on_both! {
    fn content_is_found_by_version_and_hash_byte_for_byte(db) {
        two_organizations(db);
        let kind = ContentKind::Checklist;
        write(db, |tx| {
            content::append(tx, org(1), &checklist(1, VersionState::Released))?;
            content::append(tx, org(1), &checklist(2, VersionState::Released))?;
            content::append(tx, org(1), &checklist(3, VersionState::Draft))
        })
        .unwrap();
        let released = checklist(2, VersionState::Released);
        assert_eq!(read(db, |tx| content::find(tx, org(1), kind, "cc-llamada", 2)), Some(released.clone()));
        assert_eq!(read(db, |tx| content::find_released(tx, org(1), kind, "cc-llamada")), Some(released.clone()));
        assert_eq!(read(db, |tx| content::find_by_hash(tx, org(1), kind, hash(2))), Some(released));
        assert_eq!(read(db, |tx| content::list(tx, org(1), kind)).len(), 3);
        assert_eq!(read(db, |tx| content::find(tx, org(2), kind, "cc-llamada", 2)), None);
        assert_eq!(read(db, |tx| content::find_released(tx, org(2), kind, "cc-llamada")), None);
        assert_eq!(read(db, |tx| content::find_by_hash(tx, org(2), kind, hash(2))), None);
        assert_eq!(read(db, |tx| content::find_by_hash(tx, org(1), ContentKind::Plan, hash(2))), None);
        assert_eq!(read(db, |tx| content::list(tx, org(1), ContentKind::Standard)), []);
        assert!(is_duplicate(&write(db, |tx| content::append(tx, org(1), &checklist(1, VersionState::Draft)))));
    }

    fn released_content_never_changes(db) {
        two_organizations(db);
        write(db, |tx| content::append(tx, org(1), &checklist(1, VersionState::Draft))).unwrap();
        let edited = || ContentVersion { hash: hash(9), canonical_json: "[]".into(), ..checklist(1, VersionState::Draft) };
        write(db, move |tx| content::update_draft(tx, org(1), &edited())).unwrap();
        let kind = ContentKind::Checklist;
        assert_eq!(read(db, |tx| content::find(tx, org(1), kind, "cc-llamada", 1)), Some(edited()));
        let release = |number| write(db, move |tx| content::release(tx, org(number), kind, ("cc-llamada", 1), Micros(7)));
        assert!(is_stale(&release(2)));
        release(1).unwrap();
        assert!(is_stale(&release(1)));
        assert!(is_stale(&write(db, |tx| content::update_draft(tx, org(1), &checklist(1, VersionState::Draft)))));
        let stands = read(db, |tx| content::find(tx, org(1), kind, "cc-llamada", 1)).unwrap();
        assert_eq!((stands.state, stands.released_at), (VersionState::Released, Some(Micros(7))));
        for sql in ["UPDATE content_versions SET canonical_json = '{}'", "DELETE FROM content_versions"] {
            let outcome = db.execute(sql);
            assert!(matches!(&outcome, Err(why) if why.contains("immutable once released")), "{sql}: {outcome:?}");
        }
    }

    fn programmes_and_waves_are_listed_in_pages(db) {
        two_organizations(db);
        write(db, |tx| {
            (1..=3).try_for_each(|it| programmes::append_programme(tx, org(1), &programme(it)))?;
            programmes::append_wave(tx, org(1), &wave(1, 1))?;
            programmes::append_wave(tx, org(1), &wave(2, 2))?;
            programmes::append_wave(tx, org(1), &wave(3, 1))
        })
        .unwrap();
        let first = read(db, |tx| programmes::list_programmes(tx, org(1), None, 2));
        assert_eq!((first.items, first.next), (vec![programme(1), programme(2)], Some(ProgrammeId(uuid(2)))));
        let rest = read(db, |tx| programmes::list_programmes(tx, org(1), Some(ProgrammeId(uuid(2))), 2));
        assert_eq!((rest.items, rest.next), (vec![programme(3)], None));
        assert_eq!(read(db, |tx| programmes::find_programme(tx, org(1), ProgrammeId(uuid(3)))), Some(programme(3)));
        assert_eq!(read(db, |tx| programmes::find_programme(tx, org(2), ProgrammeId(uuid(3)))), None);
        let of_one = read(db, |tx| programmes::list_waves(tx, org(1), Some(ProgrammeId(uuid(1))), None, 9)).items;
        assert_eq!(of_one, [wave(1, 1), wave(3, 1)]);
        assert_eq!(read(db, |tx| programmes::list_waves(tx, org(1), None, Some(WaveId(uuid(2))), 9)).items, [wave(3, 1)]);
        assert_eq!(read(db, |tx| programmes::find_wave(tx, org(1), WaveId(uuid(2)))), Some(wave(2, 2)));
        assert_eq!(read(db, |tx| programmes::find_wave(tx, org(2), WaveId(uuid(2)))), None);
        let same_code = || Programme { code: "P1".into(), ..programme(9) };
        assert!(is_duplicate(&write(db, move |tx| programmes::append_programme(tx, org(1), &same_code()))));
        assert!(is_refused(&write(db, |tx| programmes::append_wave(tx, org(2), &wave(9, 1)))));
        let allows = || Programme { preview_score: true, covert: false, audio: true, files: true, ..programme(1) };
        assert!(is_stale(&write(db, move |tx| programmes::set_on_phones(tx, org(2), &allows()))));
        write(db, move |tx| programmes::set_on_phones(tx, org(1), &allows())).unwrap();
        let of_wave = |number| read(db, |tx| programmes::find_programme_of_wave(tx, org(1), WaveId(uuid(number))));
        assert_eq!((of_wave(1), of_wave(2), of_wave(9)), (Some(allows()), Some(programme(2)), None));
        assert_eq!(read(db, |tx| programmes::find_programme_of_wave(tx, org(2), WaveId(uuid(1)))), None);
        assert!(is_stale(&write(db, |tx| programmes::set_appeal_days(tx, org(2), ProgrammeId(uuid(2)), 10))));
        for beyond in [0, 91] {
            assert!(is_refused(&write(db, move |tx| programmes::set_appeal_days(tx, org(1), ProgrammeId(uuid(2)), beyond))));
        }
        write(db, |tx| programmes::set_appeal_days(tx, org(1), ProgrammeId(uuid(2)), 10)).unwrap();
        let of_two = read(db, |tx| programmes::find_programme(tx, org(1), ProgrammeId(uuid(2))));
        assert_eq!(of_two, Some(Programme { appeal_days: 10, ..programme(2) }));
        let grounded = || Programme {
            purpose: Some("Trato".into()),
            notice_text: Some("Aviso".into()),
            notice_on: Some(day("2026-03-02")),
            retention_days: Some(30),
            ..of_two.clone().unwrap()
        };
        assert!(is_stale(&write(db, { let it = grounded(); move |tx| programmes::set_grounds(tx, org(2), &it) })));
        for wrong in [
            Programme { notice_on: None, ..grounded() },
            Programme { notice_text: None, ..grounded() },
            Programme { retention_days: Some(29), ..grounded() },
            Programme { retention_days: Some(3_651), ..grounded() },
        ] {
            assert!(is_refused(&write(db, move |tx| programmes::set_grounds(tx, org(1), &wrong))));
        }
        let it = grounded();
        write(db, move |tx| programmes::set_grounds(tx, org(1), &it)).unwrap();
        assert_eq!(read(db, |tx| programmes::find_programme(tx, org(1), ProgrammeId(uuid(2)))), Some(grounded()));
        let backwards = || Wave { window_to: day("2026-03-31"), ..wave(9, 1) };
        assert!(is_refused(&write(db, move |tx| programmes::append_wave(tx, org(1), &backwards()))));
    }

    fn assignments_are_offered_listed_and_moved(db) {
        two_organizations_with_branches(db);
        write(db, |tx| {
            programmes::append_programme(tx, org(1), &programme(1))?;
            programmes::append_wave(tx, org(1), &wave(1, 1))?;
            programmes::append_assignments(tx, org(1), &(1..=6).map(assignment).collect::<Vec<_>>())
        })
        .unwrap();
        let id = AssignmentId(uuid(3));
        assert_eq!(read(db, |tx| programmes::find_assignment(tx, org(1), id)), Some(assignment(3)));
        assert_eq!(read(db, |tx| programmes::find_assignment(tx, org(2), id)), None);
        let ids = [5, 3, 99].map(|it| AssignmentId(uuid(it)));
        let mut many = read(db, |tx| programmes::find_assignments(tx, org(1), &ids));
        many.sort_by_key(|it| it.assignment_id);
        assert_eq!(many, [assignment(3), assignment(5)]);
        assert_eq!(read(db, |tx| programmes::find_assignments(tx, org(2), &ids)), []);
        let audits: Vec<_> = many.iter().map(|it| it.audit_id).collect();
        let mut of_audits = read(db, |tx| programmes::find_assignments_of_audits(tx, org(1), &audits));
        of_audits.sort_unstable_by_key(|it| it.assignment_id);
        many.sort_unstable_by_key(|it| it.assignment_id);
        assert_eq!(of_audits, many);
        assert_eq!(read(db, |tx| programmes::find_assignments_of_audits(tx, org(2), &audits)), []);
        let take = |number| write(db, move |tx| {
            programmes::set_assignment_state(tx, org(number), id, (State::Offered, State::Accepted))
        });
        assert!(is_stale(&take(2)));
        take(1).unwrap();
        assert!(is_stale(&take(1)));
        let declined = AssignmentId(uuid(4));
        let decline = |number| write(db, move |tx| {
            programmes::decline_assignment(tx, org(number), declined, State::Offered, "away")
        });
        assert!(is_stale(&decline(2)));
        decline(1).unwrap();
        assert!(is_stale(&decline(1)));
        let found = read(db, |tx| programmes::find_assignment(tx, org(1), declined)).unwrap();
        assert_eq!((found.state, found.declined_for.as_deref()), (State::Declined, Some("away")));
        let shown = |filter: AssignmentFilter| -> Vec<u128> {
            let page = read(db, |tx| programmes::list_assignments(tx, org(1), &filter, None, 9));
            page.items.iter().map(|it| it.assignment_id.0.as_u128() & 0xff).collect()
        };
        let all = AssignmentFilter::default();
        assert_eq!(shown(AssignmentFilter { auditor: Some(user(11)), ..all.clone() }), [1, 2, 3, 4, 5, 6]);
        assert_eq!(shown(AssignmentFilter { auditor: Some(user(12)), ..all.clone() }), [0_u128; 0]);
        assert_eq!(shown(AssignmentFilter { wave: Some(WaveId(uuid(1))), ..all.clone() }), [3, 4, 5, 6]);
        assert_eq!(shown(AssignmentFilter { branches: Some(vec![branch_id(1)]), ..all.clone() }), [2, 4, 6]);
        assert_eq!(shown(AssignmentFilter { states: vec![State::Accepted], ..all.clone() }), [3]);
        let first = read(db, |tx| programmes::list_assignments(tx, org(1), &all, None, 4));
        let rest = read(db, |tx| programmes::list_assignments(tx, org(1), &all, first.next, 4));
        assert_eq!((first.items.len(), rest.items, rest.next), (4, vec![assignment(5), assignment(6)], None));
        assert!(is_duplicate(&write(db, |tx| programmes::append_assignments(tx, org(1), &[assignment(1)]))));
        assert!(is_refused(&write(db, |tx| programmes::append_assignments(tx, org(2), &[assignment(1)]))));
    }
}
