/** The rule of this layer: both halves bundle for browsers, with nothing of Node in them. */
import { build } from 'esbuild';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const bundle = (entry: string) =>
  build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });

test.each([
  // With pictures and the measuring of objects, which a bundler leaves out where they are not used.
  ['index.ts', 80],
  ['worker.ts', 400],
])('%s bundles for browsers, within %i KiB', async (entry, most) => {
  // A built-in module of Node fails to resolve for this platform, and so fails the build.
  const { metafile, outputFiles } = await bundle(entry);
  const inputs = Object.keys(metafile.inputs);
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect(imported.filter((path) => isBuiltin(path))).toEqual([]);
  expect(inputs.filter((path) => /node_modules\/(sharp|onnxruntime)|runtime\/node/.test(path))).toEqual([]);
  expect(outputFiles[0]!.contents.length / 1024).toBeLessThan(most);
});
