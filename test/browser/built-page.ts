/** The page and `pixelwise/browser`, built from the sources into a folder of the test's own. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface BuiltPage {
  readonly folders: { readonly page: string; readonly browser: string };
  remove(): Promise<void>;
}

/** Builds `pixelwise/browser` alone. */
export async function buildBrowser(folder: string): Promise<void> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts', 'build-browser.mjs'), folder]);
}

export async function buildPage(): Promise<BuiltPage> {
  const place = await mkdtemp(join(tmpdir(), 'pixelwise-page-'));
  const folders = { page: join(place, 'page'), browser: join(place, 'browser') };
  await buildBrowser(folders.browser);
  await build({
    configFile: join(ROOT, 'page', 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folders.page },
  });
  return { folders, remove: () => rm(place, { recursive: true, force: true }) };
}

/** Builds the page of the studio into `folder`. */
export async function buildStudioPage(folder: string): Promise<void> {
  await build({
    configFile: join(ROOT, 'page', 'studio', 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folder },
  });
}
