-- Redaction: what the server took out of visits for good.
-- How the commitment of an own op is opened where that is not by the seed: 1 and its own blind, or 2 and the commitment itself
-- once the value was redacted.
ALTER TABLE oplog ADD COLUMN opening BLOB CHECK (length(opening) = 33);

-- What the server's `redact` ops name.
CREATE TABLE redacted (
  audit BLOB NOT NULL CHECK (length(audit) = 16),
  dev   BLOB NOT NULL CHECK (length(dev) = 16),
  dseq  INTEGER NOT NULL,
  field TEXT NOT NULL,
  PRIMARY KEY (audit, dev, dseq, field)
) STRICT, WITHOUT ROWID;
