DROP TABLE appeal_messages;
DROP TABLE appeal_files;
DROP TABLE appeal_items;
DROP TABLE appeals;
ALTER TABLE programmes DROP COLUMN appeal_days;
