//! The office through its real routes: every status and code, over SQLite.

#[cfg(test)]
mod adversary;
#[cfg(test)]
mod appeals;
#[cfg(test)]
mod appeals_deciders;
#[cfg(test)]
mod appeals_files;
#[cfg(test)]
mod appeals_paid;
#[cfg(test)]
mod appeals_verified;
#[cfg(test)]
mod assessments;
#[cfg(test)]
mod assignments;
#[cfg(test)]
mod attachments;
#[cfg(test)]
mod audit_log;
#[cfg(test)]
mod blobs;
#[cfg(test)]
mod blobs_bounds;
#[cfg(test)]
mod blobs_restored;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod branch_reads;
#[cfg(test)]
mod brought_back;
#[cfg(test)]
mod console;
#[cfg(test)]
mod console_appeals;
#[cfg(test)]
mod console_branch;
#[cfg(test)]
mod console_cost;
#[cfg(test)]
mod console_imports;
#[cfg(test)]
mod console_pay;
#[cfg(test)]
mod console_printed;
#[cfg(test)]
mod console_programmes;
#[cfg(test)]
mod console_review;
#[cfg(test)]
mod console_rights;
#[cfg(test)]
mod console_scorecards;
#[cfg(test)]
mod console_visit;
#[cfg(test)]
mod content;
#[cfg(test)]
mod databases;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod encodings;
#[cfg(test)]
mod ended_successions;
#[cfg(test)]
mod enrolled;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod field;
#[cfg(test)]
mod foundation;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod not_completed;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod payouts;
#[cfg(test)]
mod payouts_guards;
#[cfg(test)]
mod payouts_left;
#[cfg(test)]
mod payouts_protected;
#[cfg(test)]
mod phone;
#[cfg(test)]
mod photos;
#[cfg(test)]
mod photos_restarted;
#[cfg(test)]
mod photos_taken_away;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod pushes;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod redaction_scores;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod relayed;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod review;
#[cfg(test)]
mod review_rules;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod scorecards;
#[cfg(test)]
mod second_factor;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod settled;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod spreadsheets;
#[cfg(test)]
mod successions;
#[cfg(test)]
mod taken_out;
#[cfg(test)]
mod unknown_kinds;
#[cfg(test)]
mod users;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod versions;
