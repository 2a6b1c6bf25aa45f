//! Spreadsheets through the real route: tried, applied, refused row by row, and taken back.

use crate::databases::Database;
use crate::spreadsheets::{csv, import, rows_of, table, xlsx};
use db::{
    audits::{Audit, VisitKind},
    payouts::{PayoutRun, PayoutTotal, RunMode},
};
use domain::{
    access::{Role, Scope},
    ids::{AuditId, BranchId, RunId},
    lifecycle::{RunState, State},
};
use serde_json::{Value, json};
use server::testing::{Answer, TestOffice, TestPerson};
use sync_core::Hash;
use uuid::Uuid;

crate::on_both![
    a_file_is_tried_without_storing_anything_then_applied_and_taken_back,
    what_was_changed_is_shown_before_and_after_and_put_back_exactly,
    a_branch_with_visits_stays_and_the_rest_goes_by_choice,
    people_get_codes_once_and_who_signed_in_stays,
    shifts_are_added_once_and_taken_back,
    a_figure_is_corrected_by_a_later_one_and_taken_back_counts_no_more,
    every_template_can_be_imported_as_it_is,
    who_was_paid_since_and_the_figures_of_those_days_stay,
];

const BRANCHES: &[&[&str]] = &[
    &["Código", "Nombre", "Zona horaria", "Código región", "Nombre región", "Latitud", "Longitud", "Meta"],
    &["001", "Centro", "America/Mexico_City", "N", "Norte", "19.432608", "-99.133208", "85"],
    &["002", "Peñón, oriente", "America/Mexico_City", "N", "Norte", "", "", ""],
    &["003", "Playa", "America/Tijuana", "", "", "32.5", "-117.0", "90.5"],
];

async fn apply(office: &TestOffice, by: &TestPerson, kind: &str, rows: &[&[&str]]) -> Answer {
    import(office, by, &format!("kind={kind}&mode=apply&file_name=a.csv"), csv(rows)).await
}

async fn check(office: &TestOffice, by: &TestPerson, kind: &str, rows: &[&[&str]]) -> Value {
    let answer = import(office, by, &format!("kind={kind}&mode=check&file_name=a.csv"), csv(rows)).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()
}

async fn items(office: &TestOffice, by: &TestPerson, what: &str) -> Vec<Value> {
    let answer = office.get(&format!("/api/v1/{what}")).by(by).send().await.expect_json();
    answer["items"].as_array().unwrap().clone()
}

/// By code: ids of one instant have no order.
async fn branches(office: &TestOffice, by: &TestPerson) -> Vec<Value> {
    let mut all = items(office, by, "branches").await;
    all.sort_by_key(|it| it["code"].as_str().map(str::to_owned));
    all
}

async fn undo(office: &TestOffice, by: &TestPerson, applied: &Value, rest: bool) -> Answer {
    let id = applied["import"]["id"].as_str().unwrap();
    office.post(&format!("/api/v1/imports/{id}/undo")).by(by).json(&json!({"rest": rest})).send().await
}

/// Row, column and code of each problem of a report.
fn problems(report: &Value) -> Vec<String> {
    let all = report["problems"].as_array().unwrap().iter();
    all.map(|it| format!("{} {} {}", it["row"], it["column"].as_str().unwrap(), it["code"].as_str().unwrap()))
        .collect()
}

fn counts(report: &Value) -> [u64; 4] {
    ["added", "changed", "unchanged", "refused"].map(|it| report[it].as_u64().unwrap())
}

