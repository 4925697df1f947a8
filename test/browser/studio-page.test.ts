/** The studio's page in a real browser, driven by pointer and keys, with a server in memory. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeImage } from '../../src/images/encode.js';
import { paintStroke } from '../../src/labels/stroke.js';
import { Random } from '../../src/random/index.js';
import { testImage } from '../inference/tiny-model.js';
import { buildStudioPage } from './built-page.js';
import { CHROMIUM, launchChromium } from './chromium.js';
import { type MadeUpImage, StudioFixture } from './studio-server.js';

const [WIDTH, HEIGHT] = [300, 200];
/** Rounds of a hundred actions: `PIXELWISE_FAULTS=10` makes it a thousand. */
const ROUNDS = Number(process.env['PIXELWISE_FAULTS'] ?? 3);
/** Images of the list, most of them never opened. */
const MANY = 5000;
/** For what takes a while on a busy machine. */
const SLOW = { timeout: 30_000 };

describe.skipIf(CHROMIUM === undefined)('the studio (skipped without Chromium)', () => {
  let folder: string;
  let axe: string;
  let browser: Browser;
  let file: Uint8Array;
  const troubles: string[] = [];
  const opened: { server: StudioFixture; context: BrowserContext }[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelwise-studio-page-'));
    [browser] = await Promise.all([launchChromium('webgl'), buildStudioPage(folder)]);
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    file = await encodeImage(testImage(WIDTH, HEIGHT));
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const { server, context } of opened.splice(0)) {
      await context.close();
      await server.close();
    }
  });

  const image = (id: string, more: Partial<MadeUpImage> = {}): MadeUpImage => ({
    id,
    width: WIDTH,
    height: HEIGHT,
    file,
    ...more,
  });

  async function openStudio(
    images = [image('a.png'), image('b.png', { heldOut: true })],
    options: { query?: string; width?: number; touch?: boolean; classes?: [] } = {},
  ): Promise<{ server: StudioFixture; page: Page }> {
    const server = await new StudioFixture(folder, images).start();
    server.classes = options.classes ?? server.classes;
    return openStudioOn(server, options);
  }

  async function openStudioOn(
    server: StudioFixture,
    options: { query?: string; width?: number; touch?: boolean } = {},
  ): Promise<{ server: StudioFixture; page: Page }> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: 800 },
      hasTouch: options.touch ?? false,
      // Axe is injected, which the page's own policy forbids.
      bypassCSP: true,
    });
    opened.push({ server, context });
    const page = await context.newPage();
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('request', (request) => {
      const own = [server.url, `blob:${server.url}`].some((start) => request.url().startsWith(start));
      if (!own) troubles.push(`asked for ${request.url()}`);
    });
    await page.goto(server.url + (options.query ?? ''));
    await page.waitForSelector('body[data-state=ready]');
    return { server, page };
  }

  /** Where a pixel of the image is in the window, with the image shown whole. */
  async function placeOf(page: Page, x: number, y: number): Promise<[number, number]> {
    const box = (await page.locator('#frame').boundingBox())!;
    const scale = Math.min((box.width - 32) / WIDTH, (box.height - 32) / HEIGHT);
    return [
      box.x + box.width / 2 + (x + 0.5 - WIDTH / 2) * scale,
      box.y + box.height / 2 + (y + 0.5 - HEIGHT / 2) * scale,
    ];
  }

  async function drag(page: Page, ...points: (readonly [number, number])[]): Promise<void> {
    await page.mouse.move(...(await placeOf(page, ...points[0]!)));
    await page.mouse.down();
    for (const point of points.slice(1))
      await page.mouse.move(...(await placeOf(page, ...point)), { steps: 3 });
    await page.mouse.up();
  }

  const saved = (page: Page) => page.waitForSelector('#saving[data-kind=saved]');
  const brush = (page: Page, size: number) =>
    page.locator('#size').fill(String(Math.round((1000 * Math.log(size)) / Math.log(512))));
  const unlabelled = () => new Uint8Array(WIDTH * HEIGHT).fill(255);
  const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

  /** Has the page send all its labels: it undoes the last edit and makes it again. */
  async function labelsOfPage(page: Page, server: StudioFixture, id = 'a.png'): Promise<Uint8Array> {
    await saved(page);
    const before = server.replaced;
    await page.keyboard.press('Control+z');
    await expect.poll(() => server.replaced, SLOW).toBe(before + 1);
    await page.keyboard.press('Control+Shift+z');
    await expect.poll(() => server.replaced, SLOW).toBe(before + 2);
    return server.labels(id);
  }

  test('what the pointer paints are the bytes of the shared rasteriser, in every part of the page', async () => {
    const { server, page } = await openStudio(undefined, { query: '?renderer=webgl' });
    expect(await page.getAttribute('body', 'data-renderer')).toBe('webgl2');
    await page.keyboard.press('2');
    await brush(page, 15);
    await drag(page, [40, 40], [120, 60], [60, 150]);
    await page.keyboard.press('3');
    await brush(page, 8);
    await drag(page, [100, 30], [290, 190], [299, 199]);
    await page.keyboard.press('e');
    await drag(page, [50, 50], [200, 120]);
    await saved(page);
    // A stroke of more than a second is sent in parts.
    expect([...new Set(server.strokes.map((stroke) => stroke.class))]).toEqual([1, 2, 255]);
    expect([...new Set(server.strokes.map(({ radius }) => radius))]).toEqual([7.5, 4]);
    expect(server.strokes[0]!.points[0]).toEqual([40, 40]);
    const expected = unlabelled();
    for (const stroke of server.strokes) paintStroke(expected, WIDTH, HEIGHT, stroke);
    expect(same(server.labels('a.png'), expected)).toBe(true);
    expect(same(await labelsOfPage(page, server), expected)).toBe(true);
  });

  test('fill, lasso, pick and accepting do what they say', async () => {
    const { server, page } = await openStudio();
    await page.keyboard.press('2');
    await page.keyboard.press('l');
    await drag(page, [50, 50], [150, 50], [150, 150], [50, 150]);
    await expect.poll(() => server.labels('a.png')[100 * WIDTH + 100], SLOW).toBe(1);
    await page.keyboard.press('3');
    await page.keyboard.press('g');
    await page.mouse.click(...(await placeOf(page, 100, 100)));
    await expect.poll(() => server.labels('a.png')[100 * WIDTH + 100], SLOW).toBe(2);
    const square = server.labels('a.png').filter((label) => label === 2).length;
    expect(square).toBeGreaterThan(9500);
    expect(square).toBeLessThan(10_500);
    server.predict('a.png', 5, (x) => [x < 150 ? 0 : 1, x > 140 && x < 160 ? 250 : 0]);
    await page.waitForSelector('body[data-step="5"]');
    await page.keyboard.press('a');
    await drag(page, [200, 20], [280, 20], [280, 180], [200, 180]);
    await expect.poll(() => server.labels('a.png')[100 * WIDTH + 250], SLOW).toBe(1);
    expect(server.labels('a.png')[5 * WIDTH + 5]).toBe(255);
    await page.click('#accept-rest');
    await expect.poll(() => server.labels('a.png')[5 * WIDTH + 5], SLOW).toBe(0);
    // What was painted stays.
    expect(server.labels('a.png').filter((label) => label === 2).length).toBe(square);
    expect(server.labels('a.png').includes(255)).toBe(false);
    await expect
      .poll(() => page.locator('.mark-state').first().getAttribute('data-state'), SLOW)
      .toBe('done');
    await page.keyboard.press('i');
    await page.mouse.click(...(await placeOf(page, 280, 190)));
    expect(await page.locator('#classes li:has(:checked) .name').textContent()).toBe('cell');
  });

  test('the next uncertain region is brought into view; labelled pixels are certain', async () => {
    const { server, page } = await openStudio();
    server.predict('a.png', 1, (x, y) => [1, x > 250 && y > 150 ? 255 : 0]);
    await page.waitForSelector('body[data-step="1"]');
    const whole = await page.locator('#scale').textContent();
    await page.keyboard.press('j');
    await expect.poll(() => page.locator('#spot').isVisible(), SLOW).toBe(true);
    expect(await page.locator('#scale').textContent()).not.toBe(whole);
    for (let i = 0; i < 30 && !(await page.getByText('No more uncertain regions').count()); i++) {
      await page.keyboard.press('j');
    }
    await page.getByText('No more uncertain regions').first().waitFor();
  });

  test('the uncertainty stays in sight until that of a newer prediction is there', async () => {
    const { server, page } = await openStudio();
    server.predict('a.png', 1, () => [0, 255]);
    await page.waitForSelector('body[data-step="1"]');
    await page.keyboard.press('u');
    const middle = async (): Promise<number[]> => {
      const sharp = (await import('sharp')).default;
      const shot = sharp(await page.locator('#frame').screenshot()).removeAlpha();
      return [...(await shot.extract({ left: 300, top: 300, width: 1, height: 1 }).raw().toBuffer())];
    };
    const isPink = async () => {
      const [red, green] = await middle();
      return red! > 200 && green! < 70;
    };
    await expect.poll(isPink, SLOW).toBe(true);
    let send!: (value: unknown) => void;
    server.uncertaintyFrom = new Promise((resolve) => (send = resolve));
    const asked = page.waitForRequest((request) => request.url().endsWith('?uncertainty=1&step=2'));
    server.predict('a.png', 2, () => [0, 0]);
    await asked;
    // Everything is drawn again.
    await page.keyboard.press('+');
    await page.keyboard.press('f');
    expect(await isPink()).toBe(true);
    send(undefined);
    await expect.poll(isPink, SLOW).toBe(false);
  });

  test(`${100 * ROUNDS} zooms, tools, layers and sizes change no label`, async () => {
    const { server, page } = await openStudio();
    await page.keyboard.press('2');
    await drag(page, [20, 20], [250, 180]);
    const before = Uint8Array.from(await labelsOfPage(page, server));
    const strokes = server.strokes.length;
    const random = new Random(3, 'actions');
    for (let round = 0; round < ROUNDS; round++) {
      await page.setViewportSize({ width: 500 + random.integer(900), height: 400 + random.integer(600) });
      const numbers = Array.from({ length: 99 }, () => [
        random.integer(1000),
        random.float(),
        random.float(),
      ]);
      await page.evaluate(async (actions) => {
        const frame = document.getElementById('frame')!;
        const keys = 'begliahfroupk[],.+-v123'.split('');
        for (const [which, a, b] of actions as [number, number, number][]) {
          if (which % 3 === 0) {
            const box = frame.getBoundingClientRect();
            const at = { clientX: box.x + a * box.width, clientY: box.y + b * box.height };
            frame.dispatchEvent(
              new WheelEvent('wheel', { ...at, deltaY: (a - b) * 900, shiftKey: which % 2 === 0 }),
            );
          } else {
            const key = keys[which % keys.length]!;
            document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
          }
          if (which % 10 === 0) await new Promise(requestAnimationFrame);
        }
      }, numbers);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(server.strokes.length).toBe(strokes);
    expect(same(await labelsOfPage(page, server), before)).toBe(true);
  });

  test('200 strokes are undone exactly, and made again', async () => {
    const { server, page } = await openStudio();
    await brush(page, 20);
    const random = new Random(5, 'strokes');
    const box = (await page.locator('#frame').boundingBox())!;
    const session = await page.context().newCDPSession(page);
    const mouse = (type: 'mouseMoved' | 'mousePressed' | 'mouseReleased', x: number, y: number) => {
      const buttons = type === 'mouseReleased' ? 0 : 1;
      return session.send('Input.dispatchMouseEvent', { type, x, y, buttons, button: 'left', clickCount: 1 });
    };
    for (const key of ['1', '2', '3', 'e']) {
      await page.keyboard.press(key);
      const sent: Promise<unknown>[] = [];
      for (let i = 0; i < 50; i++) {
        const [x, y, toX, toY] = [0, 0, 0, 0].map((_, k) => {
          const length = k % 2 ? box.height : box.width;
          return (k % 2 ? box.y : box.x) + length * (0.2 + 0.6 * random.float());
        }) as [number, number, number, number];
        sent.push(
          mouse('mousePressed', x, y),
          mouse('mouseMoved', toX, toY),
          mouse('mouseReleased', toX, toY),
        );
      }
      await Promise.all(sent);
    }
    // An eraser's stroke where nothing is labelled is not sent, one of more than a second is sent in parts.
    await expect.poll(() => server.strokes.length, SLOW).toBeGreaterThan(150);
    await saved(page);
    const all = Uint8Array.from(server.labels('a.png'));
    const press = (key: string, shift: boolean) =>
      page.evaluate(
        ([name, shiftKey]) => {
          for (let i = 0; i < 200; i++) {
            document.body.dispatchEvent(
              new KeyboardEvent('keydown', { key: name, ctrlKey: true, shiftKey, bubbles: true }),
            );
          }
        },
        [key, shift] as const,
      );
    await press('z', false);
    await expect.poll(() => same(server.labels('a.png'), unlabelled()), SLOW).toBe(true);
    await press('z', true);
    await expect.poll(() => same(server.labels('a.png'), all), SLOW).toBe(true);
  });

  test('labels that another page changed are not overwritten, and nothing is lost', async () => {
    const { server, page } = await openStudio();
    await page.keyboard.press('2');
    await drag(page, [30, 30], [60, 30]);
    await saved(page);
    const before = server.strokes.length;
    server.changeByOthers('a.png', (labels) => labels.fill(2, 100 * WIDTH, 110 * WIDTH));
    await page.getByText('Another page changed the labels of this image.').waitFor();
    // It goes on painting all the same.
    await drag(page, [200, 50], [220, 60]);
    await page.getByText('Your last changes are not saved yet.').waitFor();
    await drag(page, [200, 150], [220, 160]);
    expect(server.strokes.length).toBe(before);
    await page.getByRole('button', { name: 'Keep both' }).click();
    await saved(page);
    const labels = server.labels('a.png');
    const at = (x: number, y: number) => labels[y * WIDTH + x];
    expect([at(30, 30), at(5, 105), at(200, 50), at(220, 160)]).toEqual([1, 2, 1, 1]);
  });

  test('a full disk and a lost connection are said; painting goes on and is sent afterwards', async () => {
    const { server, page } = await openStudio();
    await page.keyboard.press('2');
    server.failing = 'disk-full';
    await drag(page, [30, 30], [60, 30]);
    await page.getByText('The disk is full. Go on painting').waitFor();
    expect(await page.locator('#saving-text').textContent()).toBe('Not saved');
    server.emit('disk', { trouble: 'The disk has no room.' });
    await page.getByText('The disk has no room. Go on painting').waitFor();
    server.emit('disk', { trouble: null });
    server.failing = 'no answer';
    await drag(page, [30, 80], [60, 80]);
    await page.getByRole('button', { name: 'Send now' }).click();
    await page.getByText('The server does not answer.').waitFor();
    server.failing = undefined;
    await page.getByRole('button', { name: 'Send now' }).click();
    await saved(page);
    const labels = server.labels('a.png');
    expect([labels[30 * WIDTH + 40], labels[80 * WIDTH + 40]]).toEqual([1, 1]);
    expect(await page.locator('.notice').count()).toBe(0);
  });

  test('two fingers move and scale the image, and paint nothing', async () => {
    const { server, page } = await openStudio(undefined, { touch: true, width: 820 });
    const box = (await page.locator('#frame').boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const session = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: [number, number][]) =>
      session.send('Input.dispatchTouchEvent', {
        type,
        touchPoints: points.map(([px, py], id) => ({ x: px, y: py, id })),
      });
    const before = Number.parseInt((await page.locator('#scale').textContent())!, 10);
    await touch('touchStart', [x, y]);
    await touch('touchStart', [x, y], [x + 50, y]);
    await touch('touchMove', [x, y], [x + 100, y]);
    await touch('touchEnd');
    await expect
      .poll(async () => Number.parseInt((await page.locator('#scale').textContent())!, 10) / before, SLOW)
      .toBeCloseTo(2, 1);
    expect(server.strokes).toEqual([]);
    await touch('touchStart', [x, y]);
    await touch('touchMove', [x + 30, y]);
    await touch('touchEnd');
    await expect.poll(() => server.strokes.length, SLOW).toBeGreaterThan(0);
  });

  test('the keyboard alone paints', async () => {
    const { server, page } = await openStudio();
    await page.locator('#frame').focus();
    await page.keyboard.press('2');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    for (let i = 0; i < 5; i++) await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Enter');
    await saved(page);
    // A stroke of more than a second is sent in parts.
    expect(new Set(server.strokes.flatMap(({ points }) => points.map(String))).size).toBe(6);
    expect(await page.locator('#probe').textContent()).toMatch(/^\d+, \d+ · labelled cell$/);
    await page.keyboard.press('?');
    expect(await page.locator('#help').getByText('Lasso fill').count()).toBe(1);
    await page.keyboard.press('Escape');
    await page.keyboard.press('n');
    await expect.poll(() => page.locator('#where').textContent(), SLOW).toBe('b.png');
  });

  test('classes are named first, added, changed and removed; one with labels is not', async () => {
    const { server, page } = await openStudio(undefined, { classes: [] });
    await page.getByRole('button', { name: 'Name it' }).click();
    await page.fill('#class-name', 'cell');
    await page.keyboard.press('Enter');
    await expect.poll(() => server.classes.map(({ name }) => name), SLOW).toEqual(['background', 'cell']);
    await page.click('#add-class');
    await page.fill('#class-name', 'membrane');
    await page.click('#class-save');
    await expect.poll(() => server.classes.at(-1)?.name, SLOW).toBe('membrane');
    await page.keyboard.press('3');
    await drag(page, [30, 30], [60, 30]);
    await expect.poll(() => server.strokes.length, SLOW).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Change membrane' }).click();
    await page.click('#class-remove');
    await page.getByText('The class has labels.').waitFor();
    await page.fill('#class-name', 'edge');
    await page.click('#class-save');
    await expect.poll(() => server.classes.at(-1)?.name, SLOW).toBe('edge');
  });

  test('both renderers show the same', async () => {
    const pixels: number[][] = [];
    for (const query of ['?renderer=webgl', '?renderer=2d']) {
      const { server, page } = await openStudio(undefined, { query });
      server.predict('a.png', 1, (x, y) => [y < 100 ? 1 : 2, x]);
      await page.waitForSelector('body[data-step="1"]');
      await drag(page, [30, 30], [100, 150]);
      await page.keyboard.press('u');
      await page.mouse.move(0, 0);
      await saved(page);
      const places: [number, number][] = [
        [40, 47],
        [200, 50],
        [200, 150],
        [60, 190],
        [280, 20],
      ];
      const shot = await page.locator('#frame').screenshot();
      const box = (await page.locator('#frame').boundingBox())!;
      const sharp = (await import('sharp')).default;
      const { data, info } = await sharp(shot).removeAlpha().raw().toBuffer({ resolveWithObject: true });
      for (const place of places) {
        const [x, y] = await placeOf(page, ...place);
        const at = (Math.floor(y - box.y) * info.width + Math.floor(x - box.x)) * 3;
        pixels.push([...data.subarray(at, at + 3)]);
      }
    }
    const half = pixels.length / 2;
    for (let i = 0; i < half; i++) {
      pixels[i]!.forEach((value, c) => expect(Math.abs(value - pixels[i + half]![c]!)).toBeLessThan(8));
    }
    expect(new Set(pixels.slice(0, half).map(String)).size).toBe(half);
  });

  test('where an image has more than 8 bits, the values shown as black and white can be chosen', async () => {
    const { page } = await openStudio([image('wide.png', { window: { low: 3000, high: 6000 } })]);
    await expect.poll(() => page.locator('#low-value').textContent(), SLOW).toBe('3000');
    const asked = page.waitForRequest((request) => request.url().endsWith('wide.png?low=4500&high=6000'));
    await page.locator('#low').fill('4500');
    await asked;
    expect(await page.locator('#low-value').textContent()).toBe('4500');
  });

  test('of a large image a reduced picture is shown and can be painted on, until all of it is there', async () => {
    const [width, height] = [2400, 1800];
    const plain = (w: number, h: number, grey: number) =>
      encodeImage({ width: w, height: h, channels: 1, data: new Uint8Array(w * h).fill(grey) });
    const [whole, reduced] = [await plain(width, height, 200), await plain(width / 2, height / 2, 40)];
    let send!: (value: unknown) => void;
    const { server, page } = await openStudio([
      image('first.png'),
      image('large.png', { width, height, file: whole, reduced }),
    ]);
    server.imagesFrom = new Promise((resolve) => (send = resolve));
    await page.keyboard.press('n');
    const shade = async (): Promise<number> => {
      const sharp = (await import('sharp')).default;
      const middle = { left: 300, top: 300, width: 4, height: 4 };
      const shot = await page.locator('#frame').screenshot();
      return (await sharp(shot).extract(middle).greyscale().raw().toBuffer())[0]!;
    };
    await expect.poll(shade, SLOW).toBeLessThan(80);
    await page.keyboard.press('2');
    const box = (await page.locator('#frame').boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 40, box.y + box.height / 2);
    await page.mouse.up();
    await expect.poll(() => server.strokes.length, SLOW).toBe(1);
    send(undefined);
    await expect.poll(shade, SLOW).toBeGreaterThan(180);
    await expect.poll(() => server.labels('large.png')[(height / 2) * width + width / 2], SLOW).toBe(1);
  });

  test('the first image is on screen before the project is known, where the stage then draws it', async () => {
    const shades = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i % WIDTH) / 2 + i / WIDTH / 2);
    const smooth = await encodeImage({ width: WIDTH, height: HEIGHT, channels: 1, data: shades });
    const server = await new StudioFixture(folder, [image('a.png', { file: smooth })]).start();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    opened.push({ server, context });
    let send!: (value: unknown) => void;
    server.projectFrom = new Promise((resolve) => (send = resolve));
    const page = await context.newPage();
    await page.goto(server.url, { waitUntil: 'commit' });
    await page.waitForSelector('#empty', { state: 'hidden' });
    const pixels = async (): Promise<Buffer> => {
      const sharp = (await import('sharp')).default;
      return sharp(await page.locator('#frame').screenshot())
        .removeAlpha()
        .raw()
        .toBuffer();
    };
    const before = await pixels();
    send(undefined);
    await page.waitForSelector('body[data-state=ready]');
    await page.waitForSelector('#first', { state: 'detached' });
    const after = await pixels();
    const difference = before.reduce((sum, value, i) => sum + Math.abs(value - after[i]!), 0);
    expect(difference / before.length).toBeLessThan(1);
    expect(new Set(before).size).toBeGreaterThan(50);
  });

  test('a model that is there before anything is labelled predicts at once', async () => {
    const { server, page } = await openStudio();
    server.training = { ...server.training, learner: 'network', activity: 'predicting' };
    server.predict('a.png', 1, (x) => [x < 150 ? 0 : 1, 0], 'silently');
    // The page may begin to listen when the model has been reported already.
    server.emit('training', server.training);
    await page.waitForSelector('body[data-step="1"]');
    const { page: later } = await openStudioOn(server);
    await later.waitForSelector('body[data-step="1"]');
    expect(await later.locator('#accept-rest').isEnabled()).toBe(true);
  });

  test('of 5,000 images only the rows on screen are elements; an unreadable one says why', async () => {
    const tiny = Array.from({ length: MANY - 2 }, (_, i) => image(`more/${i}.png`, { width: 1, height: 1 }));
    const { page } = await openStudio([
      image('a.png'),
      image('b.png', { problem: 'b.png: damaged.' }),
      ...tiny,
    ]);
    expect(await page.locator('.row').count()).toBeLessThan(60);
    await page.getByRole('option', { name: /^b.png.*unusable/ }).click();
    await page.getByText('b.png: damaged.').waitFor();
    await page.locator('#list').focus();
    await page.keyboard.press('End');
    await page.getByRole('option', { name: new RegExp(`more/ ?${MANY - 3}.png`) }).waitFor();
    await page.fill('#filter', '4999');
    expect(await page.locator('.row').count()).toBe(0);
  });

  test('a folder without images is said to be empty', async () => {
    const { page } = await openStudio([]);
    expect(await page.locator('#empty-title').textContent()).toBe('No images in this folder');
  });

  test('nothing stands in the way of anyone, in light and dark', async () => {
    const { server, page } = await openStudio();
    server.emit('training', {
      ...server.training,
      learner: 'network',
      seconds: 20,
      scores: { samples: 1, meanDice: 0.84, meanIoU: 0.7, pixelAccuracy: 0.9 },
    });
    await page.evaluate(axe);
    const expectAccessible = async (): Promise<void> => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const violations = await page.evaluate(async () => {
          const results = await (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run();
          return results.violations.map(
            ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`,
          );
        });
        expect(violations, colorScheme).toEqual([]);
      }
    };
    await expectAccessible();
    server.failing = 'disk-full';
    await drag(page, [30, 30], [60, 30]);
    await page.getByText('The disk is full.').waitFor();
    await page.click('#help-button');
    await expectAccessible();
    await page.keyboard.press('Escape');
    await page.click('#add-class');
    await expectAccessible();
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 390, height: 844 });
    await expectAccessible();
  });

  test('all that while the page stayed whole, and to itself', () => {
    expect(troubles).toEqual([]);
  });
});
