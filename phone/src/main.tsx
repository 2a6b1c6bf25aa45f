// The page: starts the core and shows the app over it.

import { render } from "preact";
// First of all that is ours: its worker starts while the rest is read.
import { begun, core } from "./core/started";
import { App } from "./app";
import { secretsOf } from "./core/core";
import { bringWords } from "./view/prefs";

if (import.meta.env.MODE === "test") {
  // Tests of the core drive it where the screens would.
  Object.assign(globalThis, { veedor: { core, secrets: () => secretsOf(core) } });
}

const place = document.getElementById("app");
if (place !== null) {
  void Promise.allSettled([bringWords(), begun]).then(() => render(<App core={core} />, place));
}
