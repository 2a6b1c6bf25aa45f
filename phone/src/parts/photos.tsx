// Photos of a question: taking or choosing, looking them over and covering what must not be seen, and how each one stands. Owns
// the pictures in the page's memory and lets go of them; keeping and sending are the core's.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Core } from "../core/api";
import type { PhotoCard } from "../core/messages";
import { moment, percent } from "../view/format";
import { read, whole, type Picture } from "../view/picture";
import { fixFor, place, watchPlace } from "../view/position";
import { say, words } from "../view/prefs";
import { announce } from "../view/say";
import { photosOf, type Shown, type VisitStore } from "../view/visit-store";
import { Button, Dialog } from "./basic";
import { Wrong } from "./controls";
import { Icon, type IconName } from "./icon";
import { Camera, hasCamera } from "./camera";
import { PhotoEditor } from "./photo-editor";

export const STATE_ICON: Record<string, IconName> = { hashed: "phone", uploading: "up", stored: "sent", durable: "sent", evicted: "sent", lost: "alert", refused: "alert", elsewhere: "phone", redacted: "dash" };

/** The bytes of a photo as an address for `<img>`, as long as it is shown; null where they are not here. */
export function usePhoto(core: Core, it: PhotoCard) {
  const url = useSignal<string | null | undefined>(undefined);
  useEffect(() => {
    let made: string | null = null;
    let left = false;
    core.photo(it.blob, it.mime).then(
      (bytes) => {
        if (left) return;
        made = bytes ? URL.createObjectURL(bytes) : null;
        url.value = made;
      },
      () => (url.value = null),
    );
    return () => {
      left = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [it.blob]);
  return url;
}

function Thumb(props: { core: Core; store: VisitStore; it: PhotoCard; number: number; editable: boolean }) {
  const { it } = props;
  const t = words.value.photo;
  const url = usePhoto(props.core, it);
  const open = useSignal(false);
  const asks = useSignal(false);
  const name = t.alt(props.number, it.captured_at_ms === null ? "" : moment(it.captured_at_ms));
  const state = it.state === "uploading" ? t.sendingPart(percent(it.sent, it.size)) : (t.states[it.state] ?? it.state);
  const isBad = it.state === "lost" || it.state === "refused";
  const remove = async () => {
    asks.value = false;
    open.value = false;
    await props.store.detach(it.id, it.field);
  };
  return (
    <li class="thumb">
      <button type="button" class="thumb-open" onClick={() => (open.value = true)}>
        {url.value ? <img src={url.value} alt="" loading="lazy" decoding="async" /> : <Icon name="image" />}
        <span class="seen-not">
          {t.larger}: {name}.{" "}
        </span>
        <span class={`thumb-state${isBad ? " bad" : ""}`}>
          <Icon name={STATE_ICON[it.state] ?? "phone"} />
          {state}
        </span>
      </button>
      {isBad && <p class="small">{t.reasons[it.reason ?? ""] ?? t.reasonOther}</p>}
      {open.value && (
        <Dialog title={name} onClose={() => (open.value = false)} full>
          <div class="photo-large">
            {url.value ? <img src={url.value} alt={name} /> : <p>{t.notHere}</p>}
            <p class={isBad ? "wrong" : "quiet"}>
              <Icon name={STATE_ICON[it.state] ?? "phone"} />
              <span>
                {state}
                {isBad && `. ${t.reasons[it.reason ?? ""] ?? t.reasonOther}`}
              </span>
            </p>
          </div>
          {props.editable &&
            (asks.value ? (
              <div role="alert">
                <p class="strong">{t.removeSure}</p>
                <p>{t.removeWhy}</p>
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
            ))}
        </Dialog>
      )}
    </li>
  );
}

/** A button that opens the camera or the gallery: a file input under a label, so that keyboards and screen readers find it. */
function Taker(props: { camera: boolean; gps: boolean; main: boolean; label: string; name: string; onFile: (file: File) => void }) {
  const look = () => props.gps && watchPlace();
  return (
    <label class={`button file ${props.main ? "main" : "plain"}`}>
      <input
        type="file"
        accept="image/*"
        capture={props.camera ? "environment" : undefined}
        aria-label={`${props.label}: ${props.name}`}
        onFocus={look}
        onPointerDown={look}
        onClick={look}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) props.onFile(file);
        }}
      />
      <Icon name={props.camera ? "camera" : "image"} />
      <span>{props.label}</span>
    </label>
  );
}

function PlaceLine() {
  const t = words.value.photo;
  const it = place.value;
  if (it.is === "off") return <p class="hint">{t.place}</p>;
  const text =
    it.is === "here"
      ? t.placeHas(String(Math.round((it.fix.accuracyMm ?? 0) / 1000)))
      : it.is === "waiting"
        ? t.placeWaits
        : it.is === "denied"
          ? t.placeDenied
          : t.placeNone;
  return (
    <p class="hint" role="status">
      <Icon name="pin" /> {text}
    </p>
  );
}

interface Editing {
  picture: Picture;
  /** As it came; none of a picture of the app's own camera, which is written only once it is kept. */
  file: File | null;
  takenMs: number | null;
  /** The app's own camera, the phone's, or a file. */
  source: "camera" | "phone" | "file";
}

/** Whether the browser hands a camera input to the phone's camera, and not to its files as on a desktop. */
const hasCaptureInput = (): boolean => "capture" in HTMLInputElement.prototype;

