// What is only on this phone, by visit, and what a person can do about it.

import type { Core } from "../core/api";
import type { Waiting } from "../core/messages";
import { Bar, Button, Cards, LinkButton, Notice, Page, Trouble } from "../parts/basic";
import { Icon } from "../parts/icon";
import { RescueFile } from "../parts/rescue";
import { pillText } from "../parts/topbar";
import { bytes, moment } from "../view/format";
import { useAsk } from "../view/load";
import { say, sayAll, words } from "../view/prefs";
import { to } from "../view/route";
import { branchName } from "./home";

function Entry({ it }: { it: Waiting }) {
  const t = words.value.outbox;
  const home = words.value.home;
  const reasons = [...new Set(it.set_aside)];
  return (
    <li>
      <a class="card" href={to.visit(it.visit)}>
        <span class="card-body">
          <span class="card-title">{branchName(it.branch)}</span>
          {it.title && <span>{say(it.title)}</span>}
          <span class="quiet">{home.phases[it.phase]}</span>
          {it.edits + it.photos > 0 && (
            <span class="mark">
              <Icon name="phone" />
              <span>{[it.edits > 0 ? t.edits(it.edits) : "", it.photos > 0 ? t.photos(it.photos, bytes(it.bytes)) : t.answersOnly].filter(Boolean).join(" · ")}</span>
            </span>
          )}
          {it.lost > 0 && (
            <span class="mark bad">
              <Icon name="alert" />
              <span>{t.lost(it.lost)}</span>
            </span>
          )}
          {reasons.map((reason) => (
            <span class="mark warn" key={reason}>
              <Icon name="person" />
              <span>
                {t.aside}: {t.asideReasons[reason] ?? t.asideReasons.other}
              </span>
            </span>
          ))}
        </span>
        <Icon name="next" />
      </a>
    </li>
  );
}

function Rest({ core }: { core: Core }) {
  const t = words.value.outbox;
  const why = core.sync.value.photosRest?.replace(/^paused_(by_)?/, "") ?? null;
  if (why === null) return null;
  const key = why === "hand" ? "by_hand" : why;
  return (
    <Notice icon="image">
      <p>{t.rest[key] ?? t.rest.other}</p>
    </Notice>
  );
}

export function Outbox({ core }: { core: Core }) {
  const t = words.value.outbox;
  const { got } = useAsk(core, { ask: "outbox" }, "outbox", true);
  const sync = core.sync.value;
  const box = got.value.is === "here" ? got.value.it : null;
  const nothing = sync.edits + sync.photos + sync.incidents === 0 && box?.visits.length === 0;
  const isSending = sync.pill === "sending";
  return (
    <>
      <Page title={t.title} kicker={<p class="under">{sync.lastSentMs === null ? t.neverSent : t.lastSent(moment(sync.lastSentMs))}</p>}>
        {got.value.is === "refused" && <Trouble problem={got.value.problem} />}
        {!sync.online && (
          <Notice icon="phone">
            <p>{t.offline}</p>
          </Notice>
        )}
        {sync.problem && (
          <Notice tone="bad" title={t.problem}>
            <p>{sayAll(sync.problem)}</p>
            {sync.problem.code === "auth_needed" && <LinkButton href={to.enrol}>{words.value.enrol.newCode}</LinkButton>}
          </Notice>
        )}
        {sync.ended && (
          <Notice tone="bad">
            <p>{words.value.ended[sync.ended] ?? words.value.ended.other}</p>
            {sync.ended === "device_revoked" && <LinkButton href={to.enrol}>{words.value.enrol.newCode}</LinkButton>}
          </Notice>
        )}
        {sync.incidents > 0 && (
          <Notice icon="up">
            <p>{t.first(sync.incidents)}</p>
          </Notice>
        )}
        <Rest core={core} />
        {isSending && (
          <div class="sending">
            <p>{pillText(sync)}</p>
            <Bar part={sync.done} whole={sync.total} label={pillText(sync)} />
          </div>
        )}
        {nothing ? (
          <div class="empty">
            <Icon name="sent" />
            <p class="big">{t.nothing}</p>
            <p>{t.nothingWhy}</p>
          </div>
        ) : (
          box && (
            <section>
              <p class="big">{t.total(sync.edits, sync.photos, bytes(sync.bytes))}</p>
              <h2>{t.visits}</h2>
              <Cards list={box.visits} draw={(it) => <Entry key={it.visit} it={it} />} />
            </section>
          )
        )}
        {sync.originals > 0 && (
          <Notice icon="image">
            <p>{t.originals(sync.originals, bytes(sync.originalBytes))}</p>
            <Button icon="up" onClick={() => core.sendOriginals()} busy={!sync.online}>
              {t.originalsNow}
            </Button>
          </Notice>
        )}
        {sync.originalsLetGo > 0 && <p class="quiet">{t.originalsLetGo(sync.originalsLetGo)}</p>}
        <label class={`tick${sync.meteredAllowed ? " on" : ""}`}>
          <input type="checkbox" checked={sync.meteredAllowed} onChange={(event) => core.allowMetered(event.currentTarget.checked)} />
          <span class="box">{sync.meteredAllowed && "✓"}</span>
          <span>{t.metered}</span>
        </label>
        {!nothing && (
          <details class="plain">
            <summary>{words.value.rescue.title}</summary>
            <p>{words.value.rescue.why}</p>
            <RescueFile make={() => core.rescue()} />
          </details>
        )}
        {box && box.sync.conflicts > 0 && (
          <Notice tone="warn" icon="two" title={words.value.home.conflictsCard(box.sync.conflicts)}>
            <LinkButton href={to.conflicts}>{words.value.home.conflictsOpen}</LinkButton>
          </Notice>
        )}
      </Page>
      <div class="bottom one">
        <Button kind="main" wide icon="up" onClick={() => core.sendNow()} busy={isSending}>
          {isSending ? pillText(sync) : nothing ? t.lookNow : t.sendNow}
        </Button>
        {!isSending && !nothing && <p class="hint">{t.sendNowWhy}</p>}
      </div>
    </>
  );
}
