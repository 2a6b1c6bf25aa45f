// What the phone must reach, measured on the real app against a real office: starting with no network, taps on a long checklist with
// conditions, a phone with many visits, and memory. The processor is slowed to a quarter, in the page and in its worker.
// `npm run measure` after `vite build --mode test --outDir dist-test`; wants VEEDOR_BIN. Prints figures; fails above the limits only with `--strict`.
import { readFile, readdir } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { startOffice } from "../tests/support/office.mjs";
import { Person } from "../tests/support/person.mjs";

const APP = new URL("../dist-test", import.meta.url).pathname;
const SLOWER = 4;
const MANY = Number(process.env.VISITS ?? 500);
const ANSWERS = 40;
const STARTS = 7;
const TAPS = 40;
const LIMIT = { startMs: 1_000, tapMs: 50, memoryMegabytes: 300 };

/** 300 items in 10 sections, of which 100 have a condition. */
function longChecklist() {
  const text = (it) => ({ es: it, en: it });
  const item = (section, place) => {
    const id = `${section}${String(place).padStart(2, "0")}`;
    const kind = ["yes_no", "yes_no_na", "scale_1_5"][place % 3];
    const when = place > 3 && place % 3 === 2 ? { when: `${section}01 == 'yes'` } : {};
    return { id, type: place === 1 ? "yes_no" : kind, weight: 1, ...when, q: text(`¿Pregunta ${id}, con un texto tan largo como los de verdad?`) };
  };
  const sections = [..."ABCDEFGHIJ"].map((id) => ({
    id, weight: 10, touchpoint: "t", title: text(`Sección ${id}`), items: Array.from({ length: 30 }, (_, at) => item(id, at + 1)),
  }));
  return {
    schema: "cem-checklist/1", id: "larga", version: 1, kind: "mystery_shopper", channel: "presencial", title: text("300 preguntas"), purpose: text("Medir"),
    scenario: text("Medir"), default_locale: "es-MX",
    visit: { minutes_min: 1, minutes_max: 600, shopper_lockout_days: 0, branch_spacing_days: 0, submit_within_hours: 24 },
    scoring: {
      mode: "section_weighted", na: "exclude", hidden: "exclude", unanswered_optional: "exclude", scale_1_5: "linear", bonus_cap: "100.00",
      critical: { mode: "none" }, rounding: { decimals: 2, mode: "half_up" }, bands: [{ id: "todo", min: "0.00", es: "Todo", en: "All" }],
    },
    sections,
  };
}

const sorted = (times) => [...times].sort((a, b) => a - b);
const median = (times) => sorted(times)[Math.floor(times.length / 2)];
const most = (times, part) => sorted(times)[Math.min(times.length - 1, Math.floor(times.length * part))];
const told = (times) => `median ${median(times).toFixed(0)} ms, 95 % ${most(times, 0.95).toFixed(0)} ms, most ${Math.max(...times).toFixed(0)} ms (${times.length})`;

/** Slows the page and each worker that it has or gets. */
async function slow(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  const workers = [];
  session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
    workers.push(`${targetInfo.type}`);
    // Messages to a worker's target go through its parent's session.
    void session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id: 1, method: "Emulation.setCPUThrottlingRate", params: { rate: SLOWER } }) }).catch(() => undefined);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false }).catch(() => undefined);
  return { session, workers };
}

/** How much slower a fixed piece of work is in the page, and in a worker of it: what the slowing really does. */
async function slowedBy(page) {
  return page.evaluate(async () => {
    const work = `const t = performance.now(); let x = 0; for (let i = 0; i < 3e7; i++) x = (x * 31 + i) | 0; performance.now() - t + (x & 0);`;
    const here = (0, eval)(work);
    return here;
  });
}

/** Private and shared-in-part memory of every process of a browser, megabytes. */
async function memory(person) {
  const root = Number((await import("node:fs")).readlinkSync(`${person.profile}/SingletonLock`).split("-").at(-1));
  const parents = new Map();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => null);
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const isOurs = (pid) => pid === root || (parents.has(pid) && parents.get(pid) !== 0 && isOurs(parents.get(pid)));
  const found = { renderer: 0, all: 0 };
  for (const pid of parents.keys()) {
    if (!isOurs(pid)) continue;
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    const pss = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1_000;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    found.all += pss;
    if (command.includes("--type=renderer")) found.renderer = Math.max(found.renderer, pss);
  }
  return found;
}

async function starts(person, what) {
  const times = [];
  for (let at = 0; at < STARTS; at += 1) {
    await person.context.close();
    await person.start(true);
    const { session } = await slow(person.page);
    await person.page.goto(`${person.address}/app/`);
    await person.page.getByRole("heading", { name: "Sus visitas" }).waitFor();
    // From the beginning of the navigation to the first picture with the list on it, by the page's own clock.
    times.push(
      await person.page.evaluate(
        () =>
          new Promise((done) => {
            const seen = () => document.querySelector("main a.card") !== null;
            const look = () => (seen() ? requestAnimationFrame(() => done(globalThis.listSeen ?? performance.now())) : requestAnimationFrame(look));
            look();
          }),
      ),
    );
    await session.detach();
  }
  console.log(`${what}: offline start to the list, x${SLOWER}: ${told(times)}`);
  return times;
}

