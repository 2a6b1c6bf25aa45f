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
