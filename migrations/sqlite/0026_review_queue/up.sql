-- The visits of one state by when they were handed in: what the queue of the review is read from, however many visits there are.

CREATE INDEX audits_by_submission ON audits (org_id, state, submitted_at, audit_id);
