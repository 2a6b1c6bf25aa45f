DROP TABLE shifts;
DROP TABLE staff_absences;
DROP TABLE staff;
DROP TABLE branches;
DROP TABLE regions;
