/** A model's summary as text: a table as Keras prints it, a tree of modules as torch for R does, and the U. */
import type { LayerSummary, ModelSummary, ModuleSummary, OpenShape } from './summary.js';

const counted = (n: number) => n.toLocaleString('en-US');

const shapeText = (shape: OpenShape) => `(${shape.map((n) => n ?? 'N').join(', ')})`;

/** Lines of cells as columns, each as wide as its widest cell; `right` names the columns set to the right. */
function columns(lines: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((cells) => cells[i]!.length)));
  return lines.map((cells) =>
    cells
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** The table: layer (type), output shape, parameters, connected to; the totals below. */
export function formatSummary(summary: ModelSummary): string {
  const head = ['Layer (type)', 'Output shape', 'Param #', 'Connected to'];
  const rows = summary.layers.map((layer) => [
    `${layer.name} (${layer.type})`,
    shapeText(layer.output),
    counted(layer.parameters),
    layer.inputs.join(', '),
  ]);
  const [title, ...lines] = columns([head, ...rows], [2]);
  const rule = (sign: string) => sign.repeat(Math.max(...[title!, ...lines].map((line) => line.length)));
  return [
    `Model: ${summary.model}`,
    rule('─'),
    title!,
    rule('═'),
    ...lines,
    rule('═'),
    ...formatTotals(summary),
  ].join('\n');
}

function formatTotals(summary: ModelSummary): string[] {
  const { parameters, receptiveField, divisor } = summary;
  const [, , height, width] = summary.input as [null, number, number, number];
  const facts: [string, string][] = [
    ['Total parameters', counted(parameters.total)],
    ['Trainable parameters', counted(parameters.trainable)],
    ['Frozen parameters', counted(parameters.frozen)],
    ['Multiply-adds an image', `${counted(summary.multiplyAdds)} (at ${height}×${width})`],
  ];
  if (receptiveField !== undefined) {
    facts.push([
      'Receptive field',
      receptiveField === 'global' ? 'the whole image' : `${receptiveField.join('×')} pixels`,
    ]);
  }
  if (divisor !== undefined && divisor > 1) {
    const padded = [height, width].map((n) => Math.ceil(n / divisor) * divisor);
    const here =
      padded[0] === height && padded[1] === width ? 'not needed here' : `here to ${padded.join('×')}`;
    facts.push(['Input sizes', `any; padded to multiples of ${divisor} and cropped back (${here})`]);
  }
  return columns(
    facts.map(([name, value]) => [`${name}:`, value]),
    [],
  );
}

/** The modules and their counts, down to `depth` levels below the model. */
export function formatModules(summary: ModelSummary, depth = Infinity): string {
  const lines = [`${summary.model}: ${counted(summary.modules.parameters)} parameters`];
  const visit = (modules: readonly ModuleSummary[], level: number) => {
    if (level > depth) return;
    for (const { name, type, parameters, children } of modules) {
      lines.push(`${'  '.repeat(level - 1)}• ${name}: <${type}> #${counted(parameters)} parameters`);
      visit(children, level + 1);
    }
  };
  visit(summary.modules.children, 1);
  return lines.join('\n');
}

/** One size of the U. */
export interface SizeLevel {
  /** Rows and columns. */
  readonly size: readonly [number, number];
  /** Channels where the size is left on the way down; at the bottom, where the way up begins. */
  readonly down: number;
  /** Channels where the size is left on the way up; absent for sizes that only the way down has. */
  readonly up?: number;
}

/** The sizes that a model goes through, the largest first, with its channels on the way down and up. */
export function sizesOf(summary: ModelSummary): SizeLevel[] {
  const planes = summary.layers.filter(isPlane);
  const area = ({ output }: LayerSummary) => output[2]! * output[3]!;
  const smallest = Math.min(...planes.map(area));
  const bottom = planes.findIndex((layer) => area(layer) === smallest);
  const last = planes.findLastIndex((layer) => area(layer) === smallest);
  const levels = new Map<string, { size: readonly [number, number]; down: number; up?: number }>();
  const key = ({ output }: LayerSummary) => `${output[2]}×${output[3]}`;
  for (const layer of planes.slice(0, bottom)) {
    levels.set(key(layer), { size: [layer.output[2]!, layer.output[3]!], down: layer.output[1]! });
  }
  const deepest = planes[last]!;
  levels.set(key(deepest), { size: [deepest.output[2]!, deepest.output[3]!], down: deepest.output[1]! });
  // The last layers give the scores of classes, which belong to no level.
  const scores = planes.findLastIndex(({ output }) => output[1] !== summary.output[1]) + 1;
  for (const layer of planes.slice(last + 1, scores)) {
    const level = levels.get(key(layer));
    if (level) level.up = layer.output[1]!;
  }
  return [...levels.values()];
}

const isPlane = ({ output }: LayerSummary) => output.length === 4;

/** {@link sizesOf} as a table. */
export function formatSizes(summary: ModelSummary): string {
  const rows = sizesOf(summary).map(({ size, down, up }) => [
    size.join('×'),
    counted(down),
    up === undefined ? '' : counted(up),
  ]);
  return columns([['Size', 'Down', 'Up'], ...rows], [0, 1, 2]).join('\n');
}
