/**
 * Decides what the values in the masks of a data set mean, once for the whole set, by examining some of its masks. A
 * single mask is ambiguous: 0 and 255 are background and object in one set, class 0 and "ignored" in another.
 *
 * The order of the rules: a legend of colours; masks in the alpha channel; palettes, by index if they agree, else by
 * colour; colours; values (value-meaning.ts).
 */
import { PixelwiseError, UsageError } from '../errors/index.js';
import type { Colour } from '../images/palette.js';
import { IGNORE_INDEX } from '../images/raster.js';
import {
  classNames,
  type ClassesOption,
  type ClassValues,
  indexValues,
  type MaskValues,
  thresholdValues,
} from './class-values.js';
import { type Finding, finding } from './finding.js';
import { censusOf, type MaskCensus, summed } from './mask-census.js';
import { colourDistance, hexOf, listColours, type MaskReading, VOC_OUTLINE } from './mask-reading.js';
import { findObjectNumbers } from './object-numbers.js';
import { mapParallel } from './parallel.js';
import type { Size } from './sample-reading.js';
import { spread } from './spread.js';
import { chooseByValues } from './value-meaning.js';

/** A class and its colour in colour masks, from a legend file. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: Colour;
}

export interface MaskMeaningOptions {
  /** The root of the data set, for messages. */
  readonly where: string;
  /** Class names, or their number; those of the run if masks are read for a trained model. */
  readonly classes?: ClassesOption | undefined;
  /** How the masks that a model was trained on store two classes. */
  readonly maskValues?: MaskValues | undefined;
  /** Colours of the classes, in class order, from a legend file or `--classes name=#rrggbb`. */
  readonly legend?: readonly LegendEntry[] | undefined;
  /** The legend was given by the user, so colours that are not in it are an error. */
  readonly legendGiven?: boolean | undefined;
  /** The class list states that masks contain class indices, and 255 for ignored pixels. */
  readonly indices?: boolean | undefined;
  /** Throw for masks that would otherwise be repaired. */
  readonly strict?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How all masks of a data set are read. */
export interface MaskMeaning {
  /** Class names by index. */
  readonly names: readonly string[];
  /** How a mask file is mapped to classes, as plain data that can be sent to the loader's threads. */
  readonly reading: MaskReading;
  /** How masks store two classes, if this was detected. Other masks of this kind are read the same way. */
  readonly maskValues?: MaskValues | undefined;
  /** True if masks number their objects. Then all objects are read as one class, foreground. */
  readonly numbered: boolean;
  /** Notes on the meaning that was chosen, and warnings on what is repaired while reading. */
  readonly findings: readonly Finding[];
}

/** The meaning of the masks, and the sizes of those that were decoded for it, by file. */
export interface FoundMeaning extends MaskMeaning {
  readonly sizes: ReadonlyMap<string, Size>;
}

/** Code of the note that the class list determines the meaning of 255. */
export const LISTED_INDICES = 'mask-indices-listed';

/** Number of masks that are examined. */
const MASKS_READ = 256;

/**
 * Decides what the masks of a data set mean from up to {@link MASKS_READ} of them, spread over the set.
 *
 * Throws what reading a mask throws; `mask-values`, `mask-lossy` or `mask-colours` if no meaning fits, or, with
 * `strict`, if one fits only after repairs.
 */
