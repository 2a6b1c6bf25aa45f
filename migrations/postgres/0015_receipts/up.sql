-- The number that the last op of a segment took in its stream: a receipt names it.
ALTER TABLE segments ADD COLUMN sseq bigint NOT NULL DEFAULT 0;
-- A redaction takes a value out of a stored segment and of a frozen score's explanation; the chain hash, the signature's
-- terms and the score itself stay as they were recorded.
DROP TRIGGER segments_refuse_update ON segments;
CREATE TRIGGER segments_refuse_update BEFORE UPDATE ON segments
    FOR EACH ROW WHEN (
        (NEW.org_id, NEW.dev, NEW.first_dseq, NEW.last_dseq, NEW.h, NEW.epoch, NEW.received_at, NEW.sseq)
        IS DISTINCT FROM
        (OLD.org_id, OLD.dev, OLD.first_dseq, OLD.last_dseq, OLD.h, OLD.epoch, OLD.received_at, OLD.sseq)
    ) EXECUTE FUNCTION refuse_change();
DROP TRIGGER score_versions_refuse_update ON score_versions;
CREATE TRIGGER score_versions_refuse_update BEFORE UPDATE ON score_versions
    FOR EACH ROW WHEN (
        (NEW.org_id, NEW.audit_id, NEW.version, NEW.submit_dev, NEW.submit_dseq, NEW.template_hash, NEW.scorer_version, NEW.raw_hundredths, NEW.final_hundredths, NEW.band, NEW.critical_failed, NEW.created_at, NEW.reason)
        IS DISTINCT FROM
        (OLD.org_id, OLD.audit_id, OLD.version, OLD.submit_dev, OLD.submit_dseq, OLD.template_hash, OLD.scorer_version, OLD.raw_hundredths, OLD.final_hundredths, OLD.band, OLD.critical_failed, OLD.created_at, OLD.reason)
    ) EXECUTE FUNCTION refuse_change();
