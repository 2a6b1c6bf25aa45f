-- Parts of the own log that are long enough to be a segment each, compressed while they are written, so that a long log is ready
-- when there is a network. They only repeat the log: losing them costs time.
CREATE TABLE sealed (
  first  INTEGER NOT NULL PRIMARY KEY,
  last   INTEGER NOT NULL,
  prev_h BLOB    NOT NULL CHECK (length(prev_h) = 32),
  h      BLOB    NOT NULL CHECK (length(h) = 32),
  bytes  INTEGER NOT NULL,
  ops    BLOB    NOT NULL,
  mac    BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT;
