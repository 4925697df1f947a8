/** Formats a model's summary: a table like Keras's, a tree of modules like torch for R's, and the table of sizes. */
import type { ModelSummary, ModuleSummary, OpenShape } from './summary.js';

const counted = (n: number) => n.toLocaleString('en-US');

const shapeText = (shape: OpenShape) => `(${shape.map((n) => n ?? 'N').join(', ')})`;

/** Aligns cells in columns, each as wide as its widest cell; columns in `right` are right-aligned. */
function columns(lines: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((cells) => cells[i]!.length)));
  return lines.map((cells) =>
    cells
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Formats the table of layers (type, output shape, parameters, inputs) with the totals below. */
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
  const uncounted = summary.layers.filter((layer) => layer.uncounted).map(({ name }) => name);
  const without = uncounted.length === 0 ? '' : `; not counted: ${uncounted.join(', ')}`;
  const [, , height, width] = summary.input as [null, number, number, number];
  const facts: [string, string][] = [
    ['Total parameters', counted(parameters.total)],
    ['Trainable parameters', counted(parameters.trainable)],
    ['Frozen parameters', counted(parameters.frozen)],
    ['Multiply-adds an image', `${counted(summary.multiplyAdds)} (at ${height}×${width}${without})`],
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

/** Formats the tree of modules with their parameter counts, down to `depth` levels below the model. */
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

/** Formats the table of sizes with their channels in the encoder and the decoder. */
export function formatSizes(summary: ModelSummary): string {
  const rows = summary.sizes.map(({ size, down, up }) => [
    size.join('×'),
    counted(down),
    up === undefined ? '' : counted(up),
  ]);
  return columns([['Size', 'Down', 'Up'], ...rows], [0, 1, 2]).join('\n');
}
