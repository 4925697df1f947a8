import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { fingerprint, tinyFit, tinyLearner, TinyNet, withoutTimes } from '../../test/training/tiny.js';
import { temporaryFolder } from '../../test/support/made-data.js';
import { Adam, ReduceOnPlateau, SGD } from '../optim/index.js';
import type { Runtime } from '../runtime/index.js';
import { createNodeRuntime } from '../runtime/node.js';
import type { Callback, FitOptions, Learner, Monitor } from './index.js';
import {
  checkpoints,
  earlyStopping,
  fit,
  loadCheckpoint,
  metricsLog,
  readCheckpointWeights,
  RunFolder,
  saveCheckpoint,
  scheduleCallback,
} from './index.js';

/** Set by a test to make writing fail as a full disk does, after so many files. */
const disk = vi.hoisted(() => ({ filesLeft: Infinity }));
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  return {
    ...actual,
    open: async (...args: Parameters<typeof actual.open>) => {
      const file = await actual.open(...args);
      if (args[1] === 'wx' && --disk.filesLeft < 0) {
        file.writeFile = async () => {
          // A full disk takes the first bytes and refuses the rest.
          await file.write(new Uint8Array(16));
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        };
      }
      return file;
    },
  };
});

let runtime: Runtime;
let folder: RunFolder;
let remove: () => Promise<void>;
beforeAll(async () => {
  runtime = await createNodeRuntime({ worker: false, threads: 1 });
});
afterAll(() => runtime.close());
beforeEach(async () => {
  const temporary = await temporaryFolder();
  remove = temporary.remove;
  folder = new RunFolder(join(temporary.path, 'run'));
  await folder.create();
});
afterEach(async () => {
  disk.filesLeft = Infinity;
  await remove();
});

const MONITOR: Monitor = { metric: 'meanIoU', part: 'valid' };

/** All that has a memory: a plateau schedule, early stopping, the log, checkpoints. */
function rememberingCallbacks(): Callback[] {
  const plateau = new ReduceOnPlateau({ patience: 0, factor: 0.5, threshold: 0.05 });
  return [
    scheduleCallback(plateau, { metric: 'loss', part: 'train' }),
    earlyStopping({ monitor: MONITOR, patience: 3, minDelta: 0.1 }),
    metricsLog(folder),
    checkpoints({ folder, monitor: MONITOR }),
  ];
}

const EPOCHS = 8;

async function runOn(learner: Learner, changes: Partial<FitOptions> = {}) {
  const callbacks = rememberingCallbacks();
  const result = await fit(tinyFit(learner, { epochs: EPOCHS, callbacks, ...changes }));
  const bytes = fingerprint(learner);
  await learner.close();
  return { ...result, history: withoutTimes(result.history), bytes };
}

async function resumed(changes: Partial<FitOptions> = {}) {
  const learner = tinyLearner(runtime);
  const state = await loadCheckpoint(await folder.checkpointFolder('last'), learner);
  return runOn(learner, { resume: state, ...changes });
}

/** Aborts when so many batches have been trained. */
function abortAfter(batches: number): { callback: Callback; signal: AbortSignal } {
  const abort = new AbortController();
  let count = 0;
  const callback: Callback = { name: 'abort', batchEnd: () => void (++count === batches && abort.abort()) };
  return { callback, signal: abort.signal };
}

