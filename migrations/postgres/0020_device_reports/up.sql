-- What a device last said of itself, so that people see one that went silent with work on it, and how much it sends on a day.
CREATE TABLE device_reports (
    org_id uuid NOT NULL,
    dev bytea NOT NULL,
    seen_at timestamptz NOT NULL,
    wall_ms bigint NOT NULL CHECK (wall_ms >= 0),
    pending_ops bigint NOT NULL CHECK (pending_ops >= 0),
    pending_blobs bigint NOT NULL CHECK (pending_blobs >= 0),
    pending_bytes bigint NOT NULL CHECK (pending_bytes >= 0),
    day bigint NOT NULL,
    day_ops bigint NOT NULL CHECK (day_ops >= 0),
    over_quota_at timestamptz,
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
);
