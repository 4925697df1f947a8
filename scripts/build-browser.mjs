/**
 * Builds `pixelwise/browser`: a folder of plain ES modules for any server or bundler, with the files of ONNX Runtime
 * Web that they use (41 of that package's 139 MB).
 *
 *   node scripts/build-browser.mjs [FOLDER]        default dist/browser
 */
import { build } from 'esbuild';
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const out = resolve(process.argv[2] ?? join(ROOT, 'dist', 'browser'));

/** The bundles for the page and for its worker. Neither shares a module with the other, because a worker is loaded by URL. */
const ENTRIES = ['index', 'worker'];

const { outputFiles } = await build({
  entryPoints: ENTRIES.map((name) => join(ROOT, 'src', 'browser', `${name}.ts`)),
  bundle: true,
  write: false,
  outdir: out,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  // Whitespace is kept, and with it the comments that tell bundlers to ignore an import().
  minifyIdentifiers: false,
  minifySyntax: true,
  legalComments: 'inline',
  logLevel: 'warning',
});

await mkdir(join(out, 'ort'), { recursive: true });
// Deletes the compiler's output for single sources: the two bundles contain all of it.
for (const file of await readdir(out)) {
  if (/\.js(\.map)?$/.test(file)) await rm(join(out, file));
}
for (const { path, contents } of outputFiles) await writeFile(path, contents);

const ortPackage = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
const ORT_FILES = [
  'ort.wasm.bundle.min.mjs',
  'ort-wasm-simd-threaded.wasm',
  'ort.webgpu.bundle.min.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
];
for (const file of ORT_FILES) await copyFile(join(ortPackage, file), join(out, 'ort', file));
await copyFile(join(ROOT, 'scripts', 'onnxruntime-license.txt'), join(out, 'ort', 'LICENSE.txt'));
