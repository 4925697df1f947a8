/**
 * Runs an exported file in Node and in Chromium on the same decoded pixels and compares the masks. At most one pixel in
 * a million may differ, and only if its two highest probabilities are within 1e-4. Differences between the decoders of
 * the browser and of libvips are counted separately.
 *
 *   npm run build && node benchmarks/browser-masks.mjs RUN|MODEL.onnx FOLDER [COUNT=20] [DEVICES=wasm,webgpu]
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { decodeImage } from '../dist/images/decode.js';
import { startServer } from '../dist/serve/index.js';

const [source, folder, count = '20', devices = 'wasm,webgpu'] = process.argv.slice(2);
const CLOSE = 1e-4;

const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
const step = Math.max(1, Math.floor(names.length / Number(count)));
const chosen = names.filter((_, i) => i % step === 0).slice(0, Number(count));

const server = await startServer(source, { port: 0 });
const browser = await chromium.launch({
  executablePath: process.env.PIXELWISE_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless=new',
    '--no-sandbox',
    // Without a graphics card, a software adapter runs the same shaders slowly.
    ...(process.env.PIXELWISE_REAL_GPU
      ? []
      : [
          '--enable-unsafe-webgpu',
          '--use-webgpu-adapter=swiftshader',
          '--enable-features=Vulkan',
          '--use-vulkan=swiftshader',
        ]),
  ],
});
let failed = false;
for (const device of devices.split(',')) {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${server.url}health`);
  await page.evaluate(
    `(async () => {
      const { Segmenter } = await import('/pixelwise/index.js');
      window.segmenter = await Segmenter.load('/model.onnx', { device: '${device}' });
    })()`,
  );
  const sum = { pixels: 0, different: 0, apart: 0, decoded: 0, seconds: 0 };
  for (const name of chosen) {
    const bytes = await readFile(join(folder, name));
    const image = await decodeImage(bytes);
    const native = await server.segmenter.segment(image, { probabilities: true });
    const [same, own, seconds] = await page.evaluate(
      async ([pixels, encoded, width, height, channels]) => {
        const read = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        const given = await window.segmenter.segment({ width, height, channels, data: read(pixels) });
        const decoded = await window.segmenter.segment(new Blob([read(encoded)]), { luminance: true });
        const write = ({ mask }) => {
          let text = '';
          for (let i = 0; i < mask.data.length; i += 8192)
            text += String.fromCharCode(...mask.data.subarray(i, i + 8192));
          return btoa(text);
        };
        return [write(given), write(decoded), given.seconds];
      },
      [
        Buffer.from(image.data).toString('base64'),
        bytes.toString('base64'),
        image.width,
        image.height,
        image.channels,
      ],
    );
    const [mask, fromFile] = [same, own].map((text) => Buffer.from(text, 'base64'));
    const size = native.mask.data.length;
    sum.pixels += size;
    sum.seconds += seconds;
    for (let i = 0; i < size; i++) {
      if (fromFile[i] !== native.mask.data[i]) sum.decoded++;
      if (mask[i] === native.mask.data[i]) continue;
      sum.different++;
      if (margin(native.probabilities, i, server.segmenter.card) > CLOSE) sum.apart++;
    }
  }
  const million = (value) => ((value / sum.pixels) * 1e6).toFixed(2);
  console.log(
    `${device}: ${chosen.length} images, ${sum.pixels} pixels; from the same pixels ${sum.different} differ ` +
      `(${million(sum.different)} in a million), ${sum.apart} of them beyond ${CLOSE}; from the file, decoded by the browser, ` +
      `${sum.decoded} (${million(sum.decoded)} in a million); ${(sum.seconds / chosen.length).toFixed(2)} s an image`,
  );
  failed ||= sum.apart > 0 || sum.different > Math.ceil(sum.pixels / 1e6);
  await page.close();
}
await browser.close();
await server.close();
process.exitCode = failed ? 1 : 0;

/** The distance of a pixel from another class: from the threshold, or from the second highest probability. */
function margin({ data, channels }, i, { classes, threshold = 0.5 }) {
  const size = data.length / channels;
  if (classes.length === 2) return Math.abs(data[size + i] - threshold);
  const sorted = Array.from({ length: channels }, (_, k) => data[k * size + i]).sort((a, b) => b - a);
  return sorted[0] - sorted[1];
}
