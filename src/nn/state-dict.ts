/** Weights and buffers by name: what a model gives and takes. */
import { PixelwiseError } from '../errors/index.js';
import type { Shape } from '../graph/index.js';
import { formatShape, sameShape, sizeOf } from '../graph/index.js';
import { allFinite } from './finite.js';

/** A tensor of a state dict. */
export interface NamedArray {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Named tensors with the file that they were read from: what `readWeights` returns. */
export interface StateFile {
  /** What error messages call it: its path. */
  readonly source: string;
  /** Its tensors of floating-point type. */
  floats(): readonly NamedArray[];
}

const MOST_PROBLEMS = 12;

/**
 * The tensor for each name that a model needs.
 *
 * @throws PixelwiseError listing every tensor that is missing, unknown or of another shape, or naming one that holds
 *   NaN or infinity.
 */
export function matchStateDict(
  wanted: readonly { readonly name: string; readonly shape: Shape }[],
  tensors: readonly NamedArray[],
  source: string,
): ReadonlyMap<string, NamedArray> {
  const byName = new Map(tensors.map((t) => [t.name, t]));
  const problems: string[] = [];
  for (const { name, shape } of wanted) {
    const tensor = byName.get(name);
    if (!tensor) problems.push(`missing: ${name} (${formatShape(shape)})`);
    else if (!sameShape(tensor.shape, shape) || tensor.data.length !== sizeOf(shape))
      problems.push(`${name} is ${formatShape(tensor.shape)}, the model needs ${formatShape(shape)}`);
  }
  const known = new Set(wanted.map(({ name }) => name));
  for (const { name } of tensors) if (!known.has(name)) problems.push(`not in the model: ${name}`);
  if (problems.length === 0) {
    checkFinite(tensors, source);
    return byName;
  }
  const shown = problems.slice(0, MOST_PROBLEMS).join('\n  ');
  const more = problems.length > MOST_PROBLEMS ? `\n  … and ${problems.length - MOST_PROBLEMS} more` : '';
  throw new PixelwiseError(
    'weights',
    `${source} does not fit the model:\n  ${shown}${more}\nWas it saved from a model with other options?`,
  );
}

/** @throws PixelwiseError `non-finite` naming the first tensor that holds NaN or infinity. */
export function checkFinite(tensors: readonly NamedArray[], source: string): void {
  const bad = tensors.find(({ data }) => !allFinite(data));
  if (!bad) return;
  throw new PixelwiseError(
    'non-finite',
    `${source}: the weight ${bad.name} holds values that are not finite (NaN or infinite). The file is damaged, or its training had diverged: use another checkpoint or file.`,
  );
}
