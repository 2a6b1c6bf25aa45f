// The page's end of the line to its worker: calls become promises, news become callbacks. Owns the worker itself, which is replaced
// where it is ended.

import { Failed, notOpen, unforeseen } from "./problems";
import type { Answer, Called, CallName, Calls, FromWorker } from "./line";

export type News = Exclude<FromWorker, { is: "answer" | "failed" }>;

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (thrown: unknown) => void;
}

export class WorkerLine {
  private readonly worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module", name: "veedor" });
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  constructor(private readonly hear: (news: News) => void) {
    this.worker.onmessage = (event: MessageEvent<FromWorker>) => this.read(event.data);
    this.worker.onerror = (event) => hear({ is: "fatal", problem: unforeseen(event.message), keys: null });
  }

  call<Name extends CallName>(call: Name, ...with_: Parameters<Calls[Name]>): Promise<Answer<Name>> {
    this.lastId += 1;
    const called: Called<Name> = { id: this.lastId, call, with: with_ };
    return new Promise((resolve, reject) => {
      this.waiting.set(called.id, { resolve: resolve as (answer: unknown) => void, reject });
      this.worker.postMessage(called);
    });
  }

  /** Ends the worker, whatever it does; what it was asked is answered with a refusal. */
  end(): void {
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) {
      reject(new Failed(notOpen()));
    }
    this.waiting.clear();
  }

  private read(message: FromWorker): void {
    if (message.is !== "answer" && message.is !== "failed") {
      this.hear(message);
      return;
    }
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.is === "answer") {
      waiting?.resolve(message.answer);
    } else {
      waiting?.reject(new Failed(message.problem));
    }
  }
}
