DROP TABLE returned_ops;
