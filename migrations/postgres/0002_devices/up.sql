-- Devices, their logs as they came, and the feeds that carry news back to them.

CREATE TABLE devices (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    dev bytea NOT NULL CHECK (length(dev) = 16),
    user_id uuid,
    kind text NOT NULL CHECK (kind IN ('phone', 'import', 'server')),
    alg bigint NOT NULL,
    public_key bytea NOT NULL,
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'revoked')),
    enrolled_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
);
CREATE INDEX devices_by_user ON devices (org_id, user_id);

CREATE TABLE device_heads (
    org_id uuid NOT NULL,
    dev bytea NOT NULL,
    dseq bigint NOT NULL CHECK (dseq >= 0),
    h bytea NOT NULL CHECK (length(h) = 32),
    hlc bigint NOT NULL,
    forked boolean NOT NULL,
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
);

-- A segment as it came. It may begin before first_dseq, where an answer was lost and ops were sent again.
CREATE TABLE segments (
    org_id uuid NOT NULL,
    dev bytea NOT NULL,
    first_dseq bigint NOT NULL CHECK (first_dseq > 0),
    last_dseq bigint NOT NULL,
    h bytea NOT NULL CHECK (length(h) = 32),
    epoch bigint NOT NULL,
    received_at timestamptz NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (org_id, dev, first_dseq),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev),
    CHECK (last_dseq >= first_dseq)
);
CREATE TRIGGER segments_refuse_update BEFORE UPDATE ON segments
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER segments_refuse_delete BEFORE DELETE ON segments
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE streams (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    stream text NOT NULL,
    last_sseq bigint NOT NULL CHECK (last_sseq >= 0),
    f bytea NOT NULL CHECK (length(f) = 32),
    PRIMARY KEY (org_id, stream)
);

CREATE TABLE feed (
    org_id uuid NOT NULL,
    stream text NOT NULL,
    sseq_last bigint NOT NULL,
    sseq_first bigint NOT NULL CHECK (sseq_first > 0),
    kind text NOT NULL,
    dev bytea,
    dseq_first bigint,
    dseq_last bigint,
    h bytea NOT NULL CHECK (length(h) = 32),
    f bytea NOT NULL CHECK (length(f) = 32),
    received_at timestamptz NOT NULL,
    payload bytea,
    PRIMARY KEY (org_id, stream, sseq_last),
    FOREIGN KEY (org_id, stream) REFERENCES streams (org_id, stream),
    CHECK (sseq_last >= sseq_first)
);
