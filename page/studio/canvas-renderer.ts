/** Draws the stage with 2D canvases where there is no WebGL2: the image below, the coloured layers above. */
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import type { Box } from './label-plane.js';
import * as rules from './look.js';
import { IMAGE_TILE } from './rasters.js';
import { canvasPart, levelOf, type Renderer, type Scene } from './renderer.js';

/** A code of 256 and above is a label, one below a prediction, 255 neither. */
const LABEL = 256;

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
function coloured({ view, density, look, labels, prediction, uncertainty }: Scene, part: Box): ImageData {
  const scale = view.scale * density;
  const width = part.right - part.left;
  const height = part.bottom - part.top;
  // One pixel more on each side, for edges.
  const across = width + 2;
  const columns = Int32Array.from({ length: across }, (_, i) =>
    Math.floor(view.x + (part.left + i - 0.5) / scale),
  );
  const code = (x: number, y: number): number => {
    if (x < 0 || y < 0 || x >= labels.width || y >= labels.height) return IGNORE_INDEX;
    const label = look.labels ? labels.get(x, y) : IGNORE_INDEX;
    if (label !== IGNORE_INDEX && look.palette[4 * label + 3]) return LABEL + label;
    const predicted = look.prediction && prediction ? prediction.data[y * labels.width + x]! : IGNORE_INDEX;
    return look.palette[4 * predicted + 3] ? predicted : IGNORE_INDEX;
  };
  const rowOf = (j: number): Uint16Array => {
    const y = Math.floor(view.y + (part.top + j + 0.5) / scale);
    return Uint16Array.from(columns, (x) => code(x, y));
  };
  const image = new ImageData(width, height);
  const { data } = image;
  let [above, here, below] = [rowOf(-1), rowOf(0), rowOf(1)];
  for (let j = 0, to = 0; j < height; j++) {
    const y = Math.floor(view.y + (part.top + j + 0.5) / scale);
    for (let i = 1; i <= width; i++, to += 4) {
      const found = here[i]!;
      const labelled = found >= LABEL;
      let alpha = 0;
      if (found !== IGNORE_INDEX) {
        const edge =
          above[i] !== found || below[i] !== found || here[i - 1] !== found || here[i + 1] !== found;
        const at = 4 * (found & 255);
        const tinted = !look.outlines && (labelled || look.palette[at + 3] === rules.TINTED);
        alpha = tinted ? look.opacity * (labelled ? 1 : rules.PREDICTION_FAINTNESS) : 0;
        if (edge) alpha = Math.max(alpha, labelled ? rules.LABEL_EDGE : rules.PREDICTION_EDGE);
        for (let c = 0; c < 3; c++) data[to + c] = look.palette[at + c]!;
      }
      const x = columns[i]!;
      if (
        look.uncertainty &&
        uncertainty &&
        !labelled &&
        x >= 0 &&
        y >= 0 &&
        x < labels.width &&
        y < labels.height
      ) {
        const top = (uncertainty.data[y * labels.width + x]! / 255) * rules.UNCERTAIN_OPACITY;
        const whole = top + alpha * (1 - top);
        for (let c = 0; whole > 0 && c < 3; c++) {
          data[to + c] = (rules.UNCERTAIN[c]! * top + data[to + c]! * alpha * (1 - top)) / whole;
        }
        alpha = whole;
      }
      data[to + 3] = alpha * 255;
    }
    [above, here, below] = [here, below, rowOf(j + 2)];
  }
  return image;
}
