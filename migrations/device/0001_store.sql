-- The phone's store (SYNC.md 2.6). Facts: everything of which nothing below says that it is a projection, which is rebuilt to the same
-- bytes.
--
-- A browser's SQLite knows no ALTER TABLE (sync-core/wasm/small.h). A later migration that changes a table copies it, all in the
-- migration's transaction: the rows into a table `<name>_before` of the old columns, the old table dropped, the new one made under its
-- name with its indexes and filled, `<name>_before` dropped. Where others refer to the table, `PRAGMA defer_foreign_keys = ON` stands
-- before that.

-- ---- The device ----

-- Small values.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- The own log ----

-- Ops. `base` is the named ops, 24 bytes each: device, position big-endian. `h` is the chain hash after the op. `origin` is the op of a
-- former log that an own op says again: device and position, as in `base` (sync-core/src/renew.rs). `opening` is how the commitment of
-- an op is opened where that is not by the seed: 1 and its own blind, or 2 and the commitment itself once the value was redacted.
CREATE TABLE oplog (
  dseq    INTEGER PRIMARY KEY CHECK (dseq > 0),
  hlc     INTEGER NOT NULL,
  kind    INTEGER NOT NULL,
  audit   BLOB NOT NULL CHECK (length(audit) = 16),
  round   INTEGER NOT NULL,
  field   TEXT NOT NULL,
  base    BLOB NOT NULL,
  value   BLOB CHECK (length(value) <= 32768),
  h       BLOB NOT NULL CHECK (length(h) = 32),
  origin  BLOB CHECK (length(origin) = 24),
  opening BLOB CHECK (length(opening) = 33)
) STRICT;

-- Words on offers (kinds 11 and 12) are found by the audit of their assignment.
CREATE INDEX oplog_offers ON oplog (audit, dseq) WHERE kind IN (11, 12);

