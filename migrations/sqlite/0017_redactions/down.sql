DROP TRIGGER former_runs_refuse_delete;
DROP TRIGGER former_runs_refuse_update;
DROP TABLE redacted_blobs;
DROP TABLE redactions;
