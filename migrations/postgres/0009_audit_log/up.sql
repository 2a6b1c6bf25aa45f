-- Who did what, hash-chained; and what a repeated request was answered.

-- One row per organization: appending locks it, and it says where the log ends, so that a cut tail shows.
CREATE TABLE audit_log_heads (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    seq bigint NOT NULL CHECK (seq >= 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id)
);

CREATE TABLE audit_log (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    seq bigint NOT NULL CHECK (seq > 0),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL CHECK ((detail::json) IS NOT NULL),
    prev_hash bytea NOT NULL CHECK (length(prev_hash) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id, seq)
);
CREATE INDEX audit_log_by_subject ON audit_log (org_id, subject_kind, subject, seq);
CREATE TRIGGER audit_log_refuse_update BEFORE UPDATE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_refuse_delete BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE idempotency_keys (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
    status bigint NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, user_id, key),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (org_id, created_at);
