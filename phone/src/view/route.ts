// Where the person is: the address's hash. Owns its shapes and the way in between; the browser's own back works.

import { signal } from "@preact/signals";

export type Route =
  | { at: "home" }
  | { at: "enrol" }
  | { at: "briefing"; assignment: string }
  | { at: "adhoc" }
  | { at: "visit"; visit: string; section: string | null; item: string | null }
  | { at: "review"; visit: string }
  | { at: "outcome"; visit: string }
  | { at: "versions"; visit: string }
  | { at: "done"; visit: string }
  | { at: "incident"; visit: string | null; leaving: boolean }
  | { at: "outbox" }
  | { at: "conflicts" }
  | { at: "settings" };

/** A one-time code that came with the address; it is taken out of the address at once. */
export const codeInAddress = signal<string | null>(null);

function read(): Route {
  const hash = location.hash;
  if (/^#\/?code=/.test(hash)) {
    codeInAddress.value = decodeURIComponent(hash.replace(/^#\/?code=/, ""));
    history.replaceState(null, "", `${location.pathname}${location.search}#/enrol`);
    return { at: "enrol" };
  }
  const [at, id = "", section, item] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  switch (at) {
    case "enrol":
    case "adhoc":
    case "outbox":
    case "conflicts":
    case "settings":
      return { at };
    case "briefing":
      return { at, assignment: id };
    case "visit":
      return { at, visit: id, section: section || null, item: item || null };
    case "incident":
      return { at, visit: id || null, leaving: section === "leave" };
    case "review":
    case "outcome":
    case "versions":
    case "done":
      return { at, visit: id };
    default:
      return { at: "home" };
  }
}

export const route = signal<Route>(read());
addEventListener("hashchange", () => (route.value = read()));

export const to = {
  home: "#/",
  enrol: "#/enrol",
  adhoc: "#/adhoc",
  outbox: "#/outbox",
  conflicts: "#/conflicts",
  settings: "#/settings",
  briefing: (assignment: string) => `#/briefing/${assignment}`,
  visit: (visit: string, section?: string, item?: string) => `#/visit/${[visit, section, item].filter(Boolean).join("/")}`,
  review: (visit: string) => `#/review/${visit}`,
  outcome: (visit: string) => `#/outcome/${visit}`,
  versions: (visit: string) => `#/versions/${visit}`,
  done: (visit: string) => `#/done/${visit}`,
  incident: (visit: string | null, leaving = false) => `#/incident/${visit ?? ""}${leaving ? "/leave" : ""}`,
};

export function go(hash: string): void {
  location.hash = hash;
}

/** Goes there in place of where one is: back does not return to it. */
export function replace(hash: string): void {
  history.replaceState(null, "", hash);
  route.value = read();
}
