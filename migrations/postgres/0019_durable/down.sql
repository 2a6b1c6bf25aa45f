ALTER TABLE device_heads DROP COLUMN durable_dseq;
