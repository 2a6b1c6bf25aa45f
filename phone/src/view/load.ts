// Asks the core for a screen and asks again when what is kept or sent changed. Owns the rhythm, so that a run of a hundred photos
// does not draw a list a hundred times.

import { effect, signal, untracked, type Signal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";
import type { Core } from "../core/api";
import type { Ask, Problem, Reply } from "../core/messages";

/** A list is asked for at most this often, milliseconds. */
const CALM_MS = 700;

export type Loaded<T> = { is: "loading" } | { is: "here"; it: T } | { is: "refused"; problem: Problem };

type ReplyOf<K> = Extract<Reply, { reply: K }>;

export function useAsk<K extends Reply["reply"]>(core: Core, ask: Ask, kind: K, again = false): { got: Signal<Loaded<ReplyOf<K>>>; reload: () => Promise<void> } {
  const key = JSON.stringify(ask);
  const got = useMemo(() => signal<Loaded<ReplyOf<K>>>({ is: "loading" }), [key]);
  const reload = async () => {
    const reply = await core.ask(ask);
    if (reply.reply === kind) got.value = { is: "here", it: reply as ReplyOf<K> };
    else if (reply.reply === "refused") got.value = { is: "refused", problem: reply.problem };
  };
  // Asked for before what is here so far is painted.
  useLayoutEffect(() => {
    void reload();
    if (!again) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = untracked(() => keyOf(core));
    const stop = effect(() => {
      const now = keyOf(core);
      if (now === last) return;
      last = now;
      timer ??= setTimeout(() => {
        timer = undefined;
        void reload();
      }, CALM_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [key]);
  return { got, reload };
}

function keyOf(core: Core): string {
  const { pill, done, edits, photos, bytes, incidents, lost, ended, lastSentMs } = core.sync.value;
  return [core.pulled.value, pill, done, edits, photos, bytes, incidents, lost, ended, lastSentMs].join();
}
