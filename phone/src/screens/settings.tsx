// What a person can set on this phone, who uses it, and which version it is.

import { useComputed, useSignal } from "@preact/signals";
import type { Core, Profile } from "../core/api";
import type { Problem } from "../core/messages";
import { Button, Choice, Dialog, Field, Notice, Page, Trouble } from "../parts/basic";
import { RescueFile } from "../parts/rescue";
import { bytes } from "../view/format";
import { hide } from "../view/hidden";
import { useAsk } from "../view/load";
import { lang, look, neutral, size, theme, words, type Lang, type Look, type Size, type Theme } from "../view/prefs";
import { announce } from "../view/say";
import { go, to } from "../view/route";
import { pinIsGood, PinFields, useNewPin } from "./enrol";
import { IncidentLinks } from "./incident";

declare const __VERSION__: string | undefined;
const version = typeof __VERSION__ === "string" ? __VERSION__ : "";

const pairs = <T extends string>(keys: readonly T[], names: Record<string, string>) => keys.map((it) => [it, names[it] ?? it] as const);

function Look({ core }: { core: Core | null }) {
  const t = words.value.settings;
  return (
    <>
      <section>
        <Choice<Lang> label={t.language} name="lang" value={lang.value} options={[["es", "Español"], ["en", "English"]]} onChange={(it) => (lang.value = it)} />
        <Choice<Theme> label={t.theme} name="theme" value={theme.value} options={pairs(["auto", "light", "dark", "contrast"], t.themes)} onChange={(it) => (theme.value = it)} />
        <Choice<Size> label={t.size} name="size" value={size.value} options={pairs(["s", "m", "l", "xl"], t.sizes)} onChange={(it) => (size.value = it)} />
      </section>
      {core && (
        <section>
          <Choice<Look> label={t.covert} name="look" value={look.value} options={pairs(["list", "notes"], t.looks)} onChange={(it) => (look.value = it)} />
          <p class="hint">{t.covertWhy}</p>
          <label class={`tick${neutral.value === "yes" ? " on" : ""}`}>
            <input type="checkbox" checked={neutral.value === "yes"} onChange={(event) => (neutral.value = event.currentTarget.checked ? "yes" : "no")} />
            <span class="box">{neutral.value === "yes" && "✓"}</span>
            <span>{t.neutral}</span>
          </label>
          <Button icon="eye" onClick={hide}>
            {t.tryIt}
          </Button>
        </section>
      )}
    </>
  );
}

function Pin({ core, profile }: { core: Core; profile: Profile }) {
  const t = words.value.settings;
  const doing = useSignal<"none" | "set" | "remove">("none");
  const current = useSignal("");
  const next = useNewPin();
  const problem = useSignal<Problem | null>(null);
  const done = useSignal("");
  const hasPin = useComputed(() => {
    const it = core.standing.value;
    return it.is === "open" && it.profile.id === profile.id ? it.profile.pin : profile.pin;
  }).value;
  const close = () => {
    doing.value = "none";
    current.value = next.pin.value = next.again.value = "";
    next.error.value = problem.value = null;
  };
  const save = async () => {
    if (doing.value === "set" && !pinIsGood(next)) return;
    const outcome = await core.setPin(hasPin ? current.value : null, doing.value === "set" ? next.pin.value : null);
    if (!outcome.ok) {
      problem.value = outcome.problem;
      return;
    }
    done.value = doing.value === "set" ? t.pinDone : t.pinRemoved;
    announce(done.value);
    close();
  };
  return (
    <section>
      <h2>{t.pin}</h2>
      <p>{hasPin ? t.pinOn : t.pinOff}</p>
      {done.value && doing.value === "none" && <Notice tone="good" title={done.value} />}
      {doing.value === "none" ? (
        <div class="row">
          <Button icon="lock" onClick={() => (doing.value = "set")}>
            {hasPin ? t.pinChange : t.pinSet}
          </Button>
          {hasPin && <Button onClick={() => (doing.value = "remove")}>{t.pinRemove}</Button>}
        </div>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          {hasPin && <Field label={t.pinCurrent} type="password" mode="numeric" autoComplete="current-password" value={current.value} onInput={(it) => (current.value = it)} />}
          {doing.value === "set" && (
            <>
              <p class="hint">{words.value.enrol.pinWhy}</p>
              <PinFields it={next} />
            </>
          )}
          <Trouble problem={problem.value} />
          <div class="row">
            <Button kind="main" type="submit">
              {doing.value === "set" ? words.value.save : t.pinRemove}
            </Button>
            <Button onClick={close}>{words.value.cancel}</Button>
          </div>
        </form>
      )}
    </section>
  );
}

