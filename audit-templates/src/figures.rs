//! Readers that standards and plans share: rules on figures, points of curves and tables, and problems of the rules
//! of `domain` told at their place in the file.

use domain::{Exact, FieldProblem, Rule};

use crate::read::{Cursor, Report};

/// A rule on figures; `None` where it does not fit the grammar, which is told.
pub(crate) fn rule(cursor: &Cursor<'_>) -> Option<Rule> {
    let text = cursor.text();
    if text.is_empty() {
        return None;
    }
    Rule::parse(&text)
        .map_err(|error| {
            cursor.refuse(
                "bad_rule",
                format!("No es una regla como «confirmed >= 2»: {error}"),
                format!("Not a rule such as `confirmed >= 2`: {error}"),
            );
        })
        .ok()
}

/// A rule that has to be there; one that never holds stands in for it.
pub(crate) fn required_rule(cursor: &Cursor<'_>) -> Rule {
    rule(cursor).unwrap_or_else(|| Rule::parse("n < 0").expect("a rule that fits the grammar"))
}

/// Points `[x, y]` of a curve or a table.
pub(crate) fn points(cursor: &Cursor<'_>) -> Vec<[Exact; 2]> {
    cursor.list(|it| {
        <[Exact; 2]>::try_from(it.list(Cursor::exact)).unwrap_or_else(|_| {
            it.refuse("not_a_point", "Se espera un par [x, y]", "Expected a pair [x, y]");
            [Exact::zero(), Exact::zero()]
        })
    })
}

/// Tells the problems of a value at their paths in the file; `path_of` turns a JSON Pointer into a path.
pub(crate) fn tell(report: &Report, problems: Vec<FieldProblem>, path_of: impl Fn(&str) -> String) {
    for it in problems {
        report.refuse(&path_of(&it.field), &it.code, it.message_es, it.message_en);
    }
}

/// A JSON Pointer as a path: `/sections/2/id` is `sections[2].id`.
pub(crate) fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if step.parse::<usize>().is_ok() {
            path.push_str(&format!("[{step}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&step);
        }
    }
    path
}
