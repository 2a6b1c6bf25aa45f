//! Conflicts that an auditor settles on a phone: all that is said to be settled was of the same question, however much it is.

use device::Start;
use sync_core::{
    Kind,
    fold::ConflictKind,
    payload::{self, ReturnValue},
};
use uuid::Uuid;

use crate::{NOW, Phone, USER, assign, code, fill, server_op, world};

#[test]
fn many_late_answers_are_settled_by_several_ops_and_a_late_remark_is_not_settled_with_them() {
    let (mut server, hash) = world();
    let assignment = Uuid::from_u128(31);
    assign(&mut server, assignment, hash, "accepted");
    let (mut one, mut two) = (Phone::new(1, &mut server), Phone::new(2, &mut server));
    let mut audit = Uuid::nil();
    for phone in [&mut one, &mut two] {
        phone.sync(&mut server);
        audit = phone.device().start(&Start::Assignment(assignment), NOW).unwrap();
    }
    for number in 0..70 {
        let answer = if number % 2 == 0 { "\"yes\"" } else { "\"no\"" };
        two.device().answer(audit, "A01", answer, NOW).unwrap();
    }
    let remark = two.device().batch(|it| it.note(audit, "A01", "nobody was there", NOW)).unwrap();
    fill(one.device(), audit);
    one.device().submit(audit, NOW).unwrap();
    one.sync(&mut server);
    two.sync(&mut server);
    let back = ReturnValue { submit: None, items: vec![], reasons: vec![], due_ms: None };
    server.command(USER, server_op(Kind::Return, audit, 2, payload::to_value(&back).ok()));
    one.sync(&mut server);
    let late = |phone: &mut Phone| -> Vec<_> {
        let ops = phone.device().ops(audit).unwrap();
        let open = ops.view().open_conflicts().cloned().collect::<Vec<_>>();
        open.into_iter().filter(|it| it.kind == ConflictKind::Late).flat_map(|it| it.ops).collect()
    };
    assert_eq!(late(&mut one).len(), 70 + 1 + 1, "answers, the remark, and that the visit was begun");
    one.device().resolve(audit, "A01", "\"no\"", NOW).unwrap();
    assert_eq!(late(&mut one).len(), 70 + 1 + 1 - 63, "an op names 64: what stood, and these");
    one.device().resolve(audit, "A01", "\"no\"", NOW).unwrap();
    let left = late(&mut one);
    assert_eq!((left.len(), left.contains(&remark)), (2, true));
    assert_eq!(code(one.device().resolve(audit, "A01", "\"no\"", NOW)), "no_conflict");
    one.sync(&mut server);
    two.sync(&mut server);
    assert_eq!(one.device().projection_hash().unwrap(), two.device().projection_hash().unwrap());
}
