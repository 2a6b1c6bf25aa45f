pay-title = Incentives
pay-caption = Runs, the newest first
pay-new = New run
pay-empty = There are no runs yet
pay-empty-text = A run takes the approved visits and the indicators of a period, freezes them, and says what each person is paid and why. Begin with a shadow run.
pay-run = Payout run
pay-period = Period
pay-plan = Plan
pay-unit = Whom
pay-mode = Mode
pay-state = State
pay-total = Total
pay-amount = Amount
pay-person = Number
pay-name = Name
pay-branch = Branch
pay-what = What to look at
pay-people = People
pay-calculated-by = Calculated by
pay-approved-by = Approved by
pay-mode-shadow = shadow
pay-mode-live = real
pay-mode-shadow-long = Shadow: shows what would be paid and pays nothing
pay-mode-live-long = Real: what is approved and locked is paid
pay-mode-hint = A real run cannot be changed once it is approved, and nobody is paid twice for the same days. Calculate a shadow run first.
pay-unit-organization = The whole organization
pay-unit-branches = Branches
pay-unit-regions = Regions
pay-unit-codes = Codes
pay-unit-codes-hint = Of the branches or regions, separated by commas. Empty for the whole organization
pay-from = First day
pay-to = Last day
pay-create = Create the run
pay-new-how = Nothing is calculated yet: calculating freezes the visits and indicators that count.
pay-no-plan = No plan is released. Whoever manages the content releases one first.
pay-shadow-note = This is a shadow run: it pays nothing.
pay-exceptions = Exceptions
pay-exceptions-whole = Of the whole run
pay-exceptions-people = { $n ->
    [one] One person has something to look at
   *[other] { $n } people have something to look at
}
pay-exceptions-pages = Pages of exceptions
pay-no-exceptions = Nothing is out of the ordinary.
pay-not-calculated = It is not calculated yet.
pay-totals = Totals
pay-people-caption = What each person is paid, by number; the number opens their statement
pay-export = Download the lines (CSV)
pay-own = You calculated it or gave bands by hand: somebody else approves and locks it.
pay-history = What was done
pay-did-created = created the run
pay-did-calculated = calculated
pay-did-submitted = handed it to the approver
pay-did-back-to-draft = took it back to draft
pay-did-approved = approved
pay-did-locked = locked
pay-did-exported = exported
pay-did-paid = recorded the payment
pay-calculate = Calculate
pay-calculate-why = Freezes the visits and indicators that count now and calculates every line.
pay-submit = Hand to the approver
pay-submit-why = Look at the exceptions first. Somebody else approves.
pay-approve = Approve
pay-approve-why = From here on the amounts do not change; what is corrected later is an adjustment of the next period.
pay-lock = Lock for good
pay-lock-why = The run is calculated again from the same data and locked. There is no way back.
pay-back = Take back to draft
pay-back-why = The amounts are removed, and it is calculated again from what holds then.
pay-back-reason = Reason
pay-more-problems = { $n ->
    [one] and one more
   *[other] and { $n } more
}
pay-statement = Statement
pay-lines = Lines
pay-line = Line
pay-lines-caption = What the amount is made of
pay-line-component = Component { $it }
pay-line-pool-share = Share of the team's pool
pay-line-recognition = Recognitions
pay-line-recognition-of = Recognition { $it }
pay-line-retro = Adjustment of an earlier period
pay-line-recovery = Recovery of an earlier period
pay-line-held = Held until a dispute is decided
pay-held-amount = Held: { $it }
pay-held-with = With the disputed visits { $it } would be earned
pay-held-without = Without them, { $it }
pay-held-due = To be decided by { $it }
pay-adjusts = Mends the period { $it }
pay-reason = Reason: { $it }
pay-method-rerun = The locked period was calculated again with what was decided since; the difference is paid.
pay-method-simplified = Calculated from the target, the weight and the payout of the component.
pay-limit = Most that may be recovered in this period: { $it }
pay-carried = Still to be recovered later: { $it }
pay-excluded = { $component }: { $n } of { $min } in the sample; its weight { $weight } went to the other components
pay-visits-caption = Visits that count in: { $it }
pay-date = Date
pay-score = Score
pay-disputed = disputed
pay-whole = Of the total
pay-sign = Name and signature of acceptance
pay-sign-date = Date
pay-no-interval = none, since there is a single visit
pay-rule-redistribute-weight = its weight goes to the other components
pay-rule-hold-harmless = the target is paid
pay-rule-carry-forward = the result of the last twelve months holds
pay-rule-zero = it pays nothing
pay-step-mean = Mean of the visits ({ $visits }): { $mean }; with two decimals, { $value }
pay-step-fraction = { $numerator } of { $denominator } = { $value }
pay-step-given = Result of the indicator: { $value }
pay-step-sample = The sample is { $n } and the plan asks for { $min_n }: { $value }
pay-step-ratio = Attainment: result { $result } ÷ goal { $goal } × 100 = { $value } %
pay-step-range = Attainment: (result { $result } − base { $base }) ÷ (goal { $goal } − base) × 100 = { $value } %
pay-step-inverse = Attainment, where less is better: (base { $base } − result { $result }) ÷ (base − goal { $goal }) × 100 = { $value } %
pay-step-table-step = Table: { $x } reaches a step that pays { $value } %
pay-step-table-below = Table: { $x } lies below the first step; pays { $value } %
pay-step-table-knot = Table: { $x } is a point of the table; pays { $value } %
pay-step-table-above = Table: { $x } lies above the last point; pays { $value } %
pay-step-table-between = Table: { $x } lies between two points; { $formula } = { $value } %
pay-step-protection = Protection of the payout before: interval at the level { $level }: { $interval }; limit { $limit }; before { $previous_payout_pct } %; protected { $protected_in_a_row } times in a row, { $max_consecutive } at most. Pays { $value } %
pay-step-amount = Target { $target } × weight { $weight } × { $payout_pct } % = { $value }
pay-step-accelerator = Accelerator: { $amount } × { $factor } = { $value }
pay-step-decelerator = Decelerator: { $amount } × { $factor } = { $value }
pay-step-gate = A condition of the component does not hold: { $amount } × { $factor } = { $value }
pay-step-gate-of-lines = The condition { $gate } ({ $formula }) does not hold: every line is multiplied by { $value }
pay-step-gate-of-all = By the condition of the whole plan: { $amount } × { $factor } = { $value }
pay-step-component-cap = The smaller of { $amount } and the cap { $cap }: { $value }
pay-step-proration = Days that count over days of the period: { $amount } × { $proration } = { $value }
pay-step-round = Rounded once, halves up: { $amount } gives { $value }
pay-step-sum = Sum of the lines: { $value }
pay-step-plan-cap = The smaller of the sum { $sum } and the plan's cap { $cap }: { $value }
pay-step-recognitions = Recognitions: { $inside_cap } inside the cap and { $outside_cap } outside it; with them, { $value }
pay-step-payable = Of the period { $current_period }, plus adjustments { $adjustments }, never below zero: { $value }
pay-step-index = Mean of { $n } visits: { $mean }; with two decimals, { $value }
pay-step-pool = Pool: { $base_per_head } a person × { $people } people × { $step_pct } % × factor of the band { $band_multiplier } = { $value }
pay-step-pool-cap = The smaller of the pool { $pool } and the cap { $cap } less the recognitions inside it { $inside_cap }: { $value }
pay-step-share = Pool { $pool } × weight { $weight } over the sum of the weights, down: { $floor }; with the cents left over, { $value }
pay-step-recovery = To recover { $wanted }, of what was earned { $earned } and up to the limit: { $value }
pay-step-retro = Target { $target } × weight { $weight } × { $payout_pct } % less what was paid { $previously_paid }: { $value }
pay-step-other = { $formula } = { $value }
said-pay-created = The run was created. Now calculate it.
said-pay-calculated = Calculated. Look at the exceptions first.
said-pay-submitted = Handed to the approver.
said-pay-approved = Approved.
said-pay-locked = Locked.
said-pay-back-in-draft = Taken back to draft.
