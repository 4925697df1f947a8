/**
 * Measures the objects in masks, or in the masks that a model predicts, and writes tables: a row for each object, and
 * a row for each image. This is what `pixelwise measure` does.
 *
 * ```ts
 * const { counts } = await measure({ masks: './labels', images: ['./photos'], out: './tables' });
 * ```
 */
import { join, resolve } from 'node:path';
import type { ClassesOption } from '../data/class-values.js';
import { givenClasses } from '../data/index.js';
import { findMaskMeaning } from '../data/mask-meaning.js';
import { readMask } from '../data/mask-reading.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { writeOutputFile, WrittenFiles } from '../files/index.js';
import { decodeImage } from '../images/decode.js';
import { decodeLabels } from '../images/decode-labels.js';
import { backgroundClass } from '../images/palette.js';
import type { Raster } from '../images/raster.js';
import { findInputs, type InputFile, resultNames } from '../inference/input-files.js';
import { type FileSegmentOptions, type Segmenter, segmentOptionsIn } from '../inference/index.js';
import { objectsOfSegmentation } from '../inference/segmented-objects.js';
import type { LabelImage, MaskContents, MeasuredObject, Row } from '../objects/index.js';
import {
  imageRow,
  measureObjects,
  objectRows,
  objectsOfMask,
  parsePixelSize,
  toCsv,
} from '../objects/index.js';

