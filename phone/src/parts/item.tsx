// One question: its words, its control, its comment and photos, and what is asked of it. Drawn anew only when its own state
// changes. Owns the order of these parts.

import { useSignal } from "@preact/signals";
import type { Core } from "../core/api";
import { answerText, stringOf } from "../view/answer-text";
import { say, words } from "../view/prefs";
import { announce } from "../view/say";
import { to } from "../view/route";
import { commentOf, holdsBlobs, type Shown, type VisitStore } from "../view/visit-store";
import { Attached, NotPermitted } from "./attached";
import { Button } from "./basic";
import { Control, Writing, Wrong } from "./controls";
import { Icon } from "./icon";
import { Photos } from "./photos";

/** Kinds whose control shows refusals itself. */
const TYPED = new Set(["number", "duration", "time", "text", "photo", "audio", "file"]);

function Comment({ store, shown }: { store: VisitStore; shown: Shown }) {
  const t = words.value.visit;
  const { item } = shown;
  const state = shown.state.value;
  const name = commentOf(item.id);
  const opened = useSignal(false);
  const isOpen = opened.value || state.comment_wanted > 0 || state.comment !== null || store.draftOf(name).value !== null;
  const isShort = (stringOf(store.draftOf(name).value) ?? state.comment ?? "").trim().length < state.comment_wanted;
  if (!isOpen)
    return (
      <Button
        kind="quiet"
        icon="comment"
        label={`${t.addComment}: ${say(item.q)}`}
        onClick={() => {
          opened.value = true;
          requestAnimationFrame(() => document.getElementById(`t-${item.id}-comment`)?.focus());
        }}
      >
        {t.addComment}
      </Button>
    );
  return (
    <div class="comment">
      <p class="label" aria-hidden="true">
        {t.comment}
      </p>
      {item.comment_hint && <p class="hint">{say(item.comment_hint)}</p>}
      {isShort && (
        <p class="demand">
          <Icon name="comment" />
          <span>{t.commentWanted}</span>
        </p>
      )}
      <Writing store={store} shown={shown} name={name} stored={state.comment ?? ""} label={`${t.comment}: ${say(item.q)}`} least={state.comment_wanted} />
    </div>
  );
}

function Foot({ store, shown }: { store: VisitStore; shown: Shown }) {
  const t = words.value.visit;
  const { item } = shown;
  const json = shown.state.value.json;
  const before = shown.before.value;
  const canUndo = before !== undefined && before !== json && before !== null && item.kind !== "text";
  const canClear = json !== null && item.kind !== "text" && !holdsBlobs(item.kind);
  const change = (next: string, heard: string) => {
    store.draftOf(item.id).value = null;
    announce(heard);
    // The button may be gone once its work is done: the focus stays at the question.
    document.getElementById(`q-${item.id}`)?.focus({ preventScroll: true });
    void store.answer(item.id, next);
  };
  return (
    <>
      {canUndo && (
        <Button kind="quiet" icon="undo" label={`${t.undoLong}: ${say(item.q)}`} onClick={() => change(before, t.undone)}>
          {t.undo}
        </Button>
      )}
      {canClear && (
        <Button kind="quiet" icon="cross" label={`${t.clearLong}: ${say(item.q)}`} onClick={() => change("null", t.cleared)}>
          {t.clear}
        </Button>
      )}
    </>
  );
}

function Marks({ shown, editable }: { shown: Shown; editable: boolean }) {
  const t = words.value.visit;
  const state = shown.state.value;
  return (
    <>
      {editable && state.returned.length > 0 && (
        <div class="returned-why">
          <p class="mark bad">
            <Icon name="returned" />
            {t.returnedMark}
          </p>
          {state.returned.map((it) => (
            <p key={it}>{it}</p>
          ))}
        </div>
      )}
      {state.conflict && (
        <p class="mark warn">
          <Icon name="two" />
          <span>
            {t.conflictMark}. <a href={to.conflicts}>{t.conflictOpen}</a>
          </span>
        </p>
      )}
      {state.redacted && (
        <p class="mark">
          <Icon name="info" />
          <span>{t.redacted}</span>
        </p>
      )}
    </>
  );
}

export function Item({ core, store, shown, editable }: { core: Core; store: VisitStore; shown: Shown; editable: boolean }) {
  const state = shown.state.value;
  const { item } = shown;
  if (!state.visible) return item.kind === "audio" || item.kind === "file" ? <NotPermitted store={store} item={item} /> : null;
  const Attachments = item.kind === "audio" || item.kind === "file" ? Attached : Photos;
  const t = words.value;
  const isAnswered = state.json !== null || (holdsBlobs(item.kind) && state.photos.length > 0);
  const hint = item.hint ? `d-${item.id}` : undefined;
  return (
    <article class={`item${isAnswered ? " answered" : ""}${editable && state.returned.length > 0 ? " returned" : ""}`} id={`i-${item.id}`} data-item={item.id}>
      <fieldset aria-describedby={hint}>
        <legend>
          <h2 tabIndex={-1} id={`q-${item.id}`}>
            <span class="id" aria-hidden="true">
              {isAnswered ? <Icon name="check" /> : null}
              {item.id}
            </span>
            {say(item.q)}
            {!item.must && editable && <span class="optional"> ({t.optional})</span>}
          </h2>
        </legend>
        {item.hint && (
          <p class="hint" id={hint}>
            {say(item.hint)}
          </p>
        )}
        <Marks shown={shown} editable={editable} />
        {editable ? (
          <>
            <Control store={store} shown={shown} describedBy={hint} />
            {state.grave && (
              <p class="mark bad">
                <Icon name="alert" />
                <span>{say(state.grave)}</span>
              </p>
            )}
            {!TYPED.has(item.kind) && <Wrong shown={shown} name={item.id} id={`e-${item.id}`} />}
            <Attachments core={core} store={store} shown={shown} editable />
            <div class="foot">
              <Comment store={store} shown={shown} />
              <Foot store={store} shown={shown} />
            </div>
          </>
        ) : (
          <>
            {!holdsBlobs(item.kind) && <p class="answer">{answerText(item, state.json)}</p>}
            {state.comment !== null && (
              <p class="quote">
                <span class="quiet">{t.visit.comment}: </span>
                {state.comment}
              </p>
            )}
            {holdsBlobs(item.kind) && state.photos.length === 0 && <p class="answer">{stringOf(state.json) ?? t.visit.noAnswer}</p>}
            <Attachments core={core} store={store} shown={shown} editable={false} />
          </>
        )}
      </fieldset>
    </article>
  );
}
