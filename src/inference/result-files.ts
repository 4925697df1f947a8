/** Writes the result files of a segmented image, under names that `predict` and `evaluate` share. */
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeImage, writeMask } from '../images/encode.js';
import { objectOverlay } from '../images/object-overlay.js';
import { overlay } from '../images/overlay.js';
import type { PixelSize } from '../objects/index.js';
import type { ClassMask, Raster } from '../images/raster.js';
import type { Planes } from '../images/resize.js';
import { hasClass } from '../labels/label-set.js';
import { writeOutputFile } from '../files/index.js';
import { maskToCoco } from './coco.js';
import type { ModelCard } from './model-card.js';
import { encodeNpy } from './npy.js';
import { objectOutlines, writeObjects } from './object-files.js';
import { maskToGeoJson } from './outlines.js';
import { overlayOptions, paletteOf } from './pictures.js';
import type { SegmentedObjects } from './segmentation.js';

/** Format of outlines: polygons as GeoJSON, or run lengths as COCO annotations. */
export type OutlineFormat = 'geojson' | 'coco';

/** Which files to write for an image. */
export interface ResultChoice {
  /** The mask, `NAME.png`, with a palette; palette indices are classes. Default true. */
  readonly mask?: boolean | undefined;
  /** The image with its mask overlaid, `overlays/NAME.jpg`. Default false. */
  readonly overlay?: boolean | undefined;
  /** The model's probabilities, `probabilities/NAME.npy`: float32 K×H×W. Default false. */
  readonly probabilities?: boolean | undefined;
  /** `outlines/NAME.geojson` or `outlines/NAME.json`. Default none. */
  readonly outlines?: OutlineFormat | undefined;
  /** The model's classes if they overlap: a mask of 0 and 255 for each, `CLASS/NAME.png`. */
  readonly overlapping?: readonly string[] | undefined;
  /**
   * Of a model of objects: the label image, `objects/NAME.png` of 16 bits, or `.tif` that ImageJ opens, and a table,
   * `objects/NAME.csv`. Undefined for other models.
   */
  readonly objects?: 'png' | 'tif' | undefined;
}

/** Absolute paths of the files to write for an image. */
export interface ResultPaths {
  readonly mask?: string;
  readonly overlay?: string;
  readonly probabilities?: string;
  readonly outlines?: string;
  /** Of overlapping classes, a mask for each. */
  readonly classes?: readonly string[];
  readonly objects?: string;
  readonly objectTable?: string;
}

/** All paths of a result. */
export const pathsIn = ({ classes = [], ...single }: ResultPaths): string[] => [
  ...Object.values(single),
  ...classes,
];

/** The paths of an image's files. @param out an absolute folder. @param name unique among the images. */
export function resultPaths(out: string, name: string, choice: ResultChoice): ResultPaths {
  const ending = choice.outlines === 'coco' ? 'json' : 'geojson';
  return {
    ...(choice.mask !== false && { mask: join(out, `${name}.png`) }),
    ...(choice.overlay && { overlay: join(out, 'overlays', `${name}.jpg`) }),
    ...(choice.probabilities && { probabilities: join(out, 'probabilities', `${name}.npy`) }),
    ...(choice.outlines && { outlines: join(out, 'outlines', `${name}.${ending}`) }),
    ...(choice.objects && {
      objects: join(out, 'objects', `${name}.${choice.objects}`),
      objectTable: join(out, 'objects', `${name}.csv`),
    }),
    ...(choice.overlapping && {
      classes: foldersNamed(choice.overlapping).map((folder) => join(out, folder, `${name}.png`)),
    }),
  };
}

/** A folder for each class: its name, with its index where that is the name of another, too. */
function foldersNamed(labels: readonly string[]): string[] {
  const names = labels.map((label) => label.replace(/[^\p{L}\p{N} _-]/gu, '_'));
  // Some file systems do not tell capitals apart.
  const alike = names.map((name) => name.toLowerCase());
  return names.map((name, k) => (alike.indexOf(alike[k]!) === k ? name : `${name}-${k}`));
}

/** The results of a segmented image. */
export interface Result {
  /** File name of the image, for outlines. */
  readonly fileName: string;
  readonly image: Raster;
  readonly mask: ClassMask;
  readonly probabilities?: Planes | undefined;
  readonly objects?: SegmentedObjects | undefined;
  /** For the label image and the table. */
  readonly pixelSize?: PixelSize | undefined;
}

/** Writes the files in `paths`. Throws `write-failed`; after an error, none of the files exist. */
export async function writeResults(
  paths: ResultPaths,
  { fileName, image, mask, probabilities, objects, pixelSize }: Result,
  card: ModelCard,
): Promise<void> {
  const written: string[] = [];
  const write = async (path: string | undefined, work: (path: string) => Promise<void>): Promise<void> => {
    if (path === undefined) return;
    await work(path);
    written.push(path);
  };
  try {
    await write(paths.probabilities, (path) => {
      const { data, channels, width, height } = probabilities!;
      return writeOutputFile(path, encodeNpy(data, [channels, height, width]));
    });
    await write(paths.objects, (path) =>
      writeObjects(path, paths.objectTable!, objects!, card.classes, image, pixelSize),
    );
    await write(paths.objectTable, () => Promise.resolve());
    await write(paths.overlay, async (path) =>
      writeImage(
        path,
        objects
          ? await objectOverlay(image, objects, overlayOptions(card))
          : await overlay(image, mask, overlayOptions(card)),
      ),
    );
    await write(paths.outlines, (path) =>
      objects
        ? writeOutputFile(path, JSON.stringify(objectOutlines(path, objects, card.classes, fileName, image)))
        : writeOutlines(path, mask, card, fileName),
    );
    for (const [k, path] of (paths.classes ?? []).entries()) {
      await write(path, (file) => writeClassMask(file, mask, k));
    }
    // The mask is written last: if it exists, all files do.
    await write(paths.mask, (path) => writeMask(path, mask, { palette: paletteOf(card) }));
  } catch (error) {
    await Promise.all(written.map((file) => rm(file, { force: true })));
    throw error;
  }
}

/** Writes the pixels of class `k` of overlapping classes as a mask of 0 and 255. */
export async function writeClassMask(path: string, mask: ClassMask, k: number): Promise<void> {
  const data = mask.data.map((set) => (hasClass(set, k) ? 255 : 0));
  await writeMask(path, { ...mask, data }, { as: 'grey' });
}

/** Writes the outlines of a mask in the format given by the path's extension. */
export async function writeOutlines(
  path: string,
  mask: ClassMask,
  { classes, multiLabel }: ModelCard,
  fileName: string,
): Promise<void> {
  const outlines = path.endsWith('.geojson')
    ? maskToGeoJson(mask, classes, { multiLabel })
    : maskToCoco(mask, classes, basename(fileName), { multiLabel });
  await writeOutputFile(path, JSON.stringify(outlines));
}
