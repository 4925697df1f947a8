/**
 * A process that does one piece of measuring, so that its memory is its own: reads what to measure from its
 * one argument (JSON), prints what it found as one line of JSON.
 */
import { PixelwiseError } from '../errors/index.js';
import { loadModelFile } from '../jobs/model-file.js';
import type { Device } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { BenchCase, CaseSettings } from './case.js';
import { convolutionRates } from './convolution-rate.js';
import { measureCase } from './measure-case.js';

/** What the process is asked. */
export type Task =
  | {
      readonly kind: 'case';
      readonly case: BenchCase;
      readonly settings: CaseSettings;
      /** The file that the model comes from, for one of the caller's own. */
      readonly modelFile?: string | undefined;
    }
  | {
      readonly kind: 'convolutions';
      readonly threads: number;
      readonly device: Device;
      readonly repeats: number;
    };

/** What it prints where it failed. */
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
