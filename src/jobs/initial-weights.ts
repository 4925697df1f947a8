/**
 * Initial weights from an earlier run or a weight file (`--init`). What fits is taken; of a head for other classes, the
 * weights of each class that has the same name.
 */
import { PixelwiseError } from '../errors/index.js';
import { formatShape } from '../graph/index.js';
import { isFile } from '../files/index.js';
import { CARD_KEY, parseCard } from '../inference/model-card.js';
import { leafOrder } from '../models/index.js';
import type { Learner } from '../training/index.js';
import { readCheckpointWeights, readRunConfig, RunFolder } from '../training/index.js';
import type { WeightTensor } from '../weights/index.js';
import { matchPartially, readWeights } from '../weights/index.js';
import { classRows, withRows } from './class-rows.js';
import type { Plan } from './train-plan.js';

/** Tensors that a message lists, at most. */
const MOST_LISTED = 12;

/**
 * Replaces a learner's weights with those of the best checkpoint of a run, or of a file.
 *
 * @param init path of a run folder, or of a `.pth`, `.safetensors` or `.onnx` file.
 * @returns what was taken and what was not, for the user.
 * @throws PixelwiseError `weights` if nothing fits.
 */
export async function initializeFrom(init: string, learner: Learner, plan: Plan): Promise<string[]> {
  const { classes, parts, size } = plan;
  const source = await weightsAt(init);
  const { slots } = learner.state;
  const shapes = new Map(slots.map(({ name, leaf }) => [name, leaf.shape]));
  const order = leafOrder(learner.model, { channels: parts.train.channels, ...size });
  const unordered = [...shapes.keys()].filter((name) => !order.includes(name));
  const wanted = [...order, ...unordered].map((name) => ({ name, shape: shapes.get(name)! }));
  const match = matchPartially(wanted, source.tensors);
  const values = new Map([...match.taken].map(([name, { data }]) => [name, data]));

  const rows = classRows(source.classes ?? classes, classes);
  const head = headOf(order, shapes, rows.outputs);
  for (const [name, tensor] of [...match.reshaped, ...match.taken]) {
    const adapted = head.has(name) ? withRows(tensor, shapes.get(name)!, rows) : undefined;
    if (adapted) values.set(name, adapted);
  }
  if (values.size === 0) {
    const listed = source.tensors
      .slice(0, MOST_LISTED)
      .map(({ name, shape }) => `${name} (${formatShape(shape)})`);
    throw new PixelwiseError(
      'weights',
      `--init ${init}: no weight fits ${plan.model.name}. The file has ${listed.join(', ')}${source.tensors.length > MOST_LISTED ? ', …' : ''}. Choose the model and its width by which they were trained.`,
    );
  }
  const broken = [...values].find(([, data]) => !data.every(Number.isFinite));
  if (broken)
    throw new PixelwiseError('weights', `--init ${init}: ${broken[0]} has values that are not finite.`);
  for (const slot of slots) {
    const data = values.get(slot.name);
    if (data) learner.state.values(slot).set(data);
  }
  return [
    ...describe(init, wanted, match, values),
    ...(source.classes ? classNotes(source.classes, classes) : []),
  ];
}

interface Weights {
  readonly tensors: readonly WeightTensor[];
  /** Undefined for a file that does not name them. */
  readonly classes?: readonly string[];
}

async function weightsAt(init: string): Promise<Weights> {
  if (await isFile(init)) {
    const file = await readWeights(init);
    const card = file.metadata[CARD_KEY];
    return { tensors: file.floats(), ...(card !== undefined && { classes: parseCard(card, init).classes }) };
  }
  const folder = new RunFolder(init);
  const { classes } = await readRunConfig(folder);
  return { tensors: await readCheckpointWeights(await folder.checkpointFolder('best')), classes };
}

/** The tensors of the model's last layer: those that have an output for each class. */
function headOf(
  order: readonly string[],
  shapes: ReadonlyMap<string, readonly number[]>,
  outputs: (count: number) => boolean,
): ReadonlySet<string> {
  const last = order.at(-1) ?? '';
  const layer = last.slice(0, last.lastIndexOf('.') + 1);
  return new Set(order.filter((name) => name.startsWith(layer) && shapes.get(name)!.some(outputs)));
}

function describe(
  init: string,
  wanted: readonly { readonly name: string }[],
  match: ReturnType<typeof matchPartially>,
  values: ReadonlyMap<string, Float32Array>,
): string[] {
  const missing = wanted.filter(({ name }) => !values.has(name)).map(({ name }) => name);
  const list = (names: readonly string[]) =>
    `${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : ''}`;
  const how = match.by === 'order' ? ', by the order of the layers, since the names differ' : '';
  return [
    missing.length === 0
      ? `All ${wanted.length} tensors of the model are from ${init}${how}.`
      : `${values.size} of the model's ${wanted.length} tensors are from ${init}${how}. New: ${list(missing)}.`,
    ...(match.unused.length > 0 ? [`Not used of ${init}: ${list(match.unused)}.`] : []),
  ];
}

function classNotes(before: readonly string[], now: readonly string[]): string[] {
  const added = now.filter((name) => !before.includes(name));
  const gone = before.filter((name) => !now.includes(name));
  return [
    ...(added.length > 0 ? [`New classes: ${added.join(', ')}. The head has new weights for them.`] : []),
    ...(gone.length > 0
      ? [`Classes that this data does not have: ${gone.join(', ')}. Their weights are dropped.`]
      : []),
  ];
}
