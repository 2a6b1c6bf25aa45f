// What a person does on the screens, over the fake core: each step is checked. `npm run journeys`
import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import { launch, open, serve } from "./screens.mjs";

if (!process.env.BUILT) execSync("npx vite build -c dev/vite.config.ts --logLevel error", { stdio: "inherit" });
const [server, browser] = [await serve(), await launch()];
const at = (address, set) => open(browser, server.url, { address }, set);
const answer = (page, field) => page.evaluate((it) => globalThis.core.visits.get("v-draft").answers.get(it), field);
const soon = async (what, check) => {
  for (let i = 0; i < 40; i++) {
    if (await check()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(what);
};
/** Takes a picture with the app's own camera, whose frames are as large as is said. */
const shoot = async (page, { width = 640, height = 480 } = {}) => {
  await page.evaluate(({ width, height }) => {
    navigator.mediaDevices.getUserMedia = async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const draw = canvas.getContext("2d");
      const paint = setInterval(() => {
        draw.fillStyle = `hsl(${Math.random() * 360} 60% 50%)`;
        draw.fillRect(Math.random() * width, Math.random() * height, 300, 200);
      }, 30);
      const stream = canvas.captureStream();
      stream.getTracks()[0].addEventListener("ended", () => clearInterval(paint));
      return stream;
    };
  }, { width, height });
  await page.click("#i-Z02 .photos .button");
  await page.locator("dialog .button.main:not([aria-disabled])").click();
  await page.waitForSelector("dialog[open] canvas");
};
const is = (page, field, value) => soon(`${field} is ${value}`, async () => (await answer(page, field)) === value);

/** As long as a report has to be. */
const TOLD = "Esperé doce minutos. En la caja explicaron la tarjeta con calma y dieron el costo por escrito antes de que lo pidiera. Volvería con gusto.";
/** What is pressed and typed at a question, where it is not the first answer of all, and what it has to be after. */
const BY_KEYS = [
  ["Z01", ["1", "0", "3", "0", "a"], '"10:30"'],
  ["Z03", ["Space", "ArrowDown"], '"tarjeta"'],
  ["Z04", ["1", "1", "1", "5", "a"], '"11:15"'],
  ["A04", [..."3"], "3"],
  ["B02", [..."12,5"], "12.5"],
  ["C01", ["Space", "ArrowRight"], '"no"'],
  ["C01#comment", [..."Sin mirar"], '"Sin mirar"'],
  ["C04", ["Space", "ArrowDown", "ArrowDown", "ArrowDown"], "4"],
  ["D05", ["Space", "Tab", "Tab", "Space"], '["identificacion","deposito"]'],
  ["E03", ["Space", "ArrowRight"], '"no"'],
  ["G04", ["Space", ...Array(7).fill("ArrowRight")], "7"],
  ["G06", [...TOLD], JSON.stringify(TOLD)],
];
/** Where the keyboard is. */
const focused = (page) =>
  page.evaluate(() => {
    const it = document.activeElement;
    const group = it.name ? [...document.getElementsByName(it.name)] : [];
    return {
      item: it.closest("[data-item]")?.dataset.item ?? null,
      how: it.tagName === "INPUT" ? it.type : it.tagName.toLowerCase(),
      isComment: it.matches(".foot button") && /^Comentar/.test(it.textContent),
      isCamera: it.matches(".photos .button"),
      isArrival: it.matches(".moment .button.main"),
      isOn: it.matches(".ends-here a:first-child"),
      isAnswered: it.closest(".item.answered") !== null || group.some((other) => other.checked),
    };
  });
const tabTo = async (page, selector) => {
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((it) => document.activeElement.matches(it), selector)) return;
  }
  assert.fail(`no Tab leads to ${selector}`);
};
const pressAll = async (page, keys) => {
  for (const it of keys) await (it.length === 1 ? page.keyboard.type(it) : page.keyboard.press(it));
};
/** A photo by the keys of the camera and the editor. */
const photographByKeys = async (page) => {
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog .button.main:not([aria-disabled])");
  await tabTo(page, "dialog .button.main");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open] canvas");
  await tabTo(page, "dialog .button.main");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog", { state: "detached" });
};
/** Goes from the first section to the review with Tab, and answers whatever it comes by; gives how each question was. */
const answerAll = async (page) => {
  const given = new Map();
  for (let i = 0; i < 900 && !page.url().includes("#/review/"); i++) {
    await page.keyboard.press("Tab");
    const it = await focused(page);
    const keysOf = (field) => BY_KEYS.find(([named]) => named === field)?.[1];
    if (it.isOn) {
      const before = page.url();
      await page.keyboard.press("Enter");
      await page.waitForFunction((was) => location.href !== was, before);
      // The next section has the focus at its name.
      await soon("at the beginning", () => page.evaluate(() => document.activeElement.tagName === "H1"));
    } else if (it.isArrival) {
      await page.keyboard.press("Enter");
    } else if (it.isComment && keysOf(`${it.item}#comment`) && !given.has(`${it.item}#comment`)) {
      given.set(`${it.item}#comment`, "textarea");
      await page.keyboard.press("Enter");
      await soon("in the comment", () => page.evaluate(() => document.activeElement.tagName === "TEXTAREA"));
      await pressAll(page, keysOf(`${it.item}#comment`));
    } else if (it.item && !it.isAnswered && !given.has(it.item) && (it.how !== "button" || it.isCamera)) {
      given.set(it.item, it.how);
      if (it.isCamera) await photographByKeys(page);
      else await pressAll(page, keysOf(it.item) ?? ["Space"]);
      await page.waitForSelector(`#i-${it.item}.answered`);
    }
  }
  return given;
};

