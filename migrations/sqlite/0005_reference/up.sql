-- Regions, branches and staff: what audits are about and whose pay they touch.

CREATE TABLE regions (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    region_id BLOB NOT NULL,
    parent_id BLOB,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (org_id, region_id),
    UNIQUE (org_id, code),
    FOREIGN KEY (org_id, parent_id) REFERENCES regions (org_id, region_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE branches (
    org_id BLOB NOT NULL REFERENCES organizations (org_id),
    branch_id BLOB NOT NULL,
    region_id BLOB,
    code TEXT NOT NULL CHECK (length(code) > 0),
    name TEXT NOT NULL,
    latitude_e7 INTEGER,
    longitude_e7 INTEGER,
    zone TEXT NOT NULL,
    target_hundredths INTEGER,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    PRIMARY KEY (org_id, branch_id),
    UNIQUE (org_id, code),
    FOREIGN KEY (org_id, region_id) REFERENCES regions (org_id, region_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX branches_by_region ON branches (org_id, region_id, branch_id);

CREATE TABLE staff (
    org_id BLOB NOT NULL,
    staff_id BLOB NOT NULL,
    employee_no TEXT NOT NULL CHECK (length(employee_no) > 0),
    name TEXT NOT NULL,
    position TEXT NOT NULL,
    role_factor TEXT,
    branch_id BLOB NOT NULL,
    employed_from TEXT NOT NULL CHECK (length(employed_from) = 10),
    employed_to TEXT CHECK (length(employed_to) = 10),
    target_minor INTEGER CHECK (target_minor >= 0),
    PRIMARY KEY (org_id, staff_id),
    UNIQUE (org_id, employee_no),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_by_branch ON staff (org_id, branch_id, staff_id);

CREATE TABLE staff_absences (
    org_id BLOB NOT NULL,
    staff_id BLOB NOT NULL,
    absent_from TEXT NOT NULL CHECK (length(absent_from) = 10),
    absent_to TEXT NOT NULL CHECK (length(absent_to) = 10),
    kind TEXT NOT NULL,
    PRIMARY KEY (org_id, staff_id, absent_from),
    FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, staff_id),
    CHECK (absent_to >= absent_from)
) STRICT, WITHOUT ROWID;

-- Times are the branch's wall clock, HH:MM; a shift that ends before it begins ends on the next day.
CREATE TABLE shifts (
    org_id BLOB NOT NULL,
    staff_id BLOB NOT NULL,
    work_date TEXT NOT NULL CHECK (length(work_date) = 10),
    begins TEXT NOT NULL CHECK (length(begins) = 5),
    ends TEXT NOT NULL CHECK (length(ends) = 5),
    branch_id BLOB NOT NULL,
    PRIMARY KEY (org_id, staff_id, work_date, begins),
    FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, staff_id),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX shifts_by_branch ON shifts (org_id, branch_id, work_date);
