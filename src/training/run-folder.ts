/**
 * The folder of a run:
 *
 * ```text
 * RUN/
 *   config.json          all settings of the run
 *   samples.json         the ids of the samples in each part
 *   encoder.onnx         a copy of the encoder's file, if the model has one
 *   lr-find.json         curve and suggestion of the learning-rate range test, if there was one
 *   metrics.jsonl        one line per epoch
 *   metrics.csv          the same as a table, if requested
 *   tensorboard/         the same as TensorBoard event files, if requested
 *   scores.json          how the run ended, and the scores of its best epoch
 *   checkpoints/12/      weights, graph (model.onnx), optimizer and loop state after epoch 12
 *   checkpoints/best     a file with the name of a checkpoint; likewise `last`
 * ```
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { writeFileAtomic } from '../files/index.js';
import type { EpochRecord } from './callback.js';

export type Pointer = 'best' | 'last';

export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Creates the folder and its subfolders. */
  async create(): Promise<void> {
    await mkdir(join(this.path, 'checkpoints'), { recursive: true });
  }

  get configPath(): string {
    return join(this.path, 'config.json');
  }

  get samplesPath(): string {
    return join(this.path, 'samples.json');
  }

  get metricsPath(): string {
    return join(this.path, 'metrics.jsonl');
  }

  get scoresPath(): string {
    return join(this.path, 'scores.json');
  }

  /** Path of the results of the learning-rate finder. */
  get lrFindPath(): string {
    return join(this.path, 'lr-find.json');
  }

  /** Path of the checkpoint `name`. */
  checkpoint(name: string): string {
    return join(this.path, 'checkpoints', name);
  }

  /** Whether the folder already contains a run. */
  async exists(): Promise<boolean> {
    return stat(this.configPath).then(
      () => true,
      () => false,
    );
  }

  async writeConfig(config: object): Promise<void> {
    await writeFileAtomic(this.configPath, `${JSON.stringify(config, null, 2)}\n`);
  }

  async readConfig(): Promise<unknown> {
    let text: string;
    try {
      text = await readFile(this.configPath, 'utf8');
    } catch (error) {
      throw new PixelwiseError('run', `${this.path} is not a run folder: it has no readable config.json`, {
        cause: error,
      });
    }
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new PixelwiseError('run', `${this.configPath} is damaged: it is not JSON`, { cause: error });
    }
  }

  /** Atomically sets `best` or `last` to a checkpoint. */
  async point(pointer: Pointer, name: string): Promise<void> {
    await writeFileAtomic(join(this.path, 'checkpoints', pointer), `${name}\n`);
  }

  /** The checkpoint name in a pointer; undefined if it has not been set. */
  async pointed(pointer: Pointer): Promise<string | undefined> {
    const text = await readFile(join(this.path, 'checkpoints', pointer), 'utf8').catch(() => undefined);
    const name = text?.trim();
    if (name !== undefined && !/^\d+(\+\d+)?$/.test(name)) {
      throw new PixelwiseError(
        'checkpoint',
        `${join(this.path, 'checkpoints', pointer)} is damaged: it does not contain the name of a checkpoint`,
      );
    }
    return name;
  }

  /** The folder of a checkpoint. If it does not exist, throws an error that lists the existing ones. */
  async checkpointFolder(which: Pointer | number): Promise<string> {
    const name = typeof which === 'number' ? String(which) : await this.pointed(which);
    const names = await this.checkpointNames();
    if (name !== undefined && names.includes(name)) return this.checkpoint(name);
    const choices = names.length > 0 ? `It has: ${names.join(', ')}.` : 'It has none yet.';
    const asked = typeof which === 'number' || name === undefined ? `"${which}"` : `"${which}" (${name})`;
    const advice =
      typeof which === 'string' && names.length > 0
        ? ` To use one of these, write its name into ${join(this.path, 'checkpoints', which)}.`
        : '';
    throw new PixelwiseError('checkpoint', `${this.path} has no checkpoint ${asked}. ${choices}${advice}`);
  }

  /** Names of complete checkpoints, oldest first. */
  async checkpointNames(): Promise<string[]> {
    const entries = await readdir(join(this.path, 'checkpoints')).catch(() => []);
    const place = (name: string) =>
      name.split('+').reduce((sum, part, i) => sum + Number(part) / 1e9 ** i, 0);
    return entries.filter((name) => /^\d+(\+\d+)?$/.test(name)).sort((a, b) => place(a) - place(b));
  }

  /** Deletes checkpoints that are neither the best or last one nor kept by `keep`. */
  async prune(keep: (epoch: number) => boolean = () => false): Promise<void> {
    const wanted = new Set([await this.pointed('best'), await this.pointed('last')]);
    const folder = join(this.path, 'checkpoints');
    for (const name of await readdir(folder)) {
      const whole = /^\d+$/.test(name) && keep(Number(name));
      const ours = /^\d+(\+\d+)?$/.test(name);
      if (ours && !wanted.has(name) && !whole) await rm(join(folder, name), { recursive: true, force: true });
    }
  }

  /** Deletes incomplete files of a killed run. Only for the process that owns the run. */
  async sweep(): Promise<void> {
    const names = await readdir(this.path, { recursive: true });
    for (const name of names.filter((each) => each.endsWith('.partial'))) {
      await rm(join(this.path, name), { recursive: true, force: true });
    }
  }

  /** Rewrites metrics.jsonl from `history`, without epochs that a killed run wrote after its checkpoint. */
  async writeMetrics(history: readonly EpochRecord[]): Promise<void> {
    await writeFileAtomic(this.metricsPath, history.map((record) => `${JSON.stringify(record)}\n`).join(''));
  }
}
