DROP TABLE assignments;
DROP TABLE waves;
DROP TABLE programmes;
DROP TABLE content_versions;
