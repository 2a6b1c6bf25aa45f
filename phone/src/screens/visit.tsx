// A visit: one section after another, its questions under each other, and a bar under the thumb that leads to the next one that is
// open. Owns where the person is in it and remembers it; answers are the store's.

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Core } from "../core/api";
import type { FormSection, Progress } from "../core/messages";
import { Bar, Button, Dialog, LinkButton, Notice, Page } from "../parts/basic";
import { Icon } from "../parts/icon";
import { Item } from "../parts/item";
import { MomentCard } from "../parts/moments";
import { showDecimal } from "../view/decimal";
import { moment } from "../view/format";
import { kept, locale, say, words } from "../view/prefs";
import { replace, to } from "../view/route";
import { announce } from "../view/say";
import { outcomeOf, type Shown, type VisitStore } from "../view/visit-store";
import { Conduct, Rules, Where } from "./briefing";
import { branchName } from "./home";
import { IncidentLinks } from "./incident";

const placeKey = (visit: string) => `at.${visit}`;
/** Where the person is is written down once they rest there, milliseconds: storage is slow and a tap is not to wait for it. */
const REST_MS = 400;

const wide = matchMedia("(min-width: 64rem)");
const isWide = signal(wide.matches);
wide.addEventListener("change", () => (isWide.value = wide.matches));

/** In the store for the visit where the person is, and for the others where the browser keeps it, which takes its time. */
function keepPlace(store: VisitStore, at: string): void {
  kept.set(placeKey(store.visit), at);
  store.core.keepPlace({ visit: store.visit, at });
}

/** Where a visit opens: what is to be corrected first, else where it was left, else at the beginning. */
export function placeIn(store: VisitStore): { section: string; item: string | null } {
  const first = store.form.sections[0]?.id ?? "";
  const state = store.state.peek();
  const [section, item] = (store.core.placeIn(store.visit) ?? kept.get(placeKey(store.visit)))?.split("/") ?? [];
  const roundKey = `round.${store.visit}`;
  if (state.editable && state.round > 1 && kept.get(roundKey) !== String(state.round)) {
    kept.set(roundKey, String(state.round));
    const returned = returnedItems(store)[0];
    if (returned) return { section: returned.section.id, item: returned.item.id };
  }
  const isThere = store.form.sections.some((it) => it.id === section);
  return isThere && section ? { section, item: item || null } : { section: first, item: null };
}

const returnedItems = (store: VisitStore): Shown[] => [...store.items.values()].filter((it) => it.state.value.visible && it.state.value.returned.length > 0);

function showItem(id: string): boolean {
  const item = document.getElementById(`i-${id}`);
  if (!item) return false;
  item.scrollIntoView({ block: "start" });
  document.getElementById(`q-${id}`)?.focus({ preventScroll: true });
  return true;
}

function SectionList({ store, current, onGo }: { store: VisitStore; current: string; onGo: () => void }) {
  const t = words.value.visit;
  const { progress, editable } = store.state.value;
  const of = (id: string): Progress | undefined => progress.find((it) => it.section === id);
  return (
    <ol class="sections">
      {store.form.sections.map((section) => {
        const it = of(section.id);
        const isDone = !!it && it.missing === 0 && it.answered >= it.asked;
        return (
          <li key={section.id}>
            <a
              href={to.visit(store.visit, section.id)}
              aria-current={section.id === current ? "page" : undefined}
              onClick={(event) => {
                event.preventDefault();
                replace(to.visit(store.visit, section.id));
                onGo();
              }}
            >
              <span class={`letter${isDone ? " done" : ""}`}>{isDone ? <Icon name="check" /> : section.id}</span>
              <span class="card-body">
                <span>{say(section.title)}</span>
                <span class="quiet small">
                  {it && t.progress(it.answered, it.asked)}
                  {isDone ? ` · ${t.complete}` : it && it.missing > 0 && editable ? ` · ${t.missing(it.missing)}` : ""}
                </span>
              </span>
            </a>
          </li>
        );
      })}
    </ol>
  );
}

