//! What two phones of one auditor and the office do at the same time: nothing is lost or settled in silence, whatever came first.

use crate::{
    binary::{Serving, printed, run_in},
    world::World,
};
use serde_json::{Value, json};

/// A field that demands nothing and scores nothing, so that only who wrote what is at stake.
const FIELD: &str = "A01#comment";
const OURS: &str = "Entré a las diez y la fila era corta.";
const THEIRS: &str = "Entré a las once y la fila era larga.";

/// A visit on two phones, seen by a reviewer.
struct Race {
    world: World,
    serving: Serving,
    audit: String,
    reviewer: String,
}

impl Race {
    /// Both phones have begun the visit; the first has filled it in, the second wrote one field. Neither has sent that.
    fn begin() -> Self {
        let (world, serving, audit) = World::with_a_visit_begun();
        let code = world.code(&serving);
        let reviewer = serving.sign_in("reviewer");
        let race = Self { world, serving, audit, reviewer };
        race.first(&["sync"]);
        race.second(&["login", "--code", &code]);
        race.world.fill_in(&race.audit);
        race.first(&["answer", &race.audit, FIELD, OURS]);
        race.second(&["answer", &race.audit, FIELD, THEIRS]);
        race
    }

    fn first(&self, arguments: &[&str]) -> Value {
        printed(&self.world.field(&[&["--server", &self.serving.address], arguments].concat()))
    }

    fn second(&self, arguments: &[&str]) -> Value {
        let field = ["field", "--data", "second", "--server", &self.serving.address];
        printed(&run_in(self.world.phone.path(), &[&field, arguments].concat()))
    }

    fn review(&self, command: &str, body: &Value) -> (u16, Value) {
        self.serving.try_call("POST", &format!("visits/{}/{command}", self.audit), &self.reviewer, body)
    }

    fn done(&self, command: &str, body: &Value) -> Value {
        let (status, answer) = self.review(command, body);
        assert_eq!(status, 200, "{command}: {answer}");
        answer
    }

    fn visit(&self) -> Value {
        self.serving.call("GET", &format!("visits/{}", self.audit), &self.reviewer, &Value::Null)
    }

    /// What the reviewer reads in the field.
    fn comment(&self) -> Value {
        let visit = self.visit();
        let sections = visit["sections"].as_array().unwrap().clone();
        let mut items = sections.into_iter().flat_map(|it| it["items"].as_array().unwrap().clone());
        items.find(|it| it["id"] == "A01").unwrap()["comment"].clone()
    }

    /// The one open conflict, as the reviewer reads it.
    fn open(&self) -> Value {
        let visit = self.visit();
        let mut open: Vec<Value> = visit["conflicts"].as_array().unwrap().clone();
        open.retain(|it| it["open"] == true);
        assert_eq!(open.len(), 1, "{open:?}");
        open.remove(0)
    }

    /// The op of the open conflict that says so.
    fn op_that_says(&self, text: &str) -> Value {
        let open = self.open();
        let values = open["values"].as_array().unwrap();
        values.iter().find(|it| it["value"] == text).unwrap()["op"].clone()
    }

    fn waiting(&self) -> usize {
        let list = self.serving.call("GET", "visits?in_conflict=true", &self.reviewer, &Value::Null);
        list["items"].as_array().unwrap().len()
    }
}

/// The one open conflict that a phone tells.
fn told(conflicts: &Value) -> &Value {
    let all = conflicts["conflicts"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{conflicts}");
    &all[0]
}

fn two_phones_on_one_field(first_comes_first: bool) -> Value {
    let race = Race::begin();
    let (first, second) = (|| race.first(&["sync"]), || race.second(&["sync"]));
    if first_comes_first {
        first();
        second();
        first();
    } else {
        second();
        first();
        second();
    }
    for conflicts in [race.first(&["conflicts"]), race.second(&["conflicts", &race.audit])] {
        let told = told(&conflicts);
        assert_eq!(
            (&told["kind"], &told["field"], &told["way_out"]),
            (&json!("field"), &json!(FIELD), &json!("resolve"))
        );
        let mut values: Vec<&str> =
            told["values"].as_array().unwrap().iter().map(|it| it["value"].as_str().unwrap()).collect();
        values.sort_unstable();
        assert_eq!(values, [OURS, THEIRS]);
        let mut authors: Vec<&str> =
            told["values"].as_array().unwrap().iter().map(|it| it["author"].as_str().unwrap()).collect();
        authors.sort_unstable();
        assert_eq!(authors, ["another_device", "this_device"]);
        assert!(told["what_to_do"]["en"].as_str().unwrap().contains("veedor field resolve"));
    }
    race.first(&["submit", &race.audit]);
    race.first(&["sync"]);
    race.done("claim", &json!({}));
    let (status, refused) = race.review("approve", &json!({}));
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("conflicts_open")));
    assert_eq!(race.waiting(), 1);
    let open = race.open();
    assert_eq!((&open["kind"], &open["blocks_approval"]), (&json!("field"), &json!(true)));
    assert_eq!(open["values"][0]["author"], race.world.auditor);
    // It is not closed by taking note of it, nor by an answer that nobody gave.
    let ops = json!({"ops": [open["ops"][0]], "reason": "seen"});
    assert_eq!(race.review("acknowledge", &ops).1["errors"][0]["code"], "needs_resolution");
    let foreign = json!({"field": FIELD, "stands": "00000000000000000000000000000000:1", "reason": "x"});
    assert_eq!(race.review("resolve", &foreign).1["errors"][0]["code"], "unknown_choice");
    let choice =
        json!({"field": FIELD, "stands": race.op_that_says(THEIRS), "reason": "el ticket dice las once"});
    assert_eq!(race.done("resolve", &choice)["open_conflicts"], 0);
    assert_eq!(race.review("resolve", &choice).1["code"], "no_conflict");
    assert_eq!((race.waiting(), race.comment()), (0, json!(THEIRS)));
    let approved = race.done("approve", &json!({}));
    for (sync, told, view) in [
        (race.first(&["sync"]), race.first(&["conflicts"]), race.first(&["status", &race.audit])),
        (race.second(&["sync"]), race.second(&["conflicts"]), race.second(&["status", &race.audit])),
    ] {
        assert_eq!((&sync["conflicts"], &told["conflicts"]), (&json!(0), &json!([])));
        assert_eq!((&view["phase"], &view["answers"][FIELD]["value"]), (&json!("approved"), &json!(THEIRS)));
    }
    approved["final"].clone()
}

