-- Payout runs, their lines and what each person is paid.

CREATE TABLE payout_runs (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    run_id BLOB NOT NULL,
    plan_id TEXT NOT NULL,
    plan_version INTEGER NOT NULL,
    plan_hash BLOB NOT NULL CHECK (length(plan_hash) = 32),
    period_from TEXT NOT NULL CHECK (length(period_from) = 10),
    period_to TEXT NOT NULL CHECK (length(period_to) = 10),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    mode TEXT NOT NULL CHECK (mode IN ('shadow', 'live')),
    state TEXT NOT NULL CHECK (state IN (
        'draft', 'calculated', 'in_approval', 'approved', 'locked', 'exported', 'paid'
    )),
    created_by BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    calculated_by BLOB,
    calculated_at INTEGER,
    approved_by BLOB,
    approved_at INTEGER,
    locked_by BLOB,
    locked_at INTEGER,
    inputs TEXT NOT NULL CHECK (json_valid(inputs)),
    inputs_hash BLOB NOT NULL CHECK (length(inputs_hash) = 32),
    result_hash BLOB CHECK (length(result_hash) = 32),
    PRIMARY KEY (org_id, run_id),
    CHECK (period_to >= period_from),
    CHECK (approved_by IS NULL OR approved_by <> calculated_by),
    CHECK (locked_by IS NULL OR locked_by <> calculated_by)
) STRICT;

CREATE TABLE payout_lines (
    org_id BLOB NOT NULL,
    run_id BLOB NOT NULL,
    person TEXT NOT NULL,
    line INTEGER NOT NULL CHECK (line > 0),
    component TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    PRIMARY KEY (org_id, run_id, person, line),
    FOREIGN KEY (org_id, run_id) REFERENCES payout_runs (org_id, run_id)
) STRICT;

CREATE TABLE payout_totals (
    org_id BLOB NOT NULL,
    run_id BLOB NOT NULL,
    person TEXT NOT NULL,
    payable_minor INTEGER NOT NULL CHECK (payable_minor >= 0),
    doc TEXT NOT NULL CHECK (json_valid(doc)),
    PRIMARY KEY (org_id, run_id, person),
    FOREIGN KEY (org_id, run_id) REFERENCES payout_runs (org_id, run_id)
) STRICT;

-- Once somebody approved a run, what they approved is what is paid: lines and totals are frozen, and the run never
-- goes back to an earlier state.
CREATE TRIGGER payout_lines_refuse_insert BEFORE INSERT ON payout_lines
WHEN (SELECT state FROM payout_runs WHERE org_id = NEW.org_id AND run_id = NEW.run_id)
    IN ('approved', 'locked', 'exported', 'paid')
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_lines is frozen once approved');
END;
CREATE TRIGGER payout_lines_refuse_update BEFORE UPDATE ON payout_lines
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_lines is append-only');
END;
CREATE TRIGGER payout_lines_refuse_delete BEFORE DELETE ON payout_lines
WHEN (SELECT state FROM payout_runs WHERE org_id = OLD.org_id AND run_id = OLD.run_id)
    IN ('approved', 'locked', 'exported', 'paid')
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_lines is frozen once approved');
END;
CREATE TRIGGER payout_totals_refuse_insert BEFORE INSERT ON payout_totals
WHEN (SELECT state FROM payout_runs WHERE org_id = NEW.org_id AND run_id = NEW.run_id)
    IN ('approved', 'locked', 'exported', 'paid')
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_totals is frozen once approved');
END;
CREATE TRIGGER payout_totals_refuse_update BEFORE UPDATE ON payout_totals
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_totals is append-only');
END;
CREATE TRIGGER payout_totals_refuse_delete BEFORE DELETE ON payout_totals
WHEN (SELECT state FROM payout_runs WHERE org_id = OLD.org_id AND run_id = OLD.run_id)
    IN ('approved', 'locked', 'exported', 'paid')
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_totals is frozen once approved');
END;
CREATE TRIGGER payout_runs_refuse_update BEFORE UPDATE ON payout_runs
WHEN OLD.state IN ('approved', 'locked', 'exported', 'paid') AND (
    NEW.inputs <> OLD.inputs OR NEW.inputs_hash <> OLD.inputs_hash OR NEW.result_hash IS NOT OLD.result_hash
    OR NEW.plan_hash <> OLD.plan_hash OR NEW.currency <> OLD.currency
    OR NEW.state NOT IN ('approved', 'locked', 'exported', 'paid')
    OR (OLD.state <> 'approved' AND NEW.state = 'approved')
)
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_runs is frozen once approved');
END;
CREATE TRIGGER payout_runs_refuse_delete BEFORE DELETE ON payout_runs
WHEN OLD.state IN ('approved', 'locked', 'exported', 'paid')
BEGIN
    SELECT RAISE(ABORT, 'refused: payout_runs is frozen once approved');
END;
