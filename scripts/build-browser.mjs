/**
 * `pixelwise/browser` as it is shipped: a folder of plain ES modules that any server can serve and any bundler
 * takes, with those files of ONNX Runtime Web beside them that it uses (41 of that package's 139 MB).
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

/** The page's half, and the worker's: each whole in itself, since a worker's address is all that is known of it. */
const ENTRIES = ['index', 'worker'];

const { outputFiles } = await build({
  entryPoints: ENTRIES.map((name) => join(ROOT, 'src', 'browser', `${name}.ts`)),
  bundle: true,
  write: false,
  outdir: out,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  // Whitespace stays, and with it the comments that tell bundlers to leave an import() alone.
  minifyIdentifiers: false,
  minifySyntax: true,
  legalComments: 'inline',
  logLevel: 'warning',
});

await mkdir(join(out, 'ort'), { recursive: true });
// The compiler left a module for every source; the two bundles hold them all.
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
