/**
 * Draws the stage with 2D canvases where there is no WebGL2, or only one that computes pixels in software, from which
 * the browser would copy the whole canvas in each frame. The image is below, the coloured layers are above.
 */
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import { type Box, TILE } from './label-plane.js';
import * as rules from './look.js';
import type { Look } from './look.js';
import { IMAGE_TILE, type Plane } from './rasters.js';
import { canvasPart, levelOf, type Renderer, type Scene } from './renderer.js';

/** A code of 256 and above is a label, one below a prediction, 255 neither. */
const LABEL = 256;
const NO_LABEL = 0xffff;

export class CanvasRenderer implements Renderer {
  readonly kind = '2d';
  // All pixels are computed on the main thread.
  readonly mostDensity = 1;
  private readonly over = document.createElement('canvas').getContext('2d')!;
  private readonly context: CanvasRenderingContext2D;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext('2d')!;
  }

  labelsChanged(): void {}
  planesChanged(): void {}
  reset(): void {}

  draw(scene: Scene, damage: Box | undefined): boolean {
    const part = canvasPart(scene, damage);
    const width = part.right - part.left;
    const height = part.bottom - part.top;
    if (width <= 0 || height <= 0) return false;
    this.drawImage(scene, part);
    if (!scene.prediction && scene.labels.used().next().done) return false;
    if (this.over.canvas.width < width || this.over.canvas.height < height) {
      Object.assign(this.over.canvas, { width: this.canvas.width, height: this.canvas.height });
    }
    this.over.putImageData(coloured(scene, part), 0, 0);
    this.context.drawImage(this.over.canvas, 0, 0, width, height, part.left, part.top, width, height);
    return false;
  }

  private drawImage({ view, density, image }: Scene, part: Box): void {
    const { context } = this;
    const scale = view.scale * density;
    context.save();
    context.beginPath();
    context.rect(part.left, part.top, part.right - part.left, part.bottom - part.top);
    context.clip();
    context.clearRect(part.left, part.top, part.right - part.left, part.bottom - part.top);
    context.imageSmoothingEnabled = scale < 2;
    const x = (at: number) => (at - view.x) * scale;
    const y = (at: number) => (at - view.y) * scale;
    const seen = [part.left, part.top, part.right, part.bottom].map(
      (at, i) => at / scale + (i % 2 ? view.y : view.x),
    ) as [number, number, number, number];
    for (const { bitmap, level, column, row } of image.visible(levelOf(scale), ...seen)) {
      const step = 2 ** level;
      const left = column * IMAGE_TILE * step;
      const top = row * IMAGE_TILE * step;
      const right = Math.min(image.width, left + bitmap.width * step);
      const bottom = Math.min(image.height, top + bitmap.height * step);
      context.drawImage(bitmap, x(left), y(top), (right - left) * scale, (bottom - top) * scale);
    }
    context.restore();
  }
}

/** The layers on a part of the canvas, by the rules of `look.ts`. */
function coloured(scene: Scene, part: Box): ImageData {
  const { view, density, look, uncertainty } = scene;
  const scale = view.scale * density;
  const width = part.right - part.left;
  const height = part.bottom - part.top;
  const codes = new Codes(scene, part);
  const colours = coloursOf(look);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  let [above, here, below] = [codes.row(-1), codes.row(0), codes.row(1)];
  for (let j = 0, to = 0; j < height; j++) {
    for (let i = 1; i <= width; i++, to++) {
      const code = here[i]!;
      if (code === IGNORE_INDEX) continue;
      const edge = above[i] !== code || below[i] !== code || here[i - 1] !== code || here[i + 1] !== code;
      pixels[to] = colours[2 * code + Number(edge)]!;
    }
    if (look.uncertainty && uncertainty) {
      const y = Math.floor(view.y + (part.top + j + 0.5) / scale);
      if (y >= 0 && y < uncertainty.height) {
        const line = image.data.subarray(4 * j * width, 4 * (j + 1) * width);
        addUncertainty(line, here, codes.columns, uncertainty, y);
      }
    }
    [above, here, below] = [here, below, codes.row(j + 2, above)];
  }
  return image;
}

