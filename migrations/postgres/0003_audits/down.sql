DROP TABLE visit_events;
DROP TABLE audit_ops;
DROP TABLE audits;