fn notes(report: &Value) -> Vec<&str> {
    report["notes"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

async fn a_file_is_tried_without_storing_anything_then_applied_and_taken_back(database: Database) {
    let office = database.office().await;
    let manager = office.person(Role::ProgrammeManager);
    let tried = check(&office, &manager, "branches", BRANCHES).await;
    assert_eq!((counts(&tried), &tried["regions_added"]), ([3, 0, 0, 0], &json!(1)));
    assert_eq!(
        tried["changes"][0]["columns"][0],
        json!({"column": "name", "before": null, "after": "Centro"})
    );
    assert!(branches(&office, &manager).await.is_empty());
    assert!(items(&office, &manager, "imports").await.is_empty());
    let applied = apply(&office, &manager, "branches", BRANCHES).await;
    assert_eq!(applied.status.as_u16(), 201, "{applied:?}");
    let applied = applied.json();
    assert_eq!(counts(&applied["report"]), [3, 0, 0, 0]);
    let stored = branches(&office, &manager).await;
    assert_eq!((&stored[0]["code"], &stored[0]["region_code"]), (&json!("001"), &json!("N")));
    assert_eq!(stored[1]["name"], "Peñón, oriente");
    assert_eq!(stored[0]["latitude"], "19.4326080");
    assert_eq!(counts(&check(&office, &manager, "branches", BRANCHES).await), [0, 0, 3, 0]);
    let undone = undo(&office, &manager, &applied, false).await.expect_json();
    assert_eq!((&undone["undone"], &undone["kept_total"]), (&json!(4), &json!(0)));
    assert!(branches(&office, &manager).await.is_empty());
    assert!(items(&office, &manager, "regions").await.is_empty());
    let imports = items(&office, &manager, "imports").await;
    assert_eq!((&imports[0]["state"], imports.len()), (&json!("undone"), 1));
    let again = undo(&office, &manager, &applied, true).await;
    assert_eq!(again.outcome(), (409, "already_undone".to_owned()));
    let admin = office.person(Role::Admin);
    let log = items(&office, &admin, "audit-log?limit=1000").await;
    let of_imports: Vec<&str> = log.iter().filter_map(|it| it["action"].as_str()).collect();
    assert_eq!(of_imports.iter().filter(|it| it.starts_with("import_")).count(), 2, "{of_imports:?}");
}

async fn what_was_changed_is_shown_before_and_after_and_put_back_exactly(database: Database) {
    let office = database.office().await;
    let manager = office.person(Role::ProgrammeManager);
    apply(&office, &manager, "branches", BRANCHES).await.expect_json();
    let before = branches(&office, &manager).await;
    let changed: &[&[&str]] = &[
        &["code", "name", "zone", "target", "active", "region_code", "region_name"],
        &["001", "Zócalo", "America/Mexico_City", "70.25", "no", "N", "Noreste"],
        &["003", "Playa", "America/Tijuana", "90.5", "", "", ""],
    ];
    let tried = check(&office, &manager, "branches", changed).await;
    assert_eq!((counts(&tried), &tried["regions_changed"]), ([0, 1, 1, 0], &json!(1)));
    let columns = json!([
        {"column": "name", "before": "Centro", "after": "Zócalo"},
        {"column": "target", "before": "85.00", "after": "70.25"},
        {"column": "active", "before": "true", "after": "false"},
    ]);
    assert_eq!(tried["changes"][0]["columns"], columns);
    let applied = apply(&office, &manager, "branches", changed).await.expect_json();
    assert_ne!(branches(&office, &manager).await, before);
    let address = format!("/api/v1/imports/{}?limit=1", applied["import"]["id"].as_str().unwrap());
    let shown = office.get(&address).by(&manager).send().await.expect_json();
    assert_eq!((&shown["changes"][0]["subject"], &shown["next"]), (&json!("region"), &json!(1)));
    assert_eq!(shown["changes"][0]["before"]["name"], "Norte");
    undo(&office, &manager, &applied, false).await.expect_json();
    assert_eq!(branches(&office, &manager).await, before);
    assert_eq!(items(&office, &manager, "regions").await[0]["name"], "Norte");
}

#[actix_web::test]
async fn every_bad_row_is_named_and_only_the_good_ones_are_applied_where_that_is_asked() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let rows: &[&[&str]] = &[
        &["Clave", "Nombre", "Zona", "Región", "lat", "lon", "Meta"],
        &["1", "Uno", "America/Mexico_City", "", "", "", ""],
        &["1", "Otra", "America/Mexico_City", "", "", "", ""],
        &["2", "Dos", "America/Mexico_Cty", "", "", "", ""],
        &["3", "", "America/Mexico_City", "", "", "", ""],
        &["4", "=HYPERLINK(A1)", "America/Mexico_City", "", "", "", ""],
        &["5", "Cinco", "America/Mexico_City", "SUR", "", "", ""],
        &["6", "Seis", "America/Mexico_City", "", "91", "1", "101"],
        &["7", "Siete", "America/Mexico_City", "", "abc", "1", ""],
        &["8", "Ocho", "America/Mexico_City", "", "", "", "", "sobra"],
        &["9", "Nueve", "UTC", "", "", "", ""],
    ];
    let report = check(&office, &manager, "branches", rows).await;
    let expected = [
        "3 Clave repeated",
        "4 Zona unknown_zone",
        "5 Nombre missing_value",
        "6 Nombre formula",
        "7 Región unknown_region",
        "8 Meta out_of_range",
        "8 lat out_of_range",
        "9 lat not_a_number",
        "10  too_many_cells",
    ];
    assert_eq!(problems(&report), expected);
    assert_eq!(counts(&report), [2, 0, 0, 8]);
    let texts = report["problems"].as_array().unwrap();
    assert!(texts[0]["message_es"].as_str().unwrap().contains("fila 2"), "{}", texts[0]);
    assert!(texts[1]["message_es"].as_str().unwrap().contains("¿Quiso decir «America/Mexico_City»?"));
    let refused = apply(&office, &manager, "branches", rows).await;
    assert_eq!(refused.outcome(), (422, "rows_refused".to_owned()));
    assert_eq!(refused.fields()[0], ("/rows/3/Clave".to_owned(), "repeated".to_owned()));
    assert!(branches(&office, &manager).await.is_empty());
    let good = "kind=branches&mode=apply&rows=good&file_name=a.csv";
    let applied = import(&office, &manager, good, csv(rows)).await.expect_json();
    assert_eq!((&applied["rows"], &applied["import"]["refused"]), (&json!("good"), &json!(8)));
    let codes: Vec<Value> = branches(&office, &manager).await.iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, ["1", "9"]);
}

