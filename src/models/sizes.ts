/** The sizes of a model's feature maps, with their channels in the encoder and the decoder. */
import type { LayerSummary } from './summary.js';

/** One size of feature maps. */
export interface SizeLevel {
  /** Rows and columns. */
  readonly size: readonly [number, number];
  /** Channels in the encoder: of the skip connection if there is one, otherwise of its last layer at this size. */
  readonly down: number;
  /** Channels of the decoder's last layer at this size; absent for sizes that only the encoder has. */
  readonly up?: number;
}

const area = ({ output }: LayerSummary) => output[2]! * output[3]!;
/** Excludes maps of a single pixel, such as those after global pooling. */
const isPlane = (layer: LayerSummary) => layer.output.length === 4 && area(layer) > 1;

/** The sizes of a model's feature maps, the largest first. */
export function sizesOf(layers: readonly LayerSummary[]): SizeLevel[] {
  const planes = layers.filter(isPlane);
  const smallest = Math.min(...planes.map(area));
  const bottom = planes.findIndex((layer) => area(layer) === smallest);
  const last = planes.findLastIndex((layer) => area(layer) === smallest);
  const wayUp = planes.slice(last + 1);
  // Unpooling reads only the positions of maxima from the encoder, no values.
  const joining = wayUp.filter(({ type }) => type !== 'MaxUnpool2d');
  const carried = new Set(joining.flatMap(({ inputs }) => inputs));

  const levels = new Map<string, { size: readonly [number, number]; down: number; up?: number }>();
  const key = ({ output }: LayerSummary) => `${output[2]}×${output[3]}`;
  const joined = new Set<string>();
  for (const layer of [...planes.slice(0, bottom), planes[last]!]) {
    if (joined.has(key(layer))) continue;
    levels.set(key(layer), { size: [layer.output[2]!, layer.output[3]!], down: layer.output[1]! });
    if (carried.has(layer.name)) joined.add(key(layer));
  }
  // The last layers output the logits, which belong to no level.
  const classes = layers.at(-1)!.output[1];
  const scores = wayUp.findLastIndex(({ output }) => output[1] !== classes) + 1;
  for (const layer of wayUp.slice(0, scores)) {
    const level = levels.get(key(layer));
    if (level) level.up = layer.output[1]!;
  }
  return [...levels.values()];
}
