-- KPI observations and assessments against a standard.

-- An observation of the whole organization has the organization's own id as its scope.
CREATE TABLE kpi_observations (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    kpi_id BLOB NOT NULL,
    scope_kind TEXT NOT NULL CHECK (scope_kind IN ('organization', 'region', 'branch', 'staff')),
    scope_id BLOB NOT NULL,
    metric TEXT NOT NULL,
    definition TEXT NOT NULL,
    period_from TEXT NOT NULL CHECK (length(period_from) = 10),
    period_to TEXT NOT NULL CHECK (length(period_to) = 10),
    value TEXT NOT NULL,
    n INTEGER CHECK (n >= 0),
    numerator TEXT,
    denominator TEXT,
    source TEXT NOT NULL,
    observed_at INTEGER NOT NULL,
    entered_by BLOB NOT NULL,
    PRIMARY KEY (org_id, kpi_id),
    CHECK (period_to >= period_from)
) STRICT, WITHOUT ROWID;
CREATE INDEX kpi_observations_by_scope ON kpi_observations (org_id, scope_kind, scope_id, metric, period_from);
CREATE TRIGGER kpi_observations_refuse_update BEFORE UPDATE ON kpi_observations
BEGIN
    SELECT RAISE(ABORT, 'refused: kpi_observations is append-only');
END;
CREATE TRIGGER kpi_observations_refuse_delete BEFORE DELETE ON kpi_observations
BEGIN
    SELECT RAISE(ABORT, 'refused: kpi_observations is append-only');
END;

CREATE TABLE standard_assessments (
    org_id BLOB NOT NULL,
    assessment_id BLOB NOT NULL,
    branch_id BLOB NOT NULL,
    standard_id TEXT NOT NULL,
    standard_version INTEGER NOT NULL,
    standard_hash BLOB NOT NULL CHECK (length(standard_hash) = 32),
    period_from TEXT NOT NULL CHECK (length(period_from) = 10),
    period_to TEXT NOT NULL CHECK (length(period_to) = 10),
    inputs TEXT NOT NULL CHECK (json_valid(inputs)),
    result TEXT NOT NULL CHECK (json_valid(result)),
    total_hundredths INTEGER NOT NULL,
    band TEXT NOT NULL,
    assessed_by BLOB NOT NULL,
    assessed_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, assessment_id),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id),
    CHECK (period_to >= period_from)
) STRICT;
CREATE INDEX standard_assessments_by_branch ON standard_assessments (org_id, branch_id, assessment_id);
CREATE TRIGGER standard_assessments_refuse_update BEFORE UPDATE ON standard_assessments
BEGIN
    SELECT RAISE(ABORT, 'refused: standard_assessments is append-only');
END;
CREATE TRIGGER standard_assessments_refuse_delete BEFORE DELETE ON standard_assessments
BEGIN
    SELECT RAISE(ABORT, 'refused: standard_assessments is append-only');
END;
