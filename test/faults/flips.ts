/** Damages one byte after another of a run folder and looks at what becomes of it: an error, a word, or silence. */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeCells } from '../../src/data/demo-folder.js';
import { openDataset } from '../../src/data/index.js';
import { PixelwiseError } from '../../src/errors/index.js';
import { evaluate, exportRun, Segmenter } from '../../src/inference/index.js';
import { train } from '../../src/jobs/index.js';
import { Random } from '../../src/random/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import type { Runtime } from '../../src/runtime/index.js';
import { RunFolder } from '../../src/training/index.js';

/** What is made of a run: bytes to compare, and what was said. */
type Use = (run: string, note: (text: string) => void) => Promise<string>;

export interface Flips {
  readonly flips: number;
  /** Uses that failed with an error for people, or said something. */
  readonly told: number;
  /** Uses with the results of the undamaged run: they do not read that file, or it means the same. */
  readonly unharmed: number;
  /** Uses with other results and no word. There must be none. */
  readonly silent: readonly string[];
  /** Uses that failed with an error that is not for people. There must be none. */
  readonly unforeseen: readonly string[];
}

/**
 * Makes a small run in `folder`, interrupted in its third epoch, and flips bits in random places of its files.
 *
 * @param flips how many; every file gets some. @param resumeEvery resume after every n-th flip; the other uses follow
 *   each. @param onProgress called after each flip.
 */
export async function flipFiles(
  folder: string,
  flips: number,
  resumeEvery: number,
  onProgress: (found: Flips) => void = () => undefined,
): Promise<Flips> {
  const data = join(folder, 'cells');
  await writeCells(data, { seed: 1, count: 6, width: 32, height: 32 });
  const run = join(folder, 'run');
  const settings = { data, width: 2, depth: 2, size: 16, batch: 2, augment: 'none', threads: 1 } as const;
  const abort = new AbortController();
  await train({
    ...settings,
    epochs: 3,
    keepEvery: 1,
    out: run,
    signal: abort.signal,
    callbacks: [{ name: 'abort', epochEnd: (_, { epoch }) => void (epoch === 2 && abort.abort()) }],
  });
  const runtime = await createNodeRuntime({ training: false, threads: 1 });
  try {
    const dataset = await openDataset({ root: data });
    const uses: Record<string, Use> = {
      'predict and evaluate': async (path, onNote) => {
        const results: unknown[] = [];
        for (const checkpoint of ['best', 'last'] as const) {
          results.push(await scoresOf(path, checkpoint, dataset, runtime, onNote));
        }
        return JSON.stringify(results);
      },
      export: async (path, onNote) => {
        const out = join(folder, 'model.onnx');
        await rm(out, { force: true });
        await exportRun(path, { out, onNote });
        return (await readFile(out)).toString('base64');
      },
      resume: async (path, onNote) => {
        const copy = join(folder, 'copy');
        await rm(copy, { recursive: true, force: true });
        await cp(path, copy, { recursive: true });
        const notes: string[] = [];
        const { valid } = await train({
          data,
          out: copy,
          resume: true,
          threads: 1,
          pictures: false,
          onNote: (note) => notes.push(note),
        });
        for (const note of notes) if (!usual.has(note)) onNote(note);
        notes.forEach((note) => learnt?.add(note));
        const last = await new RunFolder(copy).checkpointFolder('last');
        const weights = await readFile(join(last, 'weights.safetensors'));
        return `${weights.toString('base64')} ${JSON.stringify(valid)}`;
      },
    };
    const usual = new Set<string>();
    let learnt: Set<string> | undefined = usual;
    const wanted: Record<string, string> = {};
    for (const [name, use] of Object.entries(uses)) wanted[name] = await use(run, () => undefined);
    learnt = undefined;

    const files = (await readdir(run, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    const random = new Random(1, 'flips');
    const counts = { told: 0, unharmed: 0 };
    const [silent, unforeseen]: [string[], string[]] = [[], []];
    for (let flip = 0; flip < flips; flip++) {
      const file = files[flip % files.length]!;
      const bytes = await readFile(file);
      if (bytes.length === 0) continue;
      const at = random.integer(bytes.length);
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1 << random.integer(8);
      await writeFile(file, damaged);
      for (const [name, use] of Object.entries(uses)) {
        if (name === 'resume' && flip % resumeEvery > 0) continue;
        const where = `${name}: ${file.slice(run.length + 1)}, byte ${at} ${bytes[at]} → ${damaged[at]}`;
        let notes = 0;
        try {
          const result = await use(run, () => void notes++);
          if (notes > 0) counts.told++;
          else if (result === wanted[name]) counts.unharmed++;
          else silent.push(where);
        } catch (error) {
          if (error instanceof PixelwiseError) counts.told++;
          else unforeseen.push(`${where}: ${String(error)}`);
        }
      }
      await writeFile(file, bytes);
      onProgress({ flips: flip + 1, ...counts, silent, unforeseen });
    }
    return { flips, ...counts, silent, unforeseen };
  } finally {
    await runtime.close();
  }
}

async function scoresOf(
  path: string,
  checkpoint: 'best' | 'last',
  dataset: Awaited<ReturnType<typeof openDataset>>,
  runtime: Runtime,
  onNote: (note: string) => void,
): Promise<object> {
  const segmenter = await Segmenter.load(path, { checkpoint, runtime, onNote });
  try {
    const { mask } = await segmenter.segment((await dataset.get(0)).image);
    return { mask: [...mask.data], scores: await evaluate(segmenter, dataset, { indices: [1] }) };
  } finally {
    await segmenter.close();
  }
}
