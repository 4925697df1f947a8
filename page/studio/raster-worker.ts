/** A worker that decodes images and masks, gives tiles of the open image at each scale, and encodes labels. */
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import { decodePng, type PngSamples } from '../../src/images/png-samples.js';
import { indexedPng } from '../indexed-png.js';
import { answerQuestions } from '../worker-client.js';
import { cutIntoTiles, TILE } from './label-plane.js';
import {
  type DecodedLabels,
  IMAGE_TILE,
  type OpenedImage,
  type Plane,
  type RasterAnswers,
  type RasterQuestion,
} from './rasters.js';

/** The open image, each level half the size of the one before. */
let levels: (ImageBitmap | OffscreenCanvas)[] = [];

answerQuestions<RasterQuestion, RasterAnswers[keyof RasterAnswers]>(
  (question) => {
    switch (question.kind) {
      case 'open':
        return open(question.file);
      case 'tile':
        return tile(question);
      case 'labels':
        return labels(question.png);
      case 'plane':
        return plane(question.png);
      case 'encode':
        return encode(question);
    }
  },
  (answer) => {
    if (answer instanceof ImageBitmap) return [answer];
    if (answer && 'data' in answer) return [answer.data.buffer];
    if (answer && 'tiles' in answer) return answer.tiles.flatMap((t) => (t ? [t.buffer as ArrayBuffer] : []));
    return [];
  },
);

/** Counts the images that were to be opened: an earlier one may be decoded after a later one. */
let openings = 0;

async function open(file: Blob): Promise<OpenedImage> {
  const opening = ++openings;
  // Colours as stored, as the model gets them.
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none' });
  const { width, height } = bitmap;
  if (opening !== openings) bitmap.close();
  else {
    for (const level of levels) if (level instanceof ImageBitmap) level.close();
    levels = [bitmap];
  }
  return { width, height };
}

/** The part of the open image, which may end at the image's edges before the tile does. */
function partOf(image: { width: number; height: number }, question: { column: number; row: number }) {
  const x = question.column * IMAGE_TILE;
  const y = question.row * IMAGE_TILE;
  return {
    x,
    y,
    width: Math.min(IMAGE_TILE, image.width - x),
    height: Math.min(IMAGE_TILE, image.height - y),
  };
}

function tile(question: Extract<RasterQuestion, { kind: 'tile' }>): Promise<ImageBitmap> | undefined {
  const picture = levelOf(question.level);
  if (!picture) return undefined;
  const { x, y, width, height } = partOf(picture, question);
  if (width <= 0 || height <= 0) return undefined;
  return createImageBitmap(picture, x, y, width, height);
}

function levelOf(level: number): ImageBitmap | OffscreenCanvas | undefined {
  while (levels.length > 0 && levels.length <= level) {
    const finer = levels.at(-1)!;
    const canvas = new OffscreenCanvas(Math.ceil(finer.width / 2), Math.ceil(finer.height / 2));
    const context = canvas.getContext('2d')!;
    context.imageSmoothingQuality = 'medium';
    context.drawImage(finer, 0, 0, canvas.width, canvas.height);
    levels.push(canvas);
  }
  return levels[level];
}

async function labels(png: Uint8Array<ArrayBuffer>): Promise<DecodedLabels> {
  const { width, height, data } = await plane(png);
  return { width, height, ...cutIntoTiles(data, width, height) };
}

async function plane(png: Uint8Array<ArrayBuffer>): Promise<Plane> {
  const { width, height, channels, data } = await decoded(png);
  if (channels !== 1 || !(data instanceof Uint8Array)) {
    throw new Error(`The server sent a PNG of ${channels} channels where one of class indices was expected.`);
  }
  return { width, height, data: data as Uint8Array<ArrayBuffer> };
}

function decoded(png: Uint8Array<ArrayBuffer>): Promise<PngSamples> {
  return decodePng('the image', png, async (parts, most) => {
    const stream = new Blob(parts as Uint8Array<ArrayBuffer>[])
      .stream()
      .pipeThrough(new DecompressionStream('deflate'));
    const out = new Uint8Array(most);
    let at = 0;
    for (let reader = stream.getReader(); ;) {
      const { value, done } = await reader.read();
      if (done) return out.subarray(0, at);
      if (at + value.length > most) throw new Error('it has more pixels than its header says');
      out.set(value, at);
      at += value.length;
    }
  });
}

function encode({
  width,
  height,
  tiles,
  palette,
}: Extract<RasterQuestion, { kind: 'encode' }>): Promise<Blob> {
  const data = new Uint8Array(width * height).fill(IGNORE_INDEX);
  const columns = Math.ceil(width / TILE);
  for (const [number, bytes] of tiles) {
    const left = (number % columns) * TILE;
    const top = Math.floor(number / columns) * TILE;
    const across = Math.min(TILE, width - left);
    for (let y = 0; y < Math.min(TILE, height - top); y++) {
      data.set(bytes.subarray(y * TILE, y * TILE + across), (top + y) * width + left);
    }
  }
  return indexedPng(data, width, height, palette);
}
