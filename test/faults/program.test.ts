/**
 * The program among others and on bad disks: equal commands at once, closed terminals, full, read-only and vanishing
 * folders. `PIXELWISE_FAULTS=20` runs as many pairs and kills; as root on Linux it also mounts small and read-only
 * file systems.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../../src/data/demo-folder.js';
import { RunFolder } from '../../src/training/index.js';
import { buildProgram, type BuiltProgram, type Ended } from '../built-program.js';
import { withoutTimes } from '../training/tiny.js';

const LONG = Number(process.env['PIXELWISE_FAULTS'] ?? 0);
/** Epochs of the trainings that are cut off. */
const EPOCHS = LONG ? '12' : '5';
const TIME = LONG ? 3_600_000 : 300_000;

let program: BuiltProgram;
let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const TINY = [
  '--width',
  '2',
  '--depth',
  '2',
  '--size',
  '16',
  '--batch',
  '2',
  '--threads',
  '1',
  '--epochs',
  '2',
];
const training = (out: string, ...more: string[]) => [
  ...['train', '--data', at('cells'), ...TINY, '--augment', 'none', '--no-pictures', '--out', out, '--json'],
  ...more,
];

beforeAll(async () => {
  program = await buildProgram();
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-faults-'));
  await writeCells(at('cells'), { seed: 1, count: 8, width: 32, height: 32 });
  expect(await program.run(...training(at('run')))).toMatchObject({ code: 0 });
}, 120_000);
afterAll(async () => {
  await program.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Names and content of all files below a folder, without clocks. */
async function contentOf(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const pairs = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.pixelwise-written'))
    .map(async (entry) => {
      const file = join(entry.parentPath, entry.name);
      return [file.slice(path.length + 1), (await readFile(file)).toString('base64')] as const;
    });
  return Object.fromEntries(await Promise.all(pairs));
}

/** The bits that a run ends with. */
async function weightsOf(run: string): Promise<string> {
  const last = await new RunFolder(run).checkpointFolder('last');
  return (await readFile(join(last, 'weights.safetensors'))).toString('base64');
}

/** A refusal for people: exit code 1 or 2, and no stack. */
function expectRefused({ code, stderr }: Ended, words: RegExp): void {
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/should not happen|\n\s+at /);
  expect([1, 2]).toContain(code);
}

describe('two equal commands at once', () => {
  const both = async (words: string[]): Promise<[Ended, Ended]> =>
    Promise.all([program.run(...words), program.run(...words)]);

  it(
    'of train get two folders, or one is refused and the other is whole',
    async () => {
      const weights = await weightsOf(at('run'));
      for (let pair = 0; pair < (LONG || 1); pair++) {
        const out = at(`pair-${pair}`);
        const ended = await both(training(out));
        const refused = ended.filter(({ code }) => code !== 0);
        // One that comes after the other's end finds a run there.
        for (const one of refused)
          expectRefused(one, /is being written by another process|already contains a run/);
        expect(refused).toHaveLength(1);
        expect(await weightsOf(out)).toBe(weights);
        expect((await readdir(out)).filter((name) => name.includes('pixelwise'))).toEqual([]);
      }
    },
    TIME,
  );

  it.runIf(LONG > 0)(
    'of the other commands are both right, or one is refused',
    async () => {
      const images = at('cells', 'images');
      const commands: Record<string, (out: string) => string[]> = {
        predict: (out) => ['predict', at('run'), images, '--out', out, '--overlay'],
        evaluate: (out) => ['evaluate', at('run'), '--data', at('cells'), '--out', out, '--overlay'],
        export: (out) => ['export', at('run'), '--out', join(out, 'model.onnx')],
        report: (out) => ['report', at('run'), '--out', join(out, 'report.html')],
        'lr-find': (out) => ['lr-find', '--data', at('cells'), ...TINY.slice(0, -2), '--out', out],
        doctor: (out) => ['doctor', '--data', at('cells'), '--out', out],
        'doctor --fix': (out) => ['doctor', '--data', at('cells'), '--fix', out],
      };
      for (const [name, words] of Object.entries(commands)) {
        expect((await program.run(...words(at('alone')))).code, name).toBe(0);
        const alone = await contentOf(at('alone'));
        for (let pair = 0; pair < LONG; pair++) {
          const ended = await both(words(at('two')));
          const refused = ended.filter(({ code }) => code !== 0);
          expect(refused.length, name).toBeLessThan(2);
          for (const one of refused) expectRefused(one, /another process|exists|not empty/);
          const two = await contentOf(at('two'));
          expect(Object.keys(two).sort(), name).toEqual(Object.keys(alone).sort());
          // The report has the time of its writing in it.
          if (name !== 'report') expect(two, name).toEqual(alone);
          await rm(at('two'), { recursive: true });
        }
        await rm(at('alone'), { recursive: true });
      }
    },
    TIME,
  );
});

describe('a training that is cut off', () => {
  /** Starts a training and sends it a signal so many milliseconds after its first checkpoint is there. */
  async function cut(
    out: string,
    signal: NodeJS.Signals,
    milliseconds: number,
    ...more: string[]
  ): Promise<number | null> {
    const child = spawn(process.execPath, [program.main, ...training(out, '--epochs', EPOCHS, ...more)], {
      stdio: 'ignore',
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    const run = new RunFolder(out);
    while (child.exitCode === null && (await run.pointed('last').catch(() => undefined)) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill(signal);
    return ended;
  }
  const metricsOf = async (run: string) =>
    withoutTimes(
      (await readFile(join(run, 'metrics.jsonl'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    );

  it(
    'by a closed terminal, a request to terminate or a kill goes on to the same bits',
    async () => {
      expect(await program.run(...training(at('whole'), '--epochs', EPOCHS))).toMatchObject({ code: 0 });
      const weights = await weightsOf(at('whole'));
      const metrics = await metricsOf(at('whole'));
      // test/training/kill has trainings that are killed.
      const signals: readonly NodeJS.Signals[] = LONG ? ['SIGKILL', 'SIGHUP', 'SIGTERM'] : ['SIGHUP'];
      for (let i = 0; i < (LONG || signals.length); i++) {
        const signal = signals[i % signals.length]!;
        const out = at(`cut-${i}`);
        const code = await cut(out, signal, (i * 37) % 300);
        // It may have ended before the signal came.
        expect(signal === 'SIGKILL' ? [null, 0] : [130, 0], `${signal}: ${code}`).toContain(code);
        const resumed = await program.run(...training(out, '--epochs', EPOCHS, '--resume'));
        expect(resumed.code, resumed.stderr).toBe(0);
        expect(await weightsOf(out)).toBe(weights);
        expect(await metricsOf(out)).toEqual(metrics);
        expect(
          (await readdir(out, { recursive: true })).filter((name) => /\.partial|\.lock/.test(name)),
        ).toEqual([]);
      }
    },
    TIME,
  );
});

describe('a disk', () => {
  /** Runs the program in a shell that limits the size of files: to write more fails, as on a full disk. */
  const limited = (kilobytes: number, ...words: string[]): Ended => {
    const quoted = [process.execPath, program.main, ...words].map(
      (word) => `'${word.replaceAll("'", "'\\''")}'`,
    );
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', `ulimit -f ${kilobytes * 2}; exec ${quoted.join(' ')}`],
      {
        encoding: 'utf8',
      },
    );
    return { code: status ?? -1, stdout, stderr };
  };

  it.skipIf(process.platform === 'win32')(
    'that takes no more leaves nothing half written',
    async () => {
      const model = at('full', 'model.onnx');
      await mkdir(at('full'));
      await writeFile(at('full', 'mine.txt'), 'mine');
      expectRefused(
        limited(1, 'export', at('run'), '--out', model),
        /model\.onnx could not be written: .*EFBIG/,
      );
      expect(await readdir(at('full'))).toEqual(['mine.txt']);
      expectRefused(limited(1, ...training(at('full', 'run'))), /could not be written: .*EFBIG/);
      // What was computed is told all the same.
      const words = ['evaluate', at('run'), '--data', at('cells'), '--out', at('full', 'scores'), '--json'];
      const scored = limited(1, ...words);
      expectRefused(scored, /could not be written: .*EFBIG/);
      expect(JSON.parse(scored.stdout)).toMatchObject({ samples: 8, error: { code: 'write-failed' } });
    },
    TIME,
  );

  it(
    'that is gone in the middle ends the training with a word, at whatever moment',
    async () => {
      const words = ['--epochs', '400', '--log', 'csv,tensorboard'];
      const moments = Array.from({ length: LONG || 2 }, (_, i) => i);
      const goneAt = async (moment: number): Promise<void> => {
        const out = at(`gone-${moment}`);
        // Every other one with the pictures and the report of a run.
        const picturesToo = (word: string) => moment % 2 === 0 || word !== '--no-pictures';
        const child = program.start(...training(out, ...words).filter(picturesToo));
        let stderr = '';
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
        while (
          child.exitCode === null &&
          (await new RunFolder(out).pointed('last').catch(() => undefined)) === undefined
        ) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await new Promise((resolve) => setTimeout(resolve, (moment * 7) % 60));
        await rename(out, at(`elsewhere-${moment}`));
        expectRefused(
          { code: (await ended) ?? -1, stdout: '', stderr },
          /could not be written: its folder does not exist \(any more\)/,
        );
        // Nothing is written where the disk was.
        expect(await readdir(out).catch(() => [])).toEqual([]);
      };
      if (LONG) for (const moment of moments) await goneAt(moment);
      else await Promise.all(moments.map(goneAt));
    },
    TIME,
  );

  it.runIf(LONG > 0 && process.platform === 'linux' && process.getuid?.() === 0)(
    'that is full, read-only or unmounted is named, under every command that writes',
    async () => {
      const mount = at('mount');
      await mkdir(mount);
      const commands: Record<string, string[]> = {
        train: training(join(mount, 'run')),
        predict: [
          'predict',
          at('run'),
          at('cells', 'images'),
          '--out',
          join(mount, 'masks'),
          '--overlay',
          '--probabilities',
        ],
        export: ['export', at('run'), '--out', join(mount, 'model.onnx')],
        report: ['report', at('run'), '--out', join(mount, 'report.html')],
        evaluate: ['evaluate', at('run'), '--data', at('cells'), '--out', join(mount, 'scores')],
        'lr-find': ['lr-find', '--data', at('cells'), ...TINY.slice(0, -2), '--out', join(mount, 'lr')],
        'doctor --out': ['doctor', '--data', at('cells'), '--out', join(mount, 'sheets')],
        'doctor --fix': ['doctor', '--data', at('cells'), '--fix', join(mount, 'fixed')],
        fetch: ['fetch', 'oxford-pets', '--to', join(mount, 'pets')],
      };
      const found: Record<string, string> = {};
      for (const [name, words] of Object.entries(commands)) {
        for (const room of ['full', 'read-only', 4, 12, 24] as const) {
          const size = typeof room === 'number' ? `${room}k` : '64k';
          execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'pixelwise-faults', mount]);
          try {
            await writeFile(join(mount, 'mine.txt'), 'mine');
            if (room === 'full') await fill(mount);
            if (room === 'read-only') execFileSync('mount', ['-o', 'remount,ro', mount]);
            const before = await contentOf(mount);
            const ended = await program.run(...words);
            const what = `${name} on a disk that is ${room}`;
            found[what] = `${ended.code} ${ended.stderr.trim().split('\n').at(-1)}`;
            if (ended.code === 0) continue;
            expect(ended.stderr, what).toMatch(/full \(ENOSPC\)|read-only \(EROFS\)|could not be fetched/);
            expect(ended.stderr, what).not.toMatch(/should not happen|\n\s+at /);
            const after = await contentOf(mount);
            for (const [file, content] of Object.entries(before))
              expect(after[file], `${what}: ${file}`).toBe(content);
            // Half a file would be a temporary one that was left.
            expect(
              Object.keys(after).filter((file) => /partial|\.lock/.test(file)),
              what,
            ).toEqual([]);
          } finally {
            execFileSync('umount', ['-l', mount]);
          }
        }
      }
      console.log(JSON.stringify(found, null, 1));
    },
    TIME,
  );

  async function fill(path: string): Promise<void> {
    for (let i = 0; ; i++) {
      try {
        await writeFile(join(path, `filler-${i}`), new Uint8Array(4096));
      } catch {
        return;
      }
    }
  }
});

it.runIf(LONG > 0)('a run of the version before checksums still loads, with a word', async () => {
  const old = at('old');
  await cp(at('run'), old, { recursive: true });
  for (const name of await new RunFolder(old).checkpointNames()) {
    await rm(join(old, 'checkpoints', name, 'SHA256SUMS'));
    for (const pointer of ['best', 'last']) await writeFile(join(old, 'checkpoints', pointer), `${name}\n`);
  }
  const { code, stderr } = await program.run('predict', old, at('cells', 'images'), '--out', at('old-masks'));
  expect(code).toBe(0);
  expect(stderr).toContain('was written by an earlier version, without checksums');
});
