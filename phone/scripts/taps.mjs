// How long a tap takes until the next state is painted, with the processor slowed to a quarter, on 300 questions of which 100 have a
// condition: in ten sections, and all in one. `npm run taps`
import { execSync } from "node:child_process";
import { launch, open, serve } from "./screens.mjs";

const SLOWER = 4;
const TAPS = 30;

if (!process.env.BUILT) execSync("npx vite build -c dev/vite.config.ts --logLevel error", { stdio: "inherit" });
const [server, browser] = [await serve(), await launch()];

/** From the tap to the frame after the one that shows it, milliseconds. */
const measure = async (page, selector) => {
  await page.evaluate(() => {
    globalThis.times = [];
    addEventListener("click", (event) => {
      const from = event.timeStamp;
      painted(from, globalThis.times);
    }, true);
    globalThis.replies = [];
    const painted = (from, list) =>
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => list.push(performance.now() - from);
        channel.port2.postMessage(0);
      });
    const { core } = globalThis;
    const ask = core.ask.bind(core);
    core.ask = async (message) => {
      const reply = await ask(message);
      painted(performance.now(), globalThis.replies);
      return reply;
    };
  });
  for (let tap = 0; tap < TAPS; tap++) {
    const target = page.locator(selector).nth(tap % 2);
    await target.dispatchEvent("focus");
    const box = await target.boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.waitForTimeout(450);
  }
  const of = (times) => {
    times.sort((a, b) => a - b);
    return `median ${times[Math.floor(times.length / 2)].toFixed(0)} ms, 95 % ${times[Math.floor(times.length * 0.95)].toFixed(0)} ms`;
  };
  const [taps, replies] = await page.evaluate(() => [globalThis.times, globalThis.replies]);
  return `tap to paint ${of(taps)}; reply to paint ${of(replies)} (${taps.length} taps)`;
};

for (const [visit, item, what] of [
  ["v-big10", "A002", "ten sections, a tap"],
  ["v-big10", "A001", "ten sections, a tap that shows or hides 100 questions"],
  ["v-big1", "A002", "one section of 300, a tap"],
  ["v-big1", "A001", "one section of 300, a tap that shows or hides 100 questions"],
]) {
  const { page, close } = await open(browser, server.url, { address: `?scene=slow#/visit/${visit}/A/${item}` });
  await page.waitForSelector(`#i-${item}`);
  const session = await page.context().newCDPSession(page);
  // Once by the processor's own clock, which others on the machine do not disturb, once by the wall clock and slowed.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const work = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map((it) => [it.name, it.value]));
  const before = await work();
  for (let tap = 0; tap < TAPS; tap++) {
    await page.locator(`#i-${item} .pick`).nth(tap % 2).evaluate((it) => it.querySelector("input").click());
    await page.waitForTimeout(160);
  }
  const after = await work();
  const cpu = (name) => (((after[name] - before[name]) * 1000 * SLOWER) / TAPS).toFixed(1);
  console.log(`${what}: processor x${SLOWER} for tap and reply: task ${cpu("TaskDuration")} ms (script ${cpu("ScriptDuration")}, style ${cpu("RecalcStyleDuration")}, layout ${cpu("LayoutDuration")})`);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await page.waitForTimeout(500);
  console.log(`${what}: ${await measure(page, `#i-${item} .pick`)}`);
  await close();
}
await browser.close();
server.close();
