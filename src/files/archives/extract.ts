/** Extracts an archive of any kind that data sets are published as. */
import type { ExtractOptions } from './limits.js';

/**
 * Extracts `archive` into `folder`, which must exist: as zip where its name ends in `.zip`, else as tar, compressed
 * or not.
 *
 * @throws PixelwiseError `archive` if the archive is damaged, exceeds the limits, holds anything but files and
 *   folders, or a path that leads out of `folder`. What was extracted before stays: the caller removes the folder.
 */
export async function extractArchive(
  archive: string,
  folder: string,
  options: ExtractOptions,
): Promise<void> {
  // Loaded only for an archive: almost all commands import this layer.
  if (archive.toLowerCase().endsWith('.zip')) {
    const { extractZip } = await import('./zip.js');
    return extractZip(archive, folder, options);
  }
  const { extractTar } = await import('./tar.js');
  return extractTar(archive, folder, options);
}
