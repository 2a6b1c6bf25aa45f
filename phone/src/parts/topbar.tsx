// The bar that is always there: the way back, whether the work is safe, and the button that hides the screen.

import type { ReadonlySignal } from "@preact/signals";
import type { PillState, SyncStatus } from "../core/api";
import { moment } from "../view/format";
import { mayHide } from "../view/hidden";
import { words } from "../view/prefs";
import { to } from "../view/route";
import { Icon, type IconName } from "./icon";

const ICON: Record<PillState, IconName> = { saved: "phone", sending: "up", sent: "sent", error: "alert" };

export function pillText(sync: SyncStatus): string {
  const t = words.value.pill;
  switch (sync.pill) {
    case "saved":
      return sync.edits === 0 && sync.photosRest !== null ? t.photosRest : t.saved;
    case "sending":
      return t.sending(sync.done, sync.total);
    case "sent":
      return t.sent(sync.lastSentMs === null ? "" : moment(sync.lastSentMs));
    case "error":
      return t.error;
  }
}

function Pill({ sync }: { sync: ReadonlySignal<SyncStatus> }) {
  const it = sync.value;
  return (
    <div class="pill-place" role="status" aria-atomic="true">
      <a class={`pill ${it.pill}`} href={to.outbox}>
        <Icon name={ICON[it.pill]} />
        <span>{pillText(it)}</span>
        <span class="seen-not">. {words.value.pill.opens}</span>
      </a>
    </div>
  );
}

export function TopBar(props: { sync: ReadonlySignal<SyncStatus> | null; settings: boolean; back: string | null; leave: string | null; onHide: () => void }) {
  const t = words.value;
  return (
    <header class="top">
      {props.back === null ? (
        props.settings && (
          <a class="button quiet square" href={to.settings} aria-label={t.settings.title}>
            <Icon name="gear" />
          </a>
        )
      ) : (
        <a class="button quiet square" href={props.back} aria-label={t.back}>
          <Icon name="back" />
        </a>
      )}
      {props.sync ? <Pill sync={props.sync} /> : <span class="brand">{t.app}</span>}
      {props.leave !== null && (
        <a class="button quiet square" href={props.leave} aria-label={t.incident.leave}>
          <Icon name="leave" />
        </a>
      )}
      {mayHide.value && (
        <button type="button" class="button quiet square hide" aria-label={t.covert.hide} onClick={props.onHide}>
          <Icon name="eye" />
        </button>
      )}
    </header>
  );
}
