-- The installation, its organizations, and who may do what in them.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'refused: % is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;

CREATE TABLE meta (
    key text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (key)
);

CREATE TABLE organizations (
    org_id uuid NOT NULL,
    slug text NOT NULL CHECK (length(slug) > 0),
    name text NOT NULL CHECK (length(name) > 0),
    locale text NOT NULL,
    zone text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id),
    UNIQUE (slug)
);

CREATE TABLE server_keys (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    dev bytea NOT NULL CHECK (length(dev) = 16),
    alg bigint NOT NULL,
    secret_key bytea NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, dev)
);

CREATE TABLE users (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    user_id uuid NOT NULL,
    login text NOT NULL CHECK (length(login) > 0),
    name text NOT NULL,
    password_hash text NOT NULL,
    active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, user_id),
    UNIQUE (org_id, login)
);

-- A grant over the whole organization has the organization's own id as its scope.
CREATE TABLE role_grants (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL CHECK (length(role) > 0),
    scope_kind text NOT NULL CHECK (scope_kind IN ('organization', 'region', 'branch')),
    scope_id uuid NOT NULL,
    granted_by uuid,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, user_id, role, scope_kind, scope_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
);

-- A token or a code says nothing about its organization, so these two are found by their hash alone.
CREATE TABLE sessions (
    org_id uuid NOT NULL,
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    user_id uuid NOT NULL,
    dev bytea,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (token_hash),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
);
CREATE INDEX sessions_by_user ON sessions (org_id, user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE enrolment_codes (
    org_id uuid NOT NULL,
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    user_id uuid NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (code_hash),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
);
CREATE INDEX enrolment_codes_by_user ON enrolment_codes (org_id, user_id);

CREATE TABLE login_failures (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    login text NOT NULL,
    failures bigint NOT NULL CHECK (failures > 0),
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    locked_until timestamptz,
    PRIMARY KEY (org_id, login)
);
