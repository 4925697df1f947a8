/**
 * Connected components of a mask. Classes are 8-connected and the background is 4-connected, so that a diagonal line
 * one pixel wide separates the background on its two sides.
 *
 * Labelling is the two-pass algorithm with union-find (Rosenfeld & Pfaltz, "Sequential operations in digital
 * picture processing", 1966).
 */

/** A value for every pixel (H×W), such as its class. */
export interface ValueMask {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

export interface Component {
  /** The class of its pixels. */
  readonly value: number;
  /** Number of pixels. */
  readonly area: number;
  /** Index of its first pixel in row-major order. */
  readonly first: number;
  /** Whether one of its pixels is on the image border. */
  readonly touchesBorder: boolean;
}

export interface Components {
  /** Index into `components` for every pixel. */
  readonly labels: Int32Array;
  /** Sorted by their first pixels. */
  readonly components: readonly Component[];
}

/**
 * Finds the connected components of each class.
 * @param background the class that is 4-connected; all others are 8-connected. `all` makes every class
 *   4-connected, null none.
 */
export function connectedComponents(
  { width, height, data }: ValueMask,
  background: number | 'all' | null = 0,
): Components {
  const parents = new Int32Array(data.length);
  const root = (pixel: number): number => {
    let at = pixel;
    // Path halving.
    while (parents[at] !== at) at = parents[at] = parents[parents[at]!]!;
    return at;
  };
  // The root of a component is its first pixel, because labels are assigned in that order.
  const join = (a: number, b: number): number => {
    const [x, y] = [root(a), root(b)];
    if (x < y) return (parents[y] = x);
    return (parents[x] = y);
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = data[i]!;
      let at = i;
      parents[i] = i;
      if (x > 0 && data[i - 1] === value) at = join(i - 1, at);
      if (y === 0) continue;
      if (data[i - width] === value) at = join(i - width, at);
      if (background === 'all' || value === background) continue;
      if (x > 0 && data[i - width - 1] === value) at = join(i - width - 1, at);
      if (x < width - 1 && data[i - width + 1] === value) join(i - width + 1, at);
    }
  }
  const labels = parents;
  const areas: number[] = [];
  const firsts: number[] = [];
  const border: boolean[] = [];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      // A parent precedes its pixel, so it already has its label.
      const label = parents[i] === i ? areas.length : labels[parents[i]!]!;
      if (parents[i] === i) {
        areas.push(0);
        firsts.push(i);
        border.push(false);
      }
      labels[i] = label;
      areas[label]!++;
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) border[label] = true;
    }
  }
  const components = areas.map((area, label): Component => {
    const first = firsts[label]!;
    return { value: data[first]!, area, first, touchesBorder: border[label]! };
  });
  return { labels, components };
}
