-- A device whose log forked, or that lost its key, goes on as a new one (sync-core/src/renew.rs).
-- The op of a former log that an own op says again: device and position, as in `base`.
ALTER TABLE oplog ADD COLUMN origin BLOB CHECK (length(origin) = 24);
-- Whose log an entry of own ops was about when it came; null for the present device.
ALTER TABLE feed ADD COLUMN owner BLOB CHECK (length(owner) = 16);

-- The former logs, in runs that stand by their author's signature where its key was there. Up to what was agreed they are part of
-- the audits; what comes after that was said again, and its runs are evidence only. `offered` as in `unplaced`.
CREATE TABLE former_run (
  dev      BLOB NOT NULL CHECK (length(dev) = 16),
  first    INTEGER NOT NULL,
  last     INTEGER NOT NULL CHECK (last >= first),
  evidence INTEGER NOT NULL CHECK (evidence IN (0, 1)),
  offered  INTEGER NOT NULL CHECK (offered IN (0, 1)),
  recv_ms  INTEGER NOT NULL,
  body     BLOB NOT NULL,
  PRIMARY KEY (dev, first)
) STRICT, WITHOUT ROWID;
