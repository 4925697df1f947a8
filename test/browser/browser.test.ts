/**
 * A real browser, on WebAssembly and on WebGPU with no node on the CPU: three training steps give the native losses,
 * and WebGPU passes the conformance suite. A case takes a second on a software adapter, which compiles its shaders,
 * so only the cases that cover all operators and one of the training runs are done here. CONFORMANCE=all does all.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WEBGPU } from '../../src/graph/index.js';
import { createNodeRuntime } from '../../src/runtime/node.js';
import { CASES } from '../conformance/cases/index.js';
import { coveringCases } from '../conformance/covering.js';
import { conformance } from '../conformance/suite.js';
import { largestDifference, LOSS_TOLERANCE, TRAINING_RUNS, trainingLosses } from '../conformance/training.js';
import { CHROMIUM, launchChromium } from './chromium.js';
import { sendGolden } from './page.js';
import type { PageServer } from './server.js';
import { servePages } from './server.js';

const ALL = process.env['CONFORMANCE'] === 'all';

describe.skipIf(CHROMIUM === undefined)('in Chromium (skipped where there is none)', () => {
  let server: PageServer;
  let browser: Browser;
  const native: Record<string, readonly number[]> = {};
  beforeAll(async () => {
    [server, browser] = await Promise.all([servePages(), launchChromium('webgpu')]);
    const runtime = await createNodeRuntime({ threads: 1, worker: false });
    for (const name of Object.keys(TRAINING_RUNS)) native[name] = await trainingLosses(name, runtime);
    await runtime.close();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  for (const device of ['wasm', 'webgpu'] as const) {
    describe(device, () => {
      let page: Page;
      beforeAll(async () => {
        page = await browser.newPage();
        await page.goto(server.url(device));
        await page.waitForFunction(() => window.testPage !== undefined);
      });
      afterAll(() => page.close());

      if (device === 'webgpu') {
        conformance(
          'WebGPU',
          (each, golden) =>
            page.evaluate(([name, values]) => window.testPage!.check(name, values), [
              each.name,
              sendGolden(golden),
            ] as const),
          ALL ? CASES : coveringCases(WEBGPU),
        );
      }

      const runs = Object.keys(TRAINING_RUNS);
      for (const name of device === 'wasm' || ALL ? runs : runs.slice(0, 1)) {
        test(`three training steps as natively: ${name}`, async () => {
          const losses = await page.evaluate((run) => window.testPage!.train(run), name);
          expect(largestDifference(losses, native[name]!)).toBeLessThanOrEqual(LOSS_TOLERANCE);
          // A software adapter takes 45 s, most of it for shaders.
        }, 180_000);
      }
    });
  }
});
