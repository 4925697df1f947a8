/** Writes a film as an animated picture. Each frame shows all samples with their masks of one epoch. */
import { join } from 'node:path';
import { decodeMask } from '../images/decode-mask.js';
import { escapeXml, overlay } from '../images/overlay.js';
import { maskLook } from '../images/palette.js';
import type { Raster } from '../images/raster.js';
import { loadSharp } from '../images/sharp.js';
import { writeOutputFile } from '../files/index.js';
import type { Film, FilmFrame } from './film.js';

const COLUMNS = 7;
const GAP = 6;
const HEADER = 34;
const FONT = 16;
const PAPER = '#ffffff';

/** Durations in milliseconds: the whole film, the limits for one frame, and the last frame. */
const FILM_MS = 10_000;
const MIN_FRAME_MS = 120;
const MAX_FRAME_MS = 700;
const LAST_FRAME_MS = 3_000;

interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly cell: { readonly width: number; readonly height: number };
}

/**
 * Writes a film as an animated WebP.
 *
 * @param folder with the film's pictures.
 * @param path output file.
 */
export async function animateFilm(folder: string, film: Film, path: string): Promise<void> {
  const images = await Promise.all(film.samples.map(({ image }) => rgbOf(join(folder, image))));
  const sheet = sheetOf(images);
  const { width, height } = sheet;
  const frameBytes = width * height * 3;
  const pages = new Uint8Array(frameBytes * film.frames.length);
  for (const [i, frame] of film.frames.entries()) {
    pages.set(await drawFrame(folder, film, frame, images, sheet), i * frameBytes);
  }
  const each = Math.round(Math.min(MAX_FRAME_MS, Math.max(MIN_FRAME_MS, FILM_MS / film.frames.length)));
  const delay = film.frames.map((_, i) => (i === film.frames.length - 1 ? LAST_FRAME_MS : each));
  const raw = { width, height: height * film.frames.length, channels: 3 as const, pageHeight: height };
  const sharp = await loadSharp();
  await writeOutputFile(
    path,
    await sharp(pages, { raw }).webp({ quality: 75, effort: 3, loop: 0, delay }).toBuffer(),
  );
}

async function rgbOf(path: string): Promise<Raster> {
  const sharp = await loadSharp();
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 3, data };
}

function sheetOf(images: readonly Raster[]): Sheet {
  const columns = Math.min(COLUMNS, images.length);
  const cell = {
    width: Math.max(...images.map(({ width }) => width)),
    height: Math.max(...images.map(({ height }) => height)),
  };
  const rows = Math.ceil(images.length / columns);
  return {
    cell,
    width: Math.max(320, columns * (cell.width + GAP) + GAP),
    height: HEADER + rows * (cell.height + GAP),
  };
}

async function drawFrame(
  folder: string,
  film: Film,
  frame: FilmFrame,
  images: readonly Raster[],
  { width, height, cell }: Sheet,
): Promise<Uint8Array> {
  const { colours } = maskLook({
    classes: film.classes.map(({ name }) => name),
    multiLabel: film.multiLabel,
  });
  const pictures = await Promise.all(
    images.map(async (image, i) => {
      const { data } = await decodeMask(join(folder, frame.masks[i]!));
      const mask = { width: image.width, height: image.height, data: Uint8Array.from(data) };
      const drawn = await overlay(image, mask, { outline: 1, clear: film.background, colours });
      const left = GAP + (i % COLUMNS) * (cell.width + GAP) + ((cell.width - image.width) >> 1);
      const top =
        HEADER + Math.floor(i / COLUMNS) * (cell.height + GAP) + ((cell.height - image.height) >> 1);
      const raw = { width: image.width, height: image.height, channels: 3 as const };
      return { input: Buffer.from(drawn.data.buffer), raw, left, top };
    }),
  );
  const header = { input: Buffer.from(headerOf(film, frame, width)), left: 0, top: 0 };
  const sharp = await loadSharp();
  const { data } = await sharp({ create: { width, height, channels: 3, background: PAPER } })
    .composite([...pictures, header])
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return data;
}

/** The epoch and score as text, and the epoch as a progress bar, which works without fonts. */
function headerOf({ part, frames }: Film, { epoch, meanIoU }: FilmFrame, width: number): string {
  const last = frames.at(-1)!.epoch;
  const score =
    meanIoU === null
      ? ''
      : ` · mean IoU ${meanIoU.toFixed(3)} (${part === 'valid' ? 'validation' : 'training'})`;
  const inner = width - 2 * GAP;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEADER}">` +
    `<text x="${GAP}" y="19" font-family="sans-serif" font-size="${FONT}" fill="#222">` +
    `${escapeXml(`epoch ${epoch} of ${last}${score}`)}</text>` +
    `<rect x="${GAP}" y="26" width="${inner}" height="3" fill="#ddd"/>` +
    `<rect x="${GAP}" y="26" width="${(inner * epoch) / last}" height="3" fill="#0072b2"/></svg>`
  );
}
