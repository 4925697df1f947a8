/**
 * Tests the published package: packs it, installs the tarball into empty projects, and segments an image there.
 * Needs the package registry, and Chromium for the page. Not part of `npm test`.
 *
 *   npm run build && node test/package/package.mjs
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build as esbuild } from 'esbuild';
import { chromium } from 'playwright-core';
import { build as viteBuild, createServer as viteServer } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CHROMIUM = process.env.PIXELWISE_CHROMIUM ?? '/usr/bin/chromium';
const run = promisify(execFile);
// Skips onnxruntime-node's install script, which downloads CUDA libraries. The CPU binaries are in the package.
const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
const npm = (folder, ...words) =>
  run('npm', [...words, '--no-audit', '--no-fund'], { cwd: folder, env, maxBuffer: 2 ** 26 });

async function step(what, work) {
  const started = performance.now();
  const result = await work();
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

async function pack() {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', place], {
    cwd: ROOT,
    maxBuffer: 2 ** 26,
  });
  const [{ filename, size, unpackedSize }] = JSON.parse(stdout);
  console.log(`  ${(size / 1e6).toFixed(1)} MB packed, ${(unpackedSize / 1e6).toFixed(1)} MB unpacked`);
  return join(place, filename);
}

async function project(name, more = {}) {
  const folder = join(place, name);
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, private: true, ...more }));
  return folder;
}

async function install(name, tarball, ...others) {
  const folder = await project(name, { type: 'module' });
  await npm(folder, 'install', '--prefer-offline', tarball, ...others);
  return folder;
}

/** Writes an untrained model with three classes, and an image of waves. */
async function makeFiles(folder) {
  await writeFile(
    join(folder, 'make.mjs'),
    `import { writeFile } from 'node:fs/promises';
     import { exportGraph } from 'pixelwise/inference';
     import { UNet } from 'pixelwise/models';
     import { ModelState } from 'pixelwise/nn';
     import { encodeModel } from 'pixelwise/onnx';
     const model = new UNet({ channels: 3, classes: 3, width: 4, depth: 2 });
     const card = {
       model: { name: 'unet', options: {} }, classes: ['background', 'one', 'two'], channels: 3, maxValue: 255,
       height: 64, width: 64, normalization: { kind: 'fixed', name: 'none', mean: [0, 0, 0], std: [1, 1, 1] },
       palette: [[0, 0, 0], [230, 159, 0], [86, 180, 233]],
     };
     const state = ModelState.initialize(model, 3);
     for (const slot of state.slots) if (slot.name.endsWith('bias')) state.values(slot).fill(0);
     await writeFile('model.onnx', encodeModel(exportGraph(model, state, card)));
     const [width, height] = [90, 70];
     const stride = Math.ceil((width * 3) / 4) * 4;
     const bmp = new DataView(new ArrayBuffer(54 + stride * height));
     bmp.setUint16(0, 0x424d); bmp.setUint32(2, bmp.byteLength, true); bmp.setUint32(10, 54, true);
     bmp.setUint32(14, 40, true); bmp.setInt32(18, width, true); bmp.setInt32(22, height, true);
     bmp.setUint16(26, 1, true); bmp.setUint16(28, 24, true);
     for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++)
       bmp.setUint8(54 + stride * y + 3 * x + c, 127 + 120 * Math.sin(x / (4 + c)) * Math.cos(y / (7 - c)));
     await writeFile('image.bmp', new Uint8Array(bmp.buffer));`,
  );
  await run(process.execPath, ['make.mjs'], { cwd: folder });
  return { model: join(folder, 'model.onnx'), image: join(folder, 'image.bmp') };
}

const USE = ({ model, image }) => `
  const segmenter = await Segmenter.load(${JSON.stringify(model)});
  const { mask } = await segmenter.segment(${JSON.stringify(image)});
  await segmenter.close();
  console.log(JSON.stringify([...mask.data]));`;

async function inEsm(folder, files) {
  await writeFile(join(folder, 'use.mjs'), `import { Segmenter } from 'pixelwise';${USE(files)}`);
  const mask = await maskOf(folder, 'use.mjs');
  if (mask.length !== 90 * 70 || new Set(mask).size < 2)
    throw new Error('the mask has the wrong size or only one class');
  return mask;
}

