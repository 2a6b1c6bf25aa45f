//! Rows, good and bad: what is handed out, what is refused and that nothing is lost.

use super::*;
use crate::import::mapping::tests::{MAPPING, checklist};
use std::{
    fs,
    io::{self, Write},
    sync::{Arc, Mutex},
};

const VISITS: &str = "id,place,name,lat,lon,day,team,risk\n";
const ANSWERS: &str = "ID,v1,v2,v3,v4\n";

/// A report kept in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one import left.
struct Run {
    /// `id:answers` of each audit.
    audits: Vec<String>,
    /// `file:line:column:code` of each refusal.
    refusals: Vec<String>,
    /// Rows as they stand in the report.
    records: Vec<String>,
    counts: Counts,
    stopped_by: Option<String>,
}

fn import(visits: &[u8], answers: &[u8]) -> Run {
    import_with(visits, answers, |_| {})
}

fn import_with(visits: &[u8], answers: &[u8], mut each: impl FnMut(&ImportedAudit<'_>)) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let (visits_path, answers_path) = (folder.path().join("V.csv"), folder.path().join("A.csv"));
    fs::write(&visits_path, visits).unwrap();
    fs::write(&answers_path, answers).unwrap();
    let mapping = Mapping::read("M.yaml", MAPPING, &checklist()).unwrap();
    let kept = Kept::default();
    let refusals = Refusals::new(Box::new(kept.clone())).unwrap();
    let mut reader = match AuditReader::open(&mapping, &visits_path, &answers_path, || Ok(refusals)) {
        Ok(reader) => reader,
        Err(problem) => return stopped(problem),
    };
    let mut audits = Vec::new();
    let stopped_by = loop {
        match reader.next_audit() {
            Ok(Some(audit)) => {
                each(&audit);
                let answers: Vec<_> = audit.answers.iter().map(|(item, it)| format!("{item}={it}")).collect();
                audits.push(format!("{}:{}", audit.external_id, answers.join(" ")));
            }
            Ok(None) => {
                let (read, size) = reader.progress();
                assert_eq!(read, size);
                break None;
            }
            Err(problem) => break Some(problem.code),
        }
    };
    let counts = reader.counts();
    drop(reader);
    let report = kept.0.lock().unwrap().clone();
    let mut lines = csv::Reader::from_reader(report.as_slice());
    assert_eq!(lines.headers().unwrap().iter().collect::<Vec<_>>(), super::super::refusals::COLUMNS);
    let lines: Vec<_> = lines.records().map(Result::unwrap).collect();
    assert!(lines.iter().all(|it| !it[5].is_empty() && !it[6].is_empty()));
    Run {
        audits,
        refusals: lines.iter().map(|it| format!("{}:{}:{}:{}", &it[0], &it[1], &it[2], &it[4])).collect(),
        records: lines.iter().map(|it| it[7].to_owned()).filter(|it| !it.is_empty()).collect(),
        counts,
        stopped_by,
    }
}

fn stopped(problem: Problem) -> Run {
    let refusals = problem.errors.into_iter().map(|it| format!("{}:{}", it.field, it.code)).collect();
    Run {
        audits: Vec::new(),
        refusals,
        records: Vec::new(),
        counts: Counts::default(),
        stopped_by: Some(problem.code),
    }
}

fn visits(ids: &[&str]) -> String {
    let rows = ids.iter().map(|it| format!("{it},p{it},Name,41.5,-87.25,2013-01-31,green,high\n"));
    VISITS.to_owned() + &rows.collect::<String>()
}

fn answers(ids: &[&str]) -> String {
    ANSWERS.to_owned() + &ids.iter().map(|it| format!("{it},0,,,\n")).collect::<String>()
}

/// Imports one visit with the given row, its answers being good.
fn import_visit(row: &str) -> Run {
    import(format!("{VISITS}{row}\n").as_bytes(), answers(&["7"]).as_bytes())
}

fn import_answers(row: &str) -> Run {
    import(visits(&["7"]).as_bytes(), format!("{ANSWERS}{row}\n").as_bytes())
}

#[test]
fn a_row_becomes_an_audit_with_every_cell_read() {
    let visits = format!("{VISITS}7,p7, Seven ,41.943359344775146,-87.64499875300952,2013-01-31,green,\n");
    let answers = format!("{ANSWERS}7,1,2.50,a b,\"said \"\"no\"\"\"\n");
    let run = import_with(visits.as_bytes(), answers.as_bytes(), |it| {
        assert_eq!(
            (it.line, it.external_id.as_str(), it.date.to_string()),
            (2, "7", "2013-01-31".to_owned())
        );
        assert_eq!((it.branch.code.as_str(), it.branch.name.as_str()), ("p7", "Seven"));
        let position = it.branch.position.unwrap();
        assert_eq!(position.latitude_microdegrees, 41_943_359);
        assert_eq!(position.longitude_microdegrees, -87_644_999);
        assert_eq!((it.auditor.name.as_str(), it.auditor.is_unassigned), ("green", false));
        assert!(it.facts.is_empty());
    });
    assert_eq!(run.audits, [r#"7:A01="no" A02=2.5 A03=["a","b"] A04="said \"no\"""#]);
    assert_eq!(run.counts, Counts { accepted: 1, refused_visits: 0, refused_answers: 0 });
}

#[test]
fn a_blank_auditor_is_unassigned_and_a_blank_position_absent() {
    let visits = format!("{VISITS}7,p7,,,,2013-01-31, ,high\n");
    let run = import_with(visits.as_bytes(), answers(&["7"]).as_bytes(), |it| {
        assert_eq!((it.auditor.name.as_str(), it.auditor.is_unassigned), ("unassigned", true));
        assert_eq!((it.branch.name.as_str(), it.branch.position), ("p7", None));
        assert_eq!(it.facts, [("risk", "high".to_owned())]);
    });
    assert_eq!(run.counts.accepted, 1);
}

#[test]
fn a_byte_order_mark_windows_line_ends_and_gzip_change_nothing() {
    let plain = import(visits(&["7", "8"]).as_bytes(), answers(&["7", "8"]).as_bytes());
    assert_eq!(plain.audits.len(), 2);
    let windows = |it: String| format!("\u{feff}{}", it.replace('\n', "\r\n")).into_bytes();
    assert_eq!(import(&windows(visits(&["7", "8"])), &windows(answers(&["7", "8"]))).audits, plain.audits);
    let gzip = |it: String| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(it.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zipped = gzip(visits(&["7", "8"]));
    assert_eq!(import(&zipped, &gzip(answers(&["7", "8"]))).audits, plain.audits);
    let cut = import(&zipped[..zipped.len() - 9], answers(&["7", "8"]).as_bytes());
    assert_eq!(cut.stopped_by.as_deref(), Some("unreadable_file"));
}

#[test]
fn every_bad_cell_of_a_visit_is_told_and_both_rows_are_kept() {
    let run = import_visit("7, ,Name,95,east,31/01/2013,green,high");
    assert_eq!(
        run.refusals,
        [
            "V.csv:2:place:blank",
            "V.csv:2:lat:bad_position",
            "V.csv:2:lon:bad_position",
            "V.csv:2:day:bad_date",
            "A.csv:2::counterpart_refused",
        ]
    );
    assert_eq!(run.records, ["7, ,Name,95,east,31/01/2013,green,high", "7,0,,,"]);
    assert_eq!(run.counts, Counts { accepted: 0, refused_visits: 1, refused_answers: 1 });
}

#[test]
fn a_date_that_is_no_day_of_the_calendar_is_refused() {
    for day in ["2013-02-29", "2013-1-31", "20130131", "2013-01-31T10:00", ""] {
        let run = import_visit(&format!("7,p,Name,,,{day},green,high"));
        assert_eq!(run.refusals[0], "V.csv:2:day:bad_date", "{day}");
    }
}

#[test]
fn half_a_position_and_an_overlong_cell_are_refused() {
    assert_eq!(import_visit("7,p,Name,41.5,,2013-01-31,green,high").refusals[0], "V.csv:2:lon:bad_position");
    let long = "x".repeat(MAX_FACT_CHARS + 1);
    assert_eq!(import_visit(&format!("7,p,{long},,,2013-01-31,green,")).refusals[0], "V.csv:2:name:too_long");
}

#[test]
fn every_answer_that_does_not_fit_is_told() {
    let run = import_answers("7,2,11,a c,");
    assert_eq!(
        run.refusals,
        [
            "V.csv:2::counterpart_refused",
            "A.csv:2:v1:unknown_value",
            "A.csv:2:v2:out_of_range",
            "A.csv:2:v3:unknown_value",
        ]
    );
    assert_eq!(import_answers("7,,,,").refusals[1], "A.csv:2:v1:unanswered");
    assert_eq!(import_answers("7,0,many,,").refusals[1], "A.csv:2:v2:wrong_type");
}

#[test]
fn a_row_of_another_width_or_not_utf8_is_refused_and_the_next_is_read() {
    let mut rows = format!("{VISITS}6,p,Name\n7,p,Caf").into_bytes();
    rows.extend_from_slice(b"\xe9,,,2013-01-31,green,high\n8,p,Name,,,2013-01-31,green,high\n");
    let run = import(&rows, answers(&["6", "7", "8"]).as_bytes());
    assert_eq!(run.audits, ["8:A01=\"yes\""]);
    assert_eq!(
        run.refusals,
        ["V.csv:2::wrong_columns", "V.csv:3::not_utf8", "A.csv:2::no_visit_row", "A.csv:3::no_visit_row"]
    );
}

#[test]
fn a_repeated_id_is_refused_however_far_behind_the_first() {
    let near = import(visits(&["7", "7", "8"]).as_bytes(), answers(&["7", "8"]).as_bytes());
    assert_eq!((near.audits.len(), near.refusals), (2, vec!["V.csv:3:id:repeated_id".to_owned()]));
    let mut ids: Vec<String> = (1000..2000).map(|it| it.to_string()).collect();
    ids.push("1003".to_owned());
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let far = import(visits(&ids).as_bytes(), answers(&ids).as_bytes());
    assert_eq!(far.audits.len(), 1000);
    assert_eq!(far.refusals, ["V.csv:1002:id:repeated_id", "A.csv:1002:ID:repeated_id"]);
}

#[test]
fn ids_need_not_rise_as_long_as_both_files_agree() {
    let ids = ["30", "4", "x", "200", "b", "007", "7"];
    let run = import(visits(&ids).as_bytes(), answers(&ids).as_bytes());
    assert_eq!((run.audits.len(), run.refusals.len()), (7, 0));
}

#[test]
fn ids_that_do_not_rise_are_remembered_up_to_a_bound() {
    let mut ids: HashSet<Uuid> =
        (1..u128::try_from(MAX_REMEMBERED_IDS).unwrap()).map(Uuid::from_u128).collect();
    assert!(remember(&mut ids, "7", Path::new("V.csv")).unwrap());
    // What the bound is for: a table of 2^20 places of 17 bytes, 18 MiB.
    assert!(ids.capacity() < 1 << 20, "{}", ids.capacity());
    let full = remember(&mut ids, "8", Path::new("V.csv")).unwrap_err();
    assert_eq!(full.code, "ids_not_sorted");
}

#[test]
fn a_visit_or_an_answers_row_without_its_other_half_is_refused_and_the_rest_is_read() {
    let run =
        import(visits(&["1", "2", "3", "5", "6"]).as_bytes(), answers(&["2", "4", "5", "6", "9"]).as_bytes());
    assert_eq!(run.audits.len(), 3);
    assert_eq!(
        run.refusals,
        [
            "V.csv:2::no_answers_row",
            "V.csv:4::no_answers_row",
            "A.csv:3::no_visit_row",
            "A.csv:6::no_visit_row"
        ]
    );
}

#[test]
fn files_in_different_orders_lose_no_row() {
    let run = import(visits(&["1", "2", "3"]).as_bytes(), answers(&["3", "2", "1"]).as_bytes());
    let read = run.audits.len() * 2 + run.records.len();
    assert_eq!((run.audits.len(), read), (1, 6));
    assert!(run.refusals.iter().all(|it| it.ends_with("no_visit_row") || it.ends_with("no_answers_row")));
}

#[test]
fn a_missing_column_is_told_with_its_place_in_the_mapping() {
    let run = import(b"id,place,name,lat,lon,day,team\n", b"ID,v1,v3,v4\n");
    assert_eq!(run.stopped_by.as_deref(), Some("invalid_columns"));
    assert_eq!(run.refusals, ["/visits/facts/0:missing_column", "/answers/items/A02:missing_column"]);
}

#[test]
fn a_file_without_rows_or_with_a_repeated_column_is_refused() {
    assert_eq!(import(b"", ANSWERS.as_bytes()).stopped_by.as_deref(), Some("empty_file"));
    assert_eq!(import(b"id,id\n", ANSWERS.as_bytes()).stopped_by.as_deref(), Some("repeated_column"));
    assert_eq!(import(b"id,\xff\n", ANSWERS.as_bytes()).stopped_by.as_deref(), Some("not_utf8"));
    let none = import(VISITS.as_bytes(), ANSWERS.as_bytes());
    assert_eq!((none.stopped_by, none.counts), (None, Counts::default()));
}

#[test]
fn an_unclosed_quote_stops_the_import_instead_of_filling_the_memory() {
    let mut rows = visits(&["7"]);
    rows.push_str("8,\"open");
    rows.push_str(&",,,\n".repeat(600_000));
    let run = import(rows.as_bytes(), answers(&["7", "8"]).as_bytes());
    assert_eq!(run.audits.len(), 1);
    assert_eq!(run.stopped_by.as_deref(), Some("row_too_long"));
}

#[test]
fn an_unclosed_quote_near_the_end_is_one_refused_row() {
    let run = import((visits(&["7"]) + "8,\"open\n9,p\n").as_bytes(), answers(&["7"]).as_bytes());
    assert_eq!((run.audits.len(), run.refusals), (1, vec!["V.csv:3::wrong_columns".to_owned()]));
    assert_eq!(run.records, ["8,\"open\n9,p\n\""]);
}

#[test]
fn a_report_that_cannot_be_written_stops_the_import() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("V.csv");
    fs::write(&path, ANSWERS.replace("ID", "id") + "7,,,,\n8,,,,\n").unwrap();
    let mut rows = IdRows::new(Source::open(&path).unwrap(), 0);
    let mut refusals = Refusals::new(Box::new(Full)).unwrap();
    rows.fill(1, &mut refusals).unwrap();
    let row = rows.take().unwrap();
    rows.refuse(&mut refusals, &row, &[other_half_refused()]).unwrap();
    assert_eq!(refusals.flush().unwrap_err().code, "report_not_written");
}

#[test]
fn the_city_of_chicago_s_files_are_read_whole_without_a_refusal() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/chicago");
    let text = fs::read_to_string(folder.join("mapping.yaml")).unwrap();
    let checklist = &audit_templates::find_checklist("chicago-food-canvass", Some(1)).unwrap().content;
    let mapping = Mapping::read("mapping.yaml", &text, checklist).unwrap();
    let refusals = Refusals::new(Box::new(Kept::default())).unwrap();
    let (visits, answers) = (folder.join("inspections.csv.gz"), folder.join("violations.csv.gz"));
    let mut reader = AuditReader::open(&mapping, &visits, &answers, || Ok(refusals)).unwrap();
    let (mut branches, mut unassigned, mut without_position, mut negative) = (HashSet::new(), 0, 0, 0);
    while let Some(audit) = reader.next_audit().unwrap() {
        assert_eq!(audit.answers.len(), 44);
        negative += audit.answers.iter().filter(|(_, it)| it == "\"no\"").count();
        unassigned += usize::from(audit.auditor.is_unassigned);
        without_position += usize::from(audit.branch.position.is_none());
        branches.insert(audit.branch.code);
    }
    assert_eq!(reader.counts(), Counts { accepted: 27_600, refused_visits: 0, refused_answers: 0 });
    assert_eq!((branches.len(), unassigned, without_position, negative), (12_367, 5_200, 110, 113_168));
}
