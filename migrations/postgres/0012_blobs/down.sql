DROP TABLE blob_days;
DROP TABLE audit_blobs;
DROP TABLE blob_bands;
DROP TABLE blobs;
