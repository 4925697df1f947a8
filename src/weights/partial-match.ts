/**
 * Matches the weights of a file to a model as far as they fit: by name, or, for a file with names of its own, by the
 * order of the layers and their shapes.
 */
import { sameShape } from '../graph/index.js';
import type { NamedShape } from './match.js';
import type { WeightTensor } from './tensor.js';

export interface PartialMatch {
  /** Tensors that fit, by the model's names. */
  readonly taken: ReadonlyMap<string, WeightTensor>;
  /** Tensors of the same place in the model but of another shape, by the model's names. */
  readonly reshaped: ReadonlyMap<string, WeightTensor>;
  readonly by: 'name' | 'order';
  /** The names of the file's tensors that the model has no place for. */
  readonly unused: readonly string[];
}

/** What wrappers put before the names: DataParallel, Lightning, `torch.compile`. */
const PREFIXES = ['', 'module.', 'model.', 'net.', 'network.', '_orig_mod.', 'model.module.'];

/** The share of a file's tensors from which on another file of the same architecture is believed. */
const SAME_ARCHITECTURE = 0.9;

/**
 * Matches as many tensors as fit.
 *
 * @param wanted the model's tensors in the order in which inference reads them.
 * @param offered the file's, in its order; PyTorch writes modules in the order of their definition.
 */
export function matchPartially(
  wanted: readonly NamedShape[],
  offered: readonly WeightTensor[],
): PartialMatch {
  const byName = matchByName(wanted, offered);
  if (2 * byName.taken.size >= wanted.length) return byName;
  const byOrder = matchByOrder(wanted, offered);
  return byOrder && byOrder.taken.size > byName.taken.size ? byOrder : byName;
}

function matchByName(wanted: readonly NamedShape[], offered: readonly WeightTensor[]): PartialMatch {
  const names = new Set(wanted.map(({ name }) => name));
  const renamings = PREFIXES.map((prefix) =>
    offered.map((tensor) => ({
      tensor,
      name: tensor.name.startsWith(prefix) ? tensor.name.slice(prefix.length) : tensor.name,
    })),
  );
  const known = (list: (typeof renamings)[number]) => list.filter(({ name }) => names.has(name)).length;
  const renamed = renamings.reduce((best, each) => (known(each) > known(best) ? each : best));
  const byName = new Map(renamed.map(({ tensor, name }) => [name, tensor]));
  const pairs = wanted.map(({ name, shape }) => ({ name, shape, tensor: byName.get(name) }));
  return {
    taken: mapOf(pairs, (shape, tensor) => sameShape(shape, tensor.shape)),
    reshaped: mapOf(pairs, (shape, tensor) => !sameShape(shape, tensor.shape)),
    by: 'name',
    unused: renamed.filter(({ name }) => !names.has(name)).map(({ tensor }) => tensor.name),
  };
}

function mapOf(
  pairs: readonly { name: string; shape: readonly number[]; tensor: WeightTensor | undefined }[],
  fits: (shape: readonly number[], tensor: WeightTensor) => boolean,
): Map<string, WeightTensor> {
  return new Map(
    pairs.flatMap(({ name, shape, tensor }) =>
      tensor && fits(shape, tensor) ? [[name, tensor] as const] : [],
    ),
  );
}

/**
 * The longest common subsequence of both lists, in which tensors are equal that play the same role (weight, bias,
 * statistics) and have the same shape. Undefined unless nearly all of the file's tensors are in it: files of another
 * architecture would give layers that only look alike.
 */
function matchByOrder(
  wanted: readonly NamedShape[],
  offered: readonly WeightTensor[],
): PartialMatch | undefined {
  const key = ({ name, shape }: NamedShape) => `${name.slice(name.lastIndexOf('.') + 1)} ${shape.join('×')}`;
  const [a, b] = [wanted.map(key), offered.map(key)];
  /** Lengths of the longest common subsequences of the rests of both lists. */
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        a[i] === b[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  if (lengths[0]![0]! < SAME_ARCHITECTURE * b.length) return undefined;
  const taken = new Map<string, WeightTensor>();
  const unused: string[] = [];
  let i = 0;
  for (let j = 0; j < b.length;) {
    if (i < a.length && a[i] === b[j]) {
      taken.set(wanted[i++]!.name, offered[j++]!);
    } else if (i < a.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!) {
      i++;
    } else {
      unused.push(offered[j++]!.name);
    }
  }
  return { taken, reshaped: new Map(), by: 'order', unused };
}
