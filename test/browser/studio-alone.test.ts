/** The studio's page without a server of ours: a folder opened in the browser, learning in its worker, its storage. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeMask } from '../../src/images/decode-mask.js';
import { encodeImage } from '../../src/images/encode.js';
import { Segmenter } from '../../src/inference/index.js';
import { openDataset } from '../../src/data/index.js';
import { writeStaticStudio } from '../../src/studio/index.js';
import { buildBrowser, buildStudioPage } from './built-page.js';
import { CHROMIUM, launchChromium } from './chromium.js';

const SIDE = 64;
const COUNT = 4;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Red left of the middle, blue right of it, with a little structure. */
function picture(seed: number): Promise<Uint8Array> {
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const left = i % SIDE < SIDE / 2;
    const grain = (i * 31 + seed * 17) % 23;
    data.set([left ? 180 + grain : 40, 60 + grain, left ? 40 : 180 + grain], 3 * i);
  }
  return encodeImage({ width: SIDE, height: SIDE, channels: 3, data });
}

describe.skipIf(CHROMIUM === undefined)('the studio alone (skipped without Chromium)', () => {
  let place: string;
  let server: Server;
  let address: string;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const troubles: string[] = [];

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'pixelwise-studio-alone-'));
    const built = { page: join(place, 'built'), browser: join(place, 'browser') };
    [browser] = await Promise.all([
      launchChromium('webgl'),
      buildBrowser(built.browser),
      buildStudioPage(built.page),
    ]);
    const folder = await writeStaticStudio(join(place, 'site'), built);
    server = createServer((request, response) => {
      const name = new URL(request.url!, 'http://x').pathname.slice(1) || 'index.html';
      readFile(join(folder, name)).then(
        (bytes) => response.setHeader('content-type', TYPES[extname(name)] ?? 'text/plain').end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await mkdir(join(place, 'photos', 'images'), { recursive: true });
    for (let i = 0; i < COUNT; i++) {
      await writeFile(join(place, 'photos', 'images', `${i}.png`), await picture(i));
    }
    await writeFile(join(place, 'photos', 'images', 'scan.tif'), 'not for browsers');
    await mkdir(join(place, 'more'));
    await writeFile(join(place, 'more', 'a.png'), await picture(9));
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('request', (request) => {
      const own = [address, `blob:${address}`, 'blob:null'].some((start) => request.url().startsWith(start));
      if (!own) troubles.push(`asked for ${request.url()}`);
    });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await new Promise((closed) => (server ? server.close(closed) : closed(undefined)));
    await rm(place, { recursive: true });
  });

  async function open(): Promise<void> {
    await page.goto(address);
    await page.waitForSelector('body[data-state=choosing]');
    await page.locator('#folder').setInputFiles(join(place, 'photos'));
    await page.waitForSelector('body[data-state=ready]');
  }

  /** Where a pixel of the image is in the window, with the image shown whole. */
  async function placeOf(x: number, y: number): Promise<[number, number]> {
    const box = (await page.locator('#frame').boundingBox())!;
    const scale = Math.min((box.width - 32) / SIDE, (box.height - 32) / SIDE);
    return [
      box.x + box.width / 2 + (x + 0.5 - SIDE / 2) * scale,
      box.y + box.height / 2 + (y + 0.5 - SIDE / 2) * scale,
    ];
  }

  async function stroke(key: string, x: number): Promise<void> {
    await page.locator('#frame').focus();
    await page.keyboard.press(key);
    await page.mouse.move(...(await placeOf(x, 20)));
    await page.mouse.down();
    await page.mouse.move(...(await placeOf(x, 44)), { steps: 4 });
    await page.mouse.up();
  }

  async function name(text: string): Promise<void> {
    await page.locator('#add-class').click();
    await page.locator('#class-name').fill(text);
    await page.locator('#class-save').click();
    await page.locator('#class-dialog').waitFor({ state: 'hidden' });
  }

  async function saved(button: string): Promise<Uint8Array> {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
    return new Uint8Array(await readFile(await download.path()));
  }

  test('labels, learns, keeps its work and gives masks and model, asking nothing of any other server', async () => {
    await open();
    expect(await page.locator('#project-name').textContent()).toBe('photos');
    // The first class that is named gets a background beside it.
    await name('blue');
    await stroke('1', 16);
    await stroke('2', 48);
    await page.waitForSelector('#saving[data-kind=saved]');
    await page.waitForSelector('body[data-step]', { timeout: 60_000 });

    const masks = unzipSync(await saved('#save-run'));
    const kept = await decodeMask(masks['masks/0.png']!);
    expect([kept.width, kept.height]).toEqual([SIDE, SIDE]);
    expect([kept.data[32 * SIDE + 16], kept.data[32 * SIDE + 48], kept.data[0]]).toEqual([0, 1, 255]);

    // The archive beside the images is a data set of the studio.
    const folder = join(place, 'photos');
    for (const [path, bytes] of Object.entries(masks)) {
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), bytes);
    }
    const dataset = await openDataset({ root: folder });
    expect([dataset.format, [...dataset.classes], dataset.length]).toEqual([
      'studio',
      ['background', 'blue'],
      1,
    ]);

    const model = await Segmenter.load(await saved('#save-onnx'));
    const { mask } = await model.segment(await picture(3));
    const wrong = mask.data.filter((value, i) => value !== Number(i % SIDE >= SIDE / 2));
    expect(wrong.length / mask.data.length).toBeLessThan(0.1);
    await model.close();

    // Opened again: the labels are still there.
    await page.waitForSelector('#saving[data-kind=saved]');
    await open();
    const again = unzipSync(await saved('#save-run'));
    expect(again['masks/0.png']).toEqual(masks['masks/0.png']);
    expect(troubles).toEqual([]);
  }, 240_000);

  test('a folder that could not be opened leaves no worker behind, and can be opened again', async () => {
    const other = await context.newPage();
    const learners = () => other.workers().filter((worker) => worker.url().includes('page-learner'));
    await other.route('**/*.wasm', (route) => route.fulfill({ status: 503 }));
    await other.goto(address);
    await other.waitForSelector('body[data-state=choosing]');
    await other.locator('#folder').setInputFiles(join(place, 'more'));
    await other.getByText('the server answered 503').waitFor();
    await expect.poll(() => learners().length).toBe(0);
    await other.unroute('**/*.wasm');
    await other.locator('#folder').setInputFiles(join(place, 'more'));
    await other.waitForSelector('body[data-state=ready]');
    expect(learners().length).toBe(1);
    await other.close();
  }, 60_000);

  test('a folder that is open in another tab is not opened twice', async () => {
    const other = await context.newPage();
    await other.goto(address);
    await other.waitForSelector('body[data-state=choosing]');
    await other.locator('#folder').setInputFiles(join(place, 'photos'));
    await other.getByText('photos is open in another tab').waitFor();
    await other.close();
  }, 60_000);
});
