/**
 * Films a session of the studio in Chromium, on drawn leaves between stones: classes are named, a few strokes are painted, a prediction
 * appears and is corrected, the rest is accepted, and the next image is predicted already. Writes an animated WebP.
 *
 *   npm run build && node scripts/studio-film.mjs docs/images/studio.webp [WEIGHTS]
 *
 * WEIGHTS is a file of MobileNetV2, or `none` (the default). PIXELWISE_CHROMIUM names another browser.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { startStudio } from '../dist/studio/index.js';

const [out = 'docs/images/studio.webp', weights = 'none'] = process.argv.slice(2);
const [WIDTH, HEIGHT] = [480, 360];
/** The window, and the width of the film. */
const WINDOW = { width: 1180, height: 720 };
const FILM_WIDTH = 900;
/** Milliseconds of a frame at least; and at most, so that waiting for the model on a slow machine is not shown. */
const [SHORTEST, LONGEST] = [80, 700];
const QUALITY = 62;

let state = 5;
const random = (from, to) => {
  state = (state * 48271) % 2147483647;
  return from + ((to - from) * state) / 2147483647;
};

/** A drawing of leaves and stones on sand, and which pixels are leaves. */
async function draw() {
  const places = [];
  for (let tries = 0; places.length < 16 && tries < 2000; tries++) {
    const [x, y, r] = [random(30, WIDTH - 30), random(30, HEIGHT - 30), random(24, 40)];
    if (places.every((p) => Math.hypot(p.x - x, p.y - y) > 1.05 * (p.r + r))) places.push({ x, y, r });
  }
  const shapes = places.map(({ x, y, r }, i) => {
    const turned = `transform="translate(${x} ${y}) rotate(${random(0, 360)})"`;
    if (i % 2 === 0) {
      const outline = `M0 ${-r}C${0.8 * r} ${-0.5 * r} ${0.7 * r} ${0.5 * r} 0 ${r}C${-0.7 * r} ${0.5 * r} ${-0.8 * r} ${-0.5 * r} 0 ${-r}Z`;
      const colour = `hsl(${random(75, 130)} ${random(35, 60)}% ${random(28, 45)}%)`;
      const rib = `<path d="M0 ${-r}V${1.2 * r}" stroke="#dde3a0" stroke-opacity=".5" stroke-width="1.5"/>`;
      return { leaf: true, turned, outline: `<path d="${outline}" FILL/>`, colour, more: rib };
    }
    const colour = `hsl(${random(15, 45)} ${random(5, 18)}% ${random(35, 65)}%)`;
    return {
      leaf: false,
      turned,
      outline: `<ellipse rx="${0.8 * r}" ry="${0.6 * r}" FILL/>`,
      colour,
      more: '',
    };
  });
  const svg = (content) =>
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">${content}</svg>`,
    );
  const sand =
    '<defs><linearGradient id="s" x2="1" y2="1"><stop stop-color="#d8c39a"/><stop offset="1" stop-color="#a08a66"/></linearGradient></defs>' +
    '<rect width="100%" height="100%" fill="url(#s)"/>';
  const picture = shapes.map(
    ({ turned, outline, colour, more }) =>
      `<g ${turned}><g transform="translate(3 4)" opacity=".3">${outline.replace('FILL', '')}</g>` +
      `${outline.replace('FILL', `fill="${colour}"`)}${more}</g>`,
  );
  const leaves = shapes.filter(({ leaf }) => leaf);
  const truth = leaves.map(
    ({ turned, outline }) => `<g ${turned}>${outline.replace('FILL', 'fill="#fff"')}</g>`,
  );
  const noise = { type: 'gaussian', mean: 128, sigma: 22 };
  const grain = sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, noise, background: '#888' } });
  const image = await sharp(svg(sand + picture.join('')))
    .composite([{ input: await grain.png().toBuffer(), blend: 'soft-light' }])
    .removeAlpha()
    .png()
    .toBuffer();
  const black = '<rect width="100%" height="100%"/>';
  const mask = await sharp(svg(black + truth.join('')))
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const channels = mask.length / (WIDTH * HEIGHT);
  return {
    image,
    truth: Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => Number(mask[channels * i] > 127)),
  };
}

