// The one core of this page, started by whoever imports it first.

import { startCore } from "./core";

export const { core, begun } = startCore();
