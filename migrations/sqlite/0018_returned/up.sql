-- Which entries of a stream carry ops of the office on an audit themselves, because a phone brought them back and no log here has
-- them: whoever begins such an audit later finds what the office had said of it. It follows from the entries.
CREATE TABLE returned_ops (
    org_id BLOB NOT NULL,
    stream TEXT NOT NULL,
    audit_id BLOB NOT NULL,
    sseq_last INTEGER NOT NULL,
    PRIMARY KEY (org_id, stream, audit_id, sseq_last),
    FOREIGN KEY (org_id, stream, sseq_last) REFERENCES feed (org_id, stream, sseq_last)
) STRICT, WITHOUT ROWID;
