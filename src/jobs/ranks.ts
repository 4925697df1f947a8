/**
 * What differs when several processes (ranks) train one model: only rank 0 prints and writes files, every rank loads
 * its own part of each batch, and all ranks must agree on program, data and settings.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dataset, Parts } from '../data/index.js';
import type { Communicator } from '../distributed/index.js';
import { checkSameEverywhere, fromAll, fromFirst, together } from '../distributed/index.js';
import type { Callback, EpochRecord, FitState, Learner, RunConfig } from '../training/index.js';
import { loadCheckpoint, Replicas, RunFolder, WEIGHTS_FILE } from '../training/index.js';
import type { MachineFacts } from './choose.js';
import { pixelwiseVersion } from './machine.js';
import type { ResolvedSettings, NamedTrainOptions } from './train-options.js';
import type { Plan } from './train-plan.js';

/** The ranks of a run. Without a communicator, this process is the only one. */
export class Ranks {
  constructor(private readonly communicator: Communicator | undefined) {}

  get size(): number {
    return this.communicator?.size ?? 1;
  }

  /** Whether this is rank 0, which prints messages and writes files. */
  get isFirst(): boolean {
    return (this.communicator?.rank ?? 0) === 0;
  }

  /** The part of every batch that this rank loads; undefined for the whole batch. */
  get share(): { readonly rank: number; readonly size: number } | undefined {
    return this.communicator;
  }

  replicas({ allReduce }: Pick<NamedTrainOptions, 'allReduce'>): Replicas | undefined {
    return this.communicator && new Replicas(this.communicator, { allReduce });
  }

  /** Runs `work` on every rank. If it fails on one rank, it throws on all of them. */
  async together<T>(work: () => T | Promise<T>): Promise<T> {
    return this.communicator ? together(this.communicator, work) : work();
  }

  /** Runs `work` on rank 0 and returns its result, which must be plain data, on every rank. */
  async onFirst<T>(work: () => T | Promise<T>): Promise<T> {
    const { communicator } = this;
    if (!communicator) return work();
    const own = await together(communicator, () => (this.isFirst ? work() : undefined));
    return (await fromFirst(communicator, own)) as T;
  }

  /**
   * The machine that settings are chosen for: the fewest threads and the least memory of any rank. Ranks on one host
   * divide its memory between them.
   */
  async leastMachine(own: MachineFacts): Promise<MachineFacts> {
    const { communicator } = this;
    if (!communicator) return own;
    const { hosts, rank } = communicator;
    const memory = own.memory / hosts.filter((host) => host === hosts[rank]).length;
    const all = await fromAll(communicator, { ...own, memory });
    return {
      threads: Math.min(...all.map(({ threads }) => threads)),
      memory: Math.min(...all.map((facts) => facts.memory)),
      pretrained: all[0]!.pretrained,
      slowness: Math.max(...all.map(({ slowness }) => slowness)),
    };
  }

  /** Checks that all ranks run the same program on the same data with the same options. */
  async checkAlike(plan: Plan, options: object): Promise<void> {
    const { communicator } = this;
    if (!communicator) return;
    const things = await together(communicator, async () => ({
      'the version of Pixelwise': pixelwiseVersion(),
      'the program (hash of its files)': await programHash(),
      'the options': digest(JSON.stringify(options)),
      'the samples (hash of their names and file sizes)': await dataHash(plan.parts),
      'the settings that follow from options and data (set them explicitly to make them equal on all hosts)':
        digest(JSON.stringify(settingsOf(plan))),
    }));
    await checkSameEverywhere(communicator, things);
  }

  /** Copies the weights and buffers of rank 0 to the learners of all ranks. */
  async shareWeights({ state, replicas }: Learner): Promise<void> {
    await replicas?.broadcast(state.slots.map((slot) => state.values(slot)));
  }

  /**
   * Like the function `loadCheckpoint`, for a folder that only rank 0 needs to have: it sends the files to the others.
   *
   * @param find returns the path of the folder; called on rank 0 only.
   */
  async loadCheckpoint(
    find: () => Promise<string>,
    learner: Learner,
    callbacks: readonly Callback[],
  ): Promise<FitState> {
    const { communicator } = this;
    if (!communicator) return loadCheckpoint(await find(), learner, callbacks);
    const folder = this.isFirst ? await find() : await mkdtemp(join(tmpdir(), 'pixelwise-checkpoint-'));
    try {
      const names = await this.onFirst(() => readdir(folder));
      for (const name of names) {
        const path = join(folder, name);
        const length = await this.onFirst(async () => (await stat(path)).size);
        const bytes = this.isFirst ? new Uint8Array(await readFile(path)) : new Uint8Array(length);
        await communicator.broadcast(bytes);
        if (!this.isFirst) await writeFile(path, bytes);
      }
      return await together(communicator, () => loadCheckpoint(folder, learner, callbacks));
    } finally {
      if (!this.isFirst) await rm(folder, { recursive: true, force: true });
    }
  }

