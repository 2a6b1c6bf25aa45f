-- Audits as the fold of their ops shows them, and every arrow of their state table that was taken.

CREATE TABLE audits (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    audit_id BLOB NOT NULL,
    branch_id BLOB NOT NULL,
    auditor_id BLOB NOT NULL,
    assignment_id BLOB,
    template_id TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    template_hash BLOB NOT NULL CHECK (length(template_hash) = 32),
    state TEXT NOT NULL CHECK (state IN (
        'offered', 'accepted', 'declined', 'expired', 'in_progress', 'submitted', 'in_review', 'on_hold', 'returned',
        'approved', 'rejected', 'published', 'excluded', 'appealed', 'locked', 'void', 'superseded'
    )),
    round INTEGER NOT NULL CHECK (round >= 0),
    kind TEXT NOT NULL CHECK (kind IN ('visit', 'not_completed')),
    visit_date TEXT CHECK (length(visit_date) = 10),
    zone TEXT NOT NULL,
    submitted_at INTEGER,
    decided_at INTEGER,
    decided_by BLOB,
    open_conflicts INTEGER NOT NULL CHECK (open_conflicts >= 0),
    late_ops INTEGER NOT NULL CHECK (late_ops >= 0),
    claimed_by BLOB,
    external_ref TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, audit_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audits_by_date ON audits (org_id, visit_date, audit_id);
CREATE INDEX audits_by_branch ON audits (org_id, branch_id, visit_date, audit_id);
CREATE INDEX audits_by_state ON audits (org_id, state, audit_id);
CREATE INDEX audits_by_auditor ON audits (org_id, auditor_id, audit_id);
CREATE INDEX audits_by_external_ref ON audits (org_id, external_ref);

-- Kept apart from audits: lists never read them, and a change of state never rewrites them.
CREATE TABLE audit_ops (
    org_id BLOB NOT NULL,
    audit_id BLOB NOT NULL,
    ops BLOB NOT NULL,
    PRIMARY KEY (org_id, audit_id),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
) STRICT;

CREATE TABLE visit_events (
    org_id BLOB NOT NULL,
    audit_id BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    from_state TEXT,
    command TEXT NOT NULL,
    to_state TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB,
    device_at INTEGER,
    server_at INTEGER NOT NULL,
    reason TEXT,
    before_hash BLOB,
    after_hash BLOB,
    PRIMARY KEY (org_id, audit_id, seq),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER visit_events_refuse_update BEFORE UPDATE ON visit_events
BEGIN
    SELECT RAISE(ABORT, 'refused: visit_events is append-only');
END;
CREATE TRIGGER visit_events_refuse_delete BEFORE DELETE ON visit_events
BEGIN
    SELECT RAISE(ABORT, 'refused: visit_events is append-only');
END;
