/** A headless Chromium that is already on this machine; the tests that need one are skipped without it. */
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';

const PLACES = [
  process.env['PIXELWISE_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The browser's program; undefined where there is none. PIXELWISE_CHROMIUM names another. */
export const CHROMIUM = PLACES.find((path) => path !== undefined && existsSync(path));

/** A camera that shows a test picture, and is allowed without asking. */
export const FAKE_CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/** What a page draws with besides the processor; both are software here, so that no graphics card is needed. */
const GRAPHICS = {
  webgpu: [
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
    '--enable-features=Vulkan',
    '--use-vulkan=swiftshader',
  ],
  // Only what asks for WebGL pays for it: pages themselves are drawn without a graphics process.
  webgl: ['--disable-gpu', '--enable-unsafe-swiftshader'],
  none: ['--disable-gpu'],
};

/** Starts it. WebGPU makes all drawing several times as expensive: ask for it only where it is tested. */
export function launchChromium(
  graphics: keyof typeof GRAPHICS,
  more: readonly string[] = [],
): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error('no Chromium on this machine');
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless=new',
      '--no-sandbox',
      ...GRAPHICS[graphics],
      // Nothing but the loopback server is to be reached.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      ...more,
    ],
  });
}
