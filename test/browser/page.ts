/** What a test page offers to the tests that drive it. */
import type * as Ort from 'onnxruntime-web';
import type { Runtime } from '../../src/runtime/index.js';
import { createWebRuntime } from '../../src/runtime/index.js';
import { CASES } from '../conformance/cases/index.js';
import type { Deviation } from '../conformance/check.js';
import { checkCase } from '../conformance/check.js';
import type { GoldenCase } from '../conformance/golden.js';
import { trainingLosses } from '../conformance/training.js';

/** Values as they cross from the test to the page: plain arrays. */
export type SentGolden = string;

export interface TestPage {
  /** Runs one case of the conformance suite. */
  check(name: string, golden: SentGolden): Promise<readonly Deviation[]>;
  /** Runs one of the training runs, and gives its losses. */
  train(name: string): Promise<readonly number[]>;
}

declare global {
  interface Window {
    testPage?: TestPage;
  }
}

/** A golden case as text, and back. */
export const sendGolden = (golden: GoldenCase): SentGolden =>
  JSON.stringify(golden, (_, value: unknown) =>
    value instanceof Float32Array ? { floats: Array.from(value) } : value,
  );

const receiveGolden = (text: SentGolden): GoldenCase =>
  JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'floats' in value
      ? Float32Array.from(value.floats as number[])
      : value,
  ) as GoldenCase;

/** Opens the runtime and puts the page's offer where the tests find it. */
export function openPage(ort: typeof Ort, device: 'wasm' | 'webgpu'): void {
  ort.env.wasm.wasmPaths = new URL('/ort/', location.href).href;
  ort.env.wasm.numThreads = 1;
  // Strict: a graph of which any node would run elsewhere than on WebGPU is refused.
  const runtime: Runtime = createWebRuntime(ort, { device, strict: true });
  window.testPage = {
    check: (name, golden) =>
      checkCase(
        CASES.find((each) => each.name === name)!,
        receiveGolden(golden),
        runtime,
      ),
    train: (name) => trainingLosses(name, runtime),
  };
}
