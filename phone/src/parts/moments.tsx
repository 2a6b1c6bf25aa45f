// Arrival and departure: one tap each, with the time and, where the visit has a place to be, the position. Owns how they are shown;
// nothing is blocked by a phone that does not find its place.

import { useSignal } from "@preact/signals";
import { distance, metresBetween, momentIn } from "../view/format";
import { momentOf, stateMoment, type Moment } from "../view/moments";
import { words } from "../view/prefs";
import { announce } from "../view/say";
import type { VisitStore } from "../view/visit-store";
import { Button, Notice } from "./basic";
import { Wrong } from "./controls";
import { Icon } from "./icon";

export type Which = "arrival" | "departure";

/** Metres from the branch; none where one of the two is not known. */
function awayFrom(store: VisitStore, it: Moment): number | null {
  const branch = store.form.branch;
  if (!it.position || branch?.lat_e7 == null || branch.lon_e7 == null) return null;
  return metresBetween(it.position.lat_e7, it.position.lon_e7, branch.lat_e7, branch.lon_e7);
}

function Place({ store, it }: { store: VisitStore; it: Moment }) {
  const t = words.value.moment;
  const geofence = store.form.rules.geofence_m ?? null;
  if (geofence === null) return null;
  if (!it.position) return <span class="quiet">{t.noPlace}</span>;
  const away = awayFrom(store, it);
  if (away === null) return <span class="quiet">{t.withPlace}</span>;
  const isFar = away - (it.position.accuracy_mm ?? 0) / 1000 > geofence;
  return isFar ? (
    <span class="mark warn">
      <Icon name="alert" />
      <span>{t.far(distance(away))}</span>
    </span>
  ) : (
    <span class="quiet">{t.near}</span>
  );
}

export function MomentCard({ store, which }: { store: VisitStore; which: Which }) {
  const t = words.value.moment;
  const { facts, editable } = store.state.value;
  const state = useSignal<"idle" | "looking" | "no_place">("idle");
  const field = `@${which}` as const;
  const stated = momentOf(facts[which]);
  const isThere = (store.form.rules.geofence_m ?? null) !== null;
  const of = isThere ? t.there[which] : t.remote[which];
  const shown = store.facts.get(field);
  const tap = async () => {
    if (state.value === "looking") return;
    state.value = "looking";
    const outcome = await stateMoment(store.form.branch?.zone ?? null, isThere, (json) => store.answer(field, json));
    state.value = outcome === "no_place" ? "no_place" : "idle";
    if (outcome === "kept") announce(of.done);
  };
  if (!stated && !editable) return null;
  return (
    <section class="moment">
      {stated ? (
        <p class="spread">
          <span>
            <Icon name={which === "arrival" ? "pin" : "clock"} /> <span class="strong">{of.stated(momentIn(stated.at_ms, store.form.branch?.zone ?? stated.zone))}</span> {state.value !== "looking" && <Place store={store} it={stated} />}
          </span>
          {editable && state.value !== "looking" && (
            <span>
              <Button kind="quiet" label={of.again} onClick={() => void tap()}>
                {t.again}
              </Button>
              <Button kind="quiet" label={of.remove} onClick={() => void store.answer(field, "null")}>
                {words.value.remove}
              </Button>
            </span>
          )}
        </p>
      ) : (
        <>
          <Button kind={which === "arrival" ? "main" : "plain"} wide icon={isThere ? "pin" : "clock"} onClick={() => void tap()}>
            {of.tap}
          </Button>
          <p class="hint">{of.why}</p>
        </>
      )}
      <p role="status" class={state.value === "looking" ? "hint" : "seen-not"}>
        {state.value === "looking" && t.looking}
      </p>
      {state.value === "no_place" && (
        <Notice tone="warn">
          <p>{t.noPlaceWhy}</p>
        </Notice>
      )}
      {shown && <Wrong shown={shown} name={field} id={`e-${which}`} />}
    </section>
  );
}
