-- The second factor of people: the secret of an authenticator app, how far its codes were used, and codes for the day that the
-- phone is lost. A session that awaits the code opens nothing; when a code was last given in a session is kept with it.

CREATE TABLE second_factors (
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    secret BLOB CHECK (length(secret) = 20),
    offered BLOB CHECK (length(offered) = 20),
    offered_at INTEGER,
    confirmed_at INTEGER,
    last_step INTEGER NOT NULL CHECK (last_step >= 0),
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id),
    CHECK ((secret IS NULL) = (confirmed_at IS NULL)),
    CHECK ((offered IS NULL) = (offered_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    used_at INTEGER,
    PRIMARY KEY (org_id, user_id, code_hash),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN awaits_factor INTEGER NOT NULL DEFAULT 0 CHECK (awaits_factor IN (0, 1));
ALTER TABLE sessions ADD COLUMN proved_at INTEGER;
