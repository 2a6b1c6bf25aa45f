-- Ops name audits: which assignment one belongs to is asked for every audit that is new.
CREATE UNIQUE INDEX assignments_by_audit ON assignments (org_id, audit_id);
