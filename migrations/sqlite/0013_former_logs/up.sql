-- Devices that go on in place of a former one, and what they gave up of its log: evidence beside the log that stands.

CREATE TABLE successions (
    org_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    former BLOB NOT NULL,
    proven INTEGER NOT NULL CHECK (proven IN (0, 1)),
    at INTEGER NOT NULL,
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev),
    FOREIGN KEY (org_id, former) REFERENCES devices (org_id, dev)
) STRICT, WITHOUT ROWID;
CREATE INDEX successions_by_former ON successions (org_id, former);

CREATE TABLE former_runs (
    org_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    first_dseq INTEGER NOT NULL CHECK (first_dseq > 0),
    last_dseq INTEGER NOT NULL,
    h BLOB NOT NULL CHECK (length(h) = 32),
    brought_by BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (org_id, dev, first_dseq, h),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev),
    CHECK (last_dseq >= first_dseq)
) STRICT;