/** What rows of the canvas show: a code for each pixel, with one more on each side, for edges. */
class Codes {
  /** The image's column under each pixel of a row. */
  readonly columns: Int32Array;
  /** Pixels of a row that are on one column of tiles. Those outside the image are on none. */
  private readonly runs: { readonly column: number; readonly start: number; end: number }[] = [];
  /** By label, its code; NO_LABEL where a prediction shows. By predicted class, its code. */
  private readonly labelCodes = new Uint16Array(256).fill(NO_LABEL);
  private readonly predictedCodes = new Uint16Array(256).fill(IGNORE_INDEX);

  constructor(
    private readonly scene: Scene,
    private readonly part: Box,
  ) {
    const { view, density, look, labels } = scene;
    const scale = view.scale * density;
    this.columns = Int32Array.from({ length: part.right - part.left + 2 }, (_, i) =>
      Math.floor(view.x + (part.left + i - 0.5) / scale),
    );
    for (const [i, x] of this.columns.entries()) {
      if (x < 0 || x >= labels.width) continue;
      const column = Math.floor(x / TILE);
      const last = this.runs.at(-1);
      if (last?.column === column) last.end = i + 1;
      else this.runs.push({ column, start: i, end: i + 1 });
    }
    for (let k = 0; k < IGNORE_INDEX; k++) {
      if (look.palette[4 * k + 3] === rules.HIDDEN) continue;
      this.labelCodes[k] = LABEL + k;
      this.predictedCodes[k] = k;
    }
  }

  /** @param out is filled and returned. */
  row(j: number, out = new Uint16Array(this.columns.length)): Uint16Array<ArrayBuffer> {
    const { view, density, look, labels, prediction } = this.scene;
    const { columns, labelCodes, predictedCodes } = this;
    out.fill(IGNORE_INDEX);
    const y = Math.floor(view.y + (this.part.top + j + 0.5) / (view.scale * density));
    if (y < 0 || y >= labels.height) return out;
    const predicted = look.prediction ? prediction?.data.subarray(y * labels.width) : undefined;
    const at = (y % TILE) * TILE;
    for (const { column, start, end } of this.runs) {
      const tile = look.labels ? labels.tile(column, Math.floor(y / TILE)) : undefined;
      if (!tile && !predicted) continue;
      for (let i = start; i < end; i++) {
        const x = columns[i]!;
        const code = tile ? labelCodes[tile[at + (x % TILE)]!]! : NO_LABEL;
        if (code !== NO_LABEL) out[i] = code;
        else if (predicted) out[i] = predictedCodes[predicted[x]!]!;
      }
    }
    return out;
  }
}

/** For each code, its colour inside a region and at an edge: four bytes as one number. */
function coloursOf(look: Look): Uint32Array {
  const bytes = new Uint8ClampedArray(4 * 2 * 2 * LABEL);
  for (let code = 0; code < 2 * LABEL; code++) {
    const labelled = code >= LABEL;
    const [red, green, blue, shown] = look.palette.subarray(4 * (code % LABEL), 4 * (code % LABEL) + 4);
    const tinted = !look.outlines && (labelled || shown === rules.TINTED);
    const inside = tinted ? look.opacity * (labelled ? 1 : rules.PREDICTION_FAINTNESS) : 0;
    const edge = Math.max(inside, labelled ? rules.LABEL_EDGE : rules.PREDICTION_EDGE);
    bytes.set([red!, green!, blue!, inside * 255, red!, green!, blue!, edge * 255], 8 * code);
  }
  return new Uint32Array(bytes.buffer);
}

/** Draws uncertainty over a row of colours, where there is no label. */
function addUncertainty(
  line: Uint8ClampedArray,
  codes: Uint16Array,
  columns: Int32Array,
  { data, width }: Plane,
  y: number,
): void {
  for (let i = 1, to = 0; to < line.length; i++, to += 4) {
    const x = columns[i]!;
    if (codes[i]! >= LABEL || x < 0 || x >= width) continue;
    const top = (data[y * width + x]! / 255) * rules.UNCERTAIN_OPACITY;
    const alpha = line[to + 3]! / 255;
    const whole = top + alpha * (1 - top);
    if (whole === 0) continue;
    for (let c = 0; c < 3; c++) {
      line[to + c] = (rules.UNCERTAIN[c]! * top + line[to + c]! * alpha * (1 - top)) / whole;
    }
    line[to + 3] = whole * 255;
  }
}