-- Own ops that the server stored but did not simply apply, as it last said.
CREATE TABLE outcome (
  dseq   INTEGER PRIMARY KEY,
  kind   TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;

-- What the server signed of the own log: that it held it up to `dseq` with hash `h`, since `recv_ms`. A server that was restored
-- honours it. After a restore a position may have one of each epoch.
CREATE TABLE receipt (
  dseq    INTEGER NOT NULL CHECK (dseq > 0),
  epoch   INTEGER NOT NULL,
  h       BLOB NOT NULL CHECK (length(h) = 32),
  sseq    INTEGER NOT NULL,
  recv_ms INTEGER NOT NULL,
  alg     INTEGER NOT NULL,
  sig     BLOB NOT NULL,
  PRIMARY KEY (dseq, epoch)
) STRICT, WITHOUT ROWID;

-- Parts of the own log that are long enough to be a segment each, compressed while they are written, so that a long log is ready
-- when there is a network. They only repeat the log: losing them costs time.
CREATE TABLE sealed (
  first  INTEGER NOT NULL PRIMARY KEY,
  last   INTEGER NOT NULL,
  prev_h BLOB NOT NULL CHECK (length(prev_h) = 32),
  h      BLOB NOT NULL CHECK (length(h) = 32),
  bytes  INTEGER NOT NULL,
  ops    BLOB NOT NULL,
  mac    BLOB NOT NULL CHECK (length(mac) = 32)
) STRICT;

-- A device whose log forked, or that lost its key, goes on as a new one. Its former logs, in runs that stand by their author's signature
-- where its key was there. Up to what was agreed they are part of the audits; what comes after that was said again, and its runs are
-- evidence only. `offered` as in `unplaced`.
CREATE TABLE former_run (
  dev      BLOB NOT NULL CHECK (length(dev) = 16),
  first    INTEGER NOT NULL,
  last     INTEGER NOT NULL CHECK (last >= first),
  evidence INTEGER NOT NULL CHECK (evidence IN (0, 1)),
  offered  INTEGER NOT NULL CHECK (offered IN (0, 1)),
  recv_ms  INTEGER NOT NULL,
  body     BLOB NOT NULL,
  PRIMARY KEY (dev, first)
) STRICT, WITHOUT ROWID;

-- ---- What the server sends ----

-- Streams and where we stand in them; the cursor moves in the transaction that stores the data.
CREATE TABLE stream (
  id     TEXT PRIMARY KEY,
  cursor INTEGER NOT NULL DEFAULT 0,
  f      BLOB NOT NULL CHECK (length(f) = 32)
) STRICT, WITHOUT ROWID;

-- Entries of streams as they came. `owner`: whose log an entry of own ops was about when it came; null for the present device.
CREATE TABLE feed (
  stream  TEXT NOT NULL REFERENCES stream (id),
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL CHECK (last >= first),
  recv_ms INTEGER NOT NULL,
  h       BLOB NOT NULL CHECK (length(h) = 32),
  body    BLOB NOT NULL,
  owner   BLOB CHECK (length(owner) = 16),
  PRIMARY KEY (stream, first)
) STRICT, WITHOUT ROWID;

-- Entries that could not be understood; the cursor moved past them.
CREATE TABLE quarantine (
  stream TEXT NOT NULL,
  first  INTEGER NOT NULL,
  error  TEXT NOT NULL,
  PRIMARY KEY (stream, first)
) STRICT, WITHOUT ROWID;

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

-- Runs of other devices and of the server that were read from a stream beyond where a restored server's stream now ends: still
-- true, no longer held by the server as far as we know. `placed` is the last op of the run that the stream has brought again,
-- `offered` whether the server was offered the run since it last turned out to lack something.
CREATE TABLE unplaced (
  dev     BLOB NOT NULL CHECK (length(dev) = 16),
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL CHECK (last >= first),
  placed  INTEGER NOT NULL,
  offered INTEGER NOT NULL CHECK (offered IN (0, 1)),
  recv_ms INTEGER NOT NULL,
  body    BLOB NOT NULL,
  PRIMARY KEY (dev, first, last)
) STRICT, WITHOUT ROWID;

-- What a stream brought again of a run in `unplaced` beyond where it had brought it so far: a person may take in the visits of one
-- run in any order.
CREATE TABLE placed (
  dev   BLOB NOT NULL CHECK (length(dev) = 16),
  first INTEGER NOT NULL,
  last  INTEGER NOT NULL CHECK (last >= first),
  PRIMARY KEY (dev, first, last)
) STRICT, WITHOUT ROWID;

-- ---- Redaction: what the server took out of visits for good ----

-- What the server's `redact` ops name.
CREATE TABLE redacted (
  audit BLOB NOT NULL CHECK (length(audit) = 16),
  dev   BLOB NOT NULL CHECK (length(dev) = 16),
  dseq  INTEGER NOT NULL,
  field TEXT NOT NULL,
  PRIMARY KEY (audit, dev, dseq, field)
) STRICT, WITHOUT ROWID;

-- What the server said of its own accord to redact, under its signature: an own op that lost its value is taken only with it by an
-- office that was made from an earlier copy, so it stays when the visit or the device is taken away. `offered`: whether the office was
-- shown it since it last turned out to lack something: what the office said of a visit that was taken away, or to a device that was
-- taken out and came back, only this device may still have.
CREATE TABLE proofs (
  dev     BLOB NOT NULL CHECK (length(dev) = 16),
  first   INTEGER NOT NULL,
  body    BLOB NOT NULL,
  offered INTEGER NOT NULL DEFAULT 1 CHECK (offered IN (0, 1)),
  PRIMARY KEY (dev, first)
) STRICT, WITHOUT ROWID;

-- ---- Visits ----

-- Projection: each audit's ops as a set, and what a list shows of them. The set is longer than an index should carry: a table without
-- row numbers keeps it among the keys, and every write of one audit then moves the sets of others.
CREATE TABLE audits (
  audit        BLOB NOT NULL UNIQUE CHECK (length(audit) = 16),
  ops          BLOB NOT NULL,
  phase        TEXT NOT NULL,
  round        INTEGER NOT NULL,
  answered     INTEGER NOT NULL,
  conflicts    INTEGER NOT NULL,
  content_hash BLOB,
  branch       BLOB,
  assignment   BLOB,
  changed_hlc  INTEGER NOT NULL
) STRICT;

CREATE INDEX audits_with_conflicts ON audits (audit) WHERE conflicts > 0;

-- ---- Photos, sounds and reports ----

-- Photos: files of the folder `blobs`, each named by the SHA-256 of its bytes. A row is written in the transaction of the first op
-- that names the file, once the file is durable.
CREATE TABLE blobs (
  id          BLOB PRIMARY KEY CHECK (length(id) = 32),
  size        INTEGER NOT NULL CHECK (size > 0),
  captured_ms INTEGER NOT NULL,
  -- Bytes that the server last said it holds.
  off         INTEGER NOT NULL DEFAULT 0,
  -- The epoch in which the server said that it has the whole. In any other epoch it is asked again.
  confirmed   INTEGER,
  -- When it last said so. What it said long ago it is asked again: a copy of its files that somebody put back by hand has no new epoch
  -- that would tell.
  asked_ms    INTEGER,
  -- When it first said so, and how far it then held the own log: a backup that reaches beyond holds the blob too.
  stored_ms   INTEGER,
  stored_dseq INTEGER,
  -- How far the log was in a copy kept elsewhere, as far as this device knew, when the server last said that it has the photo: a copy
  -- of a server that had lost the photo is none of the photo, though it is one of the log.
  had_durable INTEGER,
  -- Whether the file was cleared, since the server and a backup have it.
  evicted     INTEGER NOT NULL DEFAULT 0 CHECK (evicted IN (0, 1)),
  -- Why the bytes are not here although the server does not have them.
  lost        TEXT,
  -- Why the server will not take them.
  refused     TEXT
) STRICT, WITHOUT ROWID;

-- Projection: the blobs that each audit needs, for an attachment that stands or a submit that counts on it.
CREATE TABLE needed (
  audit BLOB NOT NULL CHECK (length(audit) = 16),
  blob  BLOB NOT NULL CHECK (length(blob) = 32),
  size  INTEGER NOT NULL,
  PRIMARY KEY (audit, blob)
) STRICT, WITHOUT ROWID;

CREATE INDEX needed_blob ON needed (blob);

-- Pictures as the camera gave them, of which photos are smaller copies. Projection, as `needed`: which audits name them, and whether
-- the audit may still need them. Their files and how far they have come are rows of `blobs`; nothing waits for them.
CREATE TABLE originals (
  audit  BLOB NOT NULL CHECK (length(audit) = 16),
  blob   BLOB NOT NULL CHECK (length(blob) = 32),
  wanted INTEGER NOT NULL CHECK (wanted IN (0, 1)),
  PRIMARY KEY (audit, blob)
) STRICT, WITHOUT ROWID;

CREATE INDEX originals_blob ON originals (blob);

-- Reports of incidents, which go before everything else. Of one that is sealed the phone itself cannot read a word.
-- `dev`: the device that it was written on, also after a renewal. `key`: the id of the key that it is sealed to; none where it is as
-- it was written. `body`: none once a backup of the server has it. `sent_epoch`: the server's epoch in which it took it, or 0
-- where none was known; one of another epoch asks for it again. `sent_dseq`: the end of the log when it took it.
CREATE TABLE incidents (
  id         BLOB PRIMARY KEY CHECK (length(id) = 16),
  at_ms      INTEGER NOT NULL,
  dev        BLOB NOT NULL CHECK (length(dev) = 16),
  key        BLOB CHECK (length(key) = 32),
  body       BLOB,
  sent_epoch INTEGER,
  sent_dseq  INTEGER,
  refused    TEXT
) STRICT, WITHOUT ROWID;
