DROP TABLE quarantined_ops;
