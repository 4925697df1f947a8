/**
 * Measures painting in the studio's page: a brush of radius 200 on an image of 6000×4000 pixels, while the model
 * learns from two earlier strokes. Prints how long it takes from a movement of the pointer until the frame with it
 * is drawn, and the tasks of 50 ms or more on the page's main thread.
 *
 *   npm run build && node benchmarks/studio-painting.mjs [SECONDS] [2d|webgl]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { startStudio } from '../dist/studio/index.js';

const seconds = Number(process.argv[2] ?? 20);
const renderer = process.argv[3];
const folder = await mkdtemp(join(tmpdir(), 'pixelwise-painting-'));
const noise = { type: 'gaussian', mean: 128, sigma: 40 };
await sharp({ create: { width: 6000, height: 4000, channels: 3, noise, background: '#888' } })
  .jpeg()
  .toFile(join(folder, 'large.jpg'));
const studio = await startStudio(folder, { port: 0 });
const browser = await chromium.launch({
  executablePath: process.env.PIXELWISE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.addInitScript(() => {
  window.measured = { frames: [], tasks: [] };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.measured.tasks.push(duration);
  }).observe({ type: 'longtask' });
  // A movement's time until the callbacks of the next frame, the page's drawing among them, have run.
  addEventListener(
    'pointermove',
    ({ timeStamp, buttons }) => {
      if (buttons === 0) return;
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.measured.frames.push(performance.now() - timeStamp);
        port2.postMessage(0);
      });
    },
    true,
  );
});
const began = performance.now();
await page.goto(studio.url + (renderer ? `?renderer=${renderer}` : ''));
await page.waitForSelector('body[data-state=ready]');
await page.waitForFunction(() => !document.getElementById('canvas').hidden);
const opened = (performance.now() - began) / 1000;
await fetch(new URL('api/classes', studio.url), {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ classes: [{ name: 'background' }, { name: 'object' }] }),
});
await page.waitForFunction(() => document.querySelectorAll('#classes li').length === 2);
// The position of 400 pixels on the slider, whose steps multiply.
await page.locator('#size').fill(String(Math.round((1000 * Math.log(400)) / Math.log(512))));
const box = await page.locator('#frame').boundingBox();
const at = (t) => [
  box.x + box.width * (0.5 + 0.35 * Math.cos(t)),
  box.y + box.height * (0.5 + 0.25 * Math.sin(1.7 * t)),
];
const stop = performance.now() + seconds * 1000;
for (let stroke = 0; performance.now() < stop; stroke++) {
  await page.keyboard.press(String(1 + (stroke % 2)));
  await page.mouse.move(...at(stroke));
  await page.mouse.down();
  for (let i = 0; i < 60 && performance.now() < stop; i++) await page.mouse.move(...at(stroke + i / 12));
  await page.mouse.up();
}
const { frames, tasks } = await page.evaluate(() => window.measured);
frames.sort((a, b) => a - b);
const percentile = (share) => frames[Math.floor(share * (frames.length - 1))].toFixed(1);
console.log(`first image on screen after ${opened.toFixed(2)} s`);
console.log(
  `pointer to frame, ${frames.length} movements: median ${percentile(0.5)} ms, 95% ${percentile(0.95)} ms, ` +
    `99% ${percentile(0.99)} ms, worst ${percentile(1)} ms`,
);
console.log(`${tasks.length} tasks of 50 ms or more, the longest ${Math.max(0, ...tasks)} ms`);
await browser.close();
await studio.close();
await rm(folder, { recursive: true });
