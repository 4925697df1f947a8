/** Exports a run folder as an ONNX file; the implementation of `pixelwise export`. */
import { resolve } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { rasterWindow } from '../data/padded-window.js';
import { UsageError } from '../errors/index.js';
import { refuseOtherFile, writeOutputFile } from '../files/index.js';
import type { Raster } from '../images/raster.js';
import type { OnnxGraph, OnnxModel } from '../onnx/index.js';
import { encodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { calibrate, type CalibrationImages } from './calibration.js';
import { evaluate } from './evaluate.js';
import { ensembleModel } from './ensemble.js';
import type { ExportOptions, Precision } from './export-graph.js';
import { calibrationGraph, exportedModel } from './export-graph.js';
import type { CheckpointChoice, LoadedRun } from './load-run.js';
import { loadRun } from './load-run.js';
import { membersOf } from './members.js';
import type { ModelCard } from './model-card.js';
import { CARD_KEY, formatCard, parseCard } from './model-card.js';
import { RasterSegmenter } from './raster-segmenter.js';

export interface ExportRunOptions extends Omit<ExportOptions, 'ranges'> {
  /** The file to write; missing folders are created. */
  readonly out: string;
  /** Default `best`. */
  readonly checkpoint?: CheckpointChoice | undefined;
  /** License of the weights, stored in the file. */
  readonly license?: string | undefined;
  /** With `int8`: images like those in use, to measure value ranges; 64 evenly spaced ones are used. */
  readonly calibration?: Dataset | undefined;
  /** With another precision than float32: labelled images on which both precisions are scored. */
  readonly validation?: Dataset | undefined;
  /** Called after each image of the calibration and the scoring. */
  readonly onProgress?: ((label: string, done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with notes for the user about the files of the run. */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** The scores of a reduced precision compared to float32. */
export interface PrecisionScores {
  readonly precision: Precision;
  /** Number of images used for calibration. */
  readonly calibrationImages?: number;
  /** Number of labelled images that were scored; absent, like the scores, without `validation`. */
  readonly samples?: number;
  readonly meanIoU?: number | null;
  /** Mean IoU of the same model in float32. */
  readonly float32MeanIoU?: number | null;
  /** Of objects: average precision at an IoU of 0.5, and that of the same model in float32. */
  readonly ap50?: number | null;
  readonly float32Ap50?: number | null;
  /** Size of the file in float32. */
  readonly float32Bytes: number;
}

/** Describes the file that was written. */
export interface ExportedFile {
  /** Absolute path. */
  readonly file: string;
  readonly bytes: number;
  readonly card: ModelCard;
  /** Present if the precision is not float32. */
  readonly precision?: PrecisionScores;
}

/** Maximum number of images for calibration. */
const CALIBRATION_IMAGES = 64;

/**
 * Writes a run's model to an ONNX file; of several runs, or of the folder of a cross-validation, their ensemble. Throws
 * `file-in-use` rather than replace another file, what `loadRun`, `exportGraph` and `ensembleModel` throw, and UsageError for `int8` without images.
 */
export async function exportRun(
  source: string | readonly string[],
  options: ExportRunOptions,
): Promise<ExportedFile> {
  const runs = await membersOf(source);
  // The producer of an ONNX file is named at its beginning.
  await refuseOtherFile(resolve(options.out), 'pixelwise');
  return runs.length === 1 ? exportOne(runs[0]!, options) : exportEnsemble(runs, options);
}

async function exportEnsemble(runs: readonly string[], options: ExportRunOptions): Promise<ExportedFile> {
  const { checkpoint, license, precision = 'float32', bare = false } = options;
  if (bare || precision === 'int8') {
    throw new UsageError(
      `An ensemble is exported whole, in float32 or float16: leave ${bare ? '--bare' : '--precision int8'} out, or export one run.`,
    );
  }
  const models: OnnxModel[] = [];
  for (const run of runs) {
    const { graph, card, notes } = await loadRun(run, checkpoint);
    for (const note of notes) options.onNote?.(note);
    models.push(exportedModel(graph, card, { ...graphOptions(options), precision }));
  }
  const model = ensembleModel(models, runs);
  const card = {
    ...parseCard(model.metadata[CARD_KEY], options.out),
    ...(license !== undefined && { license }),
  };
  return write(options, { ...model, metadata: { [CARD_KEY]: formatCard(card) } }, card);
}

async function exportOne(run: string, options: ExportRunOptions): Promise<ExportedFile> {
  const { checkpoint, license, precision = 'float32', batch = 1, bare } = options;
  const loaded = await loadRun(run, checkpoint);
  for (const note of loaded.notes) options.onNote?.(note);
  // Calibration and scoring always use batches of one image.
  const { graph } = batch === 1 ? loaded : await loadRun(run, checkpoint, { batch, bare });
  const card = { ...loaded.card, ...(license !== undefined && { license }) };
  if (precision === 'float32') {
    return write(options, exportedModel(graph, card, graphOptions(options)), card);
  }
  const runtime = await createNodeRuntime({ training: false });
  try {
    return await exportReduced({ ...loaded, card }, graph, precision, options, runtime);
  } finally {
    await runtime.close();
  }
}

const graphOptions = ({ size, bare }: ExportRunOptions): ExportOptions => ({
  ...(size !== undefined && { size }),
  ...(bare !== undefined && { bare }),
});

async function write(
  { out }: ExportRunOptions,
  model: OnnxModel,
  card: ModelCard,
  precision?: PrecisionScores,
): Promise<ExportedFile> {
  const bytes = encodeModel(model);
  const file = resolve(out);
  await writeOutputFile(file, bytes);
  return { file, bytes: bytes.length, card, ...(precision && { precision }) };
}

/**
 * Measures the ranges, scores both precisions, and writes the file with the scores.
 *
 * @param written the graph to write.
 */
async function exportReduced(
  { graph, card }: LoadedRun,
  written: OnnxGraph,
  precision: Exclude<Precision, 'float32'>,
  options: ExportRunOptions,
  runtime: Runtime,
): Promise<ExportedFile> {
  const { calibration, validation, signal, onProgress } = options;
  let reduced: ExportOptions = { precision };
  let calibrationImages: number | undefined;
  if (precision === 'int8') {
    if (!calibration) {
      throw new UsageError(
        'int8 needs images to measure value ranges; pass a folder of labelled images with --data.',
      );
    }
    const images = spread(calibration, CALIBRATION_IMAGES, card);
    calibrationImages = images.length;
    const floats = calibrationGraph(graph, card);
    const ranges = await calibrate(floats.model, floats.tensors, runtime, images, {
      signal,
      onProgress: (done, total) => onProgress?.('calibrating', done, total),
    });
    reduced = { precision, ranges };
  }
  const float32 = exportedModel(graph, card);
  const scoreOf = async (
    label: string,
    file: OnnxModel,
  ): Promise<{ meanIoU: number | null; ap50?: number | null }> => {
    const segmenter = new RasterSegmenter(file, runtime, label);
    try {
      const { meanIoU, objects } = await evaluate(segmenter, validation!, {
        signal,
        onProgress: (done, total) => onProgress?.(`scoring ${label}`, done, total),
      });
      return { meanIoU, ...(objects && { ap50: objects.ap50 }) };
    } finally {
      await segmenter.close();
    }
  };
  const own = validation && (await scoreOf(precision, exportedModel(graph, card, reduced)));
  const full = validation && (await scoreOf('float32', float32));
  const scores: PrecisionScores = {
    precision,
    ...(calibrationImages !== undefined && { calibrationImages }),
    ...(own && {
      samples: validation!.length,
      ...own,
      float32MeanIoU: full!.meanIoU,
      ...(full!.ap50 !== undefined && { float32Ap50: full!.ap50 }),
    }),
    float32Bytes: encodeModel(float32).length,
  };
  const told = { ...card, precision: { ...scores } };
  return write(options, exportedModel(written, told, { ...graphOptions(options), ...reduced }), told, scores);
}

/** The tile in the middle of an image. */
function middleTile(image: Raster, { width, height }: ModelCard): Raster {
  const start = (whole: number, size: number) => Math.max(0, (whole - size) >> 1);
  return rasterWindow(image, {
    x: start(image.width, width),
    y: start(image.height, height),
    width,
    height,
  });
}

/** At most `count` evenly spaced images of a data set; for a model of patches, a tile of each. */
function spread(dataset: Dataset, count: number, card: ModelCard): CalibrationImages {
  const length = Math.min(count, dataset.length);
  return {
    length,
    get: async (index) => {
      const { image } = await dataset.get(Math.floor((index * dataset.length) / length));
      return card.patch ? middleTile(image, card) : image;
    },
  };
}
