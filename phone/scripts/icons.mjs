// Draws the icons of the installed app: `node scripts/icons.mjs`. Neutral on purpose: whoever looks over an auditor's shoulder sees a
// list, not an audit. What matters lies within the middle 80 %, which every mask leaves.

import { writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { chromium } from "playwright-core";

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
  <rect width="100" height="100" fill="#24506b"/>
  <g fill="none" stroke="#ffffff" stroke-width="6" stroke-linecap="round" stroke-linejoin="round">
    <path d="M26 34l5 5 8-10M26 54l5 5 8-10M26 74l5 5 8-10" transform="translate(0 -2)"/>
    <path d="M51 34h23M51 54h23M51 74h15" transform="translate(0 -2)"/>
  </g>
</svg>`;

/** Shades between the ground and white: with sixteen, a point of the picture is half a byte, and the whole a quarter of what it was. */
const SHADES = 16;
const GROUND = [0x24, 0x50, 0x6b];

function chunk(kind, content) {
  const named = Buffer.concat([Buffer.from(kind, "latin1"), Buffer.from(content)]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** A PNG of shades, a row after the other. */
function png(size, shades) {
  const rows = Buffer.alloc(size * (1 + size / 2));
  shades.forEach((shade, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    rows[row * (1 + size / 2) + 1 + (column >> 1)] |= shade << (column % 2 === 0 ? 4 : 0);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  // Four bits a point, which name a colour of the palette.
  header.set([4, 3], 8);
  const share = (shade, ground) => Math.round(ground + ((255 - ground) * shade) / (SHADES - 1));
  const palette = Array.from({ length: SHADES }, (_, shade) => GROUND.map((ground) => share(shade, ground))).flat();
  const packed = deflateSync(rows, { level: 9, memLevel: 9 });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("PLTE", palette), chunk("IDAT", packed), chunk("IEND", [])]);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage();
for (const size of [192, 512]) {
  const reds = await page.evaluate(
    async ([source, side]) => {
      const image = new Image();
      image.src = `data:image/svg+xml,${encodeURIComponent(source.replace("<svg", `<svg width="${side}" height="${side}"`))}`;
      await image.decode();
      const canvas = new OffscreenCanvas(side, side).getContext("2d");
      canvas.drawImage(image, 0, 0);
      return [...canvas.getImageData(0, 0, side, side).data.filter((_, at) => at % 4 === 0)];
    },
    [svg, size],
  );
  const shades = reds.map((red) => Math.round(((red - GROUND[0]) / (255 - GROUND[0])) * (SHADES - 1)));
  writeFileSync(new URL(`../public/icons/${size}.png`, import.meta.url), png(size, shades));
}
await browser.close();
