/**
 * `pixelwise studio` killed at random moments of painting and training: all that was answered is there again, and every
 * file can be read. `PIXELWISE_FAULTS=100` kills it as often.
 */
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeCells } from '../../src/data/demo-folder.js';
import { readStudioProject } from '../../src/data/index.js';
import { decodeStoredMask } from '../../src/images/decode-mask.js';
import { encodeIndexedPng } from '../../src/images/png-write.js';
import { paintStroke } from '../../src/labels/stroke.js';
import { Random } from '../../src/random/index.js';
import { buildProgram, type BuiltProgram } from '../built-program.js';

const KILLS = Number(process.env['PIXELWISE_FAULTS'] ?? 1);
/** Milliseconds within which the program is killed after it listens. Masks are written 1.5 s after a stroke. */
const LONGEST = KILLS > 1 ? 4000 : 900;
/** Every so often it is killed while it starts and reads its journal. */
const EARLY_EVERY = 5;
const CLASSES = 3;
const SIDE = 48;
const IDS = ['0000.png', '0001.png', '0002.png'];

let program: BuiltProgram;
let folder: string;

beforeAll(async () => {
  program = await buildProgram();
  // The page has a build and a test of its own.
  await mkdir(join(dirname(program.main), '..', 'studio-page'));
  folder = await mkdtemp(join(tmpdir(), 'pixelwise-killed-'));
  await writeCells(folder, { seed: 1, count: IDS.length, width: SIDE, height: SIDE });
  await rm(join(folder, 'masks'), { recursive: true });
  await rm(join(folder, 'classes.txt'));
}, 120_000);
afterAll(async () => {
  await program.remove();
  await rm(folder, { recursive: true, force: true });
});

interface Running {
  /** The address; undefined if the program ended before it listened. */
  readonly url: Promise<string | undefined>;
  kill(): Promise<void>;
}

function start(): Running {
  const words = ['--port', '0', '--json', '--threads', '1', '--encoder-weights', 'none'];
  const child = program.start('studio', folder, ...words);
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('exit', (_, signal) => resolve(signal)),
  );
  const url = new Promise<string | undefined>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.trimEnd().endsWith('}')) resolve((JSON.parse(stdout) as { url: string }).url);
    });
    void exited.then(() => resolve(undefined));
  });
  return {
    url,
    kill: async () => {
      child.kill('SIGKILL');
      // Another end would be one of its own.
      expect(await exited, stderr).toBe('SIGKILL');
    },
  };
}

/** Labels as they must be: all that was answered, and perhaps the change that was on its way. */
class Expected {
  readonly labels = new Map(IDS.map((id) => [id, new Uint8Array(SIDE * SIDE).fill(255)]));
  pending: { readonly id: string; readonly after: Uint8Array<ArrayBuffer> } | undefined;
  answered = 0;

  begin(id: string, change: (labels: Uint8Array) => void): Uint8Array<ArrayBuffer> {
    const after = this.labels.get(id)!.slice();
    change(after);
    this.pending = { id, after };
    return after;
  }

  end(): void {
    const { id, after } = this.pending!;
    this.labels.set(id, after);
    this.pending = undefined;
    this.answered++;
  }

  /** Compares with what the studio has, and takes note whether the last change arrived. */
  async check(url: string, round: number): Promise<void> {
    for (const [id, labels] of this.labels) {
      const answer = await fetch(`${url}api/images/${id}/labels?as=raw`);
      const found = new Uint8Array(await answer.arrayBuffer());
      const arrived = this.pending?.id === id && same(found, this.pending.after);
      expect(arrived || same(found, labels), `${id} after kill ${round}`).toBe(true);
      this.labels.set(id, found);
    }
    this.pending = undefined;
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Strokes, replaced labels and pauses, until the program is gone. */
async function paint(url: string, expected: Expected, random: Random): Promise<void> {
  const send = async (path: string, init: RequestInit): Promise<void> => {
    const answer = await fetch(`${url}api/images/${path}`, init);
    expect(answer.status, await answer.text()).toBe(200);
    expected.end();
  };
  try {
    for (;;) {
      const id = IDS[random.integer(IDS.length)]!;
      const what = random.float();
      if (what < 0.06) await wait(1600);
      else if (what < 0.14) {
        const data = expected.begin(id, (labels) => labels.fill(random.integer(CLASSES), 0, SIDE * 8));
        const body = (await encodeIndexedPng({ width: SIDE, height: SIDE, data })) as Uint8Array<ArrayBuffer>;
        await send(`${id}/labels`, { method: 'PUT', body });
      } else {
        const point = (): [number, number] => [random.integer(SIDE), random.integer(SIDE)];
        const stroke = {
          class: random.float() < 0.1 ? 255 : random.integer(CLASSES),
          radius: random.integer(5),
          points: [point(), point()],
        };
        expected.begin(id, (labels) => paintStroke(labels, SIDE, SIDE, stroke));
        await send(`${id}/strokes`, { method: 'POST', body: JSON.stringify(stroke) });
      }
      await wait(random.integer(30));
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Waits for the first step of a model. */
async function learned(url: string): Promise<void> {
  for (let step = 0; step === 0; await wait(20)) {
    ({ step } = (await (await fetch(`${url}api/training`)).json()) as { step: number });
  }
}

/** Every file that is there can be read. */
async function expectWhole(round: number): Promise<void> {
  for (const name of await readdir(join(folder, 'masks')).catch(() => [])) {
    if (!name.endsWith('.png') || name.startsWith('.')) continue;
    const { width, height, data } = await decodeStoredMask(await readFile(join(folder, 'masks', name)));
    expect([width, height], `${name} after kill ${round}`).toEqual([SIDE, SIDE]);
    expect(data.every((value) => value < CLASSES || value === 255)).toBe(true);
  }
  const { classes } = await readStudioProject(join(folder, 'pixelwise.json'));
  expect(classes.length).toBe(CLASSES);
}

it(
  `the studio, killed while it is painted on and learns (${KILLS}×), loses nothing that it answered`,
  async () => {
    const random = new Random(7, 'kills');
    const expected = new Expected();
    for (let round = 0; round <= KILLS; round++) {
      if (round % EARLY_EVERY === EARLY_EVERY - 1) {
        const early = start();
        await wait(random.integer(1500));
        await early.kill();
        await expectWhole(round);
      }
      const studio = start();
      const url = (await studio.url)!;
      if (round === 0) {
        const classes = Array.from({ length: CLASSES }, (_, k) => ({ name: `class ${k}` }));
        const answer = await fetch(`${url}api/classes`, {
          method: 'POST',
          body: JSON.stringify({ classes }),
        });
        expect(answer.status).toBe(200);
      } else await expected.check(url, round);
      const painting = paint(url, expected, random);
      await wait(random.integer(LONGEST));
      // Every other time when it has learned something.
      if (round % 2 === 1) await learned(url);
      await studio.kill();
      await painting;
      await expectWhole(round);
    }
    expect(expected.answered).toBeGreaterThan(KILLS);
  },
  60_000 + KILLS * 20_000,
);
