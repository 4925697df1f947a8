/**
 * The page of `pixelwise serve`. It imports `pixelwise/browser` by its address at run time, as the package ships
 * it, so nothing of it is bundled twice.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative: the page works under any address.
  base: './',
  worker: { format: 'es' },
  build: {
    outDir: fileURLToPath(new URL('../dist/page', import.meta.url)),
    emptyOutDir: true,
    assetsDir: '',
    target: 'es2022',
    // No inlined `data:` addresses and no preload helper: the page's policy allows its own files alone.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
});
