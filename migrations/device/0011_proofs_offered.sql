-- Whether the office was shown it since it last turned out to lack something: what the office said of a visit that was taken away, or
-- to a device that was taken out and came back, only this device may still have.
ALTER TABLE proofs ADD COLUMN offered INTEGER NOT NULL DEFAULT 1 CHECK (offered IN (0, 1));
