// Before a person's visits are open: starting, other tab, people, PIN, and what cannot go on. Owns no secret: what is typed goes
// to the core and is dropped.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Core, Profile, Standing } from "../core/api";
import type { Problem } from "../core/messages";
import { Button, Field, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { Icon } from "../parts/icon";
import { RescueFile } from "../parts/rescue";
import { moment, prepare, span } from "../view/format";
import { sayAll, words } from "../view/prefs";
import { to } from "../view/route";

/** After so long a start wants words, milliseconds. */
const LONG_MS = 8_000;

export function Starting({ standing }: { standing: Standing & { is: "starting" | "opening" } }) {
  const t = words.value.start;
  const long = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => (long.value = true), LONG_MS);
    // From here on the page waits for the store.
    const preparing = standing.is === "opening" ? setTimeout(prepare) : undefined;
    return () => [timer, preparing].forEach(clearTimeout);
  }, []);
  return (
    <div class="middle" role="status">
      <div class="spinner" />
      <h1 class="big">{standing.is === "opening" ? t.opening(standing.profile.name) : t.starting}</h1>
      {long.value && <p>{t.startingLong}</p>}
    </div>
  );
}

export function Unsupported({ problem }: { problem: Problem }) {
  const t = words.value.start;
  return (
    <Page title={t.unsupported}>
      <p class="big">{t.unsupportedDo}</p>
      <Notice tone="warn">
        <p>{sayAll(problem)}</p>
      </Notice>
    </Page>
  );
}

/** Nothing could be begun: what is stored lies as it lay. */
export function Stopped({ problem }: { problem: Problem }) {
  const t = words.value.start;
  return (
    <Page title={t.stopped}>
      <Notice tone="bad" alert>
        <p>{sayAll(problem)}</p>
      </Notice>
      <p class="big">{t.stoppedDo}</p>
      <Button kind="main" wide onClick={() => location.reload()}>
        {words.value.tryAgain}
      </Button>
    </Page>
  );
}

export function Elsewhere({ core }: { core: Core }) {
  const t = words.value.start;
  return (
    <Page title={t.elsewhere}>
      <p class="big">{t.elsewhereWhy}</p>
      <Button kind="main" wide onClick={() => void core.useHere()}>
        {t.useHere}
      </Button>
    </Page>
  );
}

/** What the store is damaged by; anything else that stopped the app is no damage. */
const DAMAGED = ["store_unreadable"];

/** What is left of a damaged store, step by step: a copy for the office, a new beginning, and only then what is damaged goes. */
function Damaged({ core, profile }: { core: Core; profile: Profile }) {
  const t = words.value.damaged;
  const isHanded = useSignal(false);
  const asks = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const remove = async () => {
    const outcome = await core.forget(profile.id);
    if (!outcome.ok) problem.value = outcome.problem;
  };
  return (
    <>
      <section>
        <h2>{t.first}</h2>
        <p>{t.firstWhy}</p>
        <RescueFile main damaged make={() => core.salvage(profile.id)} onHanded={() => (isHanded.value = true)} />
      </section>
      <section>
        <h2>{t.second}</h2>
        <p>{t.secondWhy}</p>
        <LinkButton href={to.enrol} icon="plus" wide>
          {t.anew}
        </LinkButton>
      </section>
      <section>
        <h2>{t.third}</h2>
        <p>{isHanded.value ? t.thirdWhy : t.thirdNotYet}</p>
        <Trouble problem={problem.value} />
        {asks.value ? (
          <div role="alert">
            <p class="strong">{isHanded.value ? t.sure : t.sureNotYet}</p>
            <div class="row">
              <Button kind="danger" icon="trash" onClick={() => void remove()}>
                {t.remove}
              </Button>
              <Button onClick={() => (asks.value = false)}>{words.value.cancel}</Button>
            </div>
          </div>
        ) : (
          <Button icon="trash" onClick={() => (asks.value = true)}>
            {t.remove}
          </Button>
        )}
      </section>
    </>
  );
}

export function Broken({ core, profile, problem }: { core: Core; profile: Profile; problem: Problem }) {
  const t = words.value.start;
  return (
    <Page title={t.broken}>
      <Notice tone="bad" alert>
        <p>{sayAll(problem)}</p>
      </Notice>
      <p class="big">{t.brokenDo}</p>
      <div class="stack">
        <Button kind="main" wide onClick={() => location.reload()}>
          {words.value.tryAgain}
        </Button>
        <Button wide icon="person" onClick={() => void core.lock()}>
          {t.otherPerson}
        </Button>
      </div>
      {DAMAGED.includes(problem.code) && <Damaged core={core} profile={profile} />}
    </Page>
  );
}

export function People({ core, profiles }: { core: Core; profiles: Profile[] }) {
  const t = words.value.start;
  return (
    <Page title={t.who}>
      <ul class="cards">
        {profiles.map((it) => (
          <li key={it.id}>
            <button type="button" class="card person" onClick={() => void core.choose(it.id)}>
              <Icon name={it.pin ? "lock" : "person"} />
              <span>
                <span class="card-title">{it.name}</span>
                <span class="quiet">
                  {t.lastUsed(moment(it.lastUsedMs))}
                  {it.pin && ` · ${t.withPin}`}
                </span>
              </span>
              <Icon name="next" />
            </button>
          </li>
        ))}
      </ul>
      <LinkButton href={to.enrol} icon="plus" wide>
        {t.addPerson}
      </LinkButton>
    </Page>
  );
}

export function Locked({ core, standing }: { core: Core; standing: Standing & { is: "locked" } }) {
  const t = words.value.pin;
  const pin = useSignal("");
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const left = useSignal(standing.waitMs);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    left.value = standing.waitMs;
    const until = Date.now() + standing.waitMs;
    const timer = setInterval(() => {
      left.value = Math.max(0, until - Date.now());
      if (left.value === 0) clearInterval(timer);
    }, 500);
    return () => clearInterval(timer);
  }, [standing.waitMs, standing.wrong]);
  const open = async () => {
    if (busy.value || left.value > 0 || pin.value === "") return input.current?.focus();
    busy.value = true;
    problem.value = null;
    const outcome = await core.unlock(pin.value);
    busy.value = false;
    if (!outcome.ok) {
      pin.value = "";
      // How often it was wrong, and how long that waits, stands in the field.
      if (!["wrong_pin", "pin_must_wait"].includes(outcome.problem.code)) problem.value = outcome.problem;
      input.current?.focus();
    }
  };
  const waits = Math.ceil(left.value / 1000) * 1000;
  return (
    <Page title={t.title(standing.profile.name)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void open();
        }}
      >
        <Field
          label={t.label}
          type="password"
          mode="numeric"
          autoComplete="current-password"
          value={pin.value}
          onInput={(value) => (pin.value = value)}
          inputRef={input}
          error={standing.wrong > 0 ? t.wrong(standing.wrong) : null}
        />
        {left.value > 0 && (
          <Notice tone="warn" icon="clock">
            <p>{t.waits(span(waits))}</p>
          </Notice>
        )}
        <Trouble problem={problem.value} />
        <div class="stack">
          <Button kind="main" wide type="submit" busy={busy.value || left.value > 0}>
            {busy.value ? words.value.wait : t.open}
          </Button>
          <Button wide kind="quiet" onClick={() => void core.lock()}>
            {words.value.start.otherPerson}
          </Button>
        </div>
      </form>
      <details class="plain">
        <summary>{t.forgot}</summary>
        <p>{t.forgotWhy}</p>
      </details>
    </Page>
  );
}
