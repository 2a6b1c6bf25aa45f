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
