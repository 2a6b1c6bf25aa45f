-- Payout runs, their lines and what each person is paid.

CREATE TABLE payout_runs (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    run_id uuid NOT NULL,
    plan_id text NOT NULL,
    plan_version bigint NOT NULL,
    plan_hash bytea NOT NULL CHECK (length(plan_hash) = 32),
    period_from text NOT NULL CHECK (length(period_from) = 10),
    period_to text NOT NULL CHECK (length(period_to) = 10),
    currency text NOT NULL CHECK (length(currency) = 3),
    mode text NOT NULL CHECK (mode IN ('shadow', 'live')),
    state text NOT NULL CHECK (state IN (
        'draft', 'calculated', 'in_approval', 'approved', 'locked', 'exported', 'paid'
    )),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    calculated_by uuid,
    calculated_at timestamptz,
    approved_by uuid,
    approved_at timestamptz,
    locked_by uuid,
    locked_at timestamptz,
    inputs text NOT NULL CHECK ((inputs::json) IS NOT NULL),
    inputs_hash bytea NOT NULL CHECK (length(inputs_hash) = 32),
    result_hash bytea CHECK (length(result_hash) = 32),
    PRIMARY KEY (org_id, run_id),
    CHECK (period_to >= period_from),
    CHECK (approved_by IS NULL OR approved_by <> calculated_by),
    CHECK (locked_by IS NULL OR locked_by <> calculated_by)
);

CREATE TABLE payout_lines (
    org_id uuid NOT NULL,
    run_id uuid NOT NULL,
    person text NOT NULL,
    line bigint NOT NULL CHECK (line > 0),
    component text NOT NULL,
    amount_minor bigint NOT NULL,
    doc text NOT NULL CHECK ((doc::json) IS NOT NULL),
    PRIMARY KEY (org_id, run_id, person, line),
    FOREIGN KEY (org_id, run_id) REFERENCES payout_runs (org_id, run_id)
);

CREATE TABLE payout_totals (
    org_id uuid NOT NULL,
    run_id uuid NOT NULL,
    person text NOT NULL,
    payable_minor bigint NOT NULL CHECK (payable_minor >= 0),
    doc text NOT NULL CHECK ((doc::json) IS NOT NULL),
    PRIMARY KEY (org_id, run_id, person),
    FOREIGN KEY (org_id, run_id) REFERENCES payout_runs (org_id, run_id)
);

-- Once somebody approved a run, what they approved is what is paid: lines and totals are frozen, and the run never
-- goes back to an earlier state.
CREATE FUNCTION refuse_change_of_approved_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched record;
    run_state text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        touched := OLD;
    ELSE
        touched := NEW;
    END IF;
    SELECT state INTO run_state FROM payout_runs WHERE org_id = touched.org_id AND run_id = touched.run_id;
    IF run_state IN ('approved', 'locked', 'exported', 'paid') THEN
        RAISE EXCEPTION 'refused: % is frozen once approved', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    RETURN touched;
END $$;
CREATE TRIGGER payout_lines_refuse_update BEFORE UPDATE ON payout_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payout_lines_refuse_change BEFORE INSERT OR DELETE ON payout_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_approved_run();
CREATE TRIGGER payout_totals_refuse_update BEFORE UPDATE ON payout_totals
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payout_totals_refuse_change BEFORE INSERT OR DELETE ON payout_totals
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_approved_run();
CREATE FUNCTION refuse_edit_of_approved_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'refused: % is frozen once approved', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER payout_runs_refuse_update BEFORE UPDATE ON payout_runs
    FOR EACH ROW WHEN (
        OLD.state IN ('approved', 'locked', 'exported', 'paid') AND (
            NEW.inputs <> OLD.inputs OR NEW.inputs_hash <> OLD.inputs_hash
            OR NEW.result_hash IS DISTINCT FROM OLD.result_hash
            OR NEW.plan_hash <> OLD.plan_hash OR NEW.currency <> OLD.currency
            OR NEW.state NOT IN ('approved', 'locked', 'exported', 'paid')
            OR (OLD.state <> 'approved' AND NEW.state = 'approved')
        )
    ) EXECUTE FUNCTION refuse_edit_of_approved_run();
CREATE TRIGGER payout_runs_refuse_delete BEFORE DELETE ON payout_runs
    FOR EACH ROW WHEN (OLD.state IN ('approved', 'locked', 'exported', 'paid'))
    EXECUTE FUNCTION refuse_edit_of_approved_run();
