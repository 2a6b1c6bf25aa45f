-- How far a device's log is in a copy that the operator said is kept elsewhere: phones may let go of photos that are in it.
ALTER TABLE device_heads ADD COLUMN durable_dseq bigint NOT NULL DEFAULT 0 CHECK (durable_dseq >= 0);
