-- What was taken in from spreadsheets: each import with who, when and how much, and row by row what it changed, so that it can be put
-- back once. And observations that were taken back: they stay as facts, and count no more.

CREATE TABLE imports (
    org_id BLOB NOT NULL,
    import_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('branches', 'users', 'staff', 'shifts', 'kpis')),
    file_name TEXT NOT NULL,
    file_hash BLOB NOT NULL CHECK (length(file_hash) = 32),
    imported_by BLOB NOT NULL,
    imported_at INTEGER NOT NULL,
    added INTEGER NOT NULL CHECK (added >= 0),
    changed INTEGER NOT NULL CHECK (changed >= 0),
    unchanged INTEGER NOT NULL CHECK (unchanged >= 0),
    refused INTEGER NOT NULL CHECK (refused >= 0),
    undone_by BLOB,
    undone_at INTEGER,
    PRIMARY KEY (org_id, import_id),
    FOREIGN KEY (org_id, imported_by) REFERENCES users (org_id, user_id),
    CHECK ((undone_at IS NULL) = (undone_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER imports_refuse_update BEFORE UPDATE ON imports
WHEN OLD.undone_at IS NOT NULL
    OR NEW.org_id IS NOT OLD.org_id
    OR NEW.import_id IS NOT OLD.import_id
    OR NEW.kind IS NOT OLD.kind
    OR NEW.file_name IS NOT OLD.file_name
    OR NEW.file_hash IS NOT OLD.file_hash
    OR NEW.imported_by IS NOT OLD.imported_by
    OR NEW.imported_at IS NOT OLD.imported_at
    OR NEW.added IS NOT OLD.added
    OR NEW.changed IS NOT OLD.changed
    OR NEW.unchanged IS NOT OLD.unchanged
    OR NEW.refused IS NOT OLD.refused
BEGIN
    SELECT RAISE(ABORT, 'refused: imports is append-only');
END;
CREATE TRIGGER imports_refuse_delete BEFORE DELETE ON imports
BEGIN
    SELECT RAISE(ABORT, 'refused: imports is append-only');
END;

CREATE TABLE import_rows (
    org_id BLOB NOT NULL,
    import_id BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    file_row INTEGER NOT NULL CHECK (file_row > 0),
    subject TEXT NOT NULL CHECK (subject IN ('region', 'branch', 'user', 'role', 'staff', 'shift', 'kpi')),
    key TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    was TEXT CHECK (was IS NULL OR json_valid(was)),
    became TEXT NOT NULL CHECK (json_valid(became)),
    kept TEXT,
    PRIMARY KEY (org_id, import_id, seq),
    FOREIGN KEY (org_id, import_id) REFERENCES imports (org_id, import_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE kpi_retractions (
    org_id BLOB NOT NULL,
    kpi_id BLOB NOT NULL,
    import_id BLOB NOT NULL,
    retracted_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, kpi_id),
    FOREIGN KEY (org_id, kpi_id) REFERENCES kpi_observations (org_id, kpi_id),
    FOREIGN KEY (org_id, import_id) REFERENCES imports (org_id, import_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER kpi_retractions_refuse_update BEFORE UPDATE ON kpi_retractions
BEGIN
    SELECT RAISE(ABORT, 'refused: kpi_retractions is append-only');
END;
CREATE TRIGGER kpi_retractions_refuse_delete BEFORE DELETE ON kpi_retractions
BEGIN
    SELECT RAISE(ABORT, 'refused: kpi_retractions is append-only');
END;