#[actix_web::test]
async fn the_same_rows_as_csv_and_xlsx_give_the_same_report() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let rows: &[&[&str]] = &[
        &["codigo", "nombre", "zona_horaria", "latitud", "longitud", "meta"],
        &["007", "Peñón \"alto\"", "America/Mexico_City", "19.1", "-99.133208", "85.25"],
        &["007", "Otra", "America/Mexico_City", "", "", ""],
        &["", "", "", "", "", ""],
        &["008", "@sur", "Marte", "19.1", "", "200"],
    ];
    let mut reports = Vec::new();
    for (name, bytes) in [("a.csv", csv(rows)), ("a.xlsx", xlsx(&table(rows)))] {
        let query = format!("kind=branches&mode=check&file_name={name}");
        let mut report = import(&office, &manager, &query, bytes).await.expect_json();
        for of_the_file in ["file", "file_hash", "sheet"] {
            report.as_object_mut().unwrap().remove(of_the_file).unwrap();
        }
        reports.push(report);
    }
    assert_eq!(reports[0], reports[1]);
    assert_eq!(problems(&reports[0]), ["3 codigo repeated", "5 nombre formula"]);
}

#[actix_web::test]
async fn files_as_excel_saves_them_are_read_and_what_was_guessed_is_said() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let text = "Código;Nombre;Zona horaria;Latitud;Longitud;Teléfono\r\n\
                001;Peñón;America/Mexico_City;19,432608;-99,133208;55\r\n\r\n\
                002;\"Dos\r\nlíneas\";UTC;;;\r\n003;Más;;;;\r\n";
    let windows: Vec<u8> = text.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
    let query = "kind=branches&mode=check&file_name=a.csv";
    let report = import(&office, &manager, query, windows).await.expect_json();
    assert_eq!(notes(&report), ["read_as_windows_1252", "unknown_column"]);
    assert_eq!(report["changes"][0]["columns"][0]["after"], "Peñón");
    assert_eq!(report["changes"][0]["columns"][2]["after"], "19.4326080");
    // The blank line is a row of the spreadsheet, the line within quotation marks is none.
    assert_eq!(
        (problems(&report), counts(&report)),
        (vec!["5 Zona horaria missing_value".to_owned()], [2, 0, 0, 1])
    );
    let declared = "sep=;\r\ncode;name;zone\r\n1;A;UTC\r\n;;\r\n";
    for bytes in [declared.as_bytes().to_vec(), declared.encode_utf16().flat_map(u16::to_le_bytes).collect()]
    {
        let bytes = if bytes.contains(&0) { [vec![0xFF, 0xFE], bytes].concat() } else { bytes };
        let report = import(&office, &manager, query, bytes).await.expect_json();
        assert_eq!((counts(&report), &report["changes"][0]["row"]), ([1, 0, 0, 0], &json!(3)));
    }
}

