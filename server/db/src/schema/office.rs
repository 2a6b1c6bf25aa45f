//! The tables of what the office does with visits and rows that came from elsewhere: appeals and imports.

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    imports (org_id, import_id) {
        org_id -> Uid,
        import_id -> Uid,
        kind -> Text,
        file_name -> Text,
        file_hash -> Binary,
        imported_by -> Uid,
        imported_at -> Ts,
        added -> BigInt,
        changed -> BigInt,
        unchanged -> BigInt,
        refused -> BigInt,
        undone_by -> Nullable<Uid>,
        undone_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Nullable, Text};

    import_rows (org_id, import_id, seq) {
        org_id -> Uid,
        import_id -> Uid,
        seq -> BigInt,
        file_row -> BigInt,
        subject -> Text,
        key -> Text,
        subject_id -> Uid,
        was -> Nullable<Text>,
        became -> Text,
        kept -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};

    kpi_retractions (org_id, kpi_id) {
        org_id -> Uid,
        kpi_id -> Uid,
        import_id -> Uid,
        retracted_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    appeals (org_id, appeal_id) {
        org_id -> Uid,
        appeal_id -> Uid,
        audit_id -> Uid,
        branch_id -> Uid,
        score_version -> BigInt,
        appellant -> Uid,
        created_at -> Ts,
        decide_by -> Text,
        state -> Text,
        decided_by -> Nullable<Uid>,
        decided_at -> Nullable<Ts>,
        reason -> Nullable<Text>,
        new_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    appeal_items (org_id, appeal_id, item) {
        org_id -> Uid,
        appeal_id -> Uid,
        item -> Text,
        place -> BigInt,
        reason -> Text,
        decision -> Nullable<Text>,
        decision_reason -> Nullable<Text>,
        answer -> Nullable<Text>,
        answer_redacted -> Bool,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Text};

    appeal_files (org_id, appeal_id, item, blob) {
        org_id -> Uid,
        appeal_id -> Uid,
        item -> Text,
        blob -> Binary,
        mime -> Text,
        size -> BigInt,
        added_by -> Uid,
        added_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Bool, Text};

    appeal_messages (org_id, message_id) {
        org_id -> Uid,
        message_id -> Uid,
        appeal_id -> Uid,
        author -> Uid,
        of_office -> Bool,
        text -> Text,
        at -> Ts,
    }
}
