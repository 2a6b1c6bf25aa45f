-- The phone's store (SYNC.md 2.6). Facts: meta, oplog, feed, reference, quarantine. Projection, rebuilt to the same bytes: audits.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The own log. `base` is the named ops, 24 bytes each: device, position big-endian. `h` is the chain hash after the op.
CREATE TABLE oplog (
  dseq  INTEGER PRIMARY KEY CHECK (dseq > 0),
  hlc   INTEGER NOT NULL,
  kind  INTEGER NOT NULL,
  audit BLOB NOT NULL CHECK (length(audit) = 16),
  round INTEGER NOT NULL,
  field TEXT NOT NULL,
  base  BLOB NOT NULL,
  value BLOB CHECK (length(value) <= 32768),
  h     BLOB NOT NULL CHECK (length(h) = 32)
) STRICT;

-- Streams and where we stand in them; the cursor moves in the transaction that stores the data.
CREATE TABLE stream (
  id     TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL DEFAULT 0,
  f      BLOB NOT NULL CHECK (length(f) = 32)
) STRICT, WITHOUT ROWID;

-- Entries of streams as they came.
CREATE TABLE feed (
  stream  TEXT NOT NULL REFERENCES stream (id),
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL CHECK (last >= first),
  recv_ms INTEGER NOT NULL,
  h       BLOB NOT NULL CHECK (length(h) = 32),
  body    BLOB NOT NULL,
  PRIMARY KEY (stream, first)
) STRICT, WITHOUT ROWID;

-- Entries that could not be understood; the cursor moved past them.
CREATE TABLE quarantine (
  stream TEXT NOT NULL,
  first  INTEGER NOT NULL,
  error  TEXT NOT NULL,
  PRIMARY KEY (stream, first)
) STRICT, WITHOUT ROWID;

-- Own ops that the server stored but did not simply apply, as it last said.
CREATE TABLE outcome (
  dseq   INTEGER PRIMARY KEY,
  kind   TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;

-- Mirrored templates, branches and assignments.
CREATE TABLE reference (
  kind TEXT NOT NULL,
  id   TEXT NOT NULL,
  json BLOB NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Audits that this device may no longer see.
CREATE TABLE revoked (
  audit BLOB PRIMARY KEY CHECK (length(audit) = 16)
) STRICT, WITHOUT ROWID;

-- Projection: each audit's ops as a set, and what a list shows of them.
CREATE TABLE audits (
  audit        BLOB PRIMARY KEY CHECK (length(audit) = 16),
  ops          BLOB NOT NULL,
  phase        TEXT NOT NULL,
  round        INTEGER NOT NULL,
  answered     INTEGER NOT NULL,
  conflicts    INTEGER NOT NULL,
  content_hash BLOB,
  branch       BLOB,
  assignment   BLOB,
  changed_hlc  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audits_with_conflicts ON audits (audit) WHERE conflicts > 0;