#[actix_web::test]
async fn workbooks_keep_days_codes_and_digits_and_no_formula_is_evaluated() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    apply(&office, &manager, "branches", BRANCHES).await.expect_json();
    let mut workbook = rust_xlsxwriter::Workbook::new();
    workbook.add_worksheet().set_name("Notas").unwrap().write(0, 0, "nada").unwrap();
    let sheet = workbook.add_worksheet().set_name("Personal").unwrap();
    let headers = ["No. empleado", "Nombre", "Puesto", "Sucursal", "Fecha ingreso", "Incentivo"];
    for (column, it) in (0..).zip(headers) {
        sheet.write(0, column, it).unwrap();
    }
    let as_day = rust_xlsxwriter::Format::new().set_num_format("dd/mm/yyyy");
    let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 1, 15).unwrap();
    for (row, number) in [(1, "00123"), (2, "124"), (3, "125")] {
        if row == 2 {
            sheet.write(row, 0, 124).unwrap();
        } else {
            sheet.write(row, 0, number).unwrap();
        }
        sheet.write(row, 1, "Ana").unwrap().write(row, 2, "cajera").unwrap().write(row, 3, "001").unwrap();
        sheet.write_with_format(row, 4, &day, &as_day).unwrap();
        sheet.write(row, 5, 0.1 + 0.2).unwrap();
    }
    sheet.write_formula(3, 5, rust_xlsxwriter::Formula::new("=1+1").set_result("2")).unwrap();
    let bytes = workbook.save_to_buffer().unwrap();
    let query = "kind=staff&mode=check&file_name=a.xlsx";
    let first = import(&office, &manager, query, bytes.clone()).await;
    assert_eq!(first.outcome(), (422, "invalid_input".to_owned()));
    let unknown = import(&office, &manager, &format!("{query}&sheet=Nada"), bytes.clone()).await;
    assert_eq!(unknown.fields(), [("/sheet".to_owned(), "unknown_sheet".to_owned())]);
    let report = import(&office, &manager, &format!("{query}&sheet=personal"), bytes).await.expect_json();
    assert_eq!(problems(&report), ["4 Incentivo formula"]);
    assert_eq!(notes(&report), ["codes_as_numbers"]);
    assert_eq!((counts(&report), &report["sheet"]), ([2, 0, 0, 1], &json!("Personal")));
    assert_eq!(
        (&report["changes"][0]["key"], &report["changes"][1]["key"]),
        (&json!("00123"), &json!("124"))
    );
    let columns = report["changes"][0]["columns"].as_array().unwrap();
    let after = |name: &str| columns.iter().find(|it| it["column"] == name).map(|it| it["after"].clone());
    assert_eq!((after("employed_from"), after("target")), (Some(json!("2026-01-15")), Some(json!("30"))));
}

#[actix_web::test]
async fn a_file_that_is_no_table_of_its_kind_is_refused_whole() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let many = format!("code,name,zone\n{}", "1,A,UTC\n".repeat(100_000));
    let wide = format!("code{}\n1\n{}x\n", ",a".repeat(70), ",".repeat(70));
    let open = format!("code,name,zone\n1,\"A,UTC\n{}", "2,B,UTC\n".repeat(6_000));
    for (bytes, code) in [
        (Vec::new(), "empty_file"),
        (b"code,name,zone\n".to_vec(), "empty_file"),
        (vec![0; 100], "not_a_table"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec(), "old_workbook"),
        (b"PK\x03\x04 and nothing".to_vec(), "unreadable_file"),
        (b"\xEF\xBB\xBFcode,name,zone\n1,\xFF,UTC\n".to_vec(), "bad_encoding"),
        (b"a,b\n1,2\n".to_vec(), "missing_column"),
        (b"code,clave,name,zone\n1,1,A,UTC\n".to_vec(), "repeated_column"),
        (many.into_bytes(), "too_many_rows"),
        (wide.into_bytes(), "too_many_columns"),
        (open.into_bytes(), "cell_too_long"),
    ] {
        let query = "kind=branches&mode=check&file_name=a.csv";
        let answer = import(&office, &manager, query, bytes).await;
        assert_eq!((answer.status.as_u16(), answer.fields()[0].1.as_str()), (422, code), "{answer:?}");
    }
    let missing = import(&office, &manager, "kind=branches&mode=check&file_name=a", b"a\n1\n".to_vec()).await;
    let texts = missing.json()["errors"][2]["message_es"].as_str().unwrap().to_owned();
    assert!(texts.contains("zona_horaria, zone"), "{texts}");
    let large = vec![b'a'; server::app::imports::MAX_BYTES + 1];
    let answer = import(&office, &manager, "kind=branches&mode=check&file_name=a.csv", large).await;
    assert_eq!(answer.outcome(), (413, "body_too_large".to_owned()));
}

