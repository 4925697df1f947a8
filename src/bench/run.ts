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
  /** Labelled images for the `data` cases; default: drawn ones. */
  readonly data?: string | undefined;
  /** Default `cpu`. */
  readonly device?: Device | undefined;
  /** Steps of a case that are timed; default 5. */
  readonly repeats?: number | undefined;
  /** Tell the time by operator and layer, too, which makes steps a little slower. Default false. */
  readonly profile?: boolean | undefined;
  /** Called before a case is measured. */
  readonly onCase?: ((which: BenchCase, index: number, count: number) => void) | undefined;
  /** Once aborted, the running process is ended and the call throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface CaseResult extends BenchCase, Omit<CaseMeasurement, 'operations'> {
  readonly imagesPerSecond: number;
  /** Billions of operations a second (see `training-cost.ts` of the models); absent for `data`. */
  readonly gflops?: number;
  /** `gflops` as a share of the best convolution's; absent for `data`. */
  readonly efficiency?: number;
}

export interface BenchReport {
  readonly cases: readonly CaseResult[];
  /** The best of {@link BenchReport.convolutions}; absent where nothing was to be compared with it. */
  readonly convGflops?: number;
  /** The rate of each shape on the list. */
  readonly convolutions?: readonly ConvolutionRate[];
}

const REPEATS = 5;
/** A chain of convolutions takes some 50 milliseconds. */
const CONVOLUTION_REPEATS = 5;

/**
 * Measures the cases of a choice and, in the same run, this machine's best convolution.
 *
 * @throws UsageError for a model that does not exist; PixelwiseError where a case fails.
 */
export async function runBench(options: BenchOptions = {}): Promise<BenchReport> {
  const { device = 'cpu', repeats = REPEATS, threads = availableParallelism(), signal } = options;
  const cases = benchCases(options);
  if (options.profile && cases.every(({ mode }) => mode === 'data')) {
    throw new UsageError('--profile tells the time of a model: take --mode train or predict');
  }
  const loads = cases.filter(({ mode }) => mode === 'data');
  const drawn = loads.length > 0 && options.data === undefined ? await drawImages(loads, signal) : undefined;
  const data = options.data ?? drawn;
  try {
    const computing = cases.length > loads.length;
    const convolutions = computing
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
    if (drawn !== undefined) await rm(drawn, { recursive: true, force: true });
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

/** Height and width of drawn images: a photo's rather than a model's, so that resizing has its share. */
const DRAWN_SIDE = 384;

/** Images for the `data` cases: as many as a batch. */
async function drawImages(loads: readonly BenchCase[], signal: AbortSignal | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pixelwise-bench-'));
  const count = Math.max(...loads.map(({ batch }) => batch));
  try {
    await writeCells(folder, {
      count,
      width: DRAWN_SIDE,
      height: DRAWN_SIDE,
      ...(signal && { signal }),
    });
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

const PROGRAM = fileURLToPath(new URL('./case-process.js', import.meta.url));

/** Gives a task to a fresh process. */
function inProcess<T extends object>(task: Task, signal: AbortSignal | undefined): Promise<T> {
  const what = task.kind === 'case' ? nameOf(task.case) : 'the convolutions';
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 2 ** 26, ...(signal && { signal }) };
    execFile(process.execPath, [PROGRAM, JSON.stringify(task)], options, (failed, stdout, stderr) => {
      if (failed?.name === 'AbortError') return reject(failed);
      if (failed?.signal) {
        const hint =
          failed.signal === 'SIGKILL' ? ' Was memory short? Take a smaller --batch or --size.' : '';
        return reject(
          new PixelwiseError('bench', `Measuring ${what} was ended by ${failed.signal}.${hint}`, {
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
