/** Extracts an archive of any kind that data sets are published as. */
import type { ExtractOptions } from './limits.js';
import { extractTar } from './tar.js';
import { extractZip } from './zip.js';

/**
 * Extracts `archive` into `folder`, which must exist: as zip where its name ends in `.zip`, else as tar, compressed
 * or not.
 *
 * @throws PixelwiseError `archive` if the archive is damaged, exceeds the limits, holds anything but files and
 *   folders, or a path that leads out of `folder`. What was extracted before stays: the caller removes the folder.
 */
export function extractArchive(archive: string, folder: string, options: ExtractOptions): Promise<void> {
  return archive.toLowerCase().endsWith('.zip')
    ? extractZip(archive, folder, options)
    : extractTar(archive, folder, options);
}
