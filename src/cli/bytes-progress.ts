/** The progress bar of a download. */
import type { DownloadProgress } from '../files/index.js';
import type { Output } from './output.js';
import type { Progress } from './progress.js';

const MIB = 2 ** 20;

export function bytesProgress(output: Output, label: string, totalBytes: number | undefined): Progress {
  return output.progress({
    label,
    unit: 'MiB',
    total: totalBytes === undefined ? undefined : totalBytes / MIB,
  });
}

export function showBytes(progress: Progress, { bytes, totalBytes }: DownloadProgress): void {
  progress.update({ done: bytes / MIB, ...(totalBytes !== undefined && { total: totalBytes / MIB }) });
}
