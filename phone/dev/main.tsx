// The screens over the fake core: `?scene=` names what is to be seen. Never part of what is built.

import { render } from "preact";
import type { Standing } from "../src/core/api";
import { bringWords, kept } from "../src/view/prefs";
import { App } from "../src/app";
import { ANA, FakeCore, LUIS, problem, type Scene } from "./fake-core";

const PROBLEM = problem("store_unreadable", "El archivo de las visitas no se puede leer: parece dañado", "the file of the visits cannot be read: it seems damaged");
const OFFLINE = problem("unreachable", "No se pudo llegar al servidor; lo guardado sigue en el dispositivo y se enviará después", "the server could not be reached; the work is safe on the device and will be sent later");

const standing = (it: Standing): Scene => ({ standing: it });
const SCENES: Record<string, Scene> = {
  open: {},
  slow: { slowMs: 100 },
  starting: standing({ is: "starting" }),
  unsupported: standing({ is: "unsupported", problem: problem("no_opfs", "Este navegador no puede guardar archivos sin conexión", "this browser cannot keep files offline") }),
  stopped: standing({ is: "stopped", problem: problem("vault_failed", "El navegador no pudo leer las llaves de este teléfono. Nada se borró", "the browser could not read this phone's keys. Nothing was deleted") }),
  elsewhere: standing({ is: "elsewhere" }),
  people: standing({ is: "profiles", profiles: [ANA, LUIS] }),
  first: standing({ is: "profiles", profiles: [] }),
  locked: standing({ is: "locked", profile: ANA, wrong: 0, waitMs: 0 }),
  wrong: standing({ is: "locked", profile: ANA, wrong: 3, waitMs: 30_000 }),
  broken: standing({ is: "broken", profile: ANA, problem: PROBLEM }),
  empty: { empty: true, sync: { pill: "sent", edits: 0, photos: 0, bytes: 0 } },
  many: { more: 45 },
  offers: { offers: true },
  offline: { sync: { online: false, lastSentMs: Date.now() - 4 * 86_400_000 } },
  sending: { sync: { pill: "sending", done: 3, total: 7 } },
  sent: { sync: { pill: "sent", edits: 0, photos: 0, bytes: 0 } },
  error: { sync: { pill: "error", problem: OFFLINE, photosRest: "metered", lost: 1, originals: 2, originalBytes: 7_400_000, originalsLetGo: 3 } },
  update: { update: true, storage: { persisted: false, usage: 18_400_000, quota: 2_300_000_000 } },
};

const query = new URLSearchParams(location.search);
const name = query.get("scene") ?? "open";
if (query.has("nag")) kept.set("unsent.p1", String(Date.now() - 4 * 86_400_000));
const core = new FakeCore(SCENES[name] ?? {});
(globalThis as { core?: FakeCore }).core = core;
await bringWords();
render(<App core={core} />, document.getElementById("app") as HTMLElement);