export async function findMaskMeaning(
  files: readonly string[],
  options: MaskMeaningOptions,
): Promise<FoundMeaning> {
  const look = (chosen: readonly string[]): Promise<MaskCensus[]> =>
    mapParallel(chosen.length, 8, (i) => censusOf(chosen[i]!), options.signal);
  let censuses = await look(spread(files.length, MASKS_READ).map((i) => files[i]!));
  const onlyBackground = censuses.every(({ values }) => values.size === 1 && values.has(0));
  if (onlyBackground && options.maskValues === undefined && files.length > MASKS_READ) {
    // A rare foreground may occur only in other masks, so 255 may be either the foreground or "ignored".
    censuses = await look(files);
  }
  const meaning = await decide(censuses, options);
  const repaired = meaning.findings.find(({ level }) => level === 'warning');
  if (options.strict === true && repaired !== undefined) {
    throw new PixelwiseError(
      repaired.code,
      `${options.where}: ${repaired.message} With --strict this is refused: ${repaired.fix}`,
    );
  }
  const inverted = censuses.filter(({ whiteIsZero }) => whiteIsZero).map(({ file }) => file);
  const sizes = new Map(censuses.map(({ file, width, height }) => [file, { width, height }]));
  if (inverted.length === 0) return { ...meaning, sizes };
  const message =
    'These TIFFs are marked white-is-zero, so that programs show them inverted. Masks are read as they are stored.';
  return {
    ...meaning,
    sizes,
    findings: [...meaning.findings, finding('note', 'mask-white-is-zero', inverted, message)],
  };
}

async function decide(censuses: readonly MaskCensus[], options: MaskMeaningOptions): Promise<MaskMeaning> {
  const files = censuses.map(({ file }) => file);
  const { legend, classes } = options;
  const wide = censuses.find((census) => census.wide);
  if (wide !== undefined) {
    const meaning = await byObjectNumbers(censuses, options);
    if (meaning !== undefined) return meaning;
    throw new PixelwiseError(
      'mask-values',
      `${wide.file}: its values are above 65,535, so they are not class indices, and they are not object numbers either: ` +
        'in that case each number is one piece. Save class indices, or a number for each object.',
    );
  }
  if (options.indices === true && classes !== undefined && censuses.every(({ kind }) => kind !== 'colours')) {
    return described(indexValues(classes), 'values', files, {
      code: LISTED_INDICES,
      message: 'The class list says that the masks hold class indices, and 255 where pixels are ignored.',
      level: 'note',
    });
  }
  if (legend !== undefined && options.legendGiven === true) refuseUnlisted(censuses, legend, options.where);
  if (legend !== undefined && legendFits(censuses, legend)) return byLegend(censuses, legend, options);
  if (censuses.length > 0 && isInAlpha(censuses)) {
    return described(thresholdValues(128, options.classes), 'alpha', files, {
      code: 'mask-alpha',
      message: 'The masks are in the alpha channel: clear pixels are background, opaque ones foreground.',
      level: 'note',
    });
  }
  if (censuses.some(({ kind }) => kind === 'colours')) {
    refuseStray(censuses);
    return byColours(censuses, options, files);
  }
  const paletted = censuses.filter(({ kind }) => kind === 'palette');
  if (paletted.length === 0) return byValues(censuses, 'values', options);
  const greys = censuses.every(({ colours }) => [...colours.keys()].every(isGrey));
  const blackAndWhite = censuses.every(({ colours }) =>
    [...colours.keys()].every((c) => c === 0 || c === 0xffffff),
  );
  const differ = !palettesAgree(paletted);
  if (greys && (differ || blackAndWhite)) return byValues(censuses.map(asLevels), 'levels', options);
  // Tools create the palettes of GIFs. Their indices are class indices only if they start at 0 without gaps.
  const made = paletted.some(({ format }) => format === 'gif') && !areCounted(paletted);
  if (!differ && !made) return byValues(censuses, 'values', options);
  const meaning = byColours(censuses, options, files);
  const message = 'The palettes were made by a tool, so classes are identified by colour, not by index.';
  return {
    ...meaning,
    findings: [
      ...meaning.findings,
      finding(
        'note',
        'mask-palettes',
        paletted.map(({ file }) => file),
        message,
      ),
    ],
  };
}

