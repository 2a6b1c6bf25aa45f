// Writing the rescue file and handing it over: by the share sheet where the phone takes such files, else as a download. Owns the
// address of the file as long as it is shown; what is in it is the core's.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Core, Rescued } from "../core/api";
import type { Problem } from "../core/messages";
import { bytes } from "../view/format";
import { words } from "../view/prefs";
import { announce } from "../view/say";
import { Button, Notice, Trouble } from "./basic";

/** What makes a rescue file: of the open store, or of one that is damaged. */
export type Rescue = Core["rescue"];

const canShare = (file: File): boolean => typeof navigator.canShare === "function" && navigator.canShare({ files: [file] });

function Ready({ it, onHanded }: { it: Rescued; onHanded?: () => void }) {
  const t = words.value.rescue;
  const url = useSignal<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(it.file);
    url.value = made;
    return () => URL.revokeObjectURL(made);
  }, [it]);
  const share = () => {
    // Whoever closes the share sheet has not shared, which is no failure.
    navigator.share({ files: [it.file] }).then(onHanded, () => undefined);
  };
  return (
    <>
      <Notice tone="good" title={t.ready(bytes(it.file.size))}>
        <p>{t.holds(it.edits, it.photos, it.incidents)}</p>
        <p>{t.send}</p>
      </Notice>
      {it.code && (
        <Notice tone="warn" title={t.code}>
          <p class="big strong code">{it.code}</p>
          <p>{t.codeWhy}</p>
        </Notice>
      )}
      <div class="stack">
        {canShare(it.file) && (
          <Button kind="main" wide icon="up" onClick={share}>
            {t.share}
          </Button>
        )}
        {url.value && (
          <a class={`button ${canShare(it.file) ? "plain" : "main"} wide`} href={url.value} download={it.file.name} onClick={onHanded}>
            {t.save}
          </a>
        )}
      </div>
    </>
  );
}

export function RescueFile({ make, main, damaged, onHanded }: { make: Rescue; main?: boolean; damaged?: boolean; onHanded?: () => void }) {
  const t = words.value.rescue;
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const made = useSignal<Rescued | null>(null);
  const isEmpty = useSignal(false);
  const begin = async () => {
    if (busy.value) return;
    busy.value = true;
    problem.value = made.value = null;
    const outcome = await make();
    busy.value = false;
    if (outcome.ok && damaged && outcome.rescued.edits + outcome.rescued.photos + outcome.rescued.incidents === 0) {
      isEmpty.value = true;
      announce(t.nothing);
      onHanded?.();
    } else if (outcome.ok) {
      made.value = outcome.rescued;
      announce(t.ready(bytes(outcome.rescued.file.size)));
    } else problem.value = outcome.problem;
  };
  return (
    <>
      <Trouble problem={problem.value} />
      {isEmpty.value && (
        <Notice tone="bad">
          <p>{t.nothing}</p>
        </Notice>
      )}
      {made.value ? (
        <Ready it={made.value} onHanded={onHanded} />
      ) : (
        <Button kind={main ? "main" : "plain"} wide={main} icon="up" onClick={() => void begin()} busy={busy.value}>
          {busy.value ? t.making : t.make}
        </Button>
      )}
    </>
  );
}
