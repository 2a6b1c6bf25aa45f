// The first screen: what wants attention first, then visits in progress, then what is to be visited. Owns the order in which a
// person sees things; what exists is the core's.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Core } from "../core/api";
import type { AssignmentCard, BranchFacts, Home as HomeReply, VisitCard } from "../core/messages";
import { Button, Cards, Choice, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { Icon } from "../parts/icon";
import { bytes, day, daysTo, distance, metresBetween } from "../view/format";
import { install, isStandalone, later, offer, putOff } from "../view/install";
import { useAsk } from "../view/load";
import { lookOnce, type Fix } from "../view/position";
import { kept, say, words } from "../view/prefs";
import { to } from "../view/route";
import { unsentDays } from "../view/unsent";

/** Days without sending after which a person is told. */
const NAG_DAYS = 2;

export const branchName = (it: BranchFacts | null): string => it?.name ?? words.value.home.branchNotHere;

function windowText(from: string | null, until: string | null, zone: string | null): string {
  const t = words.value.home;
  const now = Date.now();
  if (from && daysTo(from, zone, now) > 0) return `${t.from(day(from))}${until ? ` · ${t.until(day(until)).toLocaleLowerCase()}` : ""}`;
  return until ? `${t.until(day(until))} · ${t.daysLeft(daysTo(until, zone, now))}` : t.noWindow;
}

/** As it stands within a sentence. */
const lower = (it: string): string => it.charAt(0).toLocaleLowerCase() + it.slice(1);

const isLate = (until: string | null, zone: string | null): boolean => until !== null && daysTo(until, zone, Date.now()) <= 1;

function Away({ branch, fix }: { branch: BranchFacts | null; fix: Fix | null }) {
  if (!fix || branch?.lat_e7 == null || branch.lon_e7 == null) return null;
  return <> · {words.value.home.away(distance(metresBetween(fix.latE7, fix.lonE7, branch.lat_e7, branch.lon_e7)))}</>;
}

function Visit({ it }: { it: VisitCard }) {
  const t = words.value.home;
  const isReturned = it.phase === "returned";
  const zone = it.branch?.zone ?? null;
  const isOpen = it.phase === "draft" || isReturned;
  return (
    <li>
      <a class={`card${isReturned ? " returned" : ""}`} href={to.visit(it.visit)}>
        <span class="card-body">
          {isReturned && (
            <span class="mark bad">
              <Icon name="returned" />
              {t.phases.returned}
            </span>
          )}
          <span class="card-title">{branchName(it.branch)}</span>
          <span>{it.title ? say(it.title) : t.tooNew}</span>
          <span class="quiet">
            {isOpen ? t.answered(it.answered) : t.phases[it.phase]}
            {it.round > 1 && ` · ${t.round(it.round)}`}
            {isOpen && it.to && ` · ${lower(windowText(null, it.to, zone))}`}
          </span>
          {it.conflicts > 0 && (
            <span class="mark warn">
              <Icon name="two" />
              {t.conflicts(it.conflicts)}
            </span>
          )}
          {it.lost > 0 && (
            <span class="mark bad">
              <Icon name="alert" />
              {t.lost(it.lost)}
            </span>
          )}
          {it.photos > 0 && (
            <span class="mark">
              <Icon name="phone" />
              {t.photosWait(it.photos, bytes(it.bytes))}
            </span>
          )}
        </span>
        <Icon name="next" />
      </a>
    </li>
  );
}

function Assignment({ it, fix }: { it: AssignmentCard; fix: Fix | null }) {
  const t = words.value.home;
  const zone = it.branch?.zone ?? null;
  const body = (
    <span class="card-body">
      <span class="card-title">{branchName(it.branch)}</span>
      {it.too_new ? (
        <span class="mark warn">
          <Icon name="alert" />
          <span>{t.tooNew}</span>
        </span>
      ) : (
        <span>{it.title ? say(it.title) : t.notHere}</span>
      )}
      {it.branch?.address && <span class="quiet">{it.branch.address}</span>}
      {it.refused ? (
        <span class="mark bad">
          <Icon name="alert" />
          <span>{say(it.refused)}</span>
        </span>
      ) : (
        <span class="mark">{t.states[it.state]}</span>
      )}
      <span class={isLate(it.to, zone) ? "mark warn" : "quiet"}>
        {isLate(it.to, zone) && <Icon name="clock" />}
        <span>
          {windowText(it.from, it.to, zone)}
          <Away branch={it.branch} fix={fix} />
        </span>
      </span>
    </span>
  );
  return (
    <li>
      {it.title && !it.refused ? (
        <a class="card" href={to.briefing(it.id)}>
          {body}
          <Icon name="next" />
        </a>
      ) : (
        <div class="card off">{body}</div>
      )}
    </li>
  );
}

function InstallCard({ core }: { core: Core }) {
  const t = words.value.install;
  if (isStandalone() || putOff.value) return null;
  if (offer.value)
    return (
      <Notice title={t.card} icon="phone">
        <p>{t.cardWhy}</p>
        <div class="row">
          <Button kind="main" onClick={() => void install()}>
            {t.button}
          </Button>
          <Button onClick={later}>{t.later}</Button>
        </div>
      </Notice>
    );
  return core.storage.value.persisted === false ? (
    <Notice tone="warn">
      <p>{t.notKept}</p>
      <Button onClick={later}>{t.later}</Button>
    </Notice>
  ) : null;
}

function Attention({ core, home }: { core: Core; home: HomeReply }) {
  const t = words.value.home;
  const standing = core.standing.value;
  const sync = core.sync.value;
  const days = standing.is === "open" && sync.edits + sync.photos > 0 ? unsentDays(standing.profile.id, Date.now()) : 0;
  const ended = sync.ended ?? home.sync.ended;
  return (
    <>
      {ended && (
        <Notice tone="bad" alert>
          <p>{words.value.ended[ended] ?? words.value.ended.other}</p>
        </Notice>
      )}
      {days >= NAG_DAYS && (
        <Notice tone="warn" title={t.nag(days)}>
          <p>{t.nagDo}</p>
          <LinkButton href={to.outbox}>{t.nagOpen}</LinkButton>
        </Notice>
      )}
      {core.updateWaits.value && (
        <Notice title={t.update}>
          <LinkButton href={to.settings}>{words.value.settings.title}</LinkButton>
        </Notice>
      )}
    </>
  );
}

type Sort = "window" | "distance";

function ToVisit({ list }: { list: AssignmentCard[] }) {
  const t = words.value.home;
  const sort = useSignal<Sort>(kept.get("sort") === "distance" ? "distance" : "window");
  const fix = useSignal<Fix | null>(null);
  const asked = useSignal<"no" | "asking" | "denied">("no");
  const canSort = list.filter((it) => it.branch?.lat_e7 != null).length > 1;
  const choose = async (value: Sort) => {
    sort.value = value;
    kept.set("sort", value);
    if (value === "distance" && !fix.value && asked.value !== "asking") {
      asked.value = "asking";
      fix.value = await lookOnce();
      asked.value = fix.value ? "no" : "denied";
      if (!fix.value) sort.value = "window";
    }
  };
  useEffect(() => {
    if (canSort && sort.value === "distance") void choose("distance");
  }, [canSort]);
  const far = (it: AssignmentCard) =>
    fix.value && it.branch?.lat_e7 != null && it.branch.lon_e7 != null
      ? metresBetween(fix.value.latE7, fix.value.lonE7, it.branch.lat_e7, it.branch.lon_e7)
      : Infinity;
  const sorted = canSort && sort.value === "distance" && fix.value ? [...list].sort((a, b) => far(a) - far(b)) : list;
  if (list.length === 0) return <p class="quiet">{t.noneAssigned}</p>;
  return (
    <>
      {canSort && <Choice label={t.sort} name="sort" value={sort.value} options={[["window", t.byWindow], ["distance", t.byDistance]]} onChange={(it) => void choose(it)} />}
      {asked.value === "denied" && <p role="status">{t.noPlace}</p>}
      <Cards list={sorted} draw={(it) => <Assignment key={it.id} it={it} fix={fix.value} />} />
    </>
  );
}

const drawn = (it: VisitCard) => <Visit key={it.visit} it={it} />;

function Group({ title, list }: { title: string; list: VisitCard[] }) {
  if (list.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <Cards list={list} draw={drawn} />
    </section>
  );
}

/** What is over, folded; drawn only once it is looked at. */
function Done({ list }: { list: VisitCard[] }) {
  const isOpen = useSignal(false);
  if (list.length === 0) return null;
  return (
    <details class="fold" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>
        <h2>{words.value.home.done(list.length)}</h2>
      </summary>
      {isOpen.value && <Cards list={list} draw={drawn} />}
    </details>
  );
}

export function Home({ core }: { core: Core }) {
  const t = words.value.home;
  const { got } = useAsk(core, { ask: "home" }, "home", true);
  const it = got.value;
  if (it.is === "loading") return <Page title={t.title}>{null}</Page>;
  if (it.is === "refused")
    return (
      <Page title={t.title}>
        <Trouble problem={it.problem} />
      </Page>
    );
  const home = it.it;
  const of = (...phases: string[]) => home.visits.filter((visit) => phases.includes(visit.phase));
  const [returned, ongoing] = [of("returned"), of("draft")];
  const done = home.visits.filter((visit) => visit.phase !== "returned" && visit.phase !== "draft");
  const isEmpty = home.assignments.length + home.visits.length === 0;
  return (
    <Page title={t.title} still>
      <Attention core={core} home={home} />
      <Group title={t.returned} list={returned} />
      {home.sync.conflicts > 0 && (
        <Notice tone="warn" icon="two" title={t.conflictsCard(home.sync.conflicts)}>
          <LinkButton href={to.conflicts}>{t.conflictsOpen}</LinkButton>
        </Notice>
      )}
      <Group title={t.ongoing} list={ongoing} />
      {isEmpty ? (
        <div class="empty">
          <Icon name="list" />
          <p class="big">{t.empty}</p>
          <p>{core.sync.value.online ? t.emptyOnline : t.emptyOffline}</p>
          <LinkButton href={to.outbox}>{words.value.outbox.title}</LinkButton>
        </div>
      ) : (
        <section>
          <h2>{t.assigned}</h2>
          <ToVisit list={home.assignments} />
        </section>
      )}
      <Done list={done} />
      {home.branches.length > 0 && home.checklists.some((list) => list.title) && (
        <LinkButton href={to.adhoc} icon="plus" kind="quiet">
          {t.unplanned}
        </LinkButton>
      )}
      <InstallCard core={core} />
    </Page>
  );
}
