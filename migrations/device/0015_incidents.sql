-- Reports of incidents, which go before everything else. Of one that is sealed the phone itself cannot read a word.
-- `dev`: the device that it was written on, also after a renewal. `key`: the id of the key that it is sealed to; none where it is as
-- it was written. `body`: none once a backup of the server has it. `sent_epoch`: the server's epoch in which it took it, or 0
-- where none was known; one of another epoch asks for it again. `sent_dseq`: the end of the log when it took it.
CREATE TABLE incidents (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at_ms INTEGER NOT NULL,
    dev BLOB NOT NULL CHECK (length(dev) = 16),
    key BLOB CHECK (key IS NULL OR length(key) = 32),
    body BLOB,
    sent_epoch INTEGER,
    sent_dseq INTEGER,
    refused TEXT
) STRICT, WITHOUT ROWID;
