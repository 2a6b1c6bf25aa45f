// What the phone must reach, measured on the real app against a real office: starting with no network, taps on a checklist of 300
// questions with 100 conditions and a preview of the score, many visits, and memory. `npm run measure`;
// wants VEEDOR_BIN. Fails where a limit is not kept.
import { readFile, readdir, readlink } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { performance } from "node:perf_hooks";
import { startOffice } from "../tests/support/office.mjs";
import { Person } from "../tests/support/person.mjs";

const APP = new URL("../dist-test", import.meta.url).pathname;
const SLOWER = 4;
const MANY = Number(process.env.VISITS ?? 500);
const ANSWERS = 40;
const STARTS = 7;
const TAPS = 40;
/** Questions of the section that is filled: first all with their first answer, then with their second. */
const FILLED = Array.from({ length: 30 }, (_, at) => `B${String(at + 1).padStart(2, "0")}`);
/** As Chromium runs on phones with little memory. */
const LOW_END = ["--enable-low-end-device-mode"];
const LIMIT = { startMs: 1_000, tapMs: 50, memoryMegabytes: 300 };

/** 300 items in 10 sections, of which 100 have a condition: in the first section all ten the same, elsewhere each one of its own. */
function longChecklist() {
  const text = (it) => ({ es: it, en: it });
  const item = (section, place) => {
    const id = `${section}${String(place).padStart(2, "0")}`;
    const kind = ["yes_no", "yes_no_na", "scale_1_5"][place % 3];
    const before = section === "A" ? 1 : place - 1;
    const when = place % 3 === 2 ? { when: `${section}${String(before).padStart(2, "0")} == 'yes'` } : {};
    return { id, type: place === 1 ? "yes_no" : kind, weight: 1, required: true, ...when, q: text(`¿Pregunta ${id}, con un texto tan largo como los de verdad?`) };
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

/** Slows the page's own thread; its worker keeps its pace, which browsers offer no way to slow. */
async function slow(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  return session;
}

/** Private and shared-in-part memory of every process of a browser, megabytes. */
async function memory(person) {
  const root = Number((await readlink(`${person.profile}/SingletonLock`)).split("-").at(-1));
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

/** Starts the app with no network until its list stands there, from the beginning of the navigation. */
async function starts(person, what) {
  const times = [];
  for (let at = 0; at < STARTS; at += 1) {
    await person.context.close();
    await person.start(true, LOW_END);
    // Nothing looks at the page in turns, which would take its time too: it says itself when the list is painted.
    await person.page.addInitScript(() => {
      const tell = () => console.debug(`listed ${performance.now()}`);
      const watch = new MutationObserver(() => {
        if (document.querySelector("main a.card") === null) return;
        watch.disconnect();
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = tell;
          channel.port2.postMessage(0);
        });
      });
      watch.observe(document, { childList: true, subtree: true });
    });
    const session = await slow(person.page);
    const listed = person.page.waitForEvent("console", (it) => it.text().startsWith("listed "));
    await person.page.goto(`${person.address}/app/`, { waitUntil: "commit" });
    times.push(Number((await listed).text().split(" ")[1]));
    await session.detach();
  }
  console.log(`${what}: offline start to the list: ${told(times)}`);
  return times;
}

/** In the page: one tap on a question, and how long until its own paint, until the core's answer, and until that is painted; none
 *  where the question is not asked. */
async function tap([item, at]) {
  const question = document.getElementById(`i-${item}`);
  if (question === null) return null;
  question.scrollIntoView({ block: "center" });
  await new Promise((done) => setTimeout(done, 250));
  const painted = (then) =>
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => then(performance.now() - from);
      channel.port2.postMessage(0);
    });
  const { core } = globalThis.veedor;
  // Of an answer that stands already nothing follows.
  const picks = [...question.querySelectorAll(".pick input")].slice(0, 2);
  const pick = picks[at % 2].checked ? picks[(at + 1) % 2] : picks[at % 2];
  const ask = core.ask.bind(core);
  const times = {};
  const from = performance.now();
  return new Promise((done) => {
    core.ask = async (message) => {
      const asked = performance.now();
      const reply = await ask(message);
      if (message.ask === "answer" && message.field === item) {
        core.ask = ask;
        times.asked = performance.now() - asked;
        painted((next) => done({ ...times, next }));
      }
      return reply;
    };
    pick.click();
    painted((own) => (times.own = own));
  });
}

