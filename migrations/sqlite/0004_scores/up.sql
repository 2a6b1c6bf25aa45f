-- Frozen visit scores: a correction is a new version, never an edit.

CREATE TABLE score_versions (
    org_id BLOB NOT NULL,
    audit_id BLOB NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    submit_dev BLOB NOT NULL,
    submit_dseq INTEGER NOT NULL,
    template_hash BLOB NOT NULL CHECK (length(template_hash) = 32),
    scorer_version TEXT NOT NULL,
    raw_hundredths INTEGER,
    final_hundredths INTEGER,
    band TEXT,
    critical_failed INTEGER NOT NULL CHECK (critical_failed >= 0),
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    created_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (org_id, audit_id, version),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
) STRICT;
CREATE TRIGGER score_versions_refuse_update BEFORE UPDATE ON score_versions
BEGIN
    SELECT RAISE(ABORT, 'refused: score_versions is append-only');
END;
CREATE TRIGGER score_versions_refuse_delete BEFORE DELETE ON score_versions
BEGIN
    SELECT RAISE(ABORT, 'refused: score_versions is append-only');
END;
