branch-mine = My branches
branch-mine-more = The first 50 by name are shown. All of them are in
branch-visits = { $n ->
    [one] { $n } visit
   *[other] { $n } visits
}
branch-interval = 95% interval: { $it }
branch-critical-visits = { $n ->
    [one] { $n } visit with a critical failure
   *[other] { $n } visits with a critical failure
}
branch-newest = Newest published visit
branch-nothing-lost = No points were lost in this visit.
branch-critical = critical failure
branch-why = Why did we lose points?
branch-visits-shown = Published visits
branch-visits-caption = Newest first. Open one to see why points were lost
branch-empty-text = Once a visit is published it appears here, with what cost points and the time to appeal.
branch-visit-of = Visit of { $it }
branch-lost = Points lost
branch-of-hundred = of 100, before the critical rule
branch-before = Score before
branch-before-approved = before it was approved again
branch-before-appeal = before an appeal was upheld
branch-before-rescored = before it was scored again
branch-by-critical = A critical failure limits the score: it took { $it } points more.
branch-why-caption = What cost most comes first. Points are of the visit's 100
branch-question = Question
branch-points = Points
branch-found = Found
branch-expected = Expected
branch-appeal-title = Do you disagree?
branch-appeal = Appeal
branch-appeal-until = You may appeal the questions that cost points until { $it }. Somebody who did not review the visit decides.
branch-appeal-nothing = Nothing cost points: there is nothing to appeal.
branch-appeal-waiting = An appeal is open already; add there what is missing.
branch-appeal-late = The time to appeal ended on { $it }.
branch-appeal-closed = The period is closed: this visit is not appealed any more.
branch-appeal-not-yours = Whoever manages the branch appeals.
branch-appeal-one = Appeal: { $it }
branch-criticals = Critical questions that failed
branch-group-caption = Earned over possible, in %
branch-withheld = Comments, texts, photos and hours of the visit are not shown: they could tell who made it.
branch-poster = Poster for the team
branch-poster-hint = One page to print and put up. It shows no visit in particular.
branch-poster-promise = Our promise: to serve you well, on every visit.
branch-poster-better = What got better
branch-poster-nothing-better = There is no earlier period yet that shows something better.
branch-poster-next = What comes next
branch-poster-nothing-next = We lost no points in this period. Let us keep it up!
branch-poster-expected = What is expected: { $it }
branch-poster-foot = Getting better is everybody's work; these results are not for sanctioning anybody.
