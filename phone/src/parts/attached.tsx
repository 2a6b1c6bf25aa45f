// Sound and files that are the answer to a question: recording, picking, listening, taking away. Owns the microphone, and lets go of it
// at the end of a recording or where the question goes from the screen, and what the phone did not take until it does; what may be kept
// is the core's.

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Core, PhotoFacts } from "../core/api";
import type { FormItem, PhotoCard } from "../core/messages";
import { bytes, moment, percent, span } from "../view/format";
import { say, words } from "../view/prefs";
import { announce } from "../view/say";
import type { Shown, VisitStore } from "../view/visit-store";
import { Button, Notice } from "./basic";
import { Wrong } from "./controls";
import { Icon } from "./icon";
import { STATE_ICON, usePhoto } from "./photos";

/** Speech is well understood at this rate, and an hour of it stays below what may be kept, bits in a second. */
const BITS_PER_SECOND = 32_000;
/** How often what was recorded is handed over, milliseconds. */
const PART_MS = 1_000;

/** The media type of a picked file: what browsers call a table differs, its ending does not. */
function typeOf(file: File, item: FormItem): string {
  const type = file.type.split(";")[0] ?? "";
  return !item.accepts.includes(type) && /\.csv$/i.test(file.name) ? "text/csv" : type;
}

interface Unkept {
  visit: string;
  field: string;
  blob: Blob;
  facts: PhotoFacts;
}

/** What was refused, for lack of room at most times, stays here until it is kept or thrown away, whatever screen is looked at meanwhile. */
const unkept = signal<readonly Unkept[]>([]);

const drop = (it: Unkept) => (unkept.value = unkept.value.filter((other) => other !== it));

async function attach(store: VisitStore, it: Unkept): Promise<void> {
  if (await store.attach(it.field, it.blob, it.facts)) drop(it);
  else if (!unkept.value.includes(it)) unkept.value = [...unkept.value, it];
}

/** Takes something away once it was asked whether that is meant. */
function Remove(props: { label: string; onRemove: () => void }) {
  const t = words.value.attached;
  const asks = useSignal(false);
  return asks.value ? (
    <div role="alert">
      <p class="strong">{t.removeSure}</p>
      <div class="row">
        <Button kind="danger" icon="trash" onClick={props.onRemove}>
          {t.remove}
        </Button>
        <Button onClick={() => (asks.value = false)}>{words.value.cancel}</Button>
      </div>
    </div>
  ) : (
    <Button kind="quiet" icon="trash" label={props.label} onClick={() => (asks.value = true)}>
      {t.remove}
    </Button>
  );
}

/** Something that the phone did not take, and the way to try again. */
function Waiting({ store, it, name }: { store: VisitStore; it: Unkept; name: string }) {
  const t = words.value.attached;
  const busy = useSignal(false);
  const again = async () => {
    busy.value = true;
    await attach(store, it);
    busy.value = false;
  };
  return (
    <Notice tone="warn" title={`${name} · ${bytes(it.blob.size)}`} alert>
      <p>{t.unkept}</p>
      <Button kind="main" icon="check" label={`${t.keepAgain}: ${name}`} busy={busy.value} onClick={() => void again()}>
        {t.keepAgain}
      </Button>
      <Remove
        label={`${t.remove}: ${name}`}
        onRemove={() => {
          drop(it);
          store.refuse(it.field, null);
        }}
      />
    </Notice>
  );
}

