-- The set of ops of an audit is longer than an index should carry: a table without row numbers keeps it among the keys, and every
-- write of one audit then moves the sets of others.
CREATE TABLE audits_in_rows (
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

INSERT INTO audits_in_rows (audit, ops, phase, round, answered, conflicts, content_hash, branch, assignment, changed_hlc)
SELECT audit, ops, phase, round, answered, conflicts, content_hash, branch, assignment, changed_hlc FROM audits;

DROP TABLE audits;
ALTER TABLE audits_in_rows RENAME TO audits;
CREATE INDEX audits_with_conflicts ON audits (audit) WHERE conflicts > 0;
