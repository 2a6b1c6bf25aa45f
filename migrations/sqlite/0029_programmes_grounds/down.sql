ALTER TABLE programmes DROP COLUMN retention_days;
ALTER TABLE programmes DROP COLUMN notice_on;
ALTER TABLE programmes DROP COLUMN notice_text;
ALTER TABLE programmes DROP COLUMN purpose;
