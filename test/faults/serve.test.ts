/**
 * `pixelwise serve` among hostile clients: the others get right answers, and the server lives on. The suite runs every
 * attack once. `PIXELWISE_FAULTS=180 npx vitest run test/faults/serve` runs 32 clients for so many seconds, four of
 * them hostile, and prints the answers, the longest wait for `/health` and the memory.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeMask } from '../../src/images/decode-mask.js';
import { encodeImage } from '../../src/images/encode.js';
import { exportGraph, Segmenter } from '../../src/inference/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import { buildProgram, type BuiltProgram } from '../built-program.js';
import { testImage, tinyCard, tinyUNet } from '../inference/tiny-model.js';
import { attacks, send } from './hostile-clients.js';

const SECONDS = Number(process.env['PIXELWISE_FAULTS'] ?? 0);
const CLIENTS = 32;
const HOSTILE = 4;

let program: BuiltProgram;
let place: string;
let model: string;
let picture: Uint8Array;
let expected: Uint8Array;

beforeAll(async () => {
  program = await buildProgram();
  place = await mkdtemp(join(tmpdir(), 'pixelwise-hostile-'));
  model = join(place, 'model.onnx');
  const card = tinyCard(21);
  const { model: unet, state } = tinyUNet(card);
  const bytes = encodeModel(exportGraph(unet, state, card));
  await writeFile(model, bytes);
  const image = testImage(320, 240);
  picture = await encodeImage(image);
  await using segmenter = await Segmenter.load(bytes);
  expected = (await segmenter.segment(image)).mask.data;
}, 120_000);
afterAll(async () => {
  await program.remove();
  await rm(place, { recursive: true, force: true });
});

/** Resident memory of a process in MiB; undefined where the system does not tell. */
function residentMemory(pid: number): number | undefined {
  try {
    const pages = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return pages ? Number(pages[1]) / 1024 : undefined;
  } catch {
    return undefined;
  }
}

/** Sends the picture. @returns the status: 200 for the right mask, or that there was no room or time for it. */
async function honest(port: number): Promise<number> {
  const { status, body } = await send(port, { path: '/segment', body: picture });
  if (status === 503 || status === 504) return status;
  expect(status, body.toString('utf8', 0, 300)).toBe(200);
  const { data } = await decodeMask(new Uint8Array(body));
  expect(data.every((value, i) => value === expected[i])).toBe(true);
  return status;
}

it(
  'a server under attack gives the others right answers, and its memory back',
  async () => {
    const child = program.start('serve', model, '--port', '0', '--json', '--threads', SECONDS ? '2' : '1');
    let [stdout, stderr] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
    try {
      await new Promise<void>((resolve, reject) => {
        child.on('exit', () => reject(new Error(stderr)));
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          stdout += text;
          if (stdout.trimEnd().endsWith('}')) resolve();
        });
      });
      const { port } = JSON.parse(stdout) as { port: number };
      expect(await honest(port)).toBe(200);
      const idle = residentMemory(child.pid!) ?? 0;
      const answers: Record<string, number> = {};
      const count = (what: string): void => void (answers[what] = (answers[what] ?? 0) + 1);
      const health: number[] = [];
      /** What the hostile clients are at, and what they were at when an answer came late. */
      const going = new Set<string>();
      const late: string[] = [];
      const memory: number[] = [];
      let over = false;
      const watch = async (): Promise<void> => {
        const file = new URL('./health-watch.mjs', import.meta.url);
        const watcher = new Worker(file, { workerData: { port }, execArgv: [] });
        const failures: unknown[] = [];
        watcher.on('message', ({ status, milliseconds }: { status: unknown; milliseconds: number }) => {
          if (status !== 200) failures.push(status);
          health.push(milliseconds);
          if (milliseconds > 150) late.push(`${milliseconds.toFixed(0)} ms: ${[...going].join(', ')}`);
          memory.push(residentMemory(child.pid!) ?? 0);
        });
        while (!over) await wait(100);
        await watcher.terminate();
        expect(failures).toEqual([]);
        expect(health.length).toBeGreaterThan(0);
      };
      const client = async (): Promise<void> => {
        while (!over) {
          const status = await honest(port);
          count(`honest → ${status}`);
          if (status !== 200) await wait(200);
        }
      };
      const list = Object.entries(SECONDS ? attacks(15_000) : attacks(500, 0.05));
      const attack = async ([name, act]: (typeof list)[number]): Promise<void> => {
        going.add(name);
        const outcome = await act(port).catch((error: Error) => error.message);
        going.delete(name);
        count(`${name} → ${outcome}`);
        // What is no image is refused as such; what is one is segmented, or there is no room for it.
        expect(outcome, name).toMatch(/^(200|400|413|415|422|503|504|left|was cut off)$/);
      };
      let next = 0;
      const hostile = async (): Promise<void> => {
        const turns = () => (SECONDS ? !over : next < list.length);
        while (turns()) await attack(list[next++ % list.length]!);
      };
      const attackers = Promise.all(Array.from({ length: SECONDS ? HOSTILE : 3 }, hostile));
      const others = Promise.all([
        watch(),
        ...Array.from({ length: SECONDS ? CLIENTS - HOSTILE : 2 }, client),
      ]);
      if (SECONDS) await Promise.race([wait(SECONDS * 1000), others]);
      else await Promise.race([attackers, others]);
      over = true;
      await Promise.all([attackers, others]);
      expect(await honest(port)).toBe(200);
      // Nothing of the machine was told to anybody, and nothing of the server's own failed.
      expect(stderr).not.toMatch(/\s500\s|should not happen/);
      expect(answers['honest → 200']).toBeGreaterThan(0);
      if (SECONDS) {
        const sorted = health.toSorted((a, b) => a - b);
        const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
        const sixths = Array.from({ length: 6 }, (_, i) => {
          const part = memory.slice((i * memory.length) / 6, ((i + 1) * memory.length) / 6);
          return `${(mean(part) - idle).toFixed(0)}`;
        });
        console.table(answers);
        if (late.length > 0) console.log(`/health came late:\n${late.join('\n')}`);
        console.log(
          `/health: longest ${sorted.at(-1)!.toFixed(0)} ms, 99% ${sorted[Math.floor(sorted.length * 0.99)]!.toFixed(0)} ms of ${sorted.length}; ` +
            `memory: idle ${idle.toFixed(0)} MiB, most + ${(Math.max(...memory) - idle).toFixed(0)}, ` +
            `means of six equal parts of the time + ${sixths.join(', ')}`,
        );
      }
    } finally {
      child.kill('SIGTERM');
    }
    expect(await exited).toBe(0);
  },
  SECONDS ? SECONDS * 3000 + 120_000 : 120_000,
);
