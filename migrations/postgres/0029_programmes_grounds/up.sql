-- Why a programme is run, what staff were told of it and when, and for how many days it is meant to be kept.
ALTER TABLE programmes ADD COLUMN purpose text CHECK (length(purpose) > 0);
ALTER TABLE programmes ADD COLUMN notice_text text CHECK (length(notice_text) > 0);
ALTER TABLE programmes ADD COLUMN notice_on text
    CHECK ((notice_on IS NULL) = (notice_text IS NULL) AND (notice_on IS NULL OR length(notice_on) = 10));
ALTER TABLE programmes ADD COLUMN retention_days bigint CHECK (retention_days BETWEEN 30 AND 3650);
