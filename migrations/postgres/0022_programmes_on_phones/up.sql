-- What a programme allows on the phones of its auditors.
ALTER TABLE programmes ADD COLUMN preview_score boolean NOT NULL DEFAULT false;
ALTER TABLE programmes ADD COLUMN covert boolean NOT NULL DEFAULT true;
ALTER TABLE programmes ADD COLUMN audio boolean NOT NULL DEFAULT false;
ALTER TABLE programmes ADD COLUMN files boolean NOT NULL DEFAULT false;