export function Photos({ core, store, shown, editable }: { core: Core; store: VisitStore; shown: Shown; editable: boolean }) {
  const t = words.value.photo;
  const { item } = shown;
  const state = shown.state.value;
  const name = photosOf(item);
  const limits = item.photo_limits ?? store.form.photo_limits;
  const box = useRef<HTMLDivElement>(null);
  const busy = useSignal(false);
  const editing = useSignal<Editing | null>(null);
  const finder = useSignal(false);
  const isMain = item.kind === "photo";
  const wanted = Math.max(isMain && item.must ? 1 : 0, state.photos_wanted);
  const left = wanted - state.photos.filter((it) => it.state !== "lost" && it.state !== "refused").length;
  const offers = editable && (isMain || item.photos || state.photos_wanted > 0);
  if (!offers && state.photos.length === 0) return null;

  const take = async (file: File, source: "phone" | "file") => {
    const takenMs = source === "phone" && hasCaptureInput() ? Date.now() : null;
    finder.value = false;
    busy.value = true;
    store.refuse(name, null);
    const picture = await read(file);
    busy.value = false;
    if (picture) editing.value = { picture, file, takenMs, source };
    else store.refuse(name, t.undecoded);
  };
  const close = () => {
    editing.value?.picture.free();
    editing.value = null;
  };
  /** Back to the camera, or to the gallery, with the tap that asked for it. */
  const retake = () => {
    const source = editing.value?.source;
    close();
    if (source !== "file" && hasCamera()) {
      finder.value = true;
      return;
    }
    const inputs = box.current?.querySelectorAll<HTMLInputElement>(".row input[type=file]");
    inputs?.[source === "file" ? inputs.length - 1 : 0]?.click();
  };
  const keep = async (picture: Blob | null, isCovered: boolean) => {
    const it = editing.value;
    if (!it) return;
    store.refuse(name, picture ? null : t.notKept);
    if (!picture) return;
    const fix = item.gps ? fixFor(it.takenMs ?? Date.now()) : null;
    // A camera input of a phone leads to its camera, but some phones offer their files there too: nobody says which it was.
    const source = it.source === "phone" ? (hasCaptureInput() ? null : "file") : it.source;
    const position = fix && it.takenMs !== null ? { lat_e7: fix.latE7, lon_e7: fix.lonE7, accuracy_mm: fix.accuracyMm, at_ms: Math.round(fix.atMs) } : null;
    // What was covered is gone for good: such a picture has no original. A file is always written anew, so that the original is
    // another; without it a photo is kept all the same.
    let original: Blob | null = null;
    try {
      if (!isCovered) original = it.file ?? whole(it.picture, limits);
    } catch {
      // A phone that has no memory left for it.
    }
    if (!(await store.attach(name, picture, { capturedAtMs: it.takenMs, position, source, original }))) return;
    if (editing.peek() === it) close();
    announce(words.peek().visit.saved);
  };

  const PhoneCamera = ({ main, label }: { main: boolean; label: string }) => (
    <Taker camera gps={item.gps} main={main} label={label} name={say(item.q)} onFile={(it) => void take(it, "phone")} />
  );

  return (
    <div class="photos" ref={box}>
      {offers && item.photo_hint && <p class="hint">{say(item.photo_hint)}</p>}
      {left > 0 && editable && (
        <p class="demand">
          <Icon name="camera" />
          <span>{isMain ? t.wantedLeft(left) : left === state.photos_wanted ? t.wanted(left) : t.wantedLeft(left)}</span>
        </p>
      )}
      {state.photos.length > 0 && (
        <ul class="thumbs">
          {state.photos.map((it, index) => (
            <Thumb key={it.id} core={core} store={store} it={it} number={index + 1} editable={editable} />
          ))}
        </ul>
      )}
      {offers && (
        <>
          <div class="row">
            {hasCamera() ? (
              <Button
                icon="camera"
                kind={left > 0 ? "main" : "plain"}
                label={`${state.photos.length > 0 ? t.more : t.take}: ${say(item.q)}`}
                onClick={() => {
                  if (item.gps) watchPlace();
                  finder.value = true;
                }}
              >
                {state.photos.length > 0 ? t.more : t.take}
              </Button>
            ) : (
              <PhoneCamera main={left > 0} label={state.photos.length > 0 ? t.more : t.take} />
            )}
            {!item.camera_only && <Taker camera={false} gps={false} main={false} label={t.choose} name={say(item.q)} onFile={(it) => void take(it, "file")} />}
          </div>
          {item.gps && <PlaceLine />}
        </>
      )}
      <p role="status" class={busy.value ? undefined : "seen-not"}>
        {busy.value && t.reading}
      </p>
      <Wrong shown={shown} name={name} id={`e-${item.id}-photo`} />
      {finder.value && (
        <Camera
          onCancel={() => (finder.value = false)}
          onPicture={(picture, takenMs) => {
            finder.value = false;
            store.refuse(name, null);
            editing.value = { picture, file: null, takenMs, source: "camera" };
          }}
        >
          <PhoneCamera main={false} label={t.phoneCamera} />
        </Camera>
      )}
      {editing.value && <PhotoEditor picture={editing.value.picture} limits={limits} wrong={shown.problems.value[name]} onCancel={close} onRetake={retake} onKeep={keep} />}
    </div>
  );
}
