//! `veedor field` from enrolment to approval, against a server that comes and goes, and `veedor import` into one.

use crate::{
    binary::{failure, fields, printed, refused, run_in, veedor},
    world::{PASSWORD, World},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Output,
};

#[test]
fn a_visit_goes_from_its_assignment_over_a_day_without_network_to_its_approval() {
    let world = World::set_up();
    let serving = world.serve();
    let offered = world.offer(&serving);
    let code = world.code(&serving);

    let wrong = world.field(&["--server", &serving.address, "login", "--code", "AAAA-BBBB-CCCC"]);
    assert_eq!(refused(&wrong).0, "code_not_valid");
    let status = printed(&world.field(&["--server", &serving.address, "login", "--code", &code]));
    assert_eq!((&status["user"], &status["pending_ops"]), (&world.auditor, &json!(0)));
    let list = printed(&world.field(&["list"]));
    assert_eq!(list["assignments"][0]["id"], offered["id"]);
    assert_eq!(list["branches"][0]["code"], "B1");
    assert!(list["templates"].as_array().unwrap().iter().any(|it| it["id"] == "ms-banco-sucursal"));

    // The day without network.
    drop(serving);
    let assignment = offered["id"].as_str().unwrap();
    let accepted = printed(&world.field(&["accept", assignment]));
    let expected = (&json!("accepted"), &offered["id"], &json!(false));
    assert_eq!((&accepted["word"], &accepted["id"], &accepted["sent"]), expected);
    assert_eq!(printed(&world.field(&["list"]))["assignments"][0]["word"], "accepted");
    let late = refused(&world.field(&["decline", assignment, "--reason", "Ese día viajo"]));
    assert_eq!(late.0, "not_offered");
    let started = printed(&world.field(&["start", "--assignment", assignment]));
    assert_eq!(started["audit"], offered["audit_id"]);
    let audit = started["audit"].as_str().unwrap();
    let none = refused(&world.field(&["start", "--assignment", audit]));
    assert_eq!(none.0, "unknown_assignment");
    for (field, value) in
        [("A01", "maybe"), ("C04", "6"), ("B02", "\"soon\""), ("Z99", "yes"), ("Z01", "25:00")]
    {
        let (code, problems) = refused(&world.field(&["answer", audit, field, value]));
        let named: Vec<&str> = problems.iter().map(|it| it.0.as_str()).collect();
        assert_eq!((code.as_str(), named), ("invalid_answers", vec![format!("/{field}").as_str()]));
    }
    assert_eq!(printed(&world.field(&["status", audit]))["answers"], json!({}));
    let begun = world.answer(audit, "A01", &json!("yes"));
    let missing = fields(&begun["missing"]);
    assert!(missing.len() > 20 && missing.iter().all(|it| it.0 != "/A01"), "{missing:?}");
    let (code, named) = refused(&world.field(&["submit", audit]));
    assert_eq!((code.as_str(), named), ("incomplete", missing));
    let taken_back = printed(&world.field(&["answer", audit, "A01", "null"]));
    assert!(fields(&taken_back["missing"]).iter().any(|it| it.0 == "/A01"));

    let (answers, view) = world.fill_in(audit);
    for (field, value) in &answers {
        assert_eq!(&view["answers"][field]["value"], value, "{field}");
    }
    let handed_in = printed(&world.field(&["submit", audit]));
    assert_eq!(handed_in["phase"], "submitted");
    assert_eq!(refused(&world.field(&["answer", audit, "A01", "no"])).0, "audit_not_editable");
    let pending = printed(&world.field(&["status"]))["pending_ops"].as_u64().unwrap();
    assert!(pending > 40, "{pending}");

    // The server is back, at another address.
    let serving = world.serve();
    let synced = printed(&world.field(&["--server", &serving.address, "sync"]));
    assert_eq!((&synced["pending_ops"], &synced["set_aside"]), (&json!(0), &json!({})));
    assert_eq!(synced["head"], synced["acked"]);
    let export = printed(&world.field(&["export", audit]));
    assert_eq!((&export["format"], &export["audit"]), (&json!("veedor-export-1"), &json!(audit)));
    assert_eq!(json!(export["ops"].as_array().unwrap().len()), handed_in["ops"]);

    let reviewer = serving.sign_in("reviewer");
    let seen = serving.call("GET", &format!("visits/{audit}"), &reviewer, &Value::Null);
    assert_eq!(seen["state"], "submitted");
    serving.call("POST", &format!("visits/{audit}/claim"), &reviewer, &json!({}));
    let approved = serving.call("POST", &format!("visits/{audit}/approve"), &reviewer, &json!({}));
    printed(&world.field(&["--server", &serving.address, "sync"]));
    let known = printed(&world.field(&["status", audit]));
    assert_eq!((&known["phase"], &known["missing"]), (&json!("approved"), &json!([])));
    std::fs::write(world.phone.path().join("answers.json"), Value::from(answers).to_string()).unwrap();
    let arguments = ["score", "--template", "ms-banco-sucursal@1", "--answers", "answers.json"];
    let scored = printed(&veedor(world.phone.path()).args(arguments).output().unwrap());
    assert_eq!((&approved["final"], &approved["band"]), (&scored["final"], &scored["band"]));
    assert_eq!(scored["final"], "63.10");
}

/// The first rows of one of the City's files.
fn first_rows(packed: &[u8], rows: usize) -> Vec<String> {
    let lines = BufReader::new(flate2::read::GzDecoder::new(packed)).lines();
    lines.take(rows + 1).map(|it| it.unwrap()).collect()
}

