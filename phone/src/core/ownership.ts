// Which tab has the store: one at a time. Owns the lock that says so, and how it goes from one tab to another.

const LOCK = "veedor-store";
/** A tab that is being closed or loaded anew lets go within this. */
const DYING_MS = 1_000;
/** A tab that does not answer within this has hung; the lock is taken from it. */
const DEAF_MS = 3_000;

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

  constructor(private readonly owner: Owner) {
    this.channel.onmessage = () => void this.handOver();
  }

  /** Takes the store if no other tab has it. */
  take(): Promise<boolean> {
    return this.request({ signal: AbortSignal.timeout(DYING_MS) });
  }

  /** Takes the store from whichever tab has it. */
  async takeOver(): Promise<void> {
    this.channel.postMessage("wanted");
    if (!(await this.request({ signal: AbortSignal.timeout(DEAF_MS) }))) {
      await this.request({ steal: true });
    }
  }

  private async handOver(): Promise<void> {
    const { release } = this;
    if (release === null) {
      return;
    }
    this.release = null;
    // Whatever goes wrong with giving back, the other tab is not left waiting; it waits for the files by itself.
    await this.owner.letGo().finally(release);
  }

  private request(options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const held = (): Promise<void> => {
        resolve(true);
        return new Promise((release) => {
          this.release = release;
        });
      };
      navigator.locks.request(LOCK, options, held).catch((thrown: unknown) => {
        const name = thrown instanceof DOMException ? thrown.name : "";
        if (this.release !== null && name === "AbortError") {
          this.release = null;
          this.owner.robbed();
        } else if (name === "AbortError" || name === "TimeoutError") {
          resolve(false);
        } else {
          reject(thrown);
        }
      });
    });
  }
}
