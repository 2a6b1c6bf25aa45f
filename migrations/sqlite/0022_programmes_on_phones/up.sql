-- What a programme allows on the phones of its auditors.
ALTER TABLE programmes ADD COLUMN preview_score INTEGER NOT NULL DEFAULT 0 CHECK (preview_score IN (0, 1));
ALTER TABLE programmes ADD COLUMN covert INTEGER NOT NULL DEFAULT 1 CHECK (covert IN (0, 1));
ALTER TABLE programmes ADD COLUMN audio INTEGER NOT NULL DEFAULT 0 CHECK (audio IN (0, 1));
ALTER TABLE programmes ADD COLUMN files INTEGER NOT NULL DEFAULT 0 CHECK (files IN (0, 1));
