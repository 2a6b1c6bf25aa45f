// A photo before it is kept: faces and plates are covered by tapping, dragging or with the keyboard alone. Owns the areas; what is
// covered is gone from the picture that is kept. Nothing but a person's word closes it with a picture that is not kept.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PhotoLimits } from "../core/messages";
import { isHidden } from "../view/hidden";
import { draw, finish, fit, PREVIEW_PX, type Picture, type Zone } from "../view/picture";
import { words } from "../view/prefs";
import { Button, Dialog, Notice } from "./basic";
import { Icon, type IconName } from "./icon";

/** A new area's side and the smallest one, in parts of the shorter edge. */
const USUAL = 0.2;
const LEAST = 0.04;
/** One step of an arrow, in parts of the edge. */
const STEP = 0.02;
/** A pointer that moves less than this is a tap, pixels. */
const TAP_PX = 8;

const clamp = (it: number, least: number, most: number) => Math.min(most, Math.max(least, it));

function inside(it: Zone): Zone {
  const w = clamp(it.w, LEAST, 1);
  const h = clamp(it.h, LEAST, 1);
  return { w, h, x: clamp(it.x, 0, 1 - w), y: clamp(it.y, 0, 1 - h) };
}

export function PhotoEditor(props: { picture: Picture; limits: PhotoLimits; wrong: string | undefined; onCancel: () => void; onRetake: () => void; onKeep: (picture: Blob | null, isCovered: boolean) => Promise<void> }) {
  const t = words.value.photo;
  const { picture } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const zones = useSignal<Zone[]>([]);
  const chosen = useSignal<number | null>(null);
  const busy = useSignal(false);
  /** Whether it is asked if the picture is to be thrown away. */
  const asks = useSignal(false);
  const drag = useRef<{ x: number; y: number; zone: Zone | null; index: number | null; moved: boolean } | null>(null);
  const frame = useRef(0);

  useEffect(
    () =>
      zones.subscribe((list) => {
        cancelAnimationFrame(frame.current);
        frame.current = requestAnimationFrame(() => canvas.current && draw(canvas.current, picture, list));
      }),
    [picture],
  );

  const ask = (whether: boolean) => {
    if (asks.peek() === whether) return;
    asks.value = whether;
    requestAnimationFrame(() => stage.current?.closest("dialog")?.querySelector<HTMLElement>(".last .main")?.focus());
  };
  // Two Escapes hide the screen: nobody asked to throw anything away then.
  useEffect(() => isHidden.subscribe((hidden) => hidden && ask(false)), []);

  const put = (index: number, zone: Zone) => (zones.value = zones.value.map((it, at) => (at === index ? inside(zone) : it)));
  const focus = (index: number) => requestAnimationFrame(() => stage.current?.querySelectorAll<HTMLElement>(".zone")[index]?.focus());
  const add = (x: number, y: number) => {
    const shorter = Math.min(picture.width, picture.height);
    const [w, h] = [(USUAL * shorter) / picture.width, (USUAL * shorter) / picture.height];
    zones.value = [...zones.value, inside({ x: x - w / 2, y: y - h / 2, w, h })];
    chosen.value = zones.value.length - 1;
    focus(chosen.value);
  };
  const remove = (index: number) => {
    zones.value = zones.value.filter((_, at) => at !== index);
    chosen.value = null;
    stage.current?.querySelector<HTMLElement>("canvas")?.focus();
  };
  const change = (index: number, by: Partial<Zone>) => {
    const it = zones.value[index];
    if (it) put(index, { x: it.x + (by.x ?? 0), y: it.y + (by.y ?? 0), w: it.w + (by.w ?? 0), h: it.h + (by.h ?? 0) });
  };

  const at = (event: PointerEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    return box ? { x: clamp((event.clientX - box.left) / box.width, 0, 1), y: clamp((event.clientY - box.top) / box.height, 0, 1), box } : null;
  };
  const down = (event: PointerEvent) => {
    const point = at(event);
    if (!point || event.button > 0) return;
    const found = zones.value.findIndex((it) => point.x >= it.x && point.x <= it.x + it.w && point.y >= it.y && point.y <= it.y + it.h);
    drag.current = { x: point.x, y: point.y, index: found < 0 ? null : found, zone: found < 0 ? null : { ...(zones.value[found] as Zone) }, moved: false };
    if (found >= 0) chosen.value = found;
    stage.current?.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const from = drag.current;
    const point = at(event);
    if (!from || !point) return;
    const [dx, dy] = [point.x - from.x, point.y - from.y];
    if (!from.moved && Math.hypot(dx * point.box.width, dy * point.box.height) < TAP_PX) return;
    from.moved = true;
    if (from.zone && from.index !== null) return put(from.index, { ...from.zone, x: from.zone.x + dx, y: from.zone.y + dy });
    if (from.index === null) {
      zones.value = [...zones.value, { x: from.x, y: from.y, w: 0, h: 0 }];
      from.index = zones.value.length - 1;
      chosen.value = from.index;
    }
    put(from.index, { x: Math.min(from.x, point.x), y: Math.min(from.y, point.y), w: Math.abs(dx), h: Math.abs(dy) });
  };
  const up = () => {
    const from = drag.current;
    drag.current = null;
    if (!from) return;
    if (!from.moved && from.index === null) add(from.x, from.y);
    else if (from.index !== null) focus(from.index);
  };
  const key = (event: KeyboardEvent, index: number) => {
    const grow = event.shiftKey;
    const by: Record<string, Partial<Zone>> = {
      ArrowLeft: grow ? { w: -STEP } : { x: -STEP },
      ArrowRight: grow ? { w: STEP } : { x: STEP },
      ArrowUp: grow ? { h: -STEP } : { y: -STEP },
      ArrowDown: grow ? { h: STEP } : { y: STEP },
    };
    const found = by[event.key];
    if (found) change(index, found);
    else if (event.key === "Delete" || event.key === "Backspace") remove(index);
    else return;
    event.preventDefault();
  };
  const keep = async () => {
    if (busy.value) return;
    busy.value = true;
    const covered = zones.value;
    await props.onKeep(await finish(picture, covered, props.limits).catch(() => null), covered.length > 0);
    busy.value = false;
  };
  const tool = (label: string, icon: IconName, by: Partial<Zone>) => (
    <button type="button" class="button plain square" aria-label={label} onClick={() => chosen.value !== null && change(chosen.value, by)}>
      <Icon name={icon} />
    </button>
  );
  const half = STEP / 2;
  const wrong = busy.value ? undefined : props.wrong;
  return (
    <Dialog title={t.editor} onClose={() => ask(!asks.value)} full>
      {wrong && (
        <Notice tone="bad" alert>
          <p>{wrong}</p>
          <p>{t.unkept}</p>
        </Notice>
      )}
      <p class={wrong ? "seen-not" : "hint"} id="editor-how">
        {t.editorHow}
      </p>
      <div class="stage">
        <div class="stage-in" ref={stage} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => (drag.current = null)}>
          <canvas ref={canvas} {...fit(picture, PREVIEW_PX)} tabIndex={-1} role="img" aria-label={t.editor} aria-describedby="editor-how" />
          {zones.value.map((it, index) => (
            <button
              key={index}
              type="button"
              class={`zone${chosen.value === index ? " on" : ""}`}
              style={{ left: `${it.x * 100}%`, top: `${it.y * 100}%`, width: `${it.w * 100}%`, height: `${it.h * 100}%` }}
              aria-label={t.zone(index + 1)}
              aria-pressed={chosen.value === index}
              onFocus={() => (chosen.value = index)}
              onKeyDown={(event) => key(event, index)}
            />
          ))}
        </div>
      </div>
      {chosen.value !== null && (
        <div class="row tools" role="group" aria-label={t.zoneTools}>
          {tool(t.left, "back", { x: -STEP })}
          {tool(t.right, "next", { x: STEP })}
          {tool(t.up, "up", { y: -STEP })}
          {tool(t.down, "down", { y: STEP })}
          {tool(t.bigger, "plus", { w: STEP, h: STEP, x: -half, y: -half })}
          {tool(t.smaller, "dash", { w: -STEP, h: -STEP, x: half, y: half })}
        </div>
      )}
      <div class="row end">
        <Button icon="plus" onClick={() => add(0.5, 0.5)}>
          {t.addZone}
        </Button>
        {chosen.value !== null && (
          <Button icon="trash" onClick={() => chosen.value !== null && remove(chosen.value)}>
            {t.removeZone}
          </Button>
        )}
      </div>
      {asks.value ? (
        <div class="last stack" role="alert">
          <p class="strong">{t.discardSure}</p>
          <div class="row end">
            <Button kind="main" icon="image" onClick={() => ask(false)}>
              {t.discardNot}
            </Button>
            <Button kind="danger" icon="trash" onClick={props.onCancel}>
              {t.discard}
            </Button>
          </div>
        </div>
      ) : (
        <div class="row end last">
          <Button icon="undo" onClick={props.onRetake}>
            {t.retake}
          </Button>
          <Button kind="main" icon="check" onClick={() => void keep()} busy={busy.value}>
            {busy.value ? t.keeping : t.keep}
          </Button>
        </div>
      )}
    </Dialog>
  );
}
