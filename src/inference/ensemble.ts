/**
 * Several models as one: their probabilities are averaged at the size of the image. The result has the same inputs,
 * outputs and inner values as an exported model, so everything that runs one runs an ensemble, and it can be saved as
 * one ONNX file. Members may differ in architecture, size and normalisation, each has its own.
 */
import { PixelwiseError } from '../errors/index.js';
import { isBinary } from '../labels/label-set.js';
import { LOGITS } from '../models/prediction-graph.js';
import type { AttributeValue, OnnxGraph, OnnxModel, OnnxNode } from '../onnx/index.js';
import { GraphBuilder, int, modelOf, tensorOf } from '../onnx/index.js';
import {
  hasSingleLogit,
  IMAGE,
  MASK,
  PROBABILITIES,
  SCORES,
  SEPARATION,
  THRESHOLD,
  writeLevels,
  writeSets,
} from './export-graph.js';
import type { ModelCard } from './model-card.js';
import { CARD_KEY, DEFAULT_THRESHOLD, formatCard, outputsOf, parseCard } from './model-card.js';
import { resizePlanesTo } from './resize-graph.js';
import { writeSoftmax } from './write-softmax.js';

/** What the card of an ensemble names as its model. */
export const ENSEMBLE = 'ensemble';

/** Probabilities in logarithms are at least this. */
const LEAST = 1e-7;

/**
 * Joins exported models.
 *
 * @param names of the models, for messages.
 * @throws PixelwiseError `ensemble` if they have other classes, other channels or bits, or accept other image sizes.
 */
export function ensembleModel(models: readonly OnnxModel[], names: readonly string[]): OnnxModel {
  const cards = models.map((model, i) => parseCard(model.metadata[CARD_KEY], names[i]!));
  checkAlike(models, cards, names);
  const [first] = models as [OnnxModel];
  const members = models.map(({ graph }, i) => ({ graph: renamed(graph, `member${i}/`), card: cards[i]! }));
  const after = new GraphBuilder('ensemble');
  const mean = (values: readonly string[], output?: string) => {
    const sum = values.reduce((a, b) => after.emit('Add', [a, b]));
    return after.emit(
      'Mul',
      [sum, after.scalar(1 / values.length)],
      {},
      output === undefined ? {} : { output },
    );
  };
  const own = (i: number, name: string) => `member${i}/${name}`;
  mean(
    members.map((_, i) => own(i, PROBABILITIES)),
    PROBABILITIES,
  );
  const card = cardOf(cards);
  const size = { height: card.height, width: card.width };
  const channels = isBinary(card) ? 1 : card.classes.length;
  /** The mean of planes of each member, at the first one's size. */
  const meanPlanes = (of: (i: number) => string, count: number) =>
    mean(
      cards.map((each, i) => {
        const strips = resizePlanesTo(after, of(i), count, each, size);
        return strips.length === 1 ? strips[0]! : after.emit('Concat', strips, { axis: int(2) });
      }),
    );
  if (card.objects) {
    mean(
      members.map((_, i) => own(i, SEPARATION)),
      SEPARATION,
    );
    const levels = outputsOf(card);
    const shares = (i: number) => writeSoftmax(after, own(i, LOGITS));
    after.emit('Identity', [logarithm(after, meanPlanes(shares, levels))], {}, { output: LOGITS });
    writeLevels(after, card, { channels: levels });
  } else {
    const single = models.every(({ graph }) => hasSingleLogit(graph));
    writeScores(
      after,
      meanPlanes((i) => own(i, SCORES), channels),
      channels,
      single,
    );
  }
  writeMask(after, card);
  const graph: OnnxGraph = {
    name: 'ensemble',
    nodes: [...members.flatMap((member) => member.graph.nodes), ...after.nodes],
    initializers: [...members.flatMap((member) => member.graph.initializers), ...after.initializers],
    inputs: first.graph.inputs,
    outputs: first.graph.outputs,
  };
  return {
    ...modelOf(graph, { metadata: { [CARD_KEY]: formatCard(card) } }),
    opsets: Object.assign({}, ...models.map(({ opsets }) => opsets)) as OnnxModel['opsets'],
  };
}

function checkAlike(
  models: readonly OnnxModel[],
  cards: readonly ModelCard[],
  names: readonly string[],
): void {
  const properties: Readonly<Record<string, (i: number) => string>> = {
    'the classes': (i) => cards[i]!.classes.join(', '),
    'classes that': (i) => (cards[i]!.multiLabel ? 'overlap' : 'exclude each other'),
    'images of': (i) => `${cards[i]!.channels} channels with values up to ${cards[i]!.maxValue}`,
    'a model that': (i) => (cards[i]!.objects ? 'tells objects apart' : 'finds classes only'),
    'images of the size': (i) => models[i]!.graph.inputs[0]!.dims!.join('×'),
    'a model for': (i) => (cards[i]!.patch ? 'patches' : 'whole images'),
    'the ONNX opset': (i) => String(models[i]!.opsets['']),
  };
  for (const [what, of] of Object.entries(properties)) {
    const other = names.findIndex((_, i) => of(i) !== of(0));
    if (other < 0) continue;
    throw new PixelwiseError(
      'ensemble',
      `${names[0]} and ${names[other]} cannot be averaged: ${names[0]} has ${what} ${of(0)}, ${names[other]} ${what} ${of(other)}.`,
    );
  }
}

