/**
 * Builds and runs the projects in examples/ with the packed package: each gets an uploaded file, and must answer with the
 * overlay PNG that the library draws. Needs the package registry, and Chromium for the page. Not part of `npm test`.
 *
 *   npm run build && node test/package/examples.mjs [NAME…]
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { decode } from 'fast-png';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CHROMIUM = process.env.PIXELWISE_CHROMIUM ?? '/usr/bin/chromium';
/** The most lines of code of an example, without those that are empty or a comment. */
const MOST_LINES = 15;
const run = promisify(execFile);
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };

const place = await mkdtemp(join(tmpdir(), 'pixelwise-examples-'));
const bin = (name) => join(place, 'node_modules', '.bin', name);

/** The packages that hold the programs Bun and Deno: their own packages need install scripts. */
const RUNTIMES =
  process.platform === 'linux' && process.arch === 'x64'
    ? [
        ['@oven/bun-linux-x64', '1'],
        ['@deno/linux-x64-glibc', '2'],
      ]
    : [];

/** How each example is built and started. */
const EXAMPLES = {
  esm: { start: [process.execPath, 'server.js'] },
  commonjs: { start: [process.execPath, 'server.js'] },
  typescript: { build: ['build', 'build:bundler'], start: [process.execPath, 'dist/server.js'] },
  'typescript, bundled': { folder: 'typescript', start: [process.execPath, 'dist/bundle.js'] },
  express: { start: [process.execPath, 'server.js'], path: 'segment' },
  next: { build: ['build'], start: [bin('next'), 'start'], path: 'segment' },
  'next, by webpack': {
    folder: 'next',
    build: ['build:webpack'],
    start: [bin('next'), 'start'],
    path: 'segment',
  },
  bun: { start: [join(place, 'node_modules/@oven/bun-linux-x64/bin/bun'), 'server.js'] },
  deno: { start: [join(place, 'node_modules/@deno/linux-x64-glibc/deno'), 'run', '-A', 'server.js'] },
  vite: { build: ['build'] },
};

async function step(what, work) {
  const started = performance.now();
  await work();
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Installs the tarball, and what the examples need, once: they lie in folders below. */
async function install() {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', place], {
    cwd: ROOT,
    maxBuffer: 2 ** 26,
  });
  const tarball = join(place, JSON.parse(stdout)[0].filename);
  const needed = new Map(RUNTIMES);
  for (const name of folders()) {
    const { dependencies, devDependencies } = JSON.parse(
      await readFile(join(ROOT, 'examples', name, 'package.json'), 'utf8'),
    );
    for (const [dependency, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (dependency !== 'pixelwise') needed.set(dependency, version);
    }
    await cp(join(ROOT, 'examples', name), join(place, name), { recursive: true });
  }
  await writeFile(join(place, 'package.json'), JSON.stringify({ name: 'examples', private: true }));
  const packages = [...needed].map(([name, version]) => `${name}@${version}`);
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', [...words, tarball, ...packages], { cwd: place, env, maxBuffer: 2 ** 26 });
}

const folders = () => new Set(Object.entries(EXAMPLES).map(([name, { folder = name }]) => folder));

/** Writes a model, a photo and the overlay that is expected. */
async function makeFiles() {
  const { makeModel } = await import(pathToFileURL(join(ROOT, 'test/package/tiny-files.mjs')));
  await makeModel(place);
  for (const folder of folders()) {
    const target = folder === 'vite' ? join(place, folder, 'public') : join(place, folder);
    await mkdir(target, { recursive: true });
    await cp(join(place, 'model.onnx'), join(target, 'model.onnx'));
  }
}

