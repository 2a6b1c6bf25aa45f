-- What a stream brought again of a run in `unplaced` beyond where it had brought it so far: a person may take in the visits of one
-- run in any order.
CREATE TABLE placed (
  dev   BLOB NOT NULL CHECK (length(dev) = 16),
  first INTEGER NOT NULL,
  last  INTEGER NOT NULL CHECK (last >= first),
  PRIMARY KEY (dev, first, last)
) STRICT, WITHOUT ROWID;
