/** Reports in a real browser: they load nothing from elsewhere, log no errors and are accessible. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCompared, writeComparison, writeReport } from '../../src/report/index.js';
import type { MadeUpRun } from '../support/made-up-run.js';
import { writeMadeUpRun } from '../support/made-up-run.js';
import { CHROMIUM, launchChromium } from './chromium.js';

const HOSTILE = '<script>alert(1)</script>';
const RUNS: Record<string, MadeUpRun> = {
  'two classes': { test: 30, groups: 60, images: 30 },
  'three classes': { classes: ['pet', 'background', 'border'], ids: ['a', 'b', 'c', 'd', 'e', 'f'] },
  'eleven classes': { classes: Array.from({ length: 11 }, (_, k) => `a class called ${k}`), epochs: 70 },
  'names that would be code': {
    classes: ['background', HOSTILE, `"onclick='x'&amp;`],
    ids: [`"quoted" 'id' 🐈`, HOSTILE, '</figure>'],
  },
  'interrupted after one epoch, without validation': {
    epochs: 1,
    wanted: 9,
    valid: 0,
    stopped: 'interrupted',
    ids: [],
  },
};

const LOOKS = [
  { width: 390, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light' },
] as const;

describe.skipIf(CHROMIUM === undefined)('a report in Chromium (skipped where there is none)', () => {
  let folder: string;
  let browser: Browser;
  let axe: string;
  /** The reports that tests have opened, each written once. */
  const written: Record<string, Promise<string>> = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixelwise-report-'));
    browser = await launchChromium('none');
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  interface Options {
    /** Whether axe can be run in it. */
    readonly audit?: boolean;
    readonly width?: number;
  }

  interface Opened {
    readonly page: Page;
    /** What the browser logged or requested. */
    readonly said: string[];
  }

  /** Opens a report of {@link RUNS}. */
  async function open(name: string, options: Options = {}): Promise<Opened> {
    written[name] ??= writeMadeUpRun(join(folder, name), RUNS[name]).then((run) => writeReport(run));
    return openFile(await written[name], options);
  }

  async function openFile(file: string, { audit = false, width = 1280 }: Options = {}): Promise<Opened> {
    // Axe is injected, which the page's own policy forbids.
    const context = await browser.newContext({ viewport: { width, height: 900 }, bypassCSP: audit });
    const page = await context.newPage();
    if (audit) await page.addInitScript({ content: axe });
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    page.on('dialog', (dialog) => void dialog.dismiss().then(() => said.push('a dialog')));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) said.push(`asked for ${request.url()}`);
    });
    await page.goto(pathToFileURL(file).href);
    return { page, said };
  }

  /** Checks a page on a phone in the dark, then on a desk in the light. */
  async function expectAccessible(page: Page): Promise<void> {
    for (const { width, colorScheme } of LOOKS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const violations = await page.evaluate(async () => {
        const results = await (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run();
        return results.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
      });
      expect(violations, `${width} pixels wide`).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  }

  test.each(Object.keys(RUNS))('%s, on a phone and on a desk', async (name) => {
    const { page, said } = await open(name, { audit: true });
    await expectAccessible(page);
    const unnamed = await page.evaluate(
      () => document.querySelectorAll('img:not([alt]), img[alt=""], svg[role=img]:not([aria-label])').length,
    );
    expect(unnamed).toBe(0);
    expect(said).toEqual([]);
    await page.context().close();
  });

  test('a comparison of runs of unlike classes', async () => {
    const runs = [
      await writeMadeUpRun(join(folder, 'compared', 'a'), { test: 30 }),
      await writeMadeUpRun(join(folder, 'compared', 'a name that is long enough to need two lines'), {
        classes: ['background', HOSTILE, 'cell'],
        right: 0.7,
      }),
      await writeMadeUpRun(join(folder, 'compared', HOSTILE.replace('/', ' ')), { epochs: 9, right: 0.9 }),
    ];
    const out = join(folder, 'comparison.html');
    await writeComparison(await readCompared(runs), { out });
    const { page, said } = await openFile(out, { audit: true });
    await expectAccessible(page);
    await page.locator('#samples button.panel').first().focus();
    await page.keyboard.press('Enter');
    const layers = page.locator('dialog[open] .viewer-layers button');
    expect(await layers.allInnerTexts()).toEqual(expect.arrayContaining(['Image', 'Truth', 'a']));
    expect(said).toEqual([]);
    await page.context().close();
  });

  test('the marks of images open their pictures, by pointer and by keyboard', async () => {
    const { page, said } = await open('two classes', { width: 390 });
    const chart = page.locator('#images .marks').first();
    const title = page.locator('dialog[open] .viewer-title');
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const told = await chart.locator('.chosen').innerText();
    await page.keyboard.press('Enter');
    expect(told).toContain(`${await title.innerText()}: Dice`);
    await page.keyboard.press('Escape');
    // A finger beside the mark.
    const mark = (await chart.locator('[data-image]').last().boundingBox())!;
    await page.mouse.click(mark.x + mark.width + 8, mark.y);
    expect(await title.innerText()).toMatch(/^image/);
    expect(said).toEqual([]);
    await page.context().close();
  });

  test('the sections are reached from a menu on a phone', async () => {
    const { page, said } = await open('two classes', { width: 390 });
    const link = page.locator('nav a[href="#settings"]');
    expect(await link.isVisible()).toBe(false);
    await page.locator('nav .menu').click();
    await link.click();
    await expect.poll(() => page.locator('nav .menu').innerText()).toContain('Settings');
    expect(await link.isVisible()).toBe(false);
    expect(said).toEqual([]);
    await page.context().close();
  });

  test('names that would be code are shown as text', async () => {
    const name = 'names that would be code';
    const { page, said } = await open(name);
    const text = await page.evaluate(() => document.body.innerText);
    for (const shown of [HOSTILE, `"onclick='x'&amp;`, `"quoted" 'id' 🐈`, '</figure>']) {
      expect(text).toContain(shown);
    }
    expect(await page.locator('script').count()).toBe(2);
    expect(said).toEqual([]);
    await page.context().close();
  });

  test('pictures open large and the film moves, by keyboard alone', async () => {
    const { page, said } = await open('three classes');
    const dialog = page.locator('dialog[open]');
    const shown = async () => [
      await dialog.locator('.viewer-title').innerText(),
      await dialog.locator('[aria-pressed=true]').innerText(),
    ];
    await page.locator('#gallery button.panel').nth(2).focus();
    await page.keyboard.press('Enter');
    expect(await shown()).toEqual(['a', 'Prediction']);
    expect((await dialog.locator('.viewer-stage svg').boundingBox())!.width).toBeGreaterThan(900);
    await page.keyboard.press('ArrowRight');
    expect(await shown()).toEqual(['b', 'Prediction']);
    await page.keyboard.press('4');
    expect(await shown()).toEqual(['b', 'Errors']);
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(0);
    // The pictures of the summary open those of the gallery.
    await page.locator('#verdict button.panel').last().click();
    expect(await shown()).toEqual(['f', 'Prediction']);
    await dialog.locator('.close').click();

    const film = page.locator('.film');
    const told = () => film.locator('output').innerText();
    const mask = () => film.locator('.mask').first().getAttribute('href');
    const last = await mask();
    expect(await told()).toMatch(/^Epoch 6,/);
    await film.locator('input[type=range]').focus();
    await page.keyboard.press('Home');
    expect(await told()).toMatch(/^Epoch 1,/);
    expect(await mask()).not.toBe(last);
    await film.locator('input[value=truth]').focus();
    await page.keyboard.press('Space');
    expect(await told()).toBe('Truth');
    await film.locator('button').focus();
    await page.keyboard.press('Enter');
    await expect.poll(told, { timeout: 20_000 }).toMatch(/^Epoch 6,/);
    expect(await mask()).toBe(last);
    expect(said).toEqual([]);
    await page.context().close();
  });
});
