/** Masks for files: what `pixelwise predict` does. */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { writeImage, writeMask } from '../images/encode.js';
import { overlay } from '../images/overlay.js';
import { writeWhole } from '../images/write-file.js';
import type { CleanOptions } from './components.js';
import { checkCleanOptions, cleanMask } from './components.js';
import { inOrder } from './in-order.js';
import type { InputFile } from './input-files.js';
import { findInputs, resultNames } from './input-files.js';
import { encodeNpy } from './npy.js';
import type { SegmentOptions } from './raster-segmenter.js';
import type { Segmenter } from './segmenter.js';

export interface PredictOptions extends SegmentOptions, CleanOptions {
  /** Folder for the results: `NAME.png` are the masks. */
  readonly out: string;
  /** Writes each image with its mask laid over it to `overlays/NAME.jpg`. Default false. */
  readonly overlay?: boolean;
  /** Writes probabilities (float32 K×H×W, as the model gave them) to `probabilities/NAME.npy`. Default false. */
  readonly probabilities?: boolean;
  /** Called after each input. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The results of one input; paths are absolute. */
export interface PredictOutput {
  readonly input: string;
  /** PNG with a palette; its stored values are the class indices. */
  readonly mask: string;
  readonly overlay?: string;
  readonly probabilities?: string;
  readonly width: number;
  readonly height: number;
  /** From pixels to mask; reading and writing not counted. */
  readonly seconds: number;
}

export interface PredictResult {
  readonly outputs: readonly PredictOutput[];
  /** Inputs for which nothing was written, and why. */
  readonly failures: readonly { readonly input: string; readonly error: PixelwiseError }[];
}

/** Images in work beside the one whose turn it is. */
const AHEAD = 3;

/**
 * Segments files, folders and patterns of images and writes a mask for each, at its size, named after it.
 * An image that fails is reported, and the others go on. Every file is written whole or not at all.
 *
 * @throws PixelwiseError `input-missing` where an input names nothing; UsageError where options are off or
 *   a result would replace an input; `signal.reason` once aborted.
 */
export async function predictFiles(
  segmenter: Segmenter,
  inputs: readonly string[],
  options: PredictOptions,
): Promise<PredictResult> {
  checkCleanOptions(options);
  const files = await findInputs(inputs);
  const tasks = planResults(files, resolve(options.out));
  const outputs: PredictOutput[] = [];
  const failures: { input: string; error: PixelwiseError }[] = [];
  const attempt = async (task: Task) => {
    try {
      return await predictOne(segmenter, task, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof PixelwiseError) || error instanceof UsageError) throw error;
      return { input: resolve(task.file.path), error };
    }
  };
  for await (const result of inOrder(tasks, AHEAD, attempt, options.signal)) {
    if ('error' in result) failures.push(result);
    else outputs.push(result);
    options.onProgress?.(outputs.length + failures.length, tasks.length);
  }
  return { outputs, failures };
}

interface Task {
  readonly file: InputFile;
  readonly mask: string;
  readonly overlay: string;
  readonly probabilities: string;
}

function planResults(files: readonly InputFile[], out: string): Task[] {
  const sources = new Set(files.map(({ path }) => resolve(path)));
  return resultNames(files).map((name, i) => {
    const task = {
      file: files[i]!,
      mask: join(out, `${name}.png`),
      overlay: join(out, 'overlays', `${name}.jpg`),
      probabilities: join(out, 'probabilities', `${name}.npy`),
    };
    for (const path of [task.mask, task.overlay]) {
      if (sources.has(path)) {
        throw new UsageError(
          `${path} is an input, and its mask would replace it. Choose another folder for --out.`,
        );
      }
    }
    return task;
  });
}

async function predictOne(segmenter: Segmenter, task: Task, options: PredictOptions): Promise<PredictOutput> {
  const { path } = task.file;
  const segmented = await segmenter.segment(path, options);
  const { width, height, seconds, image, probabilities } = segmented;
  const mask = cleanMask(segmented.mask, options);
  const written: string[] = [];
  try {
    if (probabilities) {
      const { data, channels } = probabilities;
      await writeWhole(task.probabilities, encodeNpy(data, [channels, height, width]));
      written.push(task.probabilities);
    }
    if (options.overlay) {
      await writeImage(task.overlay, await overlay(image, mask));
      written.push(task.overlay);
    }
    await writeMask(task.mask, mask, { palette: paletteOf(segmenter) });
  } catch (error) {
    // An image has all of its results or none.
    await Promise.all(written.map((file) => rm(file, { force: true })));
    throw error;
  }
  return {
    input: resolve(path),
    mask: task.mask,
    ...(options.overlay && { overlay: task.overlay }),
    ...(probabilities && { probabilities: task.probabilities }),
    width,
    height,
    seconds,
  };
}

/** The colours of the model's classes, as bytes. */
function paletteOf({ card }: Segmenter): Uint8Array {
  return Uint8Array.from(card.palette.flat());
}
