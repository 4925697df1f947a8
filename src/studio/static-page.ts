/**
 * The studio as a folder of files for any web server or none of ours: the page opens a folder in the browser and learns
 * in its worker by WebAssembly.
 */
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PixelwiseError } from '../errors/index.js';
import { writeOutputFile } from '../files/index.js';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

export interface StaticPageOptions {
  /** The built page and the built `pixelwise/browser`; default: the package's own. */
  readonly page?: string;
  readonly browser?: string;
}

/** What the page may do: load its own files, and nothing from elsewhere. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
  "connect-src 'self' blob:; worker-src 'self'; base-uri 'none'; form-action 'none'";

/** Files of ONNX Runtime Web for WebAssembly and for WebGPU; the page loads those of one. */
const RUNTIME = [
  'ort.wasm.bundle.min.mjs',
  'ort-wasm-simd-threaded.wasm',
  'ort.webgpu.bundle.min.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
  'LICENSE.txt',
];

/**
 * Writes the page to `out`, about 42 MB.
 *
 * @returns the absolute path of the folder. @throws PixelwiseError `folder-in-use` if it holds other files.
 */
export async function writeStaticStudio(out: string, options: StaticPageOptions = {}): Promise<string> {
  const { page = join(PACKAGE, 'studio-page'), browser = join(PACKAGE, 'browser') } = options;
  const folder = resolve(out);
  await mkdir(folder, { recursive: true });
  const index = join(folder, 'index.html');
  const present = await readdir(folder);
  const ours = await readFile(index, 'utf8').catch(() => '');
  if (present.length > 0 && !ours.includes('<title>Pixelwise Studio</title>')) {
    throw new PixelwiseError(
      'folder-in-use',
      `${folder} holds other files (${present[0]!}). Name a folder that is empty or does not exist.`,
    );
  }
  await cp(page, folder, { recursive: true, filter: (path) => !path.endsWith('index.html') });
  await mkdir(join(folder, 'ort'), { recursive: true });
  for (const file of RUNTIME) await cp(join(browser, 'ort', file), join(folder, 'ort', file));
  const html = await readFile(join(page, 'index.html'), 'utf8');
  // Last, so that a folder without it is not taken for whole.
  await writeOutputFile(
    index,
    html
      // There is no server to send it.
      .replace(/<img[^>]*id="first"[^>]*>/, '')
      .replace('<html lang="en">', '<html lang="en" data-server="none">')
      .replace('<head>', `<head>\n    <meta http-equiv="Content-Security-Policy" content="${POLICY}" />`),
  );
  return folder;
}
