/** Data sets whose masks are drawn from the shapes of a labelling tool: what all such formats share. */
import { PixelwiseError } from '../../errors/index.js';
import { describeImage } from '../../images/decode.js';
import { checkPixelCount } from '../../images/image-limits.js';
import { type ClassMask, IGNORE_INDEX } from '../../images/raster.js';
import { checkOverlappingClasses, setOf } from '../../labels/label-set.js';
import { FileDataset, type FilePair, findLayout } from '../file-dataset.js';
import { type Finding, finding } from '../finding.js';
import { relative } from 'node:path';
import { stemOf } from '../files.js';
import { isBackgroundName, isIgnoredName } from '../legend.js';
import { patternOf } from '../pairing/describe.js';
import type { Tree } from '../tree.js';
import { drawObjects, type DrawnShape, drawShapes, type Shape } from './shapes.js';

/** A shape with the name that the tool gives its class. */
export interface LabelledShape {
  readonly label: string;
  readonly shape: Shape;
}

export interface DrawnSample {
  readonly id: string;
  /** The image file, absolute. */
  readonly image: string;
  /** The file with the annotations, absolute. */
  readonly source: string;
  /** Size of the picture that was drawn on; the image's where not given. */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  readonly split?: string | undefined;
  readonly group?: string | undefined;
  /** Shapes with their classes, given the size; later ones lie on top. */
  readonly shapes: (size: {
    readonly width: number;
    readonly height: number;
  }) => readonly DrawnShape[] | Promise<readonly DrawnShape[]>;
}

export interface DrawnOptions {
  readonly format: string;
  readonly samples: readonly DrawnSample[];
  /** By class index, the background first. */
  readonly classes: readonly string[];
  readonly pairing: string;
  readonly unlabelled?: readonly string[];
  readonly findings?: readonly Finding[];
  readonly smallerOnTop?: boolean;
  /** Whether each shape is an object. */
  readonly hasObjects?: boolean;
  readonly group?: RegExp | undefined;
  readonly resizeMasks?: boolean | undefined;
  /** Whether classes overlap; see {@link FileDataset.multiLabel}. */
  readonly multiLabel?: boolean | undefined;
}

/** Options of the user for data sets with drawn shapes. */
export type DrawingOptions = Pick<DrawnOptions, 'resizeMasks' | 'multiLabel'>;

/** Opens such a data set. Throws `data-empty` where there is no sample, and what reading the images' headers throws. */
export async function openDrawn(options: DrawnOptions): Promise<FileDataset> {
  const { format, samples, smallerOnTop = false, multiLabel: sets = false } = options;
  // Class k is bit k − 1 then, since class 0 is the background.
  const classes = sets ? options.classes.slice(1) : options.classes;
  if (sets) checkOverlappingClasses(classes, options.pairing);
  const inSet = (drawn: DrawnShape): DrawnShape => ({
    ...drawn,
    value: drawn.value === IGNORE_INDEX || drawn.value === 0 ? drawn.value : setOf(drawn.value - 1),
  });
  const pairs = samples.map(({ id, image, source, split, group }): FilePair => ({
    id,
    image,
    mask: source,
    split,
    group,
  }));
  const { layout, notes } = await findLayout(pairs.map(({ image }) => image));
  const findings = options.findings ?? [];
  const drawnOn = async ({ image }: FilePair, i: number) => {
    const sample = samples[i]!;
    const size = sample.size ?? (await describeImage(image));
    // The annotations' word for it, before memory is taken.
    checkPixelCount(`${image}, as its annotations describe it`, size.width, size.height);
    return { size, shapes: await sample.shapes(size) };
  };
  return new FileDataset({
    format,
    pairs,
    classes,
    multiLabel: sets,
    layout,
    pairing: options.pairing,
    unlabelled: options.unlabelled ?? [],
    notes: [...notes, ...findings.filter(({ level }) => level === 'note').map(({ message }) => message)],
    findings,
    resizeMasks: options.resizeMasks ?? false,
    hasObjects: options.hasObjects === true && !sets,
    masks: {
      draw: async (pair, i): Promise<ClassMask> => {
        const { shapes, size } = await drawnOn(pair, i);
        return drawShapes(sets ? shapes.map(inSet) : shapes, size, { smallerOnTop, sets });
      },
      drawObjects: async (pair, i) => {
        const { shapes, size } = await drawnOn(pair, i);
        return drawObjects(shapes, size, { smallerOnTop });
      },
    },
  });
}

/** Classes by the labels that shapes carry: the background, then the labels in the order of the list, or sorted. */
export class LabelTable {
  readonly classes: readonly string[];
  private readonly byName: ReadonlyMap<string, number>;

  /**
   * @param used labels that occur. @param listed the tool's own list of classes, in order.
   * Throws `data-empty` where there is neither.
   */
  constructor(where: string, used: Iterable<string>, listed: readonly string[] = []) {
    const real = (name: string): boolean => !isBackgroundName(name) && !isIgnoredName(name);
    const known = listed.filter(real);
    const others = [...new Set(used)].filter((name) => real(name) && !known.includes(name)).sort();
    const names = [...new Set([...known, ...others])];
    if (names.length === 0) {
      throw new PixelwiseError(
        'data-empty',
        `${where}: nothing is labelled: no annotation has a class. Label something and export again.`,
      );
    }
    if (names.length > 254) {
      throw new PixelwiseError(
        'data-classes',
        `${where}: ${names.length} classes; at most 254 fit beside the background.`,
      );
    }
    const background = [...listed, ...used].find(isBackgroundName);
    this.classes = [background ?? 'background', ...names];
    this.byName = new Map(names.map((name, i) => [name, i + 1]));
  }

