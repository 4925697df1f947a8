/**
 * Measures how long it takes from the start of `pixelwise studio` until the first image is on the screen: folders with
 * one image of 6000×4000 pixels, by its format, and a folder of 5,000 small images. Chromium runs already. On screen is
 * the frame in which the browser first paints the picture of the image, in the document or on the stage's canvas.
 *
 *   npm run build && node benchmarks/studio-opening.mjs [jpeg] [png] [tiff] [png16] [labelled] [many]
 */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const [WIDTH, HEIGHT] = [6000, 4000];
const KINDS = ['jpeg', 'png', 'tiff', 'png16', 'labelled', 'many'];
const kinds = process.argv.length > 2 ? process.argv.slice(2) : KINDS;
const rounds = Number(process.env.ROUNDS ?? 3);

/** Something like a photo: soft shapes with a little noise, so that files have a photo's size. */
async function photo() {
  const [w, h] = [WIDTH / 40, HEIGHT / 40];
  const small = Uint8Array.from({ length: w * h * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % w, Math.floor(i / 3 / w)];
    return (
      128 + 60 * Math.sin(x / 9 + (i % 3)) + 50 * Math.cos(y / 7 - (i % 3)) + ((x * 7919 + y * 104729) % 17)
    );
  });
  const noise = await sharp({
    create: { width: 1500, height: 1000, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 12 } },
  })
    .png()
    .toBuffer();
  return sharp(small, { raw: { width: w, height: h, channels: 3 } })
    .resize(WIDTH, HEIGHT)
    .composite([{ input: noise, tile: true, blend: 'soft-light' }])
    .removeAlpha()
    .raw()
    .toBuffer();
}

const raw = { raw: { width: WIDTH, height: HEIGHT, channels: 3 } };
const base = await mkdtemp(join(tmpdir(), 'pixelwise-opening-'));
const pixels = kinds.some((kind) => kind !== 'many') ? await photo() : undefined;

async function folderOf(kind) {
  const folder = join(base, kind);
  await mkdir(folder);
  const large = () => sharp(pixels, raw);
  if (kind === 'jpeg' || kind === 'labelled')
    await large().jpeg({ quality: 92 }).toFile(join(folder, 'large.jpg'));
  if (kind === 'png') await large().png({ compressionLevel: 6 }).toFile(join(folder, 'large.png'));
  if (kind === 'tiff') await large().tiff({ compression: 'lzw' }).toFile(join(folder, 'large.tif'));
  if (kind === 'png16') {
    const grey = await large().greyscale().toColourspace('grey16').png({ compressionLevel: 2 }).toBuffer();
    await sharp(grey).toColourspace('grey16').png({ compressionLevel: 2 }).toFile(join(folder, 'large.png'));
  }
  if (kind === 'many') {
    await sharp({ create: { width: 640, height: 480, channels: 3, background: '#89a' } })
      .jpeg()
      .toFile(join(folder, '0.jpg'));
    for (let i = 1; i < 5000; i++) await copyFile(join(folder, '0.jpg'), join(folder, `${i}.jpg`));
  }
  return folder;
}

/** Starts the program, and resolves with its address. */
async function start(folder) {
  const child = spawn(process.execPath, [PROGRAM, 'studio', folder, '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const part of child.stdout) {
    text += part;
    if (text.trimEnd().endsWith('}')) break;
  }
  return { url: JSON.parse(text).url, child };
}

async function stop(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await ended;
}

const browser = await chromium.launch({
  executablePath: process.env.PIXELWISE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox'],
});

async function open(folder) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    const seen = (prototype, method) => {
      const original = prototype[method];
      prototype[method] = function (...args) {
        const drawn = original.apply(this, args);
        if (window.imageAt === undefined && args.some((each) => each instanceof ImageBitmap)) {
          window.imageAt = 0;
          requestAnimationFrame(() => setTimeout(() => (window.imageAt ||= Date.now())));
        }
        return drawn;
      };
    };
    new PerformanceObserver((list) => {
      const first = list.getEntries().find(({ element }) => element?.id === 'first');
      if (first) window.imageAt ||= performance.timeOrigin + first.startTime;
    }).observe({ type: 'largest-contentful-paint', buffered: true });
    seen(WebGL2RenderingContext.prototype, 'texImage2D');
    seen(CanvasRenderingContext2D.prototype, 'drawImage');
  });
  const began = Date.now();
  const { url, child } = await start(folder);
  const listening = Date.now();
  await page.goto(url, { waitUntil: 'commit' });
  await page.waitForFunction(() => window.imageAt > 0, undefined, { polling: 10 });
  const image = await page.evaluate(() => window.imageAt);
  // Everything is there when the image can be painted on.
  await page.waitForSelector('body[data-state=ready]');
  const ready = Date.now();
  if (process.env.DETAIL) {
    const rows = await page.evaluate(() =>
      performance.getEntriesByType('resource').map(({ name, startTime, responseStart, responseEnd }) => ({
        name: name.slice(0, 90),
        from: Math.round(startTime + performance.timeOrigin),
        first: Math.round(responseStart - startTime),
        took: Math.round(responseEnd - startTime),
      })),
    );
    for (const row of rows)
      if (row.name.includes('api'))
        console.log(`    ${row.from - began} +${row.first} +${row.took}  ${row.name}`);
  }
  await context.close();
  await stop(child);
  return [listening - began, image - began, ready - began];
}

for (const kind of kinds) {
  const folder = await folderOf(kind);
  if (kind === 'labelled') {
    const { url, child } = await start(folder);
    const post = (path, body) =>
      fetch(new URL(path, url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    await post('api/classes', { classes: [{ name: 'background' }, { name: 'object' }] });
    for (let i = 0; i < 20; i++) {
      const points = [0, 1, 2].map((k) => [(i * 997 + k * 313) % WIDTH, (i * 631 + k * 419) % HEIGHT]);
      await post('api/images/large.jpg/strokes', { class: i % 2, radius: 60, points });
    }
    await stop(child);
  }
  for (let round = 0; round < rounds; round++) {
    const [listening, image, ready] = await open(folder);
    console.log(
      `${kind.padEnd(9)} listening ${(listening / 1000).toFixed(2)} s, image on screen ` +
        `${(image / 1000).toFixed(2)} s, ready to paint ${(ready / 1000).toFixed(2)} s`,
    );
  }
}
await browser.close();
await rm(base, { recursive: true });
