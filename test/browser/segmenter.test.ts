/** `pixelwise/browser` in a real browser: every source of pixels, both devices, cancelling, and what goes wrong. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode as decodePng } from 'fast-png';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as InPage from '../../src/browser/index.js';
import { encodeImage } from '../../src/images/encode.js';
import { colorize, drawOverlay, exportGraph, maskToPng, Segmenter } from '../../src/inference/index.js';
import { ModelState } from '../../src/nn/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import type { RunningServer } from '../../src/serve/index.js';
import { startServer } from '../../src/serve/index.js';
import { Brightness, brightnessCard, testImage, tinyCard, tinyUNet } from '../inference/tiny-model.js';
import { buildBrowser } from './built-page.js';
import { CHROMIUM, launchChromium } from './chromium.js';

declare global {
  interface Window {
    pixelwise: typeof InPage;
    segmenter: InPage.Segmenter;
    /** The test's picture, as a file. */
    picture: Blob;
  }
}

const card = tinyCard(3);
const { model, state } = tinyUNet(card);
const file = encodeModel(exportGraph(model, state, card));
const picture = testImage(75, 52);

describe.skipIf(CHROMIUM === undefined)('pixelwise/browser (skipped without Chromium)', () => {
  let place: string;
  let server: RunningServer;
  let browser: Browser;
  let page: Page;
  let expected: { mask: number[]; probabilities: Float32Array };

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'pixelwise-browser-'));
    const folders = { page: join(place, 'page'), browser: join(place, 'browser') };
    [browser] = await Promise.all([launchChromium('webgpu'), buildBrowser(folders.browser)]);
    await writePage(folders.page);
    server = await startServer(file, { port: 0, threads: 1, folders });
    const native = await server.segmenter.segment(picture, { probabilities: true });
    expected = { mask: [...native.mask.data], probabilities: native.probabilities!.data };
    page = await browser.newPage();
    await page.route('**/picture.png', async (route) =>
      route.fulfill({ body: Buffer.from(await encodeImage(picture)), contentType: 'image/png' }),
    );
    await page.goto(server.url);
    await page.waitForFunction(() => window.pixelwise !== undefined);
    await page.evaluate(
      async (base64) => {
        window.segmenter = await window.pixelwise.Segmenter.load('model.onnx');
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        window.picture = new Blob([bytes], { type: 'image/png' });
      },
      Buffer.from(await encodeImage(picture)).toString('base64'),
    );
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(place, { recursive: true, force: true });
  });

  const differences = (mask: readonly number[]) =>
    expected.mask.filter((value, i) => value !== mask[i]).length;

  test('a blob gives mask, probabilities and confidence as Node gives them', async () => {
    const { mask, probabilities, confidence } = await page.evaluate(async () => {
      const result = await window.segmenter.segment(window.picture, {
        probabilities: true,
        confidence: true,
      });
      return {
        mask: [...result.mask.data],
        probabilities: [...result.probabilities!.data],
        confidence: [...result.confidence!],
      };
    });
    expect(differences(mask)).toBeLessThanOrEqual(1);
    const largest = Math.max(
      ...probabilities.map((value, i) => Math.abs(value - expected.probabilities[i]!)),
    );
    expect(largest).toBeLessThan(1e-4);
    expect(confidence).toEqual(mask.map((value, i) => probabilities[value * mask.length + i]));
  });

  test('pictures are those that Node makes', async () => {
    const { width, height, data } = picture;
    const mask = { width, height, data: Uint8Array.from(expected.mask) };
    const inPage = await page.evaluate(
      async ([pixels, classes]) => {
        const { colorize, drawOverlay, imageToPng, maskToPng } = window.pixelwise;
        const [own, image] = [
          { width: 75, height: 52, data: Uint8Array.from(classes) },
          { width: 75, height: 52, channels: 3, data: Uint8Array.from(pixels) },
        ];
        const { card: look } = window.segmenter;
        const drawn = await drawOverlay(image, own, { card: look });
        const legend = await drawOverlay(image, own, { card: look, legend: 'beside' });
        return {
          mask: [...(await maskToPng(own, { card: look }))],
          drawn: [...drawn.data],
          png: [...(await imageToPng(drawn))],
          layer: [...colorize(own, { card: look, opacity: 0.5 }).data],
          legend: [legend.width > 75, legend.height, legend.data.includes(look.palette[1]![1])],
        };
      },
      [[...data], expected.mask] as const,
    );
    expect(inPage.mask).toEqual([...(await maskToPng(mask, { card }))]);
    expect(inPage.drawn).toEqual([...(await drawOverlay(picture, mask, { card })).data]);
    expect([...decodePng(Uint8Array.from(inPage.png)).data]).toEqual(inPage.drawn);
    expect(inPage.layer).toEqual([...colorize(mask, { card, opacity: 0.5 }).data]);
    expect(inPage.legend).toEqual([true, 52, true]);
  });

  test('tiles, test-time augmentation, cleaning and outlines are those of Node', async () => {
    const options = { tile: 48, overlap: 0.25, tta: true, minArea: 20, outlines: true } as const;
    const native = await server.segmenter.segment(picture, options);
    const inPage = await page.evaluate(async (asked) => {
      const own = window.segmenter;
      const { mask, outlines, image } = await own.segment(window.picture, asked);
      const wrong = await own.segment(window.picture, { tiles: 48 } as object).catch(String);
      return { mask: [...mask.data], features: outlines.features.length, image: image.channels, wrong };
    }, options);
    const off = inPage.mask.filter((value, i) => value !== native.mask.data[i]).length;
    expect(off).toBeLessThanOrEqual(1);
    expect(inPage.features).toBe(native.outlines.features.length);
    expect(inPage.image).toBe(3);
    expect(inPage.wrong).toContain('Did you mean "tile"?');
  });

  const SOURCES = [
    'ImageBitmap',
    'canvas',
    'OffscreenCanvas',
    'img',
    'ImageData',
    'VideoFrame',
    'raster',
    'ArrayBuffer',
    'stream',
    'address',
  ] as const;
  test.each(SOURCES)('pixels from %s', async (kind) => {
    const mask = await page.evaluate(async (from) => {
      const bitmap = await createImageBitmap(window.picture);
      const { width, height } = bitmap;
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d')!;
      context.drawImage(bitmap, 0, 0);
      const source = async (): Promise<InPage.ImageSource> => {
        switch (from) {
          case 'ImageBitmap':
            return bitmap;
          case 'canvas':
            return canvas;
          case 'OffscreenCanvas': {
            const off = new OffscreenCanvas(width, height);
            off.getContext('2d')!.drawImage(bitmap, 0, 0);
            return off;
          }
          case 'img': {
            const image = new Image();
            image.src = URL.createObjectURL(window.picture);
            await image.decode();
            return image;
          }
          case 'ImageData':
            return context.getImageData(0, 0, width, height);
          case 'VideoFrame':
            return new VideoFrame(bitmap, { timestamp: 0 });
          case 'ArrayBuffer':
            return window.picture.arrayBuffer();
          case 'stream':
            return window.picture.stream();
          case 'address':
            return './picture.png';
          case 'raster': {
            const { data } = context.getImageData(0, 0, width, height);
            const rgb = new Uint8Array(data.filter((_, i) => i % 4 !== 3));
            return { width, height, channels: 3, data: rgb };
          }
        }
      };
      return [...(await window.segmenter.segment(await source())).mask.data];
    }, kind);
    expect(differences(mask)).toBeLessThanOrEqual(1);
  });

  test('on WebGPU, where it is asked for', async () => {
    // A software adapter takes most of a minute to compile the shaders of a U-Net; its operators have tests of theirs.
    const brightness = new Brightness();
    const bytes = encodeModel(exportGraph(brightness, new ModelState(brightness), brightnessCard(32, 32)));
    const grey = testImage(75, 52, 1);
    await using native = await Segmenter.load(bytes, { threads: 1 });
    const wanted = (await native.segment(grey)).mask.data;
    const { mask, device } = await page.evaluate(
      async ([onnx, pixels]) => {
        const decode = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const own = await window.pixelwise.Segmenter.load(decode(onnx), { device: 'webgpu' });
        const result = await own.segment({ width: 75, height: 52, channels: 1, data: decode(pixels) });
        await own.close();
        return { mask: [...result.mask.data], device: own.device };
      },
      [Buffer.from(bytes).toString('base64'), Buffer.from(grey.data).toString('base64')] as const,
    );
    expect(device).toBe('webgpu');
    expect(wanted.filter((value, i) => value !== mask[i]).length).toBeLessThanOrEqual(2);
    expect(new Set(mask).size).toBe(2);
  }, 180_000);

  test('auto leaves a software adapter alone, and says why', async () => {
    const [device, why] = await page.evaluate(() => [
      window.segmenter.device,
      window.segmenter.withoutWebGpu,
    ]);
    expect([device, why]).toEqual(['wasm', 'WebGPU has only a software adapter']);
  });

  test('a call that is aborted throws its reason, and the next one works', async () => {
    const outcome = await page.evaluate(async () => {
      const controller = new AbortController();
      const running = window.segmenter.segment(window.picture, { signal: controller.signal });
      controller.abort(new Error('not wanted'));
      const reason = await running.catch((error: Error) => error.message);
      const { mask } = await window.segmenter.segment(window.picture);
      return [reason, mask.width];
    });
    expect(outcome).toEqual(['not wanted', 75]);
  });

  test.each([
    ['an address without a model', `Segmenter.load('nothing.onnx')`, 'model-missing', /answered 404/],
    [
      'bytes that are no model',
      `Segmenter.load(Uint8Array.of(1, 2, 3))`,
      'model-file',
      /not a readable ONNX model/,
    ],
    [
      'a device that there is not',
      `Segmenter.load('model.onnx', { device: 'tpu' })`,
      'usage',
      /auto, webgpu or wasm/,
    ],
    [
      'assets that are not there',
      `Segmenter.load('model.onnx', { assets: '/nowhere/' })`,
      'worker',
      /docs\/browser.md/,
    ],
    [
      'a damaged image',
      `segmenter.segment(new File([Uint8Array.of(1)], 'a.png'))`,
      'image-damaged',
      /^a.png: /,
    ],
    ['what is no image', `segmenter.segment({ some: 'thing' })`, 'usage', /image source is not supported/],
    ['a threshold for three classes', `segmenter.segment(picture, { threshold: 0.5 })`, 'usage', /3 classes/],
  ])('%s', async (_, call, code, message) => {
    const error = (await page.evaluate(
      `(async () => { const { Segmenter } = pixelwise; try { await ${call}; } catch (e) { return { code: e.code, message: e.message }; } })()`,
    )) as { code: string; message: string };
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test('once closed, calls that wait and calls that come are told so', async () => {
    const messages = await page.evaluate(async () => {
      const own = await window.pixelwise.Segmenter.load('model.onnx');
      const waiting = own.segment(window.picture).catch((error: Error) => error.message);
      await new Promise((done) => setTimeout(done));
      await own.close();
      const later = own.segment(window.picture).catch((error: Error) => error.message);
      return Promise.all([waiting, later]);
    });
    expect(messages).toEqual([expect.stringMatching(/was closed/), expect.stringMatching(/was closed/)]);
  });
});

/** A page that only brings in what is tested. */
async function writePage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'index.html'),
    '<!doctype html><title>test</title><script type="module" src="main.js"></script>',
  );
  await writeFile(
    join(folder, 'main.js'),
    "import * as pixelwise from './pixelwise/index.js'; window.pixelwise = pixelwise;",
  );
}
