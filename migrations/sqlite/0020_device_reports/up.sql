-- What a device last said of itself, so that people see one that went silent with work on it, and how much it sends on a day.
CREATE TABLE device_reports (
    org_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    seen_at INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL CHECK (wall_ms >= 0),
    pending_ops INTEGER NOT NULL CHECK (pending_ops >= 0),
    pending_blobs INTEGER NOT NULL CHECK (pending_blobs >= 0),
    pending_bytes INTEGER NOT NULL CHECK (pending_bytes >= 0),
    day INTEGER NOT NULL,
    day_ops INTEGER NOT NULL CHECK (day_ops >= 0),
    over_quota_at INTEGER,
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
) STRICT, WITHOUT ROWID;
