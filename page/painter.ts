/**
 * The painter: a worker that owns the visible canvas and the mask. It applies thresholds and colours, draws outlines
 * and encodes PNGs, which keeps the page's main thread free.
 */
import { indexedPng } from './indexed-png.js';
import type { Look, Mask, Painted, PainterQuestion, Picture, Probe } from './painting.js';
import { answerQuestions } from './worker-client.js';

let canvas: OffscreenCanvas;
let palette: readonly (readonly number[])[] = [];
let picture: Picture | undefined;
let mask: Mask | undefined;
let look: Look = { shown: true, opacity: 0.45, threshold: undefined, hidden: [], from: 0 };
/** The mask after thresholding, and its threshold. */
let decided: { readonly classes: Uint8Array; readonly threshold: number | undefined } | undefined;

answerQuestions<PainterQuestion, Painted | Probe | Blob | undefined>(answer);

function answer(question: PainterQuestion): Painted | Probe | Promise<Blob> | undefined {
  switch (question.kind) {
    case 'canvas':
      ({ canvas, palette } = question);
      return undefined;
    case 'picture':
      picture?.bitmap.close();
      ({ picture, mask, look } = question);
      decided = undefined;
      return paint();
    case 'mask':
      ({ mask, look } = question);
      decided = undefined;
      return paint();
    case 'look':
      ({ look } = question);
      return paint();
    case 'probe':
      return probe(question.x, question.y);
    case 'save':
      return question.what === 'mask' ? saveMask() : saveOverlay();
  }
}

function paint(): Painted {
  if (!picture) return { counts: undefined };
  const { width, height } = picture.bitmap;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  compose(canvas);
  return { counts: mask && counts() };
}

/** Draws the picture, and the mask over it. */
function compose(target: OffscreenCanvas): void {
  const context = target.getContext('2d')!;
  context.drawImage(picture!.bitmap, 0, 0);
  if (!mask || !look.shown) return;
  const layer = layerOf(mask);
  const from = Math.round(look.from * mask.width);
  if (from >= mask.width) return;
  const left = (from / mask.width) * target.width;
  const { width, height } = mask;
  context.drawImage(layer, from, 0, width - from, height, left, 0, target.width - left, target.height);
}

/** The coloured mask, and what it was coloured for: the line of a comparison moves often, the colours stay. */
let drawn: { readonly of: Mask; readonly key: string; readonly layer: OffscreenCanvas } | undefined;

function layerOf(of: Mask): OffscreenCanvas {
  const key = JSON.stringify({ ...look, from: 0 });
  if (drawn?.of === of && drawn.key === key) return drawn.layer;
  const layer = new OffscreenCanvas(of.width, of.height);
  layer.getContext('2d')!.putImageData(coloured(of), 0, 0);
  drawn = { of, key, layer };
  return layer;
}

/** The mask at the threshold. With two classes, mask and confidence together give the probability of class 1. */
function classes(): Uint8Array {
  const { mask: found, confidence } = mask!;
  const { threshold } = look;
  if (threshold === undefined) return found;
  if (decided?.threshold === threshold) return decided.classes;
  const out = new Uint8Array(found.length);
  for (let i = 0; i < found.length; i++) {
    const probability = found[i] === 1 ? confidence[i]! : 1 - confidence[i]!;
    out[i] = probability >= threshold ? 1 : 0;
  }
  decided = { classes: out, threshold };
  return out;
}

function coloured({ width, height }: Mask): ImageData {
  const values = classes();
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  // Bytes are red, green, blue, alpha in memory: the lowest comes first.
  const inside = new Uint32Array(256);
  const outline = new Uint32Array(256);
  palette.forEach(([red = 0, green = 0, blue = 0], k) => {
    if (look.hidden[k]) return;
    const colour = red | (green << 8) | (blue << 16);
    inside[k] = (colour | (Math.round(look.opacity * 255) << 24)) >>> 0;
    outline[k] = (colour | (255 << 24)) >>> 0;
  });
  const reach = Math.max(1, Math.round(Math.max(width, height) / 700));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = values[i]!;
      const edge =
        (x >= reach && values[i - reach] !== value) ||
        (x + reach < width && values[i + reach] !== value) ||
        (y >= reach && values[i - reach * width] !== value) ||
        (y + reach < height && values[i + reach * width] !== value);
      pixels[i] = (edge ? outline : inside)[value]!;
    }
  }
  return image;
}

function counts(): number[] {
  const found = new Array<number>(palette.length).fill(0);
  for (const value of classes()) found[value]!++;
  return found;
}

function probe(x: number, y: number): Probe | undefined {
  if (!mask || !picture) return undefined;
  const { width, height, mask: found, confidence } = mask;
  const column = Math.floor((x / picture.bitmap.width) * width);
  const row = Math.floor((y / picture.bitmap.height) * height);
  if (column < 0 || row < 0 || column >= width || row >= height) return undefined;
  const at = row * width + column;
  const index = classes()[at]!;
  return { index, confidence: index === found[at] ? confidence[at]! : 1 - confidence[at]! };
}

function saveMask(): Promise<Blob> {
  const { width, height } = mask!;
  return indexedPng(classes(), width, height, palette);
}

function saveOverlay(): Promise<Blob> {
  const { width, height } = picture!.bitmap;
  const copy = new OffscreenCanvas(width, height);
  const { from } = look;
  // What is saved is whole, also during a comparison.
  look = { ...look, from: 0 };
  compose(copy);
  look = { ...look, from };
  return copy.convertToBlob({ type: 'image/png' });
}
