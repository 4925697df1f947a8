/**
 * Measures the longest tasks on the main thread of the page of `pixelwise serve`, from loading until the last of the
 * given images is shown. Users notice tasks above 100 ms. This is not a test, because it depends on the machine's load.
 *
 *   npm run build && node benchmarks/page-tasks.mjs RUN|MODEL.onnx IMAGE…
 */
import { chromium } from 'playwright-core';
import { startServer } from '../dist/serve/index.js';

const [source, ...images] = process.argv.slice(2);
const server = await startServer(source, { port: 0 });
const browser = await chromium.launch({
  executablePath: process.env.PIXELWISE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
// The browser reports tasks of 50 ms or more.
await page.addInitScript(() => {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longTasks.push(duration);
  }).observe({ type: 'longtask', buffered: true });
});
await page.goto(server.url);
await page.waitForSelector('body[data-state=ready]');
for (const image of images) {
  await page.setInputFiles('input[type=file]', image);
  await page.waitForSelector('body[data-mask=shown]');
  await page.fill('#opacity', '30');
  await page.waitForTimeout(300);
}
const tasks = await page.evaluate(() => window.longTasks);
console.log(`${tasks.length} tasks of 50 ms or more, the longest ${Math.max(0, ...tasks)} ms`);
await browser.close();
await server.close();
