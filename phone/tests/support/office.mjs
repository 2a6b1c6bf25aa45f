// An office for tests: the `veedor` binary over a fresh SQLite, with an organization, a manager, and auditors and visits as tests want
// them.

import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const VEEDOR = process.env.VEEDOR_BIN ?? new URL("../../../target/debug/veedor", import.meta.url).pathname;
export const PASSWORD = "correct horse battery staple";
export const ORGANIZATION = "acme";
/** Who works in the office: plans visits, knows devices, looks at evidence, handles incidents. */
const STAFF = { marta: "programme_manager", olga: "admin", rita: "reviewer", carla: "incident_custodian" };
const CHECKLIST = { id: "ms-banco-sucursal", version: 2 };

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** `phone` is the folder of an app that the office serves. */
export async function startOffice({ phone = null } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "veedor-office-"));
  const database = `sqlite:${join(folder, "veedor.db")}`;
  // Its settings also come from the environment, where a name that is none of them is refused.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VEEDOR_")));
  // Its administrators sign in by the API, with a password alone.
  environment.VEEDOR_SECOND_FACTOR = "offered";
  const admin = (...words) =>
    new Promise((resolve, reject) => {
      const done = (error, stdout, stderr) => (error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout));
      const child = execFile(VEEDOR, ["admin", "--database-url", database, ...words], { cwd: folder, env: environment }, done);
      // Most of what it is asked wants no password, and may be over before it is told one.
      child.stdin.on("error", () => undefined);
      child.stdin.end(`${PASSWORD}\n`);
    });
  await admin("org", "add", "--slug", ORGANIZATION, "--name", "Acme", "--locale", "es-MX", "--zone", "America/Mexico_City");
  for (const [login, role] of Object.entries(STAFF)) {
    await admin("user", "add", "--org", ORGANIZATION, "--login", login, "--name", login, "--role", role, "--password-stdin");
  }
  const address = `http://127.0.0.1:${await freePort()}`;
  const serve = () => spawn(VEEDOR, ["serve", "--database-url", database, "--listen", address.slice("http://".length), ...(phone ? ["--phone", phone] : [])], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "ignore", process.env.VEEDOR_LOUD ? "inherit" : "ignore"],
  });
  let server = serve();
  const answers = async () => {
    for (let tries = 0; tries < 200; tries += 1) {
      if (await fetch(address).catch(() => null)) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("the office does not answer");
  };
  const end = async (signal) => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    await ended;
  };
  const tokens = {};
  const call = async (method, path, body = null, who = "marta") => {
    const token = tokens[who];
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${address}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    }
    return answer;
  };
  await answers();
  for (const login of Object.keys(STAFF)) {
    tokens[login] = (await call("POST", "/sessions", { organization: ORGANIZATION, login, password: PASSWORD })).token;
  }
  let [made, keys] = [0, 0];
  return {
    address,
    call,
    newCode: async (login) => JSON.parse(await admin("device-code", "--org", ORGANIZATION, "--login", login)).code,
    /** What the operator is told who brings a rescue file. */
    importRescue: async (bytes) => {
      const file = join(folder, `phone-${randomUUID()}.rescate`);
      await writeFile(file, bytes);
      return JSON.parse(await admin("rescue", "import", file));
    },
    /** The bytes of a photo as they came. */
    original: async (visit, blob, who) => {
      const response = await fetch(`${address}/api/v1/visits/${visit}/evidence/${blob}/original`, { headers: { authorization: `Bearer ${tokens[who]}` } });
      if (!response.ok) {
        throw new Error(`${response.status} ${await response.text()}`);
      }
      return new Uint8Array(await response.arrayBuffer());
    },
    /** Makes another incident key; gives its id. */
    newIncidentKey: async () => {
      keys += 1;
      const out = join(folder, `incident-${keys}.key`);
      return JSON.parse(await admin("incident-key", "--org", ORGANIZATION, "--out", out)).key;
    },
    /** An auditor with one visit to make; `onPhones` is what its programme allows there. */
    newAuditor: async ({ onPhones = null, template = CHECKLIST } = {}) => {
      made += 1;
      const login = `ana${made}`;
      const { id } = JSON.parse(await admin("user", "add", "--org", ORGANIZATION, "--login", login, "--name", `Ana ${made}`, "--role", "auditor"));
      const branches = [{ code: `00${made}`, name: `Centro ${made}`, zone: "America/Mexico_City" }];
      const branch = (await call("PUT", "/branches", branches)).items[0].id;
      const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
      const visit = { branch_id: branch, auditor_id: id, template, window_from: day(-2), window_to: day(20) };
      if (onPhones) {
        const programme = await call("POST", "/programmes", { code: `P${made}`, name: `Programa ${made}`, on_phones: onPhones });
        const wave = { name: "Oleada", window_from: visit.window_from, window_to: visit.window_to };
        visit.wave_id = (await call("POST", `/programmes/${programme.id}/waves`, wave)).id;
      }
      await call("POST", "/assignments", [visit]);
      return { login, id, branch };
    },
    /** The power goes off in the office. */
    kill: () => end("SIGKILL"),
    /** And comes back. */
    restart: async () => {
      server = serve();
      await answers();
    },
    /** Releases a checklist from its text. */
    release: async (text, { id, version }) => {
      await call("POST", "/content", { kind: "checklist", text });
      await call("POST", `/content/checklist/${id}/${version}/release`, {});
      return { id, version };
    },
    stop: async () => {
      await end("SIGTERM");
      await rm(folder, { recursive: true });
    },
  };
}