#[actix_web::test]
async fn each_kind_has_its_right_and_figures_are_asked_row_by_row() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    apply(&office, &manager, "branches", BRANCHES).await.expect_json();
    let branches = branches(&office, &manager).await;
    let of_branch = Scope::Branch(BranchId(branches[0]["id"].as_str().unwrap().parse().unwrap()));
    let admin = office.person(Role::Admin);
    let local = office.person_of(office.org, &[(Role::ProgrammeManager, of_branch)]);
    let auditor = office.person(Role::Auditor);
    let kpis: &[&[&str]] = &[
        &["sucursal", "alcance", "indicador", "definicion", "desde", "hasta", "valor", "muestra", "fuente"],
        &["001", "", "csat_t2b", "encuesta", "2026-01-01", "2026-03-31", "0.825", "240", "salida"],
        &["002", "", "csat_t2b", "encuesta", "2026-01-01", "2026-03-31", "0.8", "240", "salida"],
        &["", "organización", "csat_t2b", "encuesta", "2026-01-01", "2026-03-31", "0.8", "240", "salida"],
        &["", "", "csat_t2b", "encuesta", "2026-01-01", "2026-03-31", "0.8", "240", "salida"],
        &["004", "", "csat_t2b", "encuesta", "2026-04-01", "2026-03-31", "180", "240", "salida"],
    ];
    let report = check(&office, &local, "kpis", kpis).await;
    let told = [
        "3 sucursal forbidden",
        "4 alcance forbidden",
        "5 alcance scope_missing",
        "6 sucursal unknown_scope",
    ];
    assert_eq!(problems(&report), told);
    let report = check(&office, &manager, "kpis", kpis).await;
    assert_eq!(problems(&report), ["5 alcance scope_missing", "6 sucursal unknown_scope"]);
    for (person, kind, status) in [
        (&manager, "users", 403),
        (&admin, "users", 422),
        (&admin, "kpis", 403),
        (&admin, "staff", 422),
        (&local, "branches", 403),
        (&local, "staff", 403),
        (&auditor, "kpis", 403),
        (&auditor, "shifts", 403),
    ] {
        let query = format!("kind={kind}&mode=apply&file_name=a.csv");
        let answer = import(&office, person, &query, b"a\n1\n".to_vec()).await;
        assert_eq!(answer.status.as_u16(), status, "{kind} {answer:?}");
    }
    office.clock.advance_seconds(1);
    let one =
        import(&office, &local, "kind=kpis&mode=apply&file_name=a.csv", csv(&kpis[..2])).await.expect_json();
    assert_eq!(items(&office, &local, "imports").await.len(), 1);
    assert_eq!(items(&office, &manager, "imports").await.len(), 2);
    let other = office.other_organization("other");
    let stranger = office.person_of(other, &[(Role::ProgrammeManager, Scope::Organization)]);
    assert_eq!(undo(&office, &stranger, &one, true).await.outcome(), (404, "not_found".to_owned()));
    assert!(items(&office, &stranger, "imports").await.is_empty());
    let of_branches = items(&office, &manager, "imports").await[1].clone();
    let denied = undo(&office, &local, &json!({"import": of_branches}), true).await;
    assert_eq!(denied.outcome(), (403, "forbidden".to_owned()));
}

async fn a_branch_with_visits_stays_and_the_rest_goes_by_choice(database: Database) {
    let office = database.office().await;
    let manager = office.person(Role::ProgrammeManager);
    let applied = apply(&office, &manager, "branches", BRANCHES).await.expect_json();
    let stored = branches(&office, &manager).await;
    visit(&office, stored[0]["id"].as_str().unwrap().parse().unwrap());
    let renamed = json!([{"code": "003", "name": "Mar", "zone": "UTC"}]);
    office.put("/api/v1/branches").by(&manager).json(&renamed).send().await.expect_json();
    let before = branches(&office, &manager).await;
    let blocked = undo(&office, &manager, &applied, false).await;
    assert_eq!(blocked.outcome(), (409, "undo_blocked".to_owned()));
    let mut reasons = blocked.fields();
    reasons.sort();
    let expected = [("/rows/2", "branches"), ("/rows/2", "visits"), ("/rows/4", "changed_since")];
    assert_eq!(reasons, expected.map(|it| (it.0.to_owned(), it.1.to_owned())));
    assert_eq!(branches(&office, &manager).await, before);
    let done = undo(&office, &manager, &applied, true).await.expect_json();
    assert_eq!((&done["undone"], &done["kept_total"]), (&json!(1), &json!(3)));
    let codes: Vec<Value> = branches(&office, &manager).await.iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, ["001", "003"]);
    let address = format!("/api/v1/imports/{}", applied["import"]["id"].as_str().unwrap());
    let shown = office.get(&address).by(&manager).send().await.expect_json();
    let kept: Vec<&Value> = shown["changes"].as_array().unwrap().iter().map(|it| &it["kept"]).collect();
    assert_eq!(kept, [&json!("branches"), &json!("visits"), &Value::Null, &json!("changed_since")]);
}