function Row(props: { core: Core; store: VisitStore; it: PhotoCard; name: string; isSound: boolean; opens: boolean; editable: boolean }) {
  const { it, name, isSound } = props;
  const t = words.value.attached;
  const p = words.value.photo;
  const url = usePhoto(props.core, it);
  const state = it.state === "uploading" ? p.sendingPart(percent(it.sent, it.size)) : (t.states[it.state] ?? p.states[it.state] ?? it.state);
  const isBad = it.state === "lost" || it.state === "refused";
  return (
    <li class="attached">
      <p class="strong">
        <Icon name={isSound ? "mic" : "file"} /> {name}
      </p>
      <p class={isBad ? "wrong" : "quiet small"}>
        <Icon name={STATE_ICON[it.state] ?? "phone"} />{" "}
        <span>
          {[it.captured_at_ms === null ? "" : moment(it.captured_at_ms), bytes(it.size), state].filter(Boolean).join(" · ")}
          {isBad && `. ${t.again}`}
        </span>
      </p>
      {url.value && isSound && <audio controls preload="metadata" src={url.value} aria-label={name} />}
      {url.value && !isSound && props.opens && (
        <a class="button plain" href={url.value} target="_blank" rel="noopener">
          <span>{t.open}</span>
          <span class="seen-not">: {name}</span>
        </a>
      )}
      {url.value === null && <p class="quiet">{t.notHere}</p>}
      {props.editable && <Remove label={`${t.remove}: ${name}`} onRemove={() => void props.store.detach(it.id, it.field)} />}
    </li>
  );
}

interface Running {
  recorder: MediaRecorder;
  sinceMs: number;
  /** Ends with what was handed over so far, at once. */
  cut: () => void;
}

/**
 * Begins to record; the reason in words where it cannot, and none where the question went from the screen while the browser asked.
 * `onEnd` has the whole once it ends, however that comes.
 */
async function record(item: FormItem, most: number, isLeft: () => boolean, onEnd: (sound: Blob) => void): Promise<Running | string | null> {
  const t = words.peek().attached;
  const type = typeof MediaRecorder === "undefined" ? undefined : item.accepts.find((it) => MediaRecorder.isTypeSupported(it));
  if (type === undefined || !navigator.mediaDevices) return t.noRecorder;
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (thrown) {
    return thrown instanceof DOMException && thrown.name === "NotAllowedError" ? t.denied : t.noMicrophone;
  }
  const letGo = () => stream.getTracks().forEach((it) => it.stop());
  if (isLeft()) {
    letGo();
    return null;
  }
  const recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: BITS_PER_SECOND });
  const parts: Blob[] = [];
  let size = 0;
  recorder.ondataavailable = (event) => {
    parts.push(event.data);
    size += event.data.size;
    if (size > most * 0.95 && recorder.state === "recording") recorder.stop();
  };
  let isOver = false;
  const cut = () => {
    letGo();
    if (!isOver) onEnd(new Blob(parts, { type }));
    isOver = true;
  };
  recorder.onstop = cut;
  recorder.start(PART_MS);
  return { recorder, sinceMs: Date.now(), cut };
}

function Recorder({ store, shown, isFirst }: { store: VisitStore; shown: Shown; isFirst: boolean }) {
  const t = words.value.attached;
  const { item } = shown;
  const running = useSignal<Running | null>(null);
  const nowMs = useSignal(0);
  const held = useRef<Running | null>(null);
  const left = useRef(false);
  const asking = useSignal(false);
  useEffect(() => {
    // A page that goes waits for nothing: what there is by then is on its way before it is gone.
    const cut = () => held.current?.cut();
    addEventListener("pagehide", cut);
    return () => {
      left.current = true;
      removeEventListener("pagehide", cut);
      stop();
    };
  }, []);
  const stop = () => held.current?.recorder.state === "recording" && held.current.recorder.stop();
  const isOn = running.value !== null;
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => (nowMs.value = Date.now()), PART_MS);
    return () => clearInterval(timer);
  }, [isOn]);
  const keep = (sound: Blob, sinceMs: number) => {
    running.value = null;
    held.current = null;
    announce(words.peek().attached.stopped);
    void attach(store, { visit: store.visit, field: item.id, blob: sound, facts: { capturedAtMs: sinceMs, position: null, source: null } });
  };
  const start = async () => {
    if (asking.value) return;
    asking.value = true;
    store.refuse(item.id, null);
    const sinceMs = Date.now();
    const it = await record(item, store.form.attachment_bytes, () => left.current, (sound) => keep(sound, sinceMs));
    asking.value = false;
    if (it === null) return;
    if (typeof it === "string") return store.refuse(item.id, it);
    held.current = it;
    nowMs.value = Date.now();
    running.value = it;
    announce(t.started);
  };
  return running.value ? (
    <div class="timer">
      <p class="clock" role="timer" aria-label={t.running}>
        {span(Math.max(0, nowMs.value - running.value.sinceMs))}
      </p>
      <p class="mark bad">
        <Icon name="mic" />
        <span>{t.running}</span>
      </p>
      <Button kind="main" icon="stop" label={`${t.stop}: ${say(item.q)}`} onClick={stop}>
        {t.stop}
      </Button>
    </div>
  ) : (
    <>
      <p class="hint">
        <Icon name="info" /> {t.consent}
      </p>
      <Button kind={isFirst ? "main" : undefined} icon="mic" label={`${isFirst ? t.record : t.recordMore}: ${say(item.q)}`} onClick={() => void start()} busy={asking.value}>
        {isFirst ? t.record : t.recordMore}
      </Button>
    </>
  );
}