async function taps(person, visit, what) {
  const { page } = person;
  const rounds = [0, 1].flatMap((at) => FILLED.map((item) => [item, at]));
  const toggles = Array.from({ length: TAPS }, (_, at) => ["A01", at]);
  const medians = [];
  for (const [section, kind, list] of [["B", "filling a section", rounds], ["A", "a tap that shows or hides 10 questions", toggles]]) {
    await page.goto(`${person.address}/app/#/visit/${visit}/${section}`);
    await page.reload();
    const session = await slow(page);
    await page.locator(`#i-${section}01 .pick`).first().waitFor();
    await page.waitForTimeout(3_000);
    const times = [];
    for (const it of list) times.push(await page.evaluate(tap, it));
    await session.detach();
    times.splice(0, times.length, ...times.filter((it) => it !== null));
    const [own, asked, next] = ["own", "asked", "next"].map((it) => times.map((time) => time[it]));
    // No more than this where the worker were slowed as the page is: its answer also waits for the page.
    const slowed = times.map((it) => it.next + (SLOWER - 1) * it.asked);
    console.log(`${what}: ${kind}: its own state painted after ${told(own)}; with what follows from it, durable, after ${told(next)}, of which until the answer ${told(asked)}; were the worker slowed too, at most ${told(slowed)}`);
    medians.push(median(next));
  }
  return medians;
}

/** In the page: visits begun and answered as a person would, one after the other. */
async function fill([branch, checklist, answers, count]) {
  const { core } = globalThis.veedor;
  const uuid = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Date.now() / 65_536);
    view.setUint16(4, Date.now() % 65_536);
    bytes[6] = 0x70 | (bytes[6] & 15);
    bytes[8] = 0x80 | (bytes[8] & 63);
    const hex = [...bytes].map((it) => it.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };
  const ask = async (message) => {
    const reply = await core.ask(message);
    if (reply.reply === "refused") throw new Error(JSON.stringify(reply));
    return reply;
  };
  const fitting = { yes_no: '"yes"', yes_no_na: '"yes"', scale_1_5: "4", text: '"Una respuesta de varias palabras, como las de verdad"' };
  for (let n = 0; n < count; n += 1) {
    const { form } = await ask({ ask: "start_ad_hoc", visit: uuid(), branch, checklist });
    const items = form.sections.flatMap((it) => it.items).filter((it) => fitting[it.kind]);
    for (let at = 0; at < answers; at += 1) {
      const item = items[at % items.length];
      const [field, json] = at < items.length ? [item.id, fitting[item.kind]] : [`${item.id}#comment`, '"Un comentario de varias palabras"'];
      await ask({ ask: "answer", visit: form.visit, field, json });
    }
  }
}

const office = await startOffice({ phone: APP });
const template = await office.release(JSON.stringify(longChecklist()), { id: "larga", version: 1 });
const auditor = await office.newAuditor({ template, onPhones: { preview_score: true, covert: true, audio: false, files: false } });
const person = await Person.make(office);
const kept = [];
const holds = (what, it, limit) => kept.push([what, it < limit, it, limit]);
const weigh = async (what) => {
  const { renderer, all } = await memory(person);
  console.log(`${what}: memory of the app's process ${renderer.toFixed(0)} MB, of the whole browser ${all.toFixed(0)} MB`);
  return renderer;
};
try {
  console.log(`the page slowed to 1/${SLOWER}, its worker not; load ${loadavg()[0].toFixed(1)} on ${availableParallelism()} cores`);
  await person.enrol(auditor.login);
  const visit = await person.begin();
  await person.pill("Al día");
  const hold = async (what) => {
    holds(`${what}: offline start, median ms`, median(await starts(person, what)), LIMIT.startMs);
    const [filling, toggling] = await taps(person, visit, what);
    holds(`${what}: a tap to what follows from it, painted, filling a section, median ms`, filling, LIMIT.tapMs);
    holds(`${what}: the same where 10 questions come or go, median ms`, toggling, LIMIT.tapMs);
  };
  await hold("1 visit");
  await weigh("1 visit");

  const { branches, checklists } = await person.page.evaluate(() => globalThis.veedor.core.ask({ ask: "home" }));
  const bank = checklists.find((it) => it.id === "ms-banco-sucursal");
  const from = performance.now();
  for (let at = 0; at < MANY; at += 10) await person.page.evaluate(fill, [branches[0].id, bank.hash, ANSWERS, 10]);
  const seconds = (performance.now() - from) / 1_000;
  console.log(`${MANY} visits of ${ANSWERS} answers: ${((1_000 * seconds) / (MANY * (ANSWERS + 1))).toFixed(1)} ms for each answer, durable`);

  await hold(`${MANY + 1} visits`);
  await person.go("#/");
  await person.page.locator("a.card").first().waitFor();
  holds("memory of the app's process, MB", await weigh(`${MANY + 1} visits`), LIMIT.memoryMegabytes);
  for (const [what, ok, it, limit] of kept) console.log(`${ok ? "kept" : "NOT KEPT"}: ${what}: ${it.toFixed(0)} of ${limit}`);
} finally {
  await person.remove();
  await office.stop();
}
process.exitCode = kept.length === 7 && kept.every((it) => it[1]) ? 0 : 1;