/** The first member's card; the threshold is the mean of all. */
function cardOf(cards: readonly ModelCard[]): ModelCard {
  const { scores: _scores, precision: _precision, loss, lossSettings, threshold: _, ...card } = cards[0]!;
  const sameLoss = cards.every(
    (each) =>
      each.loss === loss &&
      JSON.stringify(each.lossSettings ?? null) === JSON.stringify(lossSettings ?? null),
  );
  const thresholds = cards.map(({ threshold = DEFAULT_THRESHOLD }) => threshold);
  return {
    ...card,
    model: { name: ENSEMBLE, options: { members: cards.map(({ model }) => model.name).join(', ') } },
    ...(sameLoss && loss !== undefined && { loss, ...(lossSettings && { lossSettings }) }),
    ...((isBinary(card) || card.multiLabel) && {
      threshold: thresholds.reduce((sum, each) => sum + each, 0) / thresholds.length,
    }),
  };
}

/**
 * Logits that give the mean of the probabilities, for the losses, and the scores from them: a single one for two
 * classes if the members have a single one.
 *
 * @param single whether each logit stands for itself: a single one, or those of overlapping classes.
 */
function writeScores(writer: GraphBuilder, mean: string, channels: number, single: boolean): void {
  const one = writer.scalar(1);
  const log = (value: string) => logarithm(writer, value);
  const rest = () => writer.emit('Sub', [one, mean]);
  if (single) {
    writer.emit('Sub', [log(mean), log(rest())], {}, { output: LOGITS });
    writer.emit('Sigmoid', [LOGITS], {}, { output: SCORES });
    return;
  }
  const planes = channels === 1 ? writer.emit('Concat', [rest(), mean], { axis: int(1) }) : mean;
  writer.emit('Identity', [log(planes)], {}, { output: LOGITS });
  if (channels > 1) {
    writeSoftmax(writer, LOGITS, SCORES);
    return;
  }
  const both = writeSoftmax(writer, LOGITS);
  const [first, second] = [writer.int64s([1]), writer.int64s([2])];
  writer.emit('Slice', [both, first, second, first], {}, { output: SCORES });
}

const logarithm = (writer: GraphBuilder, probabilities: string): string =>
  writer.emit('Log', [writer.emit('Max', [probabilities, writer.scalar(LEAST)])]);

function writeMask(writer: GraphBuilder, card: ModelCard): void {
  const { classes, threshold, multiLabel } = card;
  if (multiLabel) {
    const [sets] = writeSets(writer, card, [PROBABILITIES]);
    writer.emit('Identity', [sets!], {}, { output: MASK });
    return;
  }
  if (classes.length > 2) {
    const best = writer.emit('ArgMax', [PROBABILITIES], { axis: int(1), keepdims: int(0) });
    writer.castTo(best, 'uint8', MASK);
    return;
  }
  const [one, two] = [writer.int64s([1]), writer.int64s([2])];
  const foreground = writer.emit('Slice', [PROBABILITIES, one, two, one]);
  const limit = writer.define(tensorOf(THRESHOLD, 'float32', [], Float32Array.of(threshold!)));
  const chosen = writer.emit('GreaterOrEqual', [foreground, limit]);
  writer.emit('Squeeze', [writer.castTo(chosen, 'uint8'), one], {}, { output: MASK });
}

/** A graph whose values, except the image, have names that begin with `prefix`. */
function renamed(graph: OnnxGraph, prefix: string): OnnxGraph {
  const value = (name: string) => (name === '' || name === IMAGE ? name : prefix + name);
  const attribute = (given: AttributeValue): AttributeValue =>
    given.type === 'graph' ? { type: 'graph', value: renamed(given.value, prefix) } : given;
  const node = (given: OnnxNode): OnnxNode => ({
    ...given,
    name: prefix + given.name,
    inputs: given.inputs.map(value),
    outputs: given.outputs.map(value),
    attributes: Object.fromEntries(
      Object.entries(given.attributes).map(([name, each]) => [name, attribute(each)]),
    ),
  });
  return {
    ...graph,
    nodes: graph.nodes.map(node),
    initializers: graph.initializers.map((tensor) => ({ ...tensor, name: value(tensor.name) })),
    inputs: graph.inputs.map((input) => ({ ...input, name: value(input.name) })),
    outputs: graph.outputs.map((output) => ({ ...output, name: value(output.name) })),
  };
}
