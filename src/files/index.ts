/** Work with files, the same for every layer above: atomic writes, downloads, checksums, the cache folder, archives. */
export { type FileContent, writeFileAtomic, type WriteOptions, writeOutputFile } from './atomic-file.js';
export { cacheFolder } from './cache-folder.js';
export { type Checksum, digestOf } from './checksum.js';
export { download, type DownloadOptions, type DownloadProgress } from './download.js';
export { extractArchive } from './archives/extract.js';
export type { ExtractLimits, ExtractOptions } from './archives/limits.js';
export { exists, isFile, isFolder } from './exists.js';
