-- Ops whose values were taken out for good, by what the server's `redact` ops name. It follows from the logs, and is here so
-- that what comes again, or comes from a phone that does not know, is met at the door.

CREATE TABLE redactions (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    audit_id BLOB NOT NULL,
    dev BLOB NOT NULL CHECK (length(dev) = 16),
    dseq INTEGER NOT NULL CHECK (dseq > 0),
    field TEXT NOT NULL,
    PRIMARY KEY (org_id, audit_id, dev, dseq, field)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER redactions_refuse_update BEFORE UPDATE ON redactions
BEGIN
    SELECT RAISE(ABORT, 'refused: redactions is append-only');
END;
CREATE TRIGGER redactions_refuse_delete BEFORE DELETE ON redactions
BEGIN
    SELECT RAISE(ABORT, 'refused: redactions is append-only');
END;

-- Blobs that were redacted: their bytes are taken from nobody any more; `purged` once they are gone from the store.
CREATE TABLE redacted_blobs (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    blob BLOB NOT NULL CHECK (length(blob) = 32),
    redacted_at INTEGER NOT NULL,
    purged INTEGER NOT NULL CHECK (purged IN (0, 1)),
    PRIMARY KEY (org_id, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX redacted_blobs_to_purge ON redacted_blobs (org_id, blob) WHERE purged = 0;

-- What a device gave up of its log is evidence: a redaction may take a value out of it, and nothing else.
CREATE TRIGGER former_runs_refuse_update BEFORE UPDATE ON former_runs
WHEN NEW.org_id IS NOT OLD.org_id
    OR NEW.dev IS NOT OLD.dev
    OR NEW.first_dseq IS NOT OLD.first_dseq
    OR NEW.last_dseq IS NOT OLD.last_dseq
    OR NEW.h IS NOT OLD.h
    OR NEW.brought_by IS NOT OLD.brought_by
    OR NEW.received_at IS NOT OLD.received_at
BEGIN
    SELECT RAISE(ABORT, 'refused: former_runs is append-only');
END;
CREATE TRIGGER former_runs_refuse_delete BEFORE DELETE ON former_runs
BEGIN
    SELECT RAISE(ABORT, 'refused: former_runs is append-only');
END;
