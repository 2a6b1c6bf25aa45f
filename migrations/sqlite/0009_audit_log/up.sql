-- Who did what, hash-chained; and what a repeated request was answered.

-- One row per organization: appending locks it, and it says where the log ends, so that a cut tail shows.
CREATE TABLE audit_log_heads (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_log (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    seq INTEGER NOT NULL CHECK (seq > 0),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL CHECK (json_valid(detail)),
    prev_hash BLOB NOT NULL CHECK (length(prev_hash) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id, seq)
) STRICT;
CREATE INDEX audit_log_by_subject ON audit_log (org_id, subject_kind, subject, seq);
CREATE TRIGGER audit_log_refuse_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'refused: audit_log is append-only');
END;
CREATE TRIGGER audit_log_refuse_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'refused: audit_log is append-only');
END;

CREATE TABLE idempotency_keys (
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id, key),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (org_id, created_at);
