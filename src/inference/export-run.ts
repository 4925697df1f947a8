/** From a run folder to one ONNX file: what `pixelwise export` does. */
import { resolve } from 'node:path';
import { writeWhole } from '../images/write-file.js';
import { encodeModel } from '../onnx/index.js';
import type { ExportOptions } from './export-graph.js';
import { exportGraph } from './export-graph.js';
import type { CheckpointChoice } from './load-run.js';
import { loadRun } from './load-run.js';
import type { ModelCard } from './model-card.js';

export interface ExportRunOptions extends ExportOptions {
  /** The file to write; folders are made as needed. */
  readonly out: string;
  /** Default `best`. */
  readonly checkpoint?: CheckpointChoice;
  /** What may be done with the weights; travels in the file. */
  readonly license?: string;
}

/** The file that was written. */
export interface ExportedFile {
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
  readonly card: ModelCard;
}

/** Writes a run's model to one ONNX file. Throws as `loadRun` and `exportGraph` do. */
export async function exportRun(run: string, options: ExportRunOptions): Promise<ExportedFile> {
  const { out, checkpoint, license, ...graphOptions } = options;
  const loaded = await loadRun(run, checkpoint);
  const card = { ...loaded.card, ...(license !== undefined && { license }) };
  const bytes = encodeModel(exportGraph(loaded.model, loaded.weights, card, graphOptions));
  const file = resolve(out);
  await writeWhole(file, bytes);
  return { file, bytes: bytes.length, card };
}
