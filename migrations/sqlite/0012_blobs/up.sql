-- Evidence: which blobs are stored whole, what was read of those that are photos, and which audits count on them. The
-- bytes lie in the blob store.

CREATE TABLE blobs (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    blob BLOB NOT NULL CHECK (length(blob) = 32),
    size INTEGER NOT NULL CHECK (size >= 0),
    dev BLOB NOT NULL,
    stored_at INTEGER NOT NULL,
    picture TEXT NOT NULL CHECK (picture IN ('pending', 'ready', 'refused')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    reason TEXT CHECK (length(reason) > 0),
    mime TEXT,
    width INTEGER,
    height INTEGER,
    taken_at TEXT,
    latitude_e7 INTEGER,
    longitude_e7 INTEGER,
    look INTEGER,
    PRIMARY KEY (org_id, blob),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_by_picture ON blobs (org_id, picture, blob);

-- Parts of a photo's perceptual hash: photos that look alike have one of them in common but for a bit.
CREATE TABLE blob_bands (
    org_id BLOB NOT NULL,
    band INTEGER NOT NULL,
    blob BLOB NOT NULL,
    PRIMARY KEY (org_id, band, blob),
    FOREIGN KEY (org_id, blob) REFERENCES blobs (org_id, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_bands_by_blob ON blob_bands (org_id, blob);

-- Which audits a blob is attached to, stored or not yet.
CREATE TABLE audit_blobs (
    org_id BLOB NOT NULL,
    audit_id BLOB NOT NULL,
    blob BLOB NOT NULL CHECK (length(blob) = 32),
    PRIMARY KEY (org_id, audit_id, blob),
    FOREIGN KEY (org_id, audit_id) REFERENCES audits (org_id, audit_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_blobs_by_blob ON audit_blobs (org_id, blob, audit_id);

-- Bytes that a device sent on a day (of UTC, counted from 1970).
CREATE TABLE blob_days (
    org_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    day INTEGER NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (org_id, dev, day),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
) STRICT, WITHOUT ROWID;