#[test]
fn two_phones_on_one_field_are_a_conflict_that_a_reviewer_settles_by_an_op() {
    assert_eq!(two_phones_on_one_field(true), two_phones_on_one_field(false));
}

fn an_edit_races_a_return(edit_comes_first: bool) -> Value {
    let race = Race::begin();
    race.first(&["submit", &race.audit]);
    race.first(&["sync"]);
    let back = json!({"items": [{"item": "A02", "reason": "No se ve"}], "deadline": "2099-01-01T00:00:00Z"});
    race.done("claim", &json!({}));
    if edit_comes_first {
        race.second(&["sync"]);
        race.done("return", &back);
    } else {
        race.done("return", &back);
        race.second(&["sync"]);
    }
    assert_eq!((race.open()["kind"].clone(), race.comment()), (json!("late"), json!(OURS)));
    // In the new round it is the auditor's to say which one stands, and the reviewer's no longer.
    let choice = json!({"field": FIELD, "stands": race.op_that_says(THEIRS), "reason": "x"});
    assert_eq!(race.review("resolve", &choice).1["code"], "wrong_state");
    race.first(&["sync"]);
    let conflicts = race.first(&["conflicts"]);
    let told = told(&conflicts);
    assert_eq!((&told["kind"], &told["way_out"]), (&json!("late"), &json!("resolve")));
    assert_eq!((&told["values"][0]["value"], &told["values"][0]["round"]), (&json!(THEIRS), &json!(1)));
    race.first(&["resolve", &race.audit, FIELD, THEIRS]);
    race.first(&["submit", &race.audit]);
    race.first(&["sync"]);
    assert_eq!((race.waiting(), race.comment()), (0, json!(THEIRS)));
    race.done("claim", &json!({}));
    race.done("approve", &json!({}))["final"].clone()
}

#[test]
fn an_edit_that_races_a_return_is_kept_as_late_until_the_auditor_says_which_answer_stands() {
    assert_eq!(an_edit_races_a_return(true), an_edit_races_a_return(false));
}

fn an_approval_races_a_late_op(approval_comes_first: bool) -> Value {
    let race = Race::begin();
    race.first(&["submit", &race.audit]);
    race.first(&["sync"]);
    race.done("claim", &json!({}));
    let approved = if approval_comes_first {
        let approved = race.done("approve", &json!({}));
        let synced = race.second(&["sync"]);
        assert_eq!((&synced["pending_ops"], &synced["head"]), (&json!(0), &synced["acked"]));
        // Kept and shown; after the approval nobody settles it, so that nothing changes.
        let choice = json!({"field": FIELD, "stands": race.op_that_says(THEIRS), "reason": "x"});
        assert_eq!(race.review("resolve", &choice).0, 409);
        let note = json!({"ops": race.open()["ops"], "reason": "x"});
        assert_eq!(race.review("acknowledge", &note).0, 409);
        assert_eq!((race.waiting(), race.visit()["late"][0]["value"].clone()), (1, json!(THEIRS)));
        let conflicts = race.second(&["conflicts"]);
        assert_eq!(
            (&told(&conflicts)["kind"], &told(&conflicts)["way_out"]),
            (&json!("late"), &json!("reviewer"))
        );
        approved
    } else {
        race.second(&["sync"]);
        assert_eq!(race.open()["kind"], "late");
        let note = json!({"ops": race.open()["ops"], "reason": "llegó tarde y no cambia nada"});
        assert_eq!(race.done("acknowledge", &note)["open_conflicts"], 0);
        assert_eq!(race.visit()["late"][0]["value"], THEIRS);
        let approved = race.done("approve", &json!({}));
        race.second(&["sync"]);
        assert_eq!(race.second(&["conflicts"])["conflicts"], json!([]));
        approved
    };
    let visit = race.visit();
    assert_eq!((&visit["state"], race.comment()), (&json!("approved"), json!(OURS)));
    assert_eq!(visit["scores"].as_array().unwrap().len(), 1);
    race.second(&["sync"]);
    let view = race.second(&["status", &race.audit]);
    assert_eq!((&view["phase"], &view["answers"][FIELD]["value"]), (&json!("approved"), &json!(OURS)));
    approved["final"].clone()
}

#[test]
fn an_op_that_races_an_approval_is_kept_and_shown_and_changes_nothing() {
    assert_eq!(an_approval_races_a_late_op(true), an_approval_races_a_late_op(false));
}