fn visit(office: &TestOffice, branch: Uuid) {
    let (auditor, now) = (office.person(Role::Auditor).id, office.app.now());
    let visit = Audit {
        audit_id: AuditId(Uuid::from_u128(7)),
        branch_id: BranchId(branch),
        auditor_id: auditor,
        assignment_id: None,
        template_id: "t".to_owned(),
        template_version: 1,
        template_hash: Hash::ZERO,
        state: State::Submitted,
        round: 0,
        kind: VisitKind::Visit,
        visit_date: None,
        zone: "UTC".to_owned(),
        submitted_at: Some(now),
        decided_at: None,
        decided_by: None,
        open_conflicts: 0,
        late_ops: 0,
        claimed_by: None,
        external_ref: None,
        updated_at: now,
    };
    let stored = office.app.act_as("test", office.org, move |tx, office| {
        Ok(db::audits::upsert(tx, office.org(), std::slice::from_ref(&visit))?)
    });
    stored.unwrap();
}

async fn people_get_codes_once_and_who_signed_in_stays(database: Database) {
    let office = database.office().await;
    let (admin, manager) = (office.person(Role::Admin), office.person(Role::ProgrammeManager));
    apply(&office, &manager, "branches", BRANCHES).await.expect_json();
    let rows: &[&[&str]] = &[
        &["usuario", "nombre", "rol", "codigo_region", "codigo_sucursal"],
        &["ana", "Ana", "Auditora", "", ""],
        &["ANA", "Ana", "revisora", "N", ""],
        &["luis", "Luis", "gerente de sucursal", "", "001"],
        &[&admin.login, "Test admin", "analyst", "", ""],
        &["eva", "Eva", "piloto", "", ""],
        &["eva", "Eva", "auditor", "S", ""],
        &["ana", "Anabel", "analyst", "", ""],
        &["luis", "Luis", "gerente de sucursal", "", "001"],
    ];
    let report = check(&office, &admin, "users", rows).await;
    let expected = [
        "6 rol unknown_role",
        "7 codigo_region unknown_region",
        "8 nombre name_differs",
        "9 usuario repeated",
    ];
    assert_eq!(problems(&report), expected);
    assert_eq!(counts(&report), [3, 1, 0, 4]);
    let query = "kind=users&mode=apply&rows=good&file_name=a.csv";
    let applied = import(&office, &admin, query, csv(rows)).await.expect_json();
    let codes = applied["codes"].as_array().unwrap();
    assert_eq!((codes.len(), &codes[0]["login"]), (2, &json!("ana")));
    let shown = office.get(&format!("/api/v1/imports/{}", applied["import"]["id"].as_str().unwrap()));
    let shown = shown.by(&admin).send().await;
    assert!(!String::from_utf8_lossy(&shown.body).contains(codes[0]["code"].as_str().unwrap()));
    let door = json!({"organization": "acme", "code": codes[0]["code"], "password": "una contraseña larga"});
    let opened = office.post("/api/v1/sessions/by-code").json(&door).send().await;
    assert!(opened.status.is_success(), "{opened:?}");
    let blocked = undo(&office, &admin, &applied, false).await;
    assert_eq!(blocked.fields(), [("/rows/2".to_owned(), "signed_in".to_owned())]);
    let done = undo(&office, &admin, &applied, true).await.expect_json();
    assert_eq!((&done["undone"], &done["kept_total"]), (&json!(2), &json!(1)));
    let logins: Vec<Value> =
        items(&office, &admin, "users").await.iter().map(|it| it["login"].clone()).collect();
    assert!(logins.contains(&json!("ana")) && !logins.contains(&json!("luis")), "{logins:?}");
    let me = office.get(&format!("/api/v1/users/{}", admin.id)).by(&admin).send().await.expect_json();
    assert_eq!(me["roles"].as_array().unwrap().len(), 1);
}

