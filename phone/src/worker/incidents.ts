// Reports of incidents: handed in before anything else of a run, each by itself, on any line. Owns only that; what stands in the way of
// them stands in the way of nothing else.

import type { Problem } from "../core/messages";
import * as network from "./network";
import type { RunContext } from "./run";
import type { Ended, Store } from "./store";

/** HTTP's word for the lane that nobody answered on. */
const NOBODY = 0;

export class Lane {
  /** Why some wait still; none where none does, or nobody has tried. */
  inTheWay: Problem | null = null;

  constructor(
    private readonly store: Store,
    private readonly context: RunContext,
  ) {}

  /** Hands in what waits, if anything. */
  async handIn(token: string): Promise<void> {
    const { store, context } = this;
    this.inTheWay = null;
    if (store.syncState().incidents === 0) {
      return;
    }
    let unheard: Problem | null = null;
    context.handingIn(true);
    try {
      store.incidentsBegin();
      for (;;) {
        context.stop.throwIfAborted();
        const next = store.incidentsNext();
        if (next.is === "sign") {
          store.incidentsSigned(await store.sign(next.dev, next.bytes));
        } else if (next.is === "send") {
          const answer = await network.handIn(token, next.bytes, context.stop);
          context.stop.throwIfAborted();
          unheard = answer.is === "none" ? answer.problem : null;
          const { status, code } = answer.is === "refused" ? answer.problem : { status: answer.is === "none" ? NOBODY : 200, code: "" };
          store.incidentsAnswered(status, code);
          context.progress();
        } else if (next.is === "done") {
          const ended = JSON.parse(next.text) as Ended;
          this.inTheWay = ended.problem === null ? null : (unheard ?? ended.problem);
          return;
        } else {
          throw new Error(`handing in a report does not ${next.is}`);
        }
      }
    } finally {
      context.handingIn(false);
    }
  }
}
