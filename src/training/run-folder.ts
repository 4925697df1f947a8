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
 *   checkpoints/12/      weights, graph (model.onnx), optimizer and loop state after epoch 12, and their checksums
 *   checkpoints/best     a file with the name and the digest of a checkpoint; likewise `last`
 * ```
 */
import { mkdir, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import {
  checkedEntries,
  exists,
  isSystemError,
  PARTIAL_FILE,
  withChecksum,
  writeFileAtomic,
  writing,
} from '../files/index.js';
import type { EpochRecord } from './callback.js';
import { checkpointDigest } from './checkpoint-files.js';

/** Names of what a run writes into its folder. */
const RUN_ENTRIES = [
  'config.json',
  'encoder.onnx',
  'metrics.jsonl',
  'metrics.csv',
  'tensorboard',
  'scores.json',
  'checkpoints',
  'samples',
  'samples.json',
  'film.webp',
  'report.html',
];
/** `pixelwise lr-find` writes them too, maybe into the folder of the run to come. */
export const RANGE_TEST_FILES = ['lr-find.json', 'lr-find.svg', 'lr-find.png'];

/** Paths of the files that a run writes below its folders. */
const OWN_FILES = [
  /^checkpoints\/(best|last|\d+(\+\d+)?(\.partial)?\/(SHA256SUMS|model\.onnx|state\.json|\w+\.safetensors))$/,
  /^tensorboard\/(train|valid)\/events\.out\.tfevents\.0\.pixelwise$/,
  /^samples\/((gallery|film|data|images)\.json|data\/(samples|augmented)\.webp)$/,
  /^samples\/(gallery\/(fate-)?\d+-(image\.webp|(truth|prediction|errors|fates|found)\.png)|film\/\d+(-image\.webp|-truth\.png|\/\d+\.png))$/,
];

export type Pointer = 'best' | 'last';

export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Creates the folder and its subfolders. */
  async create(): Promise<void> {
    const checkpoints = join(this.path, 'checkpoints');
    await writing(checkpoints, () => mkdir(checkpoints, { recursive: true }));
  }

  /** @throws PixelwiseError `write-failed` if the folder, in which a run has begun, is gone or cannot be reached. */
  async requirePresent(): Promise<void> {
    await writing(this.path, () => stat(this.configPath));
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

  /** Path of something in the folder that a new run would replace; undefined if there is nothing. */
  async occupied(): Promise<string | undefined> {
    for (const name of RUN_ENTRIES) {
      const path = join(this.path, name);
      // An empty folder is what a run that was killed at its very start has left.
      const inside = await readdir(path).catch(() => undefined);
      if (inside ? inside.length > 0 : await exists(path)) return path;
    }
    return undefined;
  }

  /** Deletes the run. Files of other origin stay, and the folders that they are in. */
  async remove(): Promise<void> {
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    const folders: string[] = [];
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const name = relative(this.path, path).split(sep).join('/');
      const [top] = name.split('/') as [string];
      if (entry.isDirectory() && RUN_ENTRIES.includes(top)) folders.push(path);
      const own =
        name === top
          ? [...RUN_ENTRIES, ...RANGE_TEST_FILES].includes(name)
          : OWN_FILES.some((each) => each.test(name));
      if (!entry.isDirectory() && (own || PARTIAL_FILE.test(entry.name))) await rm(path);
    }
    // The deepest first, as far as they are empty.
    folders.sort((a, b) => b.length - a.length);
    for (const path of [...folders, this.path]) await rmdir(path).catch(() => undefined);
  }

  /** Writes config.json, with a checksum of its entries. */
  async writeConfig(config: object): Promise<void> {
    // Through JSON first, as it will be read: properties that are undefined are then absent.
    const entries = JSON.parse(JSON.stringify(config)) as object;
    await writeFileAtomic(this.configPath, `${JSON.stringify(withChecksum(entries), null, 2)}\n`);
  }

  /**
   * The entries of config.json.
   *
   * @throws PixelwiseError `run` if there is none, or it is not as it was written. One without a checksum, as earlier
   *   versions wrote it, is accepted.
   */
  async readConfig(): Promise<unknown> {
    let text: string;
    try {
      text = await readFile(this.configPath, 'utf8');
    } catch (error) {
      throw new PixelwiseError('run', `${this.path} is not a run folder: it has no readable config.json`, {
        cause: error,
      });
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new PixelwiseError('run', `${this.configPath} is damaged: it is not JSON`, { cause: error });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const { entries, intact } = checkedEntries(value);
    if (intact !== false) return entries;
    throw new PixelwiseError(
      'run',
      `${this.configPath} is not as it was written: its entries do not fit its checksum. Restore it from a copy. If you changed it on purpose, delete its entry "checksum".`,
    );
  }

  /** Atomically sets `best` or `last` to a checkpoint. */
  async point(pointer: Pointer, name: string): Promise<void> {
    const digest = await checkpointDigest(this.checkpoint(name));
    const text = digest === undefined ? name : `${name} ${digest}`;
    await writeFileAtomic(join(this.path, 'checkpoints', pointer), `${text}\n`);
  }

  /** The checkpoint name in a pointer; undefined if it has not been set. */
  async pointed(pointer: Pointer): Promise<string | undefined> {
    return (await this.readPointer(pointer))?.name;
  }

  private async readPointer(pointer: Pointer): Promise<{ name: string; digest?: string } | undefined> {
    const path = join(this.path, 'checkpoints', pointer);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isSystemError(error) && ['ENOENT', 'ENOTDIR'].includes(error.code)) return undefined;
      throw new PixelwiseError('checkpoint', `${path} cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
    // Without a digest: written by hand, or by an earlier version.
    const match = /^(\d+(?:\+\d+)?)(?: ([\da-f]{16}))?$/.exec(text.trim());
    if (!match) {
      throw new PixelwiseError(
        'checkpoint',
        `${path} is damaged: it does not contain the name of a checkpoint`,
      );
    }
    const [, name, digest] = match;
    return { name: name!, ...(digest !== undefined && { digest }) };
  }

  /**
   * The folder of a checkpoint. If it does not exist, throws an error that lists the existing ones; likewise if it is
   * not the one that the pointer was set to.
   */
  async checkpointFolder(which: Pointer | number): Promise<string> {
    const pointed = typeof which === 'number' ? { name: String(which) } : await this.readPointer(which);
    const name = pointed?.name;
    const names = await this.checkpointNames();
    if (name !== undefined && names.includes(name)) {
      const digest = pointed?.digest;
      if (digest === undefined || digest === (await checkpointDigest(this.checkpoint(name)))) {
        return this.checkpoint(name);
      }
      throw new PixelwiseError(
        'checkpoint',
        `${this.checkpoint(name)} is not the checkpoint that ${join(this.path, 'checkpoints', which as Pointer)} was set to: one of them is damaged. Restore it, or choose a checkpoint by its number (there are ${names.join(', ')}).`,
      );
    }
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

  /** Deletes checkpoints that are neither the best or last one nor kept by `keep`; none if there is no last one. */
  async prune(keep: (epoch: number) => boolean = () => false): Promise<void> {
    const last = await this.pointed('last');
    if (last === undefined) return;
    const wanted = new Set([await this.pointed('best'), last]);
    const folder = join(this.path, 'checkpoints');
    await writing(folder, async () => {
      for (const name of await readdir(folder)) {
        const whole = /^\d+$/.test(name) && keep(Number(name));
        const ours = /^\d+(\+\d+)?$/.test(name);
        if (ours && !wanted.has(name) && !whole)
          await rm(join(folder, name), { recursive: true, force: true });
      }
    });
  }

  /** Deletes incomplete files of a killed run. Only for the process that owns the run. */
  async sweep(): Promise<void> {
    // Files, and checkpoints. Earlier versions named files `config.json.12-0-3.partial`.
    const ours = (name: string) =>
      PARTIAL_FILE.test(name) || /^(\d+(\+\d+)?|.+\.\d+-\d+-\d+)\.partial$/.test(name);
    await writing(this.path, async () => {
      for (const name of await readdir(this.path, { recursive: true })) {
        if (ours(basename(name))) await rm(join(this.path, name), { recursive: true, force: true });
      }
    });
  }

  /** Rewrites metrics.jsonl from `history`, without epochs that a killed run wrote after its checkpoint. */
  async writeMetrics(history: readonly EpochRecord[]): Promise<void> {
    await writeFileAtomic(this.metricsPath, history.map((record) => `${JSON.stringify(record)}\n`).join(''));
  }
}
