/** The page of `pixelwise serve` in a real browser, as a person uses it, with the server around it. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import sharp from 'sharp';
import type { Browser, BrowserContext, Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeMask } from '../../src/images/decode-mask.js';
import { decodeImage } from '../../src/images/decode.js';
import { encodeImage } from '../../src/images/encode.js';
import { exportGraph } from '../../src/inference/index.js';
import { encodeModel } from '../../src/onnx/index.js';
import type { RunningServer } from '../../src/serve/index.js';
import { startServer } from '../../src/serve/index.js';
import { testImage, tinyCard, tinyUNet } from '../inference/tiny-model.js';
import { buildPage, type BuiltPage } from './built-page.js';
import { CHROMIUM, FAKE_CAMERA, launchChromium } from './chromium.js';

const card = tinyCard(2);
const { model, state } = tinyUNet(card);
const file = encodeModel(exportGraph(model, state, card));

describe.skipIf(CHROMIUM === undefined)('the page (skipped without Chromium)', () => {
  let built: BuiltPage;
  let server: RunningServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const elsewhere: string[] = [];
  const troubles: string[] = [];

  beforeAll(async () => {
    [built, browser] = await Promise.all([buildPage(), launchChromium('none', FAKE_CAMERA)]);
    server = await startServer(file, { port: 0, threads: 1, folders: built.folders });
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
    context.on('request', (request) => {
      const own = [server.url, `blob:${server.url}`, 'data:'].some((start) =>
        request.url().startsWith(start),
      );
      if (!own) elsewhere.push(request.url());
    });
    page = await context.newPage();
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text());
    });
    await page.goto(server.url);
    await page.waitForSelector('body[data-state=ready]');
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await built?.remove();
  });

  /** Hands a file to the page as a drop or a paste does. */
  async function give(
    how: 'drop' | 'paste',
    name: string,
    bytes: Uint8Array,
    type = 'image/png',
  ): Promise<void> {
    await page.evaluate(
      ([event, fileName, base64, mime]) => {
        const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([data], fileName, { type: mime }));
        document.body.dispatchEvent(
          event === 'drop'
            ? new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
            : new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }),
        );
      },
      [how, name, Buffer.from(bytes).toString('base64'), type] as const,
    );
  }

  const shown = () => page.waitForSelector('body[data-mask=shown]');
  const share = (k: number) => page.locator('#classes .share').nth(k).textContent();
  const textOf = (id: string) => page.locator(`#${id}`).textContent();

  async function saved(button: string): Promise<{ bytes: Uint8Array; name: string }> {
    const [download] = (await Promise.all([page.waitForEvent('download'), page.click(button)])) as [
      Download,
      void,
    ];
    return { bytes: await readFile(await download.path()), name: download.suggestedFilename() };
  }

  test('it is isolated, so WebAssembly has its threads, and says what runs where', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(await textOf('model-name')).toBe('model in memory');
    expect(await textOf('device')).toMatch(/^WebAssembly, \d+ threads?$/);
    expect(await page.locator('#classes tr').count()).toBe(2);
  });

  test('an example is drawn by the page and segmented', async () => {
    await page.click('#example');
    await shown();
    expect(await textOf('size')).toBe('128 × 128');
  });

  test('a dropped image is segmented as the server does it, and its mask can be saved', async () => {
    const image = testImage(300, 200);
    await give('drop', 'waves.png', await encodeImage(image));
    await expect.poll(() => textOf('size')).toBe('300 × 200');
    await shown();
    const { bytes, name } = await saved('#save-mask');
    expect(name).toBe('waves-mask.png');
    const mask = await decodeMask(bytes);
    const native = await server.segmenter.segment(image);
    const different = native.mask.data.filter((value, i) => value !== mask.data[i]).length;
    // Other kernels round otherwise: a pixel on the threshold may fall to the other side.
    expect(different).toBeLessThanOrEqual(2);
    const ones = native.mask.data.filter((value) => value === 1).length / native.mask.data.length;
    expect(await share(1)).toBe(`${(ones * 100).toFixed(ones < 0.1 ? 1 : 0)}%`);
    const areas = (await page.locator('#classes .area').allTextContents()).map((text) =>
      Number(text.replaceAll(',', '')),
    );
    expect(areas[0]! + areas[1]!).toBe(300 * 200);
  });

  test('the overlay is the picture with its mask; the switch takes the mask away', async () => {
    const { bytes } = await saved('#save-overlay');
    const overlay = await decodeImage(bytes);
    expect([overlay.width, overlay.height]).toEqual([300, 200]);
    const picture = page.locator('#picture');
    const withMask = await picture.screenshot();
    await page.click('#shown');
    await expect.poll(async () => (await picture.screenshot()).equals(withMask)).toBe(false);
    const without = await picture.screenshot();
    await page.click('#shown');
    await page.locator('#opacity').fill('90');
    await expect.poll(async () => (await picture.screenshot()).equals(without)).toBe(false);
    expect(await textOf('opacity-value')).toBe('90%');
  });

  test('the threshold moves pixels from class to class, without running the model again', async () => {
    const before = await textOf('seconds');
    await page.locator('#threshold').fill('0');
    await expect.poll(() => share(1)).toBe('100%');
    await page.locator('#threshold').fill('1');
    await expect.poll(() => share(0)).toMatch(/^(100|9\d)%$/);
    await page.locator('#threshold').fill('0.5');
    expect(await textOf('seconds')).toBe(before);
  });

  test('pointer and arrow keys tell class and confidence', async () => {
    await page.locator('#picture').hover({ position: { x: 50, y: 40 } });
    await expect
      .poll(() => textOf('probe'))
      .toMatch(/^(background|class 1), [\d.]+% confidence, at \d+, \d+$/);
    await page.locator('#picture').focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.locator('#crosshair').isVisible()).toBe(true);
  });

  test('the picture is zoomed and moved, by wheel, pointer and keys, and pixels are found there, too', async () => {
    const picture = page.locator('#picture');
    const box = async () => (await picture.boundingBox())!;
    const whole = await box();
    const [x, y] = [whole.x + (whole.width * 120.5) / 300, whole.y + (whole.height * 80.5) / 200];
    await page.mouse.move(x, y);
    await expect.poll(() => textOf('probe')).toContain('at 120, 80');
    await page.mouse.wheel(0, -600);
    await expect.poll(async () => (await box()).width).toBeGreaterThan(2 * whole.width);
    // The pixel under the pointer stays there.
    await page.mouse.move(x + 30, y);
    await page.mouse.move(x, y);
    await expect.poll(() => textOf('probe')).toContain('at 120, 80');
    const before = await box();
    await page.mouse.down();
    await page.mouse.move(x - 50, y - 20, { steps: 3 });
    await page.mouse.up();
    expect((await box()).x).toBeCloseTo(before.x - 50, 0);
    await picture.focus();
    await page.keyboard.press('0');
    expect((await box()).width).toBeCloseTo(whole.width, 0);
    await page.keyboard.press('+');
    expect((await box()).width).toBeCloseTo(1.5 * whole.width, 0);
    await page.click('#fit');
  });

  test('left of the line of the comparison there is no mask', async () => {
    await page.locator('#picture').focus();
    const picture = page.locator('#picture');
    const masked = await picture.screenshot();
    await page.keyboard.press('c');
    await page.locator('#split').fill('1000');
    await expect.poll(async () => (await picture.screenshot()).equals(masked)).toBe(false);
    expect(await page.locator('#line').isVisible()).toBe(true);
    const { bytes } = await saved('#save-overlay');
    // What is saved is the whole mask.
    const overlay = await decodeImage(bytes);
    expect(overlay.data).not.toEqual(testImage(300, 200).data);
    await page.click('#compare');
    expect(await page.locator('#line').isVisible()).toBe(false);
  });

  test('a pasted image takes its place; a file that is none is refused with a message', async () => {
    await give('paste', 'pasted.png', await encodeImage(testImage(120, 90)));
    await expect.poll(() => textOf('size')).toBe('120 × 90');
    await shown();
    await give('drop', 'broken.png', Uint8Array.of(1, 2, 3));
    await expect
      .poll(() => textOf('error'))
      .toMatch(/cannot read broken.png, and neither can the server: .*not a readable image/);
  });

  test.each([8, 16])(
    'a TIFF of %d bits, which the browser cannot read, is read and segmented by the server',
    async (bits) => {
      const { width, height, data } = testImage(90 + bits, 60);
      const raw = { raw: { width, height, channels: 3 } } as const;
      // Microscopes use a part of the 16 bits: here 12 of them.
      const values = bits === 8 ? data : Uint16Array.from(data, (value) => 16 * value);
      const picture = sharp(values, raw);
      const tiff = await (bits === 8 ? picture : picture.toColourspace('rgb16')).tiff().toBuffer();
      await give('drop', 'scan.tif', tiff, 'image/tiff');
      await expect.poll(() => textOf('size')).toBe(`${width} × 60`);
      await shown();
      const { mask, confidence } = await server.segmenter.segment(tiff, { confidence: true });
      const ones = mask.data.filter((value) => value === 1).length;
      const areas = page.locator('#classes .area');
      expect(Number((await areas.nth(1).textContent())!.replaceAll(',', ''))).toBe(ones);
      await page.locator('#picture').hover();
      await expect.poll(() => page.locator('#probe').isVisible()).toBe(true);
      const told = await textOf('probe');
      const [percent, x, y] = told!
        .match(/[\d.]+(?=%)|\d+(?=,)|\d+$/g)!
        .slice(-3)
        .map(Number);
      const place = y! * width + x!;
      expect(Math.abs(percent! - 100 * confidence[place]!), `${told}`).toBeLessThanOrEqual(1);
    },
  );

  test('the webcam runs until it is stopped', async () => {
    await page.click('#webcam');
    await expect.poll(() => textOf('rate'), { timeout: 30_000 }).toMatch(/^\d+\.\d fps$/);
    expect(await page.locator('#webcam').getAttribute('aria-pressed')).toBe('true');
    await page.click('#webcam');
    expect(await page.locator('#webcam').textContent()).toBe('Webcam');
  });

  test.each(['light', 'dark'] as const)('nothing stands in the way of anyone, in %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const results = (await page.evaluate(`${axe}; axe.run()`)) as AxeResults;
    expect(
      results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    ).toEqual([]);
  });

  test('all that while the page stayed whole, and to itself', () => {
    expect(elsewhere).toEqual([]);
    // The browser logs that the server refused a file that is no image.
    expect(troubles.filter((text) => !text.includes('status of 415'))).toEqual([]);
  });
});
