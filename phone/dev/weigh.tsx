// The screens alone, with preact and signals, to be weighed.
import { render } from "preact";
import { App } from "../src/app";
import type { Core } from "../src/core/api";

render(<App core={(globalThis as unknown as { core: Core }).core} />, document.body);
