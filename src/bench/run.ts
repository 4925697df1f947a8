/** Measures a list of cases, each in a fresh process. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeCells } from '../data/demo-folder.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { fileOfModel } from '../jobs/model-file.js';
import type { Device } from '../runtime/index.js';
import type { BenchCase, CaseChoice } from './case.js';
import { benchCases } from './case.js';
import type { Failure, Task } from './case-process.js';
import type { ConvolutionRate } from './convolution-rate.js';
import type { CaseMeasurement } from './measure-case.js';

export interface BenchOptions extends CaseChoice {
  /** Labelled images for the `data` cases; default: synthetic images. */
  readonly data?: string | undefined;
  /** Default `cpu`. */
  readonly device?: Device | undefined;
  /** Timed steps per case; default 5. */
  readonly repeats?: number | undefined;
  /** Also report time by operator and layer, which makes steps slightly slower. Default false. */
  readonly profile?: boolean | undefined;
  /** Called before a case is measured. */
  readonly onCase?: ((which: BenchCase, index: number, count: number) => void) | undefined;
  /** When aborted, the running process is killed and the call throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface CaseResult extends BenchCase, Omit<CaseMeasurement, 'operations'> {
  readonly imagesPerSecond: number;
  /** GFLOP/s (operations are counted by `training-cost.ts` in src/models); absent for `data`. */
  readonly gflops?: number;
  /** `gflops` divided by the fastest convolution's; absent for `data`. */
  readonly efficiency?: number;
}

export interface BenchReport {
  readonly cases: readonly CaseResult[];
  /** The fastest rate in {@link BenchReport.convolutions}; absent if all cases are `data`. */
  readonly convGflops?: number;
  /** The rate of each convolution shape. */
  readonly convolutions?: readonly ConvolutionRate[];
}

const REPEATS = 5;
/** A chain of convolutions takes about 50 ms. */
const CONVOLUTION_REPEATS = 5;

/**
 * Measures the selected cases and, in the same run, this machine's fastest convolution.
 *
 * @throws UsageError for an unknown model; PixelwiseError if a case fails.
 */
export async function runBench(options: BenchOptions = {}): Promise<BenchReport> {
  const { device = 'cpu', repeats = REPEATS, threads = availableParallelism(), signal } = options;
  const cases = benchCases(options);
  if (options.profile && cases.every(({ mode }) => mode === 'data')) {
    throw new UsageError('--profile needs a case that runs a model: use --mode train or predict');
  }
  const loads = cases.filter(({ mode }) => mode === 'data');
  const synthetic =
    loads.length > 0 && options.data === undefined ? await writeImages(loads, signal) : undefined;
  const data = options.data ?? synthetic;
  try {
    const runsModels = cases.length > loads.length;
    const convolutions = runsModels
      ? await inProcess<ConvolutionRate[]>(
          { kind: 'convolutions', threads, device, repeats: CONVOLUTION_REPEATS },
          signal,
        )
      : undefined;
    const convGflops = convolutions && Math.max(...convolutions.map(({ gflops }) => gflops));
    const results: CaseResult[] = [];
    for (const [i, which] of cases.entries()) {
      options.onCase?.(which, i, cases.length);
      const settings = { device, repeats, profile: options.profile ?? false, data };
      const measured = await inProcess<CaseMeasurement>(
        { kind: 'case', case: which, modelFile: fileOfModel(which.model), settings },
        signal,
      );
      results.push(resultOf(which, measured, convGflops));
    }
    return { cases: results, ...(convGflops !== undefined && { convGflops, convolutions: convolutions! }) };
  } finally {
    if (synthetic !== undefined) await rm(synthetic, { recursive: true, force: true });
  }
}

function resultOf(
  which: BenchCase,
  { operations, ...measured }: CaseMeasurement,
  convGflops: number | undefined,
): CaseResult {
  const { seconds } = measured;
  const gflops = operations === undefined ? undefined : operations / seconds / 1e9;
  return {
    ...which,
    ...measured,
    imagesPerSecond: which.batch / seconds,
    ...(gflops !== undefined && { gflops, efficiency: gflops / convGflops! }),
  };
}

/**
 * Height and width of the synthetic images. Larger than the models' inputs, so that resizing is part of the work.
 */
const SYNTHETIC_SIDE = 384;

/** Writes as many synthetic images as the largest batch needs. */
async function writeImages(loads: readonly BenchCase[], signal: AbortSignal | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pixelwise-bench-'));
  const count = Math.max(...loads.map(({ batch }) => batch));
  try {
    await writeCells(folder, {
      count,
      width: SYNTHETIC_SIDE,
      height: SYNTHETIC_SIDE,
      ...(signal && { signal }),
    });
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

const PROGRAM = fileURLToPath(new URL('./case-process.js', import.meta.url));

/** Runs a task in a fresh process. */
function inProcess<T extends object>(task: Task, signal: AbortSignal | undefined): Promise<T> {
  const what = task.kind === 'case' ? nameOf(task.case) : 'the convolutions';
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 2 ** 26, ...(signal && { signal }) };
    execFile(process.execPath, [PROGRAM, JSON.stringify(task)], options, (failed, stdout, stderr) => {
      if (failed?.name === 'AbortError') return reject(failed);
      if (failed?.signal) {
        const hint =
          failed.signal === 'SIGKILL' ? ' If memory ran out, use a smaller --batch or --size.' : '';
        return reject(
          new PixelwiseError('bench', `Measuring ${what} was stopped by ${failed.signal}.${hint}`, {
            cause: failed,
          }),
        );
      }
      if (failed) {
        return reject(
          new PixelwiseError('bench', `Measuring ${what} failed:\n${stderr.trim()}`, { cause: failed }),
        );
      }
      const answer = JSON.parse(stdout) as T | Failure;
      if ('error' in answer) reject(new PixelwiseError(answer.error.code, answer.error.message));
      else resolve(answer);
    });
  });
}

const nameOf = ({ model, mode, batch, size }: BenchCase) => `${mode} of ${model}, ${batch}×${size}²,`;
