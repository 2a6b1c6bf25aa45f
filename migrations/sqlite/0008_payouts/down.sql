DROP TABLE payout_totals;
DROP TABLE payout_lines;
DROP TABLE payout_runs;
