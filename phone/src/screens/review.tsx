// Before and after handing in: what is missing as links to it, what handing in means, and where the visit is then. Owns no rule
// of what is missing; "handed in" and "sent" look and read differently here, since people take one for the other.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Core } from "../core/api";
import type { FieldProblem, Grave, Problem, Review as ReviewReply } from "../core/messages";
import { Bar, Button, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { Icon, type IconName } from "../parts/icon";
import { MomentCard } from "../parts/moments";
import { showDecimal } from "../view/decimal";
import { bytes, count } from "../view/format";
import { useAsk } from "../view/load";
import { locale, say, sayProblem, words } from "../view/prefs";
import { replace, to } from "../view/route";
import { itemOf, OUTCOME, outcomeOf, type VisitStore } from "../view/visit-store";
import { branchName } from "./home";

const linkOf = (store: VisitStore, it: FieldProblem): string => {
  const shown = store.items.get(itemOf(it.field));
  if (itemOf(it.field) === OUTCOME) return to.outcome(store.visit);
  return shown ? to.visit(store.visit, shown.section.id, shown.item.id) : to.visit(store.visit);
};

/** What is missing, where it is not written. */
const KIND_ICON: Record<string, IconName> = { photo: "camera", audio: "mic", file: "file" };

function Missing({ store, list }: { store: VisitStore; list: FieldProblem[] }) {
  const groups = [
    ...store.form.sections.map((section) => ({
      title: say(section.title),
      list: list.filter((it) => store.items.get(itemOf(it.field))?.section.id === section.id),
    })),
    { title: words.value.review.general, list: list.filter((it) => !store.items.has(itemOf(it.field))) },
  ];
  return (
    <>
      {groups
        .filter((it) => it.list.length > 0)
        .map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <ul class="cards tight">
              {group.list.map((it) => {
                const shown = store.items.get(itemOf(it.field));
                return (
                  <li key={it.field + it.code}>
                    <a class="card" href={linkOf(store, it)}>
                      <span class="card-body">
                        {shown && <span class="clamp">{say(shown.item.q)}</span>}
                        <span class="mark bad">
                          <Icon name={it.code === "photo_required" ? "camera" : it.code === "comment_required" ? "comment" : (KIND_ICON[shown?.item.kind ?? ""] ?? "alert")} />
                          {sayProblem(it)}
                        </span>
                      </span>
                      <Icon name="next" />
                    </a>
                  </li>
                );
              })}
            </ul>
          </section>
        ))}
    </>
  );
}

function Counts({ it }: { it: ReviewReply }) {
  const t = words.value.review;
  return (
    <dl class="counts" aria-label={t.counts}>
      <div>
        <dt>{t.answers}</dt>
        <dd>
          {t.of(it.answered, it.asked)}
          {it.ready && it.answered < it.asked && <span class="quiet small"> {t.optionalLeft}</span>}
        </dd>
      </div>
      <div>
        <dt>{t.photos}</dt>
        <dd>{count(it.photos)}</dd>
      </div>
      {it.preview !== null && (
        <div class="preview">
          <dt>{t.preview}</dt>
          <dd>{showDecimal(it.preview, locale.value)}</dd>
        </div>
      )}
    </dl>
  );
}

/** What is handed in: the answers, or that the visit could not happen. */
function What({ store, it }: { store: VisitStore; it: ReviewReply }) {
  const t = words.value.outcome;
  const outcome = outcomeOf(store.state.value.facts.outcome);
  if (outcome)
    return (
      <Notice tone="warn" title={t.stated}>
        {outcome.reason && <p class="strong">{t.reasons[outcome.reason] ?? outcome.reason}</p>}
        {outcome.explanation && <p>{outcome.explanation}</p>}
        <LinkButton href={to.outcome(store.visit)}>{t.see}</LinkButton>
      </Notice>
    );
  return (
    <>
      <Counts it={it} />
      {it.preview !== null && <p class="hint">{words.value.review.previewWhy}</p>}
      <Bar part={it.answered} whole={it.asked} label={words.value.review.of(it.answered, it.asked)} />
    </>
  );
}

/** Grave answers in plain words, so that whoever hands the visit in knows what they report. */
function Graves({ store, list }: { store: VisitStore; list: Grave[] }) {
  const t = words.value.grave;
  if (list.length === 0) return null;
  return (
    <section>
      <Notice tone="bad" title={t.review}>
        <ul class="links">
          {list.map((it) => {
            const shown = store.items.get(it.item);
            return (
              <li key={it.item}>
                <a href={to.visit(store.visit, shown?.section.id, it.item)}>{say(it.says)}</a>
              </li>
            );
          })}
        </ul>
        <p>{t.reviewDo}</p>
      </Notice>
    </section>
  );
}