function Sheet({ store, current, onClose }: { store: VisitStore; current: string; onClose: () => void }) {
  const t = words.value.visit;
  return (
    <Dialog title={t.sections} onClose={onClose} sheet>
      <SectionList store={store} current={current} onGo={onClose} />
      <div class="stack">
        {store.state.value.editable && (
          <>
            <a class="button plain wide" href={to.review(store.visit)} onClick={onClose}>
              <Icon name="list" />
              <span>{t.review}</span>
            </a>
            <a class="button quiet wide" href={to.outcome(store.visit)} onClick={onClose}>
              <Icon name="alert" />
              <span>{words.value.outcome.open}</span>
            </a>
          </>
        )}
      </div>
      <IncidentLinks visit={store.visit} onGo={onClose} />
      <details class="fold">
        <summary>{t.scenario}</summary>
        <Conduct scenario={store.form.scenario} kind={store.form.kind} />
        <Rules rules={store.form.rules} zone={store.form.branch?.zone ?? null} />
        <Where branch={store.form.branch} />
      </details>
    </Dialog>
  );
}

/** How far all of it is, drawn without drawing anything else. */
function Done({ store }: { store: VisitStore }) {
  const { progress } = store.state.value;
  const sum = (of: (it: Progress) => number) => progress.reduce((all, it) => all + of(it), 0);
  const [answered, asked] = [sum((it) => it.answered), sum((it) => it.asked)];
  return (
    <>
      <span class="seen-not">{words.value.visit.progress(answered, asked)}</span>
      <span aria-hidden="true">{words.value.visit.doneOf(answered, asked)}</span>
    </>
  );
}

function Saving({ store }: { store: VisitStore }) {
  const t = words.value.visit;
  const it = store.saving.value;
  if (!store.state.value.editable) return null;
  return (
    <span class={`saving ${it}`}>
      <Icon name={it === "failed" ? "alert" : it === "saved" ? "phone" : "up"} />
      {it === "failed" ? t.notSaved : it === "saved" ? t.saved : t.saving}
    </span>
  );
}

function NextButton({ store, touched }: { store: VisitStore; touched: () => string | null }) {
  const t = words.value.visit;
  const { missing, conflicts, editable, facts } = store.state.value;
  if (!editable) return null;
  if (facts.outcome !== null && missing.length > 0)
    return (
      <LinkButton kind="main" href={to.outcome(store.visit)} icon="alert">
        {words.value.outcome.finish}
      </LinkButton>
    );
  if (missing.length === 0 && conflicts === 0)
    return (
      <LinkButton kind="main" href={to.review(store.visit)} icon="check">
        {t.allDone}
      </LinkButton>
    );
  const next = () => {
    const found = store.nextOpen(touched());
    if (!found) return (location.hash = to.review(store.visit));
    if (!showItem(found.item.id)) replace(to.visit(store.visit, found.section.id, found.item.id));
  };
  return (
    <Button kind="main" icon="down" onClick={next}>
      {missing.every((it) => it.code === "required") ? t.next : t.nextDemand}
    </Button>
  );
}

