// The page: starts the core and shows the app over it.

import { render } from "preact";
import { App } from "./app";
import { secretsOf, startCore } from "./core/core";
import { bringWords } from "./view/prefs";

const core = startCore();

if (import.meta.env.MODE === "test") {
  // Tests of the core drive it where the screens would.
  Object.assign(globalThis, { veedor: { core, secrets: () => secretsOf(core) } });
}

const place = document.getElementById("app");
if (place !== null) {
  const show = () => render(<App core={core} />, place);
  bringWords().then(show, show);
}
