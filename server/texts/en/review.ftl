review-title = Visits to review
review-caption = Who waits longest comes first. The wait counts from when the visit was handed in; the programme sets no deadline for reviews.
review-visit = Visit
review-state = State
review-state-waiting = to review
review-branch-code = Branch code
review-wave = Wave
review-wave-any = any
review-late = Waiting
review-late-any = any time
review-late-1 = a day or more
review-late-2 = two days or more
review-late-3 = three days or more
review-late-7 = a week or more
review-mine = Those I review
review-look = With something to settle
review-filter = Filter
review-all-waiting = Show all
review-none = Nothing waits for review
review-none-text = Visits come here once a phone hands them in. For that, create a wave and assign visits.
review-none-found = No visit matches the filter
review-none-found-text = Take a filter away or look at all that wait.
review-waits = Waiting
review-reviewer = Reviewer
review-auditor = Auditor
review-warnings = Warnings
review-you = you
review-tick = Tick
review-bulk = Approve those ticked
review-bulk-hint = Only clean visits can be ticked. Before anything is approved you see what becomes of each.
review-bulk-title = { $n ->
    [0] None of these visits can be approved like this
    [one] Approve one visit
   *[other] Approve { $n } visits
}
review-bulk-done = { $n ->
    [0] No visit was approved
    [one] One visit was approved and published
   *[other] { $n } visits were approved and published
}
review-bulk-confirm = { $n ->
    [one] Approve and publish one visit
   *[other] Approve and publish { $n } visits
}
review-bulk-caption = What becomes of each visit
review-bulk-caption-done = What became of each visit
review-bulk-why = The score is frozen, and the branch sees it.
review-bulk-nothing = Review them one by one.
review-outcome = Outcome
review-outcome-will = is approved and published
review-outcome-done = approved and published
review-outcome-left = stays as it is
review-score = Score
review-back = Back to the visits
review-minutes = { $n ->
    [0] less than a minute
    [one] 1 minute
   *[other] { $n } minutes
}
review-hours = { $n ->
    [one] 1 hour
   *[other] { $n } hours
}
review-days = { $n ->
    [one] 1 day
   *[other] { $n } days
}
review-round = round { $n }
review-not-completed = did not happen
review-own = you made it
review-conflicts = { $n ->
    [one] 1 conflict
   *[other] { $n } conflicts
}
review-late-answers = { $n ->
    [one] 1 late answer
   *[other] { $n } late answers
}
review-keys = Keyboard
review-keys-on = Use these keys
review-keys-next = next
review-keys-before = previous
review-keys-approve = go to approve
review-keys-return = go to return
review-keys-safe = Keys only move you from place to place; nothing is done until a button is pressed.
review-now-you = you review it
review-now-other = { $it } reviews it
review-now-nobody = nobody reviews it yet
review-waits-since = waiting for { $it }
review-handed-in-since = handed in { $it } ago
review-own-notice = You made this visit: you can see it, and somebody else reviews it.
review-renewed = A phone went on with this visit in place of another, or there are two logs of one. Read what happened before you approve.
review-moved-notice = The visit was moved from one version of the checklist to another.
review-kept = What you typed
review-answers = Answers
review-beside = Beside the answers
review-yes = Yes
review-no = No
review-na = Not applicable
review-scale = { $it } of 5
review-unanswered = not answered
review-critical = critical
review-in-conflict = in conflict
review-points = { $it } of { $of } points
review-points-bonus = { $it } bonus points
review-points-excluded = does not count
review-points-hidden = not asked
review-points-none = no points
review-photos-of-item = { $n ->
    [one] 1 piece of evidence
   *[other] { $n } pieces of evidence
}
review-redacted-answer = The answer was redacted.
review-redacted-comment = The comment was redacted.
review-redacted-photos = A piece of evidence was redacted.
review-corrected = By an appeal this counts: { $it }
review-left-out = does not count
review-field-checklist = Version of the checklist
review-fact-arrival = Arrival
review-fact-departure = Departure
review-fact-platform = Platform
review-fact-outcome = That it did not happen
review-fix = Ask for a correction
review-fix-tick = Return this item
review-fix-why = What is to be corrected
review-evidence = Evidence
review-no-evidence = The visit has no photos or files.
review-evidence-hidden = Evidence is seen by reviewers.
review-evidence-missing = has not arrived
review-evidence-redacted = was redacted
review-evidence-pending = is being processed
review-more-evidence = More evidence
review-photo-n = Photo { $n }
review-file-n = File { $n }
review-source-camera = from the camera
review-source-file = from a file
review-photo-not-permitted = The programme does not permit this file.
review-photo-mime-differs = It is not of the type that it says.
review-photo-size-differs = Its size is not what the phone said.
review-photo-seen-before = The same photo is evidence elsewhere already.
review-photo-looks-alike = It looks like another photo.
review-photo-refused = It cannot be shown ({ $it }).
review-twin = See the other visit
review-map-no-position = The arrival has no position.
review-map-no-branch = The position of the branch is not known; ask whoever manages branches for it.
review-map-fence = Arrived { $n } m from the branch; { $of } m are allowed.
review-map-plain = Arrived { $n } m from the branch.
review-map-accuracy = The position is uncertain by { $n } m.
review-map-simulated = The device says that it is simulated.
review-map-source = Position: { $it }.
review-map-legend = Square: branch. Dot: arrival. Circle: what is allowed.
review-viewer = Photo
review-zoom-in = Zoom in
review-zoom-out = Zoom out
review-turn = Turn
review-close = Close
review-frozen = frozen
review-preview = as it would be
review-critical-failed = { $n ->
    [one] 1 critical item failed
   *[other] { $n } critical items failed
}
review-grade = Evidence grade
review-proof = Record
review-proof-whole = whole and as signed
review-proof-missing = a part is missing
review-proof-differs = not what was signed
review-proof-open = not handed in yet
review-proof-ops = { $n ->
    [one] 1 operation of phones.
   *[other] { $n } operations of phones.
}
review-proof-unseen = Whoever handed in had not seen all that is shown.
review-proof-check = Check signatures and receipts
review-proof-title = Check of the visit
review-proof-good = All signatures, chains and receipts hold.
review-proof-part = What is signed holds; a part has no signature here.
review-proof-score = The score comes out the same when it is computed again.
review-proof-no-score = There is no score that can be computed again.
review-proof-unproven = { $n ->
    [one] One operation is not proved.
   *[other] { $n } operations are not proved.
}
review-proof-devices = What it was recorded with
review-proof-key = Key
review-proof-kind = Kind
review-proof-since = Enrolled
review-proof-out = taken out
review-proof-proves = What it proves
review-proof-not = What it does not prove
review-proof-download = Download the proof
review-proof-back = Back to the visit
review-device-phone = phone
review-device-import = import
review-device-server = office
review-flags = Quality flags
review-flags-why = Each flag says what was measured. None rejects by itself.
review-proven = There is proof.
review-unproven = There is no proof.
review-to-settle = To settle
review-blocks = Keeps it from approval.
review-conflict-field = Two answers at once
review-conflict-late = Late answer
review-conflict-submit = Handed in twice
review-conflict-fork = Copied log of a phone
review-conflict-blob-lost = Lost evidence
review-conflict-clock = Clock ahead
review-conflict-why-field = Two phones answered without seeing each other. Choose which answer stands.
review-conflict-why-late = It came after the visit was handed in and was not applied. It can stand, or just be noted.
review-conflict-why-submit = The round was handed in from two phones that had not seen each other.
review-conflict-why-fork = The folder of a phone was copied, and there are two logs under one identity.
review-conflict-why-blob-lost = The phone lost the file before it was sent.
review-conflict-why-clock = The phone's clock ran ahead; the time was taken from its arrival at the office.
review-op-set = answer
review-op-clear = no answer
review-op-attach = evidence
review-op-detach = evidence taken away
review-op-note = remark
review-op-submit = handing in
review-op-create = beginning
review-op-resolve = chosen answer
review-op-lost = lost evidence
review-op-void = annulment
review-stands = Which one stands
review-resolve = Let this answer stand
review-acknowledge = Leave it as it is
review-reason = Reason
review-decide = Decide
review-obstacles = In the way of an approval
review-do-claim = Take for review
review-do-hold = Put on hold
review-do-release = Take the review up again
review-do-return = Return for correction
review-do-approve = Approve
review-do-reject = Reject
review-do-publish = Publish
review-do-exclude = Exclude from the scores
review-do-include = Include again
review-do-void = Annul
review-why-claim = Others see that you review it.
review-why-hold = It waits for something outside, with a reason.
review-why-release = The review goes on where it was.
review-why-return = Tick each item to be corrected above and say what is wrong. The phone gets the return with its deadline.
review-why-approve = The score is frozen; what comes later does not change it.
review-why-reject = The visit does not count and its place is open again. Another person has to reject it too.
review-why-publish = The branch sees the result and can appeal.
review-why-exclude = It is kept and paid, but does not count. It takes another person who does not see pay.
review-why-include = It counts again. It takes another person.
review-why-void = For fraud or error; the evidence is kept. It cannot be undone. It takes another person.
review-void-sure = I understand that an annulment cannot be undone
review-submissions = Which submission is approved
review-submissions-hint = There are several, or something came later. Only what the chosen one holds counts.
review-submission-none = the only one there is
review-submission = Submission { $n }
review-deadline = Deadline
review-deadline-hint = Time of the branch ({ $it })
review-return-reason = For the whole visit
review-waiting = { $who } asked for "{ $it }" on { $at } ({ $why }). It takes effect once another person asks for the same.
review-waiting-own = You asked for "{ $it }" on { $at } ({ $why }). Another person has to ask for the same.
review-versions = Versions of the score
review-versions-caption = A version is never edited: a change is a new version with its reason.
review-version = Version
review-when = When
review-raw = Before the critical rule
review-band = Band
review-changes = What changed in version { $n }
review-item = Item
review-before = Before
review-after = After
review-version-approved = approved
review-version-appeal = appeal upheld
review-story = What happened
review-story-why = Times of the branch. What a phone recorded bears the time of its clock.
review-story-left-out = The latest are shown; { $n } lines before them are left out.
review-suspect = clock ahead
review-office = the office
review-did-began = began the visit
review-did-moved = moved the visit to another version of the checklist
review-did-arrived = recorded the arrival
review-did-left = recorded the departure
review-did-could-not = recorded that it could not happen
review-did-answered = { $n ->
    [one] answered 1 item
   *[other] answered { $n } items
}
review-did-changed = { $n ->
    [one] changed 1 answer
   *[other] changed { $n } answers
}
review-did-commented = { $n ->
    [one] wrote 1 comment
   *[other] wrote { $n } comments
}
review-did-attached = { $n ->
    [one] attached 1 piece of evidence
   *[other] attached { $n } pieces of evidence
}
review-did-detached = { $n ->
    [one] took 1 piece of evidence away
   *[other] took { $n } pieces of evidence away
}
review-did-lost = { $n ->
    [one] lost 1 file
   *[other] lost { $n } files
}
review-did-remarked = { $n ->
    [one] noted 1 remark
   *[other] noted { $n } remarks
}
review-did-handed-in = handed the visit in
review-did-settled = { $n ->
    [one] settled 1 conflict
   *[other] settled { $n } conflicts
}
review-did-redacted = { $n ->
    [one] redacted 1 thing
   *[other] redacted { $n } things
}
review-did-other = { $n ->
    [one] did something that this version does not know
   *[other] did { $n } things that this version does not know
}
review-did-received = received the visit
review-did-asked = asked for { $it }; another person is missing
review-did-step = { $it } → { $to }
said-review-claim = The visit is yours to review.
said-review-hold = The visit is on hold.
said-review-release = The review goes on.
said-review-return = The visit was returned with its deadline.
said-review-approve = The visit is approved.
said-review-reject = The visit is rejected.
said-review-publish = The visit is published.
said-review-exclude = The visit is excluded.
said-review-include = The visit counts again.
said-review-void = The visit is annulled.
said-review-resolve = The conflict is settled.
said-review-acknowledge = It is noted.
said-review-asked = It was asked for; it takes effect once another person asks for the same.
