// Workload W on PouchDB: one document an audit, replicated to express-pouchdb and on to a second, empty database.
//
// Arguments as of anki_w.py. Prints the same JSON lines.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const PouchDB = require("pouchdb-node");

const [file, folder, port, address, run] = process.argv.slice(2);
const base = run;
mkdirSync(`${base}/server`, { recursive: true });

const server = spawn(
  process.execPath,
  [
    "--input-type=commonjs",
    "-e",
    `const express = require("express"); const PouchDB = require("pouchdb-node");
     const app = express();
     app.use("/", require("express-pouchdb")(PouchDB.defaults({ prefix: ${JSON.stringify(`${base}/server/`)} }),
       { logPath: ${JSON.stringify(`${base}/server/log.txt`)}, inMemoryConfig: true }));
     app.listen(${Number(port)}, "127.0.0.1");`,
  ],
  { cwd: folder, stdio: "inherit", env: { ...process.env, NODE_PATH: `${folder}/node_modules` } },
);

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
    const up = await fetch(`http://127.0.0.1:${port}/`).then((it) => it.ok, () => false);
    if (up) break;
    if (tries > 200) throw new Error("express-pouchdb does not answer");
    await new Promise((done) => setTimeout(done, 50));
  }
  const audits = readFileSync(file, "utf8").trimEnd().split("\n").map((it) => it.split("\t"));
  const first = new PouchDB(`${base}/first`);
  const documents = audits.map((answers, number) => ({
    _id: `audit-${String(number).padStart(6, "0")}`,
    answers: Object.fromEntries(answers.map((it, at) => [`A${String(at).padStart(2, "0")}`, it])),
  }));
  await first.bulkDocs(documents);
  const remote = () => new PouchDB(`http://${address}/audits`);
  await remote().info();
  say({ ready: run });
  await lines.next();
  let before = cpu();
  let mine = own();
  let begun = performance.now();
  await first.replicate.to(remote());
  say({ pushed: (performance.now() - begun) / 1000, server: cpu() - before, client: own() - mine });
  await lines.next();
  const second = new PouchDB(`${base}/second`);
  await second.info();
  before = cpu();
  mine = own();
  begun = performance.now();
  await second.replicate.from(remote());
  const took = (performance.now() - begun) / 1000;
  const spent = own() - mine;
  const held = (await second.info()).doc_count;
  if (held !== audits.length) throw new Error(`the second database holds ${held}`);
  say({ pulled: took, server: cpu() - before, client: spent });
} finally {
  server.kill();
}
process.exit(0);
