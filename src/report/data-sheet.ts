/** Describes the data of a run: `data.json`, a contact sheet of samples and a sheet of augmented ones. */
import { join } from 'node:path';
import type { DoctorReport, Parts, Problem, Transform, ValueRange } from '../data/index.js';
import { augmentationSheet, contactSheet, type Fit, Subset } from '../data/index.js';
import type { Raster } from '../images/raster.js';
import { writeOutputFile } from '../files/index.js';
import { foregroundFirst } from './foreground-first.js';
import { encodeWebp, viewOfImage } from './view.js';

/** Content of `data.json`. Paths are relative to its folder. */
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
  readonly sheets: { readonly samples?: string; readonly augmented?: string };
}

export interface DataSheetOptions {
  readonly parts: Parts;
  /** Result of the data check before the run. */
  readonly report: DoctorReport;
  /** The augmentation. If it is empty, no augmentation sheet is written. */
  readonly transforms: readonly Transform[];
  /** How training brings samples to their size. */
  readonly fit: Fit;
  readonly seed: number;
  /** The values shown as black and white, if images use only a part of their range. */
  readonly range?: ValueRange | undefined;
}

/** Width in pixels that fits on a page. */
const SHEET_WIDTH = 1200;
const SAMPLES_SHOWN = 24;

/** Writes `data.json` and its pictures into `folder`. */
export async function writeDataSheet(folder: string, options: DataSheetOptions): Promise<DataSheet> {
  const { parts, report, transforms, fit, seed, range } = options;
  const { train, valid, test } = parts;
  const sheets = { samples: 'data/samples.webp', augmented: 'data/augmented.webp' };
  const shown = await foregroundFirst(train, SAMPLES_SHOWN);
  await writeSheet(join(folder, sheets.samples), await contactSheet(new Subset(train, shown), { range }));
  if (transforms.length > 0) {
    const drawn = await augmentationSheet(train, {
      index: shown[0]!,
      transforms,
      fit,
      seed,
      range,
    });
    await writeSheet(join(folder, sheets.augmented), drawn);
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
    sheets: { samples: sheets.samples, ...(transforms.length > 0 && { augmented: sheets.augmented }) },
  };
  await writeOutputFile(join(folder, 'data.json'), `${JSON.stringify(sheet, null, 1)}\n`);
  return sheet;
}

async function writeSheet(path: string, sheet: Raster): Promise<void> {
  const height = Math.round((sheet.height * SHEET_WIDTH) / sheet.width);
  const shown = sheet.width > SHEET_WIDTH ? viewOfImage(sheet, { width: SHEET_WIDTH, height }) : sheet;
  await writeOutputFile(path, await encodeWebp(shown));
}
