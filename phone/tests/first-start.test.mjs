// The first start of an installation, as whoever put it there sees it in a browser: from the address that the server prints to a phone
// that is enrolled.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { launch } from "../scripts/screens.mjs";
import { code, isAccessible, watched } from "./support/console.mjs";
import { VEEDOR } from "./support/office.mjs";

const BRANCHES = "codigo,nombre,zona_horaria,codigo_region,nombre_region\n001,Centro,America/Mexico_City,N,Norte\n002,Oriente,America/Nowhere,N,Norte\n";

let folder;
let server;
let browser;
/** Where it is set up, as the server prints it. */
let link;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veedor-first-"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>Veedor</title>");
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VEEDOR_")));
  const words = ["serve", "--database-url", `sqlite:${join(folder, "veedor.db")}`, "--listen", "127.0.0.1:0", "--phone", folder];
  server = spawn(VEEDOR, words, { cwd: folder, env: environment, stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.startsWith("set up at ")) {
      link = line.slice("set up at ".length);
      break;
    }
  }
  browser = await launch();
});

after(async () => {
  await browser.close();
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill();
  await ended;
  await rm(folder, { recursive: true, force: true });
});

test("from the printed address to a second factor, branches of a spreadsheet and an enrolled phone", async () => {
  const { context, page, wrong } = await watched(browser);
  const home = new URL(link).origin;
  await page.goto(link);
  await isAccessible(page);
  await page.getByLabel("Organización").fill("Secretaría de Atención");
  await page.getByLabel("Nombre corto").fill("Atención");
  await page.getByLabel("Su nombre").fill("Nora");
  await page.getByLabel("Usuario").fill("nora");
  await page.getByLabel("Contraseña").fill("correct horse battery staple");
  await page.getByLabel("También planeo visitas").check();
  await page.getByRole("button", { name: "Empezar" }).click();
  await page.getByRole("alert").waitFor();
  await isAccessible(page);
  assert.equal(await page.getByLabel("Su nombre").inputValue(), "Nora", "what was typed stays");
  await page.getByLabel("Nombre corto").fill("atencion");
  await page.getByLabel("Contraseña").fill("correct horse battery staple");
  await page.getByRole("button", { name: "Empezar" }).click();

  await page.getByRole("heading", { name: "Segundo factor", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Configurar" }).click();
  const secret = await page.locator("ol .code").textContent();
  await page.getByLabel("Código de su aplicación").fill(code(secret));
  await page.getByRole("button", { name: "Activar" }).click();
  await page.getByRole("heading", { name: "Sus códigos de recuperación" }).waitFor();

  await page.goto(`${home}/`);
  await isAccessible(page);
  await page.getByRole("link", { name: "Importar" }).first().click();
  await page.getByRole("heading", { name: "Importar", level: 1 }).waitFor();
  await isAccessible(page);
  await page.getByLabel("De qué es").selectOption({ label: "Sucursales y regiones" });
  await page.getByLabel("Archivo").setInputFiles({ name: "sucursales.csv", mimeType: "text/csv", buffer: Buffer.from(BRANCHES) });
  await page.getByRole("button", { name: "Probar" }).click();
  await page.getByText("Es una prueba").waitFor();
  assert.match(await page.locator("main").textContent(), /America\/Nowhere/);
  await isAccessible(page);
  await page.getByRole("button", { name: "Guardar solo las filas buenas" }).click();
  await page.getByText("Se guardó.").waitFor();
  await isAccessible(page);

  await page.goto(`${home}/people/new`);
  await page.getByLabel("Nombre").fill("Ana");
  await page.getByLabel("Usuario").fill("ana");
  await page.getByLabel("Rol").selectOption("auditor");
  await page.getByRole("button", { name: "Agregar" }).click();
  await page.getByRole("link", { name: "Ana" }).click();
  await isAccessible(page);
  await page.getByRole("button", { name: "Dar de alta un teléfono" }).click();
  await page.locator("svg.qr").waitFor();
  await isAccessible(page);
  assert.match(await page.locator(`main a[href^="${home}/app/#code="]`).textContent(), /#code=/);
  assert.deepEqual(wrong, []);
  await context.close();
});
