/**
 * Uses a run in a process that knows nothing of its model: predicts, scores, exports in every precision and
 * serves. Arguments: the run's folder, a folder for results. Prints one line of JSON.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeImage } from '../../src/images/encode.js';
import { evaluate, exportRun, Segmenter } from '../../src/inference/index.js';
import { startServer } from '../../src/serve/index.js';
import { memoryDataset } from './memory-dataset.js';
import { testImage } from './tiny-model.js';

const [run, out] = process.argv.slice(2) as [string, string];
const threads = 1;
const image = testImage(61, 47);
const hash = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

async function maskOf(source: string): Promise<string> {
  const segmenter = await Segmenter.load(source, { threads });
  const { mask } = await segmenter.segment(image);
  await segmenter.close();
  return hash(mask.data);
}

const segmenter = await Segmenter.load(run, { threads });
const data = memoryDataset(segmenter.card.classes, [
  [40, 30],
  [32, 32],
]);
const { meanIoU } = await evaluate(segmenter, data);
await segmenter.close();

const file = (name: string) => join(out, `${name}.onnx`);
await exportRun(run, { out: file('float32') });
await exportRun(run, { out: file('fixed'), size: { height: 47, width: 61 } });
await exportRun(run, { out: file('bare'), bare: true });
const reduced: Record<string, number | null | undefined> = {};
for (const precision of ['float16', 'int8'] as const) {
  const exported = await exportRun(run, {
    out: file(precision),
    precision,
    calibration: data,
    validation: data,
  });
  reduced[precision] = exported.precision?.meanIoU;
}

const page = join(out, 'page');
await mkdir(page);
await writeFile(join(page, 'index.html'), '<!doctype html><title>page</title>');
const server = await startServer(run, { port: 0, threads, folders: { page, browser: page } });
const body = Uint8Array.from(await encodeImage(image));
const answer = await fetch(`${server.url}segment`, {
  method: 'POST',
  body,
  headers: { 'content-type': 'image/png' },
});
const served = answer.status;
await server.close();

const masks = {
  run: await maskOf(run),
  float32: await maskOf(file('float32')),
  fixed: await maskOf(file('fixed')),
};
process.stdout.write(`${JSON.stringify({ meanIoU, reduced, served, masks })}\n`);
