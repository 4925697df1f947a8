import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/made-data.js';
import { writeCells } from '../data/demo-folder.js';
import { asRanks } from '../distributed/index.js';
import type { RunConfig } from '../training/index.js';
import { allReduceNote, Ranks } from './ranks.js';
import type { NamedTrainOptions } from './train-options.js';
import type { Plan } from './train-plan.js';
import { train } from './train.js';

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  temporary = await temporaryFolder();
});
afterAll(() => temporary.remove());

const plan = { batch: 4, lr: 0.001, findLr: false } as Plan;

async function spread(given: Partial<NamedTrainOptions>, earlier?: { batch: number; lr: number }, size = 4) {
  const notes: string[] = [];
  const [spreadPlan] = await asRanks(size, async (communicator) =>
    new Ranks(communicator).spread(
      plan,
      { data: '', ...given },
      earlier && ({ training: earlier } as RunConfig),
      (text) => communicator.rank === 0 && notes.push(text),
    ),
  );
  return { batch: spreadPlan!.batch, lr: spreadPlan!.lr, notes };
}

describe('batch and learning rate of several ranks', () => {
  it('are those of one rank, times the ranks where asked for, and are told', async () => {
    const plain = await spread({});
    expect(plain).toMatchObject({ batch: 16, lr: 0.001 });
    expect(plain.notes[0]).toBe('4 ranks with 4 images each: 16 images per step.');
    expect(plain.notes[1]).toMatch(/is 0.001, .*--scale-lr linear makes it 0.004, --scale-lr sqrt 0.002/);
    expect(await spread({ scaleLr: 'linear' })).toMatchObject({ batch: 16, lr: 0.004 });
    const root = await spread({ scaleLr: 'sqrt' });
    expect(root.lr).toBe(0.002);
    expect(root.notes[1]).toBe('The learning rate is 0.002: 0.001 for one rank, times 2 (--scale-lr sqrt).');
  });

  it('stay when a run goes on on another number of ranks', async () => {
    const earlier = { batch: 6, lr: 0.02 };
    expect(await spread({}, earlier, 3)).toMatchObject({ batch: 6, lr: 0.02, notes: [] });
    expect(await spread({ batch: 4, lr: 0.001 }, earlier, 3)).toMatchObject({ batch: 12, lr: 0.001 });
    const alone = new Ranks(undefined).spread(
      plan,
      { data: '' },
      { training: earlier } as RunConfig,
      () => {},
    );
    expect(alone).toMatchObject(earlier);
  });
});

it('settings are chosen by what every rank has', async () => {
  const facts = await asRanks(2, (communicator) =>
    new Ranks(communicator).leastMachine(
      communicator.rank === 0
        ? { threads: 4, memory: 64, pretrained: 'imagenet', slowness: 1.5 }
        : { threads: 2, memory: 32, pretrained: undefined, slowness: 2 },
    ),
  );
  // Both are on one host here, and share its memory.
  for (const fact of facts)
    expect(fact).toEqual({ threads: 2, memory: 16, pretrained: 'imagenet', slowness: 2 });
});

it('tells how long gradients took', () => {
  const record = { epoch: 1, lr: 1, imagesPerSecond: 1, train: {} } as never as Parameters<
    typeof allReduceNote
  >[0][number];
  const history = [
    { ...record, step: 10, seconds: 5 },
    { ...record, step: 20, seconds: 5, allReduceSeconds: 1 },
    { ...record, step: 30, seconds: 5, allReduceSeconds: 1 },
  ];
  expect(allReduceNote(history)).toBe('Summing gradients across ranks took 0.1 s per step, 20% of the time.');
  expect(allReduceNote(history.slice(0, 1))).toBeUndefined();
});

it('ranks write one run, and its checkpoints reach those that do not see them', async () => {
  const data = join(temporary.path, 'cells');
  await writeCells(data, { count: 12, width: 32, height: 32, seed: 4 });
  const run = (epochs: number, out: string, extra: Partial<NamedTrainOptions> = {}) =>
    asRanks(2, (communicator) =>
      train({
        ...{ data, out: join(temporary.path, out), batch: 2, epochs, size: 32, width: 4, depth: 2 },
        ...{ batchNorm: false, loss: 'cross-entropy', val: 0.25, lr: 1e-3, threads: 1, pictures: false },
        communicator,
        ...extra,
      }),
    );
  const weights = async (out: string) =>
    readFile(join(temporary.path, out, 'checkpoints/3/weights.safetensors'));
  const [first, second] = await run(3, 'whole');
  expect(first!.valid).toBeDefined();
  expect(second!.valid).toBeUndefined();
  // Cut back to an earlier state by a run that is interrupted in its second epoch.
  const abort = new AbortController();
  const stop = { name: 'stop', batchEnd: () => abort.abort() };
  await run(3, 'cut', { signal: abort.signal, callbacks: [stop] });
  await run(3, 'cut', { resume: true });
  expect(await weights('cut')).toEqual(await weights('whole'));
  await mkdir(join(temporary.path, 'other'));
  await writeFile(join(temporary.path, 'other', 'config.json'), '{}');
  const failures = await asRanks(2, (communicator) =>
    train({
      data,
      out: join(temporary.path, 'none'),
      resume: true,
      epochs: 1,
      init: 'nowhere',
      communicator,
    }).catch((error: Error) => `${error.name}: ${error.message}`),
  );
  expect(failures[0]).toMatch(/^PixelwiseError: --init nowhere/);
  expect(failures[1]).toMatch(/^OtherRankError: rank 0 on here: --init nowhere/);
});
