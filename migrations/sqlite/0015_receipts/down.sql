DROP TRIGGER segments_refuse_update;
CREATE TRIGGER segments_refuse_update BEFORE UPDATE ON segments
BEGIN
    SELECT RAISE(ABORT, 'refused: segments is append-only');
END;
DROP TRIGGER score_versions_refuse_update;
CREATE TRIGGER score_versions_refuse_update BEFORE UPDATE ON score_versions
BEGIN
    SELECT RAISE(ABORT, 'refused: score_versions is append-only');
END;
ALTER TABLE segments DROP COLUMN sseq;
