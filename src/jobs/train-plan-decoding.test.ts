/** How often files are decoded before the first step. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeFolder, temporaryFolder } from '../../test/support/made-data.js';
import { type DecodeKind, shareDecoding } from '../images/decode-cache.js';
import type { NamedTrainOptions } from './train-options.js';
import { planTraining } from './train-plan.js';

const COUNT = 20;
/** Options that read the most: every mask for class weights and the threshold, every image for normalisation. */
const EVERYTHING = {
  classWeights: 'auto',
  normalize: 'dataset',
  threshold: 'auto',
} as const;

let root: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: root, remove } = await temporaryFolder());
  await makeFolder(join(root, 'data'), { count: COUNT, values: [0, 255] });
  process.env['PIXELWISE_CACHE'] = join(root, 'cache');
});
afterAll(async () => {
  delete process.env['PIXELWISE_CACHE'];
  await remove();
});

async function decodes(maxBytes?: number): Promise<number[]> {
  const times = new Map<string, number>();
  const onDecode = (path: string, kind: DecodeKind) => {
    times.set(`${kind} ${path}`, (times.get(`${kind} ${path}`) ?? 0) + 1);
  };
  const options: NamedTrainOptions = { data: join(root, 'data'), ...EVERYTHING };
  await shareDecoding(() => planTraining(options), { onDecode, ...(maxBytes !== undefined && { maxBytes }) });
  expect(times.size).toBe(2 * COUNT);
  return [...times.values()];
}

it('decodes every file once before the first step', async () => {
  expect(Math.max(...(await decodes()))).toBe(1);
});

it('decodes files again where memory is short', async () => {
  expect(Math.max(...(await decodes(0)))).toBeGreaterThan(2);
});
