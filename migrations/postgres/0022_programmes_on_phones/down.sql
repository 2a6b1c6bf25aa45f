ALTER TABLE programmes DROP COLUMN files;
ALTER TABLE programmes DROP COLUMN audio;
ALTER TABLE programmes DROP COLUMN covert;
ALTER TABLE programmes DROP COLUMN preview_score;
