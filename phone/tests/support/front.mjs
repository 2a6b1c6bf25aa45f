// What stands before the office in tests: serves the phone's files under `/app/` as an office does, passes the rest on, and plays the
// bad networks that phones meet.

import { readFile } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import { extname, join } from "node:path";

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob:; object-src 'none'; base-uri 'none'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".png": "image/png",
  ".css": "text/css",
  ".webmanifest": "application/manifest+json",
};

async function serveFile(folder, path, response) {
  const name = path === "/app/" ? "index.html" : path.slice("/app/".length);
  const content = await readFile(join(folder, name)).catch(() => null);
  if (content === null) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    "content-type": TYPES[extname(name)],
    "content-security-policy": POLICY,
    "cache-control": path.startsWith("/app/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
  });
  response.end(content);
}

const EXCHANGE = "/sync/v1/exchange";
/** So many bytes of a line are passed on at once: of an exchange so few that a cut falls into the middle of it. */
const PIECE = { photo: 4_096, other: 128 };

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Passes bytes on no faster than a line does, until `mayPass` lets nothing through any more. */
async function trickle(from, to, bytesPerSecond, atOnce, mayPass) {
  for await (const part of from) {
    for (let at = 0; at < part.length; at += atOnce) {
      const piece = part.subarray(at, at + atOnce);
      await pause((piece.length * 1_000) / bytesPerSecond);
      if (!mayPass(piece.length)) {
        return;
      }
      to.write(piece);
    }
  }
  to.end();
}

/** What the line is cut in the middle of: `edits` on their way in an exchange, the `reply` to one, which the office has taken by then,
 *  or a `photo`. */
function cutOf(request) {
  if (request.method === "PATCH") {
    return { there: "photo", back: null };
  }
  return new URL(request.url, "http://front").pathname === EXCHANGE ? { there: "edits", back: "reply" } : { there: null, back: null };
}

/** Lets pieces of so many bytes pass until the cut that is next on the list is due; then that is made, and taken off it. */
function knife(front, what, size, cut) {
  const { line } = front;
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (what === "photo") {
      front.photoBytes += bytes;
      line.photoBytes = (line.photoBytes ?? 0) + bytes;
    }
    if (line.cuts[0] !== what || (what === "photo" ? line.photoBytes < line.cutEvery : passed * 2 < size)) {
      return true;
    }
    line.photoBytes = 0;
    front.cut.push({ what: line.cuts.shift(), size });
    cut();
    return false;
  };
}

/** Brings the office's answer back. */
async function bringBack(front, request, response, answer) {
  if (front.network === "slow" && request.method === "PATCH") {
    await pause(500);
  }
  const { line } = front;
  if (line === null) {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
    return;
  }
  // All of it is here before any of it goes: the office has done what it was asked.
  const body = Buffer.concat(await answer.toArray());
  await pause(line.delayMs);
  response.writeHead(answer.statusCode, answer.headers);
  await trickle([body], response, line.downBytesPerSecond, PIECE.other, knife(front, cutOf(request).back, body.length, () => request.socket.destroy()));
}

/** Takes a request to the office. */
function pass(front, office, request, response) {
  const to = new URL(request.url, office.address);
  const deaf = front.network === "deaf";
  const passed = forward(to, { method: request.method, headers: request.headers }, (answer) => {
    if (deaf) {
      request.socket.destroy();
    } else {
      bringBack(front, request, response, answer).catch(() => request.socket?.destroy());
    }
  });
  passed.on("error", () => request.socket?.destroy());
  // A line that is cut is no failure of the test.
  request.on("error", () => passed.destroy());
  const size = Number(request.headers["content-length"] ?? 0);
  if (request.method === "PATCH") {
    front.photos.set(to.pathname, Number(to.searchParams.get("size")));
  }
  const { line } = front;
  if (line === null) {
    request.pipe(passed);
    return;
  }
  const { there } = cutOf(request);
  const cut = () => {
    passed.destroy();
    request.socket.destroy();
  };
  pause(line.delayMs)
    .then(() => trickle(request, passed, line.upBytesPerSecond, PIECE[there] ?? PIECE.other, knife(front, there, size, cut)))
    .catch(() => passed.destroy());
}

/** `seen` are the requests so far. `network` is `on`, `off` (connections break), `hangs` (nothing answers), `deaf` (requests go
 *  through, answers do not), `slow` (parts of photos take half a second), `portal` (a page answers) or `redirect` (a page elsewhere
 *  does). `holds` are paths that are not answered before it gives up on them, `fails` those that are answered with a failure of the
 *  office. `line` is how fast it is, and in the middle of what it is still to be cut, in this order; photos after so many bytes of them
 *  each time. `cut` is what was. */
export async function startFront(office, folder) {
  const front = { network: "on", holds: null, fails: null, folder, seen: [], address: "", stop: null, line: null, cut: [], photoBytes: 0, photos: new Map() };
  const held = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://front");
    front.seen.push({ method: request.method, pathname, packed: request.headers["content-encoding"] ?? null });
    if (front.network === "off") {
      request.socket.destroy();
    } else if (front.network === "hangs") {
      request.resume();
    } else if (front.holds?.test(pathname)) {
      request.resume();
      held.push(response);
    } else if (front.fails?.test(pathname)) {
      request.resume();
      const problem = { type: "about:blank", title: "on purpose", status: 500, code: "internal", errors: [] };
      response.writeHead(500, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
    } else if (front.network === "portal") {
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>Wi-Fi gratis</h1>");
    } else if (front.network === "gateway") {
      response.writeHead(413, { "content-type": "text/html" }).end("<h1>Request Entity Too Large</h1>");
    } else if (front.network === "redirect") {
      response.writeHead(302, { location: "http://127.0.0.1:9/entrar" }).end();
    } else if (pathname.startsWith("/app/")) {
      void serveFile(front.folder, pathname, response);
    } else {
      pass(front, office, request, response);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  front.address = `http://127.0.0.1:${server.address().port}`;
  /** Breaks what hangs. */
  front.drop = () => server.closeAllConnections();
  /** Says, as a proxy does, that nobody answered what is held. */
  front.giveUp = () => {
    front.holds = null;
    for (const response of held.splice(0)) {
      response.writeHead(504, { "content-type": "text/plain" }).end();
    }
  };
  front.stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return front;
}
