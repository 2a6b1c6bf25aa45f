// A phone is connected: a one-time code, a name, a PIN if wanted; on iOS the way to the Home Screen before. Owns the camera while
// a QR is read and lets go of it on leaving.

import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Core } from "../core/api";
import type { Problem } from "../core/messages";
import { Button, Field, Notice, Page, Trouble } from "../parts/basic";
import { gatePassed, passGate } from "../view/install";
import { words } from "../view/prefs";
import { announce } from "../view/say";
import { codeInAddress, go, to } from "../view/route";

interface Detector {
  detect(from: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
declare const BarcodeDetector: { new (options: { formats: string[] }): Detector; getSupportedFormats(): Promise<string[]> };

/** How often a frame is looked at, milliseconds. */
const LOOK_MS = 250;
export const PIN_DIGITS = 6;

export function Gate() {
  const t = words.value.install;
  const copied = useSignal(false);
  const code = codeInAddress.value;
  return (
    <Page title={t.title}>
      <p class="big">{t.why}</p>
      {code && (
        <Notice title={t.code}>
          <p class="code">{code}</p>
          <Button
            onClick={async () => {
              await navigator.clipboard?.writeText(code).catch(() => undefined);
              copied.value = true;
              announce(t.copied);
            }}
            icon={copied.value ? "check" : undefined}
          >
            {copied.value ? t.copied : t.copy}
          </Button>
        </Notice>
      )}
      <ol class="steps">
        {t.steps.map((it) => (
          <li key={it}>{it}</li>
        ))}
      </ol>
      <Button kind="quiet" wide onClick={passGate}>
        {t.anyway}
      </Button>
    </Page>
  );
}

function Scanner({ onCode }: { onCode: (code: string) => void }) {
  const t = words.value.enrol;
  const state = useSignal<"none" | "idle" | "on" | "denied">("none");
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (!("BarcodeDetector" in globalThis) || !navigator.mediaDevices?.getUserMedia) return;
    BarcodeDetector.getSupportedFormats().then((it) => it.includes("qr_code") && (state.value = "idle"), () => undefined);
  }, []);
  const isOn = state.value === "on";
  useEffect(() => {
    if (!isOn) return;
    let stream: MediaStream | null = null;
    let left = false;
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    const look = async () => {
      if (left || !video.current) return;
      const [found] = await detector.detect(video.current).catch(() => []);
      if (left) return;
      if (found) {
        state.value = "idle";
        onCode(found.rawValue);
      } else setTimeout(() => void look(), LOOK_MS);
    };
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(
      (it) => {
        stream = it;
        if (left || !video.current) return it.getTracks().forEach((track) => track.stop());
        video.current.srcObject = it;
        void video.current.play().then(look);
      },
      () => (state.value = "denied"),
    );
    const stopHidden = () => document.visibilityState === "hidden" && (state.value = "idle");
    document.addEventListener("visibilitychange", stopHidden);
    return () => {
      left = true;
      document.removeEventListener("visibilitychange", stopHidden);
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, [isOn]);
  if (state.value === "none") return <p class="hint">{t.scanNone}</p>;
  if (state.value === "denied")
    return (
      <Notice tone="warn" alert>
        <p>{t.scanDenied}</p>
      </Notice>
    );
  return (
    <>
      {isOn && (
        <div class="scan">
          <p role="status">{t.scanning}</p>
          <video ref={video} muted playsInline aria-label={t.scanning} />
        </div>
      )}
      <Button wide icon="qr" onClick={() => (state.value = isOn ? "idle" : "on")}>
        {isOn ? t.scanStop : t.scan}
      </Button>
    </>
  );
}

export interface NewPin {
  on: Signal<boolean>;
  pin: Signal<string>;
  again: Signal<string>;
  error: Signal<string | null>;
}

export function useNewPin(): NewPin {
  return { on: useSignal(false), pin: useSignal(""), again: useSignal(""), error: useSignal<string | null>(null) };
}

/** Whether the new PIN can be taken; says at the field what cannot. */
export function pinIsGood(it: NewPin): boolean {
  const t = words.peek().enrol;
  it.error.value = !new RegExp(`^\\d{${PIN_DIGITS},}$`).test(it.pin.value) ? t.pinShort : it.pin.value !== it.again.value ? t.pinDiffers : null;
  return it.error.value === null;
}

export function PinFields({ it }: { it: NewPin }) {
  const t = words.value.enrol;
  return (
    <>
      <Field label={t.pinNew} hint={t.pinHint} type="password" mode="numeric" autoComplete="new-password" value={it.pin.value} onInput={(v) => (it.pin.value = v)} error={it.error.value} />
      <Field label={t.pinAgain} type="password" mode="numeric" autoComplete="new-password" value={it.again.value} onInput={(v) => (it.again.value = v)} />
    </>
  );
}

/** Whose a code is has to be known where somebody's visits are open: their phone would be connected again, as theirs. */
export function Enrol({ core }: { core: Core }) {
  const t = words.value.enrol;
  const isAgain = useSignal(false);
  const standing = core.standing.value;
  const open = standing.is === "open" ? standing.profile : null;
  if (open === null || isAgain.value) return <Connect core={core} again={open?.name ?? null} />;
  return (
    <Page title={t.whose}>
      <div class="stack">
        <Button wide icon="person" onClick={() => (isAgain.value = true)}>
          {t.same(open.name)}
        </Button>
        <Button wide icon="plus" onClick={() => void core.lock()}>
          {t.another}
        </Button>
      </div>
      <p class="hint">{words.value.settings.lockWhy}</p>
    </Page>
  );
}

/** `again`: who is connected again; none for somebody new. */
function Connect({ core, again }: { core: Core; again: string | null }) {
  const t = words.value.enrol;
  const code = useSignal(codeInAddress.peek() ?? "");
  const name = useSignal(again ?? "");
  const pin = useNewPin();
  const wrong = useSignal<{ code?: string; name?: string }>({});
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const anotherCode = useSignal(false);
  const isHere = codeInAddress.value !== null && !anotherCode.value && problem.value === null;
  const [codeInput, nameInput] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  if (!gatePassed.value) return <Gate />;
  const connect = async () => {
    if (busy.value) return;
    // A link as it is: whose it is is looked at before its code is used.
    const typed = code.value.trim();
    wrong.value = { code: typed ? undefined : t.codeMissing, name: name.value.trim() ? undefined : t.nameMissing };
    const pinGood = !pin.on.value || pinIsGood(pin);
    if (wrong.value.code) return codeInput.current?.focus();
    if (wrong.value.name) return nameInput.current?.focus();
    if (!pinGood) return;
    busy.value = true;
    problem.value = null;
    const outcome = await core.enrol(typed, name.value.trim(), pin.on.value ? pin.pin.value : null);
    busy.value = false;
    if (!outcome.ok) {
      problem.value = outcome.problem;
      return;
    }
    codeInAddress.value = null;
    go(to.home);
  };
  return (
    <Page title={t.title}>
      <p class="big">{again !== null ? t.again(again) : codeInAddress.value ? t.codeHere : t.intro}</p>
      {!navigator.onLine && (
        <Notice tone="warn">
          <p>{t.offline}</p>
        </Notice>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void connect();
        }}
      >
        {!isHere && (
          <>
            <Field label={t.code} hint={t.codeHint} capitals value={code.value} onInput={(v) => (code.value = v)} error={wrong.value.code} inputRef={codeInput} autoComplete="one-time-code" />
            <Scanner
              onCode={(it) => {
                code.value = it;
                announce(t.scanned);
                nameInput.current?.focus();
              }}
            />
          </>
        )}
        {again === null && (
          <>
            <Field label={t.name} hint={t.nameHint} value={name.value} onInput={(v) => (name.value = v)} error={wrong.value.name} inputRef={nameInput} autoComplete="nickname" />
            <label class={`tick${pin.on.value ? " on" : ""}`}>
              <input type="checkbox" checked={pin.on.value} onChange={(event) => (pin.on.value = event.currentTarget.checked)} />
              <span class="box">{pin.on.value && "✓"}</span>
              <span>{t.pin}</span>
            </label>
            <p class="hint">{t.pinWhy}</p>
            {pin.on.value && <PinFields it={pin} />}
          </>
        )}
        <Trouble problem={problem.value} />
        {isHere && (
          <Button kind="quiet" wide onClick={() => (anotherCode.value = true)}>
            {t.otherCode}
          </Button>
        )}
        <Button kind="main" wide type="submit" busy={busy.value}>
          {busy.value ? t.connecting : t.connect}
        </Button>
      </form>
    </Page>
  );
}
