/** The conformance suite on onnxruntime-node: on the calling thread, and in its worker. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CPU, PORTABLE } from '../../src/graph/index.js';
import type { Runtime } from '../../src/runtime/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { CASES } from './cases/index.js';
import { checkCase } from './check.js';
import { conformance, GOLDEN } from './suite.js';

test('every case has golden values, and every golden value a case', () => {
  expect(CASES.map(({ name }) => name).sort()).toEqual([...GOLDEN.keys()].sort());
});

describe('on the calling thread', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createNodeRuntime({ threads: 1, worker: false });
  });
  afterAll(() => runtime.close());
  conformance('onnxruntime-node', (each, golden) => checkCase(each, golden, runtime));
});

describe('with standard operators only, as in exported files', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createNodeRuntime({ threads: 1, worker: false, target: PORTABLE });
  });
  afterAll(() => runtime.close());
  conformance('onnxruntime-node', (each, golden) => checkCase(each, golden, runtime));
});

// The worker is a file of the compiled package; what graphs are lowered for comes from the sources.
const compiled = new URL('../../dist/runtime/node.js', import.meta.url);

describe.skipIf(!existsSync(compiled))('in a worker (skipped until the package is built)', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    const module = (await import(compiled.href)) as { createNodeRuntime: typeof createNodeRuntime };
    runtime = await module.createNodeRuntime({ threads: 1, worker: true, target: CPU });
  });
  afterAll(() => runtime.close());
  conformance('onnxruntime-node', (each, golden) => checkCase(each, golden, runtime));
});
