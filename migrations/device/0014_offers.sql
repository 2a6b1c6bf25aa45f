-- Words on offers (kinds 11 and 12) are found by the audit of their assignment.
CREATE INDEX oplog_offers ON oplog (audit, dseq) WHERE kind IN (11, 12);