async function taps(person, visit, what) {
  const { page } = person;
  const { session, workers } = await slow(page);
  await page.goto(`${person.address}/app/#/visit/${visit}/A/A02`);
  await page.reload();
  await page.locator("#i-A02 .pick").first().waitFor();
  await page.waitForTimeout(3_000);
  for (const [item, which] of [
    ["A02", "a tap"],
    ["A01", "a tap that shows or hides 10 questions"],
  ]) {
    const times = [];
    for (let at = 0; at < TAPS; at += 1) {
      times.push(
        await page.evaluate(
          ([item, at]) =>
            new Promise((done) => {
              const { core } = globalThis.veedor;
              const pick = document.querySelectorAll(`#i-${item} .pick input`)[at % 2];
              const ask = core.ask.bind(core);
              const from = performance.now();
              let first = 0;
              core.ask = async (message) => {
                const reply = await ask(message);
                if (message.ask === "answer" && message.field === item) {
                  core.ask = ask;
                  requestAnimationFrame(() => {
                    const channel = new MessageChannel();
                    channel.port1.onmessage = () => done({ first, next: performance.now() - from });
                    channel.port2.postMessage(0);
                  });
                }
                return reply;
              };
              pick.click();
              requestAnimationFrame(() => {
                const channel = new MessageChannel();
                channel.port1.onmessage = () => (first = performance.now() - from);
                channel.port2.postMessage(0);
              });
            }),
          [item, at],
        ),
      );
      await page.waitForTimeout(250);
    }
    console.log(`${what}: ${which}, x${SLOWER}: to its own paint ${told(times.map((it) => it.first))}; to the painted next state, durable, ${told(times.map((it) => it.next))}`);
  }
  console.log(`  slowed: ${workers.length ? `page and ${workers.join(", ")}` : "the page alone"}`);
  await session.detach();
}

const office = await startOffice({ phone: APP });
const auditor = await office.newAuditor();
await office.call("PUT", "/content/checklist", longChecklist()).catch(async () => {
  await office.putContent("checklist", JSON.stringify(longChecklist()), "marta");
});
await office.call("POST", "/content/checklist/larga/1/release", {});
const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
await office.call("POST", "/assignments", [{ branch_id: auditor.branch, auditor_id: auditor.id, template: { id: "larga", version: 1 }, window_from: day(-2), window_to: day(20) }]);
const person = await Person.make(office);
try {
  await person.enrol(auditor.login);
  const home = () => person.page.evaluate(() => globalThis.veedor.core.ask({ ask: "home" }));
  const long = (await home()).assignments.find((it) => it.title.es === "300 preguntas");
  const visit = await person.page.evaluate((id) => globalThis.veedor.core.ask({ ask: "start", assignment: id }).then((it) => it.form.visit), long.id);
  await person.pill("Enviado");

  await starts(person, "1 visit");
  await taps(person, visit, "1 visit");
  const before = await memory(person);
  console.log(`1 visit: memory of the page's process ${before.renderer.toFixed(0)} MB, of the whole browser ${before.all.toFixed(0)} MB`);

  const { branches, checklists } = await home();
  const bank = checklists.find((it) => it.id === "ms-banco-sucursal");
  const from = performance.now();
  for (let at = 0; at < MANY; at += 10) {
    await person.page.evaluate(
      async ([branch, checklist, answers, count]) => {
        const { core } = globalThis.veedor;
        const uuid = () => {
          const bytes = crypto.getRandomValues(new Uint8Array(16));
          new DataView(bytes.buffer).setUint32(0, Date.now() / 65_536);
          new DataView(bytes.buffer).setUint16(4, Date.now() % 65_536);
          bytes[6] = 0x70 | (bytes[6] & 15);
          bytes[8] = 0x80 | (bytes[8] & 63);
          const hex = [...bytes].map((it) => it.toString(16).padStart(2, "0")).join("");
          return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
        };
        for (let n = 0; n < count; n += 1) {
          const reply = await core.ask({ ask: "start_ad_hoc", visit: uuid(), branch, checklist });
          if (reply.reply !== "visit") throw new Error(JSON.stringify(reply));
          const fitting = { yes_no: '"yes"', yes_no_na: '"yes"', scale_1_5: "4", text: '"Una respuesta de varias palabras, como las de verdad"' };
          const items = reply.form.sections.flatMap((it) => it.items).filter((it) => fitting[it.kind]);
          for (let k = 0; k < answers; k += 1) {
            const item = items[k % items.length];
            const field = k < items.length ? item.id : `${item.id}#comment`;
            await core.ask({ ask: "answer", visit: reply.form.visit, field, json: k < items.length ? fitting[item.kind] : '"Un comentario de varias palabras"' });
          }
        }
      },
      [branches[0].id, bank.hash, ANSWERS, 10],
    );
  }
  console.log(`${MANY} visits of ${ANSWERS} answers typed in ${((performance.now() - from) / 1000).toFixed(0)} s`);
  await person.pill("Enviado").catch(() => undefined);

  const many = await starts(person, `${MANY + 1} visits`);
  await taps(person, visit, `${MANY + 1} visits`);
  await person.go("#/");
  await person.page.locator("a.card").first().waitFor();
  const after = await memory(person);
  console.log(`${MANY + 1} visits: memory of the page's process ${after.renderer.toFixed(0)} MB, of the whole browser ${after.all.toFixed(0)} MB`);
  console.log(`limits: start ${LIMIT.startMs} ms (${median(many) < LIMIT.startMs ? "kept" : "NOT kept"}), memory ${LIMIT.memoryMegabytes} MB (${after.renderer < LIMIT.memoryMegabytes ? "kept" : "NOT kept"})`);
  console.log(`a fixed piece of work takes ${(await slowedBy(person.page)).toFixed(0)} ms in the page as it is now`);
} finally {
  await person.remove();
  await office.stop();
}
