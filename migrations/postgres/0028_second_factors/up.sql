-- The second factor of people: the secret of an authenticator app, how far its codes were used, and codes for the day that the
-- phone is lost. A session that awaits the code opens nothing; when a code was last given in a session is kept with it.

CREATE TABLE second_factors (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    secret bytea CHECK (length(secret) = 20),
    offered bytea CHECK (length(offered) = 20),
    offered_at timestamptz,
    confirmed_at timestamptz,
    last_step bigint NOT NULL CHECK (last_step >= 0),
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id),
    CHECK ((secret IS NULL) = (confirmed_at IS NULL)),
    CHECK ((offered IS NULL) = (offered_at IS NULL))
);

CREATE TABLE recovery_codes (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (org_id, user_id, code_hash),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
);

ALTER TABLE sessions ADD COLUMN awaits_factor boolean NOT NULL DEFAULT false;
ALTER TABLE sessions ADD COLUMN proved_at timestamptz;
