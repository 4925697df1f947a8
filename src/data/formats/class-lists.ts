/** Reads class lists in the forms that labelling tools write. */
import type { Colour } from '../../images/palette.js';
import { colourOf, type Legend, type LegendEntry } from '../legend.js';
import { readLines, readText } from '../text-file.js';
import { folderOf, nameOf, type Tree } from '../tree.js';
import { readTable } from './table.js';

/** How deep below the data set's folder a list may be. */
const DEEPEST = 2;

type Reader = (path: string) => Promise<LegendEntry[]>;

/** Names of class lists, the most specific first, and their readers. */
const READERS: readonly [pattern: RegExp, read: Reader][] = [
  [/^labelmap\.txt$/i, labelmap],
  [/^_classes\.csv$/i, table],
  [
    /^(class_dict|class_dict_seg|label_class_dict|classes|labels?|class_names|label_colou?rs|colou?rmap)\.csv$/i,
    table,
  ],
  [/^objectInfo\d+\.txt$/i, table],
  [/^label_colou?rs\.txt$/i, labelColours],
  [/^(classes|class_names|labels?|class_list|obj)\.(txt|names)$/i, names],
  [/^(classes|class_names|label_map|labels|id2label|config)\.json$/i, jsonNames],
  [/^(data|dataset|classes)\.ya?ml$/i, yaml],
];

/**
 * The class list of a data set; undefined if there is none. A list nearer to the top takes precedence, then the one with
 * more information (colours or values besides names).
 */
export async function findLegend(tree: Tree): Promise<Legend | undefined> {
  const candidates = tree.files.filter((file) => file.split('/').length <= DEEPEST);
  const depth = (file: string): number => (folderOf(file) === '' ? 0 : 1);
  for (const level of [0, 1]) {
    for (const [pattern, read] of READERS) {
      for (const file of candidates) {
        if (depth(file) !== level || !pattern.test(nameOf(file))) continue;
        const entries = await read(tree.path(file));
        if (entries.length > 0) return { source: file, entries };
      }
    }
  }
  return undefined;
}

/** One name a line; `0 name`, `0: name` and `name R G B` are understood, lines after `#` are comments. */
async function names(path: string): Promise<LegendEntry[]> {
  const lines = (await readLines(path)).filter((line) => !line.startsWith('#'));
  const numbered = lines.map((line) => /^(\d{1,5})\s*[:,;=\t ]\s*(.+)$/.exec(line));
  if (lines.length > 0 && numbered.every((match) => match !== null)) {
    return numbered.map((match) => ({ name: match![2]!.trim(), value: Number(match![1]) }));
  }
  const coloured = lines.map((line) => /^(.*?)[\s,;:]+(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})$/.exec(line));
  if (lines.length > 0 && coloured.every((match) => match !== null)) {
    return coloured.map((match) => ({ name: match![1]!.trim(), colour: rgb(match!.slice(2, 5)) }));
  }
  // labelme's lists begin with `__ignore__`, which is value -1 there: no class.
  return lines.filter((line) => line !== '__ignore__').map((name) => ({ name }));
}

/** CVAT's `labelmap.txt`: `# label:color_rgb:parts:actions`, then `name:R,G,B::`. */
async function labelmap(path: string): Promise<LegendEntry[]> {
  const entries: LegendEntry[] = [];
  for (const line of await readLines(path)) {
    if (line.startsWith('#')) continue;
    const [name, colour = ''] = line.split(':');
    const parts = colour.split(',');
    entries.push({ name: name!, colour: parts.length === 3 ? rgb(parts) : undefined });
  }
  return entries;
}

/** CamVid's `label_colors.txt`: `R G B name`. */
async function labelColours(path: string): Promise<LegendEntry[]> {
  return (await readLines(path)).flatMap((line) => {
    const match = /^(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(.+)$/.exec(line);
    return match === null ? [] : [{ name: match[4]!.trim(), colour: rgb(match.slice(1, 4)) }];
  });
}

const NAME_COLUMNS = [
  'class',
  'name',
  'label',
  'class name',
  'class_name',
  'classname',
  'label_list',
  'label name',
  'label_name',
];
const VALUE_COLUMNS = [
  'pixel value',
  'pixel_value',
  'value',
  'id',
  'index',
  'idx',
  'class id',
  'class_id',
  'label_id',
];

/** A table with columns for the name, and for the value (Roboflow's `Pixel Value`) or the colour (`r`, `g`, `b`). */
async function table(path: string): Promise<LegendEntry[]> {
  const { columns, rows } = await readTable(path);
  const find = (wanted: readonly string[]): number => columns.findIndex((name) => wanted.includes(name));
  const [name, value] = [find(NAME_COLUMNS), find(VALUE_COLUMNS)];
  const channels = [
    ['r', 'red'],
    ['g', 'green'],
    ['b', 'blue'],
  ].map(find);
  const hex = find(['color', 'colour', 'hex']);
  if (name === -1) {
    // Without a header that is known, a table of one column is a list of names, its first line one of them.
    return columns.length === 1 ? names(path) : [];
  }
  return rows.map(({ fields }) => ({
    name: fields[name]!,
    value: value === -1 || fields[value] === '' ? undefined : Number(fields[value]),
    colour: channels.every((at) => at !== -1)
      ? rgb(channels.map((at) => fields[at]!))
      : hex === -1
        ? undefined
        : colourOf(fields[hex]!),
  }));
}

/**
 * `["a", "b"]`, `{"0": "a"}`, `{"a": 0}`, or a list of objects with a name and an id or colour; that list alone or
 * under `classes` or `labels`.
 */
async function jsonNames(path: string): Promise<LegendEntry[]> {
  try {
    const read = JSON.parse(await readText(path)) as { classes?: unknown; labels?: unknown } | null;
    const listed = [read?.classes, read?.labels].find((value) => Array.isArray(value));
    return namesOf(listed ?? read);
  } catch {
    return [];
  }
}

/** YOLO's `data.yaml`: its `names`. */
async function yaml(path: string): Promise<LegendEntry[]> {
  try {
    const { parse } = await import('yaml');
    const read = parse(await readText(path)) as { names?: unknown } | null;
    return namesOf(read?.names);
  } catch {
    return [];
  }
}

/** Names in any of the forms that JSON and YAML files have them. */
export function namesOf(value: unknown): LegendEntry[] {
  if (Array.isArray(value)) {
    return value.flatMap((entry: unknown, i): LegendEntry[] => {
      if (typeof entry === 'string') return [{ name: entry, value: i }];
      if (typeof entry !== 'object' || entry === null) return [];
      const { title, name = title, id, color } = entry as Partial<Record<string, unknown>>;
      if (typeof name !== 'string') return [];
      return [
        {
          name,
          value: typeof id === 'number' ? id : undefined,
          colour: typeof color === 'string' ? colourOf(color) : isRgb(color) ? rgb(color) : undefined,
        },
      ];
    });
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]): LegendEntry[] => {
    if (typeof entry === 'string' && /^\d+$/.test(key)) return [{ name: entry, value: Number(key) }];
    const index = typeof entry === 'string' && /^\d+$/.test(entry) ? Number(entry) : entry;
    return typeof index === 'number' ? [{ name: key, value: index }] : [];
  });
}

const isRgb = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === 'number');

function rgb(parts: readonly (string | number)[]): Colour {
  return parts.map((part) => Math.min(255, Math.max(0, Math.round(Number(part))))) as unknown as Colour;
}
