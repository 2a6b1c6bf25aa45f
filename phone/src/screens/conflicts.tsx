// Answers that stand against each other, side by side, to be chosen from. Owns no choice of its own: nothing is settled until a
// person taps.

import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Core } from "../core/api";
import type { Conflict, Form, FormItem, Problem, Value } from "../core/messages";
import { Button, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { Icon } from "../parts/icon";
import { answerText, stringOf } from "../view/answer-text";
import { moment } from "../view/format";
import { useAsk } from "../view/load";
import { say, words } from "../view/prefs";
import { announce } from "../view/say";
import { to } from "../view/route";
import { itemOf } from "../view/visit-store";
import { branchName } from "./home";

function valueText(item: FormItem | null, conflict: Conflict, json: string | null): string {
  if (json === null) return words.value.conflicts.empty;
  if (conflict.field.includes("#") || !item) return stringOf(json) ?? json;
  return answerText(item, json);
}

function joined(values: Value[]): string | null {
  const texts = values.map((it) => stringOf(it.json)).filter((it) => it !== null && it !== "");
  return texts.length > 1 ? JSON.stringify(texts.join("\n\n")) : null;
}

function Entry(props: { core: Core; it: Conflict; form: Form | undefined; onSettled: () => void }) {
  const { core, it, form } = props;
  const t = words.value.conflicts;
  const problem = useSignal<Problem | null>(null);
  const busy = useSignal(false);
  const id = itemOf(it.field);
  const section = form?.sections.find((sec) => sec.items.some((item) => item.id === id));
  const item = section?.items.find((found) => found.id === id) ?? null;
  const canChoose = it.way_out === "resolve" && it.field !== "";
  const isText = it.field.endsWith("#comment") || item?.kind === "text";
  const both = isText ? joined(it.values) : null;
  const resolve = async (json: string | null) => {
    if (busy.value) return;
    busy.value = true;
    const reply = await core.ask({ ask: "resolve", visit: it.visit, field: it.field, json: json ?? "null" });
    busy.value = false;
    if (reply.reply === "refused") problem.value = reply.problem;
    else {
      announce(t.settled);
      props.onSettled();
    }
  };
  return (
    <article class="conflict">
      <h2>
        {it.field.endsWith("#comment") && `${t.commentOf}: `}
        {it.q ? say(it.q) : (t.kinds[it.kind] ?? id)}
      </h2>
      {form && <p class="quiet">{branchName(form.branch)}</p>}
      {it.q && t.kinds[it.kind] && <p>{t.kinds[it.kind]}</p>}
      <div class="columns">
        {it.values.map((value, index) => (
          <div class="column" key={index}>
            <p class="strong">
              <Icon name={value.author === "office" ? "person" : "phone"} /> {t.authors[value.author] ?? value.author}
            </p>
            <p class="quiet small">{moment(value.written_ms)}</p>
            <p class={`value${isText ? " long" : ""}`}>{valueText(item, it, value.json)}</p>
            {canChoose && (
              <Button
                wide
                onClick={() => void resolve(value.json)}
                label={`${t.keep}: ${valueText(item, it, value.json)} (${t.authors[value.author] ?? value.author})`}
                busy={busy.value}
              >
                {t.keep}
              </Button>
            )}
          </div>
        ))}
      </div>
      {canChoose && both && (
        <Button wide icon="plus" onClick={() => void resolve(both)} busy={busy.value}>
          {t.keepBoth}
        </Button>
      )}
      {!canChoose && <p>{t.ways[it.way_out] ?? t.ways.none}</p>}
      {it.way_out === "migrate" && (
        <LinkButton wide href={to.versions(it.visit)}>
          {words.value.versions.choose}
        </LinkButton>
      )}
      <Trouble problem={problem.value} />
      <LinkButton kind="quiet" icon="next" href={section ? to.visit(it.visit, section.id, id) : to.visit(it.visit)}>
        {t.openVisit}
      </LinkButton>
    </article>
  );
}

/** Forms of the visits named, so that an option is shown by its words and not by its id. */
function useForms(core: Core, visits: string[]): Signal<Map<string, Form>> {
  const forms = useSignal(new Map<string, Form>());
  const key = visits.join();
  useEffect(() => {
    let left = false;
    const read = async () => {
      for (const visit of visits) {
        const reply = await core.ask({ ask: "open", visit });
        if (left) return;
        if (reply.reply === "visit") forms.value = new Map(forms.value).set(visit, reply.form);
      }
    };
    void read();
    return () => {
      left = true;
    };
  }, [key]);
  return forms;
}

export function Conflicts({ core }: { core: Core }) {
  const t = words.value.conflicts;
  const { got, reload } = useAsk(core, { ask: "conflicts" }, "conflicts");
  const list = got.value.is === "here" ? got.value.it.conflicts : [];
  const forms = useForms(core, [...new Set(list.map((it) => it.visit))]);
  const settled = async () => {
    await reload();
    document.querySelector("h1")?.focus();
  };
  return (
    <Page title={t.title}>
      {got.value.is === "refused" && <Trouble problem={got.value.problem} />}
      {got.value.is === "here" && list.length === 0 && (
        <Notice tone="good" title={t.none}>
          <p>{t.noneWhy}</p>
          <LinkButton href={to.home}>{words.value.done.home}</LinkButton>
        </Notice>
      )}
      {list.some((it) => it.way_out === "resolve") && <p class="big">{t.intro}</p>}
      {list.map((it) => (
        <Entry key={`${it.visit}${it.kind}${it.field}${it.values.map((value) => value.written_ms).join()}`} core={core} it={it} form={forms.value.get(it.visit)} onSettled={() => void settled()} />
      ))}
    </Page>
  );
}
