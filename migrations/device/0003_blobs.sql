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
  -- When it said so, and how far it then held the own log: a backup that reaches beyond holds the blob too.
  stored_ms   INTEGER,
  stored_dseq INTEGER,
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