const JOURNEYS = {
  "of a long list the first cards are shown, and more when they are asked for, from where the person was": async () => {
    const { page, close } = await at("?scene=many#/");
    const group = page.locator("section", { has: page.getByRole("heading", { name: "En curso" }) });
    const cards = () => group.locator("a.card").count();
    await soon("the first", async () => (await cards()) === 20);
    await group.getByRole("button", { name: "Ver 20 más de 27" }).click();
    assert.equal(await cards(), 40);
    const focused = await page.evaluate(() => [...document.querySelectorAll("section a.card")].indexOf(document.activeElement));
    const begin = await group.locator("a.card").first().evaluate((it) => [...document.querySelectorAll("section a.card")].indexOf(it));
    assert.equal(focused - begin, 20, "goes on at the first that is new");
    await group.getByRole("button", { name: "Ver 7 más" }).click();
    assert.equal(await cards(), 47);
    assert.equal(await group.locator("button").count(), 0);
    await close();
  },
  "sound is recorded, listened to and taken away, and a file is picked": async () => {
    const { page, close } = await at("#/visit/v-sound/A");
    const attached = () => page.evaluate(() => globalThis.lastAttached);
    await page.click("#i-A01 >> text=Grabar otra vez");
    await page.waitForSelector("#i-A01 [role=timer]");
    assert.equal(await page.locator("#i-A01 >> text=Grabar otra vez").count(), 0);
    await page.waitForTimeout(1200);
    await page.click("#i-A01 >> text=Terminar y guardar");
    await soon("kept", async () => (await page.locator("#i-A01 audio").count()) === 2);
    const { field, type, size, facts } = await attached();
    assert.deepEqual([field, type, facts.source], ["A01", "audio/webm", null]);
    assert.ok(size > 500, `${size} bytes`);
    await page.locator("#i-A01 .attached").nth(1).locator("text=Quitar").click();
    await page.locator("#i-A01 .attached .button.danger").click();
    await soon("taken away", async () => (await page.locator("#i-A01 audio").count()) === 1);
    await page.setInputFiles("#i-A02 input[type=file]", { name: "precios.CSV", mimeType: "application/vnd.ms-excel", buffer: Buffer.from("a,b") });
    await soon("picked", async () => (await page.locator("#i-A02 .attached").count()) === 2);
    assert.deepEqual([(await attached()).type, (await attached()).facts.source], ["text/csv", "file"]);
    await page.locator("#i-A02 input[type=file]").evaluate((it) => {
      const picked = new DataTransfer();
      picked.items.add(new File([new Uint8Array(25_000_001)], "película.pdf", { type: "application/pdf" }));
      it.files = picked.files;
      it.dispatchEvent(new Event("change", { bubbles: true }));
    });
    await page.waitForSelector("#i-A02 .wrong");
    assert.match(await page.locator("#i-A02 .wrong").innerText(), /25 MB/);
    assert.equal(await page.locator("#i-A02 .attached").count(), 2);
    await close();
  },
  "a recording and a file that the phone has no room for stay here over another screen, and are kept once there is room, or thrown away": async () => {
    const { page, close } = await at("#/visit/v-sound/A");
    const room = (isFull) => page.evaluate((it) => (globalThis.core.isFull = it), isFull);
    await room(true);
    await page.click("#i-A01 >> text=Grabar otra vez");
    await page.waitForSelector("#i-A01 [role=timer]");
    await page.waitForTimeout(1200);
    await page.click("#i-A01 >> text=Terminar y guardar");
    await page.waitForSelector("#i-A01 .notice >> text=Sus respuestas están a salvo");
    await page.setInputFiles("#i-A02 input[type=file]", { name: "precios.csv", mimeType: "text/csv", buffer: Buffer.from("a,b") });
    await page.waitForSelector("#i-A02 .notice");
    assert.match(await page.locator("#i-A02 .wrong").innerText(), /casi lleno/);
    await page.evaluate(() => (location.hash = "#/outbox"));
    await page.waitForSelector("#i-A01", { state: "detached" });
    await page.evaluate(() => (location.hash = "#/visit/v-sound/A"));
    await page.click("#i-A01 >> text=Guardar otra vez");
    await page.waitForTimeout(100);
    assert.equal(await page.locator("#i-A01 .notice").count(), 1, "still no room");
    await room(false);
    await page.click("#i-A01 >> text=Guardar otra vez");
    await soon("kept", async () => (await page.locator("#i-A01 audio").count()) === 2);
    assert.equal(await page.locator("#i-A01 .notice").count(), 0);
    assert.ok((await page.evaluate(() => globalThis.lastAttached)).size > 500);
    await page.click("#i-A02 .notice >> text=Quitar");
    await page.click("#i-A02 .notice .button.danger");
    await soon("thrown away", async () => (await page.locator("#i-A02 .notice, #i-A02 .wrong").count()) === 0);
    assert.equal(await page.locator("#i-A02 .attached").count(), 1);
    await close();
  },
  "no microphone runs where the question went from the screen while the browser asked for it": async () => {
    const { page, close } = await at("#/visit/v-sound/A");
    await page.evaluate(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (what) => {
        await new Promise((done) => (globalThis.allow = done));
        return (globalThis.stream = await ask(what));
      };
    });
    await page.click("#i-A01 >> text=Grabar otra vez");
    await soon("asked", () => page.evaluate(() => !!globalThis.allow));
    await page.evaluate(() => (location.hash = "#/outbox"));
    await page.waitForSelector("#i-A01", { state: "detached" });
    await page.evaluate(() => globalThis.allow());
    await soon("let go of", () => page.evaluate(() => globalThis.stream?.getTracks().every((it) => it.readyState === "ended")));
    await close();
  },
  "a recording is kept where its question goes from the screen, and at once where the page goes": async () => {
    const { page, close } = await at("#/visit/v-sound/A");
    const record = async () => {
      await page.evaluate(() => (globalThis.lastAttached = null));
      await page.click("#i-A01 >> text=Grabar otra vez");
      await page.waitForSelector("#i-A01 [role=timer]");
      await page.waitForTimeout(1500);
    };
    const size = () => page.evaluate(() => globalThis.lastAttached?.size ?? 0);
    await record();
    await page.evaluate(() => (location.hash = "#/outbox"));
    await soon("kept", async () => (await size()) > 500);
    await page.evaluate(() => (location.hash = "#/visit/v-sound/A"));
    await record();
    assert.ok((await page.evaluate(() => (dispatchEvent(new Event("pagehide")), globalThis.lastAttached?.size ?? 0))) > 500, "posted before the page is gone");
    await soon("no longer recording", async () => (await page.locator("#i-A01 [role=timer]").count()) === 0);
    await page.waitForTimeout(300);
    assert.equal(await page.locator("#i-A01 audio").count(), 3, "once each");
    await close();
  },
  "where the programme permits neither, both are named as not asked; where it does not allow to hide, the button is not there": async () => {
    const { page, close } = await at("#/visit/v-nosound/A");
    assert.match(await page.locator("main").innerText(), /A01 no se pregunta[^]*A02 no se pregunta/);
    assert.equal(await page.locator(".hide").count(), 1);
    await page.goto(page.url().replace(/#.*/, "#/review/v-full"));
    await page.waitForSelector(".preview");
    assert.equal(await page.locator(".hide").count(), 0);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".note").count(), 0);
    await page.goto(page.url().replace(/#.*/, "#/"));
    await soon("back", async () => (await page.locator(".hide").count()) === 1);
    await close();
  },
  "a tap answers, asks for what the answer demands, and can be undone": async () => {
    const { page, close } = await at("#/visit/v-draft/E");
    await page.click("#i-E03 .pick >> nth=0");
    await is(page, "E03", '"yes"');
    await page.waitForSelector("#i-E03 .demand");
    await page.click("#i-E03 .pick >> nth=1");
    await is(page, "E03", '"no"');
    assert.equal(await page.locator("#i-E03 .demand").count(), 0);
    await page.click("#i-E03 .foot >> text=Deshacer");
    await is(page, "E03", '"yes"');
    await page.click("#i-E03 .foot >> text=Quitar");
    await is(page, "E03", undefined);
    await close();
  },
  "numbers are read with comma or point, and what is refused is told and kept as typed": async () => {
    const { page, close } = await at("#/visit/v-draft/B");
    const input = page.locator("#i-B02 input");
    await input.fill("12,50");
    await is(page, "B02", "12.5");
    await input.fill("007");
    await is(page, "B02", "7");
    await input.fill("1,2,3");
    await input.press("Tab");
    assert.match(await page.locator("#i-B02 .wrong").innerText(), /1,2,3/);
    assert.equal(await input.inputValue(), "1,2,3");
    await input.fill("999");
    await input.press("Tab");
    await soon("out of range", async () => /999/.test(await page.locator("#i-B02 .wrong").innerText().catch(() => "")));
    assert.equal(await input.inputValue(), "999");
    await is(page, "B02", "7");
    await input.fill("");
    await input.press("Tab");
    await is(page, "B02", undefined);
    await close();
  },
  "questions come and go with the answers, are announced, and the focus stays": async () => {
    const { page, close } = await at("#/visit/v-draft/B");
    assert.equal(await page.locator("#i-B05").count(), 1);
    await page.fill("#i-B02 input", "3");
    await soon("gone", async () => (await page.locator("#i-B05").count()) === 0);
    assert.match(await page.locator("[aria-live=polite]").last().innerText(), /ya no aplican/);
    assert.ok(await page.evaluate(() => document.activeElement.matches("#i-B02 input")));
    await close();
  },
  "a hundred questions that appear by one tap are all there right after it, and taps in a row end where the last one leads": async () => {
    const { page, close } = await at("#/visit/v-big1/A");
    const count = () => page.locator("article.item").count();
    const tap = (...which) => page.locator("#i-A001").evaluate((it, which) => which.forEach((at) => it.querySelectorAll(".pick input")[at].click()), which);
    await soon("those without a condition", async () => (await count()) === 200);
    await tap(0);
    await soon("all", async () => (await count()) === 300);
    assert.match(await page.locator("[aria-live=polite]").last().innerText(), /100/);
    await tap(1, 0, 1);
    await soon("gone", async () => (await count()) === 200);
    await page.waitForTimeout(300);
    assert.equal(await count(), 200);
    await tap(0, 1, 0);
    await soon("all again", async () => (await count()) === 300);
    await page.waitForTimeout(300);
    assert.equal(await count(), 300);
    await close();
  },
  "an option that stands alone clears the others and says so": async () => {
    const { page, close } = await at("#/visit/v-draft/D");
    await page.click("#i-D05 .pick >> nth=4");
    await is(page, "D05", '["ninguno"]');
    assert.match(await page.locator("#i-D05 .told").innerText(), /va sola/);
    await page.click("#i-D05 .pick >> nth=0");
    await is(page, "D05", '["identificacion"]');
    await page.click("#i-D05 .pick >> nth=0");
    await is(page, "D05", undefined);
    await close();
  },
  "a text is kept after a moment, at once when the page is hidden, and over a change of language": async () => {
    const { page, close } = await at("#/visit/v-draft/E");
    const area = page.locator("#t-E01-comment");
    await area.fill("Dijo que el costo lo daría después");
    await page.evaluate(() => dispatchEvent(new Event("pagehide")));
    await page.waitForTimeout(30);
    assert.equal(await answer(page, "E01#comment"), '"Dijo que el costo lo daría después"');
    await page.evaluate(() => (location.hash = "#/settings"));
    await page.getByRole("radio", { name: "English" }).check();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    await page.goBack();
    await page.waitForSelector("#t-E01-comment");
    assert.equal(await page.locator("#t-E01-comment").inputValue(), "Dijo que el costo lo daría después");
    assert.match(await page.locator("#i-E01").innerText(), /characters missing/);
    await close();
  },
  "a timer outlives a reload": async () => {
    const { page, close } = await at("#/visit/v-draft/B");
    await page.click("#i-B02 >> text=Cronometrar");
    await page.evaluate(() => localStorage.setItem("veedor.timer.v-draft.B02", JSON.stringify({ counted: 0, since: Date.now() - 150_000 })));
    await page.reload();
    await page.waitForSelector("#i-B02 .timer");
    assert.match(await page.locator("#i-B02 .clock").innerText(), /^2:3/);
    await page.click("#i-B02 >> text=Parar y anotar");
    await is(page, "B02", "2.5");
    await close();
  },
  "the screen hides with two Escapes, keeps what stands behind it, and three Enters lead back": async () => {
    const { page, close } = await at("#/visit/v-draft/C");
    await page.locator("#i-C02 input").first().focus();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".note");
    assert.equal(await page.title(), "Compras");
    assert.equal(await page.locator(".app").isVisible(), false);
    await page.reload();
    await page.waitForSelector(".note");
    await page.keyboard.press("Tab");
    for (let i = 0; i < 3; i++) await page.keyboard.press("Enter");
    await page.waitForSelector("#i-C02");
    assert.equal(await page.title(), "Veedor");
    await close();
  },
  "back moves nothing behind a hidden screen, and help leads out of it at three touches in a row, never at one": async () => {
    const { page, close } = await at("#/visit/v-draft/C");
    await page.click(".hide");
    await page.waitForSelector(".note");
    const before = page.url();
    for (let i = 0; i < 2; i++) {
      await page.goBack();
      await page.waitForTimeout(150);
      assert.equal(page.url(), before);
    }
    await page.click(".note >> text=Ayuda");
    await soon("told how the list works", async () => /marcarlo/.test(await page.locator(".note").innerText()));
    await page.waitForTimeout(1_000);
    await page.click(".note >> text=Ayuda");
    assert.equal(await page.locator(".note").count(), 1);
    for (let i = 0; i < 2; i++) await page.click(".note >> text=Ayuda");
    await page.waitForSelector("text=Avisar de algo");
    assert.match(page.url(), /incident\/v-draft\/leave/);
    await page.click(".hide");
    for (let i = 0; i < 3; i++) await page.click(".note-title");
    await page.waitForSelector("text=Avisar de algo");
    await close();
  },
  "arrival and departure are shown by the branch's clock, and its zone is said where the phone's clock shows another time": async () => {
    const stated = async (zone, atMs) => {
      const { page, close } = await at("", { zone });
      await page.evaluate((at_ms) => globalThis.core.visits.get("v-draft").answers.set("@arrival", JSON.stringify({ at_ms, local: "", zone: "America/Mexico_City" })), atMs);
      await page.evaluate(() => (location.hash = "#/visit/v-draft/Z"));
      const text = await page.locator(".moment .strong").first().innerText();
      await close();
      return text;
    };
    const june = Date.UTC(2026, 5, 1, 4, 30);
    assert.equal(await stated("America/Mexico_City", june), "Llegada: 31 may, 22:30");
    assert.equal(await stated("America/Tijuana", june), "Llegada: 31 may, 22:30 (Mexico City)");
    const now = Date.now();
    const clock = new Intl.DateTimeFormat("es", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "America/Mexico_City" }).format(now);
    assert.equal(await stated("America/Mexico_City", now), `Llegada: ${clock}`);
    assert.equal(await stated("Asia/Tokyo", now), `Llegada: ${clock} (Mexico City)`);
  },
  "an arrival that was recorded by mistake is taken back": async () => {
    const { page, close } = await at("#/visit/v-draft/Z");
    await page.click("text=Llegada: >> xpath=ancestor::section >> text=Quitar");
    await page.waitForSelector("text=Ya llegué: registrar");
    await close();
  },
  "an open dialog is hidden too, and is there again after": async () => {
    const { page, close } = await at("#/visit/v-draft/C");
    await page.click(".bottom .button >> nth=0");
    await page.waitForSelector("dialog[open]");
    await page.click("dialog .dialog-head button >> nth=0");
    await page.waitForSelector(".note");
    await page.locator(".note-list input").first().check();
    assert.equal(await page.locator("dialog[open]").count(), 0);
    for (let i = 0; i < 3; i++) await page.click(".note-title");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Escape");
    await soon("closed", async () => (await page.locator("dialog").count()) === 0);
    await close();
  },
  "a visit is opened where it was left, and back leaves it": async () => {
    const { page, close } = await at("");
    await page.click('a[href="#/visit/v-draft"]');
    await page.waitForSelector("#i-Z03");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
    await page.click("text=Seguir con");
    await page.click("#i-A02 .pick >> nth=0");
    await page.waitForTimeout(600);
    await page.goBack();
    await page.waitForSelector("text=Sus visitas");
    await page.click('a[href="#/visit/v-draft"]');
    await soon("at the question", () => page.evaluate(() => document.activeElement.id === "q-A02"));
    await close();
  },
  "a returned visit opens at what is to be corrected": async () => {
    const { page, close } = await at("#/visit/v-returned");
    await soon("at the question", () => page.evaluate(() => document.activeElement.id === "q-Z02"));
    assert.match(await page.locator("#i-Z02").innerText(), /La foto está movida/);
    await close();
  },
  "next leads from one open question to the next, over sections": async () => {
    const { page, close } = await at("#/visit/v-draft/Z");
    for (const id of ["Z02", "Z04", "A03"]) {
      await page.click(".bottom .main");
      await soon(id, () => page.evaluate((it) => document.activeElement.id === `q-${it}`, id));
    }
    await close();
  },
  "keys alone: a visit is begun, each kind of question is answered, a photo is taken, and it is handed in": async () => {
    const { page, close } = await at("", { width: 1280, height: 800 });
    const value = (field) => page.evaluate((it) => globalThis.core.visits.get("v-a1").answers.get(it), field);
    await tabTo(page, 'a[href="#/briefing/a1"]');
    await page.keyboard.press("Enter");
    await page.waitForSelector(".screen.briefing .bottom .main");
    await tabTo(page, ".bottom .main");
    await page.keyboard.press("Enter");
    await page.waitForSelector("article.item");
    const given = await answerAll(page);
    assert.deepEqual(new Set(given.values()), new Set(["radio", "checkbox", "time", "text", "textarea", "button"]), "every way to answer");
    for (const [field, , wanted] of BY_KEYS) await soon(`${field} is ${wanted}`, async () => (await value(field)) === wanted);
    const firsts = await page.evaluate(() => {
      const first = ({ kind, options, min }) => ({ scale_1_5: "1", single_choice: JSON.stringify(options[0]?.id), number: min })[kind] ?? '"yes"';
      return globalThis.core.visits.get("v-a1").form().sections.flatMap((it) => it.items).map((it) => [it.id, first(it)]);
    });
    for (const [id, first] of firsts) {
      if (given.get(id) === "radio" && !BY_KEYS.some(([field]) => field === id)) assert.equal(await value(id), first, id);
    }
    assert.ok(given.size > 35, `${given.size} were answered`);
    assert.equal(await page.evaluate(() => globalThis.core.visits.get("v-a1").photos.get("Z02")?.length), 1);
    assert.match(await value("@arrival"), /"at_ms"/);
    assert.deepEqual(await page.evaluate(() => globalThis.core.visits.get("v-a1").missing().map((it) => it.message_es).join()), "");
    await page.waitForSelector("text=Entregar visita");
    await tabTo(page, ".bottom .main");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=Visita entregada");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
    assert.equal(await page.evaluate(() => globalThis.core.visits.get("v-a1").phase), "submitted");
    await close();
  },
  "what has the focus is never under the bars": async () => {
    for (const address of ["#/visit/v-draft/B", "#/review/v-draft", "#/outbox"]) {
      const { page, close } = await at(address, { width: 320, height: 640 });
      await page.waitForTimeout(200);
      for (let i = 0; i < 45; i++) {
        await page.keyboard.press("Tab");
        const covered = await page.evaluate(() => {
          const it = document.activeElement;
          if (it === document.body || it.closest(".top, .bottom, .skip")) return null;
          const box = (it.closest("label") ?? it).getBoundingClientRect();
          const top = document.querySelector(".top").getBoundingClientRect().bottom;
          const bottom = document.querySelector(".bottom")?.getBoundingClientRect().top ?? innerHeight;
          // A browser brings the line that is written in into view, not all of a text.
          const least = it.tagName === "TEXTAREA" ? 48 : box.height;
          return box.top < top - 1 || (box.top + least > bottom + 1 && box.height < bottom - top) ? `${it.outerHTML.slice(0, 120)} ${box.top} ${box.bottom} ${top} ${bottom}` : null;
        });
        assert.equal(covered, null);
      }
      await close();
    }
  },
  "a conflict is settled by choosing, and both texts can be kept": async () => {
    const { page, close } = await at("#/conflicts");
    await page.click(".conflict >> nth=0 >> .column >> nth=1 >> button");
    await is(page, "C01", '"no"');
    await page.click("text=Guardar los dos textos juntos");
    await soon("both", async () => ((await answer(page, "C04#comment")) ?? "").includes("\\n\\n"));
    await close();
  },
  "a photo is made smaller, areas are moved with keys, and no position is sent where none was": async () => {
    const { page, close } = await at("#/visit/v-draft/Z/Z02");
    const big = await page.evaluate(() => {
      const it = document.createElement("canvas");
      [it.width, it.height] = [3000, 2000];
      it.getContext("2d").fillRect(0, 0, 3000, 2000);
      return it.toDataURL("image/png").split(",")[1];
    });
    const pick = async (file) => {
      await page.click("#i-Z02 .photos .button");
      await page.setInputFiles("dialog input[type=file]", file);
    };
    await pick({ name: "a.png", mimeType: "image/png", buffer: Buffer.from(big, "base64") });
    await page.click("text=Tapar una zona");
    await soon("zone has the focus", () => page.evaluate(() => document.activeElement.matches(".zone")));
    const left = await page.evaluate(() => parseFloat(document.activeElement.style.left));
    await page.keyboard.press("ArrowRight");
    assert.ok((await page.evaluate(() => parseFloat(document.activeElement.style.left))) > left);
    await page.keyboard.press("Delete");
    assert.equal(await page.locator(".zone").count(), 0);
    await page.click("dialog .button.main");
    await soon("kept", () => page.evaluate(() => !!globalThis.lastAttached));
    const kept = await page.evaluate(async () => {
      const bitmap = await createImageBitmap([...globalThis.core.pictures.values()][0]);
      return { ...globalThis.lastAttached, width: bitmap.width };
    });
    assert.equal(kept.width, 1920);
    assert.equal(kept.type, "image/jpeg");
    assert.equal(kept.facts.position, null);
    await pick({ name: "b.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no picture") });
    await soon("told", async () => /no pudo leer/.test(await page.locator("#i-Z02 .wrong").innerText().catch(() => "")));
    await close();
  },
  "a photo that the phone has no room for stays in the editor, which says so, and is kept once there is room": async () => {
    const { page, close } = await at("#/visit/v-draft/Z/Z02");
    await shoot(page);
    await page.evaluate(() => (globalThis.core.isFull = true));
    await page.click("dialog .button.main");
    await page.waitForSelector("dialog [role=alert] >> text=/casi lleno[^]*La foto sigue aquí/");
    assert.ok(await page.locator("dialog canvas").isVisible());
    await page.evaluate(() => (globalThis.core.isFull = false));
    await page.click("dialog .button.main");
    await page.waitForSelector("dialog", { state: "detached" });
    await soon("kept", () => page.evaluate(() => !!globalThis.lastAttached));
    assert.equal(await page.locator("#i-Z02 .wrong").count(), 0);
    await close();
  },
  "a photo is thrown away only where a person says so, and is there again after the screen was hidden over it": async () => {
    const { page, close } = await at("#/visit/v-draft/Z/Z02");
    const asked = () => page.locator("dialog >> text=¿Descartar la foto?").count();
    await shoot(page);
    for (const [round, is] of [1, 0, 1, 0, 1, 0].entries()) {
      // A browser asks the page a time or two, and closes the dialog by itself at the next.
      await page.keyboard.press("Escape");
      await soon(`asked or taken back in round ${round}`, async () => (await asked()) === is);
      assert.ok(await page.locator("dialog[open] canvas").isVisible());
      await page.waitForTimeout(800);
    }
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".note");
    await page.waitForTimeout(200);
    assert.equal(await page.locator("dialog[open]").count(), 0);
    for (let i = 0; i < 3; i++) await page.click(".note-title");
    await page.waitForSelector("dialog[open] canvas");
    assert.equal(await asked(), 0, "nobody asked to throw it away");
    await page.getByRole("button", { name: "Cerrar" }).click();
    await soon("the photo stays unless it is said", async () => (await page.evaluate(() => document.activeElement.textContent)) === "No, seguir con ella");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Cerrar" }).click();
    await page.click("dialog >> text='Descartar'");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(await page.evaluate(() => globalThis.lastAttached), undefined);
    await close();
  },
  "the original goes with a photo that was made smaller or written anew, and with none in which something was covered": async () => {
    const { page, close } = await at("#/visit/v-draft/Z/Z02");
    const keep = async () => {
      await page.evaluate(() => (globalThis.lastAttached = null));
      await page.click("dialog .button.main");
      await page.waitForSelector("dialog", { state: "detached" });
      return page.evaluate(async () => {
        const { original } = globalThis.lastAttached.facts;
        if (!original) return null;
        const { width, height } = await createImageBitmap(original);
        return { type: original.type, size: original.size, width, height };
      });
    };
    const camera = { type: "image/jpeg", width: 2560, height: 1920 };
    await shoot(page, camera);
    const { size, ...of } = await keep();
    assert.deepEqual(of, camera, `the whole frame, ${size} bytes`);
    await shoot(page, camera);
    await page.click("text=Tapar una zona");
    assert.equal(await keep(), null, "something was covered");
    await shoot(page, { width: 1280, height: 960 });
    assert.equal(await keep(), null, "it is no larger than what is kept");
    // A coarse picture of few bytes, fewer than those of the photo that is made of it.
    const small = await page.evaluate(() => {
      const it = Object.assign(document.createElement("canvas"), { width: 1280, height: 960 });
      const draw = it.getContext("2d");
      for (let at = 0; at < 3_000; at++) {
        draw.fillStyle = `hsl(${at} 60% 50%)`;
        draw.fillRect((at * 131) % 1280, (at * 277) % 960, 40, 30);
      }
      return it.toDataURL("image/jpeg", 0.2).split(",")[1];
    });
    await page.click("#i-Z02 .photos .button");
    await page.setInputFiles("dialog input[type=file]", { name: "a.jpg", mimeType: "image/jpeg", buffer: Buffer.from(small, "base64") });
    await page.waitForSelector("dialog[open] canvas");
    const file = await keep();
    assert.deepEqual([file.type, file.width], ["image/jpeg", 1280]);
    assert.ok(file.size < (await page.evaluate(() => globalThis.lastAttached.size)), `${file.size} bytes`);
    await close();
  },
  "a code comes with the link, leaves the address, and a person is enrolled": async () => {
    const { page, close } = await at("?scene=first#code=7K4M-9XQ2-TB3H");
    assert.ok(!page.url().includes("7K4M"));
    await page.getByLabel("Su nombre").fill("Rosa");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=Sus visitas");
    await close();
  },
  "a PIN opens, and a wrong one says what is safe": async () => {
    const { page, close } = await at("?scene=locked");
    await page.fill("input", "000000");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".wrong");
    await page.fill("input", "123456");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=Sus visitas");
    await close();
  },
};

let failed = 0;
for (const [name, journey] of Object.entries(JOURNEYS)) {
  if (!name.includes(process.env.ONLY ?? "")) continue;
  try {
    await journey();
    console.log(`ok ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${String(error.stack ?? error).split("\n").slice(0, 4).join(" ")}`);
  }
}
await browser.close();
server.close();
process.exit(failed > 0 ? 1 : 0);
