// The app as a person sees it: which screen stands, the bar above it, the screen that hides it. Owns the way between screens; each
// of them asks the core itself.

import { batch, effect, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Core } from "./core/api";
import type { Problem } from "./core/messages";
import { Page, Trouble } from "./parts/basic";
import { TopBar } from "./parts/topbar";
import { AdHoc, Briefing } from "./screens/briefing";
import { Conflicts } from "./screens/conflicts";
import { applyDisguise, Covert, listenForEscape } from "./screens/covert";
import { Enrol } from "./screens/enrol";
import { Home } from "./screens/home";
import { Incident } from "./screens/incident";
import { OutcomeScreen } from "./screens/outcome";
import { Outbox } from "./screens/outbox";
import { Done, Review } from "./screens/review";
import { Settings } from "./screens/settings";
import { Broken, Elsewhere, Locked, People, Starting, Stopped, Unsupported } from "./screens/start";
import { Versions } from "./screens/versions";
import { VisitScreen } from "./screens/visit";
import { hide, isHidden, useMayHide } from "./view/hidden";
import { applyPreferences, words } from "./view/prefs";
import { stopPlace } from "./view/position";
import { replace, route, to, type Route } from "./view/route";
import { said } from "./view/say";
import { noteUnsent } from "./view/unsent";
import { VisitStore } from "./view/visit-store";
import "./styles/app.css";

applyPreferences();

/** A worker ends with its page: a page that is closed while something is not kept yet stays so long, milliseconds. */
const LAST_MS = 400;

/** The visit that is on the screen, kept while one looks at its review or its conflicts. */
function useVisit(core: Core, visit: string | null) {
  const held = useSignal<VisitStore | null>(null);
  const problem = useSignal<Problem | null>(null);
  useEffect(() => {
    if (visit === null) {
      void held.peek()?.flush();
      stopPlace();
      return;
    }
    const known = held.peek();
    if (known?.visit === visit) {
      void known.flush().then(() => known.refresh());
      return;
    }
    let left = false;
    void known?.flush();
    held.value = null;
    problem.value = null;
    core.ask({ ask: "open", visit }).then((reply) => {
      if (left) return;
      if (reply.reply === "visit") held.value = new VisitStore(core, reply);
      else if (reply.reply === "refused") problem.value = reply.problem;
    });
    return () => {
      left = true;
    };
  }, [visit]);
  useEffect(() => {
    const flush = () => void held.peek()?.flush();
    const leave = () => {
      const isUnkept = held.peek()?.isUnkept ?? false;
      flush();
      const end = performance.now() + (isUnkept ? LAST_MS : 0);
      while (performance.now() < end);
    };
    const ask = (event: Event) => held.peek()?.saving.peek() === "failed" && event.preventDefault();
    const hidden = () => document.visibilityState === "hidden" && flush();
    addEventListener("pagehide", leave);
    addEventListener("beforeunload", ask);
    document.addEventListener("visibilitychange", hidden);
    // What the office sent since is taken in, once nothing of one's own is on its way.
    let last = core.pulled.peek();
    const stop = core.pulled.subscribe((it) => {
      if (it !== last) void held.peek()?.refresh();
      last = it;
    });
    return () => {
      removeEventListener("pagehide", leave);
      removeEventListener("beforeunload", ask);
      document.removeEventListener("visibilitychange", hidden);
      stop();
    };
  }, []);
  return { store: held.value?.visit === visit ? held.value : null, problem: problem.value };
}

/** Nothing to see: the screen can be hidden where the programme of the visit allows it. */
function Hiding({ store }: { store: VisitStore }) {
  useMayHide(store.state.value.allowed.covert);
  return null;
}

