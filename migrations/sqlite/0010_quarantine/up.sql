-- Ops that were stored and acknowledged but not applied, each with the reason, for a person to look at.

CREATE TABLE quarantined_ops (
    org_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    dseq INTEGER NOT NULL CHECK (dseq > 0),
    audit_id BLOB NOT NULL,
    reason TEXT NOT NULL CHECK (length(reason) > 0),
    received_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, dev, dseq),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantined_ops_by_audit ON quarantined_ops (org_id, audit_id);
