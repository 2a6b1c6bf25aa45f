// New versions of the app: a new one waits until the person takes it, since a visit under way keeps its version. Owns the page's side
// of the service worker.

/** Asks a service worker, which answers with whether it is so. */
function asked(worker: ServiceWorker, question: "take-over" | "is-waiting"): Promise<boolean> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = (event: MessageEvent<boolean>) => resolve(event.data);
    worker.postMessage(question, [port2]);
  });
}

/** How often a page that stays open looks for a new version. */
const LOOK_MS = 60 * 60_000;

export class Updates {
  private registration: ServiceWorkerRegistration | null = null;
  private isApplying = false;
  private lookedMs = Date.now();
  /** Whether another tab took a new version: what this page would still load is gone. */
  isStale = false;

  constructor(private readonly waits: () => void) {}

  async begin(): Promise<void> {
    const { serviceWorker } = navigator;
    let hadController = serviceWorker.controller !== null;
    serviceWorker.addEventListener("controllerchange", () => {
      if (this.isApplying) {
        this.isApplying = false;
        location.reload();
      } else if (hadController) {
        this.isStale = true;
        this.waits();
      }
      hadController = true;
    });
    const registration = await serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`, { updateViaCache: "none" });
    this.registration = registration;
    // Whatever does not answer keeps nobody from hearing of what comes next.
    void this.look(registration);
    registration.addEventListener("updatefound", () => {
      registration.installing?.addEventListener("statechange", () => void this.look(registration));
    });
    document.addEventListener("visibilitychange", () => this.lookAgain(registration));
  }

  /** Takes the new version; the page is loaded anew once it is in force. */
  apply(): void {
    const { waiting, active } = this.registration ?? {};
    if (waiting) {
      this.isApplying = true;
      void asked(waiting, "take-over");
    } else if (this.isStale || !active) {
      location.reload();
    } else {
      // It is in force since the app was closed, and serves what it found.
      void asked(active, "take-over").then(() => location.reload());
    }
  }

  private async look({ waiting, active }: ServiceWorkerRegistration): Promise<void> {
    if (active && (waiting || (await asked(active, "is-waiting")))) {
      this.waits();
    }
  }

  private lookAgain(registration: ServiceWorkerRegistration): void {
    if (document.visibilityState === "visible" && Date.now() - this.lookedMs > LOOK_MS) {
      this.lookedMs = Date.now();
      registration.update().catch((thrown: unknown) => {
        // Without a network there is no new version to be had; the next look finds it.
        console.info("no new version could be looked for", thrown);
      });
    }
  }
}
