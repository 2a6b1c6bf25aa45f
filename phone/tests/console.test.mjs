// The office's pages in a real browser: what only a browser does to a form (its origin, its cookies, its policy) is tried here. It stands
// with the phone's tests because the browser does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../scripts/screens.mjs";
import { code, isAccessible, watched } from "./support/console.mjs";
import { ORGANIZATION, PASSWORD, startOffice } from "./support/office.mjs";

let office;
let browser;
/** With it somebody sets the first password. */
let first;

before(async () => {
  [office, browser] = [await startOffice(), await launch()];
  first = (await office.call("POST", "/users", { login: "nora", name: "Nora", roles: [{ role: "admin" }] }, "olga")).code.code;
});

after(async () => {
  await browser.close();
  await office.stop();
});

const open = (options) => watched(browser, options);

async function signIn(page, login, address = "/") {
  await page.goto(`${office.address}${address}`);
  await page.getByLabel("Organización").fill(ORGANIZATION);
  await page.getByLabel("Usuario").fill(login);
  await page.getByLabel("Contraseña", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Entrar" }).click();
}

test("an administrator signs in, sets a second factor up with what the page shows, and gives its code from then on", async () => {
  const { context, page, wrong } = await open();
  await signIn(page, "olga", "/people");
  await page.getByRole("heading", { name: "Personas", level: 1 }).waitFor();
  await page.goto(`${office.address}/account/second-factor`);
  await isAccessible(page);
  await page.getByRole("button", { name: "Configurar" }).click();
  const secret = await page.locator("ol .code").textContent();
  await page.locator("svg.qr").waitFor();
  await isAccessible(page);
  await page.getByLabel("Código de su aplicación").fill("000000");
  await page.getByRole("button", { name: "Activar" }).click();
  await page.getByRole("alert").waitFor();
  await isAccessible(page);
  await page.getByLabel("Código de su aplicación").fill(code(secret));
  await page.getByRole("button", { name: "Activar" }).click();
  await page.getByRole("heading", { name: "Sus códigos de recuperación" }).waitFor();
  assert.equal(await page.locator(".codes li").count(), 8);
  await isAccessible(page);
  await page.getByRole("button", { name: "Salir" }).click();
  await signIn(page, "olga", "/people");
  await page.getByRole("heading", { name: "Segundo paso" }).waitFor();
  await isAccessible(page);
  await page.getByLabel("Código de su aplicación").fill(code(secret, 1));
  await page.getByRole("button", { name: "Entrar" }).click();
  await page.getByRole("heading", { name: "Personas", level: 1 }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/people");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("somebody is added, sets a password with the code, and comes in, all without a script", async () => {
  const { context, page } = await open({ javaScriptEnabled: false });
  await page.goto(`${office.address}/sign-in/password`);
  const fill = async (password) => {
    await page.getByLabel("Organización").fill(ORGANIZATION);
    await page.getByLabel("Código", { exact: true }).fill(first);
    await page.getByLabel("Contraseña nueva").fill(password);
    await page.getByRole("button", { name: "Poner la contraseña y entrar" }).click();
  };
  await fill("corta");
  assert.match(await page.getByRole("alert").textContent(), /12/);
  await fill(PASSWORD);
  await page.getByRole("heading", { name: "Inicio", level: 1 }).waitFor();
  await page.getByRole("link", { name: "Personas" }).first().click();
  await page.getByRole("link", { name: "Agregar a una persona" }).click();
  await page.getByLabel("Nombre").fill("Eva <b>Sol</b>");
  await page.getByLabel("Usuario").fill("eva sol");
  await page.getByRole("button", { name: "Agregar" }).click();
  assert.equal(await page.getByLabel("Nombre").inputValue(), "Eva <b>Sol</b>", "what was typed stays");
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Usuario").fill("eva");
  await page.getByRole("button", { name: "Agregar" }).click();
  await page.getByRole("heading", { name: "Código para Eva <b>Sol</b>" }).waitFor();
  await context.close();
});

test("the pages of the office are read by axe, in light and dark, narrow and wide", async () => {
  const { context, page, wrong } = await open();
  await signIn(page, "rita");
  await page.getByRole("heading", { name: "Inicio", level: 1 }).waitFor();
  for (const address of ["/", "/visits", "/appeals", "/scorecards", "/account", "/gallery", "/no-such-page", "/people"]) {
    await page.goto(`${office.address}${address}`);
    await isAccessible(page);
  }
  assert.deepEqual(wrong, []);
  await context.close();
});
