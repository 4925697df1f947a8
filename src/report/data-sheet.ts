/** Describes the data of a run in `data.json`, with small pictures of samples and of augmented ones. */
import { join } from 'node:path';
import type { DoctorReport, Parts, Problem, Transform, ValueRange } from '../data/index.js';
import { augmentedTiles, type Fit, sampleTiles, type SheetTile, Subset } from '../data/index.js';
import { maskLook } from '../images/palette.js';
import { resizeMask } from '../images/resize.js';
import { writeOutputFile } from '../files/index.js';
import { dataUri } from './embed.js';
import { foregroundFirst } from './foreground-first.js';
import { encodeMaskLayer, encodeWebp, viewOfImage } from './view.js';

/** A picture with its mask over it, as `data:` URIs. */
export interface TilePicture {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly image: string;
  readonly mask: string;
}

/** Content of `data.json`. */
export interface DataSheet {
  readonly version: 1;
  readonly format: string;
  /** Number of samples in each part, and of images without a mask. */
  readonly counts: {
    readonly train: number;
    readonly valid: number;
    readonly test: number;
    readonly unlabelled: number;
  };
  /** Number of samples, spread over the data set, on which sizes and classes were counted. */
  readonly examined: number;
  /** The most frequent size first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly count: number }[];
  readonly classes: readonly { readonly name: string; readonly pixels: number; readonly images: number }[];
  readonly problems: readonly (Pick<Problem, 'level' | 'code' | 'message' | 'fix'> & {
    readonly file: string;
  })[];
  readonly tiles: { readonly samples: readonly TilePicture[]; readonly augmented: readonly TilePicture[] };
}

export interface DataSheetOptions {
  readonly parts: Parts;
  /** Result of the data check before the run. */
  readonly report: DoctorReport;
  /** The augmentation. If it is empty, no augmentation sheet is written. */
  readonly transforms: readonly Transform[];
  /** How training brings samples to their size. */
  readonly fit: Fit;
  /** Whether {@link fit} stretches images to one shape. */
  readonly stretches: boolean;
  readonly seed: number;
  /** The values shown as black and white, if images use only a part of their range. */
  readonly range?: ValueRange | undefined;
}

/** The longer side of a picture. */
const SIDE = 240;
const SAMPLES_SHOWN = 24;
const DRAWS_SHOWN = 17;

/** Writes `data.json` into `folder`. */
export async function writeDataSheet(folder: string, options: DataSheetOptions): Promise<DataSheet> {
  const { parts, report, transforms, fit, seed, range } = options;
  const { train, valid, test } = parts;
  const shown = await foregroundFirst(train, SAMPLES_SHOWN);
  const { colours, clear } = maskLook(train);
  const pictureOf = async ({ id, image, mask }: SheetTile, shape: Shape = image): Promise<TilePicture> => {
    const { width, height } = sizeOf(shape);
    const layer = await encodeMaskLayer(resizeMask(mask, width, height), colours, clear);
    const photo = await encodeWebp(viewOfImage(image, { width, height }), 75);
    return { id, width, height, image: dataUri('image/webp', photo), mask: dataUri('image/png', layer) };
  };
  const samples: TilePicture[] = [];
  for await (const tile of sampleTiles(new Subset(train, shown), { side: SIDE, range })) {
    samples.push(await pictureOf(tile));
  }
  const augmented: TilePicture[] = [];
  if (transforms.length > 0) {
    const index = shown[0]!;
    const draws = { index, transforms, fit, seed, range, draws: DRAWS_SHOWN };
    // Images that training stretches to its size are shown in their own shape.
    const shape = options.stretches ? (await train.get(index)).image : undefined;
    for await (const tile of augmentedTiles(train, draws)) augmented.push(await pictureOf(tile, shape));
  }
  const sheet: DataSheet = {
    version: 1,
    format: report.format,
    counts: {
      train: train.length,
      valid: valid?.length ?? 0,
      test: test?.length ?? 0,
      unlabelled: report.unlabelled,
    },
    examined: report.examined,
    sizes: report.sizes.map(({ width, height, images }) => ({ width, height, count: images })),
    classes: report.classes.map(({ name, pixels, images }) => ({ name, pixels, images })),
    problems: report.problems.map(({ level, code, count, examples: [file = ''], message, fix }) => ({
      level,
      code,
      file: count > 1 ? `${file} and ${count - 1} more` : file,
      message,
      fix,
    })),
    tiles: { samples, augmented },
  };
  await writeOutputFile(join(folder, 'data.json'), `${JSON.stringify(sheet, null, 1)}\n`);
  return sheet;
}

type Shape = Pick<TilePicture, 'width' | 'height'>;

/** The size of a picture of this shape. */
function sizeOf({ width, height }: Shape): Shape {
  const scale = SIDE / Math.max(width, height);
  const length = (side: number) => Math.max(1, Math.round(side * scale));
  return { width: length(width), height: length(height) };
}