function Picker({ store, shown, isFirst }: { store: VisitStore; shown: Shown; isFirst: boolean }) {
  const t = words.value.attached;
  const { item } = shown;
  const label = isFirst ? t.pick : t.pickMore;
  const take = (file: File) => {
    store.refuse(item.id, null);
    // What is too large is not read at all.
    if (file.size > store.form.attachment_bytes) return store.refuse(item.id, t.tooLarge(bytes(store.form.attachment_bytes)));
    void attach(store, { visit: store.visit, field: item.id, blob: file.slice(0, file.size, typeOf(file, item)), facts: { capturedAtMs: null, position: null, source: "file" } });
  };
  return (
    <>
      <p class="hint">{t.takes(bytes(store.form.attachment_bytes))}</p>
      <label class={`button file ${isFirst ? "main" : "plain"}`}>
        <input
          type="file"
          accept={[...item.accepts, ".csv"].join(",")}
          aria-label={`${label}: ${say(item.q)}`}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            event.currentTarget.value = "";
            if (file) take(file);
          }}
        />
        <Icon name="file" />
        <span>{label}</span>
      </label>
    </>
  );
}

export function Attached({ core, store, shown, editable }: { core: Core; store: VisitStore; shown: Shown; editable: boolean }) {
  const t = words.value.attached;
  const { item } = shown;
  const { photos } = shown.state.value;
  const { allowed } = store.state.value;
  const isSound = item.kind === "audio";
  const isFirst = photos.length === 0;
  const nameOf = (at: number, mime: string) => (isSound ? t.recording(at + 1) : t.file(at + 1, mime.split("/")[1] ?? ""));
  const waiting = unkept.value.filter((it) => it.visit === store.visit && it.field === item.id);
  return (
    <div class="photos">
      {photos.length > 0 && (
        <ul class="attachments">
          {photos.map((it, index) => (
            <Row key={it.id} core={core} store={store} it={it} name={nameOf(index, it.mime)} isSound={isSound} opens={item.accepts.includes(it.mime)} editable={editable} />
          ))}
        </ul>
      )}
      {waiting.map((it, index) => (
        <Waiting key={it} store={store} it={it} name={nameOf(photos.length + index, it.blob.type)} />
      ))}
      {editable &&
        (!(isSound ? allowed.audio : allowed.files) ? (
          <p class="hint">{t.noMore}</p>
        ) : isSound ? (
          <Recorder store={store} shown={shown} isFirst={isFirst} />
        ) : (
          <Picker store={store} shown={shown} isFirst={isFirst} />
        ))}
      <Wrong shown={shown} name={item.id} id={`e-${item.id}`} />
    </div>
  );
}

/** That a question is not asked, where the programme does not permit what it asks for. */
export function NotPermitted({ store, item }: { store: VisitStore; item: FormItem }) {
  const { audio, files } = store.state.value.allowed;
  if (item.kind === "audio" ? audio : item.kind !== "file" || files) return null;
  return <p class="hint">{words.value.attached.notPermitted(item.id, item.kind === "audio")}</p>;
}
