-- Devices that go on in place of a former one, and what they gave up of its log: evidence beside the log that stands.

CREATE TABLE successions (
    org_id uuid NOT NULL,
    dev bytea NOT NULL,
    former bytea NOT NULL,
    proven boolean NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev),
    FOREIGN KEY (org_id, former) REFERENCES devices (org_id, dev)
);
CREATE INDEX successions_by_former ON successions (org_id, former);

CREATE TABLE former_runs (
    org_id uuid NOT NULL,
    dev bytea NOT NULL,
    first_dseq bigint NOT NULL CHECK (first_dseq > 0),
    last_dseq bigint NOT NULL,
    h bytea NOT NULL CHECK (length(h) = 32),
    brought_by bytea NOT NULL,
    received_at timestamptz NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (org_id, dev, first_dseq, h),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev),
    CHECK (last_dseq >= first_dseq)
);
