// Workload W on Kinto (in memory) and kinto.js over fake-indexeddb: one record an audit.
//
// Arguments as of anki_w.py, and the `kinto` program after them. Prints the same JSON lines.

import "fake-indexeddb/auto";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[3]}/package.json`);
globalThis.self ??= globalThis;
const loaded = require("kinto");
const Kinto = loaded.default ?? loaded;

const [file, folder, port, address, run, program] = process.argv.slice(2);
const base = run;
mkdirSync(base, { recursive: true });
writeFileSync(
  `${base}/kinto.ini`,
  `[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = ${port}
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.bucket_create_principals = system.Everyone
kinto.includes = kinto.plugins.default_bucket
multiauth.policies = basicauth
multiauth.policy.basicauth.use = kinto.core.authentication.BasicAuthAuthenticationPolicy
kinto.userid_hmac_secret = bench
kinto.paginate_by = 10000
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = ERROR
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
`,
);
const server = spawn(program, ["start", "--ini", `${base}/kinto.ini`], { stdio: ["ignore", "ignore", "inherit"] });
const cpu = () => {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const own = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));

try {
  for (let tries = 0; ; tries += 1) {
    const up = await fetch(`http://127.0.0.1:${port}/v1/`).then((it) => it.ok, () => false);
    if (up) break;
    if (tries > 400) throw new Error("Kinto does not answer");
    await new Promise((done) => setTimeout(done, 50));
  }
  const audits = readFileSync(file, "utf8").trimEnd().split("\n").map((it) => it.split("\t"));
  const headers = { Authorization: `Basic ${Buffer.from("bench:bench").toString("base64")}` };
  const client = (name) =>
    new Kinto({ remote: `http://${address}/v1`, headers, bucket: "default", adapterOptions: { dbName: name } }).collection(
      "audits",
    );
  const first = client("first");
  for (const answers of audits) {
    await first.create({ answers: Object.fromEntries(answers.map((it, at) => [`A${String(at).padStart(2, "0")}`, it])) });
  }
  say({ ready: run });
  await lines.next();
  let before = cpu();
  let mine = own();
  let begun = performance.now();
  const pushed = await first.sync();
  if (!pushed.ok) throw new Error(JSON.stringify(pushed.errors.slice(0, 2)));
  say({ pushed: (performance.now() - begun) / 1000, server: cpu() - before, client: own() - mine });
  await lines.next();
  const second = client("second");
  before = cpu();
  mine = own();
  begun = performance.now();
  const pulled = await second.sync();
  const took = (performance.now() - begun) / 1000;
  const spent = own() - mine;
  const held = (await second.list()).data.length;
  if (!pulled.ok || held !== audits.length) throw new Error(`the second store holds ${held}`);
  say({ pulled: took, server: cpu() - before, client: spent });
} finally {
  server.kill();
}
process.exit(0);
