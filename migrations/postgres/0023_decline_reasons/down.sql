ALTER TABLE assignments DROP COLUMN declined_for;
