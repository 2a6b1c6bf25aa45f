-- Released content, and the programmes, waves and assignments that use it.

CREATE TABLE content_versions (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    kind text NOT NULL CHECK (kind IN ('checklist', 'standard', 'plan')),
    content_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    canonical_json text NOT NULL CHECK ((canonical_json::json) IS NOT NULL),
    state text NOT NULL CHECK (state IN ('draft', 'released')),
    created_at timestamptz NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (org_id, kind, content_id, version),
    CHECK ((state = 'released') = (released_at IS NOT NULL))
);
CREATE INDEX content_versions_by_hash ON content_versions (org_id, kind, hash);
CREATE FUNCTION refuse_change_of_released() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'refused: % is immutable once released', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER content_versions_refuse_update BEFORE UPDATE ON content_versions
    FOR EACH ROW WHEN (OLD.state = 'released') EXECUTE FUNCTION refuse_change_of_released();
CREATE TRIGGER content_versions_refuse_delete BEFORE DELETE ON content_versions
    FOR EACH ROW WHEN (OLD.state = 'released') EXECUTE FUNCTION refuse_change_of_released();

CREATE TABLE programmes (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    programme_id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, programme_id),
    UNIQUE (org_id, code)
);

CREATE TABLE waves (
    org_id uuid NOT NULL,
    wave_id uuid NOT NULL,
    programme_id uuid NOT NULL,
    name text NOT NULL,
    window_from text NOT NULL CHECK (length(window_from) = 10),
    window_to text NOT NULL CHECK (length(window_to) = 10),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, wave_id),
    FOREIGN KEY (org_id, programme_id) REFERENCES programmes (org_id, programme_id),
    CHECK (window_to >= window_from)
);
CREATE INDEX waves_by_programme ON waves (org_id, programme_id, wave_id);

CREATE TABLE assignments (
    org_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    wave_id uuid,
    branch_id uuid NOT NULL,
    auditor_id uuid NOT NULL,
    template_id text NOT NULL,
    template_version bigint NOT NULL,
    template_hash bytea NOT NULL CHECK (length(template_hash) = 32),
    window_from text NOT NULL CHECK (length(window_from) = 10),
    window_to text NOT NULL CHECK (length(window_to) = 10),
    state text NOT NULL CHECK (state IN (
        'offered', 'accepted', 'declined', 'expired', 'in_progress', 'submitted', 'in_review', 'on_hold', 'returned',
        'approved', 'rejected', 'published', 'excluded', 'appealed', 'locked', 'void', 'superseded'
    )),
    audit_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, assignment_id),
    FOREIGN KEY (org_id, wave_id) REFERENCES waves (org_id, wave_id),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id),
    FOREIGN KEY (org_id, auditor_id) REFERENCES users (org_id, user_id),
    CHECK (window_to >= window_from)
);
CREATE INDEX assignments_by_auditor ON assignments (org_id, auditor_id, assignment_id);
CREATE INDEX assignments_by_wave ON assignments (org_id, wave_id, assignment_id);
