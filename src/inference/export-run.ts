/** From a run folder to one ONNX file: what `pixelwise export` does. */
import { resolve } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { UsageError } from '../errors/index.js';
import { writeOutputFile } from '../files/index.js';
import type { OnnxGraph, OnnxModel } from '../onnx/index.js';
import { encodeModel } from '../onnx/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import { calibrate, type CalibrationImages } from './calibration.js';
import { evaluate } from './evaluate.js';
import type { ExportOptions, Precision } from './export-graph.js';
import { calibrationGraph, exportedModel } from './export-graph.js';
import type { CheckpointChoice, LoadedRun } from './load-run.js';
import { loadRun } from './load-run.js';
import type { ModelCard } from './model-card.js';
import { RasterSegmenter } from './raster-segmenter.js';

export interface ExportRunOptions extends Omit<ExportOptions, 'ranges'> {
  /** The file to write; folders are made as needed. */
  readonly out: string;
  /** Default `best`. */
  readonly checkpoint?: CheckpointChoice | undefined;
  /** What may be done with the weights; travels in the file. */
  readonly license?: string | undefined;
  /** With `int8`: images to see the ranges of values on, as they will be in use; 64 of them, evenly spread. */
  readonly calibration?: Dataset | undefined;
  /** Scored with both, where the precision is not float32. Nothing is chosen on it. */
  readonly validation?: Dataset | undefined;
  /** Called while images are seen. */
  readonly onProgress?: ((label: string, done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What another precision costs. */
export interface PrecisionScores {
  readonly precision: Precision;
  /** Images that ranges were seen on. */
  readonly calibrationImages?: number;
  /** Labelled images that both were scored on; absent, as the scores are, where none were given. */
  readonly samples?: number;
  readonly meanIoU?: number | null;
  /** Of the same model in float32. */
  readonly float32MeanIoU?: number | null;
  /** Of the file in float32. */
  readonly float32Bytes: number;
}

/** The file that was written. */
export interface ExportedFile {
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
  readonly card: ModelCard;
  /** Where the precision is not float32. */
  readonly precision?: PrecisionScores;
}

/** Images that ranges of values are seen on. */
const CALIBRATION_IMAGES = 64;

/**
 * Writes a run's model to one ONNX file. Throws as `loadRun` and `exportGraph` do, and UsageError for `int8`
 * without images.
 */
export async function exportRun(run: string, options: ExportRunOptions): Promise<ExportedFile> {
  const { checkpoint, license, precision = 'float32', batch = 1, bare } = options;
  const loaded = await loadRun(run, checkpoint);
  // Ranges and scores are found image by image, whatever the batch of the file.
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
 * Finds the ranges, scores both precisions, and writes the file with the scores.
 *
 * @param written the graph that goes into the file.
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
        'int8 takes images to see the ranges of values on: name a folder of labelled ones with --data.',
      );
    }
    const images = spread(calibration, CALIBRATION_IMAGES);
    calibrationImages = images.length;
    const floats = calibrationGraph(graph, card);
    const ranges = await calibrate(floats.model, floats.tensors, runtime, images, {
      signal,
      onProgress: (done, total) => onProgress?.('calibrating', done, total),
    });
    reduced = { precision, ranges };
  }
  const float32 = exportedModel(graph, card);
  const scoreOf = async (label: string, file: OnnxModel): Promise<number | null> => {
    const segmenter = new RasterSegmenter(file, runtime, label);
    try {
      const { meanIoU } = await evaluate(segmenter, validation!, {
        signal,
        onProgress: (done, total) => onProgress?.(`scoring ${label}`, done, total),
      });
      return meanIoU;
    } finally {
      await segmenter.close();
    }
  };
  const scores: PrecisionScores = {
    precision,
    ...(calibrationImages !== undefined && { calibrationImages }),
    ...(validation && {
      samples: validation.length,
      meanIoU: await scoreOf(precision, exportedModel(graph, card, reduced)),
      float32MeanIoU: await scoreOf('float32', float32),
    }),
    float32Bytes: encodeModel(float32).length,
  };
  const told = { ...card, precision: { ...scores } };
  return write(options, exportedModel(written, told, { ...graphOptions(options), ...reduced }), told, scores);
}

/** At most `count` images of a data set, evenly spread. */
function spread(dataset: Dataset, count: number): CalibrationImages {
  const length = Math.min(count, dataset.length);
  return {
    length,
    get: async (index) => (await dataset.get(Math.floor((index * dataset.length) / length))).image,
  };
}
