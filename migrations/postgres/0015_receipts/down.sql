DROP TRIGGER segments_refuse_update ON segments;
CREATE TRIGGER segments_refuse_update BEFORE UPDATE ON segments
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
DROP TRIGGER score_versions_refuse_update ON score_versions;
CREATE TRIGGER score_versions_refuse_update BEFORE UPDATE ON score_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE segments DROP COLUMN sseq;
