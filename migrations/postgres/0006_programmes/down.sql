DROP TABLE assignments;
DROP TABLE waves;
DROP TABLE programmes;
DROP TABLE content_versions;
DROP FUNCTION refuse_change_of_released();