export function Review({ core, store }: { core: Core; store: VisitStore }) {
  const t = words.value.review;
  const { got, reload } = useAsk(core, { ask: "review", visit: store.visit }, "review");
  const busy = useSignal(false);
  const changed = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  // What is recorded on this very screen, as the departure, is seen by whoever hands in.
  const facts = JSON.stringify(store.state.value.facts);
  const seen = useRef({ facts, asked: Promise.resolve() });
  useEffect(() => {
    if (seen.current.facts !== facts) seen.current = { facts, asked: reload() };
  }, [facts]);
  const it = got.value;
  if (it.is === "loading") return null;
  if (it.is === "refused")
    return (
      <Page title={t.title}>
        <Trouble problem={it.problem} />
      </Page>
    );
  const review = it.it;
  const shown = () => (got.value.is === "here" ? got.value.it : review);
  const submit = async () => {
    if (busy.value) return;
    busy.value = true;
    changed.value = false;
    problem.value = null;
    await store.flush();
    await seen.current.asked;
    const reply = await core.ask({ ask: "submit", visit: store.visit, seen: shown().seen });
    busy.value = false;
    if (reply.reply === "visit") {
      store.state.value = reply.state;
      replace(to.done(store.visit));
    } else if (reply.reply === "refused") {
      changed.value = reply.problem.code === "changed_since_seen" || reply.problem.errors.some((error) => error.code === "changed_since_seen");
      problem.value = changed.value ? null : reply.problem;
      await reload();
      // What happened stands at the top.
      scrollTo(0, 0);
    }
  };
  const first = review.missing[0];
  return (
    <>
      <Page title={t.title} kicker={<p class="under">{branchName(store.form.branch)}</p>}>
        {changed.value && (
          <Notice tone="warn" alert>
            <p>{t.changed}</p>
          </Notice>
        )}
        <Trouble problem={problem.value} />
        <What store={store} it={review} />
        {review.conflicts > 0 && (
          <Notice tone="warn" icon="two" title={t.conflicts(review.conflicts)}>
            <p>{t.conflictsDo}</p>
            <LinkButton href={to.conflicts}>{words.value.home.conflictsOpen}</LinkButton>
          </Notice>
        )}
        {review.missing.length > 0 ? (
          <section>
            <h2>{t.missing(review.missing.length)}</h2>
            <p>{t.missingDo}</p>
            <Missing store={store} list={review.missing} />
          </section>
        ) : (
          review.ready && <Notice tone="good" title={t.ready} />
        )}
        <MomentCard store={store} which="departure" />
        <Graves store={store} list={review.grave} />
        {review.ready && (
          <section class="role">
            <h2>{t.means}</h2>
            <ul class="rules">
              {t.meansList.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
            <p>{t.after}</p>
          </section>
        )}
        <LinkButton href={to.visit(store.visit)} kind="quiet" icon="back">
          {t.back}
        </LinkButton>
      </Page>
      {(review.ready || first) && (
        <div class="bottom one">
          {review.ready ? (
            <Button kind="main" wide onClick={() => void submit()} busy={busy.value}>
              {busy.value ? t.submitting : t.submit}
            </Button>
          ) : (
            first && (
              <LinkButton kind="main" wide href={linkOf(store, first)}>
                {t.goMissing}
              </LinkButton>
            )
          )}
        </div>
      )}
    </>
  );
}

export function Done({ core, visit }: { core: Core; visit: string }) {
  const t = words.value.done;
  const { got } = useAsk(core, { ask: "outbox" }, "outbox", true);
  const sync = core.sync.value;
  if (got.value.is !== "here") return null;
  const left = got.value.it.visits.find((it) => it.visit === visit && it.edits + it.photos > 0);
  return (
    <Page title={t.title}>
      <Notice tone={left ? "info" : "good"} icon={left ? "phone" : "sent"}>
        <p class="big">{left ? (sync.pill === "sending" ? t.sending : t.waits) : t.sentAll}</p>
        {left && <p class="strong">{t.left(left.edits, left.photos, bytes(left.bytes))}</p>}
      </Notice>
      {left && <p>{t.keep}</p>}
      {left && sync.photosRest === "metered" && (
        <Notice tone="warn" icon="image">
          <p>{words.value.outbox.rest.metered}</p>
          <LinkButton href={to.outbox}>{t.metered}</LinkButton>
        </Notice>
      )}
      <section>
        <h2>{t.next}</h2>
        <ol class="steps">
          {t.nextList.map((it) => (
            <li key={it}>{it}</li>
          ))}
        </ol>
      </section>
      <div class="stack">
        <LinkButton href={to.home} kind="main" wide>
          {t.home}
        </LinkButton>
        {left && (
          <LinkButton href={to.outbox} wide>
            {t.outbox}
          </LinkButton>
        )}
      </div>
    </Page>
  );
}
