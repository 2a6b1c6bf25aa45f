-- Audits that a person's phones were told to forget, and not given back since: what the last right in the person's stream says.

CREATE TABLE revoked_audits (
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    audit_id uuid NOT NULL,
    PRIMARY KEY (org_id, user_id, audit_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
);

-- Blobs that a device which was taken out may still send: ops of its own name them.
CREATE TABLE awaited_blobs (
    org_id uuid NOT NULL,
    dev bytea NOT NULL,
    blob bytea NOT NULL CHECK (length(blob) = 32),
    PRIMARY KEY (org_id, dev, blob),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
);
