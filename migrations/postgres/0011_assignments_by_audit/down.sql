DROP INDEX assignments_by_audit;