const base = await mkdtemp(join(tmpdir(), 'pixelwise-film-'));
const folder = join(base, 'leaves');
await mkdir(folder);
const truths = new Map();
for (let i = 0; i < 4; i++) {
  const { image, truth } = await draw();
  await writeFile(join(folder, `leaf-${i + 1}.png`), image);
  truths.set(`leaf-${i + 1}.png`, truth);
}
const studio = await startStudio(folder, { port: 0, encoderWeights: weights });

const browser = await chromium.launch({
  executablePath: process.env.PIXELWISE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage({ viewport: WINDOW, colorScheme: 'light' });

/** Pictures of the page as they change, with their times in milliseconds. */
const frames = [];
const session = await page.context().newCDPSession(page);
session.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
  frames.push({ picture: Buffer.from(data, 'base64'), at: metadata.timestamp * 1000 });
  void session.send('Page.screencastFrameAck', { sessionId });
});

/** Where a pixel of the image is in the window. */
async function placeOf(x, y) {
  const box = await page.locator('#frame').boundingBox();
  const scale = Math.min((box.width - 32) / WIDTH, (box.height - 32) / HEIGHT);
  return [
    box.x + box.width / 2 + (x + 0.5 - WIDTH / 2) * scale,
    box.y + box.height / 2 + (y + 0.5 - HEIGHT / 2) * scale,
  ];
}

/** A stroke through points of the image, at a person's speed. */
async function stroke(key, points) {
  await page.keyboard.press(key);
  const [first, ...rest] = points;
  await page.mouse.move(...(await placeOf(...first)), { steps: 4 });
  await wait(120);
  await page.mouse.down();
  let from = first;
  for (const to of rest) {
    const steps = Math.max(2, Math.round(Math.hypot(to[0] - from[0], to[1] - from[1]) / 8));
    for (let i = 1; i <= steps; i++) {
      const at = (k) => from[k] + ((to[k] - from[k]) * i) / steps;
      await page.mouse.move(...(await placeOf(at(0), at(1))));
      await wait(30);
    }
    from = to;
  }
  await page.mouse.up();
}

/** The middle of the largest disc of wrongly predicted pixels, its class and its radius. */
async function worstError(id) {
  const answer = await fetch(new URL(`api/images/${id}/prediction?as=raw`, studio.url));
  const predicted = new Uint8Array(await answer.arrayBuffer());
  const truth = truths.get(id);
  let best = { radius: 0 };
  for (let y = 12; y < HEIGHT - 12; y += 2) {
    for (let x = 12; x < WIDTH - 12; x += 2) {
      const label = truth[y * WIDTH + x];
      const wrong = (u, v) => truth[v * WIDTH + u] === label && predicted[v * WIDTH + u] !== label;
      let radius = 0;
      while (
        radius < 12 &&
        [0, 1, 2, 3, 4, 5, 6, 7].every((k) =>
          wrong(
            Math.round(x + radius * Math.cos((k * Math.PI) / 4)),
            Math.round(y + radius * Math.sin((k * Math.PI) / 4)),
          ),
        )
      )
        radius++;
      if (radius > best.radius) best = { x, y, label, radius };
    }
  }
  return best;
}

/** A point in the middle of a cell, or far from all cells: the one with the most room, away from the others. */
function roomiest(id, label, away) {
  const truth = truths.get(id);
  let best = { room: 0 };
  for (let y = 20; y < HEIGHT - 20; y += 4) {
    for (let x = 20; x < WIDTH - 20; x += 4) {
      if (away.some(([u, v]) => Math.hypot(x - u, y - v) < 90)) continue;
      let room = 0;
      while (room < 40 && around(x, y, room).every(([u, v]) => truth[v * WIDTH + u] === label)) room += 2;
      if (room > best.room) best = { x, y, room };
    }
  }
  return best;
}

