-- Regions, branches and staff: what audits are about and whose pay they touch.

CREATE TABLE regions (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    region_id uuid NOT NULL,
    parent_id uuid,
    code text NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (org_id, region_id),
    UNIQUE (org_id, code),
    FOREIGN KEY (org_id, parent_id) REFERENCES regions (org_id, region_id)
);

CREATE TABLE branches (
    org_id uuid NOT NULL REFERENCES organizations (org_id),
    branch_id uuid NOT NULL,
    region_id uuid,
    code text NOT NULL CHECK (length(code) > 0),
    name text NOT NULL,
    latitude_e7 bigint,
    longitude_e7 bigint,
    zone text NOT NULL,
    target_hundredths bigint,
    active boolean NOT NULL,
    PRIMARY KEY (org_id, branch_id),
    UNIQUE (org_id, code),
    FOREIGN KEY (org_id, region_id) REFERENCES regions (org_id, region_id)
);
CREATE INDEX branches_by_region ON branches (org_id, region_id, branch_id);

CREATE TABLE staff (
    org_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    employee_no text NOT NULL CHECK (length(employee_no) > 0),
    name text NOT NULL,
    position text NOT NULL,
    role_factor text,
    branch_id uuid NOT NULL,
    employed_from text NOT NULL CHECK (length(employed_from) = 10),
    employed_to text CHECK (length(employed_to) = 10),
    target_minor bigint CHECK (target_minor >= 0),
    PRIMARY KEY (org_id, staff_id),
    UNIQUE (org_id, employee_no),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id)
);
CREATE INDEX staff_by_branch ON staff (org_id, branch_id, staff_id);

CREATE TABLE staff_absences (
    org_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    absent_from text NOT NULL CHECK (length(absent_from) = 10),
    absent_to text NOT NULL CHECK (length(absent_to) = 10),
    kind text NOT NULL,
    PRIMARY KEY (org_id, staff_id, absent_from),
    FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, staff_id),
    CHECK (absent_to >= absent_from)
);

-- Times are the branch's wall clock, HH:MM; a shift that ends before it begins ends on the next day.
CREATE TABLE shifts (
    org_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    work_date text NOT NULL CHECK (length(work_date) = 10),
    begins text NOT NULL CHECK (length(begins) = 5),
    ends text NOT NULL CHECK (length(ends) = 5),
    branch_id uuid NOT NULL,
    PRIMARY KEY (org_id, staff_id, work_date, begins),
    FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, staff_id),
    FOREIGN KEY (org_id, branch_id) REFERENCES branches (org_id, branch_id)
);
CREATE INDEX shifts_by_branch ON shifts (org_id, branch_id, work_date);