function Forget({ core, profile, onClose }: { core: Core; profile: Profile; onClose: () => void }) {
  const t = words.value.settings;
  const sync = core.sync.value;
  const isUnsent = sync.edits + sync.photos + sync.incidents > 0;
  const typed = useSignal("");
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const isSure = !isUnsent || typed.value.trim().toLocaleLowerCase() === profile.name.trim().toLocaleLowerCase();
  const forget = async () => {
    if (busy.value || !isSure) return;
    busy.value = true;
    const outcome = await core.forget(profile.id);
    busy.value = false;
    if (outcome.ok) onClose();
    else problem.value = outcome.problem;
  };
  return (
    <Dialog title={t.forgetTitle(profile.name)} onClose={onClose}>
      <Notice tone={isUnsent ? "bad" : "info"}>
        <p class={isUnsent ? "strong" : undefined}>{isUnsent ? t.forgetUnsent(sync.edits, sync.photos, bytes(sync.bytes)) : t.forgetSent}</p>
        {sync.incidents > 0 && <p class="strong">{words.value.outbox.first(sync.incidents)}</p>}
        <p>{t.forgetAgain}</p>
      </Notice>
      {isUnsent && (
        <>
          <a class="button main wide" href={to.outbox} onClick={onClose}>
            {t.forgetSend}
          </a>
          <Field label={t.forgetType(profile.name)} value={typed.value} onInput={(it) => (typed.value = it)} />
        </>
      )}
      <Trouble problem={problem.value} />
      <div class="row">
        <Button kind="danger" icon="trash" onClick={() => void forget()} busy={busy.value || !isSure}>
          {t.forgetSure}
        </Button>
        <Button onClick={onClose}>{words.value.cancel}</Button>
      </div>
    </Dialog>
  );
}

function People({ core, profile }: { core: Core; profile: Profile }) {
  const t = words.value.settings;
  const asks = useSignal(false);
  return (
    <section>
      <h2>{t.people}</h2>
      <p class="strong">{profile.name}</p>
      <p class="quiet">{t.server(profile.server.replace(/^https?:\/\//, ""))}</p>
      <div class="stack">
        <Button icon="lock" onClick={() => void core.lock().then(() => go(to.home))}>
          {t.lock}
        </Button>
        <p class="hint">{t.lockWhy}</p>
        <Button icon="plus" onClick={() => void core.lock().then(() => go(to.enrol))}>
          {words.value.start.addPerson}
        </Button>
        <Button icon="trash" onClick={() => (asks.value = true)}>
          {t.forget}
        </Button>
      </div>
      {asks.value && <Forget core={core} profile={profile} onClose={() => (asks.value = false)} />}
    </section>
  );
}

function Storage({ core }: { core: Core }) {
  const t = words.value.settings;
  const it = core.storage.value;
  return (
    <section>
      <h2>{t.storage}</h2>
      <Notice tone={it.persisted === true ? "good" : it.persisted === false ? "warn" : "info"}>
        <p>{it.persisted === true ? t.storageYes : it.persisted === false ? t.storageNo : t.storageUnknown}</p>
        {it.usage !== null && it.quota !== null && <p class="quiet">{t.storageUse(bytes(it.usage), bytes(it.quota))}</p>}
      </Notice>
    </section>
  );
}

function Rescue({ core }: { core: Core }) {
  const t = words.value.rescue;
  return (
    <section id="rescue">
      <h2>{t.title}</h2>
      <p>{t.why}</p>
      <RescueFile make={() => core.rescue()} />
    </section>
  );
}

function Version({ core }: { core: Core }) {
  const t = words.value.settings;
  const { got } = useAsk(core, { ask: "home" }, "home");
  const open = got.value.is === "here" ? got.value.it.visits.filter((it) => it.phase === "draft" || it.phase === "returned").length : 0;
  return (
    <section>
      <h2>{t.update}</h2>
      <p>
        {t.version(version)}. {core.updateWaits.value ? t.updateWaits : t.updateLast}
      </p>
      {core.updateWaits.value && (
        <>
          {open > 0 && (
            <Notice tone="warn">
              <p>{t.updateFirst(open)}</p>
            </Notice>
          )}
          <Button kind={open > 0 ? "plain" : "main"} onClick={() => core.applyUpdate()}>
            {t.updateNow}
          </Button>
        </>
      )}
    </section>
  );
}

export function Settings({ core }: { core: Core }) {
  const t = words.value.settings;
  const standing = core.standing.value;
  const profile = standing.is === "open" ? standing.profile : null;
  return (
    <Page title={t.title}>
      <Look core={core} />
      {profile && <Pin core={core} profile={profile} />}
      {profile && <Storage core={core} />}
      {profile && <Rescue core={core} />}
      {profile && (
        <section>
          <h2>{words.value.incident.title}</h2>
          <IncidentLinks visit={null} />
        </section>
      )}
      {profile && <People core={core} profile={profile} />}
      {profile && <Version core={core} />}
      <section>
        <h2>{t.about}</h2>
        <p>{t.aboutText}</p>
        {!profile && <p class="quiet">{t.version(version)}</p>}
      </section>
    </Page>
  );
}
