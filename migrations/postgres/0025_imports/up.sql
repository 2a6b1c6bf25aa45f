-- What was taken in from spreadsheets: each import with who, when and how much, and row by row what it changed, so that it can be put
-- back once. And observations that were taken back: they stay as facts, and count no more.

CREATE TABLE imports (
    org_id uuid NOT NULL,
    import_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('branches', 'users', 'staff', 'shifts', 'kpis')),
    file_name text NOT NULL,
    file_hash bytea NOT NULL CHECK (length(file_hash) = 32),
    imported_by uuid NOT NULL,
    imported_at timestamptz NOT NULL,
    added bigint NOT NULL CHECK (added >= 0),
    changed bigint NOT NULL CHECK (changed >= 0),
    unchanged bigint NOT NULL CHECK (unchanged >= 0),
    refused bigint NOT NULL CHECK (refused >= 0),
    undone_by uuid,
    undone_at timestamptz,
    PRIMARY KEY (org_id, import_id),
    FOREIGN KEY (org_id, imported_by) REFERENCES users (org_id, user_id),
    CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE TRIGGER imports_refuse_update BEFORE UPDATE ON imports
    FOR EACH ROW WHEN (
        OLD.undone_at IS NOT NULL OR
        (NEW.org_id, NEW.import_id, NEW.kind, NEW.file_name, NEW.file_hash, NEW.imported_by, NEW.imported_at, NEW.added,
            NEW.changed, NEW.unchanged, NEW.refused)
        IS DISTINCT FROM
        (OLD.org_id, OLD.import_id, OLD.kind, OLD.file_name, OLD.file_hash, OLD.imported_by, OLD.imported_at, OLD.added,
            OLD.changed, OLD.unchanged, OLD.refused)
    ) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER imports_refuse_delete BEFORE DELETE ON imports
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE import_rows (
    org_id uuid NOT NULL,
    import_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    file_row bigint NOT NULL CHECK (file_row > 0),
    subject text NOT NULL CHECK (subject IN ('region', 'branch', 'user', 'role', 'staff', 'shift', 'kpi')),
    key text NOT NULL,
    subject_id uuid NOT NULL,
    was text CHECK (was IS NULL OR was::json IS NOT NULL),
    became text NOT NULL CHECK (became::json IS NOT NULL),
    kept text,
    PRIMARY KEY (org_id, import_id, seq),
    FOREIGN KEY (org_id, import_id) REFERENCES imports (org_id, import_id)
);

CREATE TABLE kpi_retractions (
    org_id uuid NOT NULL,
    kpi_id uuid NOT NULL,
    import_id uuid NOT NULL,
    retracted_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, kpi_id),
    FOREIGN KEY (org_id, kpi_id) REFERENCES kpi_observations (org_id, kpi_id),
    FOREIGN KEY (org_id, import_id) REFERENCES imports (org_id, import_id)
);
CREATE TRIGGER kpi_retractions_refuse_update BEFORE UPDATE ON kpi_retractions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kpi_retractions_refuse_delete BEFORE DELETE ON kpi_retractions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