export interface MeasureFilesOptions extends FileSegmentOptions {
  /** Folder for the tables. */
  readonly out: string;
  /** Files, folders and patterns of masks or label images. Either these or {@link model}. */
  readonly masks?: string | readonly string[] | undefined;
  /** A model that predicts the masks of {@link images}. It stays open. */
  readonly model?: Segmenter | undefined;
  /** Files, folders and patterns of images, whose intensities are measured. A mask belongs to the image of its name. */
  readonly images?: readonly string[] | undefined;
  /** Default `auto`: detected from all masks. */
  readonly contents?: MaskContents | undefined;
  /** Names of the classes in masks, or their number. */
  readonly classes?: ClassesOption | undefined;
  /** The side of a pixel with its unit, such as `0.5um`. Default: measurements are in pixels. */
  readonly pixelSize?: string | undefined;
  readonly onNote?: ((note: string) => void) | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface MeasureResult {
  /** Paths of the tables as CSV; the same rows are beside them as JSON. */
  readonly objects: string;
  readonly images: string;
  /** Number of objects by class. */
  readonly counts: Readonly<Record<string, number>>;
  /** Inputs that could not be measured. */
  readonly failures: readonly { readonly input: string; readonly error: PixelwiseError }[];
}

/** The objects of an image: their numbers by pixel, and the class of each number. */
interface FoundObjects {
  readonly labels: LabelImage;
  readonly classOf: (label: number) => string;
  readonly image?: Raster | undefined;
  /** The mean probability of an object's class. */
  readonly probabilityOf?: ((label: number) => number) | undefined;
}

/** Finds the objects of inputs. */
interface ObjectSource {
  readonly inputs: readonly InputFile[];
  /** Names of the classes of objects. */
  readonly classes: readonly string[];
  find(input: InputFile): Promise<FoundObjects>;
}

/**
 * Measures objects and writes `objects.csv`, `objects.json`, `images.csv` and `images.json`. Inputs that cannot be read
 * are returned in `failures`.
 *
 * @throws UsageError for invalid options; PixelwiseError for masks whose values cannot be understood, an image without
 *   a mask, and if nothing could be measured.
 */
export async function measure(options: MeasureFilesOptions): Promise<MeasureResult> {
  const pixelSize = options.pixelSize === undefined ? undefined : parsePixelSize(options.pixelSize);
  const out = resolve(options.out);
  const paths = ['objects.csv', 'objects.json', 'images.csv', 'images.json'].map((name) => join(out, name));
  const written = new WrittenFiles(out);
  await written.refuseOthers(paths);
  const source = await sourceOf(options);
  const { inputs, classes } = source;
  const names = resultNames(inputs);
  const objectTable: Row[] = [];
  const imageTable: Row[] = [];
  const failures: { input: string; error: PixelwiseError }[] = [];
  const counts = new Map(classes.map((name) => [name, 0]));
  for (const [i, input] of inputs.entries()) {
    options.signal?.throwIfAborted();
    try {
      const { labels, classOf, image, probabilityOf } = await source.find(input);
      const objects = measureObjects(labels, { image }).map((one): MeasuredObject => ({
        ...one,
        ...(probabilityOf && { meanProbability: probabilityOf(one.label) }),
        className: classOf(one.label),
      }));
      for (const row of objectRows(names[i]!, objects, pixelSize)) objectTable.push(row);
      const { width, height } = labels;
      imageTable.push(imageRow({ name: names[i]!, width, height }, objects, classes, pixelSize));
      for (const { className } of objects) counts.set(className, (counts.get(className) ?? 0) + 1);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof PixelwiseError) || error instanceof UsageError) throw error;
      failures.push({ input: resolve(input.path), error });
    }
    options.onProgress?.(i + 1, inputs.length);
  }
  if (imageTable.length === 0) throw failures[0]!.error;
  const tables = [objectTable, imageTable];
  for (const [i, path] of paths.entries()) {
    const rows = tables[Math.floor(i / 2)]!;
    const text = path.endsWith('.csv')
      ? toCsv(rows)
      : `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
    await writeOutputFile(path, text);
  }
  await written.record(paths);
  return { objects: paths[0]!, images: paths[2]!, counts: Object.fromEntries(counts), failures };
}

async function sourceOf(options: MeasureFilesOptions): Promise<ObjectSource> {
  const { model, masks, images } = options;
  if ((model === undefined) === (masks === undefined)) {
    throw new UsageError('Objects are those of masks or those that a model finds: give masks, or a model.');
  }
  if (model !== undefined) {
    if (images === undefined || images.length === 0) {
      throw new UsageError('A model needs images to find objects in: name files, folders or patterns.');
    }
    return predictedObjects(model, await findInputs(images), options);
  }
  const files = await findInputs(typeof masks === 'string' ? [masks] : masks!);
  const found = images === undefined || images.length === 0 ? undefined : await findInputs(images);
  return maskObjects(files, found, options);
}

/** The objects that a model finds; if it does not tell them apart, the connected components of its classes. */
function predictedObjects(
  model: Segmenter,
  inputs: readonly InputFile[],
  options: MeasureFilesOptions,
): ObjectSource {
  const { classes: all, channels } = model.card;
  const background = backgroundClass(all);
  return {
    inputs,
    classes: all.filter((_, k) => k !== background),
    async find({ path }) {
      const image = await decodeImage(path, { channels });
      const segmented = await model.segment(
        image,
        { ...segmentOptionsIn(options), probabilities: true },
        path,
      );
      const { labels, classes, probabilities, width, height } = objectsOfSegmentation(segmented, model.card);
      return {
        labels: { width, height, data: labels },
        classOf: (label) => all[classes[label - 1]!]!,
        image,
        probabilityOf: (label) => probabilities[label - 1]!,
      };
    },
  };
}

async function maskObjects(
  masks: readonly InputFile[],
  images: readonly InputFile[] | undefined,
  { contents = 'auto', classes: given, signal, onNote }: MeasureFilesOptions,
): Promise<ObjectSource> {
  const imageOf = images && pairByName(masks, images);
  const withImage = async (mask: InputFile, size: { width: number; height: number }) => {
    const file = imageOf?.get(mask);
    if (file === undefined) return undefined;
    const image = await decodeImage(file.path);
    if (image.width === size.width && image.height === size.height) return image;
    throw new PixelwiseError(
      'size-mismatch',
      `${mask.path} is ${size.width}×${size.height} and its image ${file.path} is ${image.width}×${image.height}. Both must have the same size.`,
    );
  };
  const named = givenClasses(given);
  const meaning =
    contents === 'objects'
      ? undefined
      : await findMaskMeaning(
          masks.map(({ path }) => path),
          { where: masks[0]!.path, classes: named.classes, legend: named.colours, legendGiven: true, signal },
        );
  if (meaning === undefined || (meaning.numbered && contents === 'auto')) {
    const name =
      meaning?.names[1] ?? (typeof named.classes === 'object' ? named.classes.at(-1)! : 'foreground');
    onNote?.(`The masks are read as label images: a number for each object.`);
    return {
      inputs: masks,
      classes: [name],
      async find(mask) {
        const labels = await decodeLabels(mask.path);
        return { labels, classOf: () => name, image: await withImage(mask, labels) };
      },
    };
  }
  meaning.findings.forEach(({ message }) => onNote?.(message));
  const { names, reading } = meaning;
  const background = backgroundClass(names) ?? 0;
  onNote?.('Each connected piece of a class is an object.');
  return {
    inputs: masks,
    classes: names.filter((_, k) => k !== background),
    async find(mask) {
      const { labels, classes, width, height } = objectsOfMask(
        await readMask(mask.path, reading),
        background,
      );
      const data = { width, height, data: labels };
      return {
        labels: data,
        classOf: (label) => names[classes[label - 1]!]!,
        image: await withImage(mask, data),
      };
    },
  };
}

/**
 * The image of each mask: the one of the same name, or else the one whose name starts the mask's (`a.png` and
 * `a_cp_masks.tif`), the longest if there are several.
 *
 * @throws PixelwiseError `image-missing` for a mask without an image.
 */
export function pairByName(
  masks: readonly InputFile[],
  images: readonly InputFile[],
): ReadonlyMap<InputFile, InputFile> {
  if (masks.length === 1 && images.length === 1) return new Map([[masks[0]!, images[0]!]]);
  const stem = ({ relative }: InputFile): string => relative.replace(/\.[^./\\]+$/, '');
  const byStem = new Map(images.map((image) => [stem(image), image]));
  const startOf = (name: string): InputFile | undefined => {
    for (let length = name.length - 1; length > 0; length--) {
      const image = byStem.get(name.slice(0, length));
      // A name must not end within a word or a number: `a1` does not begin `a10`.
      if (image !== undefined && !/[\p{L}\d]/u.test(name[length]!)) return image;
    }
    return undefined;
  };
  return new Map(
    masks.map((mask) => {
      const name = stem(mask);
      const image = byStem.get(name) ?? startOf(name);
      if (image !== undefined) return [mask, image];
      throw new PixelwiseError(
        'image-missing',
        `${mask.path}: there is no image of this name. Name images like their masks, or leave the images out.`,
      );
    }),
  );
}
