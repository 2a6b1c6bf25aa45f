-- Audits as the fold of their ops shows them, and every arrow of their state table that was taken.

CREATE TABLE audits (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    audit_id uuid NOT NULL,
    branch_id uuid NOT NULL,
    auditor_id uuid NOT NULL,
    assignment_id uuid,
    template_id text NOT NULL,
    template_version bigint NOT NULL,
    template_hash bytea NOT NULL CHECK (length(template_hash) = 32),
    state text NOT NULL CHECK (state IN (
        'offered', 'accepted', 'declined', 'expired', 'in_progress', 'submitted', 'in_review', 'on_hold', 'returned',
        'approved', 'rejected', 'published', 'excluded', 'appealed', 'locked', 'void', 'superseded'
    )),
    round bigint NOT NULL CHECK (round >= 0),
    kind text NOT NULL CHECK (kind IN ('visit', 'not_completed')),
    visit_date text CHECK (length(visit_date) = 10),
    zone text NOT NULL,
    submitted_at timestamptz,
    decided_at timestamptz,
    decided_by uuid,
    open_conflicts bigint NOT NULL CHECK (open_conflicts >= 0),
    late_ops bigint NOT NULL CHECK (late_ops >= 0),
    claimed_by uuid,
    external_ref text,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, audit_id)
);
CREATE INDEX audits_by_date ON audits (org_id, visit_date, audit_id);
CREATE INDEX audits_by_branch ON audits (org_id, branch_id, visit_date, audit_id);
CREATE INDEX audits_by_state ON audits (org_id, state, audit_id);
CREATE INDEX audits_by_auditor ON audits (org_id, auditor_id, audit_id);
CREATE INDEX audits_by_external_ref ON audits (org_id, external_ref);

-- Kept apart from audits: lists never read them, and a change of state never rewrites them.
CREATE TABLE audit_ops (
    org_id uuid NOT NULL,
    audit_id uuid NOT NULL,
    ops bytea NOT NULL,
    PRIMARY KEY (org_id, audit_id),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
);

CREATE TABLE visit_events (
    org_id uuid NOT NULL,
    audit_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    from_state text,
    command text NOT NULL,
    to_state text NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    device_at timestamptz,
    server_at timestamptz NOT NULL,
    reason text,
    before_hash bytea,
    after_hash bytea,
    PRIMARY KEY (org_id, audit_id, seq),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
);
CREATE TRIGGER visit_events_refuse_update BEFORE UPDATE ON visit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER visit_events_refuse_delete BEFORE DELETE ON visit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
