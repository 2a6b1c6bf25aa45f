// What tests of the office's pages share: codes of an authenticator app, a window that is watched, and what axe reads.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { AxeBuilder } from "@axe-core/playwright";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** The code of an authenticator app (RFC 6238) so many steps from now. */
export function code(secret, steps = 0) {
  const bits = [...secret.replaceAll(" ", "")].map((it) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(it).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((it) => Number.parseInt(it, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A browser window; what goes wrong on its pages is collected. */
export async function watched(browser, options = {}) {
  const context = await browser.newContext({ locale: "es-MX", ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (it) => it.type() === "error" && !it.text().includes("status of 4") && wrong.push(it.text()));
  page.on("pageerror", (it) => wrong.push(String(it)));
  return { context, page, wrong };
}

/** Whoever cannot see or use a mouse, and a narrow screen. */
export async function isAccessible(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      const { violations } = await new AxeBuilder({ page }).options({ runOnly: TAGS }).analyze();
      const told = violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
      const where = `${page.url()} ${colorScheme} ${width}`;
      assert.deepEqual(told, [], where);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${where} is wider than the screen`);
    }
  }
}
