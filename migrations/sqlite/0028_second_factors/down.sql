ALTER TABLE sessions DROP COLUMN proved_at;
ALTER TABLE sessions DROP COLUMN awaits_factor;
DROP TABLE recovery_codes;
DROP TABLE second_factors;
