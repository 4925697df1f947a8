import { defineConfig } from 'vite';

// While developing, Vite bundles dependencies into files that no longer lie beside their workers.
export default defineConfig({ optimizeDeps: { exclude: ['pixelwise/browser'] } });
