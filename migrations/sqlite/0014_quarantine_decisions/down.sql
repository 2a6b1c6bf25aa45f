DROP INDEX quarantined_ops_open;
ALTER TABLE quarantined_ops DROP COLUMN why;
ALTER TABLE quarantined_ops DROP COLUMN decided_by;
ALTER TABLE quarantined_ops DROP COLUMN decided_at;
ALTER TABLE quarantined_ops DROP COLUMN decision;
