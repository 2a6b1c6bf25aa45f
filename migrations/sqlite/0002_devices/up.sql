-- Devices, their logs as they came, and the feeds that carry news back to them.

CREATE TABLE devices (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    dev BLOB NOT NULL CHECK (length(dev) = 16),
    user_id BLOB,
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'import', 'server')),
    alg INTEGER NOT NULL,
    public_key BLOB NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
    enrolled_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_user ON devices (org_id, user_id);

CREATE TABLE device_heads (
    org_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    dseq INTEGER NOT NULL CHECK (dseq >= 0),
    h BLOB NOT NULL CHECK (length(h) = 32),
    hlc INTEGER NOT NULL,
    forked INTEGER NOT NULL CHECK (forked IN (0, 1)),
    PRIMARY KEY (org_id, dev),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev)
) STRICT, WITHOUT ROWID;

-- A segment as it came. It may begin before first_dseq, where an answer was lost and ops were sent again.
CREATE TABLE segments (
    org_id BLOB NOT NULL,
    dev BLOB NOT NULL,
    first_dseq INTEGER NOT NULL CHECK (first_dseq > 0),
    last_dseq INTEGER NOT NULL,
    h BLOB NOT NULL CHECK (length(h) = 32),
    epoch INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (org_id, dev, first_dseq),
    FOREIGN KEY (org_id, dev) REFERENCES devices (org_id, dev),
    CHECK (last_dseq >= first_dseq)
) STRICT;
CREATE TRIGGER segments_refuse_update BEFORE UPDATE ON segments
BEGIN
    SELECT RAISE(ABORT, 'refused: segments is append-only');
END;
CREATE TRIGGER segments_refuse_delete BEFORE DELETE ON segments
BEGIN
    SELECT RAISE(ABORT, 'refused: segments is append-only');
END;

CREATE TABLE streams (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    stream TEXT NOT NULL,
    last_sseq INTEGER NOT NULL CHECK (last_sseq >= 0),
    f BLOB NOT NULL CHECK (length(f) = 32),
    PRIMARY KEY (org_id, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed (
    org_id BLOB NOT NULL,
    stream TEXT NOT NULL,
    sseq_last INTEGER NOT NULL,
    sseq_first INTEGER NOT NULL CHECK (sseq_first > 0),
    kind TEXT NOT NULL,
    dev BLOB,
    dseq_first INTEGER,
    dseq_last INTEGER,
    h BLOB NOT NULL CHECK (length(h) = 32),
    f BLOB NOT NULL CHECK (length(f) = 32),
    received_at INTEGER NOT NULL,
    payload BLOB,
    PRIMARY KEY (org_id, stream, sseq_last),
    FOREIGN KEY (org_id, stream) REFERENCES streams (org_id, stream),
    CHECK (sseq_last >= sseq_first)
) STRICT;
