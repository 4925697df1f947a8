/**
 * The program under mpirun, where there is one: several processes train one model, end together, and share
 * prediction out. The arithmetic is tested without MPI (src/training/replicas.test.ts).
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCells } from '../../src/data/demo-folder.js';
import { decodeSafetensors, floatTensors } from '../../src/weights/index.js';
import { buildProgram, type BuiltProgram, type Ended } from '../built-program.js';
import { temporaryFolder } from '../support/made-data.js';

function versionOfMpirun(): string | undefined {
  try {
    return execFileSync('mpirun', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

const version = versionOfMpirun();
if (version === undefined) process.stderr.write('mpirun is not installed: tests under it are left out\n');

/** Open MPI wants to be told that it may run as root, and start more ranks than there are cores. */
const OPEN = version?.includes('Open MPI') ? ['--allow-run-as-root', '--oversubscribe'] : [];

describe.skipIf(version === undefined)(
  'under mpirun',
  () => {
    let program: BuiltProgram;
    let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
    beforeAll(async () => {
      temporary = await temporaryFolder();
      program = await buildProgram();
      await writeCells(at('cells'), { count: 20, width: 48, height: 48, seed: 4 });
    });
    afterAll(async () => {
      await program.remove();
      await temporary.remove();
    });

    const at = (name: string) => join(temporary.path, name);

    const mpirun = (...words: string[]): Promise<Ended> =>
      new Promise((resolve) => {
        execFile('mpirun', [...OPEN, ...words], { timeout: 100_000 }, (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
        );
      });
    const ranks = (count: number, ...words: string[]) =>
      mpirun('-np', String(count), process.execPath, program.main, ...words);

    const settings = (out: string, batch: number, epochs = 5): string[] => [
      ...[
        'train',
        '--data',
        at('cells'),
        '--out',
        at(out),
        '--batch',
        String(batch),
        '--epochs',
        String(epochs),
      ],
      ...['--width', '4', '--depth', '2', '--size', '32', '--no-batch-norm', '--loss', 'cross-entropy'],
      ...['--val', '0.2', '--threads', '1', '--lr', '0.002', '--no-pictures', '--json'],
    ];

    async function weightsOf(run: string): Promise<Float32Array> {
      const last = (await readFile(join(at(run), 'checkpoints/last'), 'utf8')).trim();
      const path = join(at(run), 'checkpoints', last, 'weights.safetensors');
      const tensors = floatTensors(decodeSafetensors(await readFile(path), path));
      return Float32Array.from(tensors.flatMap(({ data }) => [...data]));
    }

    it('two ranks and four train what one process trains, and one speaks', async () => {
      const alone = await program.run(...settings('alone', 8));
      expect(alone.code).toBe(0);
      const wanted = await weightsOf('alone');
      for (const count of [2, 4]) {
        const run = `of ${count}`;
        const { code, stdout, stderr } = await ranks(count, ...settings(run, 8 / count));
        expect({ code, stderr: stderr.includes(`${count} ranks with ${8 / count} images each`) }).toEqual({
          code: 0,
          stderr: true,
        });
        expect(stderr.match(/^epoch 5\/5/gm)).toHaveLength(1);
        expect(JSON.parse(stdout)).toMatchObject({ run: at(run), epochs: 5 });
        const weights = await weightsOf(run);
        expect(Math.max(...weights.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-4);
      }
      const config = JSON.parse(await readFile(join(at('of 2'), 'config.json'), 'utf8')) as object;
      expect(config).toMatchObject({ training: { batch: 8 }, machine: { ranks: 2 } });
    });

    it('a rank that is killed is named, and the run goes on as if it had not been', async () => {
      const whole = await ranks(2, ...settings('whole', 4, 40));
      expect(whole.code).toBe(0);
      const words = ['-np', '2', process.execPath, program.main, ...settings('cut', 4, 40)];
      const child = spawn('mpirun', [...OPEN, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
      let errors = '';
      let killed = 0;
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        errors += text;
        if (killed > 0 || !errors.includes('epoch  3/40')) return;
        const pids = execFileSync('pgrep', ['-f', at('cut')], { encoding: 'utf8' })
          .trim()
          .split('\n');
        const second = pids.find((pid) => isRank(pid, 1));
        killed = Number(second);
        process.kill(killed, 'SIGKILL');
      });
      const began = performance.now();
      const code = await new Promise((resolve) => child.on('close', resolve));
      expect(code).not.toBe(0);
      expect(performance.now() - began).toBeLessThan(60_000);
      expect(errors).toMatch(new RegExp(`rank 1 on \\S+ \\(process ${killed}\\) is gone|rank 1 with PID`));
      const left = (await readdir(at('cut'), { recursive: true })).filter((name) => name.includes('partial'));
      expect(left).toEqual([]);
      const resumed = await ranks(2, ...settings('cut', 4, 40), '--resume');
      expect(resumed.code).toBe(0);
      expect(await weightsOf('cut')).toEqual(await weightsOf('whole'));
    });

    it('ranks with different data end with one error', async () => {
      await cp(at('cells'), at('other'), { recursive: true });
      await rm(join(at('other'), 'images', '0007.png'));
      await rm(join(at('other'), 'masks', '0007.png'));
      const of = (data: string) => [
        ...['-np', '1', process.execPath, program.main],
        ...settings('differs', 4).map((word) => (word === at('cells') ? at(data) : word)),
      ];
      const { code, stderr } = await mpirun(...of('cells'), ':', ...of('other'));
      expect(code).not.toBe(0);
      expect(stderr.match(/error: The ranks differ in the samples/g)).toHaveLength(1);
      expect(stderr).toMatch(/rank 0 on \S+: [0-9a-f]+; rank 1 on \S+: [0-9a-f]+/);
    });

    it('masks and scores of two ranks are those of one process', async () => {
      await program.run(...settings('model', 8, 1));
      await cp(join(at('cells'), 'images'), at('inputs'), { recursive: true });
      await cp(join(at('cells'), 'classes.txt'), join(at('inputs'), 'damaged.png'));
      const predict = (out: string) => ['predict', at('model'), at('inputs'), '--out', at(out), '--json'];
      const [one, two] = [await program.run(...predict('masks 1')), await ranks(2, ...predict('masks 2'))];
      expect([one.code, two.code]).toEqual([1, 1]);
      for (const name of await readdir(at('masks 1'))) {
        expect(await readFile(join(at('masks 2'), name))).toEqual(await readFile(join(at('masks 1'), name)));
      }
      interface Told {
        readonly outputs: readonly { readonly input: string }[];
        readonly failures: readonly { readonly input: string }[];
      }
      const inputs = (text: string) => {
        const { outputs, failures } = JSON.parse(text) as Told;
        return [outputs.map(({ input }) => input), failures.map(({ input }) => input)];
      };
      expect(inputs(two.stdout)).toEqual(inputs(one.stdout));
      expect(inputs(two.stdout)[1]).toEqual([join(at('inputs'), 'damaged.png')]);

      const evaluate = ['evaluate', at('model'), '--data', at('cells'), '--json'];
      expect((await ranks(2, ...evaluate)).stdout).toBe((await program.run(...evaluate)).stdout);
    });

    it('rank 0 alone does what is not shared out', async () => {
      const { stdout } = await ranks(2, 'summary', 'unet', '--json');
      expect(JSON.parse(stdout)).toMatchObject({ model: 'unet' });
    });
  },
  120_000,
);

/** Whether a process is the program itself, as rank `rank`. */
function isRank(pid: string, rank: number): boolean {
  try {
    const environment = execFileSync('cat', [`/proc/${pid}/environ`], { encoding: 'latin1' });
    return environment.split('\0').includes(`OMPI_COMM_WORLD_RANK=${rank}`);
  } catch {
    return false;
  }
}