async fn shifts_are_added_once_and_taken_back(database: Database) {
    let office = database.office().await;
    let manager = office.person(Role::ProgrammeManager);
    apply(&office, &manager, "branches", BRANCHES).await.expect_json();
    let staff: &[&[&str]] = &[
        &["empleado", "nombre", "puesto", "sucursal", "ingreso", "baja"],
        &["00123", "Luis", "cajero", "001", "15/01/2026", ""],
        &["124", "Eva", "cajera", "002", "02/01/2026", "31/12/2025"],
    ];
    let report = check(&office, &manager, "staff", staff).await;
    assert_eq!(problems(&report), ["3 baja ends_before_it_begins"]);
    assert_eq!(notes(&report), ["order_of_days", "order_of_days"]);
    let of_staff = apply(&office, &manager, "staff", &staff[..2]).await.expect_json();
    let shifts: &[&[&str]] = &[
        &["empleado", "fecha", "entrada", "salida"],
        &["00123", "2026-03-02", "9:00", "18:00:00"],
        &["00123", "2026-03-03", "09:00", "18:00"],
        &["123", "2026-03-03", "09:00", "18:00"],
        &["00123", "03/04/2026", "09:00", "25:00"],
    ];
    let told = problems(&check(&office, &manager, "shifts", shifts).await);
    assert_eq!(told, ["4 empleado unknown_staff", "5 fecha ambiguous_date"]);
    let applied = apply(&office, &manager, "shifts", &shifts[..3]).await.expect_json();
    assert_eq!(counts(&applied["report"]), [2, 0, 0, 0]);
    assert_eq!(counts(&check(&office, &manager, "shifts", &shifts[..3]).await), [0, 0, 2, 0]);
    let other: &[&[&str]] = &[shifts[0], &["00123", "2026-03-02", "09:00", "17:00"]];
    assert_eq!(problems(&check(&office, &manager, "shifts", other).await), ["2 entrada already_exists"]);
    let blocked = undo(&office, &manager, &of_staff, false).await;
    assert_eq!(blocked.fields(), [("/rows/2".to_owned(), "shifts".to_owned())]);
    undo(&office, &manager, &applied, false).await.expect_json();
    undo(&office, &manager, &of_staff, false).await.expect_json();
    assert_eq!(counts(&check(&office, &manager, "staff", &staff[..2]).await), [1, 0, 0, 0]);
}

async fn a_figure_is_corrected_by_a_later_one_and_taken_back_counts_no_more(database: Database) {
    let office = database.office().await;
    let manager = office.person(Role::ProgrammeManager);
    let rows = |value: &'static str| -> Vec<Vec<&'static str>> {
        vec![
            vec!["scope", "metric", "definition", "period_from", "period_to", "value", "n", "source"],
            vec!["organization", "csat_t2b", "d", "2026-01-01", "2026-03-31", value, "9", "s"],
        ]
    };
    let first = apply(&office, &manager, "kpis", &rows_of(&rows("0.8"))).await.expect_json();
    assert_eq!(counts(&check(&office, &manager, "kpis", &rows_of(&rows("0.80"))).await), [0, 0, 1, 0]);
    let tried = check(&office, &manager, "kpis", &rows_of(&rows("0.82"))).await;
    let column = json!([{"column": "value", "before": "0.8", "after": "0.82"}]);
    assert_eq!((counts(&tried), &tried["changes"][0]["columns"]), ([0, 1, 0, 0], &column));
    office.clock.advance_seconds(1);
    let second = apply(&office, &manager, "kpis", &rows_of(&rows("0.82"))).await.expect_json();
    let blocked = undo(&office, &manager, &first, false).await;
    assert_eq!(blocked.fields(), [("/rows/2".to_owned(), "changed_since".to_owned())]);
    undo(&office, &manager, &second, false).await.expect_json();
    let values: Vec<Value> =
        items(&office, &manager, "kpis").await.iter().map(|it| it["value"].clone()).collect();
    assert_eq!(values, ["0.8"]);
    undo(&office, &manager, &first, false).await.expect_json();
    assert!(items(&office, &manager, "kpis").await.is_empty());
    let bad = check(&office, &manager, "kpis", &rows_of(&rows("80"))).await;
    assert_eq!(problems(&bad), ["2 value out_of_range"]);
}

async fn every_template_can_be_imported_as_it_is(database: Database) {
    for language in ["es", "en"] {
        let office = database.office().await;
        let both = [(Role::ProgrammeManager, Scope::Organization), (Role::Admin, Scope::Organization)];
        let person = office.person_of(office.org, &both);
        let mut imported = Vec::new();
        for kind in ["branches", "users", "staff", "shifts", "kpis"] {
            let address = format!("/api/v1/imports/templates/{kind}?language={language}");
            let template = office.get(&address).by(&person).send().await;
            let query = format!("kind={kind}&mode=apply&file_name={kind}.csv");
            let applied = import(&office, &person, &query, template.body.to_vec()).await;
            assert_eq!(applied.status.as_u16(), 201, "{kind} {language} {applied:?}");
            assert_eq!(counts(&applied.json()["report"]), [1, 0, 0, 0], "{kind} {language}");
            imported.push(applied.json());
        }
        // An observation that was taken back stays, and so does the branch that it is of.
        for (applied, kept) in imported.iter().rev().zip([0, 0, 0, 0, 2]) {
            let undone = undo(&office, &person, applied, true).await.expect_json();
            assert_eq!(undone["kept_total"], kept, "{undone}");
        }
        let nothing = office.get("/api/v1/imports/templates/nothing").by(&person).send().await;
        assert_eq!(nothing.outcome(), (404, "not_found".to_owned()));
    }
}