  /**
   * The plan with the batch size and the learning rate for all ranks together. A resumed run keeps both, whatever the
   * number of ranks is now. They change only if the options given now (`given`) set them.
   */
  spread(
    plan: Plan,
    given: NamedTrainOptions,
    earlier: RunConfig | undefined,
    note: (text: string) => void,
  ): Plan {
    const { size } = this;
    if (earlier) {
      const { batch, lr } = earlier.training;
      return {
        ...plan,
        batch: given.batch === undefined ? batch : plan.batch * size,
        lr: typeof given.lr !== 'number' && given.scaleLr === undefined ? lr : this.scaled(plan, given),
      };
    }
    if (size === 1) return plan;
    const lr = this.scaled(plan, given);
    const batch = plan.batch * size;
    note(`${size} ranks with ${plan.batch} images each: ${batch} images per step.`);
    if (plan.findLr) return { ...plan, batch };
    note(
      given.scaleLr === undefined || given.scaleLr === 'none'
        ? `The learning rate is ${short(lr)}, as for one rank; --scale-lr linear makes it ${short(lr * size)}, --scale-lr sqrt ${short(lr * Math.sqrt(size))}.`
        : `The learning rate is ${short(lr)}: ${short(plan.lr)} for one rank, times ${short(lr / plan.lr)} (--scale-lr ${given.scaleLr}).`,
    );
    return { ...plan, batch, lr };
  }

  private scaled({ lr }: Plan, { scaleLr = 'none' }: NamedTrainOptions): number {
    return lr * SCALINGS[scaleLr](this.size);
  }
}

/** A message about the time spent on summing gradients across ranks; undefined if there was no step. */
export function allReduceNote(history: readonly EpochRecord[]): string | undefined {
  const timed = history.filter(({ allReduceSeconds }) => allReduceSeconds !== undefined);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const before = history[history.length - timed.length - 1]?.step ?? 0;
  const steps = (timed.at(-1)?.step ?? before) - before;
  if (steps === 0) return undefined;
  const seconds = sum(timed.map(({ allReduceSeconds }) => allReduceSeconds!));
  const share = seconds / sum(timed.map((record) => record.seconds));
  return `Summing gradients across ranks took ${short(seconds / steps)} s per step, ${Math.round(100 * share)}% of the time.`;
}

/** Checks that all ranks use the same program and the same model, before they divide the samples between them. */
export async function checkSameModel(
  communicator: Communicator | undefined,
  source: string,
  checkpoint: 'best' | 'last' | number = 'best',
): Promise<void> {
  if (!communicator) return;
  const things = await together(communicator, async () => {
    const isFolder = (await stat(source)).isDirectory();
    const path = isFolder
      ? join(await new RunFolder(source).checkpointFolder(checkpoint), WEIGHTS_FILE)
      : source;
    return {
      'the version of Pixelwise': pixelwiseVersion(),
      'the program (hash of its files)': await programHash(),
      'the model (hash of its file)': createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
        .slice(0, 16),
    };
  });
  await checkSameEverywhere(communicator, things);
}

/**
 * Factor on the learning rate, by the number of ranks: linear (Goyal et al. 2017) or its square root (Krizhevsky 2014).
 */
const SCALINGS: Readonly<Record<ResolvedSettings['scaleLr'], (ranks: number) => number>> = {
  linear: (ranks) => ranks,
  sqrt: Math.sqrt,
  none: () => 1,
};

const short = (value: number) => String(Number(value.toPrecision(3)));

/** The settings of a plan, without the data and anything that was read from it. */
function settingsOf(plan: Plan): object {
  const {
    parts: _parts,
    report: _report,
    notes: _notes,
    fingerprint: _fingerprint,
    partOptions: _partOptions,
    objects: _objects,
    val: _val,
    test: _test,
    ...settings
  } = plan;
  return settings;
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Hash of the files of this program. Unlike the version number, it differs between two builds of one version. */
async function programHash(): Promise<string> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const names = (await readdir(root, { recursive: true })).filter((name) => /\.(js|ts)$/.test(name)).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name}\n`).update(await readFile(join(root, name)));
  return hash.digest('hex').slice(0, 16);
}

/** Hash of the samples of all parts: their ids in order and, if they are files, the sizes of these. */
async function dataHash({ train, valid, test }: Parts): Promise<string> {
  const hash = createHash('sha256');
  for (const part of [train, valid, test]) hash.update('part\n').update(part ? await partHash(part) : '');
  return hash.digest('hex').slice(0, 16);
}

/** Samples whose file sizes are read at the same time. */
const STAT_CONCURRENCY = 256;

async function partHash(part: Dataset): Promise<string> {
  const hash = createHash('sha256');
  for (let from = 0; from < part.length; from += STAT_CONCURRENCY) {
    const lines = Array.from({ length: Math.min(STAT_CONCURRENCY, part.length - from) }, async (_, i) => {
      const { image, mask } = part.files(from + i);
      // The samples of a data set given as an object are not files.
      const sizes = await Promise.all(
        [image, mask].map((path) =>
          stat(path).then(
            ({ size }) => String(size),
            () => 'no file',
          ),
        ),
      );
      return `${part.ids[from + i]} ${sizes.join(' ')}\n`;
    });
    for (const line of await Promise.all(lines)) hash.update(line);
  }
  return hash.digest('hex');
}