async function byValues(
  censuses: readonly MaskCensus[],
  kind: 'values' | 'levels',
  options: MaskMeaningOptions,
): Promise<MaskMeaning> {
  const { where, classes, maskValues } = options;
  const objects = kind === 'values' ? await byObjectNumbers(censuses, options) : undefined;
  if (objects !== undefined) return objects;
  const { values, repair } = chooseByValues(censuses, where, classes, maskValues);
  const files = repair?.files ?? censuses.map(({ file }) => file);
  return described(values, kind, files, repair);
}

/** The meaning of masks that number their objects; undefined if they do not, or more classes are asked for. */
async function byObjectNumbers(
  censuses: readonly MaskCensus[],
  { classes, maskValues }: MaskMeaningOptions,
): Promise<MaskMeaning | undefined> {
  if (classes !== undefined && classNames(classes).length !== 2) return undefined;
  const objects =
    maskValues === 'object-numbers'
      ? { fewest: 0, most: mostValues(censuses) }
      : await findObjectNumbers(censuses);
  if (objects === undefined) return undefined;
  const files = censuses.map(({ file }) => file);
  const meaning = described(thresholdValues(1, classes), 'values', files, {
    code: 'mask-objects',
    message:
      `The masks number their objects (${objects.fewest} to ${objects.most} an image); all objects are of one ` +
      'class, foreground. Give --classes with a number of classes if the values are classes.',
    level: 'note',
  });
  const reading = { kind: 'values', values: thresholdValues(1, classes), numbered: true } as const;
  return { ...meaning, reading, maskValues: 'object-numbers', numbered: true };
}

const mostValues = (censuses: readonly MaskCensus[]): number =>
  censuses.reduce((most, { values }) => Math.max(most, values.size - (values.has(0) ? 1 : 0)), 0);

interface Said {
  readonly code: string;
  readonly message: string;
  readonly fix?: string;
  readonly level?: Finding['level'];
}

function described(
  values: ClassValues,
  kind: 'values' | 'levels' | 'alpha',
  files: readonly string[],
  said: Said | undefined,
): MaskMeaning {
  const note = finding('note', 'mask-meaning', files, `Masks: ${values.description}.`);
  return {
    names: values.names,
    reading: { kind, values },
    maskValues: values.maskValues,
    numbered: false,
    findings: said
      ? [note, finding(said.level ?? 'warning', said.code, files, said.message, said.fix ?? '')]
      : [note],
  };
}

/**
 * Throws `mask-colours` if some masks are in colour and others store class indices, whose greys do not occur in any
 * colour mask.
 */
function refuseStray(censuses: readonly MaskCensus[]): void {
  const coloured = censuses.filter(({ kind }) => kind === 'colours');
  const known = new Set([0, ...coloured.flatMap(({ colours }) => [...colours.keys()])]);
  const stray = censuses.filter(
    ({ kind, colours }) => kind === 'values' && [...colours.keys()].some((colour) => !known.has(colour)),
  );
  if (stray.length === 0) return;
  const [few, many] = coloured.length <= stray.length ? [coloured, stray] : [stray, coloured];
  throw new PixelwiseError(
    'mask-colours',
    `${few[0]!.file}: ${few.length} masks are ${few === coloured ? 'in colour' : 'grey'}, while ${many.length} like ` +
      `${many[0]!.file} ${few === coloured ? 'store class indices' : 'are in colour'}. Save all masks in one way.`,
  );
}

const isGrey = (colour: number): boolean => (colour & 255) * 0x010101 === colour;

/** The greys of a palette as values. */
function asLevels(census: MaskCensus): MaskCensus {
  const values = new Map([...census.colours].map(([colour, count]) => [colour & 255, count]));
  return { ...census, kind: 'values', values };
}

/** Whether the indices in use are 0, 1, 2 … without a gap. */
function areCounted(paletted: readonly MaskCensus[]): boolean {
  const used = new Set(paletted.flatMap(({ values }) => [...values.keys()]));
  return [...used].every((index) => index < used.size || index === IGNORE_INDEX);
}

