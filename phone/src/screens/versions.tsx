// Another version of a visit's checklist: what a move to it would keep, take out and ask for. Owns no choice of its own: the visit
// keeps its version until the person says otherwise.

import { useSignal } from "@preact/signals";
import type { Core } from "../core/api";
import type { Affected, OtherVersion, Problem } from "../core/messages";
import { Button, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { useAsk } from "../view/load";
import { say, sayProblem, words } from "../view/prefs";
import { replace, to } from "../view/route";
import { announce } from "../view/say";

const MOST_NAMED = 40;

function Named({ list }: { list: Affected[] }) {
  return (
    <ul class="rules">
      {list.slice(0, MOST_NAMED).map((it) => (
        <li key={`${it.problem.field}${it.problem.code}`}>
          {it.q && <span class="strong">{say(it.q)} </span>}
          <span class="quiet">{sayProblem(it.problem)}</span>
        </li>
      ))}
      {list.length > MOST_NAMED && <li>…</li>}
    </ul>
  );
}

function Other({ it, has, take }: { it: OtherVersion; has: number; take: () => Promise<Problem | null> }) {
  const t = words.value.versions;
  const problem = useSignal<Problem | null>(null);
  const [asks, busy] = [useSignal(false), useSignal(false)];
  const move = async () => {
    if (busy.value) return;
    if (it.dropped.length > 0 && !asks.value) {
      asks.value = true;
      return;
    }
    busy.value = true;
    problem.value = await take();
    busy.value = false;
  };
  const label = it.version === has ? t.stay(it.version) : t.take(it.version);
  return (
    <section>
      <h2>{t.version(it.version)}</h2>
      <p>{t.kept(it.kept)}</p>
      {it.dropped.length > 0 && (
        <>
          <p class="strong">{t.dropped(it.dropped.length)}</p>
          <Named list={it.dropped} />
          <p class="quiet">{t.droppedWhy}</p>
        </>
      )}
      {it.wanted.length > 0 && (
        <>
          <p class="strong">{t.wanted(it.wanted.length)}</p>
          <Named list={it.wanted} />
        </>
      )}
      <Trouble problem={problem.value} />
      {asks.value ? (
        <Notice tone="warn" alert title={t.sure(it.dropped.length)}>
          <div class="row">
            <Button onClick={() => void move()} busy={busy.value}>
              {label}
            </Button>
            <Button kind="quiet" onClick={() => (asks.value = false)}>
              {words.value.cancel}
            </Button>
          </div>
        </Notice>
      ) : (
        <Button wide onClick={() => void move()} busy={busy.value}>
          {label}
        </Button>
      )}
    </section>
  );
}

export function Versions({ core, visit }: { core: Core; visit: string }) {
  const t = words.value.versions;
  const { got } = useAsk(core, { ask: "versions", visit }, "versions");
  const it = got.value.is === "here" ? got.value.it : null;
  const take = async (other: OtherVersion): Promise<Problem | null> => {
    const reply = await core.ask({ ask: "migrate", visit, checklist: other.hash });
    if (reply.reply === "refused") return reply.problem;
    announce(t.moved(other.version));
    replace(to.visit(visit));
    return null;
  };
  return (
    <Page title={t.title}>
      {got.value.is === "refused" && <Trouble problem={got.value.problem} />}
      {it && <p class="big">{it.split ? t.split : t.has(it.has)}</p>}
      {it?.others.length === 0 && <p>{t.none}</p>}
      {it?.others.map((other) => (
        <Other key={other.hash} it={other} has={it.has} take={() => take(other)} />
      ))}
      <LinkButton icon="back" wide href={to.visit(visit)}>
        {t.back}
      </LinkButton>
    </Page>
  );
}
