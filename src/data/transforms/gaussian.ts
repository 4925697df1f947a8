/** Gaussian filter for blur and elastic deformation. */

/**
 * Smooths a plane (H×W) with a Gaussian of standard deviation `sigma` pixels, truncated at 4σ, with mirrored
 * borders (b a | a b c), as SciPy's `gaussian_filter` with its defaults. Returns a new plane.
 */
export function gaussianFilter(
  plane: Float32Array,
  width: number,
  height: number,
  sigma: number,
): Float32Array {
  if (sigma <= 0) return plane.slice();
  const kernel = gaussianKernel(sigma);
  const radius = (kernel.length - 1) / 2;
  const horizontal = new Float32Array(plane.length);
  const line = new Float32Array(Math.max(width, height) + 2 * radius);
  for (let y = 0; y < height; y++) {
    mirrorInto(line, plane, y * width, 1, width, radius);
    for (let x = 0; x < width; x++) horizontal[y * width + x] = dot(kernel, line, x);
  }
  const result = new Float32Array(plane.length);
  for (let x = 0; x < width; x++) {
    mirrorInto(line, horizontal, x, width, height, radius);
    for (let y = 0; y < height; y++) result[y * width + x] = dot(kernel, line, y);
  }
  return result;
}

function gaussianKernel(sigma: number): Float64Array {
  const radius = Math.floor(4 * sigma + 0.5);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  return kernel.map((weight) => weight / sum);
}

function dot(kernel: Float64Array, line: Float32Array, at: number): number {
  let sum = 0;
  for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * line[at + k]!;
  return sum;
}

function mirrorInto(
  line: Float32Array,
  plane: Float32Array,
  start: number,
  step: number,
  length: number,
  radius: number,
): void {
  const period = 2 * length;
  for (let i = -radius; i < length + radius; i++) {
    const folded = ((i % period) + period) % period;
    line[i + radius] = plane[start + step * (folded < length ? folded : period - 1 - folded)]!;
  }
}
