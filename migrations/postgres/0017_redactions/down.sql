DROP TRIGGER former_runs_refuse_delete ON former_runs;
DROP TRIGGER former_runs_refuse_update ON former_runs;
DROP TABLE redacted_blobs;
DROP TABLE redactions;
