/**
 * The weight of each pixel in the boundary-weighted cross-entropy: the map of distances with which the U-Net paper
 * teaches the model to separate touching cells (Ronneberger et al. 2015, eq. 2).
 */
import { checkSettings, real, type Settings, whole } from '../../settings/index.js';
import { IGNORE_INDEX } from './loss.js';

export interface BoundaryWeightOptions {
  /** w₀, the weight that the narrowest gap adds to the 1 of every pixel. */
  readonly strength?: number;
  /** σ in pixels: gaps much wider than this get no extra weight. */
  readonly sigma?: number;
  /** The class between objects. */
  readonly background?: number;
}

export const BOUNDARY_WEIGHT_SETTINGS: Settings<Required<BoundaryWeightOptions>> = {
  strength: { kind: real({ min: 0 }), help: 'weight that the narrowest gap adds to 1', default: 10 },
  sigma: { kind: real({ min: 0.1 }), help: 'width of the gaps that get extra weight, in pixels', default: 5 },
  background: { kind: whole(0, 254), help: 'class between objects', default: 0 },
};

/**
 * 1 + w₀·exp(−(d₁ + d₂)² ÷ 2σ²) for background pixels, 1 for all others. d₁ and d₂ are the distances (between
 * pixel centres) to the nearest and the second nearest object. An object is a connected component of one class, its
 * pixels joined by sides or corners. Objects more than 5σ away are left out.
 *
 * @param target H×W classes. @param into receives H×W weights.
 */
export function boundaryWeights(
  target: Uint8Array,
  height: number,
  width: number,
  options: BoundaryWeightOptions,
  into: Float32Array,
): void {
  const { strength, sigma, background } = checkSettings('boundaryWeights', BOUNDARY_WEIGHT_SETTINGS, options);
  const objects = labelObjects(target, height, width, background);
  weightsBetween(objects, height, width, { strength, sigma }, (i) => target[i] === background, into);
}

/**
 * 1 + w₀·exp(−(d₁ + d₂)² ÷ 2σ²) for some pixels, 1 for all others. d₁ of a pixel of an object is 0.
 *
 * @param objects H×W, the number of each pixel's object, or 0. @param isWeighed whether a pixel, by its index, is one of them.
 */
export function weightsBetween(
  objects: Int32Array,
  height: number,
  width: number,
  { strength, sigma }: Required<Pick<BoundaryWeightOptions, 'strength' | 'sigma'>>,
  isWeighed: (pixel: number) => boolean,
  into: Float32Array,
): void {
  into.fill(1);
  const near = nearestInColumns(objects, height, width);
  const reach = Math.ceil(5 * sigma);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (!isWeighed(at)) continue;
      let [first, label, second] = [Infinity, 0, Infinity];
      // Goes outwards until no farther column can contain a nearer object than the two found.
      for (let step = 0; step <= reach && step * step < second; step++) {
        for (const column of step === 0 ? [x] : [x - step, x + step]) {
          if (column < 0 || column >= width) continue;
          for (let k = 2 * (y * width + column), end = k + 2; k < end; k++) {
            const object = near.object[k]!;
            if (object === 0) break;
            const square = step * step + near.distance[k]! ** 2;
            if (object === label) first = Math.min(first, square);
            else if (square < first) [second, first, label] = [first, square, object];
            else if (square < second) second = square;
          }
        }
      }
      if (second === Infinity) continue;
      const gap = Math.sqrt(first) + Math.sqrt(second);
      into[at] = 1 + strength * Math.exp(-(gap * gap) / (2 * sigma * sigma));
    }
  }
}

/** Numbers the objects from 1; 0 for all other pixels. */
export function labelObjects(
  target: Uint8Array,
  height: number,
  width: number,
  background: number,
): Int32Array {
  const labels = new Int32Array(height * width);
  const open: number[] = [];
  let count = 0;
  for (let start = 0; start < labels.length; start++) {
    const value = target[start]!;
    if (labels[start] !== 0 || value === background || value === IGNORE_INDEX) continue;
    labels[start] = ++count;
    open.push(start);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const x = at % width;
      const y = (at - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (labels[next] !== 0 || target[next] !== value) continue;
          labels[next] = count;
          open.push(next);
        }
      }
    }
  }
  return labels;
}

/** For each pixel the two nearest objects in its column, the nearer first. Object 0 means none. */
interface ColumnNeighbours {
  readonly object: Int32Array;
  readonly distance: Int32Array;
}

function nearestInColumns(objects: Int32Array, height: number, width: number): ColumnNeighbours {
  const object = new Int32Array(2 * objects.length);
  const distance = new Int32Array(2 * objects.length);
  const offer = (at: number, label: number, rows: number) => {
    const [a, b] = [2 * at, 2 * at + 1];
    if (label === 0 || (object[a] === label && distance[a]! <= rows)) return;
    if (object[a] === 0 || rows < distance[a]!) {
      if (object[a] !== label) [object[b], distance[b]] = [object[a]!, distance[a]!];
      [object[a], distance[a]] = [label, rows];
    } else if (object[b] === 0 || rows < distance[b]!) {
      [object[b], distance[b]] = [label, rows];
    }
  };
  for (let x = 0; x < width; x++) {
    for (const down of [true, false]) {
      // The object met last in this direction, and the one met last before that was another.
      let [label, row, other, otherRow] = [0, 0, 0, 0];
      for (let i = 0; i < height; i++) {
        const y = down ? i : height - 1 - i;
        const at = y * width + x;
        const here = objects[at]!;
        if (here !== 0) {
          if (here !== label) [other, otherRow] = [label, row];
          [label, row] = [here, y];
        }
        offer(at, label, Math.abs(y - row));
        offer(at, other, Math.abs(y - otherRow));
      }
    }
  }
  return { object, distance };
}
