-- What the server said of its own accord to redact, under its signature: an own op that lost its value is taken only with it by an
-- office that was made from an earlier copy, so it stays when the visit or the device is taken away.
CREATE TABLE proofs (
  dev   BLOB    NOT NULL CHECK (length(dev) = 16),
  first INTEGER NOT NULL,
  body  BLOB    NOT NULL,
  PRIMARY KEY (dev, first)
) STRICT, WITHOUT ROWID;
