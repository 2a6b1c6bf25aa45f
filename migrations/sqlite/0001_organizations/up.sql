-- The installation, its organizations, and who may do what in them.

CREATE TABLE meta (
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (key)
) STRICT, WITHOUT ROWID;

CREATE TABLE organizations (
    org_id BLOB NOT NULL,
    slug TEXT NOT NULL CHECK (length(slug) > 0),
    name TEXT NOT NULL CHECK (length(name) > 0),
    locale TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id),
    UNIQUE (slug)
) STRICT, WITHOUT ROWID;

CREATE TABLE server_keys (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    dev BLOB NOT NULL CHECK (length(dev) = 16),
    alg INTEGER NOT NULL,
    secret_key BLOB NOT NULL,
    public_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, dev)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    user_id BLOB NOT NULL,
    login TEXT NOT NULL CHECK (length(login) > 0),
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id),
    UNIQUE (org_id, login)
) STRICT, WITHOUT ROWID;

-- A grant over the whole organization has the organization's own id as its scope.
CREATE TABLE role_grants (
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    role TEXT NOT NULL CHECK (length(role) > 0),
    scope_kind TEXT NOT NULL CHECK (scope_kind IN ('organization', 'region', 'branch')),
    scope_id BLOB NOT NULL,
    granted_by BLOB,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id, role, scope_kind, scope_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
) STRICT, WITHOUT ROWID;

-- A token or a code says nothing about its organization, so these two are found by their hash alone.
CREATE TABLE sessions (
    org_id BLOB NOT NULL,
    token_hash BLOB NOT NULL CHECK (length(token_hash) = 32),
    user_id BLOB NOT NULL,
    dev BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (token_hash),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (org_id, user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE enrolment_codes (
    org_id BLOB NOT NULL,
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    user_id BLOB NOT NULL,
    created_by BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (code_hash),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_codes_by_user ON enrolment_codes (org_id, user_id);

CREATE TABLE login_failures (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    login TEXT NOT NULL,
    failures INTEGER NOT NULL CHECK (failures > 0),
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    locked_until INTEGER,
    PRIMARY KEY (org_id, login)
) STRICT, WITHOUT ROWID;
