-- Why an auditor declined, for whoever plans.
ALTER TABLE assignments ADD COLUMN declined_for TEXT CHECK (state = 'declined' OR declined_for IS NULL);
