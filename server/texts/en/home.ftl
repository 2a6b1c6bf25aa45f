home-title = Home
home-nothing = Your account has no permission here yet. Ask your administrator.
place-what-visits = Visits that wait for review: evidence, returns and approvals
place-what-scorecards = Results by branch, with interval and trend
place-what-people = Who uses Veedor, with which roles
place-what-branches-mine = Your published results, and why points were lost
place-what-appeals = What branches ask to have looked at again, with the deadline
place-what-imports = Spreadsheets of branches, people, staff, shifts and KPI observations
