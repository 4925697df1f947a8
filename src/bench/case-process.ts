/**
 * Entry point of a process that runs one measurement, so that its peak memory is not mixed with others. It reads
 * the task as JSON from its only argument and prints the result as one line of JSON.
 */
import { PixelwiseError } from '../errors/index.js';
import { loadModelFile } from '../jobs/model-file.js';
import type { Device } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { BenchCase, CaseSettings } from './case.js';
import { convolutionRates } from './convolution-rate.js';
import { measureCase } from './measure-case.js';

/** The measurement to run. */
export type Task =
  | {
      readonly kind: 'case';
      readonly case: BenchCase;
      readonly settings: CaseSettings;
      /** The file that registers the model, for a custom model. */
      readonly modelFile?: string | undefined;
    }
  | {
      readonly kind: 'convolutions';
      readonly threads: number;
      readonly device: Device;
      readonly repeats: number;
    };

/** Printed instead of a result if the measurement failed. */
export interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

async function perform(task: Task): Promise<object> {
  if (task.kind === 'case') {
    if (task.modelFile !== undefined) await loadModelFile(task.modelFile);
    return measureCase(task.case, task.settings);
  }
  const { threads, device, repeats } = task;
  const runtime = await createNodeRuntime({ threads, device, training: false });
  try {
    return await convolutionRates(runtime, repeats);
  } finally {
    await runtime.close();
  }
}

try {
  const found = await perform(JSON.parse(process.argv[2] ?? '') as Task);
  process.stdout.write(`${JSON.stringify(found)}\n`);
} catch (error) {
  if (!(error instanceof PixelwiseError)) throw error;
  const failure: Failure = { error: { code: error.code, message: error.message } };
  process.stdout.write(`${JSON.stringify(failure)}\n`);
}
