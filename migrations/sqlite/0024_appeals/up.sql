-- Appeals of branches against published visits: which items and why, with what files, what was decided, and what was written on it. What
-- a branch said and what was decided stands for good; only a redaction takes an answer out.

ALTER TABLE programmes ADD COLUMN appeal_days INTEGER NOT NULL DEFAULT 7 CHECK (appeal_days BETWEEN 1 AND 90);

CREATE TABLE appeals (
    org_id BLOB NOT NULL,
    appeal_id BLOB NOT NULL,
    audit_id BLOB NOT NULL,
    branch_id BLOB NOT NULL,
    score_version INTEGER NOT NULL CHECK (score_version > 0),
    appellant BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    decide_by TEXT NOT NULL CHECK (length(decide_by) = 10),
    state TEXT NOT NULL CHECK (state IN ('open', 'upheld', 'dismissed', 'withdrawn', 'void')),
    decided_by BLOB,
    decided_at INTEGER,
    reason TEXT,
    new_version INTEGER,
    PRIMARY KEY (org_id, appeal_id),
    FOREIGN KEY (org_id, audit_id, score_version) REFERENCES score_versions (org_id, audit_id, version),
    FOREIGN KEY (org_id, audit_id, new_version) REFERENCES score_versions (org_id, audit_id, version),
    FOREIGN KEY (org_id, appellant) REFERENCES users (org_id, user_id),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((state = 'upheld') = (new_version IS NOT NULL)),
    CHECK (decided_by IS NULL OR state IN ('withdrawn', 'void') OR decided_by <> appellant)
) STRICT;
CREATE UNIQUE INDEX appeals_open ON appeals (org_id, audit_id) WHERE state = 'open';
CREATE INDEX appeals_by_audit ON appeals (org_id, audit_id, appeal_id);
CREATE INDEX appeals_by_branch ON appeals (org_id, branch_id, appeal_id);
CREATE INDEX appeals_by_state ON appeals (org_id, state, appeal_id);
CREATE TRIGGER appeals_refuse_update BEFORE UPDATE ON appeals
WHEN OLD.state <> 'open'
    OR NEW.org_id IS NOT OLD.org_id
    OR NEW.appeal_id IS NOT OLD.appeal_id
    OR NEW.audit_id IS NOT OLD.audit_id
    OR NEW.branch_id IS NOT OLD.branch_id
    OR NEW.score_version IS NOT OLD.score_version
    OR NEW.appellant IS NOT OLD.appellant
    OR NEW.created_at IS NOT OLD.created_at
    OR NEW.decide_by IS NOT OLD.decide_by
BEGIN
    SELECT RAISE(ABORT, 'refused: appeals is append-only');
END;
CREATE TRIGGER appeals_refuse_delete BEFORE DELETE ON appeals
BEGIN
    SELECT RAISE(ABORT, 'refused: appeals is append-only');
END;

CREATE TABLE appeal_items (
    org_id BLOB NOT NULL,
    appeal_id BLOB NOT NULL,
    item TEXT NOT NULL CHECK (length(item) > 0),
    place INTEGER NOT NULL CHECK (place >= 0),
    reason TEXT NOT NULL CHECK (length(reason) > 0),
    decision TEXT CHECK (decision IN ('upheld', 'dismissed')),
    decision_reason TEXT,
    answer TEXT CHECK (json_valid(answer)),
    answer_redacted INTEGER NOT NULL CHECK (answer_redacted IN (0, 1)),
    PRIMARY KEY (org_id, appeal_id, item),
    FOREIGN KEY (org_id, appeal_id) REFERENCES appeals (org_id, appeal_id),
    CHECK (answer IS NULL OR (decision = 'upheld' AND answer_redacted = 0)),
    CHECK (decision IS NOT 'upheld' OR answer IS NOT NULL OR answer_redacted = 1)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER appeal_items_refuse_update BEFORE UPDATE ON appeal_items
WHEN NEW.org_id IS NOT OLD.org_id
    OR NEW.appeal_id IS NOT OLD.appeal_id
    OR NEW.item IS NOT OLD.item
    OR NEW.place IS NOT OLD.place
    OR NEW.reason IS NOT OLD.reason
    OR (OLD.decision IS NOT NULL AND (NEW.decision IS NOT OLD.decision OR NEW.decision_reason IS NOT OLD.decision_reason))
    OR (OLD.decision IS NOT NULL AND NEW.answer IS NOT OLD.answer AND NEW.answer_redacted = 0)
    OR NEW.answer_redacted < OLD.answer_redacted
BEGIN
    SELECT RAISE(ABORT, 'refused: appeal_items is append-only');
END;
CREATE TRIGGER appeal_items_refuse_delete BEFORE DELETE ON appeal_items
BEGIN
    SELECT RAISE(ABORT, 'refused: appeal_items is append-only');
END;

CREATE TABLE appeal_files (
    org_id BLOB NOT NULL,
    appeal_id BLOB NOT NULL,
    item TEXT NOT NULL,
    blob BLOB NOT NULL CHECK (length(blob) = 32),
    mime TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size > 0),
    added_by BLOB NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, appeal_id, item, blob),
    FOREIGN KEY (org_id, appeal_id, item) REFERENCES appeal_items (org_id, appeal_id, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX appeal_files_by_blob ON appeal_files (org_id, blob);
CREATE TRIGGER appeal_files_refuse_update BEFORE UPDATE ON appeal_files
BEGIN
    SELECT RAISE(ABORT, 'refused: appeal_files is append-only');
END;
CREATE TRIGGER appeal_files_refuse_delete BEFORE DELETE ON appeal_files
BEGIN
    SELECT RAISE(ABORT, 'refused: appeal_files is append-only');
END;

CREATE TABLE appeal_messages (
    org_id BLOB NOT NULL,
    message_id BLOB NOT NULL,
    appeal_id BLOB NOT NULL,
    author BLOB NOT NULL,
    of_office INTEGER NOT NULL CHECK (of_office IN (0, 1)),
    text TEXT NOT NULL CHECK (length(text) > 0),
    at INTEGER NOT NULL,
    PRIMARY KEY (org_id, message_id),
    FOREIGN KEY (org_id, appeal_id) REFERENCES appeals (org_id, appeal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX appeal_messages_by_appeal ON appeal_messages (org_id, appeal_id, message_id);
CREATE TRIGGER appeal_messages_refuse_update BEFORE UPDATE ON appeal_messages
BEGIN
    SELECT RAISE(ABORT, 'refused: appeal_messages is append-only');
END;
CREATE TRIGGER appeal_messages_refuse_delete BEFORE DELETE ON appeal_messages
BEGIN
    SELECT RAISE(ABORT, 'refused: appeal_messages is append-only');
END;
