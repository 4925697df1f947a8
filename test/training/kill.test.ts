/** A run killed at random moments, and resumed each time in a new process, ends as one that never stopped. */
import { spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../../src/random/index.js';
import { loadCheckpoint, RunFolder } from '../../src/training/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { temporaryFolder } from '../support/made-data.js';
import { tinyLearner, withoutTimes } from './tiny.js';

const KILLS = 6;

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let child: string;
beforeAll(async () => {
  temporary = await temporaryFolder();
  // Below node_modules, so that packages are found; one bundle starts quicker than a loader.
  child = join(
    fileURLToPath(new URL('../../node_modules/.cache', import.meta.url)),
    `kill-child-${process.pid}.mjs`,
  );
  await build({
    entryPoints: [fileURLToPath(new URL('kill-child.ts', import.meta.url))],
    outfile: child,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
});
afterAll(async () => {
  await temporary.remove();
  await rm(child, { force: true });
});

interface Ending {
  readonly done: boolean;
  readonly killed: boolean;
  readonly errors: string;
}

/** Where a child is killed: so many milliseconds after it has told so many steps. */
interface Moment {
  readonly steps: number;
  readonly milliseconds: number;
}

function runChild(path: string, mode: 'fresh' | 'resume', kill?: Moment): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, [child, path, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    let errors = '';
    let timer: NodeJS.Timeout | undefined;
    process_.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      if (kill && timer === undefined && told.split('\n').length > kill.steps) {
        timer = setTimeout(() => process_.kill('SIGKILL'), kill.milliseconds);
      }
    });
    process_.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    process_.on('error', reject);
    process_.on('close', (_code, signal) => {
      clearTimeout(timer);
      resolve({ done: told.endsWith('done\n'), killed: signal === 'SIGKILL', errors });
    });
  });
}

const files = async (folder: RunFolder, name: string) => {
  const at = folder.checkpoint(name);
  const names = ['weights.safetensors', 'optimizer.safetensors'];
  return Promise.all(names.map((file) => readFile(join(at, file))));
};

const state = async (folder: RunFolder, name: string) => {
  const text = await readFile(join(folder.checkpoint(name), 'state.json'), 'utf8');
  const { fit, ...rest } = JSON.parse(text) as { fit: { history: object[] } };
  return { ...rest, fit: { ...fit, history: withoutTimes(fit.history) } };
};

it(`a run killed ${KILLS} times ends with the bytes of one that never stopped`, async () => {
  const whole = new RunFolder(join(temporary.path, 'whole'));
  expect(await runChild(whole.path, 'fresh')).toMatchObject({ done: true, errors: '' });

  const cut = new RunFolder(join(temporary.path, 'cut'));
  const random = new Random(5, 'kill');
  const runtime = await createNodeRuntime({ worker: false, threads: 1 });
  const seen: string[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    // An epoch has four steps: some of these moments lie inside of one, some in the writing after it.
    const moment = { steps: 1 + random.integer(6), milliseconds: random.float() * 15 };
    const ending = await runChild(cut.path, kill === 0 ? 'fresh' : 'resume', moment);
    expect(ending).toMatchObject({ done: false, killed: true });
    const last = await cut.pointed('last');
    seen.push(last ?? 'none');
    if (last === undefined) continue;
    // At every moment both pointers lead to whole checkpoints.
    for (const pointer of ['last', 'best'] as const) {
      if ((await cut.pointed(pointer)) === undefined) continue;
      const learner = tinyLearner(runtime);
      await loadCheckpoint(await cut.checkpointFolder(pointer), learner);
      await learner.close();
    }
  }
  await runtime.close();
  expect(await runChild(cut.path, 'resume')).toMatchObject({ done: true, errors: '' });
  expect(new Set(seen).size).toBeGreaterThan(2);

  expect(await cut.pointed('last')).toBe('20');
  expect(await cut.pointed('best')).toBe(await whole.pointed('best'));
  expect(await cut.checkpointNames()).toEqual(await whole.checkpointNames());
  for (const name of await whole.checkpointNames()) {
    expect(await files(cut, name)).toEqual(await files(whole, name));
    expect(await state(cut, name)).toEqual(await state(whole, name));
  }
  const lines = async ({ metricsPath }: RunFolder) =>
    withoutTimes(
      (await readFile(metricsPath, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    );
  expect(await lines(cut)).toEqual(await lines(whole));
  const pictures = async ({ path }: RunFolder) => {
    const names = (await readdir(join(path, 'samples'), { recursive: true })).sort();
    const found = names.filter((name) => /\.(json|png|webp)$/.test(name));
    const bytes = await Promise.all(found.map((name) => readFile(join(path, 'samples', name))));
    return { names, bytes: bytes.map((each) => each.toString('base64')) };
  };
  const film = await pictures(whole);
  expect(film.names).toContain(join('film', '20', '3.png'));
  expect(await pictures(cut)).toEqual(film);
  expect(await readFile(join(cut.path, 'film.webp'))).toEqual(await readFile(join(whole.path, 'film.webp')));
  // What kills have left half written is gone.
  const left = (await readdir(cut.path, { recursive: true })).filter((name) => name.includes('partial'));
  expect(left).toEqual([]);
  // Eight processes, one after the other: on a busy machine each takes seconds to start.
}, 300_000);
