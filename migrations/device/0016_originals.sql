-- Pictures as the camera gave them, of which photos are smaller copies. Projection, as `needed`: which audits name them, and whether
-- the audit may still need them. Their files and how far they have come are rows of `blobs`; nothing waits for them.
CREATE TABLE originals (
  audit  BLOB NOT NULL CHECK (length(audit) = 16),
  blob   BLOB NOT NULL CHECK (length(blob) = 32),
  wanted INTEGER NOT NULL CHECK (wanted IN (0, 1)),
  PRIMARY KEY (audit, blob)
) STRICT, WITHOUT ROWID;

CREATE INDEX originals_blob ON originals (blob);
