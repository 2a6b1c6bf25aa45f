//! The tables as diesel sees them, one for both databases; private to this crate.

mod office;

pub(crate) use office::*;

diesel::table! {
    use diesel::sql_types::{Binary, Text};

    meta (key) {
        key -> Text,
        value -> Binary,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::Text;

    organizations (org_id) {
        org_id -> Uid,
        slug -> Text,
        name -> Text,
        locale -> Text,
        zone -> Text,
        created_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary};

    server_keys (org_id, dev) {
        org_id -> Uid,
        dev -> Binary,
        alg -> BigInt,
        secret_key -> Binary,
        public_key -> Binary,
        created_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Bool, Text};

    users (org_id, user_id) {
        org_id -> Uid,
        user_id -> Uid,
        login -> Text,
        name -> Text,
        password_hash -> Text,
        active -> Bool,
        created_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Nullable, Text};

    role_grants (org_id, user_id, role, scope_kind, scope_id) {
        org_id -> Uid,
        user_id -> Uid,
        role -> Text,
        scope_kind -> Text,
        scope_id -> Uid,
        granted_by -> Nullable<Uid>,
        granted_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Binary, Bool, Nullable};

    sessions (token_hash) {
        org_id -> Uid,
        token_hash -> Binary,
        user_id -> Uid,
        dev -> Nullable<Binary>,
        created_at -> Ts,
        expires_at -> Ts,
        revoked_at -> Nullable<Ts>,
        awaits_factor -> Bool,
        proved_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable};

    second_factors (org_id, user_id) {
        org_id -> Uid,
        user_id -> Uid,
        secret -> Nullable<Binary>,
        offered -> Nullable<Binary>,
        offered_at -> Nullable<Ts>,
        confirmed_at -> Nullable<Ts>,
        last_step -> BigInt,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Binary, Nullable};

    recovery_codes (org_id, user_id, code_hash) {
        org_id -> Uid,
        user_id -> Uid,
        code_hash -> Binary,
        used_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Binary, Nullable};

    enrolment_codes (code_hash) {
        org_id -> Uid,
        code_hash -> Binary,
        user_id -> Uid,
        created_by -> Uid,
        created_at -> Ts,
        expires_at -> Ts,
        used_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    login_failures (org_id, login) {
        org_id -> Uid,
        login -> Text,
        failures -> BigInt,
        first_at -> Ts,
        last_at -> Ts,
        locked_until -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    devices (org_id, dev) {
        org_id -> Uid,
        dev -> Binary,
        user_id -> Nullable<Uid>,
        kind -> Text,
        alg -> BigInt,
        public_key -> Binary,
        name -> Text,
        state -> Text,
        enrolled_at -> Ts,
        revoked_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Binary, Bool};

    device_heads (org_id, dev) {
        org_id -> Uid,
        dev -> Binary,
        dseq -> BigInt,
        h -> Binary,
        hlc -> BigInt,
        forked -> Bool,
        durable_dseq -> BigInt,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary};

    segments (org_id, dev, first_dseq) {
        org_id -> Uid,
        dev -> Binary,
        first_dseq -> BigInt,
        last_dseq -> BigInt,
        h -> Binary,
        epoch -> BigInt,
        received_at -> Ts,
        bytes -> Binary,
        sseq -> BigInt,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Binary, Text};

    streams (org_id, stream) {
        org_id -> Uid,
        stream -> Text,
        last_sseq -> BigInt,
        f -> Binary,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    feed (org_id, stream, sseq_last) {
        org_id -> Uid,
        stream -> Text,
        sseq_last -> BigInt,
        sseq_first -> BigInt,
        kind -> Text,
        dev -> Nullable<Binary>,
        dseq_first -> Nullable<BigInt>,
        dseq_last -> Nullable<BigInt>,
        h -> Binary,
        f -> Binary,
        received_at -> Ts,
        payload -> Nullable<Binary>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    audits (org_id, audit_id) {
        org_id -> Uid,
        audit_id -> Uid,
        branch_id -> Uid,
        auditor_id -> Uid,
        assignment_id -> Nullable<Uid>,
        template_id -> Text,
        template_version -> BigInt,
        template_hash -> Binary,
        state -> Text,
        round -> BigInt,
        kind -> Text,
        visit_date -> Nullable<Text>,
        zone -> Text,
        submitted_at -> Nullable<Ts>,
        decided_at -> Nullable<Ts>,
        decided_by -> Nullable<Uid>,
        open_conflicts -> BigInt,
        late_ops -> BigInt,
        claimed_by -> Nullable<Uid>,
        external_ref -> Nullable<Text>,
        updated_at -> Ts,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::Binary;

    audit_ops (org_id, audit_id) {
        org_id -> Uid,
        audit_id -> Uid,
        ops -> Binary,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    visit_events (org_id, audit_id, seq) {
        org_id -> Uid,
        audit_id -> Uid,
        seq -> BigInt,
        from_state -> Nullable<Text>,
        command -> Text,
        to_state -> Text,
        actor_kind -> Text,
        actor_id -> Nullable<Uid>,
        device_at -> Nullable<Ts>,
        server_at -> Ts,
        reason -> Nullable<Text>,
        before_hash -> Nullable<Binary>,
        after_hash -> Nullable<Binary>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    score_versions (org_id, audit_id, version) {
        org_id -> Uid,
        audit_id -> Uid,
        version -> BigInt,
        submit_dev -> Binary,
        submit_dseq -> BigInt,
        template_hash -> Binary,
        scorer_version -> Text,
        raw_hundredths -> Nullable<BigInt>,
        final_hundredths -> Nullable<BigInt>,
        band -> Nullable<Text>,
        critical_failed -> BigInt,
        doc -> Text,
        created_at -> Ts,
        reason -> Text,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{Nullable, Text};

    regions (org_id, region_id) {
        org_id -> Uid,
        region_id -> Uid,
        parent_id -> Nullable<Uid>,
        code -> Text,
        name -> Text,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    branches (org_id, branch_id) {
        org_id -> Uid,
        branch_id -> Uid,
        region_id -> Nullable<Uid>,
        code -> Text,
        name -> Text,
        latitude_e7 -> Nullable<BigInt>,
        longitude_e7 -> Nullable<BigInt>,
        zone -> Text,
        target_hundredths -> Nullable<BigInt>,
        active -> Bool,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Nullable, Text};

    staff (org_id, staff_id) {
        org_id -> Uid,
        staff_id -> Uid,
        employee_no -> Text,
        name -> Text,
        position -> Text,
        role_factor -> Nullable<Text>,
        branch_id -> Uid,
        employed_from -> Text,
        employed_to -> Nullable<Text>,
        target_minor -> Nullable<BigInt>,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::Text;

    staff_absences (org_id, staff_id, absent_from) {
        org_id -> Uid,
        staff_id -> Uid,
        absent_from -> Text,
        absent_to -> Text,
        kind -> Text,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::Text;

    shifts (org_id, staff_id, work_date, begins) {
        org_id -> Uid,
        staff_id -> Uid,
        work_date -> Text,
        begins -> Text,
        ends -> Text,
        branch_id -> Uid,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    content_versions (org_id, kind, content_id, version) {
        org_id -> Uid,
        kind -> Text,
        content_id -> Text,
        version -> BigInt,
        hash -> Binary,
        canonical_json -> Text,
        state -> Text,
        created_at -> Ts,
        released_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    programmes (org_id, programme_id) {
        org_id -> Uid,
        programme_id -> Uid,
        code -> Text,
        name -> Text,
        active -> Bool,
        created_at -> Ts,
        preview_score -> Bool,
        covert -> Bool,
        audio -> Bool,
        files -> Bool,
        appeal_days -> BigInt,
        purpose -> Nullable<Text>,
        notice_text -> Nullable<Text>,
        notice_on -> Nullable<Text>,
        retention_days -> Nullable<BigInt>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::Text;

    waves (org_id, wave_id) {
        org_id -> Uid,
        wave_id -> Uid,
        programme_id -> Uid,
        name -> Text,
        window_from -> Text,
        window_to -> Text,
        created_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    assignments (org_id, assignment_id) {
        org_id -> Uid,
        assignment_id -> Uid,
        wave_id -> Nullable<Uid>,
        branch_id -> Uid,
        auditor_id -> Uid,
        template_id -> Text,
        template_version -> BigInt,
        template_hash -> Binary,
        window_from -> Text,
        window_to -> Text,
        state -> Text,
        audit_id -> Uid,
        created_at -> Ts,
        declined_for -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    kpi_observations (org_id, kpi_id) {
        org_id -> Uid,
        kpi_id -> Uid,
        scope_kind -> Text,
        scope_id -> Uid,
        metric -> Text,
        definition -> Text,
        period_from -> Text,
        period_to -> Text,
        value -> Text,
        n -> Nullable<BigInt>,
        numerator -> Nullable<Text>,
        denominator -> Nullable<Text>,
        source -> Text,
        observed_at -> Ts,
        entered_by -> Uid,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Text};

    standard_assessments (org_id, assessment_id) {
        org_id -> Uid,
        assessment_id -> Uid,
        branch_id -> Uid,
        standard_id -> Text,
        standard_version -> BigInt,
        standard_hash -> Binary,
        period_from -> Text,
        period_to -> Text,
        inputs -> Text,
        result -> Text,
        total_hundredths -> BigInt,
        band -> Text,
        assessed_by -> Uid,
        assessed_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    payout_runs (org_id, run_id) {
        org_id -> Uid,
        run_id -> Uid,
        plan_id -> Text,
        plan_version -> BigInt,
        plan_hash -> Binary,
        period_from -> Text,
        period_to -> Text,
        currency -> Text,
        mode -> Text,
        state -> Text,
        created_by -> Uid,
        created_at -> Ts,
        calculated_by -> Nullable<Uid>,
        calculated_at -> Nullable<Ts>,
        approved_by -> Nullable<Uid>,
        approved_at -> Nullable<Ts>,
        locked_by -> Nullable<Uid>,
        locked_at -> Nullable<Ts>,
        inputs -> Text,
        inputs_hash -> Binary,
        result_hash -> Nullable<Binary>,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Text};

    payout_lines (org_id, run_id, person, line) {
        org_id -> Uid,
        run_id -> Uid,
        person -> Text,
        line -> BigInt,
        component -> Text,
        amount_minor -> BigInt,
        doc -> Text,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Text};

    payout_totals (org_id, run_id, person) {
        org_id -> Uid,
        run_id -> Uid,
        person -> Text,
        payable_minor -> BigInt,
        doc -> Text,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Binary};

    audit_log_heads (org_id) {
        org_id -> Uid,
        seq -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Text};

    audit_log (org_id, seq) {
        org_id -> Uid,
        seq -> BigInt,
        at -> Ts,
        actor -> Text,
        action -> Text,
        subject_kind -> Text,
        subject -> Text,
        detail -> Text,
        prev_hash -> Binary,
        hash -> Binary,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Text};

    idempotency_keys (org_id, user_id, key) {
        org_id -> Uid,
        user_id -> Uid,
        key -> Text,
        request_hash -> Binary,
        status -> BigInt,
        body -> Binary,
        created_at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    quarantined_ops (org_id, dev, dseq) {
        org_id -> Uid,
        dev -> Binary,
        dseq -> BigInt,
        audit_id -> Uid,
        reason -> Text,
        received_at -> Ts,
        decision -> Nullable<Text>,
        decided_at -> Nullable<Ts>,
        decided_by -> Nullable<Uid>,
        why -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    blobs (org_id, blob) {
        org_id -> Uid,
        blob -> Binary,
        size -> BigInt,
        dev -> Binary,
        stored_at -> Ts,
        picture -> Text,
        attempts -> BigInt,
        reason -> Nullable<Text>,
        mime -> Nullable<Text>,
        width -> Nullable<BigInt>,
        height -> Nullable<BigInt>,
        taken_at -> Nullable<Text>,
        latitude_e7 -> Nullable<BigInt>,
        longitude_e7 -> Nullable<BigInt>,
        look -> Nullable<BigInt>,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Binary};

    blob_bands (org_id, band, blob) {
        org_id -> Uid,
        band -> BigInt,
        blob -> Binary,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::Binary;

    audit_blobs (org_id, audit_id, blob) {
        org_id -> Uid,
        audit_id -> Uid,
        blob -> Binary,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Binary};

    blob_days (org_id, dev, day) {
        org_id -> Uid,
        dev -> Binary,
        day -> BigInt,
        bytes -> BigInt,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary, Nullable};

    device_reports (org_id, dev) {
        org_id -> Uid,
        dev -> Binary,
        seen_at -> Ts,
        wall_ms -> BigInt,
        pending_ops -> BigInt,
        pending_blobs -> BigInt,
        pending_bytes -> BigInt,
        day -> BigInt,
        day_ops -> BigInt,
        over_quota_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Binary, Nullable};

    incident_keys (org_id, key_id) {
        org_id -> Uid,
        key_id -> Binary,
        public_key -> Binary,
        created_at -> Ts,
        retired_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Binary, Nullable, Text};

    incidents (org_id, incident_id) {
        org_id -> Uid,
        incident_id -> Uid,
        user_id -> Uid,
        dev -> Binary,
        author_dev -> Binary,
        key_id -> Nullable<Binary>,
        body -> Binary,
        sig -> Binary,
        received_at -> Ts,
        state -> Text,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Nullable, Text};

    incident_custody (org_id, entry_id) {
        org_id -> Uid,
        entry_id -> Uid,
        incident_id -> Uid,
        at -> Ts,
        actor -> Text,
        action -> Text,
        reason -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(audit_blobs, audits);

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Binary, Bool};

    successions (org_id, dev) {
        org_id -> Uid,
        dev -> Binary,
        former -> Binary,
        proven -> Bool,
        at -> Ts,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{BigInt, Binary};

    former_runs (org_id, dev, first_dseq, h) {
        org_id -> Uid,
        dev -> Binary,
        first_dseq -> BigInt,
        last_dseq -> BigInt,
        h -> Binary,
        brought_by -> Binary,
        received_at -> Ts,
        bytes -> Binary,
    }
}

diesel::table! {
    use crate::column::Uid;

    revoked_audits (org_id, user_id, audit_id) {
        org_id -> Uid,
        user_id -> Uid,
        audit_id -> Uid,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Binary, Text};

    redactions (org_id, audit_id, dev, dseq, field) {
        org_id -> Uid,
        audit_id -> Uid,
        dev -> Binary,
        dseq -> BigInt,
        field -> Text,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::Binary;

    awaited_blobs (org_id, dev, blob) {
        org_id -> Uid,
        dev -> Binary,
        blob -> Binary,
    }
}

diesel::table! {
    use crate::column::{Ts, Uid};
    use diesel::sql_types::{Binary, Bool};

    redacted_blobs (org_id, blob) {
        org_id -> Uid,
        blob -> Binary,
        redacted_at -> Ts,
        purged -> Bool,
    }
}

diesel::table! {
    use crate::column::Uid;
    use diesel::sql_types::{BigInt, Text};

    returned_ops (org_id, stream, audit_id, sseq_last) {
        org_id -> Uid,
        stream -> Text,
        audit_id -> Uid,
        sseq_last -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(assignments, audits);
diesel::allow_tables_to_appear_in_same_query!(audits, score_versions);
diesel::allow_tables_to_appear_in_same_query!(role_grants, users);
diesel::allow_tables_to_appear_in_same_query!(devices, quarantined_ops);
diesel::allow_tables_to_appear_in_same_query!(devices, successions);
diesel::allow_tables_to_appear_in_same_query!(kpi_observations, kpi_retractions);
diesel::allow_tables_to_appear_in_same_query!(payout_runs, payout_totals);
