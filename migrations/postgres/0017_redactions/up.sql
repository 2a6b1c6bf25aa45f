-- Ops whose values were taken out for good, by what the server's `redact` ops name. It follows from the logs, and is here so
-- that what comes again, or comes from a phone that does not know, is met at the door.

CREATE TABLE redactions (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    audit_id uuid NOT NULL,
    dev bytea NOT NULL CHECK (length(dev) = 16),
    dseq bigint NOT NULL CHECK (dseq > 0),
    field text NOT NULL,
    PRIMARY KEY (org_id, audit_id, dev, dseq, field)
);
CREATE TRIGGER redactions_refuse_update BEFORE UPDATE ON redactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER redactions_refuse_delete BEFORE DELETE ON redactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Blobs that were redacted: their bytes are taken from nobody any more; `purged` once they are gone from the store.
CREATE TABLE redacted_blobs (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    blob bytea NOT NULL CHECK (length(blob) = 32),
    redacted_at timestamptz NOT NULL,
    purged boolean NOT NULL,
    PRIMARY KEY (org_id, blob)
);
CREATE INDEX redacted_blobs_to_purge ON redacted_blobs (org_id, blob) WHERE NOT purged;

-- What a device gave up of its log is evidence: a redaction may take a value out of it, and nothing else.
CREATE TRIGGER former_runs_refuse_update BEFORE UPDATE ON former_runs
    FOR EACH ROW WHEN (
        (NEW.org_id, NEW.dev, NEW.first_dseq, NEW.last_dseq, NEW.h, NEW.brought_by, NEW.received_at)
        IS DISTINCT FROM
        (OLD.org_id, OLD.dev, OLD.first_dseq, OLD.last_dseq, OLD.h, OLD.brought_by, OLD.received_at)
    ) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER former_runs_refuse_delete BEFORE DELETE ON former_runs
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
