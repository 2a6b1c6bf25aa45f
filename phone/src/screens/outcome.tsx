// A visit that could not happen: why, in one's own words, and what proves it. Owns these three questions; what is demanded of them
// is the core's, and what was answered so far stays.

import { useSignal } from "@preact/signals";
import type { Core } from "../core/api";
import { Button, LinkButton, Notice, Page } from "../parts/basic";
import { Wrong } from "../parts/controls";
import { Icon } from "../parts/icon";
import { MomentCard } from "../parts/moments";
import { Photos } from "../parts/photos";
import { sayProblem, words } from "../view/prefs";
import { replace, to } from "../view/route";
import { OUTCOME, outcomeOf, type VisitStore } from "../view/visit-store";
import { branchName } from "./home";

const REASONS = ["closed_in_hours", "no_system", "service_refused", "unsafe", "wrong_address", "other"] as const;
/** What the core still demands of one part, in its words. */
function Demand({ store, code }: { store: VisitStore; code: string }) {
  const found = store.demands.value.get(OUTCOME)?.find((it) => it.code === code);
  return found ? (
    <p class="demand">
      <Icon name="alert" />
      <span>{sayProblem(found)}</span>
    </p>
  ) : null;
}

export function OutcomeScreen({ core, store }: { core: Core; store: VisitStore }) {
  const t = words.value.outcome;
  const { facts, editable } = store.state.value;
  const stated = outcomeOf(facts.outcome);
  const reason = useSignal<string | null>(stated?.reason ?? null);
  const text = useSignal(stated?.explanation ?? "");
  const sure = useSignal(false);
  const shown = store.facts.get(OUTCOME);
  const json = () => JSON.stringify({ kind: "not_completed", ...(reason.value !== null && { reason: reason.value }), explanation: text.value });
  const pick = (value: string) => {
    reason.value = value;
    void store.answer(OUTCOME, json());
  };
  const type = (value: string) => {
    text.value = value;
    store.answerSoon(OUTCOME, json());
  };
  const takeBack = async () => {
    if (await store.answer(OUTCOME, "null")) replace(to.visit(store.visit));
  };
  if (!shown) return null;
  return (
    <>
      <Page title={t.title} kicker={<p class="under">{branchName(store.form.branch)}</p>}>
        {!stated && <p class="big">{t.intro}</p>}
        <fieldset disabled={!editable}>
          <legend>
            <h2>{t.reason}</h2>
          </legend>
          <div class="picks">
            {REASONS.map((it) => (
              <label key={it} class={`pick${reason.value === it ? " on" : ""}`}>
                <input type="radio" name="reason" checked={reason.value === it} onChange={() => pick(it)} />
                <span>{t.reasons[it]}</span>
                {reason.value === it && <Icon name="check" />}
              </label>
            ))}
          </div>
          <Demand store={store} code="reason_missing" />
        </fieldset>
        {reason.value === "unsafe" && (
          <Notice tone="warn">
            <p>{t.unsafe}</p>
          </Notice>
        )}
        <section>
          <h2 id="outcome-words">{t.explanation}</h2>
          <p class="hint" id="outcome-hint">
            {t.explanationHint}
          </p>
          <textarea rows={4} readOnly={!editable} aria-labelledby="outcome-words" aria-describedby="outcome-hint outcome-demand" value={text.value} onInput={(event) => type(event.currentTarget.value)} onBlur={() => void store.flush(OUTCOME)} />
          <div id="outcome-demand">
            <Demand store={store} code="min_chars" />
          </div>
          <Wrong shown={shown} name={OUTCOME} id="e-outcome" />
        </section>
        <section>
          <h2>{t.proof}</h2>
          <p class="hint">{t.proofHint}</p>
          <Demand store={store} code="proof_missing" />
          <MomentCard store={store} which="arrival" />
          <Photos core={core} store={store} shown={shown} editable={editable} />
        </section>
        {editable && stated && (
          <section>
            {sure.value ? (
              <Notice tone="warn" alert title={t.takeBackSure}>
                <p>{t.takeBackWhy}</p>
                <div class="row">
                  <Button onClick={() => void takeBack()}>{t.takeBack}</Button>
                  <Button kind="quiet" onClick={() => (sure.value = false)}>
                    {words.value.cancel}
                  </Button>
                </div>
              </Notice>
            ) : (
              <Button kind="quiet" icon="undo" onClick={() => (sure.value = true)}>
                {t.takeBack}
              </Button>
            )}
          </section>
        )}
      </Page>
      {editable && (
        <div class="bottom one">
          <LinkButton kind="main" wide href={stated ? to.review(store.visit) : to.visit(store.visit)} icon={stated ? "check" : "back"}>
            {stated ? words.value.visit.review : words.value.review.back}
          </LinkButton>
        </div>
      )}
    </>
  );
}
