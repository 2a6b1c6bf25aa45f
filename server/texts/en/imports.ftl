import-title = Import
import-why = Upload a spreadsheet (XLSX or CSV). It is tried first and nothing is stored: you see row by row what it adds, what it changes and what is refused.
import-kind = What it is of
import-kind-branches = Branches and regions
import-kind-users = People and roles
import-kind-staff = Staff of the branches
import-kind-shifts = Shifts
import-kind-kpis = KPI observations
import-file = File
import-file-hint = Up to 20 MB and 50,000 rows (5,000 of people)
import-sheet = Sheet
import-sheet-hint = Only where the workbook has several; else the first visible one is read
import-try = Try
import-samples = Templates to begin from
import-done = Imports so far
import-caption = What was imported, the newest first
import-empty = Nothing was imported yet
import-empty-text = Begin with the branches: people, shifts and figures depend on them.
import-when = When
import-state = State
import-state-applied = applied
import-state-undone = undone
import-rows = Rows
import-added = Adds
import-changed = Changes
import-unchanged = Was so already
import-refused = Refused
import-regions-added = { $n ->
    [one] and { $n } region
   *[other] and { $n } regions
}
import-regions-changed = { $n ->
    [one] and { $n } region
   *[other] and { $n } regions
}
import-tried = This is a trial: nothing was stored yet.
import-was-applied = It was stored.
import-see = See what changed, or undo it
import-codes = Codes of the people who are new
import-codes-once = They are shown once: print or keep them now. With their code each person sets a password.
import-code = Code
import-problems = Refused rows
import-problems-caption = What to mend, by row and column of the file
import-row = Row
import-column = Column
import-reason = Reason
import-more = { $n ->
    [one] There is { $n } more.
   *[other] There are { $n } more.
}
import-apply-title = Store
import-apply = Store all
import-apply-good = Store the good rows only
import-apply-good-why = Refused rows are left out. If you want all of them, mend the file and try it again.
import-nothing-good = No row can be stored: mend the file and try it again.
import-rows-title = Row by row
import-rows-caption = What each row adds or changes
import-key = Key
import-what = What
import-adds = Adds: { $it }
import-changes = Changes: { $it }
import-leaves = Stays as it is { $it }
import-changed-nothing = It changed nothing: all of it was so.
import-changes-caption = What changed, in the order in which it was done
import-added-one = added
import-changed-one = changed
import-kept = left: { $it }
import-subject-region = Region
import-subject-branch = Branch
import-subject-user = Person
import-subject-role = Role
import-subject-staff = Staff
import-subject-shift = Shift
import-subject-kpi = KPI
import-undo = Undo the import
import-undo-why = What nobody changed or used since becomes what it was. It can be done once.
import-undo-rest = Leave what was changed or is in use, and undo the rest
import-was-undone = This import was undone.
said-import-undone = The import was undone.