#[actix_web::test]
async fn a_file_sent_twice_with_its_key_is_applied_once() {
    let office = TestOffice::open().await;
    let manager = office.person(Role::ProgrammeManager);
    let address = "/api/v1/imports?kind=branches&mode=apply&file_name=a.csv";
    let call = || office.post(address).by(&manager).key("k").body(csv(BRANCHES));
    let (first, again) = (call().send().await, call().send().await);
    assert_eq!((first.status.as_u16(), &first.body), (201, &again.body));
    assert_eq!(items(&office, &manager, "imports").await.len(), 1);
    let other = office.post(address).by(&manager).key("k").body(csv(&BRANCHES[..2])).send().await;
    assert_eq!(other.outcome(), (422, "invalid_input".to_owned()));
}

async fn who_was_paid_since_and_the_figures_of_those_days_stay(database: Database) {
    let office = database.office().await;
    let manager = office.person(Role::ProgrammeManager);
    apply(&office, &manager, "branches", BRANCHES).await.expect_json();
    let staff = |position: &'static str| -> Vec<Vec<&'static str>> {
        vec![
            vec!["employee_no", "name", "position", "branch_code", "employed_from"],
            vec!["7", "Luis", position, "001", "2026-01-15"],
            vec!["8", "Eva", position, "001", "2026-01-15"],
        ]
    };
    apply(&office, &manager, "staff", &rows_of(&staff("cajero"))).await.expect_json();
    let changed = apply(&office, &manager, "staff", &rows_of(&staff("gerente"))).await.expect_json();
    let kpis: &[&[&str]] = &[
        &["branch_code", "metric", "definition", "period_from", "period_to", "value", "n", "source"],
        &["001", "csat_t2b", "d", "2026-09-01", "2026-09-30", "0.8", "9", "s"],
        &["001", "csat_t2b", "d", "2026-10-01", "2026-10-31", "0.8", "9", "s"],
    ];
    let figures = apply(&office, &manager, "kpis", kpis).await.expect_json();
    pay(&office, "7");
    for (import, reason) in [(&changed, ("/rows/2", "payouts")), (&figures, ("/rows/2", "payouts"))] {
        let blocked = undo(&office, &manager, import, false).await;
        assert_eq!(blocked.fields(), [(reason.0.to_owned(), reason.1.to_owned())]);
        let done = undo(&office, &manager, import, true).await.expect_json();
        assert_eq!((&done["undone"], &done["kept"][0]["code"]), (&json!(1), &json!("payouts")));
    }
    let hr = office.person(Role::HrAnalyst);
    let mut positions: Vec<String> = items(&office, &hr, "staff")
        .await
        .iter()
        .map(|it| format!("{} {}", it["employee_no"], it["position"]))
        .collect();
    positions.sort();
    assert_eq!(positions, ["\"7\" \"gerente\"", "\"8\" \"cajero\""]);
}

/// A run of the third quarter that pays somebody.
fn pay(office: &TestOffice, person: &str) {
    let (by, now, person) = (office.person(Role::HrAnalyst).id, office.app.now(), person.to_owned());
    let run_id = RunId(Uuid::from_u128(9));
    let run = PayoutRun {
        run_id,
        plan_id: "p".to_owned(),
        plan_version: 1,
        plan_hash: Hash::ZERO,
        period_from: "2026-07-01".parse().unwrap(),
        period_to: "2026-09-30".parse().unwrap(),
        currency: "MXN".to_owned(),
        mode: RunMode::Shadow,
        state: RunState::Draft,
        created_by: by,
        created_at: now,
        calculated_by: None,
        calculated_at: None,
        approved_by: None,
        approved_at: None,
        locked_by: None,
        locked_at: None,
        inputs: "{}".to_owned(),
        inputs_hash: Hash::ZERO,
        result_hash: None,
    };
    let total = PayoutTotal { run_id, person, payable_minor: 1, doc: "{}".to_owned() };
    let stored = office.app.act_as("test", office.org, move |tx, office| {
        db::payouts::append_run(tx, office.org(), &run)?;
        Ok(db::payouts::replace_result(tx, office.org(), run_id, &[], std::slice::from_ref(&total))?)
    });
    stored.unwrap();
}
