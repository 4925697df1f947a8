/** The user's cache folder for downloads, at the usual place of each operating system. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Path of this program's cache folder, which may not exist yet: `PIXELWISE_CACHE` if it is set, else
 * `XDG_CACHE_HOME` or `~/.cache` on Linux, `~/Library/Caches` on macOS, `LOCALAPPDATA` on Windows.
 */
export function cacheFolder(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (environment['PIXELWISE_CACHE']) return environment['PIXELWISE_CACHE'];
  switch (platform) {
    case 'win32':
      return join(environment['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local'), 'pixelwise', 'Cache');
    case 'darwin':
      return join(homedir(), 'Library', 'Caches', 'pixelwise');
    default: {
      // The XDG specification says to ignore relative paths.
      const xdg = environment['XDG_CACHE_HOME'];
      return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'pixelwise');
    }
  }
}
