-- The number that the last op of a segment took in its stream: a receipt names it.
ALTER TABLE segments ADD COLUMN sseq INTEGER NOT NULL DEFAULT 0;
-- A redaction takes a value out of a stored segment and of a frozen score's explanation; the chain hash, the signature's
-- terms and the score itself stay as they were recorded.
DROP TRIGGER segments_refuse_update;
CREATE TRIGGER segments_refuse_update BEFORE UPDATE ON segments
WHEN NEW.org_id IS NOT OLD.org_id
    OR NEW.dev IS NOT OLD.dev
    OR NEW.first_dseq IS NOT OLD.first_dseq
    OR NEW.last_dseq IS NOT OLD.last_dseq
    OR NEW.h IS NOT OLD.h
    OR NEW.epoch IS NOT OLD.epoch
    OR NEW.received_at IS NOT OLD.received_at
    OR NEW.sseq IS NOT OLD.sseq
BEGIN
    SELECT RAISE(ABORT, 'refused: segments is append-only');
END;
DROP TRIGGER score_versions_refuse_update;
CREATE TRIGGER score_versions_refuse_update BEFORE UPDATE ON score_versions
WHEN NEW.org_id IS NOT OLD.org_id
    OR NEW.audit_id IS NOT OLD.audit_id
    OR NEW.version IS NOT OLD.version
    OR NEW.submit_dev IS NOT OLD.submit_dev
    OR NEW.submit_dseq IS NOT OLD.submit_dseq
    OR NEW.template_hash IS NOT OLD.template_hash
    OR NEW.scorer_version IS NOT OLD.scorer_version
    OR NEW.raw_hundredths IS NOT OLD.raw_hundredths
    OR NEW.final_hundredths IS NOT OLD.final_hundredths
    OR NEW.band IS NOT OLD.band
    OR NEW.critical_failed IS NOT OLD.critical_failed
    OR NEW.created_at IS NOT OLD.created_at
    OR NEW.reason IS NOT OLD.reason
BEGIN
    SELECT RAISE(ABORT, 'refused: score_versions is append-only');
END;