async function inCommonJs(folder, files, expected) {
  await writeFile(
    join(folder, 'use.cjs'),
    `(async () => { const { Segmenter } = await import('pixelwise');${USE(files)} })();`,
  );
  same(await maskOf(folder, 'use.cjs'), expected, 0);
}

async function inTypeScript(tarball, files, expected) {
  const folder = await install('typescript', tarball, 'typescript@5', '@types/node@20');
  await writeFile(
    join(folder, 'use.ts'),
    `import { Segmenter, train, type UNetOptions } from 'pixelwise';
     import { Segmenter as InPage } from 'pixelwise/browser';
     import { Conv2d, Module } from 'pixelwise/nn';
     import type { Tensor } from 'pixelwise/graph';
     import { startServer } from 'pixelwise/serve';
     export class Net extends Module { conv = new Conv2d(3, 2, 3); forward(x: Tensor): Tensor { return this.conv.forward(x); } }
     export const options: UNetOptions = { width: 8 };
     export const inPage: (image: ImageData) => Promise<Uint8Array> = async (image) =>
       (await (await InPage.load('/model.onnx')).segment(image)).mask.data;
     export const others = { train, startServer };
     ${USE(files)}`,
  );
  const tsc = join(folder, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    // --skipLibCheck is off, so that the types of this package are checked. Errors in other packages are ignored.
    const words = [tsc, '--strict', '--target', 'es2022', '--lib', 'es2023,dom', '--module', module];
    const { stdout } = await run(process.execPath, [...words, '--moduleResolution', resolution, 'use.ts'], {
      cwd: folder,
    }).catch((error) => error);
    const ours = stdout.split('\n').filter((line) => /^(use\.ts|.*node_modules\/pixelwise\/)/.test(line));
    if (ours.length > 0) throw new Error(ours.join('\n'));
    if (stdout.trim() !== '')
      console.log(
        `  ${resolution}: ${stdout.trim().split('\n').length} lines about other packages, first: ${stdout.split('\n')[0]}`,
      );
  }
  same(await maskOf(folder, 'use.js'), expected, 0);
}

async function byNpx(tarball, { model, image }, expected) {
  const folder = await project('npx');
  const words = [
    '--yes',
    '--prefer-offline',
    `--package=${tarball}`,
    'pixelwise',
    'predict',
    model,
    image,
    '--out',
    'masks',
    '--json',
  ];
  const { stdout } = await run('npx', words, { cwd: folder, env, maxBuffer: 2 ** 26 });
  const [{ mask }] = JSON.parse(stdout).outputs;
  const { decode } = await import('fast-png');
  same([...decode(await readFile(mask)).data], expected, 0);
}

/** Creates a page that segments an image and stores the mask for the test. */
async function pageProject(installed, { model, image }) {
  const folder = await project('page', { type: 'module' });
  // Copied from the first project, because another installation would be slow and give the same files.
  await cp(join(installed, 'node_modules', 'pixelwise'), join(folder, 'node_modules', 'pixelwise'), {
    recursive: true,
  });
  await mkdir(join(folder, 'public'));
  await cp(model, join(folder, 'public', 'model.onnx'));
  await cp(image, join(folder, 'public', 'image.bmp'));
  await writeFile(
    join(folder, 'index.html'),
    '<!doctype html><script type="module" src="./main.js"></script>',
  );
  await writeFile(
    join(folder, 'main.js'),
    `import { Segmenter } from 'pixelwise/browser';
     try {
       const segmenter = await Segmenter.load('./model.onnx');
       const image = await (await fetch('./image.bmp')).blob();
       const { mask } = await segmenter.segment(image);
       window.outcome = { mask: [...mask.data], device: segmenter.device, threads: segmenter.threads };
     } catch (error) { window.outcome = { error: String(error.stack ?? error) }; }`,
  );
  return folder;
}

const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

async function builtByVite(folder) {
  const outDir = join(folder, 'built-by-vite');
  await viteBuild({
    root: folder,
    logLevel: 'error',
    base: './',
    build: { outDir, emptyOutDir: true, target: 'es2022' },
  });
  return serve(outDir);
}

async function servedByVite(folder) {
  const server = await viteServer({
    root: folder,
    logLevel: 'error',
    server: { host: '127.0.0.1', headers: ISOLATION },
    optimizeDeps: { exclude: ['pixelwise/browser'] },
  });
  await server.listen();
  return { url: server.resolvedUrls.local[0], close: () => server.close() };
}

