DROP TABLE awaited_blobs;
DROP TABLE revoked_audits;
