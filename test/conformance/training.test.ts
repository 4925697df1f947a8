/** Three training steps of small U-Nets on WebAssembly in Node give the native losses. */
import * as ort from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/runtime/index.js';
import { createWebRuntime } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { largestDifference, LOSS_TOLERANCE, TRAINING_RUNS, trainingLosses } from './training.js';

describe('three training steps of a U-Net', () => {
  let native: Runtime;
  let wasm: Runtime;
  beforeAll(async () => {
    native = await createNodeRuntime({ threads: 1, worker: false });
    ort.env.wasm.numThreads = 1;
    wasm = createWebRuntime(ort);
  });
  afterAll(() => Promise.all([native.close(), wasm.close()]));

  for (const name of Object.keys(TRAINING_RUNS)) {
    test(`on WebAssembly as natively: ${name}`, async () => {
      const wanted = await trainingLosses(name, native);
      const losses = await trainingLosses(name, wasm);
      expect(largestDifference(losses, wanted)).toBeLessThanOrEqual(LOSS_TOLERANCE);
      // The comparison is worth something: the network learns on the way.
      expect(wanted.at(-1)).toBeLessThan(wanted[0]! * 0.98);
    });
  }
});
