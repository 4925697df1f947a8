/**
 * Bundles the program and the library for Node, because a file takes longer to find and open than to compile: `predict`
 * loaded 700 files. The program and all entries of the library share their modules (`chunks`), so that a model that
 * registers itself through `pixelwise` is known to the program.
 *
 *   node scripts/build-node.mjs [FOLDER [ROOT]]        default dist, and the folder with src and package.json
 */
import { build } from 'esbuild';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(process.argv[3] ?? fileURLToPath(new URL('..', import.meta.url)));
const out = resolve(process.argv[2] ?? join(root, 'dist'));
const source = join(root, 'src');

/** A package of a hundred files that every command needs, bundled too. It remains a dependency for its types. */
const BUNDLED = 'zod';

/** Folders of files for browsers, which others write. */
const BROWSER_FOLDER = /^(browser|page|studio-page)[\\/]/;

/** What is loaded by path: the exports and commands of the package, threads and processes, what tests and benchmarks use. */
async function entries({ exports, bin }) {
  const paths = [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin)];
  const found = paths
    .map((path) => /^(?:\.\/)?dist\/(.*)\.js$/.exec(path ?? '')?.[1])
    .filter((entry) => entry !== undefined && !entry.startsWith('browser/'))
    .concat('cli/cli');
  for (const file of await filesIn(source, /(?<!\.test)\.ts$/)) {
    if (BROWSER_FOLDER.test(file)) continue;
    const text = await readFile(join(source, file), 'utf8');
    for (const [, name] of text.matchAll(/new URL\('\.\/([\w-]+)\.js', import\.meta\.url\)/g)) {
      found.push(join(dirname(file), name));
    }
  }
  for (const file of await filesIn(join(root, 'benchmarks'), /\.mjs$/)) {
    const text = await readFile(join(root, 'benchmarks', file), 'utf8');
    for (const [, entry] of text.matchAll(/'(?:\.\.\/)+dist\/([\w/-]+)\.js'/g)) found.push(entry);
  }
  return new Set(found);
}

async function filesIn(folder, pattern) {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  return files.filter((file) => pattern.test(file));
}

/**
 * Files are found beside the source that names them (threads, pages, package.json), wherever the bundle puts its code:
 * addresses are marked with their path in the bundle's folder, and made relative once the code has its place.
 */
const sourceAddresses = {
  name: 'source-addresses',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const folder = relative(source, dirname(path));
      const marked = text.replace(
        /new URL\('(\.[^']*)', import\.meta\.url\)/g,
        (_, file) => `new URL('${MARK}${posix(join(folder, file))}', import.meta.url)`,
      );
      return marked === text ? undefined : { contents: marked, loader: 'ts' };
    });
  },
};

const MARK = 'in-bundle:';
const posix = (path) => path.replaceAll('\\', '/');

/** Replaces the marks of {@link sourceAddresses} in a file whose path to the bundle's folder is `up`. */
const withAddresses = (text, up) =>
  text.replaceAll(new RegExp(`(?<=")${MARK}([^"]*)`, 'g'), (_, file) => {
    const path = posix(join(up, file));
    return path.startsWith('.') ? path : `./${path}`;
  });

const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const { outputFiles } = await build({
  entryPoints: [...(await entries(manifest))].map((entry) => join(source, `${entry}.ts`)),
  outbase: source,
  outdir: out,
  chunkNames: 'chunks/[hash]',
  bundle: true,
  splitting: true,
  write: false,
  external: Object.keys(manifest.dependencies).filter((name) => name !== BUNDLED),
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  plugins: [sourceAddresses],
});
// What the compiler wrote for single sources, and the chunks of an earlier build.
for (const file of await filesIn(out, /\.js$/)) if (!BROWSER_FOLDER.test(file)) await rm(join(out, file));
for (const { path, text } of outputFiles) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, withAddresses(text, relative(dirname(path), out)));
}
const licence = join(dirname(createRequire(import.meta.url).resolve(`${BUNDLED}/package.json`)), 'LICENSE');
await copyFile(licence, join(out, 'chunks', `${BUNDLED}-license.txt`));
