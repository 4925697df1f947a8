/** Serves the test page, its bundle and onnxruntime-web's WebAssembly files on the loopback interface. */
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';
import { build } from 'esbuild';

/** Where onnxruntime-web keeps its files. */
const ORT = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
const ENTRIES = { wasm: 'wasm-page.ts', webgpu: 'webgpu-page.ts' };

const TYPES: Record<string, string> = {
  js: 'text/javascript',
  mjs: 'text/javascript',
  wasm: 'application/wasm',
};

export interface PageServer {
  /** The page that runs graphs on the given device. */
  url(device: keyof typeof ENTRIES): string;
  close(): Promise<void>;
}

export async function servePages(): Promise<PageServer> {
  const bundled = await build({
    entryPoints: Object.fromEntries(
      Object.entries(ENTRIES).map(([device, file]) => [
        device,
        fileURLToPath(new URL(file, import.meta.url)),
      ]),
    ),
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // onnxruntime-web then fetches its WebAssembly from where the page says, below.
    conditions: ['onnxruntime-web-use-extern-wasm'],
    outdir: '/',
    write: false,
  });
  const bundles = new Map(
    bundled.outputFiles.map(({ path, contents }) => [path.split(/[\\/]/).at(-1)!, contents]),
  );

  const content = async (path: string): Promise<Uint8Array | string | undefined> => {
    const [, folder, file] = /^\/(?:(ort|page)\/)?([\w.-]+)$/.exec(path) ?? [];
    if (file === undefined) return undefined;
    if (folder === 'page') return `<!doctype html><script type="module" src="/${file}.js"></script>`;
    if (folder === 'ort') return readFile(join(ORT, file));
    return bundles.get(file);
  };
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    content(path).then(
      (body) => {
        const type = TYPES[path.split('.').at(-1)!] ?? 'text/html';
        response.writeHead(body === undefined ? 404 : 200, { 'content-type': type });
        response.end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (device) => `http://127.0.0.1:${port}/page/${device}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
