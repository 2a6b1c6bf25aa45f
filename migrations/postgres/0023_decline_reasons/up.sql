-- Why an auditor declined, for whoever plans.
ALTER TABLE assignments ADD COLUMN declined_for text CHECK (state = 'declined' OR declined_for IS NULL);
