-- Frozen visit scores: a correction is a new version, never an edit.

CREATE TABLE score_versions (
    org_id uuid NOT NULL,
    audit_id uuid NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    submit_dev bytea NOT NULL,
    submit_dseq bigint NOT NULL,
    template_hash bytea NOT NULL CHECK (length(template_hash) = 32),
    scorer_version text NOT NULL,
    raw_hundredths bigint,
    final_hundredths bigint,
    band text,
    critical_failed bigint NOT NULL CHECK (critical_failed >= 0),
    doc text NOT NULL CHECK ((doc::json) IS NOT NULL),
    created_at timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (org_id, audit_id, version),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
);
CREATE TRIGGER score_versions_refuse_update BEFORE UPDATE ON score_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER score_versions_refuse_delete BEFORE DELETE ON score_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
