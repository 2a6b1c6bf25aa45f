//! Why the office stored something and did not simply carry it out, in words. Owns the texts of the reasons that travel in
//! outcomes; a reason of a later office has a text too.

use domain::LocalText;

/// A reason of an outcome, for people.
pub fn why_not_applied(reason: &str) -> LocalText {
    let (es, en) = match reason {
        "assignment_withdrawn" => (
            "La oficina retiró la asignación antes de recibir esto",
            "the office withdrew the assignment before this came",
        ),
        "assignment_expired" => {
            ("La oferta venció antes de recibirse esto", "the offer had expired before this came")
        }
        "assignment_accepted" => (
            "La asignación ya se había aceptado desde otro teléfono suyo",
            "the assignment had been accepted from another phone of yours",
        ),
        "assignment_declined" => (
            "La asignación ya se había declinado desde otro teléfono suyo",
            "the assignment had been declined from another phone of yours",
        ),
        "foreign_assignment" | "foreign_audit" => {
            ("La visita es ahora de otra persona", "the visit is now somebody else's")
        }
        "unknown_assignment" => {
            ("La oficina no conoce la asignación", "the office does not know the assignment")
        }
        "visit_begun" => ("La visita ya se había empezado", "the visit had begun"),
        "no_field_work" => {
            ("Usted ya no hace visitas en esa sucursal", "you do no field work at this branch any more")
        }
        "unknown_branch" => ("La oficina no conoce la sucursal", "the office does not know the branch"),
        "unknown_template" => {
            ("La oficina no conoce el cuestionario", "the office does not know the checklist")
        }
        "device_revoked" | "user_ended" | "device_unknown" => (
            "Este teléfono ya no tiene permiso; alguien revisará lo que envió",
            "this phone has no right any more; a person looks at what it sent",
        ),
        "late" => (
            "Llegó después de enviarse la ronda; alguien lo revisará",
            "it came after the round was handed in; a person looks at it",
        ),
        "conflict" => (
            "Otro teléfono dijo otra cosa; elija cuál vale",
            "another phone said otherwise; choose which stands",
        ),
        "clock_suspect" => {
            ("El reloj del teléfono va muy adelantado", "the clock of the phone runs far ahead")
        }
        _ => ("La oficina lo guardó y alguien lo revisará", "the office keeps it, and a person looks at it"),
    };
    LocalText::new(es, en)
}