/** Whether an index has the same colour in every file that uses it. */
function palettesAgree(paletted: readonly MaskCensus[]): boolean {
  const colourOf = new Map<number, string>();
  for (const { palette, values } of paletted) {
    for (const index of values.keys()) {
      const colour = palette!.subarray(3 * index, 3 * index + 3).join();
      if (colourOf.has(index) && colourOf.get(index) !== colour) return false;
      colourOf.set(index, colour);
    }
  }
  return true;
}

/** Whether only alpha varies: every file has a single colour, transparent in some pixels and opaque in others. */
function isInAlpha(censuses: readonly MaskCensus[]): boolean {
  const varies = censuses.some(({ alpha }) => alpha !== undefined && alpha.size > 1);
  return varies && censuses.every(({ alpha, colours }) => alpha !== undefined && colours.size === 1);
}

const packed = ([red, green, blue]: Colour): number => (red << 16) | (green << 8) | blue;

/** Share of the pixels whose colour must be in the legend; the others are smoothed edges or outlines. */
const LEGEND_SHARE = 0.9;
/** Share of the pixels of smoothed masks that must be near the colour of a class; the others are edges. */
const NEAR_SHARE = 0.75;
/** Share of the pixels that must have exactly the colour of a class. In photographs, all pixels differ slightly. */
const EXACT_SHARE = 0.3;

/** Whether masks contain the colours of a legend. They may store its indices instead. */
function legendFits(censuses: readonly MaskCensus[], legend: readonly LegendEntry[]): boolean {
  const listed = new Set(legend.map(({ colour }) => packed(colour)));
  const colours = summed(censuses.map((census) => census.colours));
  let inside = 0;
  let all = 0;
  let classes = 0;
  for (const [colour, count] of colours) {
    all += count;
    if (!listed.has(colour)) continue;
    inside += count;
    classes++;
  }
  const lossy = censuses.some((census) => census.lossy);
  return classes > 0 && inside >= (lossy ? 0.5 : LEGEND_SHARE) * all && (classes > 1 || colours.size === 1);
}

/**
 * Throws `mask-colours` if masks in colour do not match the given colours: they contain few of them, or other exact
 * colours. Many other colours are smoothed edges.
 */
function refuseUnlisted(
  censuses: readonly MaskCensus[],
  legend: readonly LegendEntry[],
  where: string,
): void {
  if (censuses.every(({ kind }) => kind === 'values')) return;
  const listed = new Set(legend.map(({ colour }) => packed(colour)));
  const others = [...summed(censuses.map(({ colours }) => colours))]
    .filter(([colour]) => !listed.has(colour) && colour !== VOC_OUTLINE)
    .sort((a, b) => b[1] - a[1]);
  const smoothed = censuses.some(({ lossy }) => lossy) || others.length > MIXTURES_A_CLASS * legend.length;
  if (others.length === 0 || (smoothed && legendFits(censuses, legend))) return;
  const [example] = censuses.filter(({ colours }) => colours.has(others[0]![0]));
  throw new PixelwiseError(
    'mask-colours',
    `${where}: the masks have colours that --classes does not list: ${listColours(others.map(([colour]) => Math.max(0, colour)))} ` +
      `(for instance in ${example!.file}); listed are ${legend.map(({ name, colour }) => `${name}=${hexOf(packed(colour))}`).join(', ')}. ` +
      'List them too, or leave the colours out if the masks store class indices.',
  );
}