  /** The class of a label: 0 for names of the background, IGNORE_INDEX for `ignore`. */
  valueOf(label: string): number {
    if (isIgnoredName(label)) return IGNORE_INDEX;
    return this.byName.get(label) ?? 0;
  }

  drawn({ label, shape }: LabelledShape): DrawnShape {
    return { value: this.valueOf(label), shape };
  }
}

/** Counts errors of single annotations, so that one of them does not make the whole data set unusable. */
export class Skipped {
  private readonly kinds = new Map<string, { files: string[]; fix: string }>();

  add(what: string, where: string, fix: string): void {
    const known = this.kinds.get(what);
    if (known === undefined) this.kinds.set(what, { files: [where], fix });
    else known.files.push(where);
  }

  findings(code: string): Finding[] {
    return [...this.kinds].map(([what, { files, fix }]) =>
      finding(
        'warning',
        code,
        files,
        `${what[0]!.toUpperCase()}${what.slice(1)}: ${files.length} left out.`,
        fix,
      ),
    );
  }
}

/** Shapes that can be drawn; those that cannot are counted. `size` only bounds them. */
export function usable(shape: Shape): string | undefined {
  if (shape.kind === 'rings') {
    const bad =
      shape.rings.length === 0 || shape.rings.some((ring) => ring.length < 6 || ring.length % 2 === 1);
    if (bad) return 'polygons with fewer than three points';
    if (!shape.rings.every((ring) => ring.every(Number.isFinite)))
      return 'polygons with coordinates that are not numbers';
  }
  return undefined;
}

/** An image with the shapes that a tool drew on it. */
export interface LabelledSample extends Omit<DrawnSample, 'shapes' | 'id'> {
  readonly shapes: readonly LabelledShape[];
}

export interface LabelledOptions {
  readonly format: string;
  readonly samples: readonly LabelledSample[];
  /** The tool's own list of classes, in order. */
  readonly listed?: readonly string[] | undefined;
  /** Annotations that could not be used. */
  readonly skipped?: Skipped;
  /** Images that annotations name and that are not there. */
  readonly missing?: readonly string[];
  readonly unlabelled?: readonly string[];
  readonly findings?: readonly Finding[];
}

/** Opens shapes with labels: classes, ids and findings are made here, the same for every tool. */
export function openLabelled(
  tree: Tree,
  options: DrawingOptions,
  {
    format,
    samples,
    listed,
    skipped = new Skipped(),
    missing = [],
    unlabelled = [],
    findings = [],
  }: LabelledOptions,
): Promise<FileDataset> {
  const found: Finding[] = [...findings];
  const drawable = samples.map((sample) => ({
    ...sample,
    shapes: sample.shapes.filter(({ shape }) => {
      const wrong = usable(shape);
      if (wrong !== undefined)
        skipped.add(`annotations are ${wrong}`, sample.source, 'Correct or remove them.');
      return wrong === undefined;
    }),
  }));
  if (drawable.every(({ shapes }) => shapes.length === 0)) {
    const why = skipped
      .findings('')
      .map(({ message }) => message)
      .join(' ');
    throw new PixelwiseError(
      'data-empty',
      `${tree.root}: nothing is labelled in ${samples.length} annotated images (${format})${why === '' ? '.' : `: ${why}`} ` +
        (missing.length > 0 ? `${missing.length} images are not there, such as ${missing[0]}. ` : '') +
        'Label something, or export again.',
    );
  }
  if (missing.length > 0) {
    found.push(
      finding(
        'warning',
        'image-missing',
        missing,
        `Annotated images that are not there: ${missing.length} left out.`,
        'To use them, copy them beside the others.',
      ),
    );
  }
  found.push(...skipped.findings('annotation-skipped'));
  const labels = new LabelTable(
    tree.root,
    drawable.flatMap(({ shapes }) => shapes.map(({ label }) => label)),
    listed,
  );
  const paths = drawable.map(({ image }) => relativePath(tree, image));
  const short = paths.map((path) => stemOf(path).replace(/^(images|img|data)\//, ''));
  const ids = new Set(short).size === short.length ? short : paths;
  const total = drawable.reduce((sum, { shapes }) => sum + shapes.length, 0);
  const sources = patternOf([...new Set(drawable.map(({ source }) => relativePath(tree, source)))]);
  return openDrawn({
    format,
    samples: drawable.map(({ shapes, ...sample }, i) => ({
      ...sample,
      id: ids[i]!,
      shapes: () => shapes.map((one) => labels.drawn(one)),
    })),
    classes: labels.classes,
    pairing: `${drawable.length} images: ${patternOf(paths)} ↔ ${total} shapes in ${sources}`,
    unlabelled,
    findings: found,
    resizeMasks: options.resizeMasks,
    multiLabel: options.multiLabel,
  });
}

const relativePath = (tree: Tree, path: string): string => relative(tree.root, path).replaceAll('\\', '/');
