-- Runs of other devices and of the server that were read from a stream beyond where a restored server's stream now ends: still
-- true, no longer held by the server as far as we know. `placed` is the last op of the run that the stream has brought again.
CREATE TABLE unplaced (
  dev     BLOB NOT NULL CHECK (length(dev) = 16),
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL CHECK (last >= first),
  placed  INTEGER NOT NULL,
  recv_ms INTEGER NOT NULL,
  body    BLOB NOT NULL,
  PRIMARY KEY (dev, first, last)
) STRICT, WITHOUT ROWID;