async function checkLength(folder) {
  for (const file of await readdir(join(ROOT, 'examples', folder), { recursive: true })) {
    if (!/\.(js|mjs|ts|tsx)$/.test(file)) continue;
    const text = await readFile(join(ROOT, 'examples', folder, file), 'utf8');
    const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//'));
    if (lines.length > MOST_LINES) throw new Error(`${folder}/${file} has ${lines.length} lines of code`);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return String(port);
}

async function inServer({ start, path = '' }, folder, name) {
  const port = await freePort();
  const [program, ...words] = start;
  const child = spawn(program, words, { cwd: join(place, folder), env: { ...env, PORT: port } });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (told += text));
  let ended = false;
  child.on('error', (error) => ((ended = true), (told += error)));
  child.on('exit', () => (ended = true));
  try {
    const form = new FormData();
    form.set('image', new File([await readFile(join(place, 'photo.png'))], 'photo.png'));
    const send = () => fetch(`http://localhost:${port}/${path}`, { method: 'POST', body: form });
    let response;
    for (const limit = Date.now() + 60_000; !response && Date.now() < limit && !ended;) {
      response = await send().catch(() => new Promise((done) => setTimeout(done, 200)));
    }
    if (!response) throw new Error(`${name} does not answer:\n${told}`);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}\n${told}`);
    await same(new Uint8Array(await response.arrayBuffer()), 0);
    if (/sourcemap|source map/i.test(told)) throw new Error(`noise of source maps:\n${told}`);
  } finally {
    child.kill();
  }
}

async function inPage() {
  const { preview } = await import('vite');
  const server = await preview({ root: join(place, 'vite'), preview: { host: '127.0.0.1', port: 0 } });
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless=new', '--no-sandbox'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(server.resolvedUrls.local[0], { waitUntil: 'networkidle' });
    await page.setInputFiles('input', join(place, 'photo.png'));
    await page.waitForFunction(() => document.querySelector('img').src.startsWith('blob:'), undefined, {
      timeout: 60_000,
    });
    const bytes = await page.evaluate(async () => {
      const { src } = document.querySelector('img');
      return [...new Uint8Array(await (await fetch(src)).arrayBuffer())];
    });
    await same(Uint8Array.from(bytes), 4);
  } finally {
    await browser.close();
    await server.close();
  }
}

/** @param most the number of pixels whose class may differ, because other kernels round differently. */
async function same(bytes, most) {
  const expected = decode(await readFile(join(place, 'overlay.png')));
  const got = decode(bytes);
  let different = 0;
  for (let i = 0; i < expected.data.length; i += 3) {
    if ([0, 1, 2].some((c) => got.data[i + c] !== expected.data[i + c])) different++;
  }
  // The outline of a pixel of another class has up to five pixels.
  if (got.width !== expected.width || got.height !== expected.height || different > 5 * most) {
    throw new Error(`${different} pixels of ${got.width}×${got.height} differ`);
  }
}

const chosen = process.argv.slice(2);
try {
  await step('pack and install', install);
  await step('make a model and a photo', makeFiles);
  const [ran, left] = [[], []];
  for (const [name, example] of Object.entries(EXAMPLES)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const { folder = name, build = [], start } = example;
    if ((start && !existsSync(start[0])) || (!start && !existsSync(CHROMIUM))) {
      left.push(name);
      continue;
    }
    await checkLength(folder);
    for (const script of build) {
      await step(`${name}: npm run ${script}`, async () => {
        const { stdout, stderr } = await run('npm', ['run', script], {
          cwd: join(place, folder),
          env: { ...env, PATH: `${join(place, 'node_modules', '.bin')}:${env.PATH}` },
          maxBuffer: 2 ** 26,
        }).catch(({ stdout, stderr }) => {
          throw new Error(`${stdout}\n${stderr}`);
        });
        if (/sourcemap|source map|warn/i.test(stdout + stderr)) console.log(stdout + stderr);
      });
    }
    await step(`${name}: an upload becomes an overlay`, () =>
      start ? inServer(example, folder, name) : inPage(),
    );
    ran.push(name);
  }
  console.log(`ran: ${ran.join('; ')}`);
  if (left.length > 0) console.log(`not here: ${left.join('; ')}`);
} finally {
  await rm(place, { recursive: true, force: true });
}
