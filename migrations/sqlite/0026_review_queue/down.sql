DROP INDEX audits_by_submission;
