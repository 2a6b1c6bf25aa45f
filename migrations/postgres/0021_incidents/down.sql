DROP TABLE incident_custody;
DROP TABLE incidents;
DROP TABLE incident_keys;