/// Replaces the cell of a named column in a row.
fn spoil(rows: &mut [String], row: usize, column: &str, value: &str) {
    let place = rows[0].split(',').position(|it| it == column).unwrap();
    let mut cells: Vec<&str> = rows[row].split(',').collect();
    cells[place] = value;
    rows[row] = cells.join(",");
}

fn import(folder: &Path, server: &str, login: &str) -> Output {
    let mut command = veedor(folder);
    command.args(["import", "audits", "--template", "chicago-food-canvass", "--mapping", "mapping.yaml"]);
    command.args(["--visits", "visits.csv", "--answers", "answers.csv", "--data", "devices"]);
    command.args(["--organization", "acme", "--login", login, "--password-file", "password.txt"]);
    command.args(["--server", server]).output().unwrap()
}

#[test]
fn a_code_of_the_operator_enrols_the_phone_of_an_auditor_and_of_nobody_else() {
    let world = World::set_up();
    let code = |words: &[&str]| {
        let command = [&["admin", "device-code", "--org", "acme"][..], words].concat();
        run_in(world.office.path(), &command)
    };
    let issued = printed(&code(&["--login", "auditor"]));
    let import = printed(&code(&["--login", "auditor", "--kind", "import"]));
    assert_eq!(refused(&code(&["--login", "reviewer"])).1[0].1, "not_an_auditor");
    assert_eq!(refused(&code(&["--login", "nobody"])).0, "not_found");
    let serving = world.serve();
    let login = |code: &Value| {
        let code = code["code"].as_str().unwrap();
        world.field(&["--server", &serving.address, "login", "--code", code])
    };
    // A phone is no importer.
    assert_eq!(refused(&login(&import)).0, "code_not_valid");
    assert_eq!(printed(&login(&issued))["user"], world.auditor);
}

/// The files of an import of 40 visits, of which two have a cell that does not fit.
fn write_sources(folder: &Path) {
    let mut visits = first_rows(include_bytes!("../../../data/chicago/inspections.csv.gz"), 40);
    let mut answers = first_rows(include_bytes!("../../../data/chicago/violations.csv.gz"), 40);
    spoil(&mut answers, 3, "v7", "perhaps");
    spoil(&mut visits, 5, "inspection_date", "2013-13-45");
    for (name, rows) in [("visits.csv", &visits), ("answers.csv", &answers)] {
        std::fs::write(folder.join(name), rows.join("\n")).unwrap();
    }
    std::fs::write(folder.join("mapping.yaml"), include_str!("../../../data/chicago/mapping.yaml")).unwrap();
    std::fs::write(folder.join("password.txt"), PASSWORD).unwrap();
}

#[test]
fn an_import_reports_refused_rows_and_is_not_repeated() {
    let world = World::set_up();
    let serving = world.serve();
    let folder = world.phone.path();
    write_sources(folder);

    let report = printed(&import(folder, &serving.address, "admin"));
    let counts = |report: &Value| {
        ["audits", "written", "refused_visits", "refused_answers"].map(|it| report[it].as_u64().unwrap())
    };
    assert_eq!(counts(&report), [38, 38, 2, 2], "{report}");
    let refusals = std::fs::read_to_string(folder.join("refused.csv")).unwrap();
    assert!(refusals.contains("answers.csv,4,v7,perhaps,unknown_value"), "{refusals}");
    assert!(refusals.contains("visits.csv,6,inspection_date,2013-13-45,bad_date"), "{refusals}");

    let again = printed(&import(folder, &serving.address, "admin"));
    assert_eq!(counts(&again), [38, 0, 2, 2], "{again}");
    let reviewer = serving.sign_in("reviewer");
    let listed = serving.call("GET", "visits?state=submitted&limit=1000", &reviewer, &Value::Null);
    assert_eq!(listed["items"].as_array().unwrap().len(), 38);

    // The auditor may not make branches and people known; nobody's password is not a session.
    assert_eq!(refused(&import(folder, &serving.address, "nobody")).0, "wrong_credentials");
    std::fs::remove_dir_all(folder.join("devices")).unwrap();
    assert_eq!(refused(&import(folder, &serving.address, "auditor")).0, "forbidden");
    let address = serving.address.clone();
    drop(serving);
    let unreachable = import(folder, &address, "admin");
    assert_eq!(failure(&unreachable)["code"], "server_unreachable");
}

#[test]
fn an_import_that_fails_leaves_the_report_of_the_run_before() {
    let world = World::set_up();
    let serving = world.serve();
    let folder = world.phone.path();
    write_sources(folder);
    let (report, beside) = (folder.join("refused.csv"), folder.join("refused.csv.unfinished"));
    printed(&import(folder, &serving.address, "admin"));
    let first = std::fs::read_to_string(&report).unwrap();
    assert!(first.lines().count() > 2 && !beside.exists());
    // Before a row is read: nobody's password, files that are not there.
    assert_eq!(refused(&import(folder, &serving.address, "nobody")).0, "wrong_credentials");
    let answers = std::fs::read(folder.join("answers.csv")).unwrap();
    std::fs::remove_file(folder.join("answers.csv")).unwrap();
    refused(&import(folder, &serving.address, "admin"));
    assert_eq!((std::fs::read_to_string(&report).unwrap(), beside.exists()), (first.clone(), false));
    // After rows were read: what they were refused for stands beside.
    std::fs::write(folder.join("answers.csv"), answers).unwrap();
    assert_eq!(refused(&import(folder, &serving.address, "auditor")).0, "forbidden");
    assert_eq!(std::fs::read_to_string(&report).unwrap(), first);
    assert!(beside.exists());
    printed(&import(folder, &serving.address, "admin"));
    assert_eq!((std::fs::read_to_string(&report).unwrap(), beside.exists()), (first, false));
}
