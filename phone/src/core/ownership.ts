// Which tab has the store: one at a time. Owns the lock that says so, and how it goes from one tab to another.

const LOCK = "veedor-store";
/** A tab that is being closed or loaded anew lets go within this, also on a slow phone. */
const DYING_MS = 5_000;
/** A tab that does not answer within this has hung; the lock is taken from it. */
const DEAF_MS = 3_000;
const PAUSE_MS = 100;

/** What tabs tell each other: who has the store, that one has it, that one wants it. */
type Word = "who" | "here" | "wanted";

/** What happens to the tab that has the store. */
export interface Owner {
  /** Another tab wants it: gives the files back, then the lock goes. */
  letGo: () => Promise<void>;
  /** It was taken. */
  robbed: () => void;
}

export class Ownership {
  private readonly channel = new BroadcastChannel(LOCK);
  private release: (() => void) | null = null;
  /** Whether another tab said that it has the store, since it was last asked. */
  private isElsewhere = false;

  constructor(private readonly owner: Owner) {
    this.channel.onmessage = (event: MessageEvent<Word>) => this.hear(event.data);
  }

  /** Takes the store if no other tab has it. */
  take(): Promise<boolean> {
    // Where nobody answers, whoever has the lock is about to be gone.
    this.isElsewhere = false;
    this.say("who");
    return this.within(DYING_MS);
  }

  /** Takes the store from whichever tab has it. */
  async takeOver(): Promise<void> {
    this.isElsewhere = false;
    this.say("wanted");
    if (!(await this.within(DEAF_MS))) {
      await this.request({ steal: true });
    }
  }

  private say(word: Word): void {
    this.channel.postMessage(word);
  }

  private hear(word: Word): void {
    const isOwner = this.release !== null;
    if (word === "who" && isOwner) {
      this.say("here");
    } else if (word === "wanted" && isOwner) {
      void this.handOver();
    } else if (word === "here") {
      this.isElsewhere = true;
    }
  }

  private async handOver(): Promise<void> {
    const { release } = this;
    this.release = null;
    // Whatever goes wrong with giving back, the other tab is not left waiting; it waits for the files by itself.
    await this.owner.letGo().finally(() => release?.());
  }

  /** Asks for the lock until it is got, or another tab says that it stays. Not queued for: Chromium may lose that a place in the
   *  queue is given up. */
  private async within(ms: number): Promise<boolean> {
    const end = performance.now() + ms;
    while (!(await this.request({ ifAvailable: true }))) {
      if (this.isElsewhere || performance.now() > end) {
        return false;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return true;
  }

  /** Whether the lock was got; it is then held until it is released or stolen. */
  private request(options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const granted = (lock: Lock | null): Promise<void> | null => {
        resolve(lock !== null);
        return lock === null ? null : new Promise((release) => (this.release = release));
      };
      navigator.locks.request(LOCK, options, granted).catch((thrown: unknown) => {
        const wasStolen = thrown instanceof DOMException && thrown.name === "AbortError";
        if (!wasStolen) {
          reject(thrown);
        } else if (this.release !== null) {
          this.release = null;
          this.owner.robbed();
        }
      });
    });
  }
}
