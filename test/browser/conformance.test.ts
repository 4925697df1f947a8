/** The conformance suite in a real browser: on WebAssembly, and on WebGPU with no node on the CPU. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe } from 'vitest';
import { conformance } from '../conformance/suite.js';
import { CHROMIUM, launchChromium } from './chromium.js';
import { sendGolden } from './page.js';
import type { PageServer } from './server.js';
import { servePages } from './server.js';

describe.skipIf(CHROMIUM === undefined)('in Chromium (skipped where there is none)', () => {
  let server: PageServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([servePages(), launchChromium()]);
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
      conformance(`onnxruntime-web, ${device} in Chromium`, (each, golden) =>
        page.evaluate(([name, values]) => window.testPage!.check(name, values), [
          each.name,
          sendGolden(golden),
        ] as const),
      );
    });
  }
});
