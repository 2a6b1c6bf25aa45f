DROP TABLE former_runs;
DROP TABLE successions;
