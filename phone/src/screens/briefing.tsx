// What an auditor reads before a visit: role, conduct, rules, place; and the button that begins it. Also the visit that nobody
// planned.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Core } from "../core/api";
import type { Ask, BranchFacts, ChecklistKind, LocalText, Problem, VisitRules } from "../core/messages";
import { Button, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { Icon } from "../parts/icon";
import { count, day, daysTo, weekdays, zoneName } from "../view/format";
import { isIos } from "../view/install";
import { useMayHide } from "../view/hidden";
import { useAsk } from "../view/load";
import { say, words } from "../view/prefs";
import { replace, to } from "../view/route";
import { announce } from "../view/say";
import { branchName } from "./home";

/** Hands the place to a map app; nothing is loaded here. */
function mapLink(it: BranchFacts): string | null {
  const place = it.lat_e7 != null && it.lon_e7 != null ? `${it.lat_e7 / 1e7},${it.lon_e7 / 1e7}` : null;
  const named = encodeURIComponent([it.name, it.address].filter(Boolean).join(", "));
  if (!place && !it.address) return null;
  if (/Android/.test(navigator.userAgent)) return place ? `geo:${place}?q=${place}(${encodeURIComponent(it.name)})` : `geo:0,0?q=${named}`;
  if (isIos()) return place ? `https://maps.apple.com/?ll=${place}&q=${encodeURIComponent(it.name)}` : `https://maps.apple.com/?q=${named}`;
  if (!place) return `https://www.openstreetmap.org/search?query=${named}`;
  const [lat, lon] = place.split(",");
  return `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=17/${lat}/${lon}`;
}

export function Where({ branch }: { branch: BranchFacts | null }) {
  const t = words.value.briefing;
  if (!branch) return null;
  const map = mapLink(branch);
  return (
    <section>
      <h2>{t.branch}</h2>
      <p class="strong">{branch.name}</p>
      {branch.address && <p>{branch.address}</p>}
      <p class="quiet">
        {t.code} {branch.code}
        {branch.zone && ` · ${t.zone(zoneName(branch.zone))}`}
      </p>
      {map && (
        <>
          <a class="button plain" href={map} target={map.startsWith("geo:") ? undefined : "_blank"} rel="noreferrer noopener">
            <Icon name="pin" />
            <span>{t.map}</span>
          </a>
          <p class="hint">{t.mapNote}</p>
        </>
      )}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Rules(props: { rules: VisitRules; from?: string | null; until?: string | null; zone: string | null }) {
  const t = words.value.briefing;
  const home = words.value.home;
  const { rules, from, until } = props;
  return (
    <section>
      <h2>{t.rules}</h2>
      <dl class="facts">
        {(from || until) && (
          <Fact name={t.deadline}>
            {from && `${home.from(day(from))} `}
            {until && `${from ? home.until(day(until)).toLocaleLowerCase() : home.until(day(until))} · ${home.daysLeft(daysTo(until, props.zone, Date.now()))}`}
          </Fact>
        )}
        <Fact name={t.hours}>
          {rules.windows?.length
            ? rules.windows.map((it) => <span class="line">{t.hoursRange(weekdays(it.days, t.to), it.from, it.to)}</span>)
            : t.hoursAny}
        </Fact>
        <Fact name={t.duration}>{t.minutes(count(rules.minutes_min), count(rules.minutes_max))}</Fact>
        <Fact name={t.submitWithin}>{t.withinHours(count(rules.submit_within_hours))}</Fact>
        <Fact name={t.position}>{rules.geofence_m != null ? t.geofence(count(rules.geofence_m)) : t.noGeofence}</Fact>
        <Fact name={t.recording}>{rules.recording?.allowed === "only_if_announced_or_lawful" ? t.recordingLawful : t.recordingNever}</Fact>
      </dl>
    </section>
  );
}

export function Conduct({ scenario, kind }: { scenario: LocalText; kind: ChecklistKind }) {
  const t = words.value.briefing;
  return (
    <>
      <section class="role">
        <h2>{t.scenario}</h2>
        <p class="big">{say(scenario)}</p>
      </section>
      <section>
        <h2>{t.ethics}</h2>
        <ul class="rules">
          {(t.ethicsBy[kind] ?? []).map((it) => (
            <li key={it}>{it}</li>
          ))}
        </ul>
      </section>
    </>
  );
}

/** What is answered to an offer, also without a network: taken, or refused with a reason for whoever plans. */
function OfferAnswer({ core, assignment, state, onDone }: { core: Core; assignment: string; state: string; onDone: () => Promise<void> }) {
  const t = words.value.offer;
  const [declining, reason, busy] = [useSignal(false), useSignal(""), useSignal(false)];
  const problem = useSignal<Problem | null>(null);
  if (state === "accepted") return <Notice tone="good" title={t.accepted} />;
  if (state !== "offered") return null;
  const answer = async (ask: Ask) => {
    if (busy.value) return;
    busy.value = true;
    problem.value = null;
    const reply = await core.ask(ask);
    busy.value = false;
    if (reply.reply === "refused") problem.value = reply.problem;
    else if (ask.ask === "decline") replace(to.home);
    else {
      announce(t.accepted);
      await onDone();
    }
  };
  return (
    <section>
      <h2>{t.title}</h2>
      <p>{t.why}</p>
      {declining.value ? (
        <div class="field">
          <label for="decline-reason">{t.reason}</label>
          <p class="hint" id="decline-hint">
            {t.reasonHint}
          </p>
          <textarea id="decline-reason" rows={3} maxLength={1000} aria-describedby="decline-hint" value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
          <div class="row">
            <Button kind="main" busy={busy.value} onClick={() => void answer({ ask: "decline", assignment, reason: reason.value.trim() })}>
              {t.decline}
            </Button>
            <Button onClick={() => (declining.value = false)}>{words.value.cancel}</Button>
          </div>
        </div>
      ) : (
        <div class="row">
          <Button icon="check" busy={busy.value} onClick={() => void answer({ ask: "accept", assignment })}>
            {t.accept}
          </Button>
          <Button onClick={() => (declining.value = true)}>{t.decline}</Button>
        </div>
      )}
      <Trouble problem={problem.value} />
    </section>
  );
}

/** Begins a visit once; says why not. */
function useStart(core: Core, ask: () => Ask | null) {
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const start = async () => {
    const message = ask();
    if (busy.value || !message) return;
    busy.value = true;
    problem.value = null;
    const reply = await core.ask(message);
    busy.value = false;
    if (reply.reply === "visit") replace(to.visit(reply.form.visit));
    else if (reply.reply === "refused") problem.value = reply.problem;
  };
  return { busy, problem, start };
}

export function Briefing({ core, assignment }: { core: Core; assignment: string }) {
  const t = words.value.briefing;
  const { got, reload } = useAsk(core, { ask: "briefing", assignment }, "briefing");
  const begin = useStart(core, () => ({ ask: "start", assignment }));
  const it = got.value;
  useMayHide(it.is !== "here" || it.it.allowed.covert);
  if (it.is === "loading") return null;
  if (it.is === "refused")
    return (
      <Page title={words.value.visit.cannotOpen}>
        <Trouble problem={it.problem} />
      </Page>
    );
  const brief = it.it;
  const zone = brief.branch?.zone ?? null;
  return (
    <>
      <Page title={branchName(brief.branch)} kicker={<p class="under">{say(brief.title)}</p>}>
        {brief.notes && (
          <Notice title={t.notes}>
            <p>{brief.notes}</p>
          </Notice>
        )}
        <OfferAnswer core={core} assignment={assignment} state={brief.state} onDone={reload} />
        <Conduct scenario={brief.scenario} kind={brief.kind} />
        <Rules rules={brief.rules} from={brief.from} until={brief.to} zone={zone} />
        <Where branch={brief.branch} />
        {brief.allowed.covert && (
          <Notice icon="eye">
            <p>{t.hideTip}</p>
          </Notice>
        )}
        <details class="fold">
          <summary>
            <h2>{t.questions}</h2>
          </summary>
          <p>{say(brief.purpose)}</p>
          <p class="quiet">{t.questionsWhy}</p>
          {brief.sections.map((section) => (
            <details class="plain" key={section.title.es}>
              <summary>
                {say(section.title)} <span class="quiet">· {t.questionCount(section.questions.length)}</span>
              </summary>
              <ul class="rules">
                {section.questions.map((it) => (
                  <li key={it.q.es}>
                    {say(it.q)} {it.photo && <span class="quiet">({t.withPhoto})</span>}
                  </li>
                ))}
              </ul>
            </details>
          ))}
        </details>
        <Trouble problem={begin.problem.value} />
      </Page>
      <div class="bottom one">
        <Button kind="main" wide onClick={() => void begin.start()} busy={begin.busy.value}>
          {begin.busy.value ? words.value.wait : t.start}
        </Button>
        <p class="hint">{t.startWhy}</p>
      </div>
    </>
  );
}

/** A UUIDv7: the time first, so that ids sort by it. */
export function newId(nowMs: number): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const hex = (from: number, to: number) => [...random.slice(from, to)].map((it) => it.toString(16).padStart(2, "0")).join("");
  const time = nowMs.toString(16).padStart(12, "0");
  const variant = ((random[2] ?? 0) & 0x3f) | 0x80;
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(0, 2).slice(1)}-${variant.toString(16)}${hex(3, 4)}-${hex(4, 10)}`;
}

export function AdHoc({ core }: { core: Core }) {
  const t = words.value.adhoc;
  const { got } = useAsk(core, { ask: "home" }, "home");
  const [branch, checklist, missing] = [useSignal(""), useSignal(""), useSignal(false)];
  const begin = useStart(core, () => {
    missing.value = !branch.value || !checklist.value;
    return missing.value ? null : { ask: "start_ad_hoc", visit: newId(Date.now()), branch: branch.value, checklist: checklist.value };
  });
  if (got.value.is !== "here") return null;
  const home = got.value.it;
  return (
    <Page title={t.title}>
      <p class="big">{t.intro}</p>
      <div class="field">
        <label for="branch">{t.branch}</label>
        <select id="branch" value={branch.value} onChange={(event) => (branch.value = event.currentTarget.value)}>
          <option value="">{t.choose}</option>
          {home.branches.map((it) => (
            <option key={it.id} value={it.id}>
              {it.name}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="checklist">{t.checklist}</label>
        <select id="checklist" value={checklist.value} onChange={(event) => (checklist.value = event.currentTarget.value)}>
          <option value="">{t.choose}</option>
          {home.checklists.map((it) => it.title && (
            <option key={it.hash} value={it.hash}>
              {say(it.title)}
            </option>
          ))}
        </select>
      </div>
      {missing.value && (
        <p class="wrong" role="alert">
          <Icon name="alert" />
          <span>{t.missing}</span>
        </p>
      )}
      <Trouble problem={begin.problem.value} />
      <Button kind="main" wide onClick={() => void begin.start()} busy={begin.busy.value}>
        {t.start}
      </Button>
      <LinkButton href={to.home} kind="quiet" wide>
        {words.value.cancel}
      </LinkButton>
    </Page>
  );
}
