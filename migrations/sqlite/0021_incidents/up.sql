-- Reports of incidents, which are part of no visit: as they came, nearly always sealed to a key whose secret is not here; how far each
-- is handled; and who saw or did what of it, for good.

CREATE TABLE incident_keys (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    key_id BLOB NOT NULL CHECK (length(key_id) = 32),
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    created_at INTEGER NOT NULL,
    retired_at INTEGER,
    PRIMARY KEY (org_id, key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    org_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    author_dev BLOB NOT NULL CHECK (length(author_dev) = 16),
    key_id BLOB CHECK (key_id IS NULL OR length(key_id) = 32),
    body BLOB NOT NULL,
    sig BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'in_hand', 'closed')),
    PRIMARY KEY (org_id, incident_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
) STRICT;
CREATE INDEX incidents_by_user ON incidents (org_id, user_id, received_at);
CREATE TRIGGER incidents_refuse_update BEFORE UPDATE ON incidents
WHEN NEW.org_id IS NOT OLD.org_id
    OR NEW.incident_id IS NOT OLD.incident_id
    OR NEW.user_id IS NOT OLD.user_id
    OR NEW.dev IS NOT OLD.dev
    OR NEW.author_dev IS NOT OLD.author_dev
    OR NEW.key_id IS NOT OLD.key_id
    OR NEW.body IS NOT OLD.body
    OR NEW.sig IS NOT OLD.sig
    OR NEW.received_at IS NOT OLD.received_at
BEGIN
    SELECT RAISE(ABORT, 'refused: incidents is append-only');
END;
CREATE TRIGGER incidents_refuse_delete BEFORE DELETE ON incidents
BEGIN
    SELECT RAISE(ABORT, 'refused: incidents is append-only');
END;

CREATE TABLE incident_custody (
    org_id BLOB NOT NULL,
    entry_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL CHECK (length(actor) > 0),
    action TEXT NOT NULL CHECK (length(action) > 0),
    reason TEXT,
    PRIMARY KEY (org_id, entry_id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, incident_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_custody_by_incident ON incident_custody (org_id, incident_id, entry_id);
CREATE TRIGGER incident_custody_refuse_update BEFORE UPDATE ON incident_custody
BEGIN
    SELECT RAISE(ABORT, 'refused: incident_custody is append-only');
END;
CREATE TRIGGER incident_custody_refuse_delete BEFORE DELETE ON incident_custody
BEGIN
    SELECT RAISE(ABORT, 'refused: incident_custody is append-only');
END;
