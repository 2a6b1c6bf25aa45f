DROP TABLE payout_totals;
DROP TABLE payout_lines;
DROP TABLE payout_runs;
DROP FUNCTION refuse_edit_of_approved_run();
DROP FUNCTION refuse_change_of_approved_run();
