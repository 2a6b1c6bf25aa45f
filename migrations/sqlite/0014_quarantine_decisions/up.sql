-- What a person decided of ops that were set aside: taken into their visit, or left out for good.

ALTER TABLE quarantined_ops ADD COLUMN decision TEXT CHECK (decision IN ('adopted', 'dismissed'));
ALTER TABLE quarantined_ops ADD COLUMN decided_at INTEGER;
ALTER TABLE quarantined_ops ADD COLUMN decided_by BLOB;
ALTER TABLE quarantined_ops ADD COLUMN why TEXT;
CREATE INDEX quarantined_ops_open ON quarantined_ops (org_id, dev, dseq) WHERE decision IS NULL;
