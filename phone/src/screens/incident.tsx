// Telling of an incident with as few taps as there can be: what, a word or none, send. Owns the one report that is being written; it is
// kept nowhere but in the core, and there nobody reads it. Looks like nothing much, so that whoever looks over a shoulder learns little.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Core } from "../core/api";
import type { Ask, Problem } from "../core/messages";
import { Button, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { Icon } from "../parts/icon";
import { hide } from "../view/hidden";
import { useAsk } from "../view/load";
import { lookOnce, type Fix } from "../view/position";
import { words } from "../view/prefs";
import { to } from "../view/route";
import { newId } from "./briefing";

type Told = Extract<Ask, { ask: "report" }>;

const KINDS = ["danger", "violence", "bribe", "discrimination", "other"] as const;
/** As many as the office takes. */
const MOST_CHARS = 10_000;
/** Nobody waits longer than this for a place, milliseconds. */
const PLACE_MS = 2_000;

const hex = (bytes: Uint8Array): string => Array.from(bytes, (it) => it.toString(16).padStart(2, "0")).join("");

/** Looks for the place where that was allowed before; asks nobody for anything now. */
async function allowedPlace(): Promise<Fix | null> {
  const asked = await navigator.permissions?.query({ name: "geolocation" }).catch(() => null);
  return asked?.state === "granted" ? lookOnce() : null;
}

function positionOf(fix: Fix | null): Told["position"] {
  return fix && { lat_e7: fix.latE7, lon_e7: fix.lonE7, accuracy_mm: fix.accuracyMm, at_ms: Math.round(fix.atMs) };
}

/** What became of it, as long as one looks. */
function Sent({ core, id, visit, problem }: { core: Core; id: string; visit: string | null; problem: Problem | null }) {
  const t = words.value.incident;
  const { got } = useAsk(core, { ask: "incidents" }, "incidents", true);
  const state = got.value.is === "here" ? got.value.it.incidents.find((it) => it.id === id)?.state : null;
  const isSent = state === "sent";
  return (
    <Page title={isSent ? t.sent : t.kept}>
      <div aria-live="polite">
        <Notice tone={isSent ? "good" : "info"} icon={isSent ? "sent" : "phone"}>
          <p class="strong">{isSent ? t.sentWhy : state === "refused" ? t.refusedWhy : t.keptWhy}</p>
        </Notice>
      </div>
      {problem && (
        <>
          <p>{t.outcomeFailed}</p>
          <Trouble problem={problem} />
        </>
      )}
      <p>{t.safety}</p>
      <div class="stack">
        <Button kind="main" wide icon="eye" onClick={hide}>
          {words.value.covert.hide}
        </Button>
        <LinkButton href={visit === null ? to.home : to.visit(visit)} wide>
          {words.value.back}
        </LinkButton>
      </div>
    </Page>
  );
}

export function Incident({ core, visit, leaving }: { core: Core; visit: string | null; leaving: boolean }) {
  const t = words.value.incident;
  const [kind, text, left, busy] = [useSignal<string | null>(null), useSignal(""), useSignal(leaving), useSignal(false)];
  const [problem, sent] = [useSignal<Problem | null>(null), useSignal(false)];
  // A second tap reports nothing twice.
  const made = useMemo(() => ({ id: newId(Date.now()), seed: hex(crypto.getRandomValues(new Uint8Array(32))) }), []);
  const looking = useMemo(allowedPlace, []);
  useEffect(() => {
    problem.value = null;
  }, [kind.value]);

  const send = async () => {
    if (busy.value) return;
    busy.value = true;
    const late = new Promise<null>((done) => setTimeout(() => done(null), PLACE_MS));
    const position = positionOf(await Promise.race([looking, late]));
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const reply = await core.ask({ ask: "report", incident: made.id, seed: made.seed, kind: kind.value ?? "other", left: left.value, text: text.value.trim(), zone, position, visit });
    if (reply.reply === "refused") problem.value = reply.problem;
    else {
      text.value = "";
      problem.value = left.value && visit !== null ? await stateUnsafe(core, visit) : null;
      sent.value = true;
    }
    busy.value = false;
  };

  if (sent.value) return <Sent core={core} id={made.id} visit={visit} problem={problem.value} />;
  return (
    <>
      <Page title={t.title}>
        <p class="strong">{t.first}</p>
        <fieldset class="picks">
          <legend class="seen-not">{t.what}</legend>
          {KINDS.map((it) => (
            <label key={it} class={`pick${kind.value === it ? " on" : ""}`}>
              <input type="radio" name="kind" checked={kind.value === it} onChange={() => (kind.value = it)} />
              {kind.value === it && <Icon name="check" />}
              <span>{t.kinds[it]}</span>
            </label>
          ))}
        </fieldset>
        {visit !== null && (
          <label class={`tick${left.value ? " on" : ""}`}>
            <input type="checkbox" checked={left.value} onChange={(event) => (left.value = event.currentTarget.checked)} />
            <span class="box">{left.value && "✓"}</span>
            <span>{t.left}</span>
          </label>
        )}
        <div class="field">
          <label for="words">{t.words}</label>
          <textarea id="words" rows={3} maxLength={MOST_CHARS} value={text.value} autocomplete="off" spellcheck={false} onInput={(event) => (text.value = event.currentTarget.value)} />
        </div>
        <p class="hint">{t.who}</p>
        <Trouble problem={problem.value} />
      </Page>
      <div class="bottom one">
        <Button kind="main" wide icon="up" onClick={() => void send()} busy={busy.value}>
          {busy.value ? t.sending : t.send}
        </Button>
      </div>
    </>
  );
}

/** States on the visit that it was not safe, and nothing of what was reported. */
async function stateUnsafe(core: Core, visit: string): Promise<Problem | null> {
  const reply = await core.ask({ ask: "answer", visit, field: "@outcome", json: JSON.stringify({ kind: "not_completed", reason: "unsafe" }) });
  return reply.reply === "refused" ? reply.problem : null;
}

/** The two ways to it from a visit. */
export function IncidentLinks({ visit, onGo }: { visit: string | null; onGo?: () => void }) {
  const t = words.value.incident;
  return (
    <div class="stack">
      {visit !== null && (
        <a class="button plain wide" href={to.incident(visit, true)} onClick={onGo}>
          <Icon name="leave" />
          <span>{t.leave}</span>
        </a>
      )}
      <a class="button plain wide" href={to.incident(visit)} onClick={onGo}>
        <Icon name="info" />
        <span>{t.report}</span>
      </a>
    </div>
  );
}
