-- KPI observations and assessments against a standard.

-- An observation of the whole organization has the organization's own id as its scope.
CREATE TABLE kpi_observations (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    kpi_id uuid NOT NULL,
    scope_kind text NOT NULL CHECK (scope_kind IN ('organization', 'region', 'branch', 'staff')),
    scope_id uuid NOT NULL,
    metric text NOT NULL,
    definition text NOT NULL,
    period_from text NOT NULL CHECK (length(period_from) = 10),
    period_to text NOT NULL CHECK (length(period_to) = 10),
    value text NOT NULL,
    n bigint CHECK (n >= 0),
    numerator text,
    denominator text,
    source text NOT NULL,
    observed_at timestamptz NOT NULL,
    entered_by uuid NOT NULL,
    PRIMARY KEY (org_id, kpi_id),
    CHECK (period_to >= period_from)
);
CREATE INDEX kpi_observations_by_scope ON kpi_observations (org_id, scope_kind, scope_id, metric, period_from);
CREATE TRIGGER kpi_observations_refuse_update BEFORE UPDATE ON kpi_observations
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kpi_observations_refuse_delete BEFORE DELETE ON kpi_observations
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE standard_assessments (
    org_id uuid NOT NULL,
    assessment_id uuid NOT NULL,
    branch_id uuid NOT NULL,
    standard_id text NOT NULL,
    standard_version bigint NOT NULL,
    standard_hash bytea NOT NULL CHECK (length(standard_hash) = 32),
    period_from text NOT NULL CHECK (length(period_from) = 10),
    period_to text NOT NULL CHECK (length(period_to) = 10),
    inputs text NOT NULL CHECK ((inputs::json) IS NOT NULL),
    result text NOT NULL CHECK ((result::json) IS NOT NULL),
    total_hundredths bigint NOT NULL,
    band text NOT NULL,
    assessed_by uuid NOT NULL,
    assessed_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, assessment_id),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id),
    CHECK (period_to >= period_from)
);
CREATE INDEX standard_assessments_by_branch ON standard_assessments (org_id, branch_id, assessment_id);
CREATE TRIGGER standard_assessments_refuse_update BEFORE UPDATE ON standard_assessments
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER standard_assessments_refuse_delete BEFORE DELETE ON standard_assessments
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