async function builtByEsbuild(folder) {
  const out = join(folder, 'built-by-esbuild');
  await cp(join(folder, 'public'), out, { recursive: true });
  await esbuild({
    absWorkingDir: folder,
    entryPoints: ['main.js'],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outdir: out,
    logLevel: 'error',
  });
  await cp(join(folder, 'index.html'), join(out, 'index.html'));
  // esbuild does not bundle files referenced by URL, so the worker's files are copied next to the bundle.
  const shipped = join(folder, 'node_modules', 'pixelwise', 'dist', 'browser');
  await cp(join(shipped, 'worker.js'), join(out, 'worker.js'));
  await cp(join(shipped, 'ort'), join(out, 'ort'), { recursive: true });
  return serve(out);
}

async function unbundled(folder) {
  const out = join(folder, 'unbundled');
  await cp(join(folder, 'public'), out, { recursive: true });
  await cp(join(folder, 'node_modules', 'pixelwise', 'dist', 'browser'), join(out, 'pixelwise'), {
    recursive: true,
  });
  const map =
    '<!doctype html><script type="importmap">{"imports":{"pixelwise/browser":"./pixelwise/index.js"}}</script>';
  await writeFile(join(out, 'index.html'), `${map}<script type="module" src="./main.js"></script>`);
  await cp(join(folder, 'main.js'), join(out, 'main.js'));
  return serve(out);
}

async function inPage(folder, expected, prepare) {
  const { url, close } = await prepare(folder);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless=new', '--no-sandbox'],
  });
  try {
    const page = await browser.newPage();
    const failed = [];
    page.on(
      'response',
      (response) => response.status() >= 400 && failed.push(`${response.status()} ${response.url()}`),
    );
    await page.goto(url);
    await page.waitForFunction(() => window.outcome !== undefined, undefined, { timeout: 60_000 });
    const { mask, error, device, threads } = await page.evaluate(() => window.outcome);
    if (error) throw new Error(`${error}\n${failed.join('\n')}`);
    same(mask, expected, 2);
    console.log(`  ${device}, threads: ${threads}`);
  } finally {
    await browser.close();
    await close();
  }
}

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

async function serve(folder) {
  const files = new Set(await readdir(folder, { recursive: true }));
  const server = createServer(async ({ url }, response) => {
    const name = new URL(url, 'http://localhost').pathname.slice(1) || 'index.html';
    const found = files.has(name);
    response.writeHead(found ? 200 : 404, {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      ...ISOLATION,
    });
    response.end(found ? await readFile(join(folder, name)) : undefined);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))),
  };
}

async function maskOf(folder, file) {
  const { stdout } = await run(process.execPath, [file], { cwd: folder, maxBuffer: 2 ** 26 });
  return JSON.parse(stdout);
}

/** @param most the number of pixels that may differ, because other kernels round differently. */
function same(mask, expected, most) {
  const different = expected.filter((value, i) => value !== mask[i]).length;
  if (mask.length !== expected.length || different > most) {
    throw new Error(`${different} of ${expected.length} pixels differ`);
  }
}

const place = await mkdtemp(join(tmpdir(), 'pixelwise-package-'));
const begun = performance.now();
try {
  const tarball = await step('pack', pack);
  const esm = await step('install into an empty project', () => install('esm', tarball));
  const files = await step('make a model and an image', () => makeFiles(esm));
  const expected = await step('ES module', () => inEsm(esm, files));
  await step('CommonJS by import()', () => inCommonJs(esm, files, expected));
  await step('TypeScript, nodenext and bundler', () => inTypeScript(tarball, files, expected));
  await step('npx', () => byNpx(tarball, files, expected));
  if (existsSync(CHROMIUM)) {
    const page = await step('a page: project', () => pageProject(esm, files));
    await step('a page: Vite, built', () => inPage(page, expected, builtByVite));
    await step('a page: Vite, while developing', () => inPage(page, expected, servedByVite));
    await step('a page: esbuild', () => inPage(page, expected, builtByEsbuild));
    await step('a page: no bundler', () => inPage(page, expected, unbundled));
  }
  console.log(`all well, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
} finally {
  await rm(place, { recursive: true, force: true });
}
