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

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Passes bytes on no faster than a line does. */
async function trickle(from, to, bytesPerSecond, heard = () => true) {
  for await (const part of from) {
    for (let at = 0; at < part.length; at += 4_096) {
      const piece = part.subarray(at, at + 4_096);
      await pause((piece.length * 1_000) / bytesPerSecond);
      if (!heard(piece.length)) {
        return;
      }
      to.write(piece);
    }
  }
  to.end();
}

/** `seen` are the requests so far. `network` is `on`, `off` (connections break), `hangs` (nothing answers), `deaf` (requests go
 *  through, answers do not), `slow` (parts of photos take half a second), `portal` (a page answers) or `redirect` (a page elsewhere
 *  does). `holds` are paths that are not answered before it gives up on them, `fails` those that are answered with a failure of the office. `line` is how fast it is, and how often it still is to be cut: after so many bytes of photos each time. */
export async function startFront(office, folder) {
  const front = { network: "on", holds: null, fails: null, folder, seen: [], address: "", stop: null, line: null, photoBytes: 0, largestPart: 0, photos: new Map() };
  const held = [];
  let sinceCut = 0;
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
    } else if (front.network === "redirect") {
      response.writeHead(302, { location: "http://127.0.0.1:9/entrar" }).end();
    } else if (pathname.startsWith("/app/")) {
      void serveFile(front.folder, pathname, response);
    } else {
      const to = new URL(request.url, office.address);
      const deaf = front.network === "deaf";
      const passed = forward(to, { method: request.method, headers: request.headers }, async (answer) => {
        if (deaf) {
          request.socket.destroy();
          return;
        }
        if (front.network === "slow" && request.method === "PATCH") {
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
        response.writeHead(answer.statusCode, answer.headers);
        const { line } = front;
        if (line === null) {
          answer.pipe(response);
        } else {
          await pause(line.delayMs);
          await trickle(answer, response, line.downBytesPerSecond);
        }
      });
      passed.on("error", () => request.socket?.destroy());
      const { line } = front;
      const isPhoto = request.method === "PATCH";
      if (isPhoto) {
        front.photos.set(pathname, Number(new URL(request.url, "http://front").searchParams.get("size")));
      }
      front.largestPart = Math.max(front.largestPart, isPhoto ? Number(request.headers["content-length"]) : 0);
      if (line === null) {
        request.pipe(passed);
        return;
      }
      const heard = (bytes) => {
        if (!isPhoto) {
          return true;
        }
        front.photoBytes += bytes;
        sinceCut += bytes;
        if (line.cuts === 0 || sinceCut < line.cutEvery) {
          return true;
        }
        line.cuts -= 1;
        sinceCut = 0;
        passed.destroy();
        request.socket.destroy();
        return false;
      };
      pause(line.delayMs)
        .then(() => trickle(request, passed, line.upBytesPerSecond, heard))
        .catch(() => passed.destroy());
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