function around(x, y, radius) {
  return Array.from({ length: 12 }, (_, k) => [
    Math.min(WIDTH - 1, Math.max(0, Math.round(x + radius * Math.cos((k * Math.PI) / 6)))),
    Math.min(HEIGHT - 1, Math.max(0, Math.round(y + radius * Math.sin((k * Math.PI) / 6)))),
  ]);
}

const step = () => page.evaluate(() => Number(document.body.dataset.step ?? 0));
async function predictionAfter(before) {
  await page.waitForFunction((was) => Number(document.body.dataset.step ?? 0) > was, before);
  await wait(700);
}

/** Paints where the prediction is wrong. */
async function correct(id, most) {
  for (let i = 0; i < most; i++) {
    const { x, y, label, radius } = await worstError(id);
    if (radius < 4) return;
    const before = await step();
    await stroke(String(label + 1), [
      [x - radius / 2, y],
      [x + radius / 2, y],
    ]);
    await predictionAfter(before);
  }
}

await page.goto(studio.url);
await page.waitForSelector('body[data-state=ready]');
// The thread that learns has started, as it has for a person who looks at the image first.
await wait(4500);
await session.send('Page.startScreencast', { format: 'jpeg', quality: 92, everyNthFrame: 2 });
await wait(900);
// A brush of 8 pixels.
await page.locator('#size').fill(String(Math.round((1000 * Math.log(8)) / Math.log(512))));
await page.getByRole('button', { name: 'Name it' }).click();
await wait(300);
await page.locator('#class-name').pressSequentially('leaf', { delay: 110 });
await wait(300);
await page.keyboard.press('Enter');
await wait(800);

const first = 'leaf-1.png';
const ground = roomiest(first, 0, []);
const leaf = roomiest(first, 1, []);
await stroke('1', [
  [ground.x - 30, ground.y],
  [ground.x + 30, ground.y + 6],
]);
await wait(200);
await stroke('2', [
  [leaf.x - 5, leaf.y],
  [leaf.x + 5, leaf.y],
]);
await predictionAfter(0);
await correct(first, 6);
for (let image = 1; image <= 3; image++) {
  if (image > 1) await correct(`leaf-${image}.png`, 2);
  await page.locator('#accept-rest').hover();
  await wait(400);
  await page.locator('#accept-rest').click();
  await page.waitForSelector('#done[aria-pressed=true]');
  await wait(1000);
  if (image === 3) break;
  await page.keyboard.press('n');
  await page.waitForFunction(() => document.querySelector('#accept-rest:enabled'));
  await wait(1300);
}
await session.send('Page.stopScreencast');
await browser.close();
await studio.close();

// Of frames in quick succession, the last.
const kept = frames.filter((frame, i) => (frames[i + 1]?.at ?? Infinity) - frame.at >= SHORTEST / 2);
const delay = kept.map((frame, i) => {
  const lasts = (kept[i + 1]?.at ?? frame.at + 2000) - frame.at;
  return Math.round(Math.min(i === kept.length - 1 ? 2000 : LONGEST, Math.max(SHORTEST, lasts)));
});
const pictures = await Promise.all(
  kept.map(({ picture }) => sharp(picture).resize(FILM_WIDTH).png().toBuffer()),
);
const film = await sharp(pictures, { join: { animated: true } })
  .webp({ quality: QUALITY, delay, loop: 0, minSize: true, mixed: true, effort: 4 })
  .toBuffer();
await writeFile(out, film);
if (process.env.FRAMES) {
  for (const [i, picture] of pictures.entries())
    await writeFile(join(process.env.FRAMES, `${String(i).padStart(3, '0')}.png`), picture);
}
console.log(
  `${out}: ${pictures.length} frames, ${(delay.reduce((a, b) => a + b) / 1000).toFixed(1)} s, ${(film.length / 2 ** 20).toFixed(2)} MB`,
);
await rm(base, { recursive: true });