const readLines = async () =>
  withoutTimes(
    (await readFile(folder.metricsPath, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  );

describe('resuming', () => {
  /** A run that was never stopped. */
  let whole: Awaited<ReturnType<typeof runOn>>;
  let metrics: object[];
  let files: string[];
  beforeEach(async () => {
    if (whole as unknown) return;
    whole = await runOn(tinyLearner(runtime));
    metrics = await readLines();
    files = await readdir(join(folder.path, 'checkpoints'));
    await rm(folder.path, { recursive: true });
    await folder.create();
  });

  it('is tried on a run whose schedule and early stopping have something to do', () => {
    const rates = whole.history.map((record) => (record as { lr: number }).lr);
    expect(new Set(rates).size).toBeGreaterThan(1);
    expect(whole.stopped).toBe('patience');
    expect(whole.epochs).toBeGreaterThanOrEqual(4);
  });

  it.each([1, 2, 3, 7, 10])('after %i batches continues bit for bit', async (batches) => {
    const { callback, signal } = abortAfter(batches);
    const cut = await runOn(tinyLearner(runtime), {
      callbacks: [callback, ...rememberingCallbacks()],
      signal,
    });
    expect(cut.stopped).toBe('interrupted');
    const [epoch, batch] = [Math.floor(batches / 3), batches % 3];
    expect(await folder.pointed('last')).toBe(batch === 0 ? String(epoch) : `${epoch}+${batch}`);
    expect(cut.bytes).not.toEqual(whole.bytes);

    expect(await resumed()).toEqual(whole);
    expect(await readLines()).toEqual(metrics);
    expect(await readdir(join(folder.path, 'checkpoints'))).toEqual(files);
  });

  it('continues bit for bit when interrupted again and again, with accumulation', async () => {
    const accumulated = await runOn(tinyLearner(runtime), { accumulate: 2 });
    await rm(folder.path, { recursive: true });
    await folder.create();
    let latest: Awaited<ReturnType<typeof runOn>> | undefined;
    for (let run = 0; run < 20 && latest?.stopped !== accumulated.stopped; run++) {
      const { callback, signal } = abortAfter(1);
      const changes = { callbacks: [callback, ...rememberingCallbacks()], signal, accumulate: 2 };
      latest = run === 0 ? await runOn(tinyLearner(runtime), changes) : await resumed(changes);
    }
    expect(latest).toEqual(accumulated);
  });

  it('a run that had ended changes nothing and ends as before', async () => {
    expect(await runOn(tinyLearner(runtime))).toEqual(whole);
    expect(await resumed()).toEqual(whole);
  });

  it('a run that early stopping had ended stays ended', async () => {
    const still = () => [
      earlyStopping({ monitor: MONITOR, patience: 1, minDelta: 1 }),
      checkpoints({ folder, monitor: MONITOR }),
    ];
    const ended = await runOn(tinyLearner(runtime), { callbacks: still() });
    expect(ended).toMatchObject({ stopped: 'patience', epochs: 2 });
    expect(await resumed({ callbacks: still() })).toEqual(ended);
  });

  it('with more epochs goes on where an ended run stood', async () => {
    const saving = () => [checkpoints({ folder, monitor: MONITOR })];
    const longer = await runOn(tinyLearner(runtime), { callbacks: saving(), epochs: 4 });
    await rm(folder.path, { recursive: true });
    await folder.create();
    await runOn(tinyLearner(runtime), { callbacks: saving(), epochs: 2 });
    expect(await resumed({ callbacks: saving(), epochs: 4 })).toEqual(longer);
  });

  it.each([
    [
      'another model',
      () => tinyLearner(runtime, { model: new TinyNet(6) }),
      /does not fit the model:\n {2}first\.weight is 4×1×3×3, the model needs 6×1×3×3/,
    ],
    [
      'another optimizer',
      () => tinyLearner(runtime, { optimizer: (p) => new SGD(p, { lr: 0.1 }) }),
      /SGD: the saved state does not fit: it is of Adam/,
    ],
    [
      'other parameter groups',
      () =>
        tinyLearner(runtime, {
          optimizer: (p) => new Adam([{ parameters: p.slice(0, 2) }, { parameters: p.slice(2) }]),
        }),
      /it has 1 parameter groups, here are 2/,
    ],
  ])('into %s is refused, the folder left as it is', async (_, makeLearner, message) => {
    await runOn(tinyLearner(runtime), { epochs: 2 });
    const before = await contents(folder.path);
    const learner = makeLearner();
    await expect(loadCheckpoint(await folder.checkpointFolder('last'), learner)).rejects.toThrow(message);
    expect(await contents(folder.path)).toEqual(before);
    await learner.close();
  });
});

/** Every file below a folder, with its bytes. */
async function contents(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const pairs = files.map(async (entry) => {
    const file = join(entry.parentPath, entry.name);
    return [file, (await readFile(file)).toString('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

describe('a checkpoint', () => {
  const reading = async (which: 'best' | 'last' = 'last') => {
    const learner = tinyLearner(runtime);
    try {
      return await loadCheckpoint(await folder.checkpointFolder(which), learner);
    } finally {
      await learner.close();
    }
  };

  it('holds the weights and nothing that a clock has made, in its safetensors', async () => {
    const learner = tinyLearner(runtime);
    await runOn(learner, { epochs: 1 });
    const at = folder.checkpoint('1');
    const names = (await readCheckpointWeights(at)).map(({ name }) => name);
    expect(names).toEqual([
      'first.weight',
      'norm.weight',
      'norm.bias',
      'second.weight',
      'second.bias',
      'head.weight',
      'head.bias',
      'norm.running_mean',
      'norm.running_var',
    ]);
    const files = await Promise.all(
      ['weights', 'optimizer'].map((n) => readFile(join(at, `${n}.safetensors`))),
    );
    await runOn(tinyLearner(runtime), { epochs: 1 });
    const again = await Promise.all(
      ['weights', 'optimizer'].map((n) => readFile(join(at, `${n}.safetensors`))),
    );
    expect(again).toEqual(files);
  });

  it.each([
    [
      'state.json',
      (bytes: Buffer) => bytes.subarray(0, bytes.length / 2),
      /state\.json is damaged \(it is not JSON\)\. Restore it from a copy, or use another checkpoint/,
    ],
    ['state.json', () => Buffer.from('{"fit": {"epoch": -1}}'), /state\.json is damaged \(fit\.epoch: /],
    ['weights.safetensors', (bytes: Buffer) => bytes.subarray(0, bytes.length - 8), /weights\.safetensors/],
    ['optimizer.safetensors', (bytes: Buffer) => bytes.subarray(0, 4), /optimizer\.safetensors/],
  ])('whose %s is damaged is refused by name', async (file, damage, message) => {
    await runOn(tinyLearner(runtime), { epochs: 1 });
    const path = join(folder.checkpoint('1'), file);
    await writeFile(path, damage(await readFile(path)));
    await expect(reading()).rejects.toThrow(`${path} is damaged (its SHA-256 is `);
    // As earlier versions wrote it, without checksums.
    await rm(join(folder.checkpoint('1'), 'SHA256SUMS'));
    await expect(reading()).rejects.toThrow('is not the checkpoint that');
    await folder.point('last', '1');
    await expect(reading()).rejects.toThrow(message);
  });

  it('is verified file by file, with its list of checksums and the pointers to it', async () => {
    const callbacks = [checkpoints({ folder, monitor: MONITOR, every: 1 })];
    await runOn(tinyLearner(runtime), { epochs: 2, callbacks });
    const flipped = async (path: string, at: number) => {
      const bytes = await readFile(path);
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1;
      await writeFile(path, damaged);
      await expect(reading(), `${path} at ${at}`).rejects.toMatchObject({ code: 'checkpoint' });
      await writeFile(path, bytes);
    };
    const at = folder.checkpoint('2');
    for (const name of ['weights.safetensors', 'optimizer.safetensors', 'state.json', 'SHA256SUMS']) {
      const { length } = await readFile(join(at, name));
      for (const place of [0, length >> 1, length - 2]) await flipped(join(at, name), place);
    }
    // 2 becomes 3, 0 or 1, or the digest another.
    for (const place of [0, 1, 2, 17]) await flipped(join(folder.path, 'checkpoints', 'last'), place);
    await writeFile(join(folder.path, 'checkpoints', 'last'), '1 0123456789abcdef\n');
    await expect(reading()).rejects.toThrow(/is not the checkpoint that .*last was set to.*there are 1, 2/);
    await writeFile(join(folder.path, 'checkpoints', 'last'), '1\n');
    expect(await reading()).toMatchObject({ epoch: 1 });
  });

  it('that was deleted is missed by name, with those that there are', async () => {
    const callbacks = [checkpoints({ folder, monitor: MONITOR, every: 1 })];
    await runOn(tinyLearner(runtime), { epochs: 3, callbacks });
    await rm(folder.checkpoint('3'), { recursive: true });
    await expect(reading()).rejects.toThrow(
      /has no checkpoint "last" \(3\)\. It has: 1, 2\. To use one of these, write its name into .*last\./,
    );
    await rm(join(folder.checkpoint('2'), 'optimizer.safetensors'));
    await folder.point('last', '2');
    await expect(reading()).rejects.toThrow(/optimizer\.safetensors cannot be read .* complete\?/);
  });

  it('that does not fit on the disk leaves those before it whole', async () => {
    await runOn(tinyLearner(runtime), { epochs: 1 });
    const before = await contents(join(folder.path, 'checkpoints'));
    for (const filesLeft of [0, 1, 2]) {
      const learner = tinyLearner(runtime);
      const resume = await loadCheckpoint(await folder.checkpointFolder('last'), learner);
      // The log is not written, so that the full disk meets the checkpoint.
      const callbacks = rememberingCallbacks().filter(({ name }) => name !== 'metricsLog');
      // `best` is pointed to once more when a run is resumed.
      disk.filesLeft = 1 + filesLeft;
      await expect(fit(tinyFit(learner, { epochs: 2, callbacks, resume }))).rejects.toMatchObject({
        code: 'checkpoint',
        message: expect.stringMatching(
          /^callback "checkpoints" failed at epochEnd: the checkpoint .*2 could not be written: the disk is full \(ENOSPC\)\. .* Earlier checkpoints are intact: .*--resume/,
        ) as string,
      });
      disk.filesLeft = Infinity;
      expect(await contents(join(folder.path, 'checkpoints'))).toEqual(before);
      await learner.close();
    }
    expect(await resumed({ epochs: 2 })).toMatchObject({ epochs: 2 });
  });

  it('keeps the arrays of callbacks, and asks them to prepare the learner', async () => {
    const values = Float32Array.of(1, -2, Math.fround(1e-9));
    const loaded: unknown[] = [];
    const owner: Callback = {
      name: 'owner',
      state: () => ({ n: 1 }),
      arrays: () => ({ values }),
      beforeLoad: (learner, state) => void loaded.push(['before', state, learner.batches]),
      loadState: (state) => void loaded.push(state),
      loadArrays: (arrays) => void loaded.push(arrays),
    };
    const callbacks = [owner, checkpoints({ folder, monitor: MONITOR })];
    await runOn(tinyLearner(runtime), { epochs: 1, callbacks });
    const learner = tinyLearner(runtime);
    const resume = await loadCheckpoint(folder.checkpoint('1'), learner, callbacks);
    await runOn(learner, { epochs: 1, callbacks, resume });
    expect(loaded).toEqual([['before', { n: 1 }, 0], { n: 1 }, { values }]);
    await rm(join(folder.checkpoint('1'), 'callbacks.safetensors'));
    await expect(reading()).rejects.toThrow(/callbacks\.safetensors cannot be read/);
  });
});

describe('checkpoints', () => {
  /** Trains with given validation scores. */
  async function runWith(scores: readonly (number | null)[], every?: number) {
    const learner = tinyLearner(runtime);
    const told: Callback = {
      name: 'told',
      epochEnd: (_, record) => {
        Object.assign(record.valid!, { meanIoU: scores[record.epoch - 1] });
      },
    };
    const saving = checkpoints({ folder, monitor: MONITOR, every });
    const kept: string[][] = [];
    const look: Callback = {
      name: 'look',
      async epochEnd() {
        kept.push([...(await folder.checkpointNames()), `best ${await folder.pointed('best')}`]);
      },
    };
    await fit(tinyFit(learner, { epochs: scores.length, callbacks: [told, saving, look] }));
    await learner.close();
    return { kept, best: saving.best };
  }

  it('keep the best and the last, and prune the others', async () => {
    const { kept, best } = await runWith([0.5, 0.4, 0.6, 0.6]);
    expect(kept).toEqual([
      ['1', 'best 1'],
      ['1', '2', 'best 1'],
      ['3', 'best 3'],
      ['3', '4', 'best 3'],
    ]);
    expect(best).toEqual({ epoch: 3, metric: 'meanIoU', value: 0.6 });
    expect(await folder.pointed('last')).toBe('4');
  });

  it('keep every n-th as well', async () => {
    const { kept } = await runWith([0.5, 0.4, 0.3, 0.2, 0.1], 2);
    expect(kept.at(-1)).toEqual(['1', '2', '4', '5', 'best 1']);
  });

  it('take the latest for the best until a score is defined', async () => {
    const { kept, best } = await runWith([null, null, 0.1, null]);
    expect(kept.map((names) => names.at(-1))).toEqual(['best 1', 'best 2', 'best 3', 'best 3']);
    expect(best?.epoch).toBe(3);
  });

  it('take the last for the best where there is nothing to choose on', async () => {
    const learner = tinyLearner(runtime);
    const saving = checkpoints({ folder, monitor: undefined });
    await fit(tinyFit(learner, { callbacks: [saving] }));
    expect([await folder.pointed('best'), await folder.pointed('last'), saving.best]).toEqual([
      '2',
      '2',
      undefined,
    ]);
    await learner.close();
  });

  it('lead to a whole checkpoint at every moment, and mend a pointer that a kill has left behind', async () => {
    await runOn(tinyLearner(runtime), { epochs: 2 });
    const best = await folder.pointed('best');
    // As a kill leaves it: `last` moved, `best` not yet, and half of the next checkpoint is written.
    const learner = tinyLearner(runtime);
    const state = await loadCheckpoint(folder.checkpoint('2'), learner);
    await saveCheckpoint(folder.checkpoint('1'), learner, { ...state, epoch: 1 });
    await saveCheckpoint(folder.checkpoint('3.partial'), learner, state);
    await folder.point('best', best === '1' ? '2' : '1');
    await learner.close();
    await resumed({ epochs: 2 });
    expect(await folder.pointed('best')).toBe(best);
    expect(await readdir(join(folder.path, 'checkpoints'))).not.toContain('3.partial');
  });
});
