-- Released content, and the programmes, waves and assignments that use it.

CREATE TABLE content_versions (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    kind TEXT NOT NULL CHECK (kind IN ('checklist', 'standard', 'plan')),
    content_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    canonical_json TEXT NOT NULL CHECK (json_valid(canonical_json)),
    state TEXT NOT NULL CHECK (state IN ('draft', 'released')),
    created_at INTEGER NOT NULL,
    released_at INTEGER,
    PRIMARY KEY (org_id, kind, content_id, version),
    CHECK ((state = 'released') = (released_at IS NOT NULL))
) STRICT;
CREATE INDEX content_versions_by_hash ON content_versions (org_id, kind, hash);
CREATE TRIGGER content_versions_refuse_update BEFORE UPDATE ON content_versions WHEN OLD.state = 'released'
BEGIN
    SELECT RAISE(ABORT, 'refused: content_versions is immutable once released');
END;
CREATE TRIGGER content_versions_refuse_delete BEFORE DELETE ON content_versions WHEN OLD.state = 'released'
BEGIN
    SELECT RAISE(ABORT, 'refused: content_versions is immutable once released');
END;

CREATE TABLE programmes (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    programme_id BLOB NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, programme_id),
    UNIQUE (org_id, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE waves (
    org_id BLOB NOT NULL,
    wave_id BLOB NOT NULL,
    programme_id BLOB NOT NULL,
    name TEXT NOT NULL,
    window_from TEXT NOT NULL CHECK (length(window_from) = 10),
    window_to TEXT NOT NULL CHECK (length(window_to) = 10),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, wave_id),
    FOREIGN KEY (org_id, programme_id) REFERENCES programmes (org_id, programme_id),
    CHECK (window_to >= window_from)
) STRICT, WITHOUT ROWID;
CREATE INDEX waves_by_programme ON waves (org_id, programme_id, wave_id);

CREATE TABLE assignments (
    org_id BLOB NOT NULL,
    assignment_id BLOB NOT NULL,
    wave_id BLOB,
    branch_id BLOB NOT NULL,
    auditor_id BLOB NOT NULL,
    template_id TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    template_hash BLOB NOT NULL CHECK (length(template_hash) = 32),
    window_from TEXT NOT NULL CHECK (length(window_from) = 10),
    window_to TEXT NOT NULL CHECK (length(window_to) = 10),
    state TEXT NOT NULL CHECK (state IN (
        'offered', 'accepted', 'declined', 'expired', 'in_progress', 'submitted', 'in_review', 'on_hold', 'returned',
        'approved', 'rejected', 'published', 'excluded', 'appealed', 'locked', 'void', 'superseded'
    )),
    audit_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, assignment_id),
    FOREIGN KEY (org_id, wave_id) REFERENCES waves (org_id, wave_id),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id),
    FOREIGN KEY (org_id, auditor_id) REFERENCES users (org_id, user_id),
    CHECK (window_to >= window_from)
) STRICT, WITHOUT ROWID;
CREATE INDEX assignments_by_auditor ON assignments (org_id, auditor_id, assignment_id);
CREATE INDEX assignments_by_wave ON assignments (org_id, wave_id, assignment_id);