function Returned({ store }: { store: VisitStore }) {
  const t = words.value.visit;
  const state = store.state.value;
  const items = returnedItems(store);
  if (!state.editable || state.round < 2) return null;
  return (
    <Notice tone="bad" icon="returned" title={t.returnedAll}>
      {state.due_ms !== null && <p class="strong">{t.returnedDue(moment(state.due_ms))}</p>}
      {state.returned.map((it) => (
        <p key={it}>{it}</p>
      ))}
      {items.length > 0 && (
        <>
          <p>{t.returnedItems}:</p>
          <ul class="links">
            {items.map((it) => (
              <li key={it.item.id}>
                <a
                  href={to.visit(store.visit, it.section.id, it.item.id)}
                  onClick={(event) => {
                    event.preventDefault();
                    if (!showItem(it.item.id)) replace(to.visit(store.visit, it.section.id, it.item.id));
                  }}
                >
                  {it.item.id} · {say(it.item.q)}
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </Notice>
  );
}

function NotCompleted({ store }: { store: VisitStore }) {
  const t = words.value.outcome;
  const outcome = outcomeOf(store.state.value.facts.outcome);
  return outcome ? (
    <Notice tone="warn" title={t.stated}>
      {outcome.reason && <p>{t.reasons[outcome.reason] ?? outcome.reason}</p>}
      <LinkButton href={to.outcome(store.visit)}>{t.see}</LinkButton>
    </Notice>
  ) : null;
}

/** Asks once more about a grave answer, in words that leave no doubt which way round it is. */
function Confirm({ store }: { store: VisitStore }) {
  const t = words.value.grave;
  const shown = store.grave.value;
  const says = shown?.state.value.grave;
  if (!shown || !says) return null;
  const close = () => (store.grave.value = null);
  const correct = () => {
    const before = shown.before.peek() ?? null;
    close();
    void store.answer(shown.item.id, before ?? "null");
    announce(t.corrected);
  };
  return (
    <Dialog title={t.title} onClose={close}>
      <p class="big strong">{say(says)}.</p>
      <p>{t.ask}</p>
      <div class="row end">
        <Button kind="main" icon="check" onClick={close}>
          {t.yes}
        </Button>
        <Button icon="undo" onClick={correct}>
          {t.no}
        </Button>
      </div>
    </Dialog>
  );
}

function Newer({ store }: { store: VisitStore }) {
  const t = words.value.versions;
  const { newer } = store.form;
  return newer !== null && store.state.value.editable ? (
    <Notice icon="list" title={t.newer}>
      <LinkButton href={to.versions(store.visit)}>{t.see}</LinkButton>
    </Notice>
  ) : null;
}

function ReadOnly({ store }: { store: VisitStore }) {
  const { editable, phase } = store.state.value;
  const why = words.value.visit.notEditable;
  return editable ? null : (
    <Notice icon="lock">
      <p>{why[phase] ?? why.other}</p>
    </Notice>
  );
}

function Questions({ core, store, section }: { core: Core; store: VisitStore; section: FormSection }) {
  const shown = section.items.map((it) => store.items.get(it.id)).filter((it) => it !== undefined);
  const editable = useEditable(store);
  return (
    <>
      {shown.map((it) => (
        <Item key={it.item.id} core={core} store={store} shown={it} editable={editable} />
      ))}
    </>
  );
}

/** Whether it takes answers, without drawing the questions anew at every other change of the state. */
function useEditable(store: VisitStore): boolean {
  const editable = useSignal(store.state.peek().editable);
  useEffect(() => store.state.subscribe((it) => (editable.value = it.editable)), [store]);
  return editable.value;
}

/** Asked for until it is stated, wherever one is; then told in the first section. */
function Arrival({ store, first }: { store: VisitStore; first: boolean }) {
  return first || store.state.value.facts.arrival === null ? <MomentCard store={store} which="arrival" /> : null;
}

function SectionProgress({ store, section }: { store: VisitStore; section: string }) {
  const { progress, preview } = store.state.value;
  const it = progress.find((found) => found.section === section);
  if (!it) return null;
  const text = words.value.visit.progress(it.answered, it.asked);
  return (
    <>
      <Bar part={it.answered} whole={it.asked} label={text} />
      {it.asked === 0 && <p class="quiet">{words.value.visit.emptySection}</p>}
      {preview !== null && <p class="quiet small">{words.value.visit.preview(it.preview && showDecimal(it.preview, locale.value), showDecimal(preview, locale.value))}</p>}
    </>
  );
}

export function VisitScreen(props: { core: Core; store: VisitStore; section: string | null; item: string | null }) {
  const { core, store } = props;
  const t = words.value.visit;
  const sheet = useSignal(false);
  const sections = store.form.sections;
  const start = props.section === null ? placeIn(store) : { section: props.section, item: props.item };
  const at = Math.max(0, sections.findIndex((it) => it.id === start.section));
  const section = sections[at];
  const id = section?.id ?? "";

  useEffect(() => {
    // Not where the person has gone on already: this runs a moment after the first picture.
    if (props.section === null && section && location.hash === to.visit(store.visit)) replace(to.visit(store.visit, id, start.item ?? undefined));
    keepPlace(store, [id, start.item].filter(Boolean).join("/"));
    if (start.item) requestAnimationFrame(() => showItem(start.item as string));
  }, [id, start.item]);

  const last = useRef<{ item: string | null; timer?: ReturnType<typeof setTimeout> }>({ item: start.item });
  const touch = (event: Event) => {
    const item = (event.target as Element).closest?.("[data-item]")?.getAttribute("data-item");
    if (!item || item === last.current.item) return;
    last.current.item = item;
    clearTimeout(last.current.timer);
    last.current.timer = setTimeout(() => keepPlace(store, `${id}/${item}`), REST_MS);
  };
  const touched = () => (store.items.get(last.current.item ?? "")?.section.id === id ? last.current.item : (section?.items[0]?.id ?? null));
  if (!section) return null;
  const next = sections[at + 1];
  const previous = sections[at - 1];
  return (
    <>
      <div class="with-side" onFocusIn={touch} onPointerDown={touch}>
        {isWide.value && (
          <nav class="side" aria-label={t.sections}>
            <SectionList store={store} current={id} onGo={() => undefined} />
          </nav>
        )}
        <div class="visit-main">
          <p class="kicker">{branchName(store.form.branch)}</p>
          <Page
            key={id}
            title={say(section.title)}
            still={start.item !== null}
            kicker={
              <p class="under spread">
                <span>{t.sectionOf(at + 1, sections.length)}</span>
                <Saving store={store} />
              </p>
            }
          >
            <SectionProgress store={store} section={id} />
            <ReadOnly store={store} />
            <Returned store={store} />
            <NotCompleted store={store} />
            {at === 0 && <Newer store={store} />}
            <Arrival store={store} first={at === 0} />
            <Questions core={core} store={store} section={section} />
            {!next && <MomentCard store={store} which="departure" />}
            <div class="stack ends-here">
              {next ? (
                <LinkButtonHere href={to.visit(store.visit, next.id)} icon="next">
                  {t.nextSection(say(next.title))}
                </LinkButtonHere>
              ) : (
                store.state.peek().editable && (
                  <LinkButton href={to.review(store.visit)} icon="list" wide>
                    {t.review}
                  </LinkButton>
                )
              )}
              {previous && (
                <LinkButtonHere href={to.visit(store.visit, previous.id)} icon="back" quiet>
                  {t.previousSection(say(previous.title))}
                </LinkButtonHere>
              )}
            </div>
          </Page>
        </div>
      </div>
      <div class="bottom two">
        <button type="button" class="button plain" aria-haspopup="dialog" onClick={() => (sheet.value = true)}>
          <Icon name="list" />
          <span>
            <span class="seen-not">{t.sections}: </span>
            <Done store={store} />
          </span>
        </button>
        <NextButton store={store} touched={touched} />
      </div>
      <Confirm store={store} />
      {sheet.value && <Sheet store={store} current={id} onClose={() => (sheet.value = false)} />}
    </>
  );
}

/** A link within the visit: the browser's back leaves the visit, not each section of it. */
function LinkButtonHere(props: { href: string; icon: "next" | "back"; quiet?: boolean; children: string }) {
  return (
    <a
      class={`button wide ${props.quiet ? "quiet" : "plain"}`}
      href={props.href}
      onClick={(event) => {
        event.preventDefault();
        replace(props.href);
      }}
    >
      <Icon name={props.icon} />
      <span>{props.children}</span>
    </a>
  );
}
