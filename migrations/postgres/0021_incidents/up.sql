-- Reports of incidents, which are part of no visit: as they came, nearly always sealed to a key whose secret is not here; how far each
-- is handled; and who saw or did what of it, for good.

CREATE TABLE incident_keys (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    key_id bytea NOT NULL CHECK (length(key_id) = 32),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (org_id, key_id)
);

CREATE TABLE incidents (
    org_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    user_id uuid NOT NULL,
    dev bytea NOT NULL,
    author_dev bytea NOT NULL CHECK (length(author_dev) = 16),
    key_id bytea CHECK (key_id IS NULL OR length(key_id) = 32),
    body bytea NOT NULL,
    sig bytea NOT NULL,
    received_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('received', 'in_hand', 'closed')),
    PRIMARY KEY (org_id, incident_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
);
CREATE INDEX incidents_by_user ON incidents (org_id, user_id, received_at);
CREATE TRIGGER incidents_refuse_update BEFORE UPDATE ON incidents
    FOR EACH ROW WHEN (
        (NEW.org_id, NEW.incident_id, NEW.user_id, NEW.dev, NEW.author_dev, NEW.key_id, NEW.body, NEW.sig, NEW.received_at)
        IS DISTINCT FROM
        (OLD.org_id, OLD.incident_id, OLD.user_id, OLD.dev, OLD.author_dev, OLD.key_id, OLD.body, OLD.sig, OLD.received_at)
    ) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER incidents_refuse_delete BEFORE DELETE ON incidents
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE incident_custody (
    org_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    incident_id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL CHECK (length(actor) > 0),
    action text NOT NULL CHECK (length(action) > 0),
    reason text,
    PRIMARY KEY (org_id, entry_id),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, incident_id)
);
CREATE INDEX incident_custody_by_incident ON incident_custody (org_id, incident_id, entry_id);
CREATE TRIGGER incident_custody_refuse_update BEFORE UPDATE ON incident_custody
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER incident_custody_refuse_delete BEFORE DELETE ON incident_custody
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
