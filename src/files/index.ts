/** File operations that every layer above uses: atomic writes, claims on folders, records of what was written, downloads, checksums, the cache folder, archives. */
export {
  type FileContent,
  PARTIAL_FILE,
  renameOver,
  writeFileAtomic,
  type WriteOptions,
  writeOutputFile,
} from './atomic-file.js';
export { Claim, type ClaimOptions } from './claim.js';
export { cacheFolder } from './cache-folder.js';
export {
  checkedEntries,
  type Checksum,
  CHECKSUMS_FILE,
  decodeChecksums,
  digestOf,
  encodeChecksums,
  sha256,
  withChecksum,
} from './checksum.js';
export { download, type DownloadOptions, type DownloadProgress } from './download.js';
export { extractArchive } from './archives/extract.js';
export type { ExtractLimits, ExtractOptions } from './archives/limits.js';
export { exists, isFile, isFolder, isSpecial } from './exists.js';
export { isSystemError, systemErrorText, writeError, writing } from './write-error.js';
export { refuseOtherFile, WrittenFiles } from './written-files.js';
