DROP TABLE score_versions;