function byLegend(
  censuses: readonly MaskCensus[],
  legend: readonly LegendEntry[],
  { classes, where }: MaskMeaningOptions,
): MaskMeaning {
  const names = legend.map(({ name }) => name);
  // The classes of a run may have another order than the legend of the masks on which it is tested.
  const order = typeof classes === 'object' ? classes : names;
  const missing = names.find((name) => !order.includes(name));
  if (missing !== undefined) {
    throw new UsageError(
      `${where}: the legend names the class "${missing}", which is not among the classes ${order.join(', ')}.`,
    );
  }
  const colours = legend.map(({ colour }) => packed(colour));
  const listed = new Set(colours);
  const odd = censuses.filter((census) => [...census.colours.keys()].some((colour) => !listed.has(colour)));
  return {
    names: order,
    reading: {
      kind: 'colours',
      colours: { colours, classes: names.map((name) => order.indexOf(name)), nearest: odd.length > 0 },
    },
    numbered: false,
    findings: [
      finding(
        'note',
        'mask-meaning',
        censuses.map(({ file }) => file),
        `Masks: ${names.length} classes by colour.`,
      ),
      ...(odd.length === 0 ? [] : [colourRepair(odd)]),
    ],
  };
}

function colourRepair(odd: readonly MaskCensus[]): Finding {
  return finding(
    'warning',
    'mask-colours-mixed',
    odd.map(({ file }) => file),
    'These masks have colours that are not those of a class (smoothed edges, or lossy compression): each such pixel becomes the class ' +
      'of the nearest colour.',
    'Export masks as PNG without smoothing.',
  );
}

/** The largest number of colours: masks drawn by people have few classes. */
const MOST_CLASS_COLOURS = 64;
/** Colours nearer than this to a more frequent colour are that colour, changed by a codec or smoothing. */
const SAME_COLOUR = 40 ** 2;
/** If there are more colours per class than this, the masks have smoothed edges. */
const MIXTURES_A_CLASS = 3;
/** Share of all pixels. If there are many colours, rarer ones are transitions, made by a codec or smoothing. */
const LEAST_SHARE = 0.002;
/** The same for a mixture of two more frequent colours. */
const LEAST_BETWEEN = 0.03;

/** Classes by the colours that occur in the set. */
function byColours(
  censuses: readonly MaskCensus[],
  { classes, where }: MaskMeaningOptions,
  files: readonly string[],
): MaskMeaning {
  const counts = summed(censuses.map((census) => census.colours));
  const shift = indexChannel(counts);
  if (shift !== undefined) return byChannel(counts, shift, classes, files);
  const lossy = censuses.some((census) => census.lossy);
  const few = clusters(counts);
  // A colour that is not a mixture of others is a class, even if it is rare. Many mixtures are smoothed edges.
  const smoothed = few !== undefined && counts.size > MIXTURES_A_CLASS * few.length;
  const exact = !lossy && !smoothed && counts.size <= MOST_CLASS_COLOURS;
  const found = exact ? [...counts.keys()] : few;
  if (found === undefined || found.length < 2) {
    throw new PixelwiseError(
      'mask-colours',
      `${where}: the masks are in colour, with ${counts.size} different ones: too many to be classes. Save masks as class ` +
        'indices (grey, or PNG with a palette), or with one colour a class and without smoothing.',
    );
  }
  const background = found.includes(0)
    ? 0
    : found.reduce((a, b) => (counts.get(b)! > counts.get(a)! ? b : a));
  const ordered = [background, ...found.filter((colour) => colour !== background).sort((a, b) => a - b)];
  const names = namesOfColours(ordered, classes, where);
  const index = (colour: number): number =>
    names.includes(hexOf(colour)) ? names.indexOf(hexOf(colour)) : ordered.indexOf(colour);
  const odd = exact
    ? []
    : censuses.filter((census) => [...census.colours.keys()].some((colour) => !found.includes(colour)));
  return {
    names,
    reading: {
      kind: 'colours',
      colours: { colours: ordered, classes: ordered.map(index), nearest: odd.length > 0 },
    },
    numbered: false,
    findings: [
      finding(
        'note',
        'mask-meaning',
        files,
        `Masks: ${ordered.length} classes by colour (${listColours(ordered)}).`,
      ),
      ...(odd.length === 0 ? [] : [colourRepair(odd)]),
    ],
  };
}

