-- Evidence: which blobs are stored whole, what was read of those that are photos, and which audits count on them. The
-- bytes lie in the blob store.

CREATE TABLE blobs (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    blob bytea NOT NULL CHECK (length(blob) = 32),
    size bigint NOT NULL CHECK (size >= 0),
    dev bytea NOT NULL,
    stored_at timestamptz NOT NULL,
    picture text NOT NULL CHECK (picture IN ('pending', 'ready', 'refused')),
    attempts bigint NOT NULL CHECK (attempts >= 0),
    reason text CHECK (length(reason) > 0),
    mime text,
    width bigint,
    height bigint,
    taken_at text,
    latitude_e7 bigint,
    longitude_e7 bigint,
    look bigint,
    PRIMARY KEY (org_id, blob),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
);
CREATE INDEX blobs_by_picture ON blobs (org_id, picture, blob);

-- Parts of a photo's perceptual hash: photos that look alike have one of them in common but for a bit.
CREATE TABLE blob_bands (
    org_id uuid NOT NULL,
    band bigint NOT NULL,
    blob bytea NOT NULL,
    PRIMARY KEY (org_id, band, blob),
    FOREIGN KEY (org_id, blob) REFERENCES blobs (org_id, blob)
);
CREATE INDEX blob_bands_by_blob ON blob_bands (org_id, blob);

-- Which audits a blob is attached to, stored or not yet.
CREATE TABLE audit_blobs (
    org_id uuid NOT NULL,
    audit_id uuid NOT NULL,
    blob bytea NOT NULL CHECK (length(blob) = 32),
    PRIMARY KEY (org_id, audit_id, blob),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
);
CREATE INDEX audit_blobs_by_blob ON audit_blobs (org_id, blob, audit_id);

-- Bytes that a device sent on a day (of UTC, counted from 1970).
CREATE TABLE blob_days (
    org_id uuid NOT NULL,
    dev bytea NOT NULL,
    day bigint NOT NULL,
    bytes bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (org_id, dev, day),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
);
