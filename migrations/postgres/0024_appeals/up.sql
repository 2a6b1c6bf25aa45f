-- Appeals of branches against published visits: which items and why, with what files, what was decided, and what was written on it. What
-- a branch said and what was decided stands for good; only a redaction takes an answer out.

ALTER TABLE programmes ADD COLUMN appeal_days bigint NOT NULL DEFAULT 7 CHECK (appeal_days BETWEEN 1 AND 90);

CREATE TABLE appeals (
    org_id uuid NOT NULL,
    appeal_id uuid NOT NULL,
    audit_id uuid NOT NULL,
    branch_id uuid NOT NULL,
    score_version bigint NOT NULL CHECK (score_version > 0),
    appellant uuid NOT NULL,
    created_at timestamptz NOT NULL,
    decide_by text NOT NULL CHECK (length(decide_by) = 10),
    state text NOT NULL CHECK (state IN ('open', 'upheld', 'dismissed', 'withdrawn', 'void')),
    decided_by uuid,
    decided_at timestamptz,
    reason text,
    new_version bigint,
    PRIMARY KEY (org_id, appeal_id),
    FOREIGN KEY (org_id, audit_id, score_version) REFERENCES score_versions (org_id, audit_id, version),
    FOREIGN KEY (org_id, audit_id, new_version) REFERENCES score_versions (org_id, audit_id, version),
    FOREIGN KEY (org_id, appellant) REFERENCES users (org_id, user_id),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'upheld') = (new_version IS NOT NULL)),
    CHECK (decided_by IS NULL OR state IN ('withdrawn', 'void') OR decided_by <> appellant)
);
CREATE UNIQUE INDEX appeals_open ON appeals (org_id, audit_id) WHERE state = 'open';
CREATE INDEX appeals_by_audit ON appeals (org_id, audit_id, appeal_id);
CREATE INDEX appeals_by_branch ON appeals (org_id, branch_id, appeal_id);
CREATE INDEX appeals_by_state ON appeals (org_id, state, appeal_id);
CREATE TRIGGER appeals_refuse_update BEFORE UPDATE ON appeals
    FOR EACH ROW WHEN (
        OLD.state <> 'open' OR
        (NEW.org_id, NEW.appeal_id, NEW.audit_id, NEW.branch_id, NEW.score_version, NEW.appellant, NEW.created_at, NEW.decide_by)
        IS DISTINCT FROM
        (OLD.org_id, OLD.appeal_id, OLD.audit_id, OLD.branch_id, OLD.score_version, OLD.appellant, OLD.created_at, OLD.decide_by)
    ) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER appeals_refuse_delete BEFORE DELETE ON appeals
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE appeal_items (
    org_id uuid NOT NULL,
    appeal_id uuid NOT NULL,
    item text NOT NULL CHECK (length(item) > 0),
    place bigint NOT NULL CHECK (place >= 0),
    reason text NOT NULL CHECK (length(reason) > 0),
    decision text CHECK (decision IN ('upheld', 'dismissed')),
    decision_reason text,
    answer text CHECK ((answer::json) IS NOT NULL OR answer IS NULL),
    answer_redacted boolean NOT NULL,
    PRIMARY KEY (org_id, appeal_id, item),
    FOREIGN KEY (org_id, appeal_id) REFERENCES appeals (org_id, appeal_id),
    CHECK (answer IS NULL OR (decision = 'upheld' AND NOT answer_redacted)),
    CHECK (decision IS DISTINCT FROM 'upheld' OR answer IS NOT NULL OR answer_redacted)
);
CREATE TRIGGER appeal_items_refuse_update BEFORE UPDATE ON appeal_items
    FOR EACH ROW WHEN (
        (NEW.org_id, NEW.appeal_id, NEW.item, NEW.place, NEW.reason)
        IS DISTINCT FROM (OLD.org_id, OLD.appeal_id, OLD.item, OLD.place, OLD.reason)
        OR (OLD.decision IS NOT NULL AND (NEW.decision, NEW.decision_reason) IS DISTINCT FROM (OLD.decision, OLD.decision_reason))
        OR (OLD.decision IS NOT NULL AND NEW.answer IS DISTINCT FROM OLD.answer AND NOT NEW.answer_redacted)
        OR NEW.answer_redacted < OLD.answer_redacted
    ) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER appeal_items_refuse_delete BEFORE DELETE ON appeal_items
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE appeal_files (
    org_id uuid NOT NULL,
    appeal_id uuid NOT NULL,
    item text NOT NULL,
    blob bytea NOT NULL CHECK (length(blob) = 32),
    mime text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    added_by uuid NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, appeal_id, item, blob),
    FOREIGN KEY (org_id, appeal_id, item) REFERENCES appeal_items (org_id, appeal_id, item)
);
CREATE INDEX appeal_files_by_blob ON appeal_files (org_id, blob);
CREATE TRIGGER appeal_files_refuse_update BEFORE UPDATE ON appeal_files
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER appeal_files_refuse_delete BEFORE DELETE ON appeal_files
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE appeal_messages (
    org_id uuid NOT NULL,
    message_id uuid NOT NULL,
    appeal_id uuid NOT NULL,
    author uuid NOT NULL,
    of_office boolean NOT NULL,
    text text NOT NULL CHECK (length(text) > 0),
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, message_id),
    FOREIGN KEY (org_id, appeal_id) REFERENCES appeals (org_id, appeal_id)
);
CREATE INDEX appeal_messages_by_appeal ON appeal_messages (org_id, appeal_id, message_id);
CREATE TRIGGER appeal_messages_refuse_update BEFORE UPDATE ON appeal_messages
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER appeal_messages_refuse_delete BEFORE DELETE ON appeal_messages
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