function Opened({ core, at }: { core: Core; at: Route }) {
  const { store, problem } = useVisit(core, at.at === "visit" || at.at === "review" || at.at === "outcome" ? at.visit : null);
  switch (at.at) {
    case "briefing":
      return <Briefing key={at.assignment} core={core} assignment={at.assignment} />;
    case "adhoc":
      return <AdHoc core={core} />;
    case "visit":
    case "review":
    case "outcome":
      if (problem)
        return (
          <Page title={words.value.visit.cannotOpen}>
            <Trouble problem={problem} />
          </Page>
        );
      if (!store) return null;
      return (
        <>
          <Hiding store={store} />
          {at.at === "outcome" ? <OutcomeScreen core={core} store={store} /> : at.at === "review" ? <Review core={core} store={store} /> : <VisitScreen core={core} store={store} section={at.section} item={at.item} />}
        </>
      );
    case "versions":
      return <Versions key={at.visit} core={core} visit={at.visit} />;
    case "done":
      return <Done core={core} visit={at.visit} />;
    case "incident":
      return <Incident key={`${at.visit}${at.leaving}`} core={core} visit={at.visit} leaving={at.leaving} />;
    case "outbox":
      return <Outbox core={core} />;
    case "conflicts":
      return <Conflicts core={core} />;
    case "settings":
      return <Settings core={core} />;
    case "enrol":
      return <Enrol core={core} />;
    case "home":
      return <Home core={core} />;
  }
}

function Screen({ core }: { core: Core }) {
  const it = core.standing.value;
  const at = route.value;
  switch (it.is) {
    case "starting":
    case "opening":
      return <Starting key={it.is} standing={it} />;
    case "unsupported":
      return <Unsupported problem={it.problem} />;
    case "stopped":
      return <Stopped problem={it.problem} />;
    case "elsewhere":
      return <Elsewhere core={core} />;
    case "profiles":
      if (at.at === "settings") return <Settings core={core} />;
      return at.at === "enrol" || it.profiles.length === 0 ? <Enrol core={core} /> : <People core={core} profiles={it.profiles} />;
    case "locked":
      return at.at === "enrol" ? <Enrol core={core} /> : at.at === "settings" ? <Settings core={core} /> : <Locked core={core} standing={it} />;
    case "broken":
      return at.at === "enrol" ? <Enrol core={core} /> : <Broken core={core} profile={it.profile} problem={it.problem} />;
    case "open":
      return <Opened core={core} at={at} />;
  }
}

function backOf(at: Route, isOpen: boolean): string | null {
  if (at.at === "home") return null;
  if (at.at === "review" || at.at === "outcome" || at.at === "versions") return to.visit(at.visit);
  if (at.at === "incident" && at.visit !== null) return to.visit(at.visit);
  return isOpen || at.at === "settings" || at.at === "enrol" ? to.home : null;
}

export function App({ core }: { core: Core }) {
  const standing = core.standing.value;
  const isOpen = standing.is === "open";
  const at = route.value;
  const hidden = isHidden.value;
  useEffect(() => {
    const stops = [
      applyDisguise(() => words.value.app),
      listenForEscape(),
      noteUnsent(core),
      // Another person's screens are left behind with their store.
      effect(() => {
        const is = core.standing.value.is;
        if (is === "profiles" && !["home", "enrol", "settings"].includes(route.peek().at)) batch(() => replace(to.home));
      }),
    ];
    return () => stops.forEach((it) => it());
  }, [core]);
  const back = useMemo(() => backOf(at, isOpen), [at, isOpen]);
  const visit = at.at === "visit" || at.at === "review" || at.at === "outcome" || at.at === "versions" ? at.visit : null;
  const isOthers = standing.is === "profiles" && standing.profiles.length === 0;
  return (
    <>
      <div class="app" hidden={hidden} inert={hidden}>
        <a
          class="skip"
          href="#content"
          onClick={(event) => {
            event.preventDefault();
            document.querySelector<HTMLElement>("h1")?.focus();
          }}
        >
          {words.value.skip}
        </a>
        <TopBar sync={isOpen ? core.sync : null} settings={isOpen || standing.is === "profiles" || standing.is === "locked"} back={isOthers && at.at === "enrol" ? null : back} leave={isOpen && visit !== null ? to.incident(visit, true) : null} onHide={hide} />
        <main id="content" class={`screen ${isOpen ? at.at : standing.is}`}>
          <Screen core={core} />
        </main>
        <div class="seen-not" aria-live="polite">
          {said}
        </div>
      </div>
      {hidden && <Covert help={isOpen ? to.incident(at.at === "incident" ? at.visit : visit, true) : null} />}
    </>
  );
}

