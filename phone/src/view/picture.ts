// A picture from the camera or a file: read, turned upright, made smaller, faces covered, written as JPEG without what the
// camera wrote about it. Owns how; how large and how fine is the checklist's. Keeps nothing.

import type { PhotoLimits } from "../core/messages";

/** Longest edge of what the editor shows, pixels. */
export const PREVIEW_PX = 960;
/** How fine a picture of the app's own camera is kept beside the smaller one, of 1. */
const WHOLE_QUALITY = 0.92;
/** A covered area is drawn from so few points that nothing can be brought back. */
const COVER_POINTS = 5;

export interface Picture {
  source: CanvasImageSource;
  width: number;
  height: number;
  free(): void;
}

/** An area to cover, in parts of the width and height. */
export interface Zone {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Reads a picture upright; none where this browser cannot. */
export async function read(file: Blob): Promise<Picture | null> {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    return { source: bitmap, width: bitmap.width, height: bitmap.height, free: () => bitmap.close() };
  } catch {
    return readAsImage(file);
  }
}

/** The way of older browsers, and of formats that only `<img>` knows. */
async function readAsImage(file: Blob): Promise<Picture | null> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return { source: image, width: image.naturalWidth, height: image.naturalHeight, free: () => URL.revokeObjectURL(url) };
  } catch {
    URL.revokeObjectURL(url);
    return null;
  }
}

export function fit(picture: Picture, longest: number): { width: number; height: number } {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  return { width: Math.max(1, Math.round(picture.width * scale)), height: Math.max(1, Math.round(picture.height * scale)) };
}

/** Draws the picture and its covered areas. */
export function draw(canvas: HTMLCanvasElement, picture: Picture, zones: readonly Zone[], longest = PREVIEW_PX): void {
  const { width, height } = fit(picture, longest);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.source, 0, 0, width, height);
  for (const it of zones) cover(context, canvas, it);
}

function cover(context: CanvasRenderingContext2D, canvas: HTMLCanvasElement, zone: Zone): void {
  const [x, y] = [Math.round(zone.x * canvas.width), Math.round(zone.y * canvas.height)];
  const [w, h] = [Math.max(1, Math.round(zone.w * canvas.width)), Math.max(1, Math.round(zone.h * canvas.height))];
  const small = document.createElement("canvas");
  small.width = w >= h ? COVER_POINTS : Math.max(1, Math.round((COVER_POINTS * w) / h));
  small.height = h >= w ? COVER_POINTS : Math.max(1, Math.round((COVER_POINTS * h) / w));
  const points = small.getContext("2d");
  if (!points) throw new Error("no canvas");
  points.imageSmoothingQuality = "high";
  points.drawImage(canvas, x, y, w, h, 0, 0, small.width, small.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, x, y, w, h);
  context.imageSmoothingEnabled = true;
}

/** The JPEG that is kept and sent; none where this browser cannot write one. */
export async function finish(picture: Picture, zones: readonly Zone[], limits: PhotoLimits): Promise<Blob | null> {
  // The words "saving" are painted before the page is busy.
  await new Promise((done) => setTimeout(done, 32));
  const canvas = document.createElement("canvas");
  draw(canvas, picture, zones, limits.long_edge);
  const kept = jpegOf(canvas, limits.quality / 100);
  canvas.width = 0;
  return kept;
}

/** A picture of the app's own camera as large as it was taken, where it is larger than what is kept; none for another. */
export function whole({ source, width, height }: Picture, limits: PhotoLimits): Blob | null {
  // It is drawn already: nothing of its size is made a second time.
  return source instanceof HTMLCanvasElement && Math.max(width, height) > limits.long_edge ? jpegOf(source, WHOLE_QUALITY) : null;
}

/** `toBlob` and `convertToBlob` wait for an idle page: seconds, and at times for ever, on a busy phone. This does not. */
function jpegOf(canvas: HTMLCanvasElement, quality: number): Blob | null {
  const [, base64 = ""] = canvas.toDataURL("image/jpeg", quality).split("data:image/jpeg;base64,");
  return base64 ? new Blob([Uint8Array.from(atob(base64), (it) => it.charCodeAt(0))], { type: "image/jpeg" }) : null;
}