/** The largest class index in one channel. Higher values are visible colours. */
const MOST_INDICES = 64;

/** The only channel with small numbers, as a bit shift. Simulators such as CARLA write the class into red. */
function indexChannel(counts: ReadonlyMap<number, number>): number | undefined {
  const colours = [...counts.keys()].filter((colour) => colour > 0);
  if (colours.length === 0) return undefined;
  return [16, 8, 0].find((shift) =>
    colours.every((colour) => colour % (1 << shift) === 0 && colour >> shift < MOST_INDICES),
  );
}

function byChannel(
  counts: ReadonlyMap<number, number>,
  shift: number,
  classes: ClassesOption | undefined,
  files: readonly string[],
): MaskMeaning {
  const highest = Math.max(...counts.keys()) >> shift;
  const names = classNames(classes ?? Math.max(2, highest + 1));
  const indices = names.map((_, i) => i);
  const channel = shift === 16 ? 'red' : shift === 8 ? 'green' : 'blue';
  const message = `Masks: ${names.length} classes by index, stored in the ${channel} channel of colour files.`;
  return {
    names,
    reading: {
      kind: 'colours',
      colours: { colours: indices.map((i) => i << shift), classes: indices, nearest: false },
    },
    numbered: false,
    findings: [finding('note', 'mask-meaning', files, message)],
  };
}

/** Names: `background`, then each class by its colour; or the given classes, if they match. */
function namesOfColours(
  ordered: readonly number[],
  classes: ClassesOption | undefined,
  where: string,
): readonly string[] {
  const own = ordered.map((colour, i) => (i === 0 ? 'background' : hexOf(colour)));
  if (classes === undefined) return own;
  const given = classNames(classes);
  if (typeof classes === 'number' && classes === own.length) return own;
  if (typeof classes === 'object' && own.slice(1).every((name) => given.includes(name))) return given;
  if (given.length === 2 && own.length === 2) return given;
  throw new PixelwiseError(
    'mask-colours',
    `${where}: the masks have ${own.length} colours (${listColours(ordered)}), and the classes are ${given.join(', ')}. ` +
      'Name each class with its colour: --classes name=#rrggbb,…',
  );
}

/** The few colours that most pixels are close to; undefined if there are none. */
function clusters(counts: ReadonlyMap<number, number>): number[] | undefined {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const frequent = [...counts].filter(([colour]) => colour >= 0).sort((a, b) => b[1] - a[1]);
  const found: number[] = [];
  let near = 0;
  for (const [colour, count] of frequent) {
    if (found.some((other) => colourDistance(colour, other) < SAME_COLOUR)) near += count;
    else if (count >= (isBetween(colour, found) ? LEAST_BETWEEN : LEAST_SHARE) * all) {
      found.push(colour);
      near += count;
    }
  }
  const exact = found.reduce((sum, colour) => sum + counts.get(colour)!, 0);
  const few = found.length <= MOST_CLASS_COLOURS;
  return few && near >= NEAR_SHARE * all && exact >= EXACT_SHARE * all ? found : undefined;
}

/** Whether a colour is nearly a mixture of two others. */
function isBetween(colour: number, others: readonly number[]): boolean {
  const channels = (value: number): [number, number, number] => [
    value >> 16,
    (value >> 8) & 255,
    value & 255,
  ];
  const point = channels(colour);
  return others.some((a, i) =>
    others.slice(i + 1).some((b) => {
      const [from, to] = [channels(a), channels(b)];
      const along = to.map((value, c) => value - from[c]!);
      const offset = point.map((value, c) => value - from[c]!);
      const length = along.reduce((sum, value) => sum + value * value, 0);
      const t = along.reduce((sum, value, c) => sum + value * offset[c]!, 0) / length;
      const gap = offset.reduce((sum, value, c) => sum + (value - t * along[c]!) ** 2, 0);
      return t > 0 && t < 1 && gap < SAME_COLOUR;
    }),
  );
}
